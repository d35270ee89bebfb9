// The opcode table is sound: every row is complete and agrees with the other tables.
import { describe, expect, it } from 'vitest';
import { COST_CLASSES } from './cost-classes.ts';
import { generateCoreTables, operations } from './core-tables.ts';
import { decodeTree, NODE_FORM, NODE_NOT_SUPPORTED } from './decode-tree.ts';
import { exitReason } from './exit-reasons.ts';
import { CONDITIONS, flagMask } from './form.ts';
import { FORMS, formByIndex } from './forms.ts';

describe('the opcode table', () => {
  it('says for every first operand that may be in memory how it is used', () => {
    const inMemory = ['rm', 'memory', 'address', 'offset', 'mm-rm', 'xmm-rm'];
    const silent = FORMS.filter((form) => inMemory.includes(form.codes[0]?.kind ?? 'none') && !form.memory);
    expect(silent.map((form) => `${form.enc} ${form.mnemonic}`)).toEqual([]);
  });

  it('locks only what reads and writes memory', () => {
    expect(FORMS.filter((form) => form.lock && form.memory !== 'rw').map((form) => form.enc)).toEqual([]);
  });

  it('leaves undefined only flags that it writes', () => {
    for (const { enc, flags } of FORMS) {
      expect(flagMask(flags.undefined) & ~flagMask(flags.write), enc).toBe(0);
    }
  });

  it('names exit reasons that exist, and marks as sensitive whatever is privileged', () => {
    for (const form of FORMS) {
      if (form.exit) expect(exitReason(form.exit.reason), form.enc).toBeDefined();
      if (form.cpl !== undefined) expect(form.sensitive, form.enc).toBeDefined();
    }
  });

  it('ends a block at everything that transfers control, is privileged or can exit', () => {
    for (const form of FORMS) {
      const transfers = form.codes.some((code) => code.kind === 'relative' || code.kind === 'far-pointer');
      if (transfers || form.cpl === 0 || form.exit) expect(form.endsBlock, form.enc).toBe(true);
    }
  });

  it('reaches every form through the decode tree', () => {
    const { roots, nodes } = decodeTree();
    const reached = new Set([...roots, ...nodes].filter((entry) => entry >> 13 === NODE_FORM));
    expect(FORMS.filter((form) => !reached.has(form.index)).map((form) => form.enc)).toEqual([]);
    expect([...reached].every((index) => formByIndex(index) !== undefined)).toBe(true);
    expect(roots[0x1ff]! >> 13).toBe(NODE_FORM);
    expect(roots[0x104]).toBe(NODE_NOT_SUPPORTED << 13);
  });

  it('numbers operations with a condition in the order of the condition codes', () => {
    const names = operations();
    for (const stem of ['j', 'set', 'cmov']) {
      const first = names.indexOf(`${stem}o`);
      expect(names.slice(first, first + 16)).toEqual(CONDITIONS.map((condition) => stem + condition.names[0]));
    }
    const add = names.indexOf('add');
    expect(names.slice(add, add + 8)).toEqual(['add', 'or', 'adc', 'sbb', 'and', 'sub', 'xor', 'cmp']);
  });

  it('has room for every cost class in the core', () => {
    expect(COST_CLASSES.length).toBeLessThanOrEqual(128);
  });

  it('gives the core one constant an operation and a cost class', () => {
    const files = generateCoreTables();
    expect(Object.keys(files)).toEqual(['features.ts', 'ops.ts', 'costs.ts', 'tables.ts']);
    for (const [name, text] of Object.entries(files)) {
      const constants = [...text.matchAll(/^export const (\w+)/gm)].map((match) => match[1]);
      expect(new Set(constants).size, name).toBe(constants.length);
    }
    expect(files['ops.ts']).toContain('export const OP_COUNT: u32 = ');
  });
});
