// The generic handlers: any instruction at any operand size, straight from its opcode-table form. The run loop comes here
// for everything that has no case in its switch and for cases that could not go their fast way.
import { NOT_SUPPORTED_INSTRUCTION } from './layout';
import { FORMS, FORM_CPL0, FORM_FLAGS, FORM_OP, FORM_OPERANDS, FORM_PROTECTED_ONLY, FORM_SIZE } from './gen/tables';
import * as op from './gen/ops';
import { faulted, leave } from './globals';
import { GP, raise, UD } from './fault';
import { FREQUENT } from './frequent';
import { notSupported } from './host';
import { H_END } from './hot';
import { publishTime } from './charge';
import { cpl, R_FORM, R_IMM, R_OP } from './record';
import { endBlock, branchOp } from './branch';
import { arithmeticOp } from './arithmetic';
import { bitOp } from './bits';
import { moveOp } from './moves';
import { stackOp } from './stack';
import { stringOp } from './strings';
import { movToCr } from './system/control-registers';
import { systemOp } from './system/dispatch';
import { in8086Mode } from './system/mode-8086';
import { frequentOp, isTransfer, systemOnwards, transferOp } from './system/onwards';
import { vmxOp } from './vmx/dispatch';
import { x87Op } from './fpu/dispatch';
import { simdOp } from './simd/dispatch';

/** Code of the form's operand `i` (OPERAND_*). */
// @ts-ignore: decorator
@inline
export function operandCode(form: usize, i: u32): u32 {
  return load<u8>(form + FORM_OPERANDS + i);
}

/**
 * Executes the record. Returns the record of the block to go on with after a branch inside known code, else 0 (with
 * `faulted` or `leave` set, or to go on with the next record).
 */
export function execute(r: usize): usize {
  const number: u32 = load<u16>(r, R_OP);
  if (number >= FREQUENT) return frequentOp(number, r);
  if (number == H_END) return endBlock(r);
  const form: usize = FORMS + u32(load<u16>(r, R_FORM)) * FORM_SIZE;
  const operation: u32 = load<u16>(form, FORM_OP);
  if (operation <= op.OP_ADOX) {
    if (operation <= op.OP_UD) undefinedInstruction(r);
    else arithmeticOp(operation, r, form);
    return 0;
  }
  if (operation >= op.OP_FADD) {
    if (operation <= op.OP_FNSAVE) x87Op(operation, r, form);
    else simdOp(operation, r, form);
    return 0;
  }
  if (operation <= op.OP_POPCNT) bitOp(operation, r, form);
  else if (operation <= op.OP_FENCE) moveOp(operation, r, form);
  else if (operation >= op.OP_JO && operation <= op.OP_RET) return branchOp(operation, r, form);
  else if (isTransfer(operation)) return transferOp(operation, r);
  else if (operation == op.OP_MOV_TO_CR) return movToCr(r);
  else if (stackOp(operation, r, form)) return 0;
  else if (operation >= op.OP_MOVS && operation <= op.OP_SCAS) stringOp(operation, r, form);
  else if (load<u32>(form, FORM_FLAGS) & FORM_PROTECTED_ONLY && in8086Mode()) raise(UD, 0);
  else if (systemOp(operation, r)) {
    if (leave && !faulted) return systemOnwards(operation, r);
  } else if (!vmxOp(operation, r)) {
    // privilege is checked first even of a privileged instruction that is missing
    if (load<u32>(form, FORM_FLAGS) & FORM_CPL0 && cpl() != 0) raise(GP, 0);
    else undefinedInstruction(r);
  }
  return 0;
}

/** #UD; what a real processor might have is named to the host first. */
function undefinedInstruction(r: usize): void {
  const extension = load<u32>(r, R_IMM);
  if (!load<u16>(r, R_FORM) && extension) {
    publishTime();
    notSupported(NOT_SUPPORTED_INSTRUCTION, extension);
  }
  if (!faulted) raise(UD, 0);
}
