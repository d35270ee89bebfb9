// The VMX instructions (SDM Vol. 3C "VMX Instruction Reference"): faults, VM exits, VMfail and VM-instruction errors.
import {
  A20_MASK,
  CPL,
  CR0,
  CR4,
  INTERRUPTIBILITY,
  MSR_FEATURE_CONTROL,
  RAM,
  VMX_CURRENT,
  VMX_ON_POINTER,
  VMX_ROOT,
} from '../layout';
import { GP, raise, UD } from '../fault';
import { CF, setStatusFlags, ZF } from '../flags';
import { code64, faulted } from '../globals';
import { inLongMode } from '../long-mode/state';
import { readMemory, readReg, readRm, writeMemory, writeRm } from '../operand';
import { DROP_ALL, flushContexts, flushEptContexts, flushVpidContexts, invalidateAddress } from '../tlb';
import { ANY, ANY_ROOT } from '../tlb-banks';
import { isRamPage, noteWrite } from '../physical';
import { effectiveAddress, regNumber, segmentNumber } from '../record';
import { finish } from '../system/finish';
import { in8086Mode } from '../system/mode-8086';
import { cr4Writable } from '../system/model';
import { CR0_FIXED0, CR0_FIXED1, CR4_FIXED0, EPT_ROOT } from './capabilities';
import { isEptPointer } from './check-controls';
import { isAllowed, isCanonical, isPhysical } from './check-memory';
import { enterGuest } from './entry';
import { exitForInstruction, noteInformation } from './exit';
import { displacementOf, operandInformation } from './information';
import { inNonRoot } from './non-root';
import * as F from './vmcs-fields';
import {
  fieldExists,
  fieldOffset,
  fieldType,
  HEADER_LAUNCHED,
  HEADER_REVISION,
  put,
  readField,
  TYPE_EXIT,
  VMCS_REVISION,
  writeField,
} from './vmcs';

/** VM-instruction error numbers (SDM Vol. 3C "VM Instruction Error Numbers"). */
export const VMCALL_IN_ROOT: u32 = 1;
export const VMCLEAR_ADDRESS: u32 = 2;
export const VMCLEAR_VMXON_POINTER: u32 = 3;
export const VMLAUNCH_NOT_CLEAR: u32 = 4;
export const VMRESUME_NOT_LAUNCHED: u32 = 5;
export const VMPTRLD_ADDRESS: u32 = 9;
export const VMPTRLD_VMXON_POINTER: u32 = 10;
export const VMPTRLD_REVISION: u32 = 11;
export const UNSUPPORTED_FIELD: u32 = 12;
export const READ_ONLY_FIELD: u32 = 13;
export const VMXON_IN_ROOT: u32 = 15;
export const BLOCKED_BY_MOV_SS: u32 = 26;
export const INVALID_INVEPT_OPERAND: u32 = 28;

const NO_VMCS: u64 = u64.MAX_VALUE;
const CR4_VMXE: u32 = 0x2000;

function succeed(): void {
  setStatusFlags(0);
}
function failInvalid(): void {
  setStatusFlags(CF);
}
/** VMfailValid with a current VMCS, else VMfailInvalid. */
function fail(error: u32): void {
  if (load<u64>(VMX_CURRENT) == NO_VMCS) {
    failInvalid();
    return;
  }
  put(F.F_INSTRUCTION_ERROR, error);
  setStatusFlags(ZF);
}

/** Real-address, virtual-8086 and compatibility mode have no VMX instructions. */
function isWrongMode(): bool {
  return in8086Mode() || (inLongMode() && !code64);
}

/** #UD outside VMX operation, VM exit in non-root operation, #GP(0) above CPL 0; true: go on. VMCALL exits in any mode. */
function mayExecute(r: usize, reason: u32, information: u32): bool {
  const isUndefined = isWrongMode() && !(reason == F.REASON_VMCALL && inNonRoot());
  if (!load<u32>(VMX_ROOT) || isUndefined) {
    raise(UD, 0);
    return false;
  }
  if (inNonRoot()) {
    noteInformation(information);
    exitForInstruction(reason, displacementOf(r), r);
    return false;
  }
  if (load<u32>(CPL)) {
    raise(GP, 0);
    return false;
  }
  return true;
}

/** The 64-bit pointer operand. Then `if (faulted) return`. */
function pointerOperand(r: usize): u64 {
  return readMemory(segmentNumber(r), effectiveAddress(r), 8);
}

