// What ring-0 software may do to the machine, as far as the VMMs need it: every call is charged by the CPU's cost model.
// The CPU's Ring0 fits this interface; tests give a plain array instead.

import type { CostClass } from '../isa/cost-classes.ts';

/** Bytes. */
export type AccessSize = 1 | 2 | 4;

/** A fault of an access or an instruction that ring-0 software made itself. */
export interface HostFault {
  readonly vector: number;
  readonly error: number;
  readonly cr2: number;
}

/** Charged access to the machine's registers and memory. */
export interface HostAccess {
  reg(n: number): number;
  setReg(n: number, value: number): void;
  /** Supervisor access in the current address space; undefined when it faulted (`fault` says how). */
  tryLoad(linear: number, size: AccessSize): number | undefined;
  /** False when it faulted. */
  tryStore(linear: number, size: AccessSize, value: number): boolean;
  fault(): HostFault;
  loadPhysical(address: number, size: AccessSize): number;
  storePhysical(address: number, size: AccessSize, value: number): void;
  writeCr3(value: number): void;
  invlpg(linear: number): void;
  charge(cls: CostClass, times?: number): void;
}

/** An exception the guest is to see, thrown by the parts that work on its behalf. */
export class GuestFault extends Error {
  readonly vector: number;
  readonly error: number | undefined;
  /** Linear address of a page fault. */
  readonly address: number | undefined;

  constructor(vector: number, error?: number, address?: number) {
    super(`guest exception ${vector}${error === undefined ? '' : ` (${error.toString(16)})`}`);
    this.vector = vector;
    this.error = error;
    this.address = address;
  }
}

export const VECTOR_DE = 0;
export const VECTOR_DB = 1;
export const VECTOR_NMI = 2;
export const VECTOR_BP = 3;
export const VECTOR_OF = 4;
export const VECTOR_BR = 5;
export const VECTOR_UD = 6;
export const VECTOR_NM = 7;
export const VECTOR_DF = 8;
export const VECTOR_TS = 10;
export const VECTOR_NP = 11;
export const VECTOR_SS = 12;
export const VECTOR_GP = 13;
export const VECTOR_PF = 14;
export const VECTOR_MF = 16;
export const VECTOR_AC = 17;

/** Page-fault error code bits. */
export const PF_PRESENT = 1;
export const PF_WRITE = 2;
export const PF_USER = 4;
export const PF_RESERVED = 8;
export const PF_FETCH = 16;
