// Brings the machine into the state in which the hypervisor starts: its page of the GDT, IDT, TSS, the mappings it has in
// every address space, and the frame table. This is boot work done before time begins, so it is not charged
// (SDM Vol. 3 "Processor Management and Initialization").

import type { Machine } from '../../../pc/machine.ts';
import { GUEST_BASE } from '../../host-memory.ts';
import { loadHostSegments, prepareApic, TSS_LIMIT } from '../../host-setup.ts';
import { CR0_ET, CR0_NE, CR0_PE, CR0_PG, CR0_WP, CR4_PGE, CR4_PSE } from '../../vcpu.ts';
import {
  FIRST_RESERVED_GDT_PAGE,
  FLAT_RING1_CS,
  FLAT_RING1_DS,
  FLAT_RING3_CS,
  FLAT_RING3_DS,
  HYPERVISOR_FIRST_SLOT,
} from '../../xen/abi.ts';
import { HYPERCALL_VECTOR } from '../../xen/hypercalls.ts';
import { flatSegment } from './descriptors.ts';
import type { FrameTable } from './frame-table.ts';
import { OWNER_GUEST, OWNER_XEN } from './frame-table.ts';
import {
  DOMAIN_LINEAR,
  DOMAIN_TABLE_OFFSET,
  DOORWAY_OFFSET,
  FRAME_EIP,
  GDT_LINEAR,
  GDT_PAGE_OFFSET,
  IDLE_OFFSET,
  IDT_OFFSET,
  M2P_LINEAR,
  M2P_PHYSICAL,
  M2P_TABLE_OFFSET,
  SHARED_INFO_MFN,
  STACK_TOP_OFFSET,
  TSS_OFFSET,
  XEN_CS,
  XEN_DS,
  XEN_LINEAR,
  XEN_PHYSICAL,
  XEN_TSS,
  xenLinear,
  xenPhysical,
  ZERO_PAGE_OFFSET,
} from './layout.ts';

const ENTRY_TABLE = 0x23; // present, writable, accessed
const ENTRY_LARGE = 0x1e3; // present, writable, accessed, dirty, large, global
const ENTRY_READ_ONLY = 0x121; // present, accessed, global
/** Present, writable, accessed, dirty: per-domain mappings change, so they are not global. */
export const ENTRY_DOMAIN = 0x63;
/** As long as the guest's GDT has the hypervisor's page at its end. */
export const GDT_LIMIT = (FIRST_RESERVED_GDT_PAGE + 1) * 0x1000 - 1;

/** The directory entries from slot HYPERVISOR_FIRST_SLOT on. */
export function hypervisorEntries(): number[] {
  const entries = new Array<number>(1024 - HYPERVISOR_FIRST_SLOT).fill(0);
  const set = (linear: number, entry: number): void => {
    entries[(linear >>> 22) - HYPERVISOR_FIRST_SLOT] = entry;
  };
  set(M2P_LINEAR, xenPhysical(M2P_TABLE_OFFSET) | ENTRY_TABLE);
  set(XEN_LINEAR, XEN_PHYSICAL | ENTRY_LARGE);
  set(DOMAIN_LINEAR, xenPhysical(DOMAIN_TABLE_OFFSET) | ENTRY_TABLE);
  return entries;
}

/** The IDT gate that leads to the doorway. */
export function hypervisorGate(vector: number): [low: number, high: number] {
  const offset = xenLinear(DOORWAY_OFFSET) + vector;
  const dpl = vector === 3 || vector === 4 ? 3 : vector === HYPERCALL_VECTOR ? 1 : 0;
  return [((offset & 0xffff) | (XEN_CS << 16)) >>> 0, ((offset & 0xffff_0000) | 0x8e00 | (dpl << 13)) >>> 0];
}

