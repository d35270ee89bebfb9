// String instructions, alone and repeated (SDM Vol. 1 "String Operations", Vol. 2 "REP/REPE/REPZ/REPNE/REPNZ"). Every
// iteration commits its registers, so a fault or the end of the time slice in the middle leaves exact progress. Iterations
// that need nothing special are done many at once (string-runs.ts), with the same charges as one by one.
import { COSTS, ES, RIP } from './layout';
import * as op from './gen/ops';
import { COST_STRING_ITERATION } from './gen/costs';
import { FORM_OPERANDS, FORM_REPEAT_CONDITION, FORM_FLAGS } from './gen/tables';
import { cyclesLeft, faulted, inScratch, leave, unfinished } from './globals';
import { charge, chargeCycles } from './charge';
import { DF, hasFlag, zero, changeFlags, RF } from './flags';
import { H_DEAD } from './hot';
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
import { scratchDigest, scratchFromDevice } from './run';
import { compareElements, iterateMany } from './string-runs';
import { interceptEachInstruction } from './vmx/intercept-events';

const ECX: u32 = 1;
const ESI: u32 = 6;
const EDI: u32 = 7;

function advance(r: usize, register: u32, by: i64): void {
  setRegisterSized(register, getRegister(register) + u64(by), addressSize(r));
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
      compareElements(size, a, b);
      break;
    }
    default: {
      const b = readMemory(ES, destination, size);
      if (faulted) return;
      compareElements(size, readAccumulator(size), b);
    }
  }
  if (faulted) return;
  if (operation == op.OP_MOVS || operation == op.OP_LODS || operation == op.OP_CMPS) advance(r, ESI, by);
  if (operation != op.OP_LODS) advance(r, EDI, by);
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
  const oneByOne = hasFlag(0x100) || scratchFromDevice || interceptEachInstruction();
  const stores = operation == op.OP_MOVS || operation == op.OP_STOS;
  const digest: u64 = stores && inScratch ? scratchDigest() : 0;
  for (;;) {
    let count = getRegister(ECX) & mask;
    if (!count) return;
    let done = oneByOne ? 0 : iterateMany(operation, r, size, count, wanted);
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
