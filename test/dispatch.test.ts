// The shape of the compiled run loops (32-bit and 64-bit code): V8 makes fast code of it only while it is
// one br_table and not too long. Binaryen makes the br_table out of AssemblyScript's switch, so this can be lost silently.
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, test } from 'vitest';

const LIMIT = 35 * 1024;
const CODE_SECTION = 10;
const BR_TABLE = 0x0e;

function leb(bytes: Uint8Array, at: number): { value: number; next: number } {
  let value = 0;
  let next = at;
  for (let shift = 0; ; shift += 7) {
    const byte = bytes[next++]!;
    value |= (byte & 0x7f) << shift;
    if (!(byte & 0x80)) return { value: value >>> 0, next };
  }
}

/** Bodies of all functions of a module. */
function functionBodies(wasm: Uint8Array): Uint8Array[] {
  let at = 8;
  while (at < wasm.length) {
    const id = wasm[at]!;
    const { value: size, next } = leb(wasm, at + 1);
    if (id !== CODE_SECTION) {
      at = next + size;
      continue;
    }
    const bodies: Uint8Array[] = [];
    let { value: count, next: body } = leb(wasm, next);
    for (; count > 0; count--) {
      const { value: length, next: start } = leb(wasm, body);
      bodies.push(wasm.subarray(start, start + length));
      body = start + length;
    }
    return bodies;
  }
  throw new Error('the module has no code section');
}

/** Targets of the largest br_table in a body: a count, then so many small branch depths. */
function largestTable(body: Uint8Array): number {
  let largest = 0;
  for (let at = 0; at < body.length; at++) {
    if (body[at] !== BR_TABLE) continue;
    const { value: count, next } = leb(body, at + 1);
    if (count <= largest || count > 1024) continue;
    let depthAt = next;
    let isTable = true;
    for (let n = 0; n <= count && isTable; n++) {
      const depth = leb(body, depthAt);
      isTable = depth.value <= count + 8 && depth.next <= body.length;
      depthAt = depth.next;
    }
    if (isTable) largest = count;
  }
  return largest;
}

/** A constant of asm/hot.ts or its like. */
function constant(file: string, name: string): number {
  const source = readFileSync(resolve(import.meta.dirname, '../asm', file), 'utf8');
  return Number(new RegExp(`\\b\\w*${name}: u32 = (\\d+)`).exec(source)![1]);
}

/** How many numbers the cases of a run loop have. */
function hotCount(file: string): number {
  return constant(file, 'HOT_COUNT');
}

test('each run loop is compiled to one br_table and stays below 35 KiB', () => {
  const wasm = readFileSync(resolve(import.meta.dirname, '../dist/cpu.wasm'));
  const bodies = functionBodies(wasm);
  const loops = bodies.filter((body) => largestTable(body) >= hotCount('hot.ts') - 10);
  expect(loops).toHaveLength(2);
  expect(loops.filter((body) => largestTable(body) >= hotCount('long-mode/hot.ts') - 10)).toHaveLength(1);
  for (const loop of loops) expect(loop.length).toBeLessThanOrEqual(LIMIT);
});

test.each(['hot.ts', 'long-mode/hot.ts'])('the shortest case of %s has the last number', (file) => {
  expect(constant(file, 'NOP')).toBe(hotCount(file) - 1);
});