export function vmxon(r: usize): void {
  if (load<u32>(VMX_ROOT)) {
    if (mayExecute(r, F.REASON_VMXON, operandInformation(r))) fail(VMXON_IN_ROOT);
    return;
  }
  if (isWrongMode() || !(load<u32>(CR4) & CR4_VMXE)) {
    raise(UD, 0);
    return;
  }
  const allowed = isAllowed(load<u64>(CR0), CR0_FIXED0, CR0_FIXED1) && isAllowed(load<u64>(CR4), CR4_FIXED0, cr4Writable());
  // locked and enabled outside SMX; A20 must not be masked
  const enabled = (load<u64>(MSR_FEATURE_CONTROL) & 5) == 5 && load<u64>(A20_MASK) == u64.MAX_VALUE;
  if (load<u32>(CPL) || !allowed || !enabled) {
    raise(GP, 0);
    return;
  }
  const pointer = pointerOperand(r);
  if (faulted) return;
  if (!isRegion(pointer) || load<u32>(<usize>RAM + <usize>pointer) != VMCS_REVISION) {
    failInvalid();
    return;
  }
  store<u64>(VMX_ON_POINTER, pointer);
  store<u64>(VMX_CURRENT, NO_VMCS);
  store<u32>(VMX_ROOT, 1);
  succeed();
}

export function vmxoff(r: usize): void {
  if (!mayExecute(r, F.REASON_VMXOFF, 0)) return;
  store<u32>(VMX_ROOT, 0);
  store<u64>(VMX_CURRENT, NO_VMCS);
  succeed();
  // an INIT that waited is taken before the next instruction
  finish(r);
}

/** A page of RAM that can hold a VMCS. */
function isRegion(pointer: u64): bool {
  return isPhysical(pointer, 4096) && isRamPage(pointer >> 12);
}

export function vmclear(r: usize): void {
  if (!mayExecute(r, F.REASON_VMCLEAR, operandInformation(r))) return;
  const pointer = pointerOperand(r);
  if (faulted) return;
  if (!isRegion(pointer)) fail(VMCLEAR_ADDRESS);
  else if (pointer == load<u64>(VMX_ON_POINTER)) fail(VMCLEAR_VMXON_POINTER);
  else {
    noteWrite(pointer, 4096);
    store<u32>(<usize>RAM + <usize>pointer, 0, HEADER_LAUNCHED);
    if (pointer == load<u64>(VMX_CURRENT)) store<u64>(VMX_CURRENT, NO_VMCS);
    succeed();
  }
}

export function vmptrld(r: usize): void {
  if (!mayExecute(r, F.REASON_VMPTRLD, operandInformation(r))) return;
  const pointer = pointerOperand(r);
  if (faulted) return;
  if (!isPhysical(pointer, 4096)) fail(VMPTRLD_ADDRESS);
  else if (pointer == load<u64>(VMX_ON_POINTER)) fail(VMPTRLD_VMXON_POINTER);
  else if (!isRamPage(pointer >> 12) || load<u32>(<usize>RAM + <usize>pointer, HEADER_REVISION) != VMCS_REVISION) {
    fail(VMPTRLD_REVISION);
  } else {
    noteWrite(pointer, 4096);
    store<u64>(VMX_CURRENT, pointer);
    succeed();
  }
}

export function vmptrst(r: usize): void {
  if (!mayExecute(r, F.REASON_VMPTRST, operandInformation(r))) return;
  writeMemory(segmentNumber(r), effectiveAddress(r), 8, load<u64>(VMX_CURRENT));
  if (!faulted) succeed();
}

/** Instruction information of VMREAD and VMWRITE: the operand, and the register with the encoding in bits 31:28. */
function fieldInformation(r: usize): u32 {
  return operandInformation(r) | (regNumber(r) << 28);
}

/** Operands are 64 bits wide in 64-bit code and 32 bits elsewhere, whatever the prefixes. */
function nativeSize(): u32 {
  return code64 ? 8 : 4;
}

/** The field encoding; one that does not fit 32 bits names no field. */
function fieldOperand(r: usize): u32 {
  const encoding = readReg(r, nativeSize());
  return encoding >> 32 ? u32.MAX_VALUE : <u32>encoding;
}

