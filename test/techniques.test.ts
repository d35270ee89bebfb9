// One conformance suite for every technique: Popek and Goldberg's three properties ("Formal Requirements for
// Virtualizable Third Generation Architectures", 1974) as tests, and the one technique that must fail them visibly.
import { describe, expect, test } from 'vitest';
import type { TechniqueCell } from '../src/lab/techniques.ts';
import { runGuest } from './run-guest.ts';

const FULL: readonly TechniqueCell[] = ['binary-translation', 'vtx/shadow', 'vtx/ept'];
const ALL: readonly TechniqueCell[] = ['bare', 'trap-emulate', 'paravirtual', ...FULL];

describe('equivalence: an unmodified kernel behaves as on the bare machine', () => {
  for (const guest of ['hello', 'rings', 'sensitive', 'tinyos']) {
    test.each(FULL)(`${guest} says the same under %s`, (cell) => {
      const bare = runGuest(guest, 'bare');
      const virtualized = runGuest(guest, cell);
      expect(bare.stop).toMatchObject({ reason: 'power-off', status: 0 });
      expect(virtualized.output).toBe(bare.output);
      expect(virtualized.stop).toEqual(bare.stop);
    });
  }

  test('tinyos says the same paravirtualized', () => {
    const bare = runGuest('tinyos', 'bare');
    const paravirtual = runGuest('tinyos', 'paravirtual');
    expect(paravirtual.output).toBe(bare.output);
    expect(paravirtual.stop).toEqual(bare.stop);
  });
});

describe('trap-and-emulate is not enough on x86 (Robin & Irvine 2000)', () => {
  const { output, run } = runGuest('sensitive', 'trap-emulate');

  test('sensitive sees wrong answers', () => {
    expect(output).toMatch(/WRONG/);
    const wrong = [...output.matchAll(/^sensitive (\S+) .*WRONG/gm)].map((match) => match[1]!.toLowerCase());
    for (const name of ['pushf', 'popf']) expect(wrong.join(' ')).toContain(name);
  });

  test('the tool says which instruction, where, and which answer was wrong', () => {
    const findings = run.vmm.findings();
    const names = findings.map(({ instruction }) => instruction.toLowerCase().replace(/d$/, ''));
    for (const name of ['pushf', 'popf', 'smsw', 'sgdt', 'sidt', 'sldt', 'str']) expect(names).toContain(name);
    for (const finding of findings) {
      expect(finding.linearAddress).toBeGreaterThan(0);
      expect(finding.sawValue).not.toBe(finding.rightValue);
    }
  });

  test('no other technique has such findings', () => {
    for (const cell of FULL) expect(runGuest('sensitive', cell).run.vmm.findings()).toEqual([]);
  });
});

describe('efficiency: nearly all instructions run without the hypervisor', () => {
  test.each([...FULL, 'paravirtual'] as TechniqueCell[])('tinyos under %s', (cell) => {
    const { run } = runGuest('tinyos', cell);
    console.log(`${cell}: ${(100 * run.directShare).toFixed(3)} % of the guest's instructions ran directly`);
    expect(run.directShare).toBeGreaterThan(0.95);
    expect(run.directShare).toBeLessThanOrEqual(1);
  });
});

describe('resource control: a hostile kernel reaches nothing that is not its own', () => {
  test.each(ALL)('every attempt fails under %s', (cell) => {
    const { output, stop } = runGuest('hostile', cell, { instructions: 100_000_000 });
    expect(output).toMatch(/^attempt /m);
    expect(output).not.toMatch(/ESCAPED/);
    expect(stop.reason).toBe('power-off');
  });

  test.each(ALL)('it cannot keep the processor under %s', (cell) => {
    const { stop, run } = runGuest('hostile', cell, { commandLine: 'mode=spin', instructions: 3_000_000 });
    expect(stop.reason).toBe('limit');
    expect(run.vmm.machine.cpu.instructions).toBe(3_000_000);
    // The hypervisor got the processor back again and again.
    if (cell !== 'bare') expect(run.vmm.counters.entries).toBeGreaterThan(0);
  });

  test.each(ALL)('a triple fault ends the guest, not the host, under %s', (cell) => {
    const { stop } = runGuest('hostile', cell, { commandLine: 'mode=triple', instructions: 20_000_000 });
    expect(['shutdown', 'power-off', 'reset']).toContain(stop.reason);
  });
});
