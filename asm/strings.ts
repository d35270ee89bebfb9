// String instructions, alone and repeated (SDM Vol. 1 "String Operations", Vol. 2 "REP/REPE/REPZ/REPNE/REPNZ"). Every
// iteration commits its registers, so a fault or the end of the time slice in the middle leaves exact progress. MOVS and
// STOS that stay in directly mapped pages go page by page with the same charges as one by one.
import { COSTS, ES, GPR, RIP, TLB_ARRAY_SIZE } from './layout';
import * as op from './gen/ops';
import { COST_STRING_ITERATION } from './gen/costs';
import { FORM_OPERANDS, FORM_REPEAT_CONDITION, FORM_FLAGS } from './gen/tables';
import { cyclesLeft, faulted, inScratch, leave, tlbBase, unfinished } from './globals';
import { charge, chargeCycles } from './charge';
import { DF, hasFlag, zero, changeFlags, RF } from './flags';
import { H_DEAD } from './hot';
import { fastHost, linearForRead, linearForWrite } from './memory';
import { operandBytes, readAccumulator, readMemory, writeAccumulator, writeMemory } from './operand';
import {
  addressMask,
  addressSize,
  getRegister,
  hasRep,
  hasRepne,
  R_OP,
  recordRip,
  restCost,
  segmentNumber,
  setRegisterSized,
} from './record';
import { isScratchPage, scratchDigest, scratchFromDevice } from './run';
import { sub } from './ops/arithmetic';

const ECX: u32 = 1;
const ESI: u32 = 6;
const EDI: u32 = 7;

function advance(r: usize, register: u32, by: i64): void {
  setRegisterSized(register, getRegister(register) + u64(by), addressSize(r));
}

function compare(size: u32, a: u64, b: u64): void {
  if (size == 1) sub<u8>(u8(a), u8(b));
  else if (size == 2) sub<u16>(u16(a), u16(b));
  else if (size == 4) sub<u32>(u32(a), u32(b));
  else sub<u64>(a, b);
}

/** One iteration. Then `if (faulted) return`; nothing has changed after a fault. */
function iterate(operation: u32, r: usize, size: u32): void {
  const mask = addressMask(r);
  const by = hasFlag(DF) ? -i64(size) : i64(size);
  const source = getRegister(ESI) & mask;
  const destination = getRegister(EDI) & mask;
  switch (operation) {
    case op.OP_MOVS: {
      const v = readMemory(segmentNumber(r), source, size);
      if (faulted) return;
      writeMemory(ES, destination, size, v);
      break;
    }
    case op.OP_STOS:
      writeMemory(ES, destination, size, readAccumulator(size));
      break;
    case op.OP_LODS: {
      const v = readMemory(segmentNumber(r), source, size);
      if (faulted) return;
      writeAccumulator(size, v);
      break;
    }
    case op.OP_CMPS: {
      const a = readMemory(segmentNumber(r), source, size);
      if (faulted) return;
      const b = readMemory(ES, destination, size);
      if (faulted) return;
      compare(size, a, b);
      break;
    }
    default: {
      const b = readMemory(ES, destination, size);
      if (faulted) return;
      compare(size, readAccumulator(size), b);
    }
  }
  if (faulted) return;
  if (operation == op.OP_MOVS || operation == op.OP_LODS || operation == op.OP_CMPS) advance(r, ESI, by);
  if (operation != op.OP_LODS) advance(r, EDI, by);
}

/** Elements from `ea` upwards that lie in one page, not beyond 2^32. */
// @ts-expect-error: decorator
@inline
function inPage(linear: u64, size: u32): u32 {
  return (0x1000 - (u32(linear) & 0xfff)) / size;
}

/**
 * Does up to `count` iterations of MOVS or STOS at once. Returns how many: 0 if they have to be done one by one. Overlapping
 * moves are left to the slow way when the destination lies less than the copied length above the source.
 */
