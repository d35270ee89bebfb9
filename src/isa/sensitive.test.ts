// The catalogue of sensitive instructions and the texts made from it.
import { describe, expect, it } from 'vitest';
import { EXIT_REASONS } from './exit-reasons.ts';
import { exitTable, sensitiveTable } from './explain.ts';
import { formatExplanation } from './explanation.ts';
import {
  formsListedAs,
  protectionOf,
  ROBIN_IRVINE_LIST,
  sensitiveInstructions,
  unprotectedInstructions,
} from './sensitive.ts';

describe('the catalogue', () => {
  it('has the eighteen mnemonics of Robin & Irvine and IRET, none of them protected', () => {
    expect(ROBIN_IRVINE_LIST).toHaveLength(19);
    for (const name of ROBIN_IRVINE_LIST) {
      const forms = formsListedAs(name);
      expect(forms.length, name).toBeGreaterThan(0);
      expect(forms.map(protectionOf), name).toEqual(forms.map(() => 'none'));
    }
  });

  it('puts each of them into the class of the paper', () => {
    const classOf = (name: (typeof ROBIN_IRVINE_LIST)[number]) => formsListedAs(name)[0]?.sensitive?.class;
    const inClass = (wanted: string) => ROBIN_IRVINE_LIST.filter((name) => classOf(name) === wanted);
    expect(inClass('3B')).toEqual(['SGDT', 'SIDT', 'SLDT', 'SMSW', 'PUSHF', 'POPF']);
    expect(inClass('3C')).toHaveLength(13);
  });

  it('knows what protects the others', () => {
    const protection = (mnemonic: string) =>
      sensitiveInstructions().find((instruction) => instruction.mnemonic === mnemonic)?.protection;
    expect(protection('HLT')).toBe('CPL 0');
    expect(protection('MOV CRn, r')).toBe('CPL 0');
    expect(protection('CLI')).toBe('IOPL');
    expect(protection('OUT')).toBe('IOPL');
    expect(protection('VMCALL')).toBe('undefined');
    expect(unprotectedInstructions().map((instruction) => instruction.mnemonic)).not.toContain('HLT');
  });
});

describe('explanations', () => {
  it('sensitive instructions: those that do not trap stand first', () => {
    const { columns, rows } = sensitiveTable();
    expect(rows.every((row) => row.length === columns.length)).toBe(true);
    expect(rows.find(([name]) => name === 'POPF')?.slice(1, 4)).toEqual(['9D', '3B control', 'no']);
    expect(rows.find(([name]) => name === 'HLT')?.at(-1)).toBe('12: HLT exiting');
    const traps = rows.map((row) => row[3] !== 'no');
    expect(traps.lastIndexOf(false)).toBeLessThan(traps.indexOf(true));
  });

  it('texts fit the width asked for', () => {
    for (const text of [sensitiveTable(), exitTable()].map((table) => formatExplanation(table, 100))) {
      const lines = text.split('\n');
      const rule = lines.findIndex((line) => line.startsWith('---'));
      const table = lines.slice(rule, lines.indexOf('', rule));
      expect(table.length).toBeGreaterThan(50);
      expect(table.filter((line) => line.length > 100)).toEqual([]);
    }
  });

  it('exit reasons are listed with the instructions that cause them', () => {
    const { rows } = exitTable();
    expect(rows).toHaveLength(EXIT_REASONS.length);
    expect(rows.find(([number]) => number === '30')?.[3]).toBe('INSB, INSW, OUTSB, OUTSW, IN, OUT');
    expect(rows.find(([number]) => number === '46')?.[3]).toBe('SGDT, SIDT, LGDT, LIDT');
    expect(new Set(EXIT_REASONS.map(({ name }) => name)).size).toBe(EXIT_REASONS.length);
  });
});
