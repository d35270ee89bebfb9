// The instructions of the system that are so frequent that their records have numbers of their own in R_OP, behind those of all
// cases of the run loops (asm/hot.ts, asm/long-mode/hot.ts). The loops leave them to the generic handlers, as they do H_COLD;
// these know by the number what to do, without a look at the form (asm/execute.ts).
import { OP_IN, OP_INT, OP_IRET, OP_OUT, OP_SYSCALL, OP_SYSENTER, OP_SYSEXIT, OP_SYSRET } from './gen/ops';
import { H_COLD } from './hot';

export const F_INT: u32 = 300;
export const F_IRET: u32 = 301;
export const F_SYSENTER: u32 = 302;
export const F_SYSEXIT: u32 = 303;
export const F_SYSCALL: u32 = 304;
export const F_SYSRET: u32 = 305;
export const F_IN: u32 = 306;
export const F_OUT: u32 = 307;
/** The first of them. */
export const FREQUENT: u32 = F_INT;

/** The number of an operation that has no case; H_COLD if it has none of these. */
export function frequentNumber(operation: u32): u32 {
  switch (operation) {
    case OP_INT:
      return F_INT;
    case OP_IRET:
      return F_IRET;
    case OP_SYSENTER:
      return F_SYSENTER;
    case OP_SYSEXIT:
      return F_SYSEXIT;
    case OP_SYSCALL:
      return F_SYSCALL;
    case OP_SYSRET:
      return F_SYSRET;
    case OP_IN:
      return F_IN;
    case OP_OUT:
      return F_OUT;
  }
  return H_COLD;
}
