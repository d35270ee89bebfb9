// Random system calls with random arguments from several threads, round after round: whatever they are, they are no exception of
// the host's, nothing hangs, and nothing of a round is left behind, neither in the machine's memory nor in the host's.
import { join } from 'node:path';
import { expect } from 'vitest';
import { Programs, startGuest } from './guest.ts';

const SLICE = 50_000_000;
/** Bytes of buffers the host may have for the calls of one slice. */
const MOST_BUFFERS = 256 << 20;
/** Frames of files, mounts and the like that a round may leave, on average. */
const FRAMES_A_ROUND = 1;

/** Runs rounds of random calls; how many calls they made. */
export function makeRandomCalls(seed: number, rounds: number, calls: number): number {
  const programs = new Programs();
  try {
    const program = programs.compile(join(import.meta.dirname, 'hostile/calls.c'));
    let made = 0;
    const { kernel, out, init } = startGuest(program, {
      memory: 96 << 20,
      onCall: () => made++,
      arguments: [seed, rounds, calls].map(String),
    });
    let ended = 0;
    let baseline: number | undefined;
    let frames = 0;
    const before = process.memoryUsage().arrayBuffers;
    for (;;) {
      const stop = kernel.run({ cycles: kernel.platform.cycles + SLICE });
      expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(MOST_BUFFERS);
      const lines = out().split('\n').length - 1;
      if (lines > ended && kernel.pids.tasks.size === 1) {
        frames = kernel.frames.used;
        baseline ??= frames;
      }
      ended = lines;
      if (stop.reason === 'limit') continue;
      expect(stop.reason).toBe('ended');
      break;
    }
    expect(init.group.event).toEqual({ kind: 'exited', status: 0 });
    expect(out()).toMatch(new RegExp(`^(?:\\d+ [0-9a-f]+ 0\\n){${rounds}}$`));
    expect(frames - (baseline ?? 0)).toBeLessThanOrEqual(FRAMES_A_ROUND * rounds);
    return made;
  } finally {
    programs.remove();
  }
}
