// MOV to and from control registers, LMSW, SMSW, CLTS (SDM Vol. 3A "Control Registers", "Paging-Mode Modifiers",
// "PDPTE Registers", "Operations that Invalidate TLBs and Paging-Structure Caches").
import { CR0, CR2, CR3, CR4, CS, EFER, SMM, VMX_ROOT } from '../layout';
import { refetch } from '../branch';
import { chargeDifference } from './cost';
import { GP, raise, UD } from '../fault';
import { driveError } from '../fpu/error';
import { COST_CR0_WRITE, COST_CR3_WRITE, COST_CR4_WRITE } from '../gen/costs';
import { code64, faulted } from '../globals';
import { codeModeChanged, inLongMode, RIGHTS_LONG } from '../long-mode/state';
import { readCr8, writeCr8 } from '../long-mode/task-priority';
import { readRm, writeRm } from '../operand';
import { loadPdptes, pagingChanged } from '../paging';
import { flushTlb } from '../tlb';
import { selectContext } from '../tlb-banks';
import {
  cpl,
  effectiveAddress,
  getRegister,
  isMemory,
  operandSize,
  regNumber,
  rmNumber,
  segmentNumber,
  setRegister,
} from '../record';
import { secondaryControls } from '../vmx/check-controls';
import { CPU2_UNRESTRICTED_GUEST } from '../vmx/vmcs-fields';
import { CR0_FIXED0, CR0_FIXED1, CR4_FIXED0 } from '../vmx/capabilities';
import {
  cltsClears,
  cr0ReadView,
  cr0WriteValue,
  cr4ReadView,
  cr4WriteValue,
  hasTprShadow,
  setTprShadow,
  tprShadow,
} from '../vmx/guest-view';
import {
  interceptClts,
  interceptCr0Write,
  interceptCr3Read,
  interceptCr3Write,
  interceptCr4Write,
  interceptCr8Read,
  interceptCr8Write,
  interceptLmsw,
} from '../vmx/intercepts';
import { inNonRoot } from '../vmx/non-root';
import { debugChanged } from './debug-registers';
import { finish } from './finish';
import { cr4Writable } from './model';
import {
  CR0_CD,
  CR0_EM,
  CR0_ET,
  CR0_MP,
  CR0_NE,
  CR0_NW,
  CR0_PE,
  CR0_PG,
  CR0_AM,
  CR0_TS,
  CR0_WP,
  CR4_DE,
  CR4_PAE,
  CR4_PCIDE,
  CR4_PGE,
  CR4_PSE,
  CR4_SMAP,
  CR4_SMEP,
  CR4_UMIP,
  CR4_VMXE,
  cr0,
  cr4,
  CR4_LA57,
  EFER_LMA,
  EFER_LME,
  efer,
  segmentBase,
  segmentRights,
} from './state';

const CR0_WRITABLE: u64 = CR0_PE | CR0_MP | CR0_EM | CR0_TS | CR0_NE | CR0_WP | CR0_AM | CR0_NW | CR0_CD | CR0_PG;
/** Bits of CR3 that may be set in IA-32e mode. */
const PHYSICAL_MASK: u64 = 0xf_ffff_ffff;
const CR3_NO_FLUSH: u64 = 1 << 63;
/** Changes of CR4 that reload the PDPTE registers in PAE paging, and changes that empty the TLB. */
const CR4_RELOADS: u64 = CR4_PAE | CR4_PGE | CR4_PSE | CR4_SMEP;
const CR4_FLUSHES: u64 = CR4_PAE | CR4_PGE | CR4_PSE | CR4_LA57 | CR4_SMEP | CR4_SMAP;
const MACHINE_STATUS_WORD: u64 = CR0_PE | CR0_MP | CR0_EM | CR0_TS;

/** CR4 came with the first feature that has a bit in it. */
function controlRegisterExists(n: u32): bool {
  return n == 4 ? cr4Writable() != 0 : n == 0 || n == 2 || n == 3 || n == 8;
}

