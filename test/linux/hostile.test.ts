// A kernel under random system calls: some thousands here, millions in the slow suite.
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { canCompile, Programs, startGuest } from './guest.ts';
import { makeRandomCalls } from './hostile.ts';

test.skipIf(!canCompile())('random system calls are answered, end, and leave nothing behind', () => {
  expect(makeRandomCalls(1, 8, 1500)).toBeGreaterThan(10_000);
});

describe.skipIf(!canCompile())('objects of the kernel', () => {
  const programs = new Programs();
  let hog: Uint8Array;
  beforeAll(() => {
    hog = programs.compile(join(import.meta.dirname, 'hostile/hog.c'));
  });
  afterAll(() => programs.remove());

  test.each([
    // what is not used takes nothing of the host; what is kept there is taken from the machine, which has 16 MiB
    ['pipes', 5000, /^pipes: 5000 made, 0/],
    ['symlinks', 8000, /^symlinks: \d{4} made, (?:ENOMEM|0), fork 0, signal 9/],
    ['attributes', 1000, /^attributes: \d{2,3} made, 0, fork 0, signal 9/],
    ['timers', 32800, /^timers: 32768 made, EAGAIN/],
    // sockets in messages of each other: closed one after the other
    ['flying', 2500, /made/],
  ])('%s: a process has as many as there is room for, and the host is safe', (kind, most, told) => {
    const { kernel, init, out } = startGuest(hog, { memory: 16 << 20, arguments: [kind, String(most)] });
    const before = process.memoryUsage().arrayBuffers;
    let grown = 0;
    for (let ended = false; !ended; ) {
      ended = kernel.run({ cycles: kernel.platform.cycles + 20_000_000 }).reason !== 'limit';
      grown = Math.max(grown, process.memoryUsage().arrayBuffers - before);
    }
    expect(out()).toMatch(told);
    expect(init.group.event).toEqual({ kind: 'exited', status: 0 });
    expect(grown).toBeLessThan(64 << 20);
  });
});
