// RDMSR and WRMSR (SDM Vol. 4 "Model-Specific Registers"; Vol. 3A "Memory Type Range Registers (MTRRs)", "Page Attribute
// Table (PAT)"). A number that the processor model does not have is #GP(0).
import {
  CR0,
  EFER,
  MODEL_EFER,
  MSR_APIC_BASE,
  MSR_DEBUGCTL,
  MSR_FEATURE_CONTROL,
  MSR_MISC_ENABLE,
  MSR_MC0_CTL,
  MSR_MCG_STATUS,
  MSR_MTRR,
  MSR_PAT,
  MSR_SYSENTER_CS,
  MSR_SYSENTER_EIP,
  MSR_SYSENTER_ESP,
  MSR_TSC_ADJUST,
  MSR_TSC_AUX,
  MSR_TSC_DEADLINE,
  MSR_TSC_OFFSET,
} from '../layout';
import { exactCycles } from '../charge';
import { GP, raise } from '../fault';
import { faulted } from '../globals';
import { pagingChanged } from '../paging';
import { isCanonicalBase } from '../long-mode/state';
import { longMsrPlace, writeLongMsr } from '../long-mode/msr';
import { mustWait } from '../processors/wait';
import { cpl, getRegister32, setRegister } from '../record';
import { isVmxMsr, PHYSICAL_WIDTH, vmxMsr } from '../vmx/capabilities';
import { interceptRdmsr, interceptWrmsr } from '../vmx/intercepts';
import { tscAdjustment } from '../vmx/guest-view';
import { branchMsrPlace, DEBUGCTL_BTF, DEBUGCTL_LBR, isBranchMsrWritable } from './branch-records';
import { finish } from './finish';
import {
  isLocalApicCommand,
  isLocalApicMsr,
  readLocalApicMsr,
  setDeadline,
  writeApicBase,
  writeLocalApicMsr,
} from './local-apic';
import { msrExists } from './model';
import { CR0_PG, EFER_LMA, EFER_LME, EFER_NXE, efer } from './state';

export const IA32_TIME_STAMP_COUNTER: u32 = 0x10;
// no machine check ever happens: the registers say so
const P5_MC_ADDR: u32 = 0;
const P5_MC_TYPE: u32 = 1;
const IA32_MCG_CAP: u32 = 0x179;
const IA32_MCG_STATUS: u32 = 0x17a;
const IA32_MC0_CTL: u32 = 0x400;
const IA32_MC0_STATUS: u32 = 0x401;
const IA32_MC0_ADDR: u32 = 0x402;
const MACHINE_CHECK_BANKS: u64 = 1;
const IA32_TSC_ADJUST: u32 = 0x3b;
const IA32_PLATFORM_ID: u32 = 0x17;
const IA32_APIC_BASE: u32 = 0x1b;
const IA32_FEATURE_CONTROL: u32 = 0x3a;
const IA32_BIOS_UPDT_TRIG: u32 = 0x79;
const IA32_BIOS_SIGN_ID: u32 = 0x8b;
const IA32_MTRRCAP: u32 = 0xfe;
const IA32_SYSENTER_CS: u32 = 0x174;
const IA32_SYSENTER_ESP: u32 = 0x175;
const IA32_SYSENTER_EIP: u32 = 0x176;
const IA32_MISC_ENABLE: u32 = 0x1a0;
const IA32_DEBUGCTL: u32 = 0x1d9;
const IA32_PAT: u32 = 0x277;
const IA32_TSC_DEADLINE: u32 = 0x6e0;
const IA32_EFER: u32 = 0xc0000080;
const IA32_TSC_AUX: u32 = 0xc0000103;

/** Eight variable ranges, fixed ranges, write-combining. */
const MTRR_CAPABILITIES: u64 = 0x508;
const PHYSICAL_MASK: u64 = ((<u64>1) << PHYSICAL_WIDTH) - 1;
/** Lock, VMXON inside and outside SMX. */
const FEATURE_CONTROL_WRITABLE: u64 = 7;
/** IA32_MISC_ENABLE: MONITOR/MWAIT enabled, CPUID limited to leaf 3, XD bit disabled. */
export const MISC_MONITOR: u64 = 1 << 18;
export const MISC_LIMIT_CPUID: u64 = 1 << 22;
export const MISC_DISABLE_XD: u64 = (<u64>1) << 34;
/** Fast strings, and branch trace storage and PEBS unavailable (read-only): the value after RESET has MONITOR as well. */
export const MISC_ENABLE_RESET: u64 = 1 | (1 << 11) | (1 << 12) | MISC_MONITOR;
const MISC_ENABLE_WRITABLE: u64 = 1 | MISC_MONITOR | MISC_LIMIT_CPUID | MISC_DISABLE_XD;