export function movFromCr(r: usize): void {
  const n = regNumber(r);
  if (!controlRegisterExists(n)) {
    raise(UD, 0);
    return;
  }
  if (cpl()) {
    raise(GP, 0);
    return;
  }
  let value: u64;
  if (n == 0) value = cr0ReadView(cr0());
  else if (n == 2) value = load<u64>(CR2);
  else if (n == 4) value = cr4ReadView(cr4());
  else if (n == 8) {
    if (interceptCr8Read(r, rmNumber(r))) return;
    value = hasTprShadow() ? tprShadow() : readCr8();
  } else {
    if (interceptCr3Read(r, rmNumber(r))) return;
    value = load<u64>(CR3);
  }
  setRegister(rmNumber(r), code64 ? value : value & 0xffffffff);
}

/** Returns the record to go on with, or 0 with `leave` or `faulted`. */
export function movToCr(r: usize): usize {
  const n = regNumber(r);
  if (!controlRegisterExists(n)) raise(UD, 0);
  else if (cpl()) raise(GP, 0);
  else if (n == 3) return movToCr3(r);
  else moveTo(r, n);
  return 0;
}

/** The new value of a control register, 32 bits outside 64-bit code. */
// @ts-ignore: decorator
@inline
function newValue(r: usize): u64 {
  const value = getRegister(rmNumber(r));
  return code64 ? value : value & 0xffffffff;
}

function movToCr3(r: usize): usize {
  const value = newValue(r);
  if (interceptCr3Write(r, rmNumber(r), value) || !setCr3(value)) return 0;
  chargeDifference(COST_CR0_WRITE, COST_CR3_WRITE);
  return refetch(r);
}

function moveTo(r: usize, n: u32): void {
  const reg = rmNumber(r);
  const value = newValue(r);
  if (n == 8) {
    if (interceptCr8Write(r, reg, value)) return;
    if (hasTprShadow() && value < 16) setTprShadow(value);
    else if (!writeCr8(value)) return;
  } else if (n == 0) {
    if (interceptCr0Write(r, reg, value) || !setCr0(cr0WriteValue(value))) return;
  } else if (n == 2) {
    chargeDifference(COST_CR0_WRITE, COST_CR4_WRITE);
    store<u64>(CR2, value);
  } else {
    if (interceptCr4Write(r, reg, value) || !setCr4(cr4WriteValue(value))) return;
    chargeDifference(COST_CR0_WRITE, COST_CR4_WRITE);
  }
  finish(r);
}

/** Bits of CR0 that VMX operation fixes to 1: an unrestricted guest may clear PE and PG. */
function cr0Fixed(): u64 {
  const isUnrestricted = inNonRoot() && (secondaryControls() & CPU2_UNRESTRICTED_GUEST) != 0;
  return isUnrestricted ? CR0_FIXED0 & ~(CR0_PE | CR0_PG) : CR0_FIXED0;
}

/** In VMX operation some bits are fixed (SDM Vol. 3C "Restrictions on VMX Operation"). */
function isFixedRight(value: u64, fixed0: u64, fixed1: u64): bool {
  return load<u32>(VMX_ROOT) == 0 || ((value & fixed0) == fixed0 && (value & ~fixed1) == 0);
}

/** True: the PDPTE registers hold what CR3 points at. False: #GP or VM exit raised. */
function reloadPdptes(cr3: u64): bool {
  if (loadPdptes(cr3)) return true;
  if (!faulted) raise(GP, 0);
  return false;
}

/** Writes CR0 after all checks; false when a fault was raised. */
export function setCr0(value: u64): bool {
  const old = cr0();
  const isWide = value > 0xffffffff;
  value = (value & CR0_WRITABLE) | CR0_ET;
  const isIllegal = isWide || (value & CR0_PG && !(value & CR0_PE)) || (value & CR0_NW && !(value & CR0_CD));
  if (isIllegal || !isFixedRight(value, cr0Fixed(), CR0_FIXED1)) {
    raise(GP, 0);
    return false;
  }
  const changed = old ^ value;
  if (changed & CR0_PG && !maySwitchLongMode(value)) {
    raise(GP, 0);
    return false;
  }
  const isLong = inLongMode() || (changed & value & CR0_PG && efer() & EFER_LME);
  if (
    value & CR0_PG &&
    !isLong &&
    cr4() & CR4_PAE &&
    changed & (CR0_PG | CR0_CD | CR0_NW) &&
    !reloadPdptes(load<u64>(CR3))
  )
    return false;
  store<u64>(CR0, value);
  if (changed & CR0_NE) driveError();
  if (changed & CR0_PG && efer() & EFER_LME) {
    store<u64>(EFER, value & CR0_PG ? efer() | EFER_LMA : efer() & ~EFER_LMA);
    codeModeChanged();
  }
  if (changed & (CR0_PG | CR0_PE | CR0_WP)) pagingChanged();
  return true;
}

