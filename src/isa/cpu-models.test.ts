// The table of processor models is consistent: what the opcode table asks for exists, later models only add.
import { describe, expect, test } from 'vitest';
import { FEATURES } from './cpu-features.ts';
import { CPU_MODEL_NAMES } from './cpu-model-names.ts';
import { CPU_MODELS, cpuidRows } from './cpu-models.ts';
import { fallbackOf } from './decode-tree.ts';
import { FORMS } from './forms.ts';
import { MSRS } from './msrs.ts';

describe('the table of processor models', () => {
  test('has one model a name, each with all features of the one before it but its branch record', () => {
    expect(CPU_MODELS.map(({ name }) => name)).toEqual(CPU_MODEL_NAMES);
    CPU_MODELS.slice(1).forEach(({ features }, n) => {
      for (const name of CPU_MODELS[n]!.features)
        if (name !== 'last-branch') expect(features.has(name), name).toBe(true);
    });
  });

  test('announces each feature in a bit of its own', () => {
    const places = FEATURES.flatMap(({ cpuid }) => (cpuid ? [`${cpuid.leaf} ${cpuid.register} ${cpuid.bit}`] : []));
    expect(new Set(places).size).toBe(places.length);
  });

  test('keeps the MSRs in ascending order', () => {
    const bounds = MSRS.flatMap(({ first, last }) => [first, last]);
    expect(bounds).toEqual([...bounds].sort((a, b) => a - b));
    for (const { first, last } of MSRS) expect(first).toBeLessThanOrEqual(last);
  });

  test('falls back to older meanings where an encoding had one', () => {
    const meanings = FORMS.flatMap((form) => {
      const fallback = fallbackOf(form);
      return fallback ? [`${form.mnemonic}: ${FORMS[fallback - 1]!.mnemonic}`] : [];
    });
    expect(meanings).toEqual(
      expect.arrayContaining(['tzcnt: bsf', 'lzcnt: bsr', 'prefetchw: nop', 'prefetchnta: nop']),
    );
    expect(meanings.every((text) => /: (bsf|bsr|nop)$/.test(text))).toBe(true);
  });

  test('identifies itself in the brand string', () => {
    const rows = cpuidRows(CPU_MODELS.find(({ name }) => name === 'core2')!);
    const words = [2, 3, 4].flatMap((n) => {
      const { eax, ebx, ecx, edx } = rows.find(({ leaf }) => leaf === 0x8000_0000 + n)!;
      return [eax, ebx, ecx, edx];
    });
    const text = Buffer.from(Uint32Array.from(words).buffer).toString('latin1').replace(/\0+$/, '');
    expect(text).toBe('anillo core2 processor');
  });
});
