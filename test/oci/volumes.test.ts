// Volumes that are no directory of this computer: those an image names and those a user asks for without a source. Truth:
// Dockerfile reference, VOLUME; docker-run(1) --volume and --mount; docker-diff(1), docker-commit(1), docker-cp(1).
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { OciError } from '../../src/oci/oci-error.ts';
import { withVolumes } from '../../src/oci/volumes.ts';
import { Installation } from '../installation.ts';

const here = new Installation('volumes');
const { folder, anillo, container } = here;

/** What a command prints, which has to succeed. */
function out(...args: string[]): string {
  const ended = container(...args);
  expect(ended).toMatchObject({ status: 0, err: '' });
  return ended.out;
}
const sh = (script: string) => ['sh', '-c', script];

beforeAll(() => {
  const make = 'mkdir /data && echo first >/data/file && chown -R 5:6 /data && chmod 1770 /data';
  out('run', '--name', 'seed', 'anillo', ...sh(make));
  out('commit', '--change', 'VOLUME /data/ /other', '--change', 'CMD ["ls", "/data"]', 'seed', 'image');
});
afterAll(() => here.remove());

test('a volume of the image begins with what the image has there, and is kept while the container is', () => {
  const look = 'ls -ln / | grep " data$" | cut -c1-17; cat /data/file; ls /data /other';
  const change = 'echo new >/data/.wh.new; rm /data/file; chown 7:8 /data; touch /other/x';
  expect(out('run', '--name', 'first', 'image', ...sh(`${look}; ${change}`))).toBe(
    'drwxrwx--T  2 5 6\nfirst\n/data:\nfile\n\n/other:\n',
  );
  // the program runs once more, on what it left
  const again = container('start', '-a', 'first');
  expect(again).toMatchObject({
    out: expect.stringMatching(/^drwxrwx--T {2}2 7 8\n/),
    err: expect.stringMatching(/^cat: \/data\/file: No such/),
  });
  expect(container('cp', 'first:/data', '-').out).toMatch(/data\/\.wh\.new/);
  expect(out('diff', 'first')).toBe('A /other\n');
});

test('no other container sees it, no image of the container has it, and cp reaches it', () => {
  out('create', '--name', 'second', 'image');
  writeFileSync(join(folder, 'here'), 'outside\n');
  out('cp', 'here', 'second:/data/copied');
  expect(out('start', '-a', 'second')).toBe('copied\nfile\n');
  out('cp', 'second:/data/copied', 'back');
  expect(container('export', 'second').out).not.toContain('data/copied');
  out('commit', 'second', 'committed');
  expect(out('run', '--rm', 'committed')).toBe('file\n');
  const { Config } = JSON.parse(anillo(['image', 'inspect', 'committed']).out)[0];
  expect(Config.Volumes).toEqual({ '/data/': {}, '/other': {} });
});

test('it is shown by inspect and ps as docker shows it', () => {
  out('create', '--name', 'shown', '-v', '/mine:ro', 'image');
  const [{ Mounts, Config, HostConfig }] = JSON.parse(out('inspect', 'shown'));
  const volume = (Destination: string, more: object) => ({
    ...{ Type: 'volume', Name: expect.stringMatching(/^[0-9a-f]{64}$/), Source: '', Destination, Driver: 'local' },
    ...{ Propagation: '', ...more },
  });
  const writable = { Mode: '', RW: true };
  expect(Mounts).toEqual([
    volume('/mine', { Mode: 'ro', RW: false }),
    volume('/data', writable),
    volume('/other', writable),
  ]);
  expect(Config.Volumes).toEqual({ '/data/': {}, '/mine': {}, '/other': {} });
  expect(HostConfig.Binds).toEqual([]);
  expect(out('ps', '-a', '--filter', 'name=shown', '--format', '{{.LocalVolumes}}')).toBe('3\n');
});

test('what the user has for its place wins over it', () => {
  mkdirSync(join(folder, 'shared'));
  writeFileSync(join(folder, 'shared/outside'), '');
  const [mount, tmpfs] = [
    ['-v', `${join(folder, 'shared')}:/data`],
    ['--tmpfs', '/other'],
  ];
  expect(out('run', '--name', 'mine', ...mount, ...tmpfs, 'image')).toBe('outside\n');
  expect(out('inspect', '--format', '{{range .Mounts}}{{.Type}} {{.Destination}},{{end}}', 'mine')).toBe(
    'bind /data,\n',
  );
});

test('one that the user asks for can be read-only or empty, and is mounted after what it lies in', () => {
  const bare = ['--mount', 'target=/bare,volume-nocopy', '-v', '/etc:nocopy', '--hostname', 'me'];
  const asked = ['-v', '/data/file.d', '-v', '/data:ro', ...bare];
  const script = 'touch /data/x; touch /data/file.d/y && ls /data /data/file.d; ls /etc; cat /etc/hostname';
  expect(container('run', '--rm', ...asked, 'image', ...sh(script))).toEqual({
    status: 0,
    out: '/data:\nfile\nfile.d\n\n/data/file.d:\ny\nhostname\nhosts\nresolv.conf\nme\n',
    err: "touch: cannot touch '/data/x': Read-only file system\n",
  });
});

test('it goes with its container', () => {
  out('run', '--name', 'gone', 'image');
  out('rm', '-v', 'gone');
  out('run', '--rm', '--name', 'gone', 'image');
  expect(out('ps', '-a', '--filter', 'name=gone', '-q')).toBe('');
});

test('it is in a checkpoint, which goes on in a container that has it too', () => {
  const forever = sh('echo kept >/data/kept; while :; do sleep 1; done');
  const ready = sh('until [ -e /data/kept ]; do sleep 0.1; done');
  out('run', '-d', '--name', 'runs', 'image', ...forever);
  out('exec', 'runs', ...ready);
  out('checkpoint', 'create', '--checkpoint-dir', join(folder, 'checkpoints'), 'runs', 'one');
  for (const [name, ...options] of [['same'], ['other', '--tmpfs', '/data']] as const)
    out('create', '--name', name, ...options, 'image', ...forever);
  const from = ['--checkpoint-dir', join(folder, 'checkpoints'), '--checkpoint', 'one'];
  expect(container('start', ...from, 'other')).toMatchObject({
    status: 1,
    err: expect.stringContaining('The checkpoint has a volume at /data, and other has none there.'),
  });
  out('start', ...from, 'same');
  expect(out('exec', 'same', ...sh('cat /data/kept; echo later >/data/later'))).toBe('kept\n');
  out('kill', 'same');
  out('wait', 'same');
  expect(container('cp', 'same:/data', '-').out).toContain('data/later');
});

test('one that cannot be is refused with a sentence', () => {
  const volumes = (...names: string[]) => withVolumes([], names, () => 'name').map(({ destination }) => destination);
  expect(volumes('/a/b/', '/a//b', '/c', '/a/../d/.')).toEqual(['/c', '/d', '/a/b']);
  for (const name of ['data', '', '/', '/..', '/a\0b']) {
    expect(() => volumes(name)).toThrow(OciError);
    expect(() => volumes(name)).toThrow(/^The image names ".*" as a volume: it cannot be one\.$/);
  }
  expect(() => volumes(...Array.from({ length: 300 }, (_, n) => `/${n}`))).toThrow('names 300 volumes');
  expect(container('run', '--rm', '-v', '/bin/sh', 'image')).toMatchObject({
    status: 125,
    err: expect.stringContaining('/bin/sh cannot be the place of a mount'),
  });
});
