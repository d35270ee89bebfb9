// Where a system call's number and arguments lie: syscall(2) "Architecture calling conventions".
import { type Abi, type Context, R10, R8, R9, RAX, RBP, RBX, RCX, RDI, RDX, RSI } from '../platform.ts';

const ARGUMENT_REGISTERS = {
  i386: [RBX, RCX, RDX, RSI, RDI, RBP],
  amd64: [RDI, RSI, RDX, R10, R8, R9],
} as const;

export function systemCallNumber(context: Context): number {
  return context.reg32(RAX);
}

export function readArguments(context: Context, abi: Abi): bigint[] {
  const is32 = abi === 'i386';
  return ARGUMENT_REGISTERS[abi].map((n) => (is32 ? BigInt(context.reg32(n)) : context.reg64(n)));
}

export function setResult(context: Context, result: number | bigint): void {
  const bits = context.abi === 'i386' ? 32 : 64;
  context.setReg64(RAX, BigInt.asUintN(bits, BigInt(result)));
}
