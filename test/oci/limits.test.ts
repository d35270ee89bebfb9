// Limits of containers as a user sets, changes and sees them: processor time, memory, processes, and standing still. Truth:
// docker-run(1), docker-update(1), docker-stats(1), Documentation/admin-guide/cgroup-v2.rst.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { COMMAND, Installation } from '../installation.ts';
import { canCompile, Programs } from '../linux/guest.ts';

const here = new Installation('limits');
const { folder, env, anillo, container } = here;
const programs = new Programs();
const MEBIBYTE = 2 ** 20;

const run = (...args: string[]) => container('run', '--rm', ...args);
const show = (...files: string[]) => ['box', 'box', ...files.flatMap((file) => ['show', `/sys/fs/cgroup/${file}`])];
const inside = (name: string, file: string) => container('exec', name, 'box', 'show', `/sys/fs/cgroup/${file}`).out;
const stats = (name: string) => JSON.parse(container('stats', '--json', name).out)[0];
const inspect = (name: string) => JSON.parse(container('inspect', name).out)[0];

describe.skipIf(!canCompile())('limits', () => {
  beforeAll(() => {
    const root = join(folder, 'root');
    mkdirSync(join(root, 'bin'), { recursive: true });
    writeFileSync(join(root, 'bin/box'), programs.compile(join(import.meta.dirname, 'programs/box.c')), {
      mode: 0o755,
    });
    expect(anillo(['image', 'import', root, 'box', '--cmd', '/bin/box say image']).status).toBe(0);
  });
  afterAll(() => {
    programs.remove();
    here.remove();
  });

  test('--cpus 0.25 gives a quarter of the time that passes', () => {
    const { out } = run('--cpus', '0.25', 'box', 'box', 'burn', '1000', 'show', '/sys/fs/cgroup/cpu.stat');
    const value = (key: string) => Number(new RegExp(`^${key} (\\d+)`, 'm').exec(out)?.[1]);
    expect(value('usage_usec')).toBeGreaterThan(245_000);
    expect(value('usage_usec')).toBeLessThan(255_000);
    expect(value('nr_throttled')).toBeGreaterThanOrEqual(9);
  });

  test('are in the files of the control group', () => {
    const options = ['--cpu-period', '50000', '--cpu-quota', '20000', '--cpu-shares', '2048', '--cpuset-cpus', '0'];
    const more = ['--memory', '64m', '--memory-reservation', '16M', '--pids-limit', '9', '--blkio-weight', '500'];
    const files = ['cpu.max', 'cpu.weight', 'cpuset.cpus', 'memory.max', 'memory.low', 'pids.max', 'io.weight'];
    expect(run(...options, ...more, ...show(...files)).out.split('\n')).toEqual([
      '20000 50000',
      '79',
      '0',
      '67108864',
      '16777216',
      '9',
      'default 4950',
      '',
    ]);
    expect(run(...show('cpu.max', 'cpu.weight', 'memory.max', 'pids.max')).out).toBe('max 100000\n100\nmax\nmax\n');
  });

  test('are there for each process, and for shared memory', () => {
    const { out } = run(
      '--ulimit',
      'nofile=64:128',
      '--ulimit',
      'core=-1',
      '--shm-size',
      '1m',
      ...show('../../../proc/self/limits', '../../../proc/mounts'),
    );
    expect(out).toMatch(/^Max open files +64 +128 +files/m);
    expect(out).toMatch(/^Max core file size +unlimited +unlimited/m);
    expect(out).toMatch(/^shm \/dev\/shm tmpfs \S*size=1024k/m);
  });

  test('who passes --memory is killed, the others are not; the events and the record say so', () => {
    const events = ['show', '/sys/fs/cgroup/memory.events', 'exit', '3'];
    const { out, status } = container(
      ...['run', '--name', 'short', '-m', '16m', 'box', 'box', 'child', '1', 'hog', 'say', 'goes on', ...events],
    );
    expect(out).toMatch(/^child: signal 9\ngoes on\n(.*\n)*max [1-9]\d*\noom 1\noom_kill 1\noom_group_kill 0\n$/);
    expect(status).toBe(3);
    expect(inspect('short').State).toMatchObject({ ExitCode: 3, OOMKilled: true });
    expect(container('start', '-a', 'short').status).toBe(3);
    container('rm', 'short');
    // the machine is as large as the limit, and the kernel fits in as well
    expect(run('-m', '3g', 'box').out).toBe('image\n');
  });

  test('hold and change while the container runs', () => {
    container('run', '-d', '--name', 'busy', '--cpus', '0.25', 'box', 'box', 'burn', '1000000');
    let now = stats('busy');
    while (now.virtualNanoseconds < 2e9) now = stats('busy');
    expect(now).toMatchObject({ pids: 1, pidsLimit: 0, oomKills: 0, memoryLimit: 512 * MEBIBYTE });
    expect(now.cpuNanoseconds / now.virtualNanoseconds).toBeGreaterThan(0.245);
    // a quota at the beginning of a period that is not over
    expect(now.cpuNanoseconds / now.virtualNanoseconds).toBeLessThan(0.265);
    expect(now.cpuShare).toBeGreaterThan(0.1);
    expect(now.cpuShare).toBeLessThan(0.5);
    expect(container('update', '--cpus', '0.5', '--cpu-shares', '512', '--cpuset-cpus', '0', 'busy').out).toBe(
      'busy\n',
    );
    container('update', '--memory', '32m', '--pids-limit', '7', 'busy');
    expect(inside('busy', 'cpu.max')).toBe('50000 100000\n');
    expect(inside('busy', 'cpu.weight')).toBe('20\n');
    expect(inside('busy', 'memory.max')).toBe(`${32 * MEBIBYTE}\n`);
    expect(inside('busy', 'pids.max')).toBe('7\n');
    expect(inspect('busy').HostConfig).toMatchObject({
      NanoCpus: 5e8,
      CpuShares: 512,
      CpusetCpus: '0',
      Memory: 32 * MEBIBYTE,
      PidsLimit: 7,
    });
    container('update', '--cpu-quota', '10000', 'busy');
    expect(inside('busy', 'cpu.max')).toBe('10000 100000\n');
    container('rm', '-f', 'busy');
  });

  test('a paused container executes nothing, whoever asks it', () => {
    container('run', '-d', '--name', 'still', 'box', 'box', 'burn', '1000000');
    expect(container('pause', 'still').out).toBe('still\n');
    const [first, second] = [stats('still'), stats('still')];
    expect(second.virtualNanoseconds).toBeGreaterThan(first.virtualNanoseconds);
    expect(second.instructions).toBe(first.instructions);
    expect(second.cpuNanoseconds).toBe(first.cpuNanoseconds);
    expect(container('stats', '--no-stream', 'still').out).toMatch(
      /^CONTAINER ID +NAME +CPU % +MEM USAGE \/ LIMIT +MEM % +NET I\/O +BLOCK I\/O +PIDS\n\S+ +still +0\.00% +\S+KiB \/ 512MiB +0\.\d\d% +0B \/ 0B +\S+B \/ \S+B +1\n$/,
    );
    expect(container('pause', 'still').err).toContain('is paused already');
    expect(container('exec', 'still', 'box')).toMatchObject({
      status: 1,
      err: expect.stringContaining('unpause it first'),
    });
    container('unpause', 'still');
    expect(container('unpause', 'still').err).toContain('is not paused');
    expect(stats('still').instructions).toBeGreaterThan(second.instructions);
    container('pause', 'still');
    expect(container('kill', 'still').out).toBe('still\n');
    expect(container('wait', 'still').out).toBe('137\n');
    container('rm', 'still');
  });

  test('an idle container sleeps until something comes, and time passes meanwhile', () => {
    container('run', '-d', '--rm', '--name', 'idle', 'box', 'box', 'sleep', '1000000');
    const [first, second] = [stats('idle'), stats('idle')];
    // each of the two looks of a command is one
    expect(second.wakeUps - first.wakeUps).toBeLessThanOrEqual(3);
    expect(second.virtualNanoseconds - first.virtualNanoseconds).toBeGreaterThan(0.9e9);
    expect(second.instructions).toBe(first.instructions);
    container('rm', '-f', 'idle');
  });

  test('a program waits for who reads slowly what it writes', async () => {
    container('run', '-d', '--rm', '--name', 'flood', 'box', 'box', 'forever');
    const reader = spawn(process.execPath, [COMMAND, 'container', 'exec', 'flood', 'box', 'flood'], { env });
    await once(reader.stdout, 'readable');
    const resident = () =>
      Number(readFileSync(`/proc/${inspect('flood').State.Pid}/statm`, 'utf8').split(' ')[1]) * 4096;
    const before = resident();
    let { instructions } = stats('flood');
    for (let again = stats('flood'); again.instructions !== instructions; again = stats('flood'))
      instructions = again.instructions;
    expect(resident() - before).toBeLessThan(64 * MEBIBYTE);
    reader.kill('SIGKILL');
    container('rm', '-f', 'flood');
  });

  test('a new limit below what is in use kills who uses it', () => {
    container('run', '-d', '--name', 'full', 'box', 'box', 'hold', '8', 'forever');
    while (stats('full').memory < 8 * MEBIBYTE);
    const { memory } = stats('full');
    expect(memory).toBeLessThan(9 * MEBIBYTE);
    container('update', '--memory', '4m', 'full');
    expect(container('wait', 'full').out).toBe('137\n');
    expect(inspect('full').State).toMatchObject({ ExitCode: 137, OOMKilled: true });
    container('rm', 'full');
  });

  describe('mistakes', () => {
    const cases: [string, string[], RegExp][] = [
      ['a processor there is not', ['run', '--cpuset-cpus', '1', 'box'], /1 is not available.*one processor/],
      ['two ways at once', ['run', '--cpus', '1', '--cpu-quota', '5000', 'box'], /--cpus does not go together/],
      ['a size that is none', ['run', '--memory', 'much', 'box'], /much is not a size/],
      ['too little memory', ['run', '--memory', '64', 'box'], /64 is out of range/],
      ['a reservation above the limit', ['run', '-m', '8m', '--memory-reservation', '9m', 'box'], /more than --memory/],
      ['half a process', ['run', '--pids-limit', '1.5', 'box'], /whole number/],
      ['a limit in other words', ['run', '--ulimit', 'nofile', 'box'], /NAME=SOFT/],
      ['less than what is allowed now', ['run', '--ulimit', 'nofile=9:8', 'box'], /more now than it ever may/],
      ['an update of nothing', ['update', 'box'], /no limit to change/],
    ];
    const [wrongRun, wrongUsage] = [125, 2];
    test.each(cases)('%s', (_, args, sentence) => {
      const { status, out, err } = container(...args);
      expect(err).toMatch(sentence);
      expect(err).not.toMatch(/\n\s+at |internal error/);
      expect([status, out]).toEqual([args[0] === 'run' ? wrongRun : wrongUsage, '']);
    });
  });
});
