// Bundles of other tools as anillo oci runs them: the life cycle with runc's grammar, what a configuration asks for, and what a
// stranger's configuration cannot have. Truth: OCI runtime specification, runc(8).
import { spawnSync, type StdioOptions } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { COMMAND, HANGS, Installation } from '../installation.ts';
import { canCompile, Programs } from '../linux/guest.ts';
import { podmanConfig, umociConfig } from './bundle-configs.ts';

const here = new Installation('bundles');
const { folder, env } = here;
const programs = new Programs();
let box: Uint8Array;
let template: string;

const oci = (...args: string[]) => here.anillo(['oci', ...args]);

type Config = Record<string, unknown> & { process: Record<string, unknown>; linux: Record<string, unknown> };

/** `create` without waiting for whoever has its standard output: the process that it leaves behind. */
function create(...args: string[]) {
  const file = join(folder, 'output');
  const output = openSync(file, 'w');
  const stdio: StdioOptions = ['ignore', output, output];
  const { status } = spawnSync(process.execPath, [COMMAND, 'oci', 'create', ...args], { env, timeout: HANGS, stdio });
  closeSync(output);
  return { status, err: readFileSync(file, 'utf8') };
}

let bundles = 0;
/** A new bundle; gives its directory. */
function bundle(config: unknown): string {
  const directory = join(folder, `bundle${bundles++}`);
  for (const name of ['bin', 'etc', 'tmp']) mkdirSync(join(directory, 'rootfs', name), { recursive: true });
  writeFileSync(join(directory, 'rootfs/bin/box'), box, { mode: 0o755 });
  writeFileSync(join(directory, 'config.json'), typeof config === 'string' ? config : JSON.stringify(config));
  return directory;
}

/** What `spec` writes, with other arguments and whatever else is changed. */
function config(args: readonly string[], change: (config: Config) => void = () => {}): Config {
  const made = JSON.parse(template) as Config;
  Object.assign(made.process, { args, terminal: false });
  change(made);
  return made;
}

/** Runs a bundle in the foreground. */
const run = (made: unknown, ...options: string[]) => oci('run', ...options, '-b', bundle(made), `c${bundles}`);

