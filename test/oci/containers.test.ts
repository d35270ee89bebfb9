// Containers as a user runs them: what is inside, what is kept, what commands reach, and what a container cannot do. Truth:
// docker-container(1) and its like, namespaces(7), capabilities(7).
import { execFile, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { COMMAND, HANGS, Installation, until } from '../installation.ts';
import { startOf } from '../../src/cli/data-files.ts';
import { Places } from '../../src/cli/places.ts';
import { canCompile, Programs } from '../linux/guest.ts';

const here = new Installation('containers');
const { folder, env, anillo, container } = here;
const programs = new Programs();
const execute = promisify(execFile);

/** A container that is gone when it ends. */
const run = (...args: string[]) => container('run', '--rm', ...args);

describe.skipIf(!canCompile())('containers', () => {
  beforeAll(() => {
    const root = join(folder, 'root');
    for (const name of ['bin', 'etc', 'tmp']) mkdirSync(join(root, name), { recursive: true });
    writeFileSync(join(root, 'bin/box'), programs.compile(join(import.meta.dirname, 'programs/box.c')), {
      mode: 0o755,
    });
    writeFileSync(join(root, 'etc/passwd'), 'root:x:0:0::/root:/bin/sh\nbob:x:1000:1000::/home/bob:/bin/sh\n');
    expect(anillo(['image', 'import', root, 'box', '--cmd', '/bin/box say image']).status).toBe(0);
  });
  afterAll(() => {
    programs.remove();
    here.remove();
  });

  describe('what is inside', () => {
    test('is the command of the image, or that of the user', () => {
      expect(run('box')).toEqual({ status: 0, out: 'image\n', err: '' });
      expect(run('box', 'box', 'say', 'a', 'warn', 'b', 'exit', '7')).toEqual({ status: 7, out: 'a\n', err: 'b\n' });
      expect(run('--entrypoint', '/bin/box', 'box', 'say', 'x').out).toBe('x\n');
    });

    test('is an environment, a working directory, a host name and a user', () => {
      const { out } = run(
        '-e',
        'A=1',
        '-w',
        '/tmp',
        '-h',
        'host',
        '-u',
        'bob',
        'box',
        'box',
        'env',
        'cwd',
        'host',
        'id',
        'pid',
      );
      expect(out).toMatch(/^PATH=\S+\nHOSTNAME=host\nA=1\nHOME=\/home\/bob\n\/tmp\nhost\n1000 1000 0\n1\n$/);
    });

    test('is standard input when it is asked for', () => {
      expect(anillo(['container', 'run', '--rm', '-i', 'box', 'box', 'cat'], 'typed\n').out).toBe('typed\n');
      expect(anillo(['container', 'run', '--rm', 'box', 'box', 'cat'], 'typed\n').out).toBe('');
    });

    test('is a terminal when it is asked for', () => {
      expect(run('-t', 'box', 'box', 'tty').out).toBe('1 1 1\r\n');
      expect(run('box', 'box', 'tty').out).toBe('0 0 0\n');
      expect(run('-t', 'box', 'box', 'ttyname').out).toBe('/dev/pts/0\r\n');
    });

    test('is standard output that a user can open by its name', () => {
      expect(run('-u', 'bob', 'box', 'box', 'make', '/dev/stdout').out).toBe('make: ok\nx');
      expect(run('-u', 'bob', '-t', 'box', 'box', 'make', '/dev/stdout').out).toBe('make: ok\r\nx');
    });

    test('is a network of its own, of which the loopback interface is on', () => {
      expect(run('box', 'box', 'loopback').out).toBe('bind: ok\nconnect: ok\n');
    });

    test('is a control group that is the root there', () => {
      expect(run('box', 'box', 'show', '/proc/self/cgroup').out).toBe('0::/\n');
    });
  });

  test('a directory of the computer is there, read-only unless it is asked for', () => {
    const shared = join(folder, 'shared');
    mkdirSync(shared, { recursive: true });
    writeFileSync(join(shared, 'note'), 'from outside\n');
    expect(run('-v', `${shared}:/mnt`, 'box', 'box', 'show', '/mnt/note', 'make', '/mnt/a').out).toBe(
      'from outside\nmake: EROFS\n',
    );
    expect(run('-v', `${shared}:/mnt:rw`, 'box', 'box', 'make', '/mnt/a').out).toBe('make: ok\n');
    expect(readFileSync(join(shared, 'a'), 'utf8')).toBe('x');
    expect(run('-v', '/nowhere/x:/mnt', 'box')).toMatchObject({
      status: 125,
      err: expect.stringContaining('/nowhere/x'),
    });
  });

  describe('a program', () => {
    test('killed by a signal, not there or no program has the documented status', () => {
      container('run', '-d', '--name', 'victim', 'box', 'box', 'forever');
      expect(container('kill', 'victim').out).toBe('victim\n');
      expect(container('wait', 'victim').out).toBe('137\n');
      container('rm', 'victim');
      expect(run('box', 'nothing')).toMatchObject({
        status: 127,
        err: expect.stringMatching(/nothing cannot be run.*\n$/),
      });
      expect(run('box', '/etc/passwd').status).toBe(126);
      expect(container('ps', '-aq').out).toBe('');
    });
  });

  describe('a container cannot', () => {
    const denied: [string, string[], string][] = [
      ['mount', ['mount'], 'mount: EPERM\n'],
      ['make namespaces', ['unshare'], 'unshare: EPERM\n'],
      ['see processes outside', ['signal', '2'], 'signal: ESRCH\n'],
      ['write where the kernel lies open', ['make', '/proc/sys/kernel/hostname'], 'make: EROFS\n'],
      ['reach its control group', ['make', '/sys/fs/cgroup/pids.max'], 'make: EROFS\n'],
    ];
    test.each(denied)('%s', (_, args, out) => expect(run('box', 'box', ...args).out).toBe(out));

    test('write to a root that is read-only', () => {
      expect(run('--read-only', 'box', 'box', 'make', '/x', 'make', '/dev/shm/x').out).toBe('make: EROFS\nmake: ok\n');
    });

    test('use a capability that it lacks', () => {
      expect(run('box', 'box', 'chown', '/tmp').out).toBe('chown: ok\n');
      expect(run('--cap-drop', 'chown', 'box', 'box', 'chown', '/tmp').out).toBe('chown: EPERM\n');
      expect(run('--cap-drop', 'ALL', 'box', 'box', 'chroot').out).toBe('chroot: EPERM\n');
    });

    test('make a call that its filter refuses, whatever its capabilities', () => {
      const filter = join(folder, 'filter.json');
      const syscalls = [{ names: ['chown', 'fchownat'], action: 'SCMP_ACT_ERRNO', errnoRet: 5 }];
      writeFileSync(filter, JSON.stringify({ defaultAction: 'SCMP_ACT_ALLOW', syscalls }));
      const chown = ['box', 'box', 'chown', '/tmp', 'unshare'];
      expect(run('--cap-add', 'SYS_ADMIN', ...chown).out).toBe('chown: ok\nunshare: ok\n');
      expect(run('--cap-add', 'ALL', '--security-opt', `seccomp=${filter}`, ...chown).out).toBe(
        'chown: EIO\nunshare: ok\n',
      );
      expect(run('--security-opt', 'seccomp=unconfined', ...chown).out).toBe('chown: ok\nunshare: EPERM\n');
      expect(run('--security-opt', 'apparmor=x', 'box').status).toBe(125);
    });

    test('make more processes than its limit', () => {
      expect(run('--pids-limit', '5', 'box', 'box', 'forks').out).toBe('forks: 4, EAGAIN\n');
    });
  });

  test('one that takes more memory than its limit is killed, and its record says why', () => {
    expect(run('box', 'box', 'hog').out).toBe('had it all\n');
    expect(container('run', '--name', 'hog', '-m', '16M', 'box', 'box', 'hog')).toMatchObject({ status: 137, out: '' });
    expect(JSON.parse(container('inspect', 'hog').out)[0]).toMatchObject({ State: { ExitCode: 137, OOMKilled: true } });
    container('rm', 'hog');
  });

  test('changes are kept from run to run, and are gone with the container', () => {
    expect(container('run', '--name', 'kept', 'box', 'box', 'make', '/a', 'unlink', '/etc/passwd').status).toBe(0);
    expect(container('start', '-a', 'kept').out).toBe('make: ok\nunlink: ENOENT\n');
    const made = container('run', '--name', 'other', 'box', 'box', 'show', '/a');
    expect(made.out).toBe('/a: ENOENT\n');
    expect(container('ps', '-a').out).toMatch(/Exited \(0\) .* other\n.*Exited \(0\) .* kept\n/s);
    expect(container('rm', 'kept', 'other').out).toBe('kept\nother\n');
    expect(container('start', '-a', 'kept')).toMatchObject({
      status: 1,
      err: expect.stringContaining('no container kept'),
    });
  });

  test('one that is left running is listed, reached, frozen, stopped and removed', () => {
    const id = container('run', '-d', '--name', 'server', 'box', 'box', 'say', 'up', 'trap', 'forever').out.trim();
    expect(id).toMatch(/^[0-9a-f]{64}$/);
    expect(container('ps').out).toMatch(
      new RegExp(`^CONTAINER ID.*\\n${id.slice(0, 12)} +box +"box say up trap for…" .* Up .* server\\n$`),
    );
    expect(container('exec', 'server', 'box', 'pid', 'signal', '1', 'exit', '3')).toMatchObject({
      status: 3,
      out: '2\nsignal: ok\n',
    });
    expect(anillo(['container', 'exec', '-i', '-u', 'bob', 'server', 'box', 'cat', 'id'], 'in').out).toBe(
      'in1000 1000 0\n',
    );
    expect(container('logs', 'server').out).toBe('up\n');
    expect(container('top', 'server').out).toMatch(
      /^UID +PID +PPID +C +STIME +TTY +TIME +CMD\n0 +1 +0 +\d+ +\d\d:\d\d +\? +00:00:00 +box say up.*\n$/,
    );
    expect(container('pause', 'server').out).toBe('server\n');
    expect(container('ps').out).toContain('(Paused)');
    expect(container('unpause', 'server').out).toBe('server\n');
    expect(container('rm', 'server')).toMatchObject({
      status: 1,
      err: expect.stringContaining('is running: stop it first'),
    });
    expect(container('run', '--name', 'server', 'box')).toMatchObject({
      status: 125,
      err: expect.stringContaining('in use'),
    });
    expect(container('stop', 'server').out).toBe('server\n');
    expect(container('wait', 'server').out).toBe('15\n');
    expect(container('rm', 'server').out).toBe('server\n');
    expect(container('ps', '-aq').out).toBe('');
  });

  test('one is attached to until it ends, and gets other limits meanwhile', () => {
    anillo(['container', 'run', '-d', '-i', '--name', 'typed', 'box', 'box', 'cat', 'forks', 'exit', '6']);
    expect(container('update', '--pids-limit', '4', 'typed').out).toBe('typed\n');
    expect(container('update', 'typed')).toMatchObject({
      status: 2,
      err: expect.stringContaining('no limit to change'),
    });
    expect(anillo(['container', 'attach', 'typed'], 'keys')).toMatchObject({
      status: 6,
      out: 'keysforks: 3, EAGAIN\n',
    });
    expect(JSON.parse(container('inspect', 'typed').out)[0].HostConfig.PidsLimit).toBe(4);
    expect(container('attach', 'typed')).toMatchObject({ status: 1, err: expect.stringContaining('not running') });
    expect(container('prune')).toMatchObject({ status: 2, err: expect.stringContaining('--force') });
    expect(container('prune', '-f').out).toMatch(/^Deleted Containers:\n[0-9a-f]{64}\n\nTotal reclaimed space: 0B\n$/);
    expect(container('prune', '-f').out).toBe('Total reclaimed space: 0B\n');
  });

  test('one has kernel parameters of its own, and a place among those that are killed for memory', () => {
    const parameters = ['net.core.somaxconn=77', 'net.ipv4.ip_local_port_range=4000 5000', 'kernel.msgmax=99'];
    const options = parameters.flatMap((text) => ['--sysctl', text]);
    const files = ['net/core/somaxconn', 'net/ipv4/ip_local_port_range', 'kernel/msgmax'];
    const shown = files.flatMap((name) => ['show', `/proc/sys/${name}`]);
    expect(
      run(...options, '--oom-score-adj', '-5', 'box', 'box', ...shown, 'show', '/proc/self/oom_score_adj').out,
    ).toBe('77\n4000\t5000\n99\n-5\n');
    expect(run('-u', 'bob', 'box', 'box', 'listen', '80').out).toBe('listen: EACCES\n');
    const low = ['--sysctl', 'net.ipv4.ip_unprivileged_port_start=0'];
    expect(run(...low, '-u', 'bob', 'box', 'box', 'listen', '80').out).toBe('listen: ok\n');
  });

  test('what one changed becomes an image, while it runs and afterwards', () => {
    container(
      'run',
      '-d',
      '--name',
      'source',
      'box',
      'box',
      'make',
      '/made',
      'unlink',
      '/etc/passwd',
      'trap',
      'forever',
    );
    expect(container('diff', 'source').out).toMatch(/C \/etc\nD \/etc\/passwd\nA \/made\n/);
    expect(container('commit', 'source', 'made:1', '-m', 'why').out).toMatch(/^sha256:[0-9a-f]{64}\n$/);
    expect(run('made:1', 'box', 'show', '/made', 'show', '/etc/passwd').out).toBe('x/etc/passwd: ENOENT\n');
    container('stop', 'source');
    expect(container('diff', 'source').out).toMatch(/C \/etc\nD \/etc\/passwd\nA \/made\n/);
    container('commit', 'source', 'made:2');
    expect(run('made:2', 'box', 'show', '/made', 'show', '/etc/passwd').out).toBe('x/etc/passwd: ENOENT\n');
    expect(anillo(['image', 'history', 'made:1']).out).toMatch(/box make \/made unlink.* why\n/);
    expect(anillo(['image', 'rm', 'box'])).toMatchObject({ status: 1, err: expect.stringContaining('uses the image') });
    container('rm', 'source');
    expect(anillo(['image', 'rm', 'made:1', 'made:2']).status).toBe(0);
    expect(anillo(['image', 'verify']).status).toBe(0);
  });

  test('one whose process is killed has ended, its record says so, and what it changed before is kept', async () => {
    const args = ['run', '--name', 'lost', 'box', 'box', 'say', 'up', 'make', '/before', 'forever'];
    const child = spawn(process.execPath, [COMMAND, 'container', ...args], { env });
    const { containers } = new Places(here.data);
    const isKept = () => {
      const record = containers.list().find(({ name }) => name === 'lost');
      const kept = record && containers.changes(record.id);
      kept?.content.close();
      return kept?.entries.some(({ path }) => path === 'before') === true;
    };
    await until(isKept);
    child.kill('SIGKILL');
    await new Promise((done) => child.once('exit', done));
    expect(container('ps', '-a').out).toMatch(/Exited \(137\) .* lost\n/);
    const { State, ChangesSaved } = JSON.parse(container('inspect', 'lost').out)[0];
    expect(State.Error).toBe(`The process that ran the container was killed: changes up to ${ChangesSaved} are kept.`);
    expect(State).toMatchObject({ Running: false, Pid: 0 });
    expect(container('diff', 'lost').out).toContain('A /before\n');
    expect(container('rm', 'lost').out).toBe('lost\n');
  });

  test('who is attached to one hears of its end when that is in its record', async () => {
    const { containers, data } = new Places(here.data);
    container('run', '-d', '-i', '--name', 'heard', 'box', 'box', 'cat');
    const attached = here.typing(process.execPath, [COMMAND, 'container', 'attach', 'heard']);
    attached.type('typed');
    await attached.says('typed');
    // nothing can be noted meanwhile
    const unlock = await data.lock();
    let hasEnded = false;
    const ended = attached.ended.then((status) => {
      hasEnded = true;
      return { status, state: containers.find('heard').state };
    });
    container('kill', 'heard');
    await sleep(500);
    expect(hasEnded).toBe(false);
    // whoever runs it again listens there
    const { runner } = containers.find('heard');
    await until(() => !existsSync(runner!.socket));
    expect(runner && existsSync(runner.socket)).toBe(false);
    unlock();
    expect(await ended).toEqual({ status: 137, state: 'exited' });
    expect(container('rm', 'heard').out).toBe('heard\n');
  });

  test('who waits for several hears how each ended, also of those that are gone then', async () => {
    const { containers } = new Places(here.data);
    container('run', '-d', '--rm', '--name', 'brief', 'box', 'box', 'forever');
    container('run', '--name', 'over', 'box', 'box', 'exit', '3');
    const { runner } = containers.find('brief');
    const waiting = here.typing(process.execPath, [COMMAND, 'container', 'wait', 'over', 'brief', 'nobody']);
    // the runner listens, and has somebody
    const ends = () => readFileSync('/proc/net/unix', 'utf8').split(`${runner?.socket}\n`).length - 1;
    await until(() => ends() === 2);
    expect(container('kill', 'brief').out).toBe('brief\n');
    expect(await waiting.ended).toBe(1);
    expect(waiting.out()).toBe('3\n137\n');
    expect(container('rm', 'over').out).toBe('over\n');
    expect(container('ps', '-aq').out).toBe('');
  });

  test('one that ends while it is removed by force is removed', async () => {
    const { containers } = new Places(here.data);
    const id = container('create', '--name', 'ending', 'box').out.trim();
    // the process that runs it takes no commands any more, but has not ended
    const runner = spawn('cat');
    const started = startOf(runner.pid!);
    await containers.note(id, {
      state: 'running',
      runner: { pid: runner.pid!, started, socket: join(folder, 'none') },
    });
    const removed = execute(process.execPath, [COMMAND, 'container', 'rm', '-f', 'ending'], { env, timeout: HANGS });
    await sleep(1000);
    runner.stdin.end();
    expect(await removed).toMatchObject({ stdout: 'ending\n', stderr: '' });
    expect(container('ps', '-aq').out).toBe('');
  });

  test('two commands at once: one has its way, the other is told', async () => {
    const several = async (count: number, ...args: string[]) => {
      const run = () => execute(process.execPath, [COMMAND, 'container', ...args], { env, timeout: HANGS });
      return (await Promise.allSettled(Array.from({ length: count }, run))).map((end) =>
        end.status === 'fulfilled' ? 'done' : String((end.reason as { stderr: string }).stderr),
      );
    };
    const created = await several(4, 'create', '--name', 'twin', 'box', 'box', 'forever');
    expect(created.filter((end) => end === 'done')).toHaveLength(1);
    expect(created.filter((end) => end.includes('The name twin is in use'))).toHaveLength(3);
    const started = await several(3, 'start', 'twin');
    expect(started.filter((end) => end === 'done')).toHaveLength(1);
    expect(started.filter((end) => end.includes('The container twin is running already'))).toHaveLength(2);
    expect(container('ps').out).toMatch(/ Up .* twin\n/);
    container('stop', '-t', '0', 'twin');
    await several(3, 'rm', 'twin');
    expect(container('ps', '-aq').out).toBe('');
  });

  describe('mistakes', () => {
    const cases: [string, string[], number, RegExp][] = [
      ['an image that is not there', ['run', 'nothing'], 125, /There is no image nothing/],
      ['a container that is not there', ['stop', 'nothing'], 1, /There is no container nothing/],
      ['a capability there is not', ['run', '--cap-add', 'FLY', 'box'], 125, /There is no capability FLY/],
      ['a name that is none', ['create', '--name', '!', 'box'], 1, /cannot be the name of a container/],
      ['a parameter there is not', ['run', '--rm', '--sysctl', 'a.b=1', 'box'], 125, /no kernel parameter a.b/],
      ['a value it does not take', ['run', '--rm', '--sysctl', 'net.core.somaxconn=x', 'box'], 125, /does not take x/],
      [
        'one that is fixed',
        ['run', '--rm', '--sysctl', 'vm.swappiness=1', 'box'],
        125,
        /is 60 and cannot be changed to 1/,
      ],
      ['a parameter without a value', ['run', '--sysctl', 'a', 'box'], 125, /--sysctl a is not NAME=VALUE/],
      ['a score out of range', ['run', '--oom-score-adj', '2000', 'box'], 125, /from -1000 to 1000/],
      ['a user that is not there', ['run', '--rm', '-u', 'eve', 'box'], 125, /There is no user eve/],
      ['a volume without a place', ['run', '-v', 'here', 'box'], 125, /The volume here is not/],
      ['a signal there is not', ['kill', '-s', 'HELLO', 'x'], 2, /There is no signal HELLO/],
      ['a size that is none', ['run', '-m', 'much', 'box'], 125, /--memory/],
    ];
    test.each(cases)('%s', (_, args, status, sentence) => {
      const outcome = container(...args);
      expect(outcome.err).toMatch(sentence);
      expect(outcome.err).not.toMatch(/\n\s+at |internal error/);
      expect([outcome.status, outcome.out]).toEqual([status, '']);
    });
  });
});
