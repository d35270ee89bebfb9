// Configurations of containers: what a stranger's config.json may say, what an image and options become, who `--user` is.
// Truth: OCI runtime specification, docker-run(1), passwd(5).
import { MS_RDONLY, MS_NOSUID, MS_NODEV, MS_RELATIME } from '../../src/abi/mount.ts';
import { describe, expect, test } from 'vitest';
import { type ContainerOptions, defaultSpec } from '../../src/oci/default-spec.ts';
import { parseMountOptions } from '../../src/oci/mount-options.ts';
import { runProgram } from '../../src/kernel/seccomp/bpf.ts';
import { defaultSeccomp } from '../../src/oci/default-seccomp.ts';
import { parseRuntimeSpec } from '../../src/oci/parse-runtime-spec.ts';
import type { SeccompOperator, SeccompRule, SeccompSpec } from '../../src/oci/runtime-spec.ts';
import { compileSeccomp } from '../../src/oci/seccomp-program.ts';
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
        linux: {
          intelRdt: {},
          resources: {
            rdma: {},
            devices: [
              { allow: false, access: 'rwm' },
              { allow: false, type: 'c', major: 1, minor: 5 },
            ],
          },
        },
      },
      unsupported,
    );
    expect(unsupported.sort()).toEqual([
      'linux.intelRdt',
      'linux.resources.devices (denying c 1:5)',
      'linux.resources.rdma',
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

describe('filters of system calls', () => {
  const ALLOW = 0x7fff_0000;
  const ERRNO = 0x5_0000;
  const AMD64 = 0xc000_003e;
  const I386 = 0x4000_0003;

  /** What a filter says to a call. */
  function verdict(
    spec: Partial<SeccompSpec>,
    number: number,
    args: readonly bigint[] = [],
    architecture = AMD64,
  ): number {
    const program = compileSeccomp({ defaultAction: 'SCMP_ACT_ALLOW', architectures: [], syscalls: [], ...spec });
    const data = new DataView(new ArrayBuffer(64));
    data.setInt32(0, number, true);
    data.setUint32(4, architecture, true);
    for (const [n, value] of args.entries()) data.setBigUint64(16 + 8 * n, value, true);
    return runProgram(program, data) >>> 0;
  }
  const rule = (names: string[], more: Partial<SeccompRule> = {}): SeccompRule => ({
    names,
    action: 'SCMP_ACT_ERRNO',
    args: [],
    ...more,
  });

  test('know both architectures by their numbers, and kill for others', () => {
    const spec = { syscalls: [rule(['mount', 'no_such_call'], { errnoRet: 38 })] };
    expect(verdict(spec, 165)).toBe(ERRNO | 38);
    expect(verdict(spec, 21, [], I386)).toBe(ERRNO | 38);
    expect(verdict(spec, 21)).toBe(ALLOW);
    expect(verdict(spec, 165, [], 0xc000_00b7)).toBe(0x8000_0000);
    expect(verdict({ ...spec, architectures: ['SCMP_ARCH_X86_64'] }, 1, [], I386)).toBe(0x8000_0000);
  });

  test('have a default, and the first rule that matches counts', () => {
    const spec: Partial<SeccompSpec> = {
      defaultAction: 'SCMP_ACT_ERRNO',
      defaultErrnoRet: 13,
      syscalls: [rule(['read'], { action: 'SCMP_ACT_ALLOW' }), rule(['read', 'write'], { errnoRet: 5 })],
    };
    expect([verdict(spec, 0), verdict(spec, 1), verdict(spec, 2)]).toEqual([ALLOW, ERRNO | 5, ERRNO | 13]);
  });

  const big = 0x1_0000_0005n;
  const operators: [SeccompOperator, bigint, boolean][] = [
    ['SCMP_CMP_EQ', big, true],
    ['SCMP_CMP_EQ', 5n, false],
    ['SCMP_CMP_NE', big, false],
    ['SCMP_CMP_NE', 5n, true],
    ['SCMP_CMP_NE', 0x1_0000_0004n, true],
    ['SCMP_CMP_GT', big, false],
    ['SCMP_CMP_GT', big + 1n, true],
    ['SCMP_CMP_GT', 0x2_0000_0000n, true],
    ['SCMP_CMP_GT', 6n, false],
    ['SCMP_CMP_GE', big, true],
    ['SCMP_CMP_GE', big - 1n, false],
    ['SCMP_CMP_LT', big, false],
    ['SCMP_CMP_LT', 6n, true],
    ['SCMP_CMP_LE', big, true],
    ['SCMP_CMP_LE', big + 1n, false],
  ];
  test.each(operators)('compare arguments of 64 bits: %s with %i is %s', (op, value, holds) => {
    const args = [{ index: 1, value: Number(big), valueTwo: 0, op }];
    expect(verdict({ syscalls: [rule(['read'], { args }), rule(['write'])] }, 0, [0n, value])).toBe(
      holds ? ERRNO | 1 : ALLOW,
    );
    // the rule behind it still sees the number
    expect(verdict({ syscalls: [rule(['read'], { args }), rule(['write'])] }, 1, [0n, value])).toBe(ERRNO | 1);
  });

  test('want all conditions of a rule', () => {
    const args = [
      { index: 0, value: 0xf0, valueTwo: 0x30, op: 'SCMP_CMP_MASKED_EQ' as const },
      { index: 2, value: 7, valueTwo: 0, op: 'SCMP_CMP_EQ' as const },
    ];
    const spec = { syscalls: [rule(['read'], { args })] };
    expect(verdict(spec, 0, [0x3fn, 0n, 7n])).toBe(ERRNO | 1);
    expect(verdict(spec, 0, [0x4fn, 0n, 7n])).toBe(ALLOW);
    expect(verdict(spec, 0, [0x3fn, 0n, 8n])).toBe(ALLOW);
  });

  test('of containers block what reaches beyond them, unless they have the capability', () => {
    const blocked = (capabilities: string[], number: number, args: bigint[] = []) =>
      verdict(defaultSeccomp(capabilities), number, args) !== ALLOW;
    const [mount, unshare, clone, getpid] = [165, 272, 56, 39];
    expect([blocked([], mount), blocked([], unshare), blocked([], getpid)]).toEqual([true, true, false]);
    expect([blocked([], clone, [0x0200_0000n]), blocked([], clone, [0x11n])]).toEqual([true, false]);
    expect([blocked(['CAP_SYS_ADMIN'], mount), blocked(['CAP_SYS_ADMIN'], clone, [0x0200_0000n])]).toEqual([
      false,
      false,
    ]);
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
    copyUp: false,
    propagation: 'private',
    data: 'size=64k,mode=755',
  });
  expect(parseMountOptions(['rbind', 'ro'])).toMatchObject({
    flags: MS_RELATIME | MS_RDONLY,
    isBind: true,
  });
});
