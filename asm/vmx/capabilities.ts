// The VMX capability MSRs 0x480-0x491 (SDM Vol. 3D "VMX Capability Reporting Facility") and the allowed settings of
// controls that follow from them. What is offered here is implemented; everything else reads as "must be 0".
import { raise, GP } from '../fault';
import {
  CPU2_APIC_ACCESSES,
  CPU2_DESCRIPTOR_TABLE,
  CPU2_EPT,
  CPU2_INVPCID,
  CPU2_RDRAND,
  CPU2_RDSEED,
  CPU2_RDTSCP,
  CPU2_UNRESTRICTED_GUEST,
  CPU2_VPID,
  CPU2_WBINVD,
  CPU_CR3_LOAD,
  CPU_CR3_STORE,
  CPU_CR8_LOAD,
  CPU_CR8_STORE,
  CPU_HLT,
  CPU_INTERRUPT_WINDOW,
  CPU_INVLPG,
  CPU_IO_BITMAPS,
  CPU_MONITOR,
  CPU_MONITOR_TRAP,
  CPU_MOV_DR,
  CPU_MSR_BITMAPS,
  CPU_MWAIT,
  CPU_NMI_WINDOW,
  CPU_PAUSE,
  CPU_RDPMC,
  CPU_RDTSC,
  CPU_SECONDARY,
  CPU_TPR_SHADOW,
  CPU_TSC_OFFSETTING,
  CPU_UNCONDITIONAL_IO,
  ENTRY_IA32E,
  ENTRY_LOAD_DEBUG,
  ENTRY_LOAD_EFER,
  ENTRY_LOAD_PAT,
  EXIT_ACKNOWLEDGE_INTERRUPT,
  EXIT_HOST_64,
  EXIT_LOAD_EFER,
  EXIT_LOAD_PAT,
  EXIT_SAVE_DEBUG,
  EXIT_SAVE_EFER,
  EXIT_SAVE_PAT,
  EXIT_SAVE_PREEMPTION_TIMER,
  PIN_EXTERNAL_INTERRUPT,
  PIN_NMI,
  PIN_PREEMPTION_TIMER,
  PIN_VIRTUAL_NMIS,
} from './vmcs-fields';
import {
  FEATURE_EPT,
  FEATURE_INVPCID,
  FEATURE_RDRAND,
  FEATURE_RDSEED,
  FEATURE_RDTSCP,
  FEATURE_UNRESTRICTED_GUEST,
  FEATURE_VPID,
} from '../gen/features';
import { cr4Writable, hasFeature } from '../system/model';
import { HIGHEST_INDEX, VMCS_REVISION } from './vmcs';

// The default1 class: bits that read as 1 in the older capability MSRs (SDM Vol. 3D "Reserved Controls and Default
// Settings").
const PIN_DEFAULT1: u32 = 0x16;
const CPU_DEFAULT1: u32 = 0x0401e172;
const EXIT_DEFAULT1: u32 = 0x00036dff;
const ENTRY_DEFAULT1: u32 = 0x000011ff;

// Bits that must be 1 even by the TRUE MSRs: default1 without the controls that software may clear.
export const PIN_MUST: u32 = PIN_DEFAULT1;
export const CPU_MUST: u32 = CPU_DEFAULT1 & ~(<u32>(CPU_CR3_LOAD | CPU_CR3_STORE));
export const EXIT_MUST: u32 = EXIT_DEFAULT1 & ~(<u32>EXIT_SAVE_DEBUG);
export const ENTRY_MUST: u32 = ENTRY_DEFAULT1 & ~(<u32>ENTRY_LOAD_DEBUG);

/** Bits that may be 1. */
export const PIN_MAY: u32 =
  PIN_DEFAULT1 | <u32>(PIN_EXTERNAL_INTERRUPT | PIN_NMI | PIN_VIRTUAL_NMIS | PIN_PREEMPTION_TIMER);
export const CPU_MAY: u32 =
  CPU_DEFAULT1 |
  <u32>(CPU_INTERRUPT_WINDOW | CPU_TSC_OFFSETTING | CPU_HLT | CPU_INVLPG | CPU_MWAIT | CPU_RDPMC | CPU_RDTSC) |
  <u32>(CPU_CR3_LOAD | CPU_CR3_STORE | CPU_CR8_LOAD | CPU_CR8_STORE | CPU_TPR_SHADOW | CPU_NMI_WINDOW | CPU_MOV_DR) |
  <u32>(CPU_UNCONDITIONAL_IO | CPU_IO_BITMAPS | CPU_MONITOR_TRAP | CPU_MSR_BITMAPS | CPU_MONITOR | CPU_PAUSE) |
  <u32>CPU_SECONDARY;
