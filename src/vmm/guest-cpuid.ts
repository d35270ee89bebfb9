// What the VMMs hide of the processor from their guests, because they do not virtualize it: VT-x itself, long mode and
// the virtual-8086 mode extensions (SDM Vol. 2 "CPUID").

const LEAF_FEATURES = 1;
const LEAF_EXTENDED_FEATURES = 0x8000_0001;
/** Leaf 1, ECX. */
const FEATURE_VMX = 1 << 5;
/** Leaf 1, EDX. */
const FEATURE_VME = 1 << 1;
/** Leaf 0x80000001, EDX. */
const FEATURE_LONG_MODE = 1 << 29;

/** ECX and EDX of a CPUID leaf as a guest may see them. */
export function guestFeatures(leaf: number, ecx: number, edx: number): { ecx: number; edx: number } {
  if (leaf === LEAF_FEATURES) return { ecx: (ecx & ~FEATURE_VMX) >>> 0, edx: (edx & ~FEATURE_VME) >>> 0 };
  return { ecx, edx: (leaf === LEAF_EXTENDED_FEATURES ? edx & ~FEATURE_LONG_MODE : edx) >>> 0 };
}
