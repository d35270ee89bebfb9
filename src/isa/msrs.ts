// The model-specific registers of the core and the features they come with (SDM Vol. 4 "Model-Specific Registers (MSRs)").
// A number that is not here, or whose feature a processor lacks, is #GP(0) there.
import type { FeatureName } from './cpu-features.ts';

/** A range of MSRs, usually one. */
export interface MsrRange {
  readonly first: number;
  readonly last: number;
  readonly name: string;
  /** It exists when the processor has one of these. */
  readonly features: readonly FeatureName[];
  /** RDMSR of it is #GP(0). */
  readonly writeOnly?: true;
}

const msr = (first: number, name: string, ...features: FeatureName[]): MsrRange => ({
  first,
  last: first,
  name,
  features,
});
const range = (first: number, last: number, name: string, ...features: FeatureName[]): MsrRange => ({
  first,
  last,
  name,
  features,
});

/** Ascending. */
export const MSRS: readonly MsrRange[] = [
  range(0x0, 0x1, 'P5_MC_ADDR and P5_MC_TYPE', 'mce'),
  msr(0x10, 'IA32_TIME_STAMP_COUNTER', 'tsc'),
  msr(0x17, 'IA32_PLATFORM_ID', 'p6-msrs'),
  msr(0x1b, 'IA32_APIC_BASE', 'p6-msrs'),
  msr(0x3a, 'IA32_FEATURE_CONTROL', 'vmx'),
  msr(0x3b, 'IA32_TSC_ADJUST', 'tsc-adjust'),
  range(0x40, 0x43, 'MSR_LASTBRANCH_0_FROM_IP to 3', 'branch-stack'),
  range(0x60, 0x63, 'MSR_LASTBRANCH_0_TO_IP to 3', 'branch-stack'),
  { ...msr(0x79, 'IA32_BIOS_UPDT_TRIG', 'p6-msrs'), writeOnly: true },
  msr(0x8b, 'IA32_BIOS_SIGN_ID', 'p6-msrs'),
  msr(0xfe, 'IA32_MTRRCAP', 'mtrr'),
  range(0x174, 0x176, 'IA32_SYSENTER_CS, ESP and EIP', 'sep'),
  range(0x179, 0x17a, 'IA32_MCG_CAP and IA32_MCG_STATUS', 'mca'),
  msr(0x1a0, 'IA32_MISC_ENABLE', 'misc-enable'),
  msr(0x1c9, 'MSR_LASTBRANCH_TOS', 'branch-stack'),
  msr(0x1d9, 'IA32_DEBUGCTL', 'debugctl'),
  range(0x1db, 0x1dc, 'LASTBRANCHFROMIP and LASTBRANCHTOIP', 'last-branch'),
  range(0x1dd, 0x1de, 'LASTINTFROMIP and LASTINTTOIP (MSR_LER_FROM_LIP and TO_LIP)', 'debugctl'),
  range(0x200, 0x20f, 'IA32_MTRR_PHYSBASE and PHYSMASK', 'mtrr'),
  msr(0x250, 'IA32_MTRR_FIX64K', 'mtrr'),
  range(0x258, 0x259, 'IA32_MTRR_FIX16K', 'mtrr'),
  range(0x268, 0x26f, 'IA32_MTRR_FIX4K', 'mtrr'),
  msr(0x277, 'IA32_PAT', 'pat'),
  msr(0x2ff, 'IA32_MTRR_DEF_TYPE', 'mtrr'),
  range(0x400, 0x402, 'IA32_MC0_CTL, STATUS and ADDR', 'mca'),
  range(0x480, 0x48b, 'VMX capabilities', 'vmx'),
  msr(0x48c, 'IA32_VMX_EPT_VPID_CAP', 'ept', 'vpid'),
  range(0x48d, 0x490, 'VMX capabilities without default settings', 'vmx'),
  msr(0x6e0, 'IA32_TSC_DEADLINE', 'tsc-deadline'),
  range(0x802, 0x803, 'IA32_X2APIC_APICID and VERSION', 'x2apic'),
  msr(0x808, 'IA32_X2APIC_TPR', 'x2apic'),
  msr(0x80a, 'IA32_X2APIC_PPR', 'x2apic'),
  { ...msr(0x80b, 'IA32_X2APIC_EOI', 'x2apic'), writeOnly: true },
  msr(0x80d, 'IA32_X2APIC_LDR', 'x2apic'),
  range(0x80f, 0x828, 'IA32_X2APIC_SIVR, ISR, TMR, IRR and ESR', 'x2apic'),
  msr(0x830, 'IA32_X2APIC_ICR', 'x2apic'),
  range(0x832, 0x839, 'IA32_X2APIC_LVT, INIT_COUNT and CUR_COUNT', 'x2apic'),
  msr(0x83e, 'IA32_X2APIC_DIV_CONF', 'x2apic'),
  { ...msr(0x83f, 'IA32_X2APIC_SELF_IPI', 'x2apic'), writeOnly: true },
  msr(0xc000_0080, 'IA32_EFER', 'syscall', 'nx', 'lm'),
  range(0xc000_0081, 0xc000_0084, 'IA32_STAR, LSTAR, CSTAR and FMASK', 'syscall'),
  range(0xc000_0100, 0xc000_0102, 'IA32_FS_BASE, GS_BASE and KERNEL_GS_BASE', 'lm'),
  msr(0xc000_0103, 'IA32_TSC_AUX', 'rdtscp'),
];