/** Prepares everything; paging is off until `startHost`. */
export function prepareHost(machine: Machine, frames: FrameTable): void {
  const ram = machine.cpu.ram;
  const memory = new DataView(ram.buffer, ram.byteOffset, ram.byteLength);
  const store = (at: number, value: number): void => memory.setUint32(at, value, true);
  writeGdtPage(store);
  for (let vector = 0; vector < 256; vector++) {
    const [low, high] = hypervisorGate(vector);
    store(xenPhysical(IDT_OFFSET) + vector * 8, low);
    store(xenPhysical(IDT_OFFSET) + vector * 8 + 4, high);
  }
  const tss = xenPhysical(TSS_OFFSET);
  store(tss + 4, xenLinear(STACK_TOP_OFFSET));
  store(tss + 8, XEN_DS);
  // No I/O permission bitmap: every port access outside ring 0 faults.
  store(tss + 100, (TSS_LIMIT + 1) << 16);
  store(xenPhysical(IDLE_OFFSET), 0x00fd_ebf4); // hlt; jmp $-1
  for (let page = 0; page * 0x1000 < frames.frames * 4; page++) {
    store(xenPhysical(M2P_TABLE_OFFSET) + page * 4, (M2P_PHYSICAL + page * 0x1000) | ENTRY_READ_ONLY);
  }
  for (let page = 0; page < FIRST_RESERVED_GDT_PAGE; page++) {
    store(xenPhysical(DOMAIN_TABLE_OFFSET) + page * 4, xenPhysical(ZERO_PAGE_OFFSET) | ENTRY_READ_ONLY);
  }
  store(xenPhysical(DOMAIN_TABLE_OFFSET) + FIRST_RESERVED_GDT_PAGE * 4, xenPhysical(GDT_PAGE_OFFSET) | ENTRY_DOMAIN);
  for (let mfn = 0; mfn < frames.frames; mfn++) {
    frames.assign(mfn, mfn < GUEST_BASE >>> 12 ? OWNER_XEN : OWNER_GUEST);
    store(M2P_PHYSICAL + mfn * 4, 0xffff_ffff);
  }
  frames.assign(SHARED_INFO_MFN, OWNER_GUEST);
  prepareApic(machine);
}

function writeGdtPage(store: (at: number, value: number) => void): void {
  const descriptor = (selector: number, low: number, high: number): void => {
    const at = xenPhysical(GDT_PAGE_OFFSET) + ((selector & 0xfff8) - FIRST_RESERVED_GDT_PAGE * 0x1000);
    store(at, low >>> 0);
    store(at + 4, high >>> 0);
  };
  descriptor(XEN_CS, 0x0000_ffff, 0x00cf_9b00);
  descriptor(XEN_DS, 0x0000_ffff, 0x00cf_9300);
  for (const [selector, dpl, type] of [
    [FLAT_RING1_CS, 1, 0xb],
    [FLAT_RING1_DS, 1, 3],
    [FLAT_RING3_CS, 3, 0xb],
    [FLAT_RING3_DS, 3, 3],
  ] as const) {
    const { low, high } = flatSegment(dpl, type);
    descriptor(selector, low, high);
  }
  const tss = xenLinear(TSS_OFFSET);
  descriptor(XEN_TSS, TSS_LIMIT | ((tss & 0xffff) << 16), ((tss >>> 16) & 0xff) | 0x8b00 | (tss & 0xff00_0000));
}

/** Puts the processor into ring 0 of the hypervisor, with the directory in frame `directory`. */
export function startHost(machine: Machine, directory: number): void {
  const { cpu } = machine;
  cpu.gdtr = { base: GDT_LINEAR, limit: GDT_LIMIT };
  cpu.idtr = { base: xenLinear(IDT_OFFSET), limit: 0x7ff };
  cpu.setDoorway(xenPhysical(DOORWAY_OFFSET) >>> 12);
  loadHostSegments(cpu, { code: XEN_CS, data: XEN_DS, task: XEN_TSS, taskBase: xenLinear(TSS_OFFSET) });
  cpu.setReg(4, FRAME_EIP);
  cpu.cr3 = directory * 0x1000;
  cpu.cr4 = CR4_PSE | CR4_PGE;
  cpu.cr0 = (CR0_PG | CR0_WP | CR0_NE | CR0_ET | CR0_PE) >>> 0;
  cpu.flushBlocks();
}
