// What `anillo explain cpus` prints: the processor models and, per feature, the first of them that has it.
import { FEATURES } from './cpu-features.ts';
import { CPU_MODELS, msrsOf } from './cpu-models.ts';
import type { Explanation } from './explanation.ts';
import { FORMS } from './forms.ts';

const hex = (value: number) => `0x${value.toString(16)}`;

/** Models: what they are and what identifies them. */
export function modelTable(): Explanation {
  return {
    title: 'Processors (--cpu)',
    introduction: [
      'A processor is a set of features. CPUID, the MSRs, the bits of CR4 and EFER and the instructions there are follow',
      'from it; whatever needs a feature that is not there raises #UD or #GP, or means what it meant before.',
    ],
    columns: ['name', 'signature', 'CPUID leaves', 'MSRs', 'what it is'],
    rows: CPU_MODELS.map((model) => {
      const { name, signature, highestLeaf, highestExtendedLeaf, summary, features } = model;
      const leaves = features.has('cpuid')
        ? `${hex(highestLeaf)}${highestExtendedLeaf ? `, ${hex(highestExtendedLeaf)}` : ''}`
        : 'none';
      const msrs = msrsOf(model).reduce((sum, { first, last }) => sum + last - first + 1, 0);
      return [name, hex(signature), leaves, String(msrs), summary];
    }),
    notes: [],
  };
}

/** Features with the models that have them and what comes with them. */
export function featureTable(): Explanation {
  return {
    title: 'Features',
    introduction: ['Each processor has the features of those before it.'],
    columns: ['feature', 'CPUID', 'instructions', 'since', 'meaning'],
    rows: FEATURES.map(({ name, cpuid, meaning }) => {
      const place = cpuid ? `${hex(cpuid.leaf)} ${cpuid.register.toUpperCase()} ${cpuid.bit}` : '-';
      const forms = FORMS.filter((form) => form.cpuid === name || form.cpuid64 === name).length;
      const since = CPU_MODELS.find(({ features }) => features.has(name))?.name ?? '-';
      return [name, place, String(forms), since, meaning];
    }),
    notes: ['Instructions: forms of the opcode table. CPUID: leaf, register and bit that announce the feature.'],
  };
}
