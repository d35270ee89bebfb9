// Operands of MMX and SSE instructions, and when these may run (SDM Vol. 3A "System Programming for Instruction Set
// Extensions and Processor Extended States"; SDM Vol. 1 "x87 FPU State and MMX", "Memory alignment").
import { CR0, CR4, FPU_TAGS, X87, XMM } from '../layout';
import { faulted } from '../globals';
import { GP, NM, raise, UD } from '../fault';
import {
  FORM_OPERANDS,
  KIND_MM_REG,
  KIND_MM_RM,
  KIND_MM_RM_REGISTER,
  KIND_REG,
  KIND_XMM_REG,
  OPERAND_KIND,
  OPERAND_WIDTH,
  WIDTH_B,
  WIDTH_D,
  WIDTH_E,
  WIDTH_G,
  WIDTH_O,
  WIDTH_Q,
  WIDTH_W,
} from '../gen/tables';
import { linearForRead, linearForWrite, probeWrite, readLinear, writeLinear } from '../memory';
import { linearMask } from '../paging';
import { operandBytes, readMemory, readSlot, writeMemory, writeSlot } from '../operand';
import { cpl, effectiveAddress, R_REG, R_RM, regNumber, rmNumber, segmentNumber } from '../record';
import { mayContinue } from '../fpu/error';
import { setStatus, status } from '../fpu/stack';

/** 16-byte places the handlers work on: first operand, second operand, result. */
export const DEST: usize = memory.data(16, 16);
export const SOURCE: usize = memory.data(16, 16);
export const RESULT: usize = memory.data(16, 16);

const CR0_EM: u32 = 4;
const CR0_TS: u32 = 8;
const CR4_OSFXSR: u32 = 0x200;

/** OPERAND_ code of operand `i`. */
// @ts-ignore: decorator
@inline
export function code(form: usize, i: u32): u32 {
  return load<u8>(form + FORM_OPERANDS + i);
}
// @ts-ignore: decorator
@inline
export function kindOf(form: usize, i: u32): u32 {
  return load<u8>(OPERAND_KIND + code(form, i));
}
export function isMmxKind(kind: u32): bool {
  return kind >= KIND_MM_REG && kind <= KIND_MM_RM_REGISTER;
}
/** Has the form an MMX operand? */
export function usesMmx(form: usize): bool {
  return isMmxKind(kindOf(form, 0)) || isMmxKind(kindOf(form, 1));
}

/** #UD with CR0.EM or, for XMM, without CR4.OSFXSR; #NM with CR0.TS; #MF of an earlier x87 instruction before MMX. */
export function available(xmm: bool, mmx: bool): bool {
  const cr0 = load<u32>(CR0);
  if (cr0 & CR0_EM || (xmm && !(load<u32>(CR4) & CR4_OSFXSR))) raise(UD, 0);
  else if (cr0 & CR0_TS) raise(NM, 0);
  else return !mmx || mayContinue();
  return false;
}

/** The transition from x87 to MMX: TOP is 0 and all registers are in use. */
export function enterMmx(): void {
  setStatus(status() & ~0x3800);
  store<u8>(FPU_TAGS, 0xff);
}

// @ts-ignore: decorator
@inline
export function mmSlot(n: u32): usize {
  return X87 + ((n & 7) << 4);
}
// @ts-ignore: decorator
@inline
export function xmmSlot(n: u32): usize {
  return XMM + (n << 4);
}
/** An MMX register is written: the upper 16 bits of the x87 register become ones. */
export function writeMm(n: u32, v: u64): void {
  const at = mmSlot(n);
  store<u64>(at, v);
  store<u16>(at, 0xffff, 8);
}

/** Bytes of an operand in memory. */
function bytesInMemory(r: usize, c: u32): u32 {
  switch (u32(load<u8>(OPERAND_WIDTH + c))) {
    case WIDTH_E:
    case WIDTH_B:
      return 1;
    case WIDTH_G:
    case WIDTH_W:
      return 2;
    case WIDTH_D:
      return 4;
    case WIDTH_Q:
      return 8;
    case WIDTH_O:
      return 16;
  }
  return operandBytes(r, c);
}

