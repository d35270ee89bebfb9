// What a translated unit consists of, and what is known about it while it is made.

import type { GuestInstruction } from '../../emulate/instruction.ts';
import type { CodeBuffer } from './code-buffer.ts';

/** Registers a sequence has saved in the area at some place of it; to be restored if it is left there. */
export const SAVED_EAX = 1;
export const SAVED_ECX = 2;
export const SAVED_EDX = 4;

/** Why translated code calls out. */
export type CalloutKind =
  /** The instruction is emulated by the VMM. */
  | 'emulate'
  /** An exit whose target is not translated, or not chained yet. */
  | 'exit'
  /** The lookup of an indirect branch found nothing. */
  | 'lookup'
  /** STI or a lowered task priority lets a waiting interrupt in. */
  | 'interrupt'
  /** A write known to hit a traced page or a device. */
  | 'write';

/** A place in translated code and the guest instruction it belongs to. */
export interface Place {
  /** Address in the cache. */
  readonly at: number;
  /** Guest EIP of the instruction. */
  readonly eip: number;
  /** The guest is exactly between two of its instructions here. */
  readonly boundary: boolean;
  /** SAVED_ flags. */
  readonly saved: number;
}

/** A call-out site: `at` is the address behind the call-out instruction. */
export interface Callout {
  readonly at: number;
  readonly kind: CalloutKind;
  /** Guest EIP of the instruction (emulate, write), of the target (exit), or of the next one (interrupt). */
  readonly eip: number;
  readonly saved: number;
  /** Length of the guest instruction. */
  readonly length: number;
}

/** A direct branch out of the unit; its displacement is patched when the target is translated. */
export interface Exit {
  /** Address of the 32-bit displacement. */
  readonly patch: number;
  /** Address of the stub it leads to while it is not chained. */
  readonly stub: number;
  readonly target: number;
}

/** How the guest code is to be read. */
export interface Mode {
  readonly code32: boolean;
  readonly stack32: boolean;
  readonly cpl: number;
}

/** What adaptation found out about an instruction. */
export type Adaptation =
  /** It writes traced pages or devices. */
  | { readonly kind: 'write' }
  /** It writes the task priority register at this linear address. */
  | { readonly kind: 'priority'; readonly linear: number };

/** A translated unit. */
export interface Unit {
  readonly origin: number;
  /** Where direct branches enter. */
  readonly entry: number;
  readonly bytes: number[];
  readonly eip: number;
  /** Bytes of guest code it covers. */
  readonly length: number;
  readonly places: Place[];
  readonly callouts: Callout[];
  readonly exits: Exit[];
  /** Guest instructions, by EIP. */
  readonly instructions: Map<number, GuestInstruction>;
  /** Instructions copied unchanged, in-cache sequences and call-outs: for the counters. */
  readonly copied: number;
}

/** What the translator needs to know from its VMM. */
export interface TranslatorHost {
  readonly miss: number;
  readonly portHelper: number;
  /** SYSENTER outside ring 0 enters the VMM now. */
  readonly hasCheapCallouts: boolean;
  /** Next free number for a call-out by SYSENTER. */
  nextCallNumber(): number;
  adaptation(eip: number): Adaptation | undefined;
}

/** A unit while it is made, as the parts of the translator see it. */
export interface UnitInWork {
  readonly host: TranslatorHost;
  readonly mode: Mode;
  readonly out: CodeBuffer;
  /** An EIP as the code size wraps it. */
  wrap(eip: number): number;
  /** The place behind the last byte belongs to the guest instruction at `eip`. */
  place(eip: number, boundary: boolean, saved?: number): void;
  /** Calls out through a gate; behind it the place is that of `placeEip`. */
  callout(kind: CalloutKind, eip: number, placeEip: number, saved: number, length: number): void;
}
