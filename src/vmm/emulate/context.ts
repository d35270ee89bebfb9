// What the emulator works on: the guest's registers, memory and virtual CPU, and the technique's reactions to changes.
// Every technique gives its own; the meaning of the instructions is the emulator's.

import type { VmmCounters } from '../counters.ts';
import type { Domain } from '../domain.ts';
import type { GuestMemory } from '../guest-memory.ts';
import type { HostAccess } from '../host-access.ts';
import type { Vcpu, VirtualSegment } from '../vcpu.ts';

/** A control register or table that was written; the new value is in the vcpu. */
export type ControlChange = 'cr0' | 'cr3' | 'cr4' | 'efer' | 'gdtr' | 'idtr' | 'ldtr' | 'tr' | 'dr' | 'sysenter';

/** The guest as the emulator sees it. */
export interface GuestContext {
  readonly vcpu: Vcpu;
  readonly access: HostAccess;
  readonly memory: GuestMemory;
  readonly domain: Domain;
  readonly counters: VmmCounters;
  /** General register, 32 bits, unsigned. */
  reg(n: number): number;
  setReg(n: number, value: number): void;
  /** Guest EIP of the instruction at hand; the emulator moves it on. */
  eip: number;
  /** Virtual EFLAGS, all bits. */
  flags: number;
  /** Segment register as the guest believes it to be. */
  segment(n: number): VirtualSegment;
  /** Loads a segment register; for CS and SS the new CPL is in the vcpu before. */
  setSegment(n: number, segment: VirtualSegment): void;
  /** The guest changed a control register, table register or debug register. */
  changed(what: ControlChange): void;
  /** INVLPG. */
  invlpg(linear: number): void;
  /** Runs one instruction on the real CPU with the guest's general registers and arithmetic flags. */
  executeOnBehalf(bytes: readonly number[]): void;
  /** Linear address of 16 bytes of VMM memory for `executeOnBehalf`. */
  readonly scratch: number;
  /** `executeOnBehalf` runs 64-bit code. */
  readonly isLongHost: boolean;
  /** Reads or writes the scratch bytes, from offset `at` on. */
  readScratch(size: 1 | 2 | 4, at?: number): number;
  writeScratch(size: 1 | 2 | 4, value: number, at?: number): void;
  /** The technique runs guests in real-address mode. */
  readonly runsRealMode: boolean;
  /** Bits of EFER a guest may set. */
  readonly eferBits: number;
  /** A sentence for the user about something this version does not have. */
  notSupported(what: string): void;
}

/** Thrown by an instruction handler of the emulator for an instruction it does not know. */
export class NotEmulated extends Error {}
