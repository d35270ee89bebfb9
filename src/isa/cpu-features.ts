// Features of a processor: what CPUID calls them, the control-register bits and the instructions that come with them.
// Truth: SDM Vol. 2 "CPUID—CPU Identification"; Vol. 3A "Control Registers". A feature is here when the core has it.
// Features without a CPUID bit belong to a family of processors (SDM Vol. 3B "Architecture Compatibility").

/** A register CPUID answers in. */
export type CpuidRegister = 'eax' | 'ebx' | 'ecx' | 'edx';

/** Where CPUID announces a feature. */
export interface CpuidBit {
  readonly leaf: number;
  readonly register: CpuidRegister;
  readonly bit: number;
  readonly subleaf?: number;
}

interface FeatureRow {
  readonly meaning: string;
  readonly cpuid?: CpuidBit;
  /** Bits of CR4 that may be set. */
  readonly cr4?: number;
  /** Bits of EFER that may be set. */
  readonly efer?: number;
  /** Bits of EFLAGS that software can toggle. */
  readonly eflags?: number;
}

const EXTENDED = 0x8000_0001;

const announced = (leaf: number, register: CpuidRegister, bit: number, meaning: string, bits = {}): FeatureRow => ({
  meaning,
  cpuid: leaf === 7 || leaf === 0xd ? { leaf, subleaf: leaf === 7 ? 0 : 1, register, bit } : { leaf, register, bit },
  ...bits,
});
const basic = (bit: number, meaning: string, bits = {}) => announced(1, 'edx', bit, meaning, bits);
const newer = (bit: number, meaning: string, bits = {}) => announced(1, 'ecx', bit, meaning, bits);
const extended = (register: 'ecx' | 'edx', bit: number, meaning: string, bits = {}) =>
  announced(EXTENDED, register, bit, meaning, bits);
const structured = (register: 'ebx' | 'ecx' | 'edx', bit: number, meaning: string, bits = {}) =>
  announced(7, register, bit, meaning, bits);
const silent = (meaning: string, bits = {}): FeatureRow => ({ meaning, ...bits });

