// Starts the domain: machine prepared, kernel built into its frames, virtual CPU at the entry point in ring 1 with
// start_info in ESI (Xen public header "xen.h", "Start-of-day memory layout"). Boot work, so it is not charged.

import type { BootOptions } from '../../../boot/multiboot.ts';
import { DEFAULT_DATE } from '../../../pc/platform.ts';
import { FLAG_IF } from '../../vcpu.ts';
import { FLAT_RING1_CS, FLAT_RING1_DS } from '../../xen/abi.ts';
import { parseXenImage, XenImageError } from '../../xen/elf-notes.ts';
import { DirectPaging } from './direct-paging.ts';
import { buildDomain } from './domain-builder.ts';
import { FrameTable, type MachineMemory } from './frame-table.ts';
import { hypervisorEntries, prepareHost, startHost } from './host.ts';
import { FRAME_TABLE_PHYSICAL, GUEST_SEGMENT_END } from './layout.ts';
import type { Xen } from './xen.ts';

const ESI = 6;
/** Access rights of the flat ring-1 data segment, as its descriptor says. */
const RIGHTS_DATA_1 = 0xc0b3;

/** Puts a kernel into the domain; throws XenImageError. */
export function startDomain(xen: Xen, file: Uint8Array, { commandLine = '', modules = [] }: BootOptions): void {
  const image = parseXenImage(file);
  if (modules.length > 1)
    throw new XenImageError(
      'several-modules',
      'A paravirtual kernel is given one module at most: start_info has no more.',
    );
  const { cpu, ramSize } = xen.machine;
  const view = new DataView(cpu.ram.buffer, cpu.ram.byteOffset, cpu.ram.byteLength);
  const memory: MachineMemory = {
    load: (at) => view.getUint32(at, true),
    store: (at, value) => view.setUint32(at, value >>> 0, true),
  };
  const frames = new FrameTable(memory, FRAME_TABLE_PHYSICAL, ramSize >>> 12);
  prepareHost(xen.machine, frames);
  const { state, frame } = xen;
  state.consolePort = xen.events.bind({ kind: 'console' })!;
  const entries = hypervisorEntries();
  const paging = new DirectPaging({ memory, frames, hypervisorEntries: entries, flushTlb: () => {}, event: () => {} });
  state.pages = xen.options.memory >>> 12;
  const built = buildDomain(image, {
    memory: view,
    frames: state.pages,
    paging,
    commandLine,
    module: modules[0]?.data ?? new Uint8Array(0),
    consolePort: state.consolePort,
    storePort: xen.events.bind({ kind: 'store' })!,
  });
  state.directory = built.directory;
  state.consoleMfn = built.consoleMfn;
  startHost(xen.machine, built.directory);
  for (const n of [0, 3, 4, 5]) {
    cpu.setSegment(n, { selector: FLAT_RING1_DS, rights: RIGHTS_DATA_1, base: 0, limit: GUEST_SEGMENT_END - 1 });
  }
  cpu.setReg(ESI, built.startInfo);
  xen.time.publish();
  xen.time.publishWallClock(Date.parse(DEFAULT_DATE) / 1000);
  frame.eip = built.entry;
  frame.cs = FLAT_RING1_CS;
  frame.eflags = FLAG_IF | 2;
  frame.esp = built.stack;
  frame.ss = FLAT_RING1_DS;
}
