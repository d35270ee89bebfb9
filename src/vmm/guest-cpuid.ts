// What the VMMs hide of the processor from their guests, because they do not virtualize it: VT-x itself, long mode and what
// belongs to it, and the features whose control bits live in a CR4 that guests do not have (SDM Vol. 2 "CPUID").
import type { CpuidRegister, FeatureName } from '../isa/cpu-features.ts';
import { featureOf } from '../isa/cpu-features.ts';

const HIDDEN: readonly FeatureName[] = [
  ...(['vmx', 'lm', 'la57', 'vme', 'pcid', 'invpcid', 'smep', 'smap', 'umip', 'xsave'] as const),
  ...(['mce', 'mca', 'tsc-adjust', 'x2apic', 'tsc-deadline'] as const),
];

/** EBX, ECX and EDX of a CPUID leaf. */
export type CpuidAnswer = Readonly<Record<'ebx' | 'ecx' | 'edx', number>>;

/** What a guest may see of a CPUID leaf; `shown` are features that its VMM does virtualize. */
export function guestFeatures(leaf: number, answer: CpuidAnswer, shown: readonly FeatureName[] = []): CpuidAnswer {
  const visible = (register: CpuidRegister, value: number): number =>
    HIDDEN.filter((name) => !shown.includes(name))
      .map((name) => featureOf(name).cpuid!)
      .filter((place) => place.leaf === leaf && place.register === register)
      .reduce((rest, { bit }) => (rest & ~(1 << bit)) >>> 0, value >>> 0);
  return {
    ebx: visible('ebx', answer.ebx),
    ecx: visible('ecx', answer.ecx),
    edx: visible('edx', answer.edx),
  };
}
