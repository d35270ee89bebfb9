// The memory that translated code shares with the VMM: a segment in GS, one page of variables followed by the table for
// indirect branches. GS is the way in because no guest instruction that is copied unchanged can use it: those with a GS
// override are emulated (Adams & Agesen 2006, section 3.2, keeps %gs for the same purpose).

import { AREA_OFFSET, LOOKUP_OFFSET, regionLinear } from '../../host-memory.ts';

// Offsets in the GS segment.
export const SAVE_EAX = 0x00;
export const SAVE_ECX = 0x04;
export const SAVE_EDX = 0x08;
export const SAVE_ESP = 0x0c;
/** Guest EIP an indirect branch goes to, when the table had no entry for it. */
export const TARGET = 0x10;
/** EFLAGS.IF as the guest set it: 0x200 or 0. */
export const VIRTUAL_IF = 0x14;
/** EFLAGS.IOPL as the guest set it, in place. */
export const VIRTUAL_IOPL = 0x18;
/** 0x200 while an interrupt waits for the guest to take interrupts. */
export const PENDING = 0x1c;
/** Selectors of ES CS SS DS FS GS as the guest loaded them, a word of 4 bytes each. */
export const SELECTORS = 0x20;
/** CR0, CR2 (slot 2), CR3, CR4 at CONTROL + 4 * n. */
export const CONTROL = 0x40;
/** Task priority the guest wrote last, whether it is newer than the virtual APIC's, how often it was written. */
export const TASK_PRIORITY = 0x60;
export const TASK_PRIORITY_DIRTY = 0x64;
export const TASK_PRIORITY_WRITES = 0x68;
/** Number of the call-out made by SYSENTER; 0 when SYSENTER is the guest's own. */
export const CALL_NUMBER = 0x6c;
/** Where helpers of the cache go back to. */
export const RETURN_TO = 0x70;
/** AH = SF ZF AF PF CF, AL = OF while a helper runs. */
export const SAVE_FLAGS = 0x74;
/** What a read of a plain latch port gives, and how often it was read. */
export const LATCH = 0x78;
export const LATCH_READS = 0x7c;
/** Bytes the port read at hand wants; 1 while port reads may be answered in the cache at all. */
export const PORT_WIDTH = 0xc0;
export const PORTS_OPEN = 0xc4;
/** Devices read in the cache: entry code, by number of the device (0: none). */
export const DEVICE_HANDLERS = 0x80;
/** Registers of these devices: entry code, by number of the register. */
export const REGISTER_HANDLERS = 0xa0;
/** Device of each of the first 256 ports, a byte each. */
export const PORT_DEVICES = 0x100;
/** For each task priority, whether an interrupt that waits would get through: a byte each. */
export const PRIORITY_OPENS = 0x200;
/** The table of indirect branches: code pointers by the low 16 bits of the guest's EIP. */
export const LOOKUP = LOOKUP_OFFSET - AREA_OFFSET;

/** Linear address of an offset in the GS segment, for the VMM. */
export function areaLinear(offset: number): number {
  return regionLinear(AREA_OFFSET + offset);
}
