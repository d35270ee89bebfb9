// The processors there are to choose from: a set of features and what identifies it. CPUID, the MSRs, the legal bits of the
// control registers and the legal instructions all follow from the features, so that they agree (SDM Vol. 2 "CPUID—CPU
// Identification"; Vol. 3B "Architecture Compatibility").
import { type CpuidRegister, FEATURES, type Feature, type FeatureName } from './cpu-features.ts';
import type { CpuModelName } from './cpu-model-names.ts';
import { MSRS, type MsrRange } from './msrs.ts';

/** A processor to choose. */
export interface CpuModel {
  readonly name: CpuModelName;
  /** One line. */
  readonly summary: string;
  /** Type, family, model and stepping, as EDX holds them after RESET. */
  readonly signature: number;
  readonly features: ReadonlySet<FeatureName>;
  /** Highest basic leaf of CPUID, and highest extended one, 0 for none. */
  readonly highestLeaf: number;
  readonly highestExtendedLeaf: number;
  /** Cache and TLB descriptors of leaf 2, EAX to EDX. */
  readonly descriptors?: readonly [number, number, number, number];
  readonly brand?: string;
  readonly physicalBits: number;
}

/** One answer of CPUID. `subleaf` undefined: ECX does not matter. */
export interface CpuidRow extends Readonly<Record<CpuidRegister, number>> {
  readonly leaf: number;
  readonly subleaf?: number;
}

const I486: readonly FeatureName[] = ['fpu'];
const PENTIUM: readonly FeatureName[] = [
  ...I486,
  'cpuid',
  'smm',
  'vme',
  'de',
  'pse',
  'tsc',
  'msr',
  'mce',
  'cx8',
  'apic',
];
const P6: readonly FeatureName[] = [
  ...PENTIUM,
  ...([
    'nopl',
    'rdpmc',
    'p6-msrs',
    'debugctl',
    'last-branch',
    'pae',
    'sep',
    'mtrr',
    'pge',
    'mca',
    'cmov',
    'pat',
    'pse36',
  ] as const),
  ...(['mmx', 'fxsr'] as const),
];
const X86_64: readonly FeatureName[] = [
  ...P6,
  ...(['misc-enable', 'clfsh', 'sse', 'sse2', 'syscall', 'nx', 'lm'] as const),
];
/** A stack of branch records takes the place of the one of the P6. */
const withoutOneRecord = (name: FeatureName) => name !== 'last-branch';
const CORE2: readonly FeatureName[] = [
  ...X86_64.filter(withoutOneRecord),
  ...(['branch-stack', 'sse3', 'monitor', 'vmx', 'ssse3', 'cx16', 'lahf64'] as const),
];

/** Leaf 2 sends the reader to leaf 4. */
const IN_LEAF_4 = [0x0000_ff01, 0, 0, 0] as const;

/** All models, oldest first. */
export const CPU_MODELS: readonly CpuModel[] = [
  {
    name: 'i486',
    summary: 'Intel486 DX: x87 on the chip, CMPXCHG, XADD, BSWAP; no CPUID, no CR4, no MSRs',
    signature: 0x404,
    features: new Set(I486),
    highestLeaf: 0,
    highestExtendedLeaf: 0,
    physicalBits: 32,
  },
  {
    name: 'pentium',
    summary: 'Pentium (P54C): CPUID, 4 MiB pages, time-stamp counter, CMPXCHG8B, local APIC',
    signature: 0x52c,
    features: new Set(PENTIUM),
    highestLeaf: 1,
    highestExtendedLeaf: 0,
    physicalBits: 32,
  },
  {
    name: 'p6',
    summary: 'Pentium II (Deschutes): PAE, global pages, MTRRs, PAT, SYSENTER, CMOV, MMX, FXSAVE',
    signature: 0x652,
    features: new Set(P6),
    highestLeaf: 2,
    highestExtendedLeaf: 0,
    // 32-byte lines; 16 KiB of instruction and of data cache, 512 KiB of second level
    descriptors: [0x0302_0101, 0, 0, 0x0c04_0843],
    physicalBits: 36,
  },
  {
    name: 'x86-64',
    summary: 'the baseline of 64-bit software: long mode, SYSCALL, NX, SSE and SSE2, nothing newer',
    signature: 0xf34,
    features: new Set(X86_64),
    highestLeaf: 4,
    highestExtendedLeaf: 0x8000_0008,
    descriptors: IN_LEAF_4,
    brand: 'anillo x86-64 processor',
    physicalBits: 36,
  },
  {
    name: 'core2',
    summary: 'Core 2 (Merom): SSSE3, CMPXCHG16B, VT-x of the first generation (no EPT)',
    signature: 0x6f6,
    features: new Set(CORE2),
    highestLeaf: 10,
    highestExtendedLeaf: 0x8000_0008,
    descriptors: IN_LEAF_4,
    brand: 'anillo core2 processor',
    physicalBits: 36,
  },
  {
    name: 'max',
    summary: 'everything this simulator has',
    signature: 0x6f6,
    features: new Set(FEATURES.map(({ name }) => name).filter(withoutOneRecord)),
    highestLeaf: 13,
    highestExtendedLeaf: 0x8000_0008,
    descriptors: IN_LEAF_4,
    brand: 'anillo x86 processor',
    physicalBits: 36,
  },
];

