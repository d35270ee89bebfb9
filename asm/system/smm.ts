// System-management mode: the SMI, the state the handler starts in, RSM (SDM Vol. 3 "System Management Mode"). SMRAM is
// ordinary RAM here: the chipset neither hides nor locks it. With VMX the default treatment applies ("Default Treatment of
// SMIs and SMM with VMX Operation and SMX Operation"): VMX operation is left and taken up again, what the VMCS pointer and the
// VMX registers hold stays in the processor.
import {
  ACTIVITY,
  CR0,
  CR4,
  CS,
  DR,
  EFER,
  ES,
  GPR,
  GS,
  INTERRUPTIBILITY,
  IO_MEMORY,
  IO_RIP,
  MONITOR_ARMED,
  PENDING_DEBUG,
  RFLAGS,
  RIP,
  SMBASE,
  SMI_PENDING,
  SMM,
  SMM_EPT_ROOT,
  SMM_FAILED,
  SMM_ORIGIN,
  SMM_VPID,
  SS,
  TLB_EPT_ROOT,
  TLB_VPID,
  VMX_ROOT,
} from '../layout';
import { charge } from '../charge';
import { raise, UD } from '../fault';
import { getFlags, setFlags } from '../flags';
import { COST_EXCEPTION_DELIVERY, COST_LOAD, COST_STORE } from '../gen/costs';
import { FEATURE_LM } from '../gen/features';
import { leave } from '../globals';
import { WAITING } from '../processors/monitor';
import { flushContexts } from '../tlb';
import { ANY, ANY_ROOT, selectContext } from '../tlb-banks';
import { CR0_FIXED0, CR4_FIXED0 } from '../vmx/capabilities';
import { secondaryControls } from '../vmx/check-controls';
import { get } from '../vmx/vmcs';
import { CPU2_EPT, CPU2_UNRESTRICTED_GUEST, F_EPTP } from '../vmx/vmcs-fields';
import { debugChanged } from './debug-registers';
import { ACTIVE, BLOCKED_BY_NMI, cancelStep, HALTED } from './events';
import { ioBeforeSmi, IO_SMI } from './io-restart';
import { REAL_RIGHTS } from './mode-8086';
import { cr4Writable, hasFeature } from './model';
import {
  ioMemoryField,
  ioRestartField,
  MAP_AUTO_HALT,
  MAP_ENABLE_EPT,
  MAP_EPT_POINTER,
  MAP_IO_RESTART,
  MAP_IO_STATE,
  MAP_REVISION,
  MAP_SMBASE,
  readMap,
  restoreMap,
  savedCr0,
  savedCr4,
  savedEfer,
  saveMap,
  writeMap,
} from './save-map';
import { dplOf, recomputeSegments, setCpl, setSegment } from './segment';
import {
  CR0_CD,
  CR0_EM,
  CR0_NW,
  CR0_PE,
  CR0_PG,
  CR0_TS,
  CR4_PAE,
  CR4_VMXE,
  cr0,
  cr4,
  EFER_LMA,
  EFER_LME,
  RIGHTS_GRANULAR,
  segmentRights,
  setRip,
} from './state';

/** SMM revision identifiers: I/O restart (bit 16), SMBASE relocation (bit 17), and a layout with the I/O state field. */
const REVISION_32: u32 = 0x30004;
const REVISION_64: u32 = 0x30101;
const ENTRY_POINT: u64 = 0x8000;
/** Written to the I/O restart field by a handler that wants the instruction again. */
const RESTART: u32 = 0xff;
/** In SMM_ORIGIN, above VMX_ROOT: CR4.VMXE was set; the processor was halted. */
const ORIGIN_VMXE: u32 = 0x100;
const ORIGIN_HALTED: u32 = 0x200;
const NON_ROOT: u32 = 2;
const SHUTDOWN: u32 = 2;

/** SMM_FAILED: what RSM found wrong. */
export const RSM_CR4: u32 = 1;
export const RSM_CR0: u32 = 2;
export const RSM_EFER: u32 = 3;

