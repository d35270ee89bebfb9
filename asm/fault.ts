// Exceptions on their way to delivery (SDM Vol. 3A "Interrupt and Exception Handling"). A fault is two globals and a return:
// no WASM trap or throw ever stands for a guest fault.
import { faulted } from './globals';

export let faultVector: u32 = 0;
export let faultError: u32 = 0;
/** Linear address for CR2 (#PF), DR6 bits (#DB). */
export let faultLinear: u64 = 0;

export const DE: u32 = 0;
export const DB: u32 = 1;
export const NMI: u32 = 2;
export const BP: u32 = 3;
export const OF: u32 = 4;
export const BR: u32 = 5;
export const UD: u32 = 6;
export const NM: u32 = 7;
export const DF: u32 = 8;
export const TS: u32 = 10;
export const NP: u32 = 11;
export const SS: u32 = 12;
export const GP: u32 = 13;
export const PF: u32 = 14;
export const MF: u32 = 16;
export const AC: u32 = 17;
/** SIMD floating-point exception (the SDM's #XM). */
export const XM: u32 = 19;

/** Raises an exception; `error` is ignored by vectors that push none. The first one raised stands. */
export function raise(vector: u32, error: u32): void {
  if (faulted) return;
  faulted = true;
  faultVector = vector;
  faultError = error;
  faultLinear = 0;
}

/** #PF; CR2 is written when it is delivered. */
export function raisePageFault(linear: u64, error: u32): void {
  if (faulted) return;
  faulted = true;
  faultVector = PF;
  faultError = error;
  faultLinear = linear;
}

/** #DB with the DR6 bits that say why (fault class: instruction breakpoint, general detect). */
export function raiseDebug(dr6: u64): void {
  if (faulted) return;
  faulted = true;
  faultVector = DB;
  faultError = 0;
  faultLinear = dr6;
}

export function clearFault(): void {
  faulted = false;
}
