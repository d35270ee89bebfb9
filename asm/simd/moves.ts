// MMX and SSE moves, element inserts and extracts, masks (SDM Vol. 2, each instruction's page).
import { GPR } from '../layout';
import * as op from '../gen/ops';
import { KIND_XMM_REG } from '../gen/tables';
import { faulted } from '../globals';
import { linearForWrite, probeWrite, writeLinear } from '../memory';
import { linearMask } from '../paging';
import { addressMask, cpl, isMemory, operandSize, R_IMM, regNumber, rmNumber, segmentNumber } from '../record';
import {
  DEST,
  kindOf,
  loadOperand,
  mmSlot,
  RESULT,
  SOURCE,
  storeOperand,
  usesMmx,
  writeMm,
  xmmSlot,
} from './operands';

/** Moves that only copy between operands 1 and 0: the first operand's upper part is zero where it is longer. */
function copy(r: usize, form: usize, aligned: bool): void {
  loadOperand(r, form, 1, SOURCE, aligned);
  if (faulted) return;
  storeOperand(r, form, 0, SOURCE, aligned);
}

/** MOVSS, MOVSD: between registers only the low element changes. */
function moveScalar(r: usize, form: usize, size: u32): void {
  if (isMemory(r)) {
    copy(r, form, false);
    return;
  }
  loadOperand(r, form, 0, DEST, false);
  loadOperand(r, form, 1, SOURCE, false);
  if (size == 4) store<u32>(DEST, load<u32>(SOURCE));
  else store<u64>(DEST, load<u64>(SOURCE));
  storeOperand(r, form, 0, DEST, false);
}

/** MOVLPS, MOVHPS and their double forms: one half of a register from or to memory. */
function moveHalf(r: usize, form: usize, offset: usize): void {
  const at = xmmSlot(regNumber(r)) + offset;
  if (isLoad(form)) {
    loadOperand(r, form, 1, SOURCE, false);
    if (!faulted) store<u64>(at, load<u64>(SOURCE));
  } else {
    store<u64>(SOURCE, load<u64>(at));
    storeOperand(r, form, 0, SOURCE, false);
  }
}

/** Is operand 0 the register of ModRM.reg? */
function isLoad(form: usize): bool {
  return kindOf(form, 0) == KIND_XMM_REG;
}

/** MASKMOVQ and MASKMOVDQU: bytes with the mask's sign bit set go to DS:rDI. */
function maskedStore(r: usize, form: usize, size: u32): void {
  loadOperand(r, form, 0, DEST, false);
  loadOperand(r, form, 1, SOURCE, false);
  const linear = linearForWrite(segmentNumber(r), load<u64>(GPR + 7 * 8) & addressMask(r), size);
  if (faulted) return;
  for (let i: u32 = 0; i < size; i++) {
    if (!(load<u8>(SOURCE + i) >> 7)) continue;
    probeWrite((linear + i) & linearMask, 1, cpl() == 3);
    if (faulted) return;
  }
  for (let i: u32 = 0; i < size; i++) {
    if (load<u8>(SOURCE + i) >> 7) writeLinear<u8>((linear + i) & linearMask, load<u8>(DEST + i));
  }
}

/** Sign bits of the elements of SOURCE. */
function signBits(size: u32, length: u32): u32 {
  let mask: u32 = 0;
  for (let i: u32 = 0; i * size < length; i++) mask |= u32(load<u8>(SOURCE + i * size + size - 1) >> 7) << i;
  return mask;
}

/** Moves: false if the operation is none. */
export function move(operation: u32, r: usize, form: usize): bool {
  switch (operation) {
    case op.OP_MOVQ_MM:
    case op.OP_MOVD_MM:
      copy(r, form, false);
      return true;
    case op.OP_MOVD_XMM:
    case op.OP_MOVQ_XMM:
      if (operation == op.OP_MOVQ_XMM && !isMemory(r)) {
        loadOperand(r, form, 1, SOURCE, false);
        store<u64>(SOURCE, 0, 8);
        storeOperand(r, form, 0, SOURCE, false);
      } else copy(r, form, false);
      return true;
    case op.OP_MOVU:
      copy(r, form, false);
      return true;
    case op.OP_MOVA:
      copy(r, form, true);
      return true;
    case op.OP_MOVSS:
      moveScalar(r, form, 4);
      return true;
    case op.OP_MOVSD_XMM:
      moveScalar(r, form, 8);
      return true;
    case op.OP_MOVLPS:
      moveHalf(r, form, 0);
      return true;
    case op.OP_MOVHPS:
      moveHalf(r, form, 8);
      return true;
    case op.OP_MOVHLPS:
      store<u64>(xmmSlot(regNumber(r)), load<u64>(xmmSlot(rmNumber(r)), 8));
      return true;
    case op.OP_MOVLHPS:
      store<u64>(xmmSlot(regNumber(r)), load<u64>(xmmSlot(rmNumber(r))), 8);
      return true;
    case op.OP_MOVDQ2Q:
      writeMm(regNumber(r), load<u64>(xmmSlot(rmNumber(r))));
      return true;
    case op.OP_MOVQ2DQ: {
      const at = xmmSlot(regNumber(r));
      store<u64>(at, load<u64>(mmSlot(rmNumber(r))));
      store<u64>(at, 0, 8);
      return true;
    }
    case op.OP_MASKMOVQ:
      maskedStore(r, form, 8);
      return true;
    case op.OP_MASKMOVDQU:
      maskedStore(r, form, 16);
      return true;
    case op.OP_MOVSLDUP:
    case op.OP_MOVSHDUP:
    case op.OP_MOVDDUP:
      duplicate(operation, r, form);
      return true;
    case op.OP_MOVMSKPS:
    case op.OP_MOVMSKPD:
    case op.OP_PMOVMSKB:
      mask(operation, r, form);
      return true;
  }
  return false;
}