export function rdmsr(r: usize): void {
  if (cpl()) {
    raise(GP, 0);
    return;
  }
  const msr = getRegister32(1);
  if (interceptRdmsr(r, msr)) return;
  if (msr == IA32_TIME_STAMP_COUNTER && mustWait()) return;
  let value = readMsr(msr);
  if (faulted) return;
  // the TSC offset is part of the instruction's behaviour: a VM exit stores the MSR without
  if (msr == IA32_TIME_STAMP_COUNTER) value += tscAdjustment();
  setRegister(0, value & 0xffffffff);
  setRegister(2, value >> 32);
}

export function wrmsr(r: usize): void {
  if (cpl()) {
    raise(GP, 0);
    return;
  }
  const msr = getRegister32(1);
  if (interceptWrmsr(r, msr)) return;
  if ((msr == IA32_APIC_BASE || isLocalApicCommand(msr)) && mustWait()) return;
  writeMsr(msr, u64(getRegister32(0)) | (u64(getRegister32(2)) << 32));
  if (!faulted) finish(r);
}

/** Time-stamp counter without the adjustment of VMX non-root operation. */
export function timeStampCounter(): u64 {
  return exactCycles() + load<u64>(MSR_TSC_OFFSET);
}

/** Moves the time-stamp counter; IA32_TSC_ADJUST is the sum of all moves. */
function adjustTime(by: u64): void {
  store<u64>(MSR_TSC_OFFSET, load<u64>(MSR_TSC_OFFSET) + by);
  store<u64>(MSR_TSC_ADJUST, load<u64>(MSR_TSC_ADJUST) + by);
  const deadline = load<u64>(MSR_TSC_DEADLINE);
  if (deadline) setDeadline(deadline, timeStampCounter());
}

/** Place of an MTRR in MSR_MTRR (default type, 8 pairs, 11 fixed), or -1. */
function mtrrSlot(msr: u32): i32 {
  if (msr == 0x2ff) return 0;
  if (msr >= 0x200 && msr < 0x210) return 1 + i32(msr - 0x200);
  if (msr == 0x250) return 17;
  if (msr == 0x258 || msr == 0x259) return 18 + i32(msr - 0x258);
  if (msr >= 0x268 && msr <= 0x26f) return 20 + i32(msr - 0x268);
  return -1;
}

/** Reads an MSR; raises #GP(0) for one that does not exist. Also used for the MSR lists of VMX. */
export function readMsr(msr: u32): u64 {
  if (!msrExists(msr)) {
    refuse();
    return 0;
  }
  switch (msr) {
    case IA32_TIME_STAMP_COUNTER:
      return timeStampCounter();
    case IA32_PLATFORM_ID:
    case IA32_BIOS_SIGN_ID:
    case P5_MC_ADDR:
    case P5_MC_TYPE:
    case IA32_MC0_STATUS:
    case IA32_MC0_ADDR:
      return 0;
    case IA32_MCG_CAP:
      return MACHINE_CHECK_BANKS;
    case IA32_MCG_STATUS:
      return load<u64>(MSR_MCG_STATUS);
    case IA32_MC0_CTL:
      return load<u64>(MSR_MC0_CTL);
    case IA32_TSC_ADJUST:
      return load<u64>(MSR_TSC_ADJUST);
    case IA32_APIC_BASE:
      return load<u64>(MSR_APIC_BASE);
    case IA32_FEATURE_CONTROL:
      return load<u64>(MSR_FEATURE_CONTROL);
    case IA32_MTRRCAP:
      return MTRR_CAPABILITIES;
    case IA32_SYSENTER_CS:
      return load<u64>(MSR_SYSENTER_CS);
    case IA32_SYSENTER_ESP:
      return load<u64>(MSR_SYSENTER_ESP);
    case IA32_SYSENTER_EIP:
      return load<u64>(MSR_SYSENTER_EIP);
    case IA32_MISC_ENABLE:
      return load<u64>(MSR_MISC_ENABLE);
    case IA32_DEBUGCTL:
      return load<u64>(MSR_DEBUGCTL);
    case IA32_PAT:
      return load<u64>(MSR_PAT);
    case IA32_TSC_DEADLINE:
      return load<u64>(MSR_TSC_DEADLINE);
    case IA32_EFER:
      return efer();
    case IA32_TSC_AUX:
      return load<u64>(MSR_TSC_AUX);
  }
  if (isVmxMsr(msr)) return vmxMsr(msr);
  if (isLocalApicMsr(msr)) return readLocalApicMsr(msr);
  const place = longMsrPlace(msr);
  if (place) return load<u64>(place);
  const branch = branchMsrPlace(msr);
  if (branch) return load<u64>(branch);
  const slot = mtrrSlot(msr);
  if (slot >= 0) return load<u64>(MSR_MTRR + (slot << 3));
  refuse();
  return 0;
}