describe.skipIf(!canCompile())('bundles', () => {
  beforeAll(() => {
    box = programs.compile(join(import.meta.dirname, 'programs/box.c'));
    expect(oci('spec', '-b', folder)).toEqual({ status: 0, out: '', err: '' });
    template = readFileSync(join(folder, 'config.json'), 'utf8');
    rmSync(join(folder, 'config.json'));
  });
  afterAll(() => {
    for (const id of oci('list', '-q').out.split('\n').filter(Boolean)) oci('delete', '--force', id);
    programs.remove();
    here.remove();
  });

  test('a container is created, started, looked at, changed, killed and deleted', () => {
    const directory = bundle(config(['box', 'say', 'up', 'trap', 'forever']));
    const pidFile = join(folder, 'pid');
    expect(create('-b', directory, '--pid-file', pidFile, 'life')).toMatchObject({ status: 0, err: '' });
    const created = JSON.parse(oci('state', 'life').out);
    expect(created).toMatchObject({ id: 'life', status: 'created', bundle: directory, annotations: {} });
    expect(String(created.pid)).toBe(readFileSync(pidFile, 'utf8'));
    expect(existsSync(`/proc/${created.pid}`)).toBe(true);
    expect(oci('exec', 'life', 'box', 'say', 'early', 'pid', 'exit', '3')).toEqual({
      status: 3,
      out: 'early\n2\n',
      err: '',
    });
    expect(oci('pause', 'life')).toEqual({ status: 0, out: '', err: '' });
    expect(oci('exec', 'life', 'box')).toMatchObject({ status: 255, err: expect.stringContaining('is paused') });
    expect(oci('start', 'life')).toMatchObject({ status: 1, err: expect.stringContaining('is paused, not created') });
    oci('resume', 'life');
    expect(JSON.parse(oci('state', 'life').out).status).toBe('created');
    expect(oci('start', 'life')).toMatchObject({ status: 0, err: '' });
    expect(oci('start', 'life')).toMatchObject({
      status: 1,
      err: expect.stringContaining('it is running, not created'),
    });
    expect(
      oci('exec', '--cwd', '/tmp', '-e', 'A=1', '-u', '5:6', 'life', 'box', 'cwd', 'id', 'exit', '4'),
    ).toMatchObject({
      status: 4,
      out: '/tmp\n5 6 0\n',
    });
    expect(oci('ps', 'life').out).toMatch(
      /^UID +PID +PPID +C +STIME +TTY +TIME +CMD\n0 +1 +0 +\d+ +\d\d:\d\d +\? +\S+ +\S*box .*\n$/,
    );
    expect(oci('ps', '-f', 'json', 'life').out).toBe('[1]\n');
    expect(JSON.parse(oci('events', '--stats', 'life').out)).toMatchObject({
      type: 'stats',
      data: { pids: { current: 1 } },
    });
    expect(oci('update', '--pids-limit', '3', 'life').status).toBe(0);
    expect(oci('exec', 'life', 'box', 'forks').out).toBe('forks: 1, EAGAIN\n');
    oci('pause', 'life');
    expect(oci('list').out).toMatch(/^ID +PID +STATUS +BUNDLE +CREATED +OWNER\nlife +\d+ +paused /);
    expect(oci('exec', 'life', 'box')).toMatchObject({ status: 255, err: expect.stringContaining('is paused') });
    oci('resume', 'life');
    expect(oci('delete', 'life')).toMatchObject({ status: 1, err: expect.stringContaining('is running') });
    expect(oci('kill', 'life', 'TERM').status).toBe(0);
    expect(oci('delete', '--force', 'life').status).toBe(0);
    expect(oci('state', 'life')).toMatchObject({ status: 1, err: expect.stringContaining('no container life') });
    expect(oci('delete', '--force', 'life').status).toBe(0);
  });

  test('ps, update and exec take what runc takes', () => {
    create('-b', bundle(config(['box', 'trap', 'forever'])), 'as');
    oci('start', 'as');
    expect(oci('ps', 'as', '-o', 'pid,comm').out).toBe('PID   COMMAND\n1     box\n');
    expect(oci('ps', 'as', '-eopid', '-o', 'args').out).toBe('PID   COMMAND\n1     box trap forever\n');
    expect(oci('ps', 'as', '-ef').out).toMatch(/^UID +PID +PPID .*CMD\n0 +1 .*box trap forever\n$/);
    for (const options of [['aux'], ['-o', 'pid,wchan']])
      expect(oci('ps', 'as', ...options)).toMatchObject({
        status: 2,
        err: expect.stringContaining('is not supported'),
      });
    expect(oci('update', '--memory', '100M', '--memory-swap=-1', 'as')).toMatchObject({ status: 0, err: '' });
    expect(oci('exec', 'as', 'box', 'show', '/sys/fs/cgroup/memory.max').out).toBe(`${100 << 20}\n`);
    expect(oci('update', '--memory', '5x', 'as').err).toContain('5x is not a size');
    for (const args of [
      ['--cwd', 'tmp', 'as', 'box'],
      ['as', '/nothing'],
      ['as'],
      ['-u', 'x', 'as', 'box'],
      ['nobody', 'box'],
    ])
      expect(oci('exec', ...args)).toMatchObject({
        status: 255,
        out: '',
        err: expect.stringMatching(/^anillo: [^\n]+\n$/),
      });
    oci('kill', 'as', 'KILL');
  });

  test('one that was stopped has no processes, takes no signal and no limits', async () => {
    await vi.waitFor(() => expect(JSON.parse(oci('state', 'as').out).status).toBe('stopped'), HANGS);
    expect(oci('ps', 'as')).toMatchObject({ status: 0, out: expect.stringMatching(/^UID .*CMD\n$/) });
    expect(oci('ps', '-f', 'json', 'as')).toEqual({ status: 0, out: 'null\n', err: '' });
    expect(oci('kill', '-a', 'as', 'TERM')).toEqual({ status: 0, out: '', err: '' });
    for (const args of [
      ['kill', 'as', '0'],
      ['update', '--pids-limit', '9', 'as'],
      ['pause', 'as'],
      ['resume', 'as'],
    ])
      expect(oci(...args).status).toBe(1);
    expect(oci('exec', 'as', 'box').status).toBe(255);
    expect(oci('delete', 'as').status).toBe(0);
  });

  test('one that was created and is never started goes away', () => {
    const directory = bundle(config(['box']));
    create('-b', directory, 'waiting');
    expect(create('-b', directory, 'waiting')).toMatchObject({
      status: 1,
      err: expect.stringContaining('in use'),
    });
    oci('kill', 'waiting', 'KILL');
    expect(oci('start', 'waiting').status).toBe(1);
    expect(oci('delete', 'waiting').status).toBe(0);
    create('-b', directory, 'waiting');
    expect(oci('delete', 'waiting').status).toBe(0);
    expect(oci('list', '-q').out).toBe('');
  });

  test('the process left behind has the standard files of create and ends as the program does', () => {
    const directory = bundle(config(['box', 'cat', 'warn', 'end', 'exit', '7']));
    const script = `echo typed | node ${COMMAND} oci create -b ${directory} --pid-file ${folder}/p io 2>&1 | cat &
      while ! [ -s ${folder}/p ]; do sleep 0.05; done; node ${COMMAND} oci start io; wait`;
    const { stdout } = spawnSync('sh', ['-c', script], { env, encoding: 'utf8', timeout: HANGS });
    expect(stdout).toBe('typed\nend\n');
    expect(JSON.parse(oci('state', 'io').out)).toMatchObject({ status: 'stopped', pid: 0 });
    oci('delete', 'io');
  });

  test('run gives the status of the program and leaves nothing', () => {
    expect(run(config(['box', 'say', 'a', 'warn', 'b', 'exit', '3']))).toEqual({ status: 3, out: 'a\n', err: 'b\n' });
    expect(run(config(['nothing'])).status).toBe(1);
    expect(oci('list', '-q').out).toBe('');
  });

  describe('the root file system', () => {
    test('is the directory of the bundle, and what is written is there', () => {
      const directory = bundle(
        config(['box', 'make', '/tmp/x', 'chown', '/tmp/x'], (c) => (c.root = { path: 'rootfs' })),
      );
      expect(oci('run', '-b', directory, 'rw').out).toMatch(/^make: ok\n/);
      expect(readFileSync(join(directory, 'rootfs/tmp/x'), 'utf8')).toBe('x');
    });

    test('that is read-only is not touched, not even for the places of mounts', () => {
      const directory = bundle(config(['box', 'make', '/x', 'show', '/proc/self/cgroup', 'make', '/dev/shm/x']));
      expect(oci('run', '-b', directory, 'ro').out).toBe('make: EROFS\n0::/\nmake: ok\n');
      expect(existsSync(join(directory, 'rootfs/proc'))).toBe(false);
    });

    test('cannot be left by links', () => {
      const directory = bundle(config(['box', 'show', '/etc/out', 'show', '/up/note']));
      writeFileSync(join(folder, 'note'), 'secret');
      symlinkSync(join(folder, 'note'), join(directory, 'rootfs/etc/out'));
      symlinkSync(`../../../../../..${folder}`, join(directory, 'rootfs/up'));
      expect(oci('run', '-b', directory, 'links').out).toBe('/etc/out: ENOENT\n/up/note: ENOENT\n');
    });
  });

  describe('the configuration', () => {
    test('of umoci for a user who is not root runs', () => {
      expect(run(umociConfig(['box', 'id', 'host', 'show', '/proc/self/uid_map', 'make', '/sys/x'])).out).toMatch(
        /^0 0 0\numoci-default\n +0 +\d+ +1\nmake: EROFS\n$/,
      );
    });

    test('of podman runs with everything it says', () => {
      const args = [
        'box',
        'show',
        '/etc/hosts',
        'show',
        '/proc/sys/kernel/domainname',
        'show',
        '/proc/self/oom_score_adj',
      ];
      const directory = bundle('{}');
      writeFileSync(join(directory, 'hosts'), '127.0.0.1 pod\n');
      writeFileSync(
        join(directory, 'config.json'),
        JSON.stringify(podmanConfig([...args, 'chown', '/tmp', 'forks'], join(directory, 'rootfs'), directory)),
      );
      expect(oci('run', '-b', directory, 'pod')).toEqual({
        status: 0,
        out: '127.0.0.1 pod\npods\n300\nchown: ENOSYS\nforks: 19, EAGAIN\n',
        err: '',
      });
    });

    test('gives a tmpfs what lies under it, devices, a clock and a control group', () => {
      const made = config(['box', 'show', '/etc/passwd', 'show', '/proc/self/cgroup', 'show', '/dev/naught'], (c) => {
        (c.mounts as unknown[]).push({ destination: '/etc', type: 'tmpfs', source: 'tmpfs', options: ['tmpcopyup'] });
        c.linux.cgroupsPath = '/a/b';
        c.linux.namespaces = ['pid', 'mount', 'time'].map((type) => ({ type }));
        c.linux.timeOffsets = { monotonic: { secs: 1000 } };
        c.linux.devices = [{ path: '/dev/naught', type: 'c', major: 1, minor: 3, fileMode: 0o666 }];
      });
      const directory = bundle(made);
      writeFileSync(join(directory, 'rootfs/etc/passwd'), 'root:x:0:0\n');
      expect(oci('run', '-b', directory, 'copyup').out).toBe('root:x:0:0\n0::/a/b\n');
    });

    test('names what has no effect and goes on', () => {
      const made = config(['box', 'say', 'on'], (c) => {
        c.process.apparmorProfile = 'x';
        c.process.capabilities = { bounding: ['CAP_FLY', 'CAP_KILL'] };
        c.linux.intelRdt = {};
      });
      const { out, err } = run(made);
      expect(out).toBe('on\n');
      expect(err).toMatch(/linux.intelRdt is not supported and has no effect/);
      expect(err).toMatch(/process.apparmorProfile is not supported/);
      expect(err).toMatch(/process.capabilities \(CAP_FLY\) is not supported and has no effect/);
    });

    test('has a home, a working directory, and no capability that its user may not have', () => {
      const user = { uid: 7, gid: 7 };
      const status = ['box', 'env', 'cwd', 'show', '/proc/self/status'];
      const made = config(status, (c) => {
        Object.assign(c.process, { user, cwd: '/work/here' });
        Object.assign(c.process.capabilities as object, { ambient: ['CAP_KILL'] });
        c.root = { path: 'rootfs', readonly: true };
      });
      const directory = bundle(made);
      writeFileSync(join(directory, 'rootfs/etc/passwd'), 'seven:x:7:7::/home/seven:/bin/sh\n');
      const { out } = oci('run', '-b', directory, 'home');
      expect(out).toMatch(/^HOME=\/home\/seven\n\/work\/here\n/m);
      expect(out).toMatch(/^CapPrm:\t0{16}\nCapEff:\t0{16}\nCapBnd:\t0*20000420\nCapAmb:\t0{16}\n/m);
    });

    test('gets the devices that every container has, and a console with a terminal', () => {
      const made = (terminal: boolean) =>
        config(['box', 'show', '/dev/console', 'show', '/dev/kmsg', 'make', '/dev/pts/ptmx'], (c) => {
          c.process.terminal = terminal;
        });
      expect(run(made(false)).out).toMatch(/^\/dev\/console: ENOENT\n\/dev\/kmsg: ENOENT\n/);
      expect(run(made(true)).out).not.toMatch(/console: ENOENT/);
    });
  });

  describe('hooks', () => {
    const hook = (name: string, args: readonly string[]) => ({ path: '/bin/box', args: [name, ...args] });

    test('of the container run in it, with its state', () => {
      const made = config(['box', 'show', '/tmp/made', 'show', '/tmp/state'], (c) => {
        c.root = { path: 'rootfs' };
        c.hooks = {
          createContainer: [hook('box', ['make', '/tmp/made'])],
          startContainer: [hook('box', ['copy', '/tmp/state'])],
        };
      });
      const { out } = run(made);
      expect(out.slice(0, 1)).toBe('x');
      expect(JSON.parse(out.slice(1))).toMatchObject({ status: 'created', id: expect.stringMatching(/^c/) });
    });

    test('that fail stop the container with a sentence', () => {
      const made = config(['box', 'say', 'never'], (c) => {
        c.hooks = { startContainer: [hook('box', ['warn', 'no way', 'exit', '5'])] };
      });
      expect(run(made)).toEqual({
        status: 1,
        out: '',
        err: 'anillo: The startContainer hook /bin/box ended with status 5: no way.\n',
      });
    });

    test('of the computer run only when the user says so', () => {
      const script = join(folder, 'hook.sh');
      writeFileSync(script, `#!/bin/sh\ncat > ${folder}/$1.json\n`);
      chmodSync(script, 0o755);
      const points = ['prestart', 'createRuntime', 'poststart', 'poststop'];
      const made = config(['box', 'say', 'ran'], (c) => {
        c.hooks = Object.fromEntries(points.map((point) => [point, [{ path: script, args: ['hook.sh', point] }]]));
      });
      expect(run(made)).toMatchObject({
        status: 1,
        out: '',
        err: expect.stringMatching(
          /prestart hook, .*hook.sh, a program of this computer: --allow-host-hooks lets it run/,
        ),
      });
      expect(existsSync(join(folder, 'prestart.json'))).toBe(false);
      expect(run(made, '--allow-host-hooks')).toEqual({ status: 0, out: 'ran\n', err: '' });
      const states = points.map((point) => JSON.parse(readFileSync(join(folder, `${point}.json`), 'utf8')).status);
      expect(states).toEqual(['creating', 'creating', 'running', 'stopped']);
    });
  });

  describe('a configuration of a stranger cannot have', () => {
    const withMount = (source: string) => (c: Config) =>
      (c.mounts as unknown[]).push({ destination: '/mnt', type: 'bind', source, options: ['bind', 'rw'] });
    const cases: [string, (c: Config) => void, RegExp][] = [
      [
        'a directory outside',
        withMount('/etc'),
        /wants \/etc of this computer for the mount of \/etc.*--allow \/etc lets it/,
      ],
      ['a file outside', withMount('/etc/passwd'), /wants \/etc\/passwd of this computer/],
      ['what a path with dots leads to', withMount('../../../../etc'), /wants \/etc of this computer/],
      ['what a link in the bundle leads to', withMount('link'), /wants \/etc of this computer/],
      [
        'the root of the computer',
        (c) => (c.root = { path: '/' }),
        /wants \/ of this computer for its root file system/,
      ],
      ['a device of the computer', withMount('/dev/mem'), /\/dev\/mem cannot be mounted on \/mnt: No such file/],
      [
        'a namespace of the computer',
        (c) => (c.linux.namespaces = [{ type: 'network', path: '/proc/1/ns/net' }]),
        /Joining the network namespace \/proc\/1\/ns\/net is not supported/,
      ],
      ['a name that is too long', (c) => (c.hostname = 'h'.repeat(65)), /hostname .* has more than 64 bytes/],
      [
        'a clock out of reach',
        (c) =>
          Object.assign(c.linux, {
            namespaces: [{ type: 'mount' }, { type: 'time' }],
            timeOffsets: { monotonic: { secs: 9e15 } },
          }),
        /further than it can go/,
      ],
      ['a control group above', (c) => (c.linux.cgroupsPath = '../../x'), /names no control group/],
      [
        'a mount over everything',
        (c) => (c.mounts as unknown[]).push({ destination: '/', type: 'tmpfs' }),
        /would hide the root/,
      ],
      [
        'a place that is a file',
        (c) => (c.mounts as unknown[]).push({ destination: '/bin/box/x', type: 'tmpfs' }),
        /cannot be the place of a mount/,
      ],
      [
        'a file system there is not',
        (c) => (c.mounts as unknown[]).push({ destination: '/x', type: 'ext4' }),
        /no file system type ext4/,
      ],
      [
        'a parameter there is not',
        (c) => (c.linux.sysctl = { 'kernel.nothing': '1' }),
        /no kernel parameter kernel.nothing/,
      ],
      ['a limit there is not', (c) => (c.linux.resources = { unified: { 'memory.none': '1' } }), /no file memory.none/],
      [
        'a limit twice',
        (c) => (c.process.rlimits = [1, 2].map((soft) => ({ type: 'RLIMIT_CORE', soft, hard: 2 }))),
        /RLIMIT_CORE is given twice/,
      ],
      [
        'a limit above the most',
        (c) => (c.process.rlimits = [{ type: 'RLIMIT_CORE', soft: 3, hard: 2 }]),
        /RLIMIT_CORE allows more now than it ever may/,
      ],
      ['nothing to run', (c) => (c.process.args = []), /process.args is missing/],
      ['another version', (c) => (c.ociVersion = '2.0.0'), /version 2.0.0/],
      ['a terminal that is sent away', () => {}, /--console-socket is not supported/],
    ];
    test.each(cases)('%s', (what, change, sentence) => {
      const directory = bundle(config(['box', 'say', 'ran', 'show', '/mnt/passwd'], change));
      symlinkSync('/etc', join(directory, 'link'));
      const options = what.includes('terminal') ? ['--console-socket', '/tmp/x'] : [];
      const outcome = oci('run', '-b', directory, ...options, 'stranger');
      expect(outcome.err).toMatch(sentence);
      expect(outcome.err).not.toMatch(/\n\s+at |internal error/);
      expect(outcome).toMatchObject({ status: options.length ? 2 : 1, out: '' });
    });

    test('what is no configuration at all', () => {
      for (const text of ['', '[]', '{"ociVersion":1}', '{"ociVersion":"1.0.0","process":[]}']) {
        const outcome = create('-b', bundle(text), 'none');
        expect(outcome.status).toBe(1);
        expect(outcome.err).toMatch(/^anillo: .*config.json cannot be used.*\n$/);
      }
      expect(oci('run', '-b', '/nowhere', 'none').err).toMatch(/bundle \/nowhere cannot be used/);
      expect(oci('run', '-b', folder, 'none').err).toMatch(/config.json cannot be read/);
      expect(oci('run', '-b', folder, '../x').status).toBe(1);
      expect(oci('list', '-q').out).toBe('');
    });

    test('but what the user allows', () => {
      const outside = mkdtempSync(join(folder, 'outside-'));
      writeFileSync(join(outside, 'note'), 'allowed\n');
      const made = config(['box', 'show', '/mnt/note', 'make', '/mnt/new'], withMount(outside));
      expect(run(made, '--allow', outside)).toEqual({ status: 0, out: 'allowed\nmake: ok\n', err: '' });
      expect(existsSync(join(outside, 'new'))).toBe(true);
    });
  });

  test('complaints go to the log too, and tools learn what there is', () => {
    const log = join(folder, 'log');
    oci('--log', log, '--log-format', 'json', 'state', 'nothing');
    expect(JSON.parse(readFileSync(log, 'utf8'))).toMatchObject({
      level: 'error',
      msg: expect.stringContaining('nothing'),
    });
    expect(JSON.parse(oci('features').out)).toMatchObject({
      ociVersionMin: '1.0.0',
      hooks: expect.arrayContaining(['createRuntime']),
      linux: { namespaces: expect.arrayContaining(['pid']), seccomp: { enabled: true } },
    });
    expect(oci('--root', join(folder, 'elsewhere'), 'list', '-f', 'json').out).toBe('[]\n');
    expect(oci('spec', '-b', bundle('{}'))).toMatchObject({
      status: 1,
      err: expect.stringContaining('remove it first'),
    });
  });

  // the tests are root's on most machines that run them; a user is somebody else
  test.skipIf(process.getuid?.() !== 0)('a user who is not root runs a bundle too', () => {
    const home = mkdtempSync(join(tmpdir(), 'anillo-user-'));
    chmodSync(home, 0o777);
    const user = { uid: 65534, gid: 65534, cwd: home, encoding: 'utf8', timeout: HANGS } as const;
    const own = { ...process.env, ANILLO_DATA: join(home, 'data'), HOME: home };
    spawnSync('mkdir', ['-p', 'rootfs/bin'], user);
    spawnSync('sh', ['-c', 'cat > rootfs/bin/box && chmod 755 rootfs/bin/box'], { ...user, input: box });
    const anillo = (...args: string[]) => spawnSync(process.execPath, [COMMAND, 'oci', ...args], { ...user, env: own });
    anillo('spec', '--rootless');
    const made = JSON.parse(readFileSync(join(home, 'config.json'), 'utf8'));
    Object.assign(made.process, { args: ['box', 'id', 'make', '/x', 'chown', '/x'], terminal: false });
    made.root.readonly = false;
    rmSync(join(home, 'config.json'));
    writeFileSync(join(home, 'config.json'), JSON.stringify(made));
    expect(anillo('run', 'c')).toMatchObject({ status: 0, stdout: '0 0 0\nmake: ok\nchown: EINVAL\n' });
    rmSync(home, { recursive: true });
  });
});
