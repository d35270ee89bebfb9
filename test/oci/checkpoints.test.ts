// Checkpoints of running containers: what goes on from one in a new process says to the byte what the container says that was
// left running; what is damaged, missing or of another container is refused in a sentence. Truth: docker-checkpoint(1).
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, openSync, readdirSync } from 'node:fs';
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ask } from '../../src/cli/container/client.ts';
import { Places } from '../../src/cli/places.ts';
import { COMMAND, Installation, until } from '../installation.ts';
import { canCompile, Programs } from '../linux/guest.ts';

const here = new Installation('checkpoints');
const { folder, env, anillo, container } = here;
const volume = join(folder, 'volume');
const elsewhere = join(folder, 'elsewhere');
const programs = new Programs();

/** One that has to succeed; what it prints. */
function done(...args: string[]): string {
  const { status, out, err } = container(...args);
  expect([status, err]).toEqual([0, '']);
  return out;
}
const places = new Places(here.data);
const recordOf = (name: string) => places.containers.find(name);

/** What a container has said so far. */
function log(name: string): string {
  const path = join(here.data, places.containers.logPath(recordOf(name).id));
  if (!existsSync(path)) return '';
  const lines = readFileSync(path, 'utf8').split('\n').slice(0, -1);
  return lines.map((line) => (JSON.parse(line) as { log: string }).log).join('');
}

/** Waits until a container has said something. */
async function said(name: string, text: string): Promise<void> {
  await until(() => log(name).includes(text));
  expect(log(name)).toContain(text);
}

/** Attaches to a container with a terminal. */
const attach = (name: string) => here.typing(process.execPath, [COMMAND, 'container', 'attach', name]);