/** Reads operand `i` into 16 bytes at `at`, zero-extended. Then `if (faulted) return`. */
export function loadOperand(r: usize, form: usize, i: u32, at: usize, aligned: bool): void {
  const c = code(form, i);
  const kind = load<u8>(OPERAND_KIND + c);
  store<u64>(at, 0);
  store<u64>(at, 0, 8);
  if (kind == KIND_MM_REG) store<u64>(at, load<u64>(mmSlot(regNumber(r))));
  else if (kind == KIND_XMM_REG) v128.store(at, v128.load(xmmSlot(regNumber(r))));
  else if (kind == KIND_REG) store<u64>(at, readSlot(load<u16>(r, R_REG), operandBytes(r, c)));
  else if (load<u16>(r, R_RM)) {
    if (kind == KIND_MM_RM || kind == KIND_MM_RM_REGISTER) store<u64>(at, load<u64>(mmSlot(rmNumber(r))));
    else if (kind > KIND_MM_RM_REGISTER) v128.store(at, v128.load(xmmSlot(rmNumber(r))));
    else store<u64>(at, readSlot(load<u16>(r, R_RM), registerBytes(r, c)));
  } else loadMemory(r, bytesInMemory(r, c), at, aligned);
}

/** Bytes of a general register operand: at least 4. */
function registerBytes(r: usize, c: u32): u32 {
  return max<u32>(bytesInMemory(r, c), 4);
}

function loadMemory(r: usize, size: u32, at: usize, aligned: bool): void {
  const seg = segmentNumber(r);
  const ea = effectiveAddress(r);
  if (size < 16) {
    store<u64>(at, readMemory(seg, ea, size));
    return;
  }
  const linear = linearForRead(seg, ea, 16);
  if (faulted) return;
  if (aligned && linear & 15) {
    raise(GP, 0);
    return;
  }
  const low = readLinear<u64>(linear);
  if (faulted) return;
  store<u64>(at, low);
  store<u64>(at, readLinear<u64>((linear + 8) & linearMask), 8);
}

/** Writes operand `i` from 16 bytes at `from`. Then `if (faulted) return`. */
export function storeOperand(r: usize, form: usize, i: u32, from: usize, aligned: bool): void {
  const c = code(form, i);
  const kind = load<u8>(OPERAND_KIND + c);
  if (kind == KIND_MM_REG) writeMm(regNumber(r), load<u64>(from));
  else if (kind == KIND_XMM_REG) v128.store(xmmSlot(regNumber(r)), v128.load(from));
  else if (kind == KIND_REG) writeSlot(load<u16>(r, R_REG), operandBytes(r, c), load<u64>(from));
  else if (load<u16>(r, R_RM)) {
    if (kind == KIND_MM_RM || kind == KIND_MM_RM_REGISTER) writeMm(rmNumber(r), load<u64>(from));
    else if (kind > KIND_MM_RM_REGISTER) v128.store(xmmSlot(rmNumber(r)), v128.load(from));
    else writeSlot(load<u16>(r, R_RM), registerBytes(r, c), load<u64>(from));
  } else storeMemory(r, bytesInMemory(r, c), from, aligned);
}

function storeMemory(r: usize, size: u32, from: usize, aligned: bool): void {
  const seg = segmentNumber(r);
  const ea = effectiveAddress(r);
  if (size < 16) {
    writeMemory(seg, ea, size, load<u64>(from));
    return;
  }
  const linear = linearForWrite(seg, ea, 16);
  if (faulted) return;
  if (aligned && linear & 15) {
    raise(GP, 0);
    return;
  }
  probeWrite(linear, 16, cpl() == 3);
  if (faulted) return;
  writeLinear<u64>(linear, load<u64>(from));
  writeLinear<u64>((linear + 8) & linearMask, load<u64>(from, 8));
}
