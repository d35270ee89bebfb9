// The command killed at any moment while it loads, imports, names and removes images: whatever the moment, the store opens
// afterwards, every blob has its digest, and every image is there whole or not at all.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, expect, test } from 'vitest';
import { COMMAND } from '../installation.ts';
import { DataFiles } from '../../src/cli/data-files.ts';
import { ImageStore } from '../../src/oci/image-store.ts';
import { Random } from '../random/random.ts';
import { dockerArchive, file, tar } from './archives.ts';

/** ANILLO_SEED and ANILLO_KILLS choose other ones, and more. */
const KILLS = Number(process.env.ANILLO_KILLS ?? 400);
/** So many kills one after the other are in beginnings of commands only. */
const MOST_IN_A_ROW = 30;
const SEED = Number(process.env.ANILLO_SEED ?? 1);
const folder = mkdtempSync(join(tmpdir(), 'anillo-kills-'));
const data = join(folder, 'data');
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs the command and kills it after some time; true if it had ended by itself. */
async function killed(args: readonly string[], after: number): Promise<boolean> {
  const env = { ...process.env, ANILLO_DATA: data };
  const child = spawn(process.execPath, [COMMAND, 'image', ...args], { env, stdio: 'ignore' });
  const exited = new Promise<boolean>((done) => child.on('exit', (_, signal) => done(signal === null)));
  const isEnded = await Promise.race([exited, sleep(after).then(() => undefined)]);
  if (isEnded !== undefined) return true;
  child.kill('SIGKILL');
  return exited;
}

test(`after each of ${KILLS} kills the store is whole`, async () => {
  const random = new Random(SEED);
  const layers = await Promise.all(
    [1, 2, 3].map((n) => tar(...Array.from({ length: 40 }, (_, k) => file(`d${n}/f${k}`, `${n}${k}`.repeat(5000))))),
  );
  const archive = join(folder, 'image.tar');
  writeFileSync(archive, await dockerArchive({ layers }, ['one:1', 'two:2']));
  const root = join(folder, 'root.tar');
  writeFileSync(root, layers[0]!);
  const commands = [
    ['load', archive],
    ['import', root, 'three'],
    ['tag', 'one:1', 'four'],
    ['rm', '-f', 'one:1', 'two:2'],
    ['rm', '-f', 'three', 'four'],
  ];
  const whole = new Set(['one:1', 'two:2', 'three:latest', 'four:latest']);
  // how long a command takes here, so that kills fall everywhere in it
  const begun = performance.now();
  await killed(['load', archive], 60_000);
  let usual = performance.now() - begun;
  let kills = 0;
  let ends = 0;
  let inARow = 0;
  while (kills < KILLS) {
    const hasEnded = await killed(random.pick(commands), (usual * random.below(120)) / 100);
    if (hasEnded) ends++;
    else kills++;
    inARow = hasEnded ? 0 : inARow + 1;
    // this computer has become slower since
    if (inARow === MOST_IN_A_ROW) {
      usual *= 1.5;
      inARow = 0;
    }
    const store = new ImageStore(new DataFiles(data));
    // a command that was killed is in no other's way
    await store.change(() => {
      for (const image of store.list()) for (const name of image.names) expect(whole).toContain(name);
    });
    expect(await store.verify()).toEqual([]);
    const names = store.list().flatMap((image) => image.names);
    expect(new Set(names).size).toBe(names.length);
  }
  expect(ends).toBeGreaterThan(0);
});
