// Commands on containers and images killed before every single step of theirs that changes a file, and at random moments:
// afterwards the store opens, every digest holds, every container and image is there once or not at all, and what is there can
// be started and removed. At the end the number of kills is printed.
import { spawn, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { COMMAND, HANGS } from '../installation.ts';
import { Places } from '../../src/cli/places.ts';
import type { ContainerStore } from '../../src/oci/container-store.ts';
import { canCompile, Programs } from '../linux/guest.ts';
import { Random } from '../random/random.ts';

/** ANILLO_SEED and ANILLO_KILLS choose other ones, and more. */
const RANDOM_KILLS = Number(process.env.ANILLO_KILLS ?? 80);
const SEED = Number(process.env.ANILLO_SEED ?? 7);
const KILLER = resolve(import.meta.dirname, 'kill-at-step.mjs');
const folder = mkdtempSync(join(tmpdir(), 'anillo-container-kills-'));
const first = join(folder, 'first');
const data = join(folder, 'data');
const programs = new Programs();

const archive = join(folder, 'archive.tar');
const outside = join(folder, 'outside');
/** Kills that struck a command, by the test. */
const struck: Record<string, number> = {};

interface Case {
  /** Behind `container`, or the whole command. */
  readonly args: readonly string[];
  /** Names of the containers there may be behind it, besides those before. */
  readonly names?: readonly string[];
  /** Names of the images there may be behind it, besides those before. */
  readonly images?: readonly string[];
  /** Fewer steps than this it never takes; 10 if undefined. */
  readonly fewest?: number;
  /** What else holds behind it, whether it came to its end or not. */
  readonly also?: (containers: ContainerStore) => void;
}

/** Before each command there are the containers `old`, which has run and changed something, and `made`. */
const BEFORE = 'made old';
/** And images, one of which has lost its name. */
const IMAGES = '<none> box:latest';
/** Files to be copied into a container, and their sizes. */
const COPIED = { 'in/a': 100_000, 'in/b': 1 } as const;

/** All copied files are there as they were, or none is. */
function expectWholeCopies(containers: ContainerStore): void {
  const changes = containers.changes(containers.find('old').id);
  changes?.content.close();
  const sizes = Object.keys(COPIED).map((path) => changes?.entries.find((entry) => entry.path === path)?.size);
  expect([Object.values(COPIED), [undefined, undefined]]).toContainEqual(sizes);
}

/** An archive is whole, or not there. */
function expectWholeArchive(): void {
  if (existsSync(archive)) expect(spawnSync('tar', ['-tf', archive]).status).toBe(0);
}

const commands: Readonly<Record<string, Case>> = {
  create: { args: ['create', '--name', 'new', 'box'], names: ['made new old'] },
  run: { args: ['run', '--name', 'new', 'box', 'box', 'make', '/b'], names: ['made new old'] },
  'run --rm': { args: ['run', '--rm', '--name', 'new', 'box', 'box', 'make', '/b'], names: ['made new old'] },
  start: { args: ['start', '-a', 'old'] },
  commit: { args: ['commit', 'old', 'box:2'], images: ['<none> box:2 box:latest'] },
  rename: { args: ['rename', 'old', 'older'], names: ['made older'] },
  rm: { args: ['rm', 'old', 'made'], names: ['made', ''] },
  'cp into a container': { args: ['cp', join(outside, 'in'), 'old:/'], also: expectWholeCopies },
  'cp out of a container': { args: ['cp', 'old:/bin', join(outside, 'out')], fewest: 5 },
  'container prune': { args: ['prune', '-f'], names: ['made', 'old', ''] },
  'image prune': { args: ['image', 'prune', '-f'], images: ['box:latest'] },
  'image save': { args: ['image', 'save', '-o', archive, 'box'], also: expectWholeArchive, fewest: 3 },
  'image load': {
    args: ['image', 'load', '-i', join(folder, 'other.tar')],
    images: ['<none> box:latest other:latest'],
  },
};

function anillo(root: string, ...args: string[]) {
  const env = { ...process.env, ANILLO_DATA: root };
  return spawnSync(process.execPath, [COMMAND, ...args], { env, encoding: 'utf8', timeout: HANGS });
}

/** Runs a command until it is killed; true when it ended by itself. */
async function killed(args: readonly string[], options: { step?: number; after?: number }): Promise<boolean> {
  const env = { ...process.env, ANILLO_DATA: data, KILL_AT: String(options.step ?? 0) };
  const words = args[0] === 'image' ? args : ['container', ...args];
  const child = spawn(process.execPath, ['--import', KILLER, COMMAND, ...words], { env, stdio: 'ignore' });
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
  rmSync(archive, { force: true });
  rmSync(join(outside, 'out'), { recursive: true, force: true });
}

/** Everything is whole. */
async function check({ names = [], images: others = [], also }: Case): Promise<void> {
  const { containers, images } = new Places(data);
  // a command that was killed is in no other's way
  await images.change(() => {});
  expect(await images.verify()).toEqual([]);
  const named = images.list().flatMap((image) => (image.names.length === 0 ? ['<none>'] : image.names));
  expect([IMAGES, ...others]).toContain(named.sort().join(' '));
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
  also?.(containers);
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
    // an image that another takes the name of has none any more
    for (const comment of ['old', 'new']) anillo(first, 'image', 'import', root, 'other', '--message', comment);
    expect(anillo(first, 'image', 'save', '-o', join(folder, 'other.tar'), 'other').status).toBe(0);
    expect(anillo(first, 'image', 'rm', 'other').status).toBe(0);
    for (const [path, size] of Object.entries(COPIED)) {
      mkdirSync(join(outside, path, '..'), { recursive: true });
      writeFileSync(join(outside, path), 'x'.repeat(size));
    }
  });
  afterAll(() => {
    const all = Object.values(struck).reduce((sum, kills) => sum + kills, 0);
    process.stdout.write(`${all} kills struck: ${JSON.stringify(struck)}\n`);
    programs.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  test.each(Object.entries(commands))('at any step of %s leaves a whole store', async (name, command) => {
    let step = 1;
    for (; ; step++) {
      prepare();
      if (await killed(command.args, { step })) break;
      await check(command);
    }
    struck[name] = step - 1;
    expect(step).toBeGreaterThan(command.fewest ?? 10);
    await check(command);
  });

  test(`at ${RANDOM_KILLS} random moments loses and doubles nothing, and what is left runs and goes`, async () => {
    const random = new Random(SEED);
    const all = () => anillo(data, 'container', 'ps', '-aq').stdout.trim().split('\n').filter(Boolean);
    prepare();
    const begun = performance.now();
    await killed(commands.run!.args, { after: 60_000 });
    const usual = performance.now() - begun;
    for (let kills = 0; kills < RANDOM_KILLS; ) {
      prepare();
      const command = random.pick(Object.values(commands));
      if (!(await killed(command.args, { after: (usual * random.below(120)) / 100 }))) struck.random = ++kills;
      await check(command);
      if (kills % 25 !== 0) continue;
      for (const id of all()) expect(anillo(data, 'container', 'start', '-a', id)).toMatchObject({ status: 0 });
      // one that was made with --rm has gone by itself
      const left = all();
      if (left.length > 0) expect(anillo(data, 'container', 'rm', ...left)).toMatchObject({ status: 0, stderr: '' });
      expect(anillo(data, 'container', 'ps', '-aq').stdout).toBe('');
    }
  });
});