/** Secondary controls that may be 1: those whose feature the processor has. */
export function secondaryMay(): u32 {
  let may: u32 = <u32>(CPU2_APIC_ACCESSES | CPU2_DESCRIPTOR_TABLE | CPU2_WBINVD);
  if (hasFeature(FEATURE_EPT)) may |= <u32>CPU2_EPT;
  if (hasFeature(FEATURE_RDTSCP)) may |= <u32>CPU2_RDTSCP;
  if (hasFeature(FEATURE_VPID)) may |= <u32>CPU2_VPID;
  if (hasFeature(FEATURE_RDRAND)) may |= <u32>CPU2_RDRAND;
  if (hasFeature(FEATURE_RDSEED)) may |= <u32>CPU2_RDSEED;
  if (hasFeature(FEATURE_INVPCID)) may |= <u32>CPU2_INVPCID;
  if (hasFeature(FEATURE_UNRESTRICTED_GUEST)) may |= <u32>CPU2_UNRESTRICTED_GUEST;
  return may;
}
export const EXIT_MAY: u32 =
  EXIT_DEFAULT1 |
  <u32>(EXIT_HOST_64 | EXIT_ACKNOWLEDGE_INTERRUPT | EXIT_SAVE_PAT | EXIT_LOAD_PAT | EXIT_SAVE_EFER | EXIT_LOAD_EFER) |
  <u32>EXIT_SAVE_PREEMPTION_TIMER;
export const ENTRY_MAY: u32 = ENTRY_DEFAULT1 | <u32>(ENTRY_IA32E | ENTRY_LOAD_PAT | ENTRY_LOAD_EFER);

/** CR0 and CR4 in VMX operation: bits of FIXED0 must be 1, bits outside FIXED1 (CR4: outside `cr4Writable`) must be 0. */
export const CR0_FIXED0: u64 = 0x80000021;
export const CR0_FIXED1: u64 = 0xffffffff;
export const CR4_FIXED0: u64 = 0x2000;

/** The preemption timer counts down when this bit of the TSC changes. */
export const PREEMPTION_TIMER_SHIFT: u64 = 5;
/** Physical addresses have this many bits. */
export const PHYSICAL_WIDTH: u64 = 36;
/** The table an EPT pointer names, by which translations are tagged. */
export const EPT_ROOT: u64 = ((<u64>1) << PHYSICAL_WIDTH) - 0x1000;
export const CR3_TARGETS: u32 = 4;
/** Recommended limit of the MSR lists. */
export const MSR_LIST_LIMIT: u32 = 512;

/**
 * The EPT memory types and shapes offered: 4 levels, UC and WB, 2 MiB pages, A/D flags, INVEPT and INVVPID of all
 * types.
 */
const EPT_VPID_CAPABILITY: u64 =
  ((<u64>1) << 6) | // walk length 4
  ((<u64>1) << 8) | // UC
  ((<u64>1) << 14) | // WB
  ((<u64>1) << 16) | // 2 MiB pages
  ((<u64>1) << 20) | // INVEPT
  ((<u64>1) << 21) | // accessed and dirty flags
  ((<u64>1) << 25) | // single-context INVEPT
  ((<u64>1) << 26) | // all-context INVEPT
  ((<u64>1) << 32) | // INVVPID
  ((<u64>0xf) << 40); // individual address, single context, all contexts, single context but globals

/** IA32_VMX_BASIC: revision, region of 4096 bytes, write-back, INS/OUTS information, TRUE MSRs. */
const BASIC: u64 = <u64>VMCS_REVISION | ((<u64>4096) << 32) | ((<u64>6) << 50) | ((<u64>1) << 54) | ((<u64>1) << 55);

/**
 * IA32_VMX_MISC: timer rate, EFER.LMA stored, the activity states HLT, shutdown and wait-for-SIPI, CR3 targets, injection of
 * length 0.
 */
const MISC: u64 =
  PREEMPTION_TIMER_SHIFT | ((<u64>1) << 5) | ((<u64>7) << 6) | ((<u64>CR3_TARGETS) << 16) | ((<u64>1) << 30);

/** True for the VMX capability MSRs this processor has. */
export function isVmxMsr(msr: u32): bool {
  return msr >= 0x480 && msr <= 0x490;
}

/** RDMSR of a VMX capability MSR; raises #GP(0) for a number that is none. */
export function vmxMsr(msr: u32): u64 {
  switch (msr) {
    case 0x480:
      return BASIC;
    case 0x481:
      return pair(PIN_DEFAULT1, PIN_MAY);
    case 0x482:
      return pair(CPU_DEFAULT1, CPU_MAY);
    case 0x483:
      return pair(EXIT_DEFAULT1, EXIT_MAY);
    case 0x484:
      return pair(ENTRY_DEFAULT1, ENTRY_MAY);
    case 0x485:
      return MISC;
    case 0x486:
      return CR0_FIXED0;
    case 0x487:
      return CR0_FIXED1;
    case 0x488:
      return CR4_FIXED0;
    case 0x489:
      return cr4Writable();
    case 0x48a:
      return (<u64>HIGHEST_INDEX) << 1;
    case 0x48b:
      return pair(0, secondaryMay());
    case 0x48c:
      return EPT_VPID_CAPABILITY;
    case 0x48d:
      return pair(PIN_MUST, PIN_MAY);
    case 0x48e:
      return pair(CPU_MUST, CPU_MAY);
    case 0x48f:
      return pair(EXIT_MUST, EXIT_MAY);
    case 0x490:
      return pair(ENTRY_MUST, ENTRY_MAY);
  }
  raise(GP, 0);
  return 0;
}

function pair(must: u32, may: u32): u64 {
  return <u64>must | ((<u64>may) << 32);
}