function duplicate(operation: u32, r: usize, form: usize): void {
  loadOperand(r, form, 1, SOURCE, true);
  if (faulted) return;
  const v = v128.load(SOURCE);
  if (operation == op.OP_MOVSLDUP) v128.store(RESULT, i32x4.shuffle(v, v, 0, 0, 2, 2));
  else if (operation == op.OP_MOVSHDUP) v128.store(RESULT, i32x4.shuffle(v, v, 1, 1, 3, 3));
  else v128.store(RESULT, i64x2.shuffle(v, v, 0, 0));
  storeOperand(r, form, 0, RESULT, false);
}

function mask(operation: u32, r: usize, form: usize): void {
  loadOperand(r, form, 1, SOURCE, false);
  const size: u32 = operation == op.OP_MOVMSKPS ? 4 : operation == op.OP_MOVMSKPD ? 8 : 1;
  store<u64>(RESULT, u64(signBits(size, usesMmx(form) ? 8 : 16)));
  storeOperand(r, form, 0, RESULT, false);
}

/** PINSR and PEXTR in all sizes, EXTRACTPS, INSERTPS: false if the operation is none. */
export function moveElement(operation: u32, r: usize, form: usize): bool {
  const imm: u32 = load<u8>(r, R_IMM);
  const mmx = usesMmx(form);
  const wide = operation == op.OP_PINSRD || operation == op.OP_PEXTRD ? elementBytes(r) : 4;
  switch (operation) {
    case op.OP_PINSRW:
      insert(r, form, 2, mmx ? imm & 3 : imm & 7);
      return true;
    case op.OP_PINSRB:
      insert(r, form, 1, imm & 15);
      return true;
    case op.OP_PINSRD:
      insert(r, form, wide, imm & (16 / wide - 1));
      return true;
    case op.OP_PEXTRW:
    case op.OP_PEXTRW_TO_RM:
      extract(r, form, 2, mmx ? imm & 3 : imm & 7);
      return true;
    case op.OP_PEXTRB:
      extract(r, form, 1, imm & 15);
      return true;
    case op.OP_PEXTRD:
    case op.OP_EXTRACTPS:
      extract(r, form, wide, imm & (16 / wide - 1));
      return true;
    case op.OP_INSERTPS:
      insertSingle(r, form, imm);
      return true;
  }
  return false;
}

/** 8 with REX.W, else 4. */
function elementBytes(r: usize): u32 {
  return operandSize(r) == 8 ? 8 : 4;
}

function insert(r: usize, form: usize, size: u32, n: u32): void {
  loadOperand(r, form, 1, SOURCE, false);
  if (faulted) return;
  loadOperand(r, form, 0, DEST, false);
  memory.copy(DEST + n * size, SOURCE, size);
  storeOperand(r, form, 0, DEST, false);
}

function extract(r: usize, form: usize, size: u32, n: u32): void {
  loadOperand(r, form, 1, SOURCE, false);
  store<u64>(RESULT, 0);
  memory.copy(RESULT, SOURCE + n * size, size);
  storeOperand(r, form, 0, RESULT, false);
}

function insertSingle(r: usize, form: usize, imm: u32): void {
  loadOperand(r, form, 1, SOURCE, false);
  if (faulted) return;
  loadOperand(r, form, 0, DEST, false);
  const from = isMemory(r) ? 0 : imm >> 6;
  store<u32>(DEST + (imm & 0x30) / 4, load<u32>(SOURCE + (from << 2)));
  for (let i: u32 = 0; i < 4; i++) if ((imm >> i) & 1) store<u32>(DEST + (i << 2), 0);
  storeOperand(r, form, 0, DEST, false);
}
