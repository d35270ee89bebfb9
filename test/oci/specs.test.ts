// Configurations of containers: what a stranger's config.json may say, what an image and options become, who `--user` is.
// Truth: OCI runtime specification, docker-run(1), passwd(5).
import { describe, expect, test } from 'vitest';
import { MS_NODEV, MS_NOSUID, MS_RDONLY, MS_RELATIME } from '../../src/kernel/vfs/path.ts';
import { type ContainerOptions, defaultSpec } from '../../src/oci/default-spec.ts';
import { parseMountOptions } from '../../src/oci/mount-options.ts';
import { parseRuntimeSpec } from '../../src/oci/runtime-spec.ts';
import { findUser } from '../../src/oci/users.ts';

function parse(document: unknown, unsupported: string[] = []) {
  const bytes = new TextEncoder().encode(JSON.stringify(document));
  return parseRuntimeSpec(bytes, 'config.json', (field) => unsupported.push(field));
}

describe('config.json', () => {
  test('of the smallest kind has defaults for the rest', () => {
    expect(parse({ ociVersion: '1.0.2', process: { cwd: '/', args: ['sh'] } })).toMatchObject({
      root: { path: 'rootfs', readonly: false },
      process: { args: ['sh'], env: [], terminal: false, user: { uid: 0, gid: 0, additionalGids: [] } },
      mounts: [],
      namespaces: [],
      resources: { unified: {} },
    });
  });

  test('keeps what it says', () => {
    const spec = parse({
      ociVersion: '1.2.0',
      hostname: 'h',
      process: {
        args: ['a', 'b'],
        cwd: '/w',
        user: { uid: 5, gid: 6, additionalGids: [7], umask: 0o27 },
        rlimits: [{ type: 'RLIMIT_NOFILE', soft: 10, hard: 20 }],
        capabilities: { bounding: ['CAP_KILL'] },
        noNewPrivileges: true,
      },
      linux: {
        namespaces: [{ type: 'pid' }, { type: 'network', path: '/var/run/netns/x' }],
        resources: {
          memory: { limit: 1000 },
          cpu: { quota: 5000, period: 10000 },
          pids: { limit: 9 },
          unified: { 'a.b': '1' },
        },
        seccomp: { defaultAction: 'SCMP_ACT_ERRNO', syscalls: [{ names: ['read'], action: 'SCMP_ACT_ALLOW' }] },
        maskedPaths: ['/proc/kcore'],
      },
    });
    expect(spec.process).toMatchObject({ user: { uid: 5, umask: 0o27 }, noNewPrivileges: true });
    expect(spec.namespaces).toEqual([{ type: 'pid' }, { type: 'network', path: '/var/run/netns/x' }]);
    expect(spec.resources).toMatchObject({ memoryLimit: 1000, cpuQuota: 5000, cpuPeriod: 10000, pidsLimit: 9 });
    expect(spec.seccomp?.syscalls).toEqual([{ names: ['read'], action: 'SCMP_ACT_ALLOW', args: [] }]);
  });

  test('names what it asks for in vain', () => {
    const unsupported: string[] = [];
    parse(
      {
        ociVersion: '1.0.0',
        windows: {},
        process: { apparmorProfile: 'x' },
        linux: { intelRdt: {}, resources: { blockIO: {} } },
      },
      unsupported,
    );
    expect(unsupported.sort()).toEqual([
      'linux.intelRdt',
      'linux.resources.blockIO',
      'process.apparmorProfile',
      'windows',
    ]);
  });

  const mistakes: [string, unknown, RegExp][] = [
    ['no version', {}, /ociVersion is missing/],
    ['a version of the future', { ociVersion: '2.0.0' }, /versions 1\.\* are supported/],
    [
      'arguments that are no texts',
      { ociVersion: '1.0.0', process: { args: [1] } },
      /process\.args is no list of texts/,
    ],
    [
      'a user that cannot be',
      { ociVersion: '1.0.0', process: { user: { uid: -1 } } },
      /process\.user\.uid is not between/,
    ],
    [
      'a namespace there is not',
      { ociVersion: '1.0.0', linux: { namespaces: [{ type: 'pet' }] } },
      /linux\.namespaces\[0\]\.type is pet, not one of/,
    ],
    ['a mount on nothing', { ociVersion: '1.0.0', mounts: [{ type: 'proc' }] }, /mounts\[0\]\.destination is missing/],
    [
      'an action there is not',
      { ociVersion: '1.0.0', linux: { seccomp: { defaultAction: 'NO' } } },
      /linux\.seccomp\.defaultAction is NO/,
    ],
  ];
  test.each(mistakes)('with %s is refused', (_, document, sentence) => expect(() => parse(document)).toThrow(sentence));
});

