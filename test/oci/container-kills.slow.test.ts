// Commands on containers killed before every single step of theirs that changes a file, and at random moments: afterwards the
// store opens, every digest holds, and every container is there once or not at all, and can be started and removed.
import { spawn, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Places } from '../../src/cli/places.ts';
import { canCompile, Programs } from '../linux/guest.ts';
import { Random } from '../random/random.ts';

const RANDOM_KILLS = 80;
const COMMAND = resolve(import.meta.dirname, '../../dist/anillo.js');
const KILLER = resolve(import.meta.dirname, 'kill-at-step.mjs');
const folder = mkdtempSync(join(tmpdir(), 'anillo-container-kills-'));
const first = join(folder, 'first');
const data = join(folder, 'data');
const programs = new Programs();

interface Case {
  readonly args: readonly string[];
  /** Names of the containers there may be behind it, besides those before. */
  readonly names: readonly string[];
}

/** Before each command there are the containers `old`, which has run and changed something, and `made`. */
const BEFORE = 'made old';
const commands: Readonly<Record<string, Case>> = {
  create: { args: ['create', '--name', 'new', 'box'], names: ['made new old'] },
  run: { args: ['run', '--name', 'new', 'box', 'box', 'make', '/b'], names: ['made new old'] },
  'run --rm': { args: ['run', '--rm', '--name', 'new', 'box', 'box', 'make', '/b'], names: ['made new old'] },
  start: { args: ['start', '-a', 'old'], names: [] },
  commit: { args: ['commit', 'old', 'box:2'], names: [] },
  rename: { args: ['rename', 'old', 'older'], names: ['made older'] },
  rm: { args: ['rm', 'old', 'made'], names: ['made', ''] },
};

function anillo(root: string, ...args: string[]) {
  const env = { ...process.env, ANILLO_DATA: root };
  return spawnSync(process.execPath, [COMMAND, ...args], { env, encoding: 'utf8', timeout: 60_000 });
}

/** Runs a command until it is killed; true when it ended by itself. */
async function killed(args: readonly string[], options: { step?: number; after?: number }): Promise<boolean> {
  const env = { ...process.env, ANILLO_DATA: data, KILL_AT: String(options.step ?? 0) };
  const child = spawn(process.execPath, ['--import', KILLER, COMMAND, 'container', ...args], { env, stdio: 'ignore' });
  const exited = new Promise<boolean>((done) => child.on('exit', (_, signal) => done(signal === null)));
  if (options.after !== undefined) {
    const isEnded = await Promise.race([exited, sleep(options.after).then(() => false)]);
    if (!isEnded) child.kill('SIGKILL');
  }
  return exited;
}

function prepare(): void {
  rmSync(data, { recursive: true, force: true });
  cpSync(first, data, { recursive: true });
}

/** Everything is whole; gives the names of the containers. */
async function check({ names }: Case): Promise<void> {
  const { containers, images } = new Places(data);
  // a command that was killed is in no other's way
  await images.change(() => {});
  expect(await images.verify()).toEqual([]);
  const all = containers.list();
  const there = all.map(({ name }) => name).sort();
  expect([BEFORE, ...names]).toContain(there.join(' '));
  expect(new Set(all.map(({ id }) => id)).size).toBe(all.length);
  for (const record of all) {
    expect(record.runner).toBeUndefined();
    for (const layer of record.image.diffIds) expect(images.layers.has(layer)).toBe(true);
    containers.changes(record.id)?.content.close();
  }
  const old = all.find(({ name }) => name.startsWith('old'));
  if (old !== undefined) expect(containers.changes(old.id)?.entries.some(({ path }) => path === 'kept')).toBe(true);
}

describe.skipIf(!canCompile())('a command on containers that is killed', () => {
  beforeAll(() => {
    const root = join(folder, 'root');
    mkdirSync(join(root, 'bin'), { recursive: true });
    writeFileSync(join(root, 'bin/box'), programs.compile(join(import.meta.dirname, 'programs/box.c')), {
      mode: 0o755,
    });
    expect(anillo(first, 'image', 'import', root, 'box', '--cmd', '/bin/box say image').status).toBe(0);
    expect(anillo(first, 'container', 'run', '--name', 'old', 'box', 'box', 'make', '/kept').status).toBe(0);
    expect(anillo(first, 'container', 'create', '--name', 'made', 'box').status).toBe(0);
  });
  afterAll(() => {
    programs.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  test.each(Object.entries(commands))('at any step of %s leaves a whole store', async (_, command) => {
    let step = 1;
    for (; ; step++) {
      prepare();
      if (await killed(command.args, { step })) break;
      await check(command);
    }
    expect(step).toBeGreaterThan(10);
    await check(command);
  });

  test(`at ${RANDOM_KILLS} random moments loses and doubles nothing, and what is left runs and goes`, async () => {
    const random = new Random(7);
    prepare();
    const begun = performance.now();
    await killed(commands.run!.args, { after: 60_000 });
    const usual = performance.now() - begun;
    for (let kills = 0; kills < RANDOM_KILLS; ) {
      prepare();
      const command = random.pick(Object.values(commands));
      if (!(await killed(command.args, { after: (usual * random.below(120)) / 100 }))) kills++;
      await check(command);
      if (kills % 25 !== 0) continue;
      const left = anillo(data, 'container', 'ps', '-aq').stdout.trim().split('\n').filter(Boolean);
      for (const id of left) expect(anillo(data, 'container', 'start', '-a', id)).toMatchObject({ status: 0 });
      if (left.length > 0) expect(anillo(data, 'container', 'rm', ...left).status).toBe(0);
      expect(anillo(data, 'container', 'ps', '-aq').stdout).toBe('');
    }
  });
});
