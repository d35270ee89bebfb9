// The committed subset of the hardware vectors (select.ts made it): every form of the groups this version runs, in 16-, 32-
// and 64-bit mode, the 16-bit ones also in real-address and virtual-8086 mode. Any difference from what the real processor did is a failure.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadCore } from '../core.ts';
import { runVectors } from './run-vectors.ts';
import { VectorFile, VectorFileError } from './vector-file.ts';

const files = readdirSync(import.meta.dirname).filter((name) => name.endsWith('.bin.gz'));

describe('instructions behave as recorded on a real processor', () => {
  test.each(files)('%s', (name) => {
    const file = VectorFile.open(readFileSync(join(import.meta.dirname, name)));
    const result = runVectors(loadCore(), file);
    expect(result.differences).toEqual([]);
    expect(result.passed).toBe(file.count);
  });

  const short = files.filter((name) => name.includes('-16.') && name !== 'seg-16.bin.gz');
  const combinations = short.flatMap((name) => [[name, 'real'] as const, [name, 'virtual-8086'] as const]);
  test.each(combinations)('%s in %s mode', (name, mode) => {
    const file = VectorFile.open(readFileSync(join(import.meta.dirname, name)));
    const result = runVectors(loadCore(), file, mode);
    expect(result.differences).toEqual([]);
    expect(result.failed).toBe(0);
    // page faults, and nearly all of the privileged ones in real-address mode
    expect(result.passed).toBeGreaterThan(name === 'priv-16.bin.gz' && mode === 'real' ? 0 : result.leftOut);
  });

  test.each(['-32', '-64'])('all groups of mode %s are there', (mode) => {
    const groups =
      'addr alu bcd bit bmi branch cmovset crypto far flagops invalid lea lock mmx mov muldiv priv seg shift sse4 sseapprox ' +
      'ssecvt ssefp sseint ssemov ssse3 stack string sysinfo trap x87 x87approx xchg';
    const expected = groups.split(' ').filter((group) => mode === '-32' || group !== 'bcd');
    const found = files.filter((name) => name.includes(mode)).map((name) => name.replace(`${mode}.bin.gz`, ''));
    for (const group of expected) expect(found).toContain(group);
  });
});

describe('vector files', () => {
  const contents = readFileSync(join(import.meta.dirname, 'lea-32.bin.gz'));

  test.each([
    ['an empty file', Buffer.alloc(0), /magic number/],
    ['another file', Buffer.from('#!/bin/sh\necho this is not a file of vectors\n'), /magic number/],
    ['damaged gzip data', Buffer.concat([contents.subarray(0, 40), Buffer.alloc(100)]), /gzip/],
  ])('%s is refused with the reason', (_name, data, reason) => {
    expect(() => VectorFile.open(data)).toThrow(reason);
  });

  test('a file cut off in the middle is refused when the cut is reached', () => {
    const whole = VectorFile.open(contents).data;
    const cut = VectorFile.open(whole.subarray(0, whole.length - 10));
    expect(() => [...cut.vectors()]).toThrow(VectorFileError);
  });
});