describe('a container of an image', () => {
  const options: ContainerOptions = {
    command: [],
    env: [],
    hostname: 'box',
    terminal: false,
    readOnly: false,
    mounts: [],
    capAdd: [],
    capDrop: [],
    noNewPrivileges: false,
    resources: { unified: {} },
  };
  const image = { config: { Entrypoint: ['/init'], Cmd: ['serve'], Env: ['PATH=/x', 'A=1'], WorkingDir: '/srv' } };
  const args = (more: Partial<ContainerOptions>) => defaultSpec(image, { ...options, ...more }).process.args;

  test('runs what the image says, the command of the user, or another entry point', () => {
    expect(args({})).toEqual(['/init', 'serve']);
    expect(args({ command: ['x', 'y'] })).toEqual(['/init', 'x', 'y']);
    expect(args({ entrypoint: '/bin/sh' })).toEqual(['/bin/sh']);
    expect(args({ entrypoint: '/bin/sh', command: ['-c', 'a'] })).toEqual(['/bin/sh', '-c', 'a']);
    expect(args({ entrypoint: '', command: ['a'] })).toEqual(['a']);
    expect(() => defaultSpec({ config: {} }, options)).toThrow('names no command');
  });

  test('has the environment of the image, replaced by that of the user', () => {
    const { env, cwd } = defaultSpec(image, { ...options, env: ['A=2', 'B=3'], terminal: true }).process;
    expect([env, cwd]).toEqual([['PATH=/x', 'HOSTNAME=box', 'TERM=xterm', 'A=2', 'B=3'], '/srv']);
  });

  test('has the usual capabilities, more and fewer', () => {
    const bounding = (more: Partial<ContainerOptions>) =>
      defaultSpec(image, { ...options, ...more }).process.capabilities.bounding!;
    expect(bounding({})).toHaveLength(14);
    expect(bounding({ capAdd: ['sys_time'] })).toContain('CAP_SYS_TIME');
    expect(bounding({ capDrop: ['ALL'], capAdd: ['CAP_KILL'] })).toEqual(['CAP_KILL']);
    expect(bounding({ capAdd: ['ALL'], capDrop: ['CHOWN'] })).toHaveLength(40);
    expect(() => bounding({ capAdd: ['FLY'] })).toThrow('There is no capability FLY');
  });
});

describe('users', () => {
  const files: Record<string, string> = {
    '/etc/passwd': 'root:x:0:0:root:/root:/bin/sh\nbob:x:1000:1001:Bob:/home/bob:/bin/sh\n# no account\n',
    '/etc/group': 'root:x:0:\nbobs:x:1001:\ndisk:x:6:root,bob\naudio:x:29:bob\n',
  };
  const find = (text: string) => findUser(text, (path) => files[path] ?? '');

  test.each([
    ['', { uid: 0, gid: 0, additionalGids: [6], home: '/root' }],
    ['bob', { uid: 1000, gid: 1001, additionalGids: [6, 29], home: '/home/bob' }],
    ['1000', { uid: 1000, gid: 1001, additionalGids: [6, 29], home: '/home/bob' }],
    ['bob:audio', { uid: 1000, gid: 29, additionalGids: [], home: '/home/bob' }],
    ['7:8', { uid: 7, gid: 8, additionalGids: [], home: '/' }],
    ['7', { uid: 7, gid: 0, additionalGids: [], home: '/' }],
  ])('%j', (text, user) => expect(find(text)).toEqual(user));

  test('that are not there are named', () => {
    expect(() => find('eve')).toThrow('There is no user eve in /etc/passwd of the container.');
    expect(() => find('bob:eves')).toThrow('There is no group eves');
  });

  test('need no files when they are numbers', () => {
    expect(findUser('5:6', () => '')).toEqual({ uid: 5, gid: 6, additionalGids: [], home: '/' });
  });
});

test('mount options are taken apart, later ones winning', () => {
  expect(parseMountOptions(['nosuid', 'ro', 'nodev', 'rw', 'size=64k', 'mode=755', 'rprivate'])).toEqual({
    flags: MS_RELATIME | MS_NOSUID | MS_NODEV,
    isBind: false,
    propagation: 'private',
    data: 'size=64k,mode=755',
  });
  expect(parseMountOptions(['rbind', 'ro'])).toMatchObject({
    flags: MS_RELATIME | MS_RDONLY,
    isBind: true,
  });
});
