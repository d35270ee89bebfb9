// Generic handlers: binary and unary arithmetic, multiply and divide, decimal (SDM Vol. 2, each instruction's page).
import * as op from './gen/ops';
import { FORM_OPERANDS } from './gen/tables';
import { faulted } from './globals';
import { carry, overflow, setStatusFlags, statusFlags } from './flags';
import { immediate } from './record';
import { operandBytes, readModify, readOperand, writeModified, writeOperand } from './operand';
import { binary, dec, inc, neg } from './ops/arithmetic';
import { div, idiv, imul, imulWide, mul } from './ops/multiply';
import { aaa, aad, aam, aas, daa, das } from './ops/decimal';
import { crc32c } from './ops/bit';
import { div64, idiv64 } from './long-mode/divide';

function binarySized(n: u32, size: u32, a: u64, b: u64): u64 {
  if (size == 4) return binary<u32>(n, u32(a), u32(b));
  if (size == 1) return binary<u8>(n, u8(a), u8(b));
  if (size == 2) return binary<u16>(n, u16(a), u16(b));
  return binary<u64>(n, a, b);
}

/** CMP and TEST only read. */
function compare(operation: u32, r: usize, form: usize): void {
  const first = load<u8>(form + FORM_OPERANDS);
  const a = readOperand(r, first);
  if (faulted) return;
  const b = readOperand(r, load<u8>(form + FORM_OPERANDS + 1));
  if (faulted) return;
  binarySized(operation == op.OP_CMP ? 7 : 4, operandBytes(r, first), a, b);
}

function binaryOp(operation: u32, r: usize, form: usize): void {
  const first = load<u8>(form + FORM_OPERANDS);
  const size = operandBytes(r, first);
  // of the two operands at most one is in memory
  const b = readOperand(r, load<u8>(form + FORM_OPERANDS + 1));
  if (faulted) return;
  const a = readModify(r, first);
  if (faulted) return;
  writeModified(size, binarySized(operation - op.OP_ADD, size, a, b));
}

function unary<T>(operation: u32, a: T): T {
  if (operation == op.OP_INC) return inc<T>(a);
  if (operation == op.OP_DEC) return dec<T>(a);
  if (operation == op.OP_NEG) return neg<T>(a);
  return <T>~a;
}

function unaryOp(operation: u32, r: usize, form: usize): void {
  const first = load<u8>(form + FORM_OPERANDS);
  const size = operandBytes(r, first);
  const a = readModify(r, first);
  if (faulted) return;
  let v: u64 = 0;
  if (size == 4) v = unary<u32>(operation, u32(a));
  else if (size == 1) v = unary<u8>(operation, u8(a));
  else if (size == 2) v = unary<u16>(operation, u16(a));
  else v = unary<u64>(operation, a);
  writeModified(size, v);
}

function multiplyOne<T>(operation: u32, b: T): void {
  if (operation == op.OP_MUL) mul<T>(b);
  else if (operation == op.OP_IMUL_WIDE) imulWide<T>(b);
  else if (operation == op.OP_DIV) div<T>(b);
  else idiv<T>(b);
}

/** MUL, one-operand IMUL, DIV, IDIV. */
function multiplyOp(operation: u32, r: usize, form: usize): void {
  const first = load<u8>(form + FORM_OPERANDS);
  const b = readOperand(r, first);
  if (faulted) return;
  const size = operandBytes(r, first);
  if (size == 4) multiplyOne<u32>(operation, u32(b));
  else if (size == 1) multiplyOne<u8>(operation, u8(b));
  else if (size == 2) multiplyOne<u16>(operation, u16(b));
  else if (operation == op.OP_DIV) div64(b);
  else if (operation == op.OP_IDIV) idiv64(i64(b));
  else if (operation == op.OP_MUL) mul<u64>(b);
  else imulWide<u64>(b);
}

/** IMUL with two and three operands. */
function imulOp(operation: u32, r: usize, form: usize): void {
  const first = load<u8>(form + FORM_OPERANDS);
  const size = operandBytes(r, first);
  const a = readOperand(r, load<u8>(form + FORM_OPERANDS + 1));
  if (faulted) return;
  const b = operation == op.OP_IMUL ? readOperand(r, first) : u64(immediate(r));
  let v: u64 = 0;
  if (size == 4) v = imul<u32>(u32(a), u32(b));
  else if (size == 2) v = imul<u16>(u16(a), u16(b));
  else v = imul<u64>(a, b);
  writeOperand(r, first, v);
}

function crc32Op(r: usize, form: usize): void {
  const second = load<u8>(form + FORM_OPERANDS + 1);
  const data = readOperand(r, second);
  if (faulted) return;
  const first = load<u8>(form + FORM_OPERANDS);
  writeOperand(r, first, crc32c(u32(readOperand(r, first)), data, operandBytes(r, second)));
}

/** ADCX and ADOX: an addition through CF or OF that changes no other flag. */
function carryChain(operation: u32, r: usize, form: usize): void {
  const first = load<u8>(form + FORM_OPERANDS);
  const b = readOperand(r, load<u8>(form + FORM_OPERANDS + 1));
  if (faulted) return;
  const a = readOperand(r, first);
  const isOverflow = operation == op.OP_ADOX;
  const sum = a + b + u64(isOverflow ? overflow() : carry());
  writeOperand(r, first, sum);
  // carry out of the top bit: both operands have it, or one has and the sum has not
  const top: u64 = operandBytes(r, first) == 8 ? 63 : 31;
  const out = u32(((a & b) | ((a | b) & ~sum)) >> top) & 1;
  if (isOverflow) setStatusFlags((statusFlags() & ~0x800) | (out << 11));
  else setStatusFlags((statusFlags() & ~1) | out);
}

export function arithmeticOp(operation: u32, r: usize, form: usize): void {
  if (operation == op.OP_CMP || operation == op.OP_TEST) compare(operation, r, form);
  else if (operation <= op.OP_XOR) binaryOp(operation, r, form);
  else if (operation <= op.OP_NEG) unaryOp(operation, r, form);
  else if (operation == op.OP_IMUL || operation == op.OP_IMUL3) imulOp(operation, r, form);
  else if (operation <= op.OP_IDIV) multiplyOp(operation, r, form);
  else if (operation == op.OP_DAA) daa();
  else if (operation == op.OP_DAS) das();
  else if (operation == op.OP_AAA) aaa();
  else if (operation == op.OP_AAS) aas();
  else if (operation == op.OP_AAM) aam(u32(immediate(r)) & 0xff);
  else if (operation == op.OP_AAD) aad(u32(immediate(r)) & 0xff);
  else if (operation == op.OP_CRC32) crc32Op(r, form);
  else carryChain(operation, r, form);
}