/** Is an SMI pending that may be taken? */
export function smiDue(): bool {
  return load<u32>(SMI_PENDING) != 0 && !load<u32>(SMM);
}

/** The SMI between two instructions. */
export function enterSmm(): void {
  const isLong = hasFeature(FEATURE_LM);
  store<u64>(RFLAGS, getFlags());
  leaveVmx(isLong);
  saveMap(isLong);
  // MWAIT is not taken up again
  const isHalted = load<u32>(ACTIVITY) == HALTED && load<u32>(MONITOR_ARMED) != WAITING;
  if (isHalted) store<u32>(SMM_ORIGIN, load<u32>(SMM_ORIGIN) | ORIGIN_HALTED);
  writeMap<u16>(MAP_AUTO_HALT, u16(isHalted));
  writeMap<u16>(MAP_IO_RESTART, 0);
  writeMap<u32>(MAP_REVISION, isLong ? REVISION_64 : REVISION_32);
  writeMap<u32>(MAP_SMBASE, load<u32>(SMBASE));
  noteIo(isLong);
  startHandler();
  charge(COST_EXCEPTION_DELIVERY, 1);
  charge(COST_STORE, 64);
}

/** The I/O instruction that has just been executed, if the SMI follows one. */
function noteIo(isLong: bool): void {
  const state = ioBeforeSmi();
  writeMap<u32>(MAP_IO_STATE, state);
  if (!state) return;
  writeMap<u32>(ioMemoryField(isLong), load<u32>(IO_MEMORY));
  for (let n: u32 = 0; n < 4; n++) writeMap<u64>(ioRestartField(isLong, n), load<u64>(IO_RIP + (n << 3)));
}

/** VMX operation ends until RSM; the VMCS pointer stays where it is. */
function leaveVmx(isLong: bool): void {
  const root = load<u32>(VMX_ROOT);
  store<u32>(SMM_ORIGIN, root | (cr4() & CR4_VMXE ? ORIGIN_VMXE : 0));
  store<u32>(SMM_VPID, load<u32>(TLB_VPID));
  store<u64>(SMM_EPT_ROOT, load<u64>(TLB_EPT_ROOT));
  store<u64>(CR4, cr4() & ~CR4_VMXE);
  store<u32>(VMX_ROOT, 0);
  if (!isLong) return;
  const isEpt = root == NON_ROOT && (secondaryControls() & CPU2_EPT) != 0;
  writeMap<u32>(MAP_ENABLE_EPT, u32(isEpt));
  if (isEpt) writeMap<u64>(MAP_EPT_POINTER, get(F_EPTP));
}

/** The state in which the handler begins (SDM Vol. 3 "Processor Register Initialization in SMM"). */
function startHandler(): void {
  store<u32>(SMM, 1);
  store<u32>(SMI_PENDING, 0);
  store<u32>(ACTIVITY, ACTIVE);
  store<u32>(INTERRUPTIBILITY, BLOCKED_BY_NMI);
  store<u32>(PENDING_DEBUG, 0);
  setFlags(2);
  setRip(ENTRY_POINT);
  store<u64>(CR0, cr0() & ~(CR0_PE | CR0_EM | CR0_TS | CR0_PG));
  store<u64>(CR4, 0);
  store<u64>(EFER, 0);
  store<u64>(DR + 7 * 8, 0x400);
  setCpl(0);
  const base = load<u32>(SMBASE);
  for (let seg: u32 = ES; seg <= <u32>GS; seg++) setSegment(seg, 0, REAL_RIGHTS | RIGHTS_GRANULAR, 0, 0xffffffff);
  setSegment(CS, (base >> 4) & 0xffff, REAL_RIGHTS | RIGHTS_GRANULAR, base, 0xffffffff);
  contextChanged(0, 0);
}

