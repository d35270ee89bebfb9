// The processor after RESET, and what is derived from its state (SDM Vol. 3A "Processor State After Reset").
import {
  A20_MASK,
  ACTIVITY,
  CR0,
  CR2,
  CR3,
  CR4,
  CR8,
  CS,
  DR,
  EFER,
  ES,
  GDTR_BASE,
  GDTR_LIMIT,
  GPR,
  IDTR_BASE,
  IDTR_LIMIT,
  INTERRUPTIBILITY,
  LDTR,
  MODEL_SIGNATURE,
  MONITOR_ARMED,
  MSR_APIC_BASE,
  MSR_DEBUGCTL,
  MSR_FEATURE_CONTROL,
  MSR_KERNEL_GS_BASE,
  MSR_LBR_FROM,
  MSR_MISC_ENABLE,
  MSR_MTRR,
  MSR_PAT,
  MSR_SYSENTER_CS,
  MSR_SYSENTER_EIP,
  MSR_SYSENTER_ESP,
  MSR_TSC_AUX,
  MSR_TSC_DEADLINE,
  MSR_TSC_OFFSET,
  NMI_PENDING,
  OTHERS_TIME,
  PENDING_DEBUG,
  RIP,
  SMBASE,
  SMI_PENDING,
  SMM,
  SMM_FAILED,
  STARTUP_PENDING,
  TR,
  XCR0,
} from '../layout';
import { setFlags } from '../flags';
import { resetFpu } from '../fpu/stack';
import { FEATURE_APIC, FEATURE_VMX } from '../gen/features';
import { pagingChanged } from '../paging';
import { debugChanged } from './debug-registers';
import { hasFeature } from './model';
import { selectContext } from '../tlb-banks';
import { MISC_ENABLE_RESET } from './msr';
import { recomputeSegments, setCpl, setSegment } from './segment';

const CR0_RESET: u64 = 0x60000010;
/** CD and NW. */
const CR0_CACHE_CONTROL: u64 = 0x60000000;
const SMBASE_RESET: u32 = 0x30000;

/** Sets the architectural state that RESET gives (the machine then puts the CPU where its boot protocol wants it). */
export function resetSystem(): void {
  resetRegisters();
  store<u64>(CR0, CR0_RESET);
  store<u32>(STARTUP_PENDING, 0);
  store<u64>(OTHERS_TIME, u64.MAX_VALUE);
  store<u64>(A20_MASK, u64.MAX_VALUE);
  store<u32>(SMM, 0);
  store<u32>(SMI_PENDING, 0);
  store<u32>(SMM_FAILED, 0);
  store<u32>(SMBASE, SMBASE_RESET);
  resetFpu();
  resetMsrs();
  systemLoaded();
}

/** What INIT does to the processor: caches, floating-point state, TSC and most MSRs stay as they are. */
export function initSystem(): void {
  const cacheControl = load<u64>(CR0) & CR0_CACHE_CONTROL;
  resetRegisters();
  store<u64>(CR0, (CR0_RESET & ~CR0_CACHE_CONTROL) | cacheControl);
  systemLoaded();
  pagingChanged();
}

/** The registers that RESET and INIT treat alike. */
function resetRegisters(): void {
  for (let n: usize = 0; n < 17; n++) store<u64>(GPR + (n << 3), 0);
  store<u64>(GPR + 2 * 8, load<u32>(MODEL_SIGNATURE)); // EDX
  store<u64>(RIP, 0xfff0);
  setFlags(2);
  for (let seg: u32 = ES; seg <= <u32>TR; seg++) setSegment(seg, 0, 0x93, 0, 0xffff);
  setSegment(CS, 0xf000, 0x93, 0xffff0000, 0xffff);
  setSegment(TR, 0, 0x8b, 0, 0xffff);
  setSegment(LDTR, 0, 0x82, 0, 0xffff);
  store<u64>(GDTR_BASE, 0);
  store<u32>(GDTR_LIMIT, 0xffff);
  store<u64>(IDTR_BASE, 0);
  store<u32>(IDTR_LIMIT, 0xffff);
  store<u64>(CR2, 0);
  store<u64>(CR3, 0);
  store<u64>(CR4, 0);
  store<u64>(CR8, 0);
  store<u64>(EFER, 0);
  store<u64>(XCR0, 1);
  for (let n: usize = 0; n < 8; n++) store<u64>(DR + (n << 3), 0);
  store<u64>(DR + 6 * 8, 0xffff0ff0);
  store<u64>(DR + 7 * 8, 0x400);
  setCpl(0);
  store<u32>(INTERRUPTIBILITY, 0);
  store<u32>(ACTIVITY, 0);
  store<u32>(NMI_PENDING, 0);
  store<u32>(PENDING_DEBUG, 0);
  store<u32>(MONITOR_ARMED, 0);
}

function resetMsrs(): void {
  store<u64>(MSR_TSC_OFFSET, 0);
  // bootstrap processor, enabled
  store<u64>(MSR_APIC_BASE, hasFeature(FEATURE_APIC) ? 0xfee00900 : 0);
  store<u64>(MSR_SYSENTER_CS, 0);
  store<u64>(MSR_SYSENTER_ESP, 0);
  store<u64>(MSR_SYSENTER_EIP, 0);
  store<u64>(MSR_PAT, 0x0007040600070406);
  store<u64>(MSR_MISC_ENABLE, MISC_ENABLE_RESET);
  // locked by firmware with VMXON allowed outside SMX
  store<u64>(MSR_FEATURE_CONTROL, hasFeature(FEATURE_VMX) ? 5 : 0);
  store<u64>(MSR_DEBUGCTL, 0);
  store<u64>(MSR_TSC_AUX, 0);
  for (let place: usize = MSR_DEBUGCTL + 8; place <= <usize>MSR_KERNEL_GS_BASE; place += 8) store<u64>(place, 0);
  for (let slot: usize = 0; slot < 32; slot++) store<u64>(<usize>MSR_MTRR + (slot << 3), 0);
  for (let place: usize = MSR_LBR_FROM; place <= <usize>MSR_TSC_DEADLINE; place += 8) store<u64>(place, 0);
  store<u64>(MSR_MTRR, 0xc06); // enabled, write-back
}

/** Recomputes everything derived from the state area: after RESET and after a snapshot or the host wrote it. */
export function systemLoaded(): void {
  debugChanged();
  recomputeSegments();
  selectContext();
}
