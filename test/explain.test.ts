// What `anillo explain instruction` says, held against recorded hardware: every exception a real processor raised is one the
// page of its instruction names, and no flag changed that the page does not name.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { decode } from '../src/isa/decode.ts';
import { EXCEPTION_VECTORS, exceptionsOf, FETCH_EXCEPTIONS } from '../src/isa/exceptions.ts';
import {
  allInstructions,
  formatInstructionPage,
  instructionPage,
  similarNames,
} from '../src/isa/explain-instruction.ts';
import { flagMask } from '../src/isa/form.ts';
import { FORMS } from '../src/isa/forms.ts';
import { HAS_EXCEPTION, VectorFile } from './vectors/vector-file.ts';

const directory = join(import.meta.dirname, 'vectors');
const files = readdirSync(directory).filter((name) => name.endsWith('.bin.gz'));
/** Bits a recording shows that no instruction is said to change: RF is set in the image of a fault. */
const RESUME_FLAG = 0x10000;

describe('recorded hardware', () => {
  test.each(files)('%s: exceptions and flags are those the page names', (name) => {
    const file = VectorFile.open(readFileSync(join(directory, name)));
    const mode = file.meta.mode as 16 | 32 | 64;
    const wrong = new Set<string>();
    for (const v of file.vectors()) {
      const decoded = decode(v.code, 0, mode);
      if (decoded === undefined) continue;
      const { form } = decoded;
      if (v.exception >= 0 && v.flags & HAS_EXCEPTION) {
        const named = [...exceptionsOf(form), ...FETCH_EXCEPTIONS].map(({ name: n }) => EXCEPTION_VECTORS[n]);
        // INT n raises nothing: the recording shows the exception whose vector it borrows
        if (form.op === 'int' && v.exception === v.code.at(-1)) continue;
        if (!named.some((vector) => vector === v.exception)) wrong.add(`${form.enc} ${form.mnemonic}: ${v.exception}`);
      } else {
        const changed = (v.eflags ^ v.eflagsOut) & ~v.undefinedFlags & ~RESUME_FLAG;
        if (changed & ~flagMask(form.flags.write))
          wrong.add(`${form.enc} ${form.mnemonic}: flags ${changed.toString(16)}`);
      }
    }
    expect([...wrong]).toEqual([]);
  });
});

describe('pages', () => {
  test('every instruction has one, under each of its mnemonics', () => {
    for (const { mnemonics, exceptions } of allInstructions()) {
      for (const mnemonic of mnemonics) {
        expect(instructionPage(mnemonic.replace(' FAR', '')), mnemonic).toBeDefined();
      }
      expect(exceptions.some(({ name }) => name === '#UD')).toBe(true);
    }
    expect(allInstructions().reduce((sum, { forms }) => sum + forms.length, 0)).toBe(FORMS.length);
  });

  test('POPF: sensitive and without a trap', () => {
    const [popf] = instructionPage('popf')!.variants;
    expect(popf).toMatchObject({ privilege: 'any', exits: [], sensitive: [{ class: '3B', kind: 'control' }] });
    expect(popf!.flags.written).toEqual([
      'OF',
      'SF',
      'ZF',
      'AF',
      'PF',
      'CF',
      'DF',
      'TF',
      'IF',
      'IOPL',
      'NT',
      'AC',
      'VIF',
      'ID',
    ]);
  });

  test('a name that stands for several instructions gives all of them', () => {
    const pages = instructionPage('movsd')!.variants.map(({ section }) => section);
    expect(pages).toEqual(['MOVS/MOVSB/MOVSW/MOVSD/MOVSQ', 'MOVSD']);
    expect(instructionPage('Jcc')!.variants.map(({ forms }) => forms.length)).toEqual([32, 1]);
    expect(instructionPage('mov')!.variants.map(({ privilege }) => privilege)).toContain('CPL 0');
  });

  test('text fits the width asked for', () => {
    for (const name of ['mov', 'int', 'iretd', 'addps', 'vmlaunch', 'fld', 'in']) {
      const lines = formatInstructionPage(instructionPage(name)!, 100).split('\n');
      expect(lines.filter((line) => line.length > 100)).toEqual([]);
    }
  });

  test('an unknown name is answered with close ones', () => {
    expect(instructionPage('mvo')).toBeUndefined();
    expect(similarNames('mvo')).toContain('mov');
    expect(similarNames('cmpxch')).toContain('cmpxchg');
  });
});