function bulk(operation: u32, r: usize, size: u32, count: u64): u32 {
  if (hasFlag(DF) || addressSize(r) == 2 || count < 2) return 0;
  const mask = addressMask(r);
  const destination = getRegister(EDI) & mask;
  const to = linearForWrite(ES, destination, size);
  if (faulted) return 0;
  let n = u32(min<u64>(count, inPage(to, size)));
  let hostFrom: usize = 0;
  if (operation == op.OP_MOVS) {
    const from = linearForRead(segmentNumber(r), getRegister(ESI) & mask, size);
    if (faulted) return 0;
    n = min<u32>(n, inPage(from, size));
    if (n < 2) return 0;
    linearForRead(segmentNumber(r), getRegister(ESI) & mask, n * size);
    if (faulted) return 0;
    hostFrom = fastHost(tlbBase, from, n * size);
    if (!hostFrom) return 0;
  }
  // iterations that start before the deadline
  const cost = i64(load<u32>(COSTS + (COST_STRING_ITERATION << 2)));
  const left = cyclesLeft + restCost(r);
  if (cost > 0) n = u32(max<i64>(0, min<i64>(n, (left + cost - 1) / cost)));
  if (n < 2) return 0;
  linearForWrite(ES, destination, n * size);
  if (faulted) return 0;
  const hostTo = fastHost(tlbBase + TLB_ARRAY_SIZE, to, n * size);
  if (!hostTo || (inScratch && isScratchPage(hostTo))) return 0;
  const bytes: usize = n * size;
  if (operation == op.OP_MOVS) {
    if (hostTo > hostFrom && hostTo < hostFrom + bytes) return 0;
    memory.copy(hostTo, hostFrom, bytes);
    advance(r, ESI, i64(bytes));
  } else fillHost(hostTo, n, size);
  advance(r, EDI, i64(bytes));
  return n;
}

function fillHost(host: usize, n: u32, size: u32): void {
  if (size == 1) memory.fill(host, load<u8>(GPR), n);
  else if (size == 2) for (let i: u32 = 0; i < n; i++) store<u16>(host + (i << 1), load<u16>(GPR));
  else if (size == 4) for (let i: u32 = 0; i < n; i++) store<u32>(host + (i << 2), load<u32>(GPR));
  else for (let i: u32 = 0; i < n; i++) store<u64>(host + (i << 3), load<u64>(GPR));
}

/** The instruction is not complete; RIP stays on it, and an interrupt now pushes RF = 1. */
function goOnLater(r: usize): void {
  store<u64>(RIP, recordRip(r));
  changeFlags(0, RF);
  unfinished = true;
  leave = true;
}

/** Does a repeated instruction that stores still stand where it was decoded? `digest` is that of its bytes then. */
// @ts-ignore: decorator
@inline
function stillThere(r: usize, digest: u64): bool {
  return inScratch ? scratchDigest() == digest : load<u16>(r, R_OP) != u16(H_DEAD);
}

export function stringOp(operation: u32, r: usize, form: usize): void {
  const code = load<u8>(form + FORM_OPERANDS + (operation == op.OP_LODS || operation == op.OP_SCAS ? 1 : 0));
  const size = operandBytes(r, code);
  if (!hasRep(r)) {
    iterate(operation, r, size);
    if (!faulted) charge(COST_STRING_ITERATION, 1);
    return;
  }
  const mask = addressMask(r);
  const isConditional = (load<u32>(form, FORM_FLAGS) & FORM_REPEAT_CONDITION) != 0;
  const wanted = !hasRepne(r);
  const oneByOne = hasFlag(0x100) || scratchFromDevice;
  const stores = operation == op.OP_MOVS || operation == op.OP_STOS;
  const digest: u64 = stores && inScratch ? scratchDigest() : 0;
  for (;;) {
    let count = getRegister(ECX) & mask;
    if (!count) return;
    let done: u32 = 0;
    if (stores) {
      if (!oneByOne) done = bulk(operation, r, size, count);
      if (faulted) return;
    }
    if (!done) {
      iterate(operation, r, size);
      if (faulted) return;
      done = 1;
    }
    count -= done;
    setRegisterSized(ECX, count, addressSize(r));
    chargeCycles(u64(load<u32>(COSTS + (COST_STRING_ITERATION << 2))) * done);
    if (!count || (isConditional && zero() != wanted)) return;
    // an armed break means: time is up or an event may be due; what was overwritten goes on as what it now is
    if (cyclesLeft < -(1 << 61) || cyclesLeft + restCost(r) <= 0 || oneByOne || (stores && !stillThere(r, digest))) {
      goOnLater(r);
      return;
    }
  }
}
