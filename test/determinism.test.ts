// The same run twice, and with a save and restore in the middle, gives the same output and the same statistics to the
// byte: virtual time is retired instructions and modelled cycles, and every stateful part declares its state.
import { describe, expect, test } from 'vitest';
import type { TechniqueCell } from '../src/lab/techniques.ts';
import { startGuest } from './run-guest.ts';

const CELLS: readonly TechniqueCell[] = [
  'bare',
  'trap-emulate',
  'binary-translation',
  'paravirtual',
  'vtx/shadow',
  'vtx/ept',
];
const LIMIT = 400_000_000;

function guestFor(cell: TechniqueCell): string {
  return cell === 'trap-emulate' ? 'hello' : 'tinyos';
}

function whole(cell: TechniqueCell): { output: string; statistics: string; instructions: number } {
  const { run, output } = startGuest(guestFor(cell), cell);
  const stop = run.run({ instructions: LIMIT });
  return {
    output: output(),
    statistics: JSON.stringify(run.statistics(stop)),
    instructions: run.vmm.machine.cpu.instructions,
  };
}

describe.each(CELLS)('under %s', (cell) => {
  test('two runs are the same to the byte', () => {
    expect(whole(cell)).toEqual(whole(cell));
  });

  test.each([0.1, 0.5, 0.83])('saving and restoring after %d of the run changes nothing', (share) => {
    const reference = whole(cell);
    const first = startGuest(guestFor(cell), cell);
    first.run.run({ instructions: Math.floor(reference.instructions * share) });
    const snapshot = first.run.save();
    const second = startGuest(guestFor(cell), cell);
    second.run.restore(snapshot);
    expect(Buffer.from(second.run.save()).equals(Buffer.from(snapshot))).toBe(true);
    const stop = second.run.run({ instructions: LIMIT });
    expect(first.output() + second.output()).toBe(reference.output);
    expect(JSON.stringify(second.run.statistics(stop))).toBe(reference.statistics);
  });
});