export function vmread(r: usize): void {
  if (!mayExecute(r, F.REASON_VMREAD, fieldInformation(r))) return;
  const encoding = fieldOperand(r);
  if (load<u64>(VMX_CURRENT) == NO_VMCS) failInvalid();
  else if (!fieldExists(encoding)) fail(UNSUPPORTED_FIELD);
  else {
    const value = readField(encoding);
    writeRm(r, nativeSize(), code64 ? value : value & 0xffffffff);
    if (!faulted) succeed();
  }
}

export function vmwrite(r: usize): void {
  if (!mayExecute(r, F.REASON_VMWRITE, fieldInformation(r))) return;
  const encoding = fieldOperand(r);
  if (load<u64>(VMX_CURRENT) == NO_VMCS) {
    failInvalid();
    return;
  }
  const value = readRm(r, nativeSize());
  if (faulted) return;
  if (!fieldExists(encoding)) fail(UNSUPPORTED_FIELD);
  else if (fieldType(encoding) == TYPE_EXIT) fail(READ_ONLY_FIELD);
  else {
    writeField(encoding, value);
    succeed();
  }
}

export function vmlaunch(r: usize): void {
  enter(r, F.REASON_VMLAUNCH, false);
}
export function vmresume(r: usize): void {
  enter(r, F.REASON_VMRESUME, true);
}

function enter(r: usize, reason: u32, isResume: bool): void {
  if (!mayExecute(r, reason, 0)) return;
  const pointer = load<u64>(VMX_CURRENT);
  if (pointer == NO_VMCS) {
    failInvalid();
  } else if (load<u32>(INTERRUPTIBILITY) & 2) {
    fail(BLOCKED_BY_MOV_SS);
  } else if ((load<u32>(<usize>RAM + <usize>pointer, HEADER_LAUNCHED) != 0) != isResume) {
    fail(isResume ? VMRESUME_NOT_LAUNCHED : VMLAUNCH_NOT_CLEAR);
  } else {
    const error = enterGuest();
    if (!error) return;
    fail(error);
  }
  finish(r);
}

/** VMCALL exits from non-root operation; without a dual-monitor treatment it fails in root operation. */
export function vmcall(r: usize): void {
  if (mayExecute(r, F.REASON_VMCALL, 0)) fail(VMCALL_IN_ROOT);
}

/** INVEPT: type in the register, descriptor (EPT pointer, 0) in memory. */
export function invept(r: usize): void {
  if (!mayExecute(r, F.REASON_INVEPT, fieldInformation(r))) return;
  const type = readReg(r, nativeSize());
  const eptp = readMemory(segmentNumber(r), effectiveAddress(r), 8);
  if (faulted) return;
  const high = readMemory(segmentNumber(r), effectiveAddress(r) + 8, 8);
  if (faulted) return;
  if (type < 1 || type > 2 || high || (type == 1 && !isEptPointer(eptp))) {
    fail(INVALID_INVEPT_OPERAND);
    return;
  }
  if (type == 1) flushContexts(ANY, ANY, eptp & EPT_ROOT, false);
  else flushEptContexts();
  succeed();
}

const INDIVIDUAL_ADDRESS: u64 = 0;
const ALL_CONTEXTS: u64 = 2;
const RETAINING_GLOBALS: u64 = 3;

/** INVVPID: type in the register, descriptor (VPID, linear address) in memory. */
export function invvpid(r: usize): void {
  if (!mayExecute(r, F.REASON_INVVPID, fieldInformation(r))) return;
  const type = readReg(r, nativeSize());
  const vpid = readMemory(segmentNumber(r), effectiveAddress(r), 8);
  if (faulted) return;
  const linear = readMemory(segmentNumber(r), effectiveAddress(r) + 8, 8);
  if (faulted) return;
  const wrongVpid = (vpid >> 16) != 0 || (type != ALL_CONTEXTS && !vpid);
  if (type > RETAINING_GLOBALS || wrongVpid || (type == INDIVIDUAL_ADDRESS && !isCanonical(linear))) {
    fail(INVALID_INVEPT_OPERAND);
    return;
  }
  if (type == INDIVIDUAL_ADDRESS) invalidateAddress(linear, u32(vpid), ANY, DROP_ALL);
  else if (type == ALL_CONTEXTS) flushVpidContexts();
  else flushContexts(u32(vpid), ANY, ANY_ROOT, type == RETAINING_GLOBALS);
  succeed();
}