/**
 * Paging goes on or off, with it IA-32e mode when EFER.LME is set: that takes PAE and a code segment without L, and it cannot
 * end in 64-bit code (SDM Vol. 3A "Initializing IA-32e Mode").
 */
function maySwitchLongMode(value: u64): bool {
  if (!(value & CR0_PG)) return !code64 && !(cr4() & CR4_PCIDE);
  return !(efer() & EFER_LME) || ((cr4() & CR4_PAE) != 0 && !(segmentRights(CS) & RIGHTS_LONG));
}

/**
 * Writes CR3; false when a fault was raised. With PCIDs bit 63 asks to keep what the TLB holds for the new one (SDM Vol. 3A
 * "Operations that Invalidate TLBs and Paging-Structure Caches").
 */
function setCr3(value: u64): bool {
  const keeps = (cr4() & CR4_PCIDE) != 0 && value >> 63 != 0;
  if (keeps) value &= ~CR3_NO_FLUSH;
  if (inLongMode()) {
    if (value & ~PHYSICAL_MASK) {
      raise(GP, 0);
      return false;
    }
  } else if (cr0() & CR0_PG && cr4() & CR4_PAE && !reloadPdptes(value)) return false;
  store<u64>(CR3, value);
  selectContext();
  if (!keeps) flushTlb((cr4() & CR4_PGE) != 0);
  return true;
}

/** CR4.PCIDE goes with IA-32e mode, and comes while the PCID is 0 (SDM Vol. 3A "Process-Context Identifiers (PCIDs)"). */
function mayHavePcids(value: u64): bool {
  if (!(value & CR4_PCIDE)) return true;
  return inLongMode() && ((cr4() & CR4_PCIDE) != 0 || !(load<u64>(CR3) & 0xfff));
}

/** Writes CR4 after all checks; false when a fault was raised. */
export function setCr4(value: u64): bool {
  const changed = cr4() ^ value;
  // PAE and the number of levels stay as they are in IA-32e mode
  // VMX operation cannot be entered from system-management mode (SDM Vol. 3C "Protection of CR4.VMXE in SMM")
  const isForbidden = value & CR4_VMXE && load<u32>(SMM);
  const isPinned = inLongMode() && (changed & CR4_LA57 || !(value & CR4_PAE));
  const isLegal = !(value & ~cr4Writable()) && isFixedRight(value, CR4_FIXED0, cr4Writable());
  if (!isLegal || isForbidden || isPinned || !mayHavePcids(value)) {
    raise(GP, 0);
    return false;
  }
  const isPae = cr0() & CR0_PG && value & CR4_PAE && !inLongMode();
  if (isPae && changed & CR4_RELOADS && !reloadPdptes(load<u64>(CR3))) return false;
  store<u64>(CR4, value);
  if (changed & CR4_FLUSHES || changed & ~value & CR4_PCIDE) pagingChanged();
  if (changed & CR4_DE) debugChanged();
  return true;
}

export function clts(r: usize): void {
  if (cpl()) {
    raise(GP, 0);
    return;
  }
  if (interceptClts(r)) return;
  if (cltsClears()) store<u64>(CR0, cr0() & ~CR0_TS);
  finish(r);
}

/** LMSW sets PE, MP, EM and TS; it cannot clear PE. */
export function lmsw(r: usize): void {
  if (cpl()) {
    raise(GP, 0);
    return;
  }
  const source = u32(readRm(r, 2));
  if (faulted) return;
  const linear = isMemory(r) ? segmentBase(segmentNumber(r)) + effectiveAddress(r) : 0;
  if (interceptLmsw(r, source, isMemory(r), linear)) return;
  const old = cr0();
  const value = (old & ~MACHINE_STATUS_WORD) | (source & MACHINE_STATUS_WORD) | (old & CR0_PE);
  if (setCr0(cr0WriteValue(value))) finish(r);
}

export function smsw(r: usize): void {
  if (cpl() && cr4() & CR4_UMIP) {
    raise(GP, 0);
    return;
  }
  writeRm(r, isMemory(r) ? 2 : operandSize(r), cr0ReadView(cr0()));
}
