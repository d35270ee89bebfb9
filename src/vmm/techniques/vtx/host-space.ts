// The VMM's own address space. VM exits switch CR3, so nothing of the VMM lies in the guest's: no segment truncation,
// no collisions. Only the VMM region at the top of the linear addresses is mapped.

import type { Machine } from '../../../pc/machine.ts';
import type { PagePool } from '../../host-memory.ts';
import { prepareHost, startPaging } from '../../host-setup.ts';
import { CR4_PAE, CR4_PGE } from '../../vcpu.ts';
import { CR4_VMXE } from './vmcs-setup.ts';

const PRESENT = 0x01;
/** Present, writable, accessed. */
const TABLE = 0x23;

/** Turns paging on with page tables of the VMM alone; returns their root. VMX operation is allowed afterwards. */
export function createHostSpace(machine: Machine, pool: PagePool): number {
  const { cpu } = machine;
  const tables = prepareHost(machine, pool, () => 0);
  const root = pool.allocate()!;
  const directory = pool.allocate()!;
  for (const page of [root, directory]) cpu.ram.fill(0, page, page + 0x1000);
  const view = new DataView(cpu.ram.buffer, cpu.ram.byteOffset);
  view.setUint32(root + 3 * 8, directory | PRESENT, true);
  tables.forEach((table, n) => {
    view.setUint32(directory + (510 + n) * 8, table | TABLE, true);
  });
  startPaging(machine, root);
  cpu.cr4 = CR4_PAE | CR4_PGE | CR4_VMXE;
  cpu.ring0.writeCr3(root);
  return root;
}
