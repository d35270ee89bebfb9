// The VMM in IA-32e mode. Only a host in IA-32e mode can have guests in it (SDM Vol. 3C "Checks Related to Address-Space
// Size"), and a VMM that serves 32-bit guests has no use for it: so the VMM is a 32-bit program until its guest asks for
// long mode. Then it leaves VMX operation, in which CR0.PG cannot be cleared, switches, and enters it again.

import { packDescriptor } from '../../host-setup.ts';
import type { Machine } from '../../../pc/machine.ts';
import * as F from '../../../cpu/vmcs-fields.ts';
import {
  AREA_OFFSET,
  DOORWAY_OFFSET,
  GDT_OFFSET,
  HOST_CODE,
  IDT_OFFSET,
  type PagePool,
  regionLinear,
  regionPhysical,
} from '../../host-memory.ts';
import {
  CR0_ET,
  CR0_NE,
  CR0_PE,
  CR0_PG,
  CR0_WP,
  EAX,
  ECX,
  EDX,
  EFER_LMA,
  EFER_LME,
  EFER_NXE,
  MSR_EFER,
} from '../../vcpu.ts';
import { entryControls, enterVmxOperation, exitControls, leaveVmxOperation } from './vmcs-setup.ts';

/** Present, writable, accessed. */
const TABLE = 0x23;
const CODE_64 = 0xa09b;
const INTERRUPT_GATE = 0x8e00;
const CR0 = (CR0_WP | CR0_NE | CR0_ET | CR0_PE) >>> 0;
const LONG_IDT_LIMIT = 0xfff;

/** Four-level tables over the page directory of the VMM region; the PML4 table's address. */
function createTables(machine: Machine, pool: PagePool, root: number): number {
  const { ram } = machine.cpu;
  const view = new DataView(ram.buffer, ram.byteOffset);
  const [top, pointers] = [pool.allocate()!, pool.allocate()!];
  for (const page of [top, pointers]) ram.fill(0, page, page + 0x1000);
  view.setUint32(top, pointers | TABLE, true);
  // PAE entries have no writable bit
  view.setUint32(pointers + 3 * 8, view.getUint32(root + 3 * 8, true) | TABLE, true);
  return top;
}

function writeDescriptors(machine: Machine): void {
  const { ram } = machine.cpu;
  const view = new DataView(ram.buffer, ram.byteOffset);
  const [low, high] = packDescriptor(0, 0xffff_ffff, CODE_64);
  const code = regionPhysical(GDT_OFFSET) + (HOST_CODE & 0xfff8);
  view.setUint32(code, low, true);
  view.setUint32(code + 4, high, true);
  for (let vector = 0; vector < 256; vector++) {
    const at = regionPhysical(IDT_OFFSET) + vector * 16;
    const offset = regionLinear(DOORWAY_OFFSET) + vector;
    view.setUint32(at, ((offset & 0xffff) | (HOST_CODE << 16)) >>> 0, true);
    view.setUint32(at + 4, ((offset & 0xffff_0000) | INTERRUPT_GATE) >>> 0, true);
    view.setUint32(at + 8, 0, true);
    view.setUint32(at + 12, 0, true);
  }
}

/** Takes the VMM into IA-32e mode and rewrites the VMCS for a 64-bit host; `root` are its PAE tables. */
export function becomeLongHost(machine: Machine, pool: PagePool, root: number): void {
  const access = machine.cpu.ring0;
  const saved = [EAX, ECX, EDX].map((n) => access.reg64(n));
  const top = createTables(machine, pool, root);
  writeDescriptors(machine);
  leaveVmxOperation(access);
  access.writeCr0(CR0);
  access.writeCr3(top);
  access.wrmsr(MSR_EFER, EFER_NXE | EFER_LME);
  access.writeCr0((CR0 | CR0_PG) >>> 0);
  // far jump into 64-bit code
  const target = regionLinear(DOORWAY_OFFSET);
  const bytes = [0, 8, 16, 24].map((shift) => (target >>> shift) & 0xff);
  access.execute([0xea, ...bytes, HOST_CODE & 0xff, HOST_CODE >> 8]);
  enterVmxOperation(access, false);
  access.vmwrite(F.F_HOST_CR3, top);
  access.vmwrite(F.F_HOST_EFER, EFER_NXE | EFER_LME | EFER_LMA);
  access.vmwrite(F.F_EXIT_CONTROLS, (exitControls('ept') | F.EXIT_HOST_64) >>> 0);
  access.vmwrite(F.F_ENTRY_CONTROLS, entryControls('ept') >>> 0);
  for (const [n, value] of saved.entries()) access.setReg64(n, value);
  // the upper half of the operand of LIDT
  access.store(regionLinear(AREA_OFFSET + 0xfe6), 4, 0);
  access.store(regionLinear(AREA_OFFSET + 0xfe0), 2, LONG_IDT_LIMIT);
}