/** Everything derived from the registers just loaded; translations of VPID 0 do not outlive the change. */
function contextChanged(vpid: u32, eptRoot: u64): void {
  recomputeSegments();
  debugChanged();
  store<u32>(TLB_VPID, vpid);
  store<u64>(TLB_EPT_ROOT, eptRoot);
  flushContexts(0, ANY, ANY_ROOT, false);
  selectContext();
  cancelStep();
  leave = true;
}

/** RSM. A state that cannot be is a shutdown. */
export function rsm(): void {
  if (!load<u32>(SMM)) {
    raise(UD, 0);
    return;
  }
  const isLong = hasFeature(FEATURE_LM);
  const failed = findFailure(isLong);
  if (failed) {
    store<u32>(SMM_FAILED, failed);
    store<u32>(ACTIVITY, SHUTDOWN);
    leave = true;
    return;
  }
  const origin = load<u32>(SMM_ORIGIN);
  const newBase = readMap<u32>(MAP_SMBASE);
  const goesOnHalted = origin & ORIGIN_HALTED && readMap<u16>(MAP_AUTO_HALT) & 1;
  restoreMap(isLong);
  if (u32(readMap<u16>(MAP_IO_RESTART)) == RESTART && readMap<u32>(MAP_IO_STATE) & IO_SMI) restartIo(isLong);
  store<u32>(SMBASE, newBase);
  store<u32>(SMM, 0);
  store<u32>(ACTIVITY, goesOnHalted ? HALTED : ACTIVE);
  setFlags(load<u64>(RFLAGS));
  resumeVmx(origin);
  setCpl(dplOf(segmentRights(SS)));
  contextChanged(load<u32>(SMM_VPID), load<u64>(SMM_EPT_ROOT));
  charge(COST_LOAD, 64);
}

/** What is wrong with the state in the map, 0 for nothing (SDM Vol. 2 "RSM", Vol. 3 "Exiting From SMM"). */
function findFailure(isLong: bool): u32 {
  const newCr0 = savedCr0(isLong);
  const newCr4 = savedCr4(isLong);
  const efer = savedEfer(isLong);
  if (newCr4 & ~cr4Writable() || newCr4 & CR4_VMXE) return RSM_CR4;
  const isPaging = (newCr0 & CR0_PG) != 0;
  if (newCr0 > 0xffffffff || (isPaging && !(newCr0 & CR0_PE)) || (newCr0 & CR0_NW && !(newCr0 & CR0_CD))) return RSM_CR0;
  const isActive = (efer & EFER_LMA) != 0;
  if (isActive != (isPaging && (efer & EFER_LME) != 0) || (isActive && !(newCr4 & CR4_PAE))) return RSM_EFER;
  return 0;
}

/** The I/O instruction in front of the SMI is executed again. */
function restartIo(isLong: bool): void {
  store<u64>(RIP, readMap<u64>(ioRestartField(isLong, 0)));
  store<u64>(GPR + 1 * 8, readMap<u64>(ioRestartField(isLong, 1)));
  store<u64>(GPR + 6 * 8, readMap<u64>(ioRestartField(isLong, 2)));
  store<u64>(GPR + 7 * 8, readMap<u64>(ioRestartField(isLong, 3)));
}

/** Back to the VMX operation that the SMI left, with the bits it fixes. */
function resumeVmx(origin: u32): void {
  const root = origin & 3;
  store<u32>(VMX_ROOT, root);
  if (origin & ORIGIN_VMXE) store<u64>(CR4, cr4() | CR4_VMXE);
  if (!root) return;
  const isUnrestricted = root == NON_ROOT && (secondaryControls() & CPU2_UNRESTRICTED_GUEST) != 0;
  store<u64>(CR0, cr0() | (isUnrestricted ? CR0_FIXED0 & ~(CR0_PE | CR0_PG) : CR0_FIXED0));
  store<u64>(CR4, cr4() | CR4_FIXED0);
}

/** RSM found no state to go on with: the processor has shut down. */
export function rsmFailed(): bool {
  return load<u32>(SMM_FAILED) != 0;
}
