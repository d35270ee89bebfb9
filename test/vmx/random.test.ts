// Whatever a VMCS holds, VM entry ends in one of the ways the manual knows: VMfail 7 or 8, exit 33 or 34, a running guest,
// a VMX abort or shutdown; and the same contents end the same way (SDM Vol. 3C "VM Entries", "VMX Aborts").
import fc from '../properties.ts';
import { describe, expect, test } from 'vitest';
import * as F from '../../src/cpu/vmcs-fields.ts';
import { CODE } from '../system/machine.ts';
import { VmxMachine } from './machine.ts';

const WRITABLE = Object.entries(F)
  .filter(([name, encoding]) => name.startsWith('F_') && ((encoding >> 10) & 3) !== 1)
  .map(([, encoding]) => encoding);

/** A change of one field: flipped bits, or a value. */
const change = fc.record({
  field: fc.constantFrom(...WRITABLE),
  index: fc.nat(7),
  bits: fc.oneof(
    fc.nat(31).map((bit) => (1 << bit) >>> 0),
    fc.integer({ min: 0, max: 0xffff_ffff }),
  ),
  replaces: fc.boolean(),
});
const INDEXED = new Set([F.F_GUEST_SELECTOR, F.F_GUEST_LIMIT, F.F_GUEST_RIGHTS, F.F_GUEST_BASE, F.F_HOST_SELECTOR]);
/** A little of everything that can exit, fault or be interrupted. */
const PROGRAM = 'mov eax, [0x20000]\npush eax\ncli\nsti\nmov eax, cr3\nmov cr3, eax\nmov eax, cr0\nint 0x30\ncpuid';

interface Change {
  readonly field: number;
  readonly index: number;
  readonly bits: number;
  readonly replaces: boolean;
}

function outcome(changes: readonly Change[]): string {
  const m = VmxMachine.ready();
  for (const { field, index, bits, replaces } of changes) {
    const encoding = INDEXED.has(field) ? field + 2 * Math.min(index, field === F.F_HOST_SELECTOR ? 6 : 7) : field;
    m.set(encoding, replaces ? bits : BigInt(m.field(encoding)) ^ BigInt(bits));
  }
  m.program(PROGRAM);
  m.program('nop\njmp $', CODE + 0x1000);
  const result = m.enter();
  if (result !== 'succeed') return `${result} ${m.field(F.F_INSTRUCTION_ERROR)} ${m.failed}`;
  const stop = m.run(2000);
  const reason = m.field(F.F_EXIT_REASON);
  return `${m.failed} ${reason} ${JSON.stringify(stop)} ${m.mode} ${m.cpu.eip} ${m.cpu.cycles} ${m.cpu.instructions}`;
}

describe('random VMCS contents', () => {
  test('end in a known way, the same way twice', () => {
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
        const first = outcome(changes);
        expect(outcome(changes)).toBe(first);
        if (first.startsWith('fail')) expect(first).toMatch(/^fail-valid [78] [a-z0-9-]+$/);
      }),
      { numRuns: 150 },
    );
  });
});
