// The interrupt command register of a local APIC: which message goes to whom.
// Truth: SDM Vol. 3 "Issuing Interprocessor Interrupts", "Interrupt Command Register (ICR)", "Determining IPI Destination".

import type { ApicDestination, ApicMessage } from '../machine/apic-bus.ts';
import { DELIVER_EXTERNAL, DELIVER_FIXED, DELIVER_INIT, DELIVER_LOWEST } from '../machine/apic-bus.ts';
import { deliveryMode } from './local-vectors.ts';

const LEVEL_TRIGGERED = 0x8000;
const LEVEL_ASSERT = 0x4000;
const LOGICAL_DESTINATION = 0x800;
/** Shorthands for the destination, in bits 19:18. */
const SHORTHANDS = ['address', 'self', 'all', 'others'] as const;

/** A command, its two halves as they were written. */
export interface LapicCommand {
  readonly low: number;
  readonly high: number;
  /** It was written in x2APIC mode, with a destination of 32 bits. */
  readonly isExtended: boolean;
}

/** The message of a command; undefined where nothing is sent. */
export function commandMessage({ low }: LapicCommand): ApicMessage | undefined {
  const message = { mode: deliveryMode(low), vector: low & 0xff, isLevel: (low & LEVEL_TRIGGERED) !== 0 };
  // the end of a level-triggered INIT only matters to processors before the Pentium 4
  if (message.mode === DELIVER_INIT && message.isLevel && (low & LEVEL_ASSERT) === 0) return undefined;
  return message.mode === DELIVER_EXTERNAL ? undefined : message;
}

/** Vectors below 16 are those of exceptions, and illegal. */
export function hasIllegalVector({ mode, vector }: ApicMessage): boolean {
  return (mode === DELIVER_FIXED || mode === DELIVER_LOWEST) && vector < 16;
}

/** To whom it goes. */
export function commandShorthand({ low }: LapicCommand): (typeof SHORTHANDS)[number] {
  return SHORTHANDS[(low >> 18) & 3]!;
}

/** The destination of a command without shorthand. */
export function commandDestination({ low, high, isExtended }: LapicCommand): ApicDestination {
  return {
    destination: isExtended ? high : high >>> 24,
    isLogical: (low & LOGICAL_DESTINATION) !== 0,
    isExtended,
  };
}