/** The model called `name`. */
export function findCpuModel(name: CpuModelName): CpuModel {
  return CPU_MODELS.find((model) => model.name === name)!;
}

/** What a machine has unless another model is asked for. */
export const DEFAULT_CPU_MODEL: CpuModel = findCpuModel('max');

/** The rows of the features a model has. */
export function featuresOf(model: CpuModel): Feature[] {
  return FEATURES.filter(({ name }) => model.features.has(name));
}

/** Bits of a register that a model's features make legal. */
export function legalBits(model: CpuModel, register: 'cr4' | 'efer' | 'eflags'): number {
  return featuresOf(model).reduce((bits, feature) => (bits | (feature[register] ?? 0)) >>> 0, 0);
}

/** The MSRs of a model. */
export function msrsOf(model: CpuModel): MsrRange[] {
  const { features } = model;
  if (!features.has('msr')) return [];
  return MSRS.filter((range) => range.features.some((name) => features.has(name)));
}

const words = (text: string): number[] => {
  const bytes = new Uint8Array(48);
  bytes.set(new TextEncoder().encode(text).subarray(0, 47));
  const view = new DataView(bytes.buffer);
  return Array.from({ length: 12 }, (_, n) => view.getUint32(4 * n, true));
};

const answer = (
  leaf: number,
  [eax, ebx, ecx, edx]: readonly [number, number, number, number],
  subleaf?: number,
): CpuidRow => ({ leaf, ...(subleaf === undefined ? {} : { subleaf }), eax, ebx, ecx, edx });

/** Leaf 4: 32 KiB of instruction and of data cache, 4 MiB of second level, lines of 64 bytes. */
const CACHES: readonly CpuidRow[] = [
  answer(4, [0x121, (7 << 22) | 63, 63, 1], 0),
  answer(4, [0x122, (7 << 22) | 63, 63, 1], 1),
  answer(4, [0x143, (15 << 22) | 63, 4095, 1], 2),
];

/** What leaves say besides the features. */
function identification(model: CpuModel): CpuidRow[] {
  const { signature, highestLeaf, highestExtendedLeaf, descriptors, physicalBits, features } = model;
  const brand = words(model.brand ?? '');
  const quad = (at: number) => brand.slice(at, at + 4) as unknown as [number, number, number, number];
  const line = features.has('clfsh') ? 8 << 8 : 0;
  // "Genu" "ineI" "ntel" in EBX, EDX, ECX
  return [
    answer(0, [highestLeaf, 0x756e_6547, 0x6c65_746e, 0x4965_6e69]),
    answer(1, [signature, line | (highestLeaf >= 4 ? 1 << 16 : 0), 0, 0]),
    answer(2, descriptors ?? [0, 0, 0, 0]),
    ...CACHES,
    answer(5, features.has('monitor') ? [64, 64, 0, 0] : [0, 0, 0, 0]),
    answer(6, [0, 0, 0, 0]),
    answer(7, [0, 0, 0, 0], 0),
    // x87 and SSE state; the area has 576 bytes whatever is enabled
    answer(13, [3, 576, 576, 0], 0),
    answer(13, [0, 576, 0, 0], 1),
    answer(0x8000_0000, [highestExtendedLeaf, 0, 0, 0]),
    answer(0x8000_0001, [0, 0, 0, 0]),
    answer(0x8000_0002, quad(0)),
    answer(0x8000_0003, quad(4)),
    answer(0x8000_0004, quad(8)),
    answer(0x8000_0006, [0, 0, 0x1000_8040, 0]),
    answer(0x8000_0007, [0, 0, 0, 0]),
    answer(0x8000_0008, [physicalBits | ((features.has('la57') ? 57 : 48) << 8), 0, 0, 0]),
  ];
}

function exists(model: CpuModel, leaf: number): boolean {
  return leaf >= 0x8000_0000 ? leaf <= model.highestExtendedLeaf : leaf <= model.highestLeaf;
}

/**
 * The answers of CPUID that are not all 0. The core changes some with its state: the features that MSRs switch off, SYSCALL
 * outside 64-bit code.
 */
export function cpuidRows(model: CpuModel): CpuidRow[] {
  if (!model.features.has('cpuid')) return [];
  return identification(model)
    .filter(({ leaf }) => exists(model, leaf))
    .map((row) => {
      const answered = { ...row };
      for (const { cpuid } of featuresOf(model)) {
        if (cpuid === undefined || cpuid.leaf !== row.leaf || cpuid.subleaf !== row.subleaf) continue;
        answered[cpuid.register] = (answered[cpuid.register] | (1 << cpuid.bit)) >>> 0;
      }
      return answered;
    });
}
