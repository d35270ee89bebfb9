// Shares and caps of control groups as the scheduler keeps them, counted in work done and in cycles used.
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { canCompile, Programs, runGuest } from './guest.ts';

const possible = canCompile();
const programs = new Programs();
afterAll(() => programs.remove());

interface Shares {
  /** Rounds of work of each worker. */
  readonly rounds: readonly number[];
  /** Microseconds used by the group of each worker, and its periods with and without throttling. */
  readonly usage: readonly (readonly number[])[];
}

let program: Uint8Array | undefined;

/** Lets a worker run in each group for some milliseconds. */
function share(milliseconds: number, ...groups: readonly string[]): Shares {
  program ??= programs.compile(join(import.meta.dirname, 'scheduling/share.c'));
  const { out, status } = runGuest(program, { arguments: [String(milliseconds), ...groups] });
  expect(status).toBe(0);
  const lines = out.trim().split('\n');
  const rows = (head: string) =>
    lines.filter((line) => line.startsWith(head)).map((line) => line.split(' ').slice(1).map(Number));
  return { rounds: rows('rounds').map(([n]) => n!), usage: rows('usage') };
}

/** Each number as a part of the sum. */
function parts(numbers: readonly number[]): number[] {
  const sum = numbers.reduce((a, b) => a + b, 0);
  return numbers.map((n) => n / sum);
}

function expectParts(numbers: readonly number[], wanted: readonly number[]): void {
  parts(numbers).forEach((part, n) => {
    expect(Math.abs(part / wanted[n]! - 1)).toBeLessThan(0.02);
  });
}

describe.skipIf(!possible)('the scheduler', () => {
  test('weights of 100 and 300 give one to three within 2 %', () => {
    const { rounds, usage } = share(500, 'a:cpu.weight=100', 'b:cpu.weight=300');
    expectParts(rounds, [0.25, 0.75]);
    expectParts(
      usage.map(([used]) => used!),
      [0.25, 0.75],
    );
  });

  test('groups share first, then what is in them', () => {
    const { rounds } = share(500, 'x/a:cpu.weight=100', 'x/b:cpu.weight=300', 'y');
    expectParts(rounds, [1 / 8, 3 / 8, 1 / 2]);
  });

  test('two workers of one group have together what one has in another', () => {
    expectParts(share(400, 'a', 'a', 'b').rounds, [1 / 4, 1 / 4, 1 / 2]);
  });

  test('a cap of 25 % is kept within 2 %, on an idle processor and beside others', () => {
    for (const others of [[], ['b:cpu.weight=10']]) {
      const { usage } = share(400, 'a:cpu.max=25000_100000', ...others);
      const [used, periods, throttled] = usage[0]!;
      expect(Math.abs(used! / 100_000 - 1)).toBeLessThan(0.02);
      expect(periods).toBe(4);
      expect(throttled).toBe(4);
    }
  });

  test('the cap of a group holds for all below it', () => {
    const { usage } = share(400, 'x:cpu.max=20000_50000', 'x/a', 'x/b:cpu.max=10000_50000');
    const [, a, b] = usage.map(([used]) => used! / 400_000);
    expect(a! + b!).toBeLessThan(0.41);
    expect(b!).toBeLessThan(0.205);
  });

  test('an idle group takes what others leave', () => {
    const [idle, busy] = parts(share(300, 'a:cpu.idle=1', 'b').rounds);
    expect(idle!).toBeLessThan(0.02);
    expect(busy!).toBeGreaterThan(0.98);
  });

  test('the same programs are scheduled the same way again', () => {
    const run = () => share(100, 'a:cpu.weight=50', 'b:cpu.max=30000_100000', 'c');
    expect(run()).toEqual(run());
  });
});
