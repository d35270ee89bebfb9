// Every row of the opcode table: encoded with random operands, decoded, printed and assembled again.
import fc from '../../test/properties.ts';
import { describe, expect, it } from 'vitest';
import { arbitraryEncodable } from '../../test/isa/arbitrary-instruction.ts';
import { assemble } from './assemble.ts';
import { decode } from './decode.ts';
import { disassemble } from './disassemble.ts';
import { type Encodable, encode } from './encode.ts';
import { FORMS, type Form } from './forms.ts';
import type { CodeMode } from './instruction.ts';

const ORIGIN = 0x8000;
const RUNS = 15;

function modesOf(form: Form): CodeMode[] {
  if (form.modes === '64') return [64];
  return form.modes === 'legacy' ? [16, 32] : [16, 32, 64];
}

function forAll(check: (item: Encodable, bytes: number[], mode: CodeMode) => void): void {
  for (const form of FORMS) {
    for (const mode of modesOf(form)) {
      const property = fc.property(arbitraryEncodable(form, mode), (item) => {
        const bytes = encode(item, mode);
        if (!bytes) return; // 16-byte registers with REX rules and the like: no such instruction
        check(item, bytes, mode);
      });
      fc.assert(property, { numRuns: RUNS, seed: form.index });
    }
  }
}

/** `xchg eax, reg` has a short form that names the accumulator last; with the accumulator itself it is NOP. */
function sameText(text: string, other: string): boolean {
  const [, a, b] = /^xchg (\w+), (\w+)$/.exec(text) ?? [];
  return other === text || (a !== undefined && (other === `xchg ${b}, ${a}` || other === 'nop'));
}

describe('every row of the opcode table', () => {
  it('decodes to itself, with the operands it was encoded from', () => {
    forAll((item, bytes, mode) => {
      const instruction = decode(bytes, 0, mode);
      expect(instruction?.length).toBe(bytes.length);
      expect(instruction?.form.op).toBe(item.form.op);
      if (item.form.op === 'nop' && item.form.alias) return; // a row with /digit stands before these
      expect(instruction?.form.enc).toBe(item.form.enc);
      expect(instruction?.operands).toEqual(item.operands);
      expect(instruction?.lock).toBe(item.lock);
      expect(instruction?.rep).toBe(item.rep);
    });
  });

  it('is printed as text that assembles to the same bytes, or to a shorter twin', () => {
    const reached = new Set<Form>();
    forAll((item, bytes, mode) => {
      const text = disassemble(decode(bytes, 0, mode)!, ORIGIN);
      const again = assemble(text, { mode, origin: ORIGIN });
      if (Buffer.from(again).equals(Buffer.from(bytes))) reached.add(item.form);
      else {
        expect(again.length, text).toBeLessThanOrEqual(bytes.length);
        expect(disassemble(decode(again, 0, mode)!, ORIGIN)).toSatisfy((other: string) => sameText(text, other));
      }
    });
    const missed = FORMS.filter((form) => !reached.has(form) && !form.alias).map((form) => form.enc);
    expect(missed).toEqual([]);
  });
});
