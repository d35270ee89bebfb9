// What x2APIC mode changes about a local APIC: who it is, and which values its registers take.
// Truth: SDM Vol. 3 "Extended XAPIC (x2APIC)": "x2APIC Register Address Space", "Reserved Bit Checking", "Deriving Logical
// x2APIC ID from the Local x2APIC ID", "Error Handling in x2APIC Mode".

import {
  APIC_EOI,
  APIC_ESR,
  APIC_ICR_LOW,
  APIC_LVT_TIMER,
  APIC_SELF_IPI,
  APIC_SVR,
  APIC_TIMER_DIVIDE,
  APIC_TIMER_INITIAL,
  APIC_TPR,
  LVT_WRITABLE,
} from './lapic-registers.ts';

/** Delivery status and remote IRR of an LVT entry are read only, and ignored. */
const LVT_STATUS = 0x5000;

/** Bits that WRMSR may set, in the lower half, of every register that can be written. */
const LEGAL: Readonly<Record<number, number>> = {
  [APIC_TPR]: 0xff,
  [APIC_EOI]: 0,
  [APIC_SVR]: 0x3ff,
  [APIC_ESR]: 0,
  // bit 12, the delivery status, is ignored
  [APIC_ICR_LOW]: 0x000cdfff,
  [APIC_TIMER_INITIAL]: 0xffffffff,
  [APIC_TIMER_DIVIDE]: 0xb,
  [APIC_SELF_IPI]: 0xff,
};

/** May WRMSR write this to the register at `offset`? The command register alone has an upper half. */
export function isLegalInX2Apic(offset: number, low: number, high: number, hasDeadline: boolean): boolean {
  const legal = LEGAL[offset] ?? lvtBits(offset, hasDeadline);
  if (legal === undefined || (low & ~legal) !== 0) return false;
  return high === 0 || offset === APIC_ICR_LOW;
}

function lvtBits(offset: number, hasDeadline: boolean): number | undefined {
  const writable = lvtWritable(offset, hasDeadline);
  return writable === undefined ? undefined : writable | LVT_STATUS;
}

/** Bits of an LVT entry that can be written, undefined for no entry; TSC-deadline mode is a bit of the timer's. */
export function lvtWritable(offset: number, hasDeadline: boolean): number | undefined {
  const writable = LVT_WRITABLE[offset];
  return offset === APIC_LVT_TIMER && !hasDeadline ? 0x300ff : writable;
}

/** Cluster of 16 in the upper half, bit in it in the lower. */
export function logicalX2ApicId(id: number): number {
  return (((id >>> 4) << 16) | (1 << (id & 0xf))) >>> 0;
}
