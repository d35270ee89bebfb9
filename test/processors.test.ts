// Bundled guests on older processors: they find what they need by CPUID, and the VMMs run on what they ask for.
import { describe, expect, test } from 'vitest';
import { findCpuModel } from '../src/isa/cpu-models.ts';
import type { CpuModelName } from '../src/isa/cpu-model-names.ts';
import type { TechniqueCell } from '../src/lab/techniques.ts';
import { Machine } from '../src/pc/machine.ts';
import { loadCore } from './core.ts';
import { runGuest, startGuest } from './run-guest.ts';

/** What a guest prints to its end. */
function output(name: string, cell: TechniqueCell, model: CpuModelName): string {
  const guest = startGuest(name, cell, '', 16 << 20, findCpuModel(model));
  expect(guest.run.run({ instructions: 400_000_000 })).toMatchObject({ reason: 'power-off' });
  return guest.output();
}

describe('rings', () => {
  const expected = runGuest('rings', 'bare').output;

  test.each(['p6', 'x86-64', 'core2'] as const)('does the same on a %s', (model) => {
    expect(output('rings', 'bare', model)).toBe(expected);
  });

  test('finds no PAE on a Pentium', () => {
    expect(output('rings', 'bare', 'pentium')).toMatch(/PAE: not there/);
  });

  test.each([
    ['binary-translation', 'x86-64'],
    ['vtx/shadow', 'core2'],
  ] as const)('under %s on a %s', (cell, model) => {
    expect(output('rings', cell, model)).toBe(expected);
  });
});

test('tinyos runs paravirtualized on a processor without VT-x', () => {
  expect(output('tinyos', 'paravirtual', 'x86-64')).toMatch(/usertests: all passed/);
});

test('a technique on a processor that lacks what it needs is refused with a sentence', () => {
  const start = (cell: TechniqueCell, model: CpuModelName) => () =>
    startGuest('hello', cell, '', 16 << 20, findCpuModel(model));
  expect(start('vtx/ept', 'core2')).toThrow(
    /vtx with --paging ept needs a processor with ept, and --cpu core2 has none/,
  );
  expect(start('vtx/shadow', 'x86-64')).toThrow(/vtx needs a processor with vmx/);
  expect(start('trap-emulate', 'pentium')).toThrow(/trap-emulate needs a processor with pae, pge, sep, nx/);
});

test('a snapshot is not loaded into a machine with another processor', () => {
  const machine = (model: CpuModelName) => new Machine(loadCore(), { memory: 4 << 20, model: findCpuModel(model) });
  const saved = machine('max').save();
  expect(() => machine('p6').load(saved)).toThrow(/the processor was a max and this one is a p6/);
  expect(() => machine('max').load(saved)).not.toThrow();
});
