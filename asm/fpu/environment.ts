// The x87 environment and whole x87 state in memory: FNSTENV, FLDENV, FNSAVE, FRSTOR (SDM Vol. 1 "x87 FPU Instruction and
// Operand (Data) Pointers", figures of the state images).
import {
  CR0,
  FPU_CONTROL,
  FPU_CS,
  FPU_DP,
  FPU_DS,
  FPU_IP,
  FPU_OPCODE,
  FPU_TAGS,
  X87,
} from '../layout';
import { faulted, otherFlags } from '../globals';
import { VM } from '../flags';
import { operandSize } from '../record';
import { BUFFER, readBuffer, writeBuffer } from './buffer';
import { control, initialize, physical, setStatus, status, updateSummary } from './stack';

/** FCW as it is kept: bit 6 reads as 1, bits 7 and 15:13 as 0. */
export function setControl(v: u32): void {
  store<u16>(FPU_CONTROL, u16((v & 0x1f7f) | 0x40));
  updateSummary();
}

/** Two-bit tags of all registers: 0 valid, 1 zero, 2 special, 3 empty. */
function fullTags(): u32 {
  let tags: u32 = 0;
  for (let n: u32 = 0; n < 8; n++) {
    let tag: u32 = 3;
    if ((load<u8>(FPU_TAGS) >> n) & 1) {
      const at: usize = X87 + (n << 4);
      const e = load<u16>(at, 8) & 0x7fff;
      const sig = load<u64>(at);
      if (e == 0) tag = sig == 0 ? 1 : 2;
      else tag = e == 0x7fff || !(sig >> 63) ? 2 : 0;
    }
    tags |= tag << (n << 1);
  }
  return tags;
}
function setFullTags(tags: u32): void {
  let abridged: u32 = 0;
  for (let n: u32 = 0; n < 8; n++) if (((tags >> (n << 1)) & 3) != 3) abridged |= 1 << n;
  store<u8>(FPU_TAGS, u8(abridged));
}

function isReal(): bool {
  return !(load<u32>(CR0) & 1) || (u32(otherFlags) & VM) != 0;
}

/** The environment into the buffer; returns its length. */
function storeEnvironment(size: u32): u32 {
  const ip = load<u64>(FPU_IP);
  const dp = load<u64>(FPU_DP);
  const cs = u32(load<u16>(FPU_CS));
  const ds = u32(load<u16>(FPU_DS));
  const opcode = u32(load<u16>(FPU_OPCODE));
  const real = isReal();
  const linearIp = u32(ip) + (cs << 4);
  const linearDp = u32(dp) + (ds << 4);
  if (size == 2) {
    store<u16>(BUFFER, u16(control()));
    store<u16>(BUFFER + 2, u16(status()));
    store<u16>(BUFFER + 4, u16(fullTags()));
    store<u16>(BUFFER + 6, u16(real ? linearIp : u32(ip)));
    store<u16>(BUFFER + 8, u16(real ? ((linearIp >> 4) & 0xf000) | opcode : cs));
    store<u16>(BUFFER + 10, u16(real ? linearDp : u32(dp)));
    store<u16>(BUFFER + 12, u16(real ? (linearDp >> 4) & 0xf000 : ds));
    return 14;
  }
  store<u32>(BUFFER, control() | 0xffff0000);
  store<u32>(BUFFER + 4, status() | 0xffff0000);
  store<u32>(BUFFER + 8, fullTags() | 0xffff0000);
  store<u32>(BUFFER + 12, real ? linearIp | 0xffff0000 : u32(ip));
  store<u32>(BUFFER + 16, real ? (((linearIp >> 16) & 0xffff) << 12) | opcode : cs | (opcode << 16));
  store<u32>(BUFFER + 20, real ? linearDp | 0xffff0000 : u32(dp));
  store<u32>(BUFFER + 24, real ? ((linearDp >> 16) & 0xffff) << 12 : ds | 0xffff0000);
  return 28;
}

function loadEnvironment(size: u32): void {
  const step: u32 = size == 2 ? 2 : 4;
  setStatus(load<u16>(BUFFER + step));
  setFullTags(load<u16>(BUFFER + 2 * step));
  setControl(load<u16>(BUFFER));
  if (size == 2) {
    store<u64>(FPU_IP, load<u16>(BUFFER + 6));
    store<u64>(FPU_DP, load<u16>(BUFFER + 10));
    if (isReal()) {
      const high = u32(load<u16>(BUFFER + 8));
      store<u64>(FPU_IP, load<u64>(FPU_IP) | ((high & 0xf000) << 4));
      store<u64>(FPU_DP, load<u64>(FPU_DP) | ((u32(load<u16>(BUFFER + 12)) & 0xf000) << 4));
      store<u16>(FPU_OPCODE, u16(high & 0x7ff));
      store<u16>(FPU_CS, 0);
      store<u16>(FPU_DS, 0);
    } else {
      store<u16>(FPU_CS, load<u16>(BUFFER + 8));
      store<u16>(FPU_DS, load<u16>(BUFFER + 12));
    }
    return;
  }
  if (isReal()) {
    const high = load<u32>(BUFFER + 16);
    store<u64>(FPU_IP, load<u16>(BUFFER + 12) | ((high << 4) & 0xffff0000));
    store<u64>(FPU_DP, load<u16>(BUFFER + 20) | ((load<u32>(BUFFER + 24) << 4) & 0xffff0000));
    store<u16>(FPU_OPCODE, u16(high & 0x7ff));
    store<u16>(FPU_CS, 0);
    store<u16>(FPU_DS, 0);
    return;
  }
  store<u64>(FPU_IP, load<u32>(BUFFER + 12));
  store<u16>(FPU_CS, load<u16>(BUFFER + 16));
  store<u16>(FPU_OPCODE, load<u16>(BUFFER + 18) & 0x7ff);
  store<u64>(FPU_DP, load<u32>(BUFFER + 20));
  store<u16>(FPU_DS, load<u16>(BUFFER + 24));
}

/** Access unit of an environment: its words are 2 or 4 bytes long. */
function unitOf(size: u32): u32 {
  return size == 2 ? 2 : 4;
}

export function fnstenv(r: usize): void {
  const size = operandSize(r);
  writeBuffer(r, storeEnvironment(size), unitOf(size));
  if (faulted) return;
  store<u16>(FPU_CONTROL, load<u16>(FPU_CONTROL) | 0x3f);
  updateSummary();
}

export function fldenv(r: usize): void {
  const size = operandSize(r);
  readBuffer(r, size == 2 ? 14 : 28, unitOf(size));
  if (!faulted) loadEnvironment(size);
}

export function fnsave(r: usize): void {
  const length = storeEnvironment(operandSize(r));
  for (let i: u32 = 0; i < 8; i++) {
    const at: usize = X87 + (physical(i) << 4);
    memory.copy(BUFFER + length + i * 10, at, 10);
  }
  writeBuffer(r, length + 80, unitOf(operandSize(r)));
  if (!faulted) initialize();
}

export function frstor(r: usize): void {
  const size = operandSize(r);
  const length: u32 = size == 2 ? 14 : 28;
  readBuffer(r, length + 80, unitOf(size));
  if (faulted) return;
  loadEnvironment(size);
  for (let i: u32 = 0; i < 8; i++) memory.copy(X87 + (physical(i) << 4), BUFFER + length + i * 10, 10);
}
