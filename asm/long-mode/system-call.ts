// SYSCALL, SYSRET, SYSENTER and SYSEXIT of IA-32e mode, SWAPGS, FS and GS bases (SDM Vol. 2 of each, Vol. 3A "Fast System
// Calls in 64-Bit Mode").
import {
  GS,
  MSR_FMASK,
  MSR_KERNEL_GS_BASE,
  MSR_LSTAR,
  MSR_STAR,
  MSR_SYSENTER_CS,
  MSR_SYSENTER_EIP,
  MSR_SYSENTER_ESP,
  SEGMENT_BASE,
} from '../layout';
import { GP, raise, UD } from '../fault';
import { changeFlags, getFlags, IF, RF, setFlags, VM } from '../flags';
import { code64 } from '../globals';
import { readRm, writeRm } from '../operand';
import { cpl, getRegister, getRegister32, operandSize, recordNextRip, setRegister } from '../record';
import { trapByNewFlags } from '../system/events';
import { finish, finishAt } from '../system/finish';
import { FLAT_CODE, setFlatSegments } from '../system/segment';
import { CR4_FSGSBASE, cr4, EFER_SCE, efer, RIGHTS_BIG, segmentCache } from '../system/state';
import { isCanonical, isCanonicalBase, RIGHTS_LONG } from './state';

/** Flags SYSRET takes from R11. */
const SYSRET_FLAGS: u64 = 0x3c7fd7;

/** Rights of flat 64-bit code (DPL 0). */
const FLAT_LONG_CODE: u32 = (FLAT_CODE & ~RIGHTS_BIG) | RIGHTS_LONG;

export function syscall(r: usize): void {
  if (!(efer() & EFER_SCE)) {
    raise(UD, 0);
    return;
  }
  const flags = getFlags();
  setRegister(1, recordNextRip(r));
  setRegister(11, flags & ~u64(RF));
  setFlags(flags & ~(load<u64>(MSR_FMASK) | RF));
  const selector = u32(load<u64>(MSR_STAR) >> 32) & 0xfffc;
  setFlatSegments(selector, selector + 8, 0, FLAT_LONG_CODE);
  trapByNewFlags();
  finishAt(load<u64>(MSR_LSTAR));
}

export function sysret(r: usize): void {
  if (!code64 || !(efer() & EFER_SCE)) {
    raise(cpl() && !code64 ? GP : UD, 0);
    return;
  }
  const isLong = operandSize(r) == 8;
  const target = isLong ? getRegister(1) : u64(getRegister32(1));
  if (cpl() || !isCanonical(target)) {
    raise(GP, 0);
    return;
  }
  setFlags((getRegister(11) & SYSRET_FLAGS) | 2);
  const selector = u32(load<u64>(MSR_STAR) >> 48);
  setFlatSegments(isLong ? selector + 16 : selector, selector + 8, 3, isLong ? FLAT_LONG_CODE : FLAT_CODE);
  trapByNewFlags();
  finishAt(target);
}

export function sysenterLong(): void {
  const selector = load<u32>(MSR_SYSENTER_CS) & 0xffff;
  if (!(selector & 0xfffc)) {
    raise(GP, 0);
    return;
  }
  changeFlags(VM | IF | RF, 0);
  setFlatSegments(selector, selector + 8, 0, FLAT_LONG_CODE);
  setRegister(4, load<u64>(MSR_SYSENTER_ESP));
  finishAt(load<u64>(MSR_SYSENTER_EIP));
}

export function sysexitLong(r: usize): void {
  const selector = load<u32>(MSR_SYSENTER_CS) & 0xffff;
  const isLong = operandSize(r) == 8;
  const pointer = isLong ? getRegister(1) : u64(getRegister32(1));
  const target = isLong ? getRegister(2) : u64(getRegister32(2));
  if (!(selector & 0xfffc) || cpl() || !isCanonical(pointer) || !isCanonical(target)) {
    raise(GP, 0);
    return;
  }
  const code = selector + (isLong ? 32 : 16);
  setFlatSegments(code, code + 8, 3, isLong ? FLAT_LONG_CODE : FLAT_CODE);
  setRegister(4, pointer);
  finishAt(target);
}

export function swapgs(r: usize): void {
  if (cpl()) {
    raise(GP, 0);
    return;
  }
  const base = load<u64>(segmentCache(GS), SEGMENT_BASE);
  store<u64>(segmentCache(GS), load<u64>(MSR_KERNEL_GS_BASE), SEGMENT_BASE);
  store<u64>(MSR_KERNEL_GS_BASE, base);
  finish(r);
}

/** RDFSBASE, RDGSBASE, WRFSBASE and WRGSBASE of segment `seg`. */
export function segmentBaseOp(r: usize, seg: u32, isWrite: bool): void {
  if (!(cr4() & CR4_FSGSBASE)) {
    raise(UD, 0);
    return;
  }
  const size = operandSize(r) == 8 ? 8 : 4;
  if (!isWrite) {
    writeRm(r, size, load<u64>(segmentCache(seg), SEGMENT_BASE));
    return;
  }
  const base = readRm(r, size);
  if (isCanonicalBase(base)) store<u64>(segmentCache(seg), base, SEGMENT_BASE);
  else raise(GP, 0);
}
