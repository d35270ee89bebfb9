// Options of `container run` that decide what a container finds in its files and what it may (docker-run(1)).
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, expect, test } from 'vitest';

const COMMAND = resolve(import.meta.dirname, '../../dist/anillo.js');
const folder = mkdtempSync(join(tmpdir(), 'anillo-run-options-'));
const env = { ...process.env, ANILLO_DATA: join(folder, 'data'), FROM_HERE: 'here' };

function container(...args: string[]) {
  const run = spawnSync(process.execPath, [COMMAND, 'container', ...args], { env, timeout: 90_000, encoding: 'utf8' });
  return { status: run.status, out: run.stdout, err: run.stderr };
}
/** What a shell of the embedded image prints. */
const shell = (script: string, ...options: string[]) =>
  container('run', '--rm', ...options, 'anillo', 'sh', '-c', script);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('its name and the hosts it was given are in /etc, and are no change of it', () => {
  const { out } = shell('cat /etc/hosts /etc/hostname; cat /etc/resolv.conf', '-h', 'web', '--add-host', 'db:10.0.0.5');
  expect(out).toBe(
    '127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n127.0.1.1\tweb\n10.0.0.5\tdb\nweb\n' +
      '# There is no network beyond this container.\n',
  );
  const cidfile = join(folder, 'cid');
  const made = container('run', '--cidfile', cidfile, 'anillo', 'sh', '-c', 'echo x >> /etc/hosts; echo y > /etc/new');
  expect(made).toEqual({ status: 0, out: '', err: '' });
  const id = readFileSync(cidfile, 'utf8');
  expect(container('diff', id).out).toBe('C /etc\nA /etc/new\n');
  expect(container('inspect', '-f', '{{json .Mounts}}', id).out).toBe('[]\n');
  expect(container('run', '--cidfile', cidfile, 'anillo', 'true')).toMatchObject({
    status: 1,
    err: expect.stringContaining('is there already'),
  });
  expect(container('ps', '-aq', '--no-trunc').out).toBe(`${id}\n`);
  container('rm', id);
});

test('its environment comes from files, from here and from the command, the last first', () => {
  const file = join(folder, 'settings');
  writeFileSync(file, '# comment\nA=file\nB=two words\r\n\nFROM_HERE\nNOWHERE\n');
  const { out } = shell('env', '--env-file', file, '-e', 'A=option', '-e', 'ALSO_NOWHERE');
  expect(out.split('\n')).toEqual(expect.arrayContaining(['A=option', 'B=two words', 'FROM_HERE=here']));
  expect(out).not.toContain('NOWHERE');
});

test('directories in memory, of this computer, and shared memory have the sizes and rights that were given', () => {
  writeFileSync(join(folder, 'shared'), 'from outside');
  const { out } = shell(
    'mount | grep " /run \\| /here \\| /dev/shm "; cat /here/shared; echo x > /here/new; echo x > /run/new && cat /run/new',
    ...['--tmpfs', '/run:size=1m', '--shm-size', '2m', '--mount', `type=bind,src=${folder},dst=/here`],
  );
  expect(out.split('\n').sort().slice(1)).toEqual([
    `${folder} on /here type hostfs (ro,relatime)`,
    'from outsidex',
    'shm on /dev/shm type tmpfs (rw,nosuid,nodev,noexec,relatime,size=2048k)',
    'tmpfs on /run type tmpfs (rw,nosuid,nodev,noexec,relatime,size=1024k)',
  ]);
  expect(existsSync(join(folder, 'new'))).toBe(false);
  const writable = `type=bind,source=${folder},target=/here,readonly=false`;
  expect(shell('echo inside > /here/new', '--mount', writable).status).toBe(0);
  expect(readFileSync(join(folder, 'new'), 'utf8')).toBe('inside\n');
});

test('it has more groups, other limits, and all rights when it is privileged', () => {
  const limits = ['--group-add', '77', '--ulimit', 'nofile=55:66', '--ulimit', 'core=-1'];
  expect(shell('id -G; grep "open files\\|core" /proc/self/limits', ...limits).out).toMatch(
    /^0 77\nMax core file size +unlimited +unlimited +bytes *\nMax open files +55 +66 +files *\n$/,
  );
  const capabilities = 'grep CapEff /proc/self/status; mount -t tmpfs x /tmp && echo mounted';
  expect(shell(capabilities).out).toBe('CapEff:\t00000000a80425fb\n');
  expect(shell(capabilities, '--privileged').out).toBe('CapEff:\t000001ffffffffff\nmounted\n');
});

test('what is not supported, or is not what an option takes, is named', () => {
  const sentences: readonly (readonly [string, RegExp])[] = [
    [
      '-p 80:80',
      /^anillo: --publish is not supported: networks reach no further than the kernel of the container\.\n$/,
    ],
    ['--network host', /^anillo: --network host is not supported: networks reach/],
    ['--restart always', /^anillo: --restart always is not supported: nobody watches/],
    ['--init', /^anillo: --init is not supported/],
    ['-v named:/x', /^anillo: Volumes with a name, such as named, are not supported: .* \.\/named\.\n$/],
    ['--mount type=volume,target=/x', /^anillo: --mount type=volume is not supported: choose bind or tmpfs\.\n$/],
    ['--mount kind=bind', /^anillo: --mount has no field kind/],
    ['--ulimit nofile=6:5', /allows more now than it ever may\.\n$/],
    ['--add-host name', /is not NAME:ADDRESS\.\n$/],
  ];
  for (const [options, sentence] of sentences) {
    const { status, out, err } = container('create', ...options.split(' '), 'anillo', 'true');
    expect({ options, status, out, err }).toEqual({
      options,
      status: 2,
      out: '',
      err: expect.stringMatching(sentence),
    });
  }
  expect(container('create', '--network', 'none', '--restart', 'no', 'anillo', 'true').status).toBe(0);
  expect(container('ps', '-aq').out.trim().split('\n')).toHaveLength(1);
});
