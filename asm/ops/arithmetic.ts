// Addition, subtraction and logic: one meaning for every operand size (SDM Vol. 2 "ADD" ... "XOR").
import { flagAux } from '../globals';
import { arithmeticFlags, logicFlags, packCarries, signExtend } from './flagging';
import { flagResult } from '../globals';

// @ts-ignore: decorator
@inline
export function add<T>(a: T, b: T): T {
  const r = <T>(a + b);
  arithmeticFlags<T>(r, <T>((a & b) | ((a | b) & ~r)));
  return r;
}

// @ts-ignore: decorator
@inline
export function adc<T>(a: T, b: T): T {
  const r = <T>(a + b + <T>(flagAux >> 31));
  arithmeticFlags<T>(r, <T>((a & b) | ((a | b) & ~r)));
  return r;
}

// @ts-ignore: decorator
@inline
export function sub<T>(a: T, b: T): T {
  const r = <T>(a - b);
  arithmeticFlags<T>(r, <T>((~a & b) | ((~a | b) & r)));
  return r;
}

// @ts-ignore: decorator
@inline
export function sbb<T>(a: T, b: T): T {
  const r = <T>(a - b - <T>(flagAux >> 31));
  arithmeticFlags<T>(r, <T>((~a & b) | ((~a | b) & r)));
  return r;
}

// @ts-ignore: decorator
@inline
export function and<T>(a: T, b: T): T {
  const r = <T>(a & b);
  logicFlags<T>(r);
  return r;
}

// @ts-ignore: decorator
@inline
export function or<T>(a: T, b: T): T {
  const r = <T>(a | b);
  logicFlags<T>(r);
  return r;
}

// @ts-ignore: decorator
@inline
export function xor<T>(a: T, b: T): T {
  const r = <T>(a ^ b);
  logicFlags<T>(r);
  return r;
}

/** Flags of an increment or decrement: CF stays, so bit 31 of the new vector and with it bit 30 may flip. */
// @ts-ignore: decorator
@inline
function keepCarry<T>(result: T, carries: T): void {
  const packed = packCarries<T>(carries);
  const flip = (packed ^ flagAux) & 0x80000000;
  flagResult = signExtend<T>(result);
  flagAux = packed ^ flip ^ (flip >> 1);
}

// @ts-ignore: decorator
@inline
export function inc<T>(a: T): T {
  const r = <T>(a + 1);
  keepCarry<T>(r, <T>(a & ~r));
  return r;
}

// @ts-ignore: decorator
@inline
export function dec<T>(a: T): T {
  const r = <T>(a - 1);
  keepCarry<T>(r, <T>(~a & r));
  return r;
}

// @ts-ignore: decorator
@inline
export function neg<T>(a: T): T {
  return sub<T>(<T>0, a);
}

// @ts-ignore: decorator
@inline
export function not<T>(a: T): T {
  return <T>~a;
}

/** An operation of the group ADD OR ADC SBB AND SUB XOR CMP by its number in the encoding. */
export function binary<T>(op: u32, a: T, b: T): T {
  switch (op) {
    case 0:
      return add<T>(a, b);
    case 1:
      return or<T>(a, b);
    case 2:
      return adc<T>(a, b);
    case 3:
      return sbb<T>(a, b);
    case 4:
      return and<T>(a, b);
    case 6:
      return xor<T>(a, b);
    default:
      return sub<T>(a, b);
  }
}
