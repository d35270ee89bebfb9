// What a comparison says of guests that were run, and how it reads.
import { describe, expect, test } from 'vitest';
import { buildComparison, type MeasuredRun, reproducedCells, withoutTimings } from './comparison.ts';
import { narrate } from './narrate.ts';
import { judgeOrderings } from './orderings.ts';
import { renderTerminal } from './report-terminal.ts';
import type { TechniqueCell } from './techniques.ts';

function run(technique: TechniqueCell, cycles: number, exits: number): MeasuredRun {
  return {
    technique,
    exitStatus: 0,
    instructions: 1000,
    cycles: 5000,
    exits,
    directShare: 0.99,
    output: `mark in\nbench in iterations 100 cycles ${cycles}\n`,
    measurements: [{ name: 'in', iterations: 100, cycles, exits, events: { 'exits/I/O instruction': exits } }],
  };
}

const comparison = buildComparison(
  'nanobench',
  'p4-672',
  [run('bare', 320_900, 0), run('binary-translation', 21_000, 0), run('vtx/shadow', 2_000_000, 100)],
  [{ technique: 'paravirtual', reason: 'no build' }],
);

describe('a comparison', () => {
  test('gives cycles, ratio and exits per operation', () => {
    const cell = comparison.benchmarks[0]?.cells['vtx/shadow'];
    expect(cell?.cyclesPerOperation).toBe(20_000);
    expect(cell?.ratio).toBeCloseTo(6.232, 3);
    expect(cell?.exitsPerOperation).toBe(1);
    expect(cell?.published?.cycles).toBe(15826);
  });

  test('counts only virtualized cells as reproduced', () => {
    expect(reproducedCells(comparison).map(({ technique }) => technique)).toEqual(['binary-translation', 'vtx/shadow']);
  });

  test('judges the orderings its cells can show, and no others', () => {
    expect(comparison.orderings.map(({ id, holds }) => [id, holds])).toEqual([
      ['11.2-3', true],
      ['11.2-4', true],
    ]);
  });

  test('holds the outputs of two techniques against each other with timings aside', () => {
    expect(comparison.runs.every((row) => row.sameOutput)).toBe(true);
    expect(withoutTimings('bench in iterations 5 cycles 77\nx')).toBe('bench in iterations 5 cycles -\nx');
  });

  test('reads as text: every technique, the published column, what was skipped', () => {
    const text = renderTerminal(comparison);
    for (const word of ['binary-translation', '15,826', 'not run: no build', 'Published orderings: 2 of 2 hold'])
      expect(text).toContain(word);
  });
});

test('an ordering that is violated is said to be', () => {
  const verdicts = judgeOrderings((benchmark, cell) => (benchmark === 'in' ? (cell === 'bare' ? 10 : 99) : undefined));
  expect(verdicts).toContainEqual(expect.objectContaining({ id: '11.2-3', holds: false }));
});

test('a cell is told from its counters', () => {
  const cell = comparison.benchmarks[0]!.cells['vtx/shadow']!;
  expect(narrate('vtx/shadow', cell)).toBe('entered the hypervisor once: VM exit (I/O instruction).');
});
