// Where a system call's number and arguments lie: syscall(2) "Architecture calling conventions".
import type { AddressSpace } from '../mm/address-space.ts';
import { readUserWord } from '../mm/user-memory.ts';
import { VDSO_LANDING } from '../mm/vdso.ts';
import { type Abi, type Context, R10, R8, R9, RAX, RBP, RBX, RCX, RDI, RDX, RIP, RSI, RSP } from '../platform.ts';

const ARGUMENT_REGISTERS = {
  i386: [RBX, RCX, RDX, RSI, RDI, RBP],
  amd64: [RDI, RSI, RDX, R10, R8, R9],
} as const;

/** The number of the call. */
export function systemCallNumber(context: Context): number {
  return context.reg32(RAX);
}

/** Six numbers, which are signed in amd64; bigints where numbers would not be exact. */
export function readArguments(context: Context, abi: Abi): (number | bigint)[] {
  const [a, b, c, d, e, f] = ARGUMENT_REGISTERS[abi];
  if (abi === 'i386')
    return [context.reg32(a), context.reg32(b), context.reg32(c), context.reg32(d), context.reg32(e), context.reg32(f)];
  return [context.exact(a), context.exact(b), context.exact(c), context.exact(d), context.exact(e), context.exact(f)];
}

/**
 * What SYSENTER did not keep: the program goes on in the vdso, its stack pointer is in EBP, and EBP lies on the stack.
 * @throws BadAddress when it cannot be read
 */
export function returnFromSysenter(memory: AddressSpace, context: Context): void {
  context.setReg(RIP, memory.vdso + VDSO_LANDING);
  const stack = context.reg32(RBP);
  context.setReg(RSP, stack);
  context.setReg(RBP, readUserWord(memory, stack, 4));
}

/** What the call returns, in the width of the program. */
export function setResult(context: Context, result: number | bigint): void {
  const is32 = context.abi === 'i386';
  if (typeof result === 'bigint') context.setReg64(RAX, BigInt.asUintN(is32 ? 32 : 64, result));
  else if (is32) context.setReg32(RAX, result);
  else context.setReg(RAX, result);
}
