// A container killed before every single step of a checkpoint of it that changes a file: the container is there and has ended, and
// so is the checkpoint, whole, or none; the next one is made as if nothing had been.
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { COMMAND, HANGS } from '../installation.ts';
import { ask } from '../../src/cli/container/client.ts';
import { Places } from '../../src/cli/places.ts';
import { Checkpoints } from '../../src/oci/checkpoints.ts';
import { canCompile, Programs } from '../linux/guest.ts';

const KILLER = resolve(import.meta.dirname, 'kill-at-step.mjs');
const folder = mkdtempSync(join(tmpdir(), 'anillo-checkpoint-kills-'));
const data = join(folder, 'data');
const now = join(folder, 'now');
const programs = new Programs();
/** Against going on for ever: sometimes changes are kept meanwhile, which is some steps more. */
const MOST_STEPS = 400;

function anillo(...args: string[]) {
  const env = { ...process.env, ANILLO_DATA: data };
  return spawnSync(process.execPath, [COMMAND, ...args], { env, encoding: 'utf8', timeout: HANGS });
}

/** Runs the container until it is killed at a step of the checkpoint that is asked for; true when it was not. */
async function survives(step: number): Promise<boolean> {
  rmSync(now, { force: true });
  const env = { ...process.env, ANILLO_DATA: data, KILL_AT: String(step), KILL_WHEN: now };
  const args = ['--import', KILLER, COMMAND, 'container', 'start', '-a', 'victim'];
  const child = spawn(process.execPath, args, { env, stdio: 'ignore' });
  const ended = new Promise<boolean>((done) => child.on('exit', (_, signal) => done(signal === null)));
  const { containers } = new Places(data);
  while (containers.find('victim').state !== 'running') await sleep(20);
  const record = containers.find('victim');
  writeFileSync(now, '');
  await ask(record, { op: 'checkpoint', name: 'night', leaveRunning: false }).catch(() => {});
  return ended;
}

describe.skipIf(!canCompile() || process.platform !== 'linux')('a container that is killed during a checkpoint', () => {
  beforeAll(() => {
    const root = join(folder, 'root');
    mkdirSync(join(root, 'bin'), { recursive: true });
    const box = programs.compile(join(import.meta.dirname, 'programs/box.c'));
    writeFileSync(join(root, 'bin/box'), box, { mode: 0o755 });
    expect(anillo('image', 'import', root, 'box').status).toBe(0);
    expect(anillo('container', 'create', '--name', 'victim', 'box', 'box', 'forever').status).toBe(0);
  });
  afterAll(() => {
    anillo('container', 'rm', '-f', 'victim');
    programs.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  test('is there, with a whole checkpoint or none', async () => {
    const { containers, data: files } = new Places(data);
    let wholes = 0;
    let step = 1;
    for (let isOver = false; !isOver; step++) {
      expect(step).toBeLessThan(MOST_STEPS);
      isOver = await survives(step);
      const record = containers.find('victim');
      expect([record.state, record.exitCode, record.runner]).toEqual(['exited', 137, undefined]);
      const checkpoints = new Checkpoints(files, containers.checkpointsPath(record.id));
      const there = checkpoints.list();
      expect(there).toEqual(there.length === 0 ? [] : ['night']);
      if (there.length === 0) continue;
      wholes++;
      expect(checkpoints.read('night').state.length).toBeGreaterThan(100_000);
      if (!isOver) checkpoints.remove('night');
    }
    expect(step).toBeGreaterThan(10);
    expect(wholes).toBeGreaterThan(1);
    expect(anillo('container', 'start', '--checkpoint', 'night', 'victim').status).toBe(0);
    expect(containers.list().map(({ name, state }) => [name, state])).toEqual([['victim', 'running']]);
  });
});
