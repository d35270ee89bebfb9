// Delivery of events through the IDT (SDM Vol. 3A "Interrupt and Exception Handling").

/** Event types, as in the VMX interruption-information field. */
export const EVENT_EXTERNAL: u32 = 0;
export const EVENT_NMI: u32 = 2;
export const EVENT_EXCEPTION: u32 = 3;
export const EVENT_SOFTWARE: u32 = 4;
export const EVENT_PRIVILEGED_SOFTWARE: u32 = 5;
export const EVENT_SOFTWARE_EXCEPTION: u32 = 6;
/** Bit 11 of the interruption information: the event pushes an error code. */
export const EVENT_HAS_ERROR: u32 = 0x800;
export const EVENT_VALID: u32 = 0x80000000;

/** While an event is being delivered: its VMX interruption information (EVENT_VALID set), else 0. What IDT-vectoring information reports. */
export let deliveringInfo: u32 = 0;
export let deliveringError: u32 = 0;
/** Length of the instruction, for software events. */
export let deliveringLength: u32 = 0;

/**
 * Delivers one event through the IDT; RIP in the state is the return address to push (software events: already the next
 * instruction). A fault in mid-delivery leaves `faulted` set and `deliveringInfo` valid; the outer loop's `deliverFault`
 * combines the two. Used by VM entry for event injection as well.
 */
export function deliverEvent(info: u32, error: u32, length: u32): void {}