const TABLE = {
  cpuid: silent('CPUID, and EFLAGS.ID that says so', { eflags: 0x20_0000 }),
  smm: silent('system-management mode and RSM'),
  nopl: silent('multi-byte NOP and hint NOPs'),
  rdpmc: silent('RDPMC (#GP for every number: there are no counters)', { cr4: 0x100 }),
  'p6-msrs': silent('IA32_APIC_BASE, IA32_PLATFORM_ID and microcode-update MSRs'),
  debugctl: silent('IA32_DEBUGCTL: stepping on branches, recording of branches'),
  'last-branch': silent('one last-branch record'),
  'branch-stack': silent('a stack of four last-branch records'),
  'misc-enable': silent('IA32_MISC_ENABLE'),
  tzcnt: silent('TZCNT; the bit of BMI1 would announce VEX-encoded instructions as well'),
  ept: silent('extended page tables under VT-x (IA32_VMX_EPT_VPID_CAP)'),
  vpid: silent('virtual-processor identifiers under VT-x (IA32_VMX_EPT_VPID_CAP)'),
  'unrestricted-guest': silent('VT-x guests without paging or in real-address mode'),

  fpu: basic(0, 'x87 floating-point unit'),
  vme: basic(1, 'virtual-8086 mode extensions', { cr4: 0x3, eflags: 0x18_0000 }),
  de: basic(2, 'I/O breakpoints', { cr4: 0x8 }),
  pse: basic(3, '4 MiB pages', { cr4: 0x10 }),
  tsc: basic(4, 'RDTSC', { cr4: 0x4 }),
  msr: basic(5, 'RDMSR and WRMSR'),
  pae: basic(6, 'physical-address extension', { cr4: 0x20 }),
  mce: basic(7, 'machine-check exception (none ever happens)', { cr4: 0x40 }),
  cx8: basic(8, 'CMPXCHG8B'),
  apic: basic(9, 'local APIC'),
  sep: basic(11, 'SYSENTER and SYSEXIT'),
  mtrr: basic(12, 'memory-type range registers'),
  pge: basic(13, 'global pages', { cr4: 0x80 }),
  mca: basic(14, 'machine-check architecture (one bank, no errors)'),
  cmov: basic(15, 'CMOVcc, FCMOVcc and FCOMI'),
  pat: basic(16, 'page-attribute table'),
  pse36: basic(17, '36-bit addresses of 4 MiB pages'),
  clfsh: basic(19, 'CLFLUSH'),
  mmx: basic(23, 'MMX'),
  fxsr: basic(24, 'FXSAVE and FXRSTOR', { cr4: 0x200 }),
  sse: basic(25, 'SSE', { cr4: 0x400 }),
  sse2: basic(26, 'SSE2'),

  sse3: newer(0, 'SSE3'),
  pclmulqdq: newer(1, 'PCLMULQDQ'),
  monitor: newer(3, 'MONITOR and MWAIT'),
  vmx: newer(5, 'VT-x', { cr4: 0x2000 }),
  ssse3: newer(9, 'SSSE3'),
  cx16: newer(13, 'CMPXCHG16B'),
  pcid: newer(17, 'process-context identifiers', { cr4: 0x2_0000 }),
  'sse4.1': newer(19, 'SSE4.1'),
  'sse4.2': newer(20, 'SSE4.2'),
  x2apic: newer(21, 'x2APIC mode of the local APIC'),
  movbe: newer(22, 'MOVBE'),
  popcnt: newer(23, 'POPCNT'),
  'tsc-deadline': newer(24, 'local APIC timer that waits for a time-stamp (IA32_TSC_DEADLINE)'),
  aes: newer(25, 'AES instructions'),
  xsave: newer(26, 'XSAVE', { cr4: 0x4_0000 }),
  rdrand: newer(30, 'RDRAND'),

  fsgsbase: structured('ebx', 0, 'RDFSBASE and its kin', { cr4: 0x1_0000 }),
  'tsc-adjust': structured('ebx', 1, 'IA32_TSC_ADJUST'),
  smep: structured('ebx', 7, 'supervisor-mode execution prevention', { cr4: 0x10_0000 }),
  invpcid: structured('ebx', 10, 'INVPCID'),
  rdseed: structured('ebx', 18, 'RDSEED'),
  adx: structured('ebx', 19, 'ADCX and ADOX'),
  smap: structured('ebx', 20, 'supervisor-mode access prevention', { cr4: 0x20_0000 }),
  sha: structured('ebx', 29, 'SHA instructions'),
  umip: structured('ecx', 2, 'user-mode instruction prevention', { cr4: 0x800 }),
  la57: structured('ecx', 16, 'five-level paging', { cr4: 0x1000 }),

  xsaveopt: announced(0xd, 'eax', 0, 'XSAVEOPT'),
  xsavec: announced(0xd, 'eax', 1, 'XSAVEC and the compacted form of XRSTOR'),
  xgetbv1: announced(0xd, 'eax', 2, 'XGETBV of the components in use'),

  lahf64: extended('ecx', 0, 'LAHF and SAHF in 64-bit mode'),
  lzcnt: extended('ecx', 5, 'LZCNT'),
  prefetchw: extended('ecx', 8, 'PREFETCHW'),
  syscall: extended('edx', 11, 'SYSCALL and SYSRET in 64-bit mode', { efer: 0x1 }),
  nx: extended('edx', 20, 'execute-disable pages', { efer: 0x800 }),
  page1gb: extended('edx', 26, '1 GiB pages'),
  rdtscp: extended('edx', 27, 'RDTSCP and IA32_TSC_AUX'),
  lm: extended('edx', 29, 'long mode', { efer: 0x100 }),
  arat: announced(6, 'eax', 2, 'APIC timer that runs in every state'),
  'invariant-tsc': announced(0x8000_0007, 'edx', 8, 'time-stamp counter at a constant rate'),
} as const satisfies Record<string, FeatureRow>;

/** Name of a feature; the `cpuid` column of the opcode table. */
export type FeatureName = keyof typeof TABLE;

/** A feature with its name and its number in the core (0 stands for "always there"). */
export interface Feature extends FeatureRow {
  readonly name: FeatureName;
  readonly number: number;
}

/** All features in the order of their numbers. */
export const FEATURES: readonly Feature[] = Object.entries(TABLE).map(([name, feature], n) => ({
  ...feature,
  name: name as FeatureName,
  number: n + 1,
}));

const BY_NAME = new Map(FEATURES.map((feature) => [feature.name, feature]));

/** The row of a feature. */
export function featureOf(name: FeatureName): Feature {
  return BY_NAME.get(name)!;
}