/** Writes an MSR; raises #GP(0) for a wrong number or value. Also used for the MSR lists of VMX. */
export function writeMsr(msr: u32, value: u64): void {
  if (!msrExists(msr)) {
    refuse();
    return;
  }
  switch (msr) {
    case IA32_TIME_STAMP_COUNTER:
      adjustTime(value - timeStampCounter());
      return;
    case IA32_TSC_ADJUST:
      adjustTime(value - load<u64>(MSR_TSC_ADJUST));
      return;
    case IA32_MCG_STATUS:
      storeChecked(MSR_MCG_STATUS, value, 7);
      return;
    case IA32_MC0_CTL:
      store<u64>(MSR_MC0_CTL, value);
      return;
    case IA32_MC0_STATUS:
    case IA32_MC0_ADDR:
      // they can only be cleared
      if (value) raise(GP, 0);
      return;
    case IA32_BIOS_UPDT_TRIG:
    case IA32_BIOS_SIGN_ID:
      return;
    case IA32_APIC_BASE:
      writeApicBase(value);
      return;
    case IA32_FEATURE_CONTROL:
      if (load<u64>(MSR_FEATURE_CONTROL) & 1) raise(GP, 0);
      else storeChecked(MSR_FEATURE_CONTROL, value, FEATURE_CONTROL_WRITABLE);
      return;
    case IA32_SYSENTER_CS:
      store<u64>(MSR_SYSENTER_CS, value & 0xffffffff);
      return;
    case IA32_SYSENTER_ESP:
      storeAddress(MSR_SYSENTER_ESP, value);
      return;
    case IA32_SYSENTER_EIP:
      storeAddress(MSR_SYSENTER_EIP, value);
      return;
    case IA32_MISC_ENABLE:
      store<u64>(
        MSR_MISC_ENABLE,
        (load<u64>(MSR_MISC_ENABLE) & ~MISC_ENABLE_WRITABLE) | (value & MISC_ENABLE_WRITABLE),
      );
      return;
    case IA32_DEBUGCTL:
      storeChecked(MSR_DEBUGCTL, value, DEBUGCTL_LBR | DEBUGCTL_BTF);
      return;
    case IA32_PAT:
      writePat(value);
      return;
    case IA32_TSC_DEADLINE:
      setDeadline(value, timeStampCounter());
      return;
    case IA32_EFER:
      writeEfer(value);
      return;
    case IA32_TSC_AUX:
      storeChecked(MSR_TSC_AUX, value, 0xffffffff);
      return;
  }
  const slot = mtrrSlot(msr);
  const place = longMsrPlace(msr);
  const branch = branchMsrPlace(msr);
  if (branch && isBranchMsrWritable(msr)) store<u64>(branch, value);
  else if (place) writeLongMsr(msr, place, value);
  else if (slot >= 0) writeMtrr(slot, value);
  else if (isLocalApicMsr(msr)) writeLocalApicMsr(msr, value);
  else refuse();
}

/** Stores a linear address, which must be canonical. */
function storeAddress(place: usize, value: u64): void {
  if (isCanonicalBase(value)) store<u64>(place, value);
  else raise(GP, 0);
}

/** Stores a value whose reserved bits must be 0. */
function storeChecked(place: usize, value: u64, writable: u64): void {
  if (value & ~writable) raise(GP, 0);
  else store<u64>(place, value);
}

/** An MSR the processor does not have, or a direction in which it cannot be accessed. */
function refuse(): void {
  raise(GP, 0);
}

/** Memory types are UC 0, WC 1, WT 4, WP 5, WB 6; PAT also has UC- 7. */
function isMemoryType(type: u64, isPat: bool): bool {
  const end: u64 = isPat ? 8 : 7;
  return type <= 1 || (type >= 4 && type < end);
}

function writePat(value: u64): void {
  for (let i: u64 = 0; i < 64; i += 8) {
    if (!isMemoryType((value >> i) & 0xff, true)) {
      raise(GP, 0);
      return;
    }
  }
  store<u64>(MSR_PAT, value);
}

function writeMtrr(slot: i32, value: u64): void {
  let isLegal = true;
  if (slot == 0) isLegal = isMemoryType(value & 0xff, false) && !(value & ~0xcff);
  else if (slot > 16)
    for (let i: u64 = 0; i < 64; i += 8) isLegal = isLegal && isMemoryType((value >> i) & 0xff, false);
  else if (slot & 1) isLegal = isMemoryType(value & 0xff, false) && !(value & ~(PHYSICAL_MASK & ~0xf00));
  else isLegal = !(value & ~(PHYSICAL_MASK & ~0x7ff));
  if (isLegal) store<u64>(MSR_MTRR + (slot << 3), value);
  else raise(GP, 0);
}

function writeEfer(value: u64): void {
  const old = efer();
  const isChangedWhilePaging = (load<u64>(CR0) & CR0_PG) != 0 && ((old ^ value) & EFER_LME) != 0;
  const isDisabled = (value & EFER_NXE) != 0 && (load<u64>(MSR_MISC_ENABLE) & MISC_DISABLE_XD) != 0;
  const writable = load<u64>(MODEL_EFER);
  if (value & ~(writable | EFER_LMA) || isChangedWhilePaging || isDisabled) {
    raise(GP, 0);
    return;
  }
  store<u64>(EFER, (value & writable) | (old & EFER_LMA));
  if ((old ^ value) & EFER_NXE) pagingChanged();
}
