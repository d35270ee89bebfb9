// test386, a test ROM for 386 processors, when one is at hand: ANILLO_TEST386 is a folder with ROMs named test386*.bin, built
// with POST_PORT 0x190 and OUT_PORT 0xe9 (64 KiB, or 128 KiB with ROM128), and test386-EE-reference.txt from its sources.
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { COMMAND } from './installation.ts';

const FOLDER = process.env.ANILLO_TEST386;
/** The codes in the order in which the ROM announces its stages. */
const STAGES =
  '00 01 02 03 04 05 06 08 09 20 21 22 0b 0c 0d 0e 0f 10 11 12 13 14 15 16 17 18 19 1a 1b 1c e0 ee ff'.split(' ');

describe('test386', () => {
  if (FOLDER === undefined) {
    test.skip('needs ANILLO_TEST386, a folder with its ROMs and its reference text', () => {});
    return;
  }
  const reference = readFileSync(join(FOLDER, 'test386-EE-reference.txt'), 'latin1');
  const roms = readdirSync(FOLDER).filter((name) => /^test386.*\.bin$/.test(name));
  test('there is a ROM to run', () => expect(roms).not.toEqual([]));

  test.each(roms)('%s passes every stage, and its text equals the reference', (name) => {
    const run = spawnSync(
      process.execPath,
      [COMMAND, 'run', '--bios', join(FOLDER, name), '--post', '0x190', '--debugcon', '0xe9'],
      { encoding: 'latin1', input: '', maxBuffer: 64 << 20 },
    );
    const stages = [...run.stderr.matchAll(/^POST 0x(..)$/gm)].map((match) => match[1]);
    expect(stages).toEqual(STAGES);
    expect(run.stdout === reference).toBe(true);
  });
});
