// Options of the container commands: what a container finds in its files and may do (docker-run(1)), what of its log is shown
// (docker-logs(1)), what more runs in it (docker-exec(1)), and what its image says (docker-commit(1)).
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { COMMAND, HANGS, Installation } from '../installation.ts';

const here = new Installation('options', { FROM_HERE: 'here' });
const { folder, env, container } = here;
/** What a shell of the embedded image prints. */
const shell = (script: string, ...options: string[]) =>
  container('run', '--rm', ...options, 'anillo', 'sh', '-c', script);

afterAll(() => here.remove());

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
    status: 125,
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
    ['--mount source=named,target=/x', /^anillo: Volumes with a name, such as named, are not supported: /],
    ['--mount type=npipe,target=/x', /^anillo: --mount type=npipe is not supported: choose bind, tmpfs or volume\.\n$/],
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

test('its log is lines with times, of which the last and those of a span can be had', async () => {
  const script = 'echo one; printf t; sleep 1; echo wo; echo three >&2; printf end';
  // in the background a second takes a second
  container('run', '-d', '--name', 'talker', 'anillo', 'sh', '-c', script);
  container('wait', 'talker');
  expect(container('logs', 'talker')).toEqual({ status: 0, out: 'one\ntwo\nend', err: 'three\n' });
  expect(container('logs', '-n', '2', 'talker')).toEqual({ status: 0, out: 'end', err: 'three\n' });
  expect(container('logs', '--tail', 'all', 'talker').out).toBe('one\ntwo\nend');
  const times = container('logs', '-t', 'talker').out.split('\n');
  expect(times).toEqual([
    expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z one$/),
    expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z two$/),
    expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z end$/),
  ]);
  expect(container('logs', '--since', times[2]!.split(' ')[0]!, 'talker').out).toBe('end');
  expect(container('logs', '--until', '1h', 'talker')).toEqual({ status: 0, out: '', err: '' });
  expect(container('logs', '--since', 'soon', 'talker')).toMatchObject({
    status: 2,
    err: expect.stringContaining('10m'),
  });
  container('rm', 'talker');
});

test('one whose output nobody reads any more ends, and so does a list', () => {
  const piped = (command: string) =>
    spawnSync('bash', ['-c', `${process.execPath} ${COMMAND} ${command} | head -n 1; exit \${PIPESTATUS[0]}`], {
      env,
      timeout: HANGS,
      encoding: 'utf8',
    });
  const { status, stdout, stderr } = piped("container run --name flood anillo sh -c 'while :; do seq 1000; done'");
  expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: '1\n', stderr: '' });
  expect(container('inspect', '-f', '{{.State.Status}} {{.State.ExitCode}}', 'flood').out).toBe('exited 137\n');
  container('rm', 'flood');
  expect(piped('explain syscalls --json').stderr).toBe('');
});

test('a log is followed until the container ends', () => {
  container('run', '-d', '--name', 'teller', 'anillo', 'sh', '-c', 'echo a; sleep 1; echo b; printf c');
  expect(container('logs', '-f', 'teller').out).toBe('a\nb\nc');
  expect(container('rm', '-f', 'teller').status).toBe(0);
});

test('a program is left running in it, and may be given all capabilities', () => {
  container('run', '-d', '--name', 'host', 'anillo', 'sleep', '1000');
  expect(container('exec', '-d', 'host', 'sh', '-c', 'echo $0 $A > /tmp/left; sleep 1000', 'by')).toEqual({
    status: 0,
    out: '',
    err: '',
  });
  expect(
    container(
      'exec',
      '-e',
      'FROM_HERE',
      'host',
      'sh',
      '-c',
      'until [ -s /tmp/left ]; do sleep 1; done; cat /tmp/left; echo $FROM_HERE',
    ).out,
  ).toBe('by\nhere\n');
  expect(container('exec', '--privileged', 'host', 'grep', 'CapEff', '/proc/self/status').out).toBe(
    'CapEff:\t000001ffffffffff\n',
  );
  expect(container('top', 'host').out).toMatch(/(?: sleep 1000\n.*){2}$/);
  container('rm', '-f', 'host');
});

test('an image of it runs what it ran, with its settings, or as instructions say', () => {
  const made = ['-e', 'A=1', '-l', 'tier=x', '-w', '/tmp', '--entrypoint', 'echo'];
  container('run', '--name', 'source', ...made, 'anillo', 'first', 'second');
  expect(container('commit', 'source', 'copy:1').status).toBe(0);
  expect(container('run', '--rm', 'copy:1').out).toBe('first second\n');
  expect(container('run', '--rm', 'copy:1', 'other').out).toBe('other\n');
  const changes = ['ENTRYPOINT ["sh", "-c"]', 'CMD ["pwd; echo $A $B"]', 'ENV B="2 3"', 'WORKDIR /usr'];
  expect(container('commit', ...changes.flatMap((text) => ['--change', text]), 'source', 'copy:2').status).toBe(0);
  expect(container('run', '--rm', 'copy:2').out).toBe('/usr\n1 2 3\n');
  const described = container('create', 'copy:2').out.trim();
  expect(container('inspect', '-f', '{{.Config.Labels.tier}} {{json .Config.Entrypoint}}', described).out).toBe(
    'x ["sh","-c"]\n',
  );
  expect(container('commit', '-c', 'RUN ls', 'source')).toMatchObject({
    status: 1,
    err: expect.stringContaining('RUN ls'),
  });
});