describe.skipIf(!canCompile() || process.platform !== 'linux')('a checkpoint', () => {
  beforeAll(() => {
    const root = join(folder, 'root');
    for (const path of [join(root, 'bin'), join(root, 'tmp'), volume, elsewhere]) mkdirSync(path, { recursive: true });
    for (const name of ['worker', 'box'])
      writeFileSync(join(root, 'bin', name), programs.compile(join(import.meta.dirname, `programs/${name}.c`)), {
        mode: 0o755,
      });
    writeFileSync(join(volume, 'file'), 'outside');
    expect(anillo(['image', 'import', root, 'work']).status).toBe(0);
  });
  afterAll(() => {
    programs.remove();
    here.remove();
  });

  test('at any point goes on as the container that was left running, in a new process and again', async () => {
    // it does not come to its end before all checkpoints are there
    writeFileSync(join(volume, 'held'), '');
    const program = ['worker', '80', '/mnt/file', '/mnt/held'];
    const made = ['--memory', '64M', '--cpus', '0.9', '-v', `${volume}:/mnt`, 'work', ...program];
    done('run', '-d', '--name', 'worker', ...made);
    const directory = ['--checkpoint-dir', elsewhere];
    /** How much had been said before each checkpoint at least, and at most. */
    const bounds: [number, number][] = [];
    for (const [name, text] of Object.entries({ first: '\n3 ', second: '\n20 ', third: '\n41 ' })) {
      await said('worker', text);
      const before = log('worker').length;
      await ask(recordOf('worker'), { op: 'checkpoint', name, directory: elsewhere, leaveRunning: true });
      bounds.push([before, log('worker').length]);
    }
    rmSync(join(volume, 'held'));
    expect(done('checkpoint', 'ls', ...directory, 'worker')).toBe('CHECKPOINT NAME\nfirst\nsecond\nthird\n');
    const clones = ['first', 'second', 'third', 'second'].map((name, n) => {
      done('create', '--name', `clone${n}`, ...made);
      expect(done('start', ...directory, '--checkpoint', name, `clone${n}`)).toBe(`clone${n}\n`);
      return `clone${n}`;
    });
    expect(done('wait', 'worker', ...clones)).toBe('7\n'.repeat(5));
    const whole = log('worker');
    expect(whole).toMatch(/^80 tcp 3240 unix 3240 pipe <80> thread 80 memory \w+ file \w+ volume outside late 0$/m);
    expect(whole).toMatch(/late 0\nended 1\nended 1\nended 1\n$/);
    const rests = clones.map(log);
    for (const [n, [least, most]] of bounds.entries()) {
      expect(whole.endsWith(rests[n]!)).toBe(true);
      expect(whole.length - rests[n]!.length).toBeGreaterThanOrEqual(least);
      expect(whole.length - rests[n]!.length).toBeLessThanOrEqual(most);
    }
    expect(rests[3]).toBe(rests[1]);
    done('checkpoint', 'rm', ...directory, 'worker', 'second');
    expect(readdirSync(elsewhere)).toEqual(['first', 'third']);
  });

  test('takes the place of the container: it has ended, goes on where it is started from it, and goes with it', async () => {
    done('run', '-d', '-i', '-t', '--name', 'session', 'anillo', 'sh');
    const first = attach('session');
    first.type(`x=kept; echo file >/tmp/made; sleep 1000 & echo r''eady\n`);
    await first.says('ready');
    expect(done('checkpoint', 'create', 'session', 'night')).toBe('night\n');
    expect(await first.ended).toBe(137);
    expect(recordOf('session')).toMatchObject({ state: 'exited', exitCode: 137 });
    expect(container('checkpoint', 'create', 'session', 'late')).toMatchObject({
      status: 1,
      err: 'anillo: The container session is not running.\n',
    });
    // another life of the container, which the checkpoint knows nothing of
    const other = spawnSync(process.execPath, [COMMAND, 'container', 'start', '-a', 'session'], {
      env,
      input: 'cat /tmp/made; echo other >/tmp/made; exit 5\n',
      encoding: 'utf8',
    });
    expect([other.status, other.stdout]).toEqual([5, expect.stringContaining('file\r\n')]);
    done('start', '--checkpoint', 'night', 'session');
    expect(recordOf('session').state).toBe('running');
    const second = attach('session');
    second.type('echo $x; cat /tmp/made; jobs; exit 3\n');
    expect(await second.ended).toBe(3);
    expect(second.out()).toMatch(/kept\r\nfile\r\n.*sleep 1000/s);
    const kept = join(folder, 'data/containers', recordOf('session').id);
    expect(existsSync(join(kept, 'checkpoints/night/checkpoint.json'))).toBe(true);
    done('rm', 'session');
    expect(existsSync(kept)).toBe(false);
  });

  test('of a frozen container is frozen, and one started with it attached ends with its status', async () => {
    const script = 'echo go; until [ -e /tmp/on ]; do sleep .1; done; echo on; exit 4';
    done('run', '-d', '--name', 'frozen', 'anillo', 'sh', '-c', script);
    await said('frozen', 'go');
    done('pause', 'frozen');
    done('checkpoint', 'create', 'frozen', 'ice');
    done('start', '--checkpoint', 'ice', 'frozen');
    expect(recordOf('frozen').state).toBe('paused');
    done('unpause', 'frozen');
    done('exec', 'frozen', 'touch', '/tmp/on');
    expect(done('wait', 'frozen')).toBe('4\n');
    expect(log('frozen')).toBe('go\non\n');
  });

  describe('is refused in a sentence', () => {
    /** What `start` says, which leaves the container as it was. */
    function refused(name: string, ...options: string[]): string {
      const before = recordOf(name);
      const { status, out, err } = container('start', '-a', ...options, name);
      expect([status, out]).toEqual([1, '']);
      expect(err).toMatch(/^anillo: [A-Z"].*\.\n$/);
      expect(recordOf(name)).toEqual(before);
      return err;
    }

    beforeAll(async () => {
      done('run', '-d', '--name', 'server', '-v', `${volume}:/mnt`, 'work', 'box', 'forever');
      done('checkpoint', 'create', 'server', 'good');
    });

    test('when it is damaged, cut short or not there', () => {
      const kept = join(folder, 'data/containers', recordOf('server').id, 'checkpoints');
      const damage = (name: string, change: (bytes: Buffer) => Uint8Array, file = 'state-') => {
        cpSync(join(kept, 'good'), join(kept, name), { recursive: true });
        const path = join(kept, name, readdirSync(join(kept, name)).find((other) => other.startsWith(file))!);
        writeFileSync(path, change(readFileSync(path)));
        return refused('server', '--checkpoint', name);
      };
      expect(damage('short', (bytes) => bytes.subarray(0, bytes.length - 1))).toContain('damaged');
      const flip = (bytes: Buffer) => bytes.fill(bytes[5000]! ^ 1, 5000, 5001);
      expect(damage('flipped', flip)).toContain('digest');
      const change = (from: RegExp, to: string) => (bytes: Buffer) => Buffer.from(bytes.toString().replace(from, to));
      expect(damage('text', () => Buffer.from('hello'), 'check')).toContain('no JSON');
      expect(damage('outside', change(/state-\w+/, '../../../x'), 'check')).toContain('not whole');
      expect(damage('greedy', change(/"source":"[^"]*"/, '"source":"/etc"'), 'check')).toContain('/etc');
      expect(damage('writer', change(/"writable":false/, '"writable":true'), 'check')).toContain('does not share');
      expect(damage('poor', change(/"shared":\[.*?\]/, '"shared":[]'), 'check')).toContain('was not provided');
      expect(damage('future', change(/"version":1/, '"version":2'), 'check')).toContain('format 2');
      expect(refused('server', '--checkpoint', 'nothing')).toContain('has no checkpoint nothing');
      expect(refused('server', '--checkpoint', '../good')).toContain('cannot be the name');
    });

    test('when it is of another image, or what it needs is gone', () => {
      const kept = join(folder, 'data/containers', recordOf('server').id, 'checkpoints');
      done('create', '--name', 'stranger', 'anillo');
      expect(refused('stranger', '--checkpoint', 'good', '--checkpoint-dir', kept)).toContain('another image');
      done('create', '--name', 'without', 'work', 'box');
      expect(refused('without', '--checkpoint', 'good', '--checkpoint-dir', kept)).toContain('does not share');
      done('create', '-t', '-v', `${volume}:/mnt`, '--name', 'typed', 'work', 'box');
      expect(refused('typed', '--checkpoint', 'good', '--checkpoint-dir', kept)).toContain('terminal');
      renameSync(volume, `${volume}-away`);
      expect(refused('server', '--checkpoint', 'good')).toMatch(/volume, which cannot be had again/);
      renameSync(`${volume}-away`, volume);
      const layers = join(folder, 'data/layers');
      renameSync(layers, `${layers}-away`);
      expect(refused('server', '--checkpoint', 'good')).toMatch(/The layer sha256:\w+ is missing/);
      renameSync(`${layers}-away`, layers);
    });

    test('when its name is taken, or it would be removed at once', () => {
      done('start', '--checkpoint', 'good', 'server');
      const taken = container('checkpoint', 'create', 'server', 'good');
      expect(taken).toMatchObject({ status: 1, err: expect.stringContaining('has a checkpoint good already') });
      expect(container('checkpoint', 'create', 'server', '.x').err).toContain('cannot be the name of a checkpoint');
      expect(refused('server', '--checkpoint', 'good')).toContain('is running already');
      done('run', '-d', '--rm', '--name', 'brief', 'work', 'box', 'forever');
      expect(container('checkpoint', 'create', 'brief', 'one').err).toContain('--leave-running or --checkpoint-dir');
      expect(container('start', '--checkpoint-dir', '/', 'server').status).toBe(2);
      expect(container('start', '--checkpoint', 'good', 'server', 'stranger').status).toBe(2);
    });
  });

  test('of a bundle is kept in a directory, and a new container of the bundle goes on from there', async () => {
    const oci = (...args: string[]) => anillo(['oci', ...args]);
    const bundle = join(folder, 'bundle');
    cpSync(join(folder, 'root'), join(bundle, 'rootfs'), { recursive: true });
    expect(oci('spec', '-b', bundle).status).toBe(0);
    const file = join(bundle, 'config.json');
    const config = JSON.parse(readFileSync(file, 'utf8'));
    Object.assign(config.process, { args: ['worker', '60', '/dev/null', '/tmp/held'], terminal: false });
    config.root.readonly = false;
    writeFileSync(file, JSON.stringify(config));
    const held = join(bundle, 'rootfs/tmp/held');
    writeFileSync(held, '');
    const output = join(folder, 'output');
    const stdout = openSync(output, 'w');
    const args = [COMMAND, 'oci', 'run', '-d', '-b', bundle, 'night'];
    expect(spawnSync(process.execPath, args, { env, stdio: ['ignore', stdout, 'inherit'] }).status).toBe(0);
    await until(() => readFileSync(output, 'utf8').includes('\n4 '));
    const images = join(folder, 'images');
    expect(oci('checkpoint', '--tcp-established', '--image-path', images, 'night')).toEqual({
      status: 0,
      out: '',
      err: '',
    });
    expect(oci('list', '-q').out).toBe('');
    rmSync(held);
    const before = readFileSync(output, 'utf8');
    const rest = oci('restore', '-b', bundle, '--image-path', images, 'morning');
    expect([rest.status, rest.err]).toEqual([7, '']);
    expect((before + rest.out).match(/^\d+ tcp/gm)?.map(Number.parseFloat)).toEqual(
      Array.from({ length: 60 }, (_, n) => n + 1),
    );
    expect(rest.out).toMatch(/ended 1\nended 1\nended 1\n$/);
    expect(oci('restore', '-b', bundle, '--image-path', elsewhere, 'none').err).toContain('is not there');
    const other = join(folder, 'other');
    cpSync(bundle, other, { recursive: true });
    expect(oci('restore', '-b', other, '--image-path', images, 'none').err).toContain('does not share that way');
    expect(oci('list', '-q').out).toBe('');
  });
});
