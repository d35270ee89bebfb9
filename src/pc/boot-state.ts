// The processor as a multiboot boot loader leaves it: 32-bit protected mode, flat segments, no paging, interrupts off.
// Truth: Multiboot Specification version 0.6.96, "Machine state".

import type { Cpu } from '../cpu/cpu.ts';

const ES = 0;
const CS = 1;
const GS = 5;
const TR = 6;
const LDTR = 7;
const ESP = 4;
const EDI = 7;

/** Access rights in the VMX format: present, 32-bit, 4 KiB granular. */
const FLAT_CODE = 0xc09b;
const FLAT_DATA = 0xc093;
const BUSY_TSS = 0x008b;
const UNUSABLE = 0x10000;
const CODE_SELECTOR = 0x08;
const DATA_SELECTOR = 0x10;
const FLAT_LIMIT = 0xffffffff;
const CR0_PE = 0x01;
const CR0_ET = 0x10;
const EFLAGS_FIXED = 0x02;

/** Sets the processor up to run a kernel at `entry`. */
export function enterProtectedMode(cpu: Cpu, entry: number): void {
  cpu.cr0 = CR0_PE | CR0_ET;
  cpu.cr3 = 0;
  cpu.cr4 = 0;
  cpu.cpl = 0;
  for (let segment = ES; segment <= GS; segment++) {
    const isCode = segment === CS;
    cpu.setSegment(segment, {
      selector: isCode ? CODE_SELECTOR : DATA_SELECTOR,
      rights: isCode ? FLAT_CODE : FLAT_DATA,
      base: 0,
      limit: FLAT_LIMIT,
    });
  }
  cpu.setSegment(TR, { selector: 0, rights: BUSY_TSS, base: 0, limit: 0xffff });
  cpu.setSegment(LDTR, { selector: 0, rights: UNUSABLE, base: 0, limit: 0 });
  for (let register = 0; register <= EDI; register++) cpu.setReg(register, 0);
  cpu.setReg(ESP, 0);
  cpu.eip = entry;
  cpu.eflags = EFLAGS_FIXED;
}
