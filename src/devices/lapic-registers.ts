// The registers of a local APIC by their offset in its page.
// Truth: SDM Vol. 3 "Local APIC Register Address Map".

export const APIC_ID = 0x020;
export const APIC_VERSION = 0x030;
export const APIC_TPR = 0x080;
export const APIC_APR = 0x090;
export const APIC_PPR = 0x0a0;
export const APIC_EOI = 0x0b0;
export const APIC_LDR = 0x0d0;
export const APIC_DFR = 0x0e0;
export const APIC_SVR = 0x0f0;
export const APIC_ISR = 0x100;
export const APIC_TMR = 0x180;
export const APIC_IRR = 0x200;
export const APIC_ESR = 0x280;
export const APIC_ICR_LOW = 0x300;
export const APIC_ICR_HIGH = 0x310;
export const APIC_LVT_TIMER = 0x320;
export const APIC_LVT_THERMAL = 0x330;
export const APIC_LVT_PERFORMANCE = 0x340;
export const APIC_LVT_LINT0 = 0x350;
export const APIC_LVT_LINT1 = 0x360;
export const APIC_LVT_ERROR = 0x370;
export const APIC_TIMER_INITIAL = 0x380;
export const APIC_TIMER_CURRENT = 0x390;
export const APIC_TIMER_DIVIDE = 0x3e0;
/** In x2APIC mode only, where it is MSR 83FH. */
export const APIC_SELF_IPI = 0x3f0;

/** Bits of each LVT entry that can be written. */
export const LVT_WRITABLE: Readonly<Record<number, number>> = {
  [APIC_LVT_TIMER]: 0x700ff,
  [APIC_LVT_THERMAL]: 0x107ff,
  [APIC_LVT_PERFORMANCE]: 0x107ff,
  [APIC_LVT_LINT0]: 0x1a7ff,
  [APIC_LVT_LINT1]: 0x1a7ff,
  [APIC_LVT_ERROR]: 0x100ff,
};
