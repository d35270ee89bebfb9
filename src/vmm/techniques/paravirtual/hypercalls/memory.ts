// memory_op: how much memory the domain has, and giving some back (Xen public header "memory.h").

import {
  DOMID_SELF,
  MACH2PHYS_VIRT_END,
  MACH2PHYS_VIRT_START,
  XENMEM_CURRENT_RESERVATION,
  XENMEM_DECREASE_RESERVATION,
  XENMEM_INCREASE_RESERVATION,
  XENMEM_MACHPHYS_MAPPING,
  XENMEM_MAXIMUM_RAM_PAGE,
  XENMEM_MAXIMUM_RESERVATION,
  XENMEM_MEMORY_MAP,
  XENMEM_POPULATE_PHYSMAP,
} from '../../../xen/abi.ts';
import { EFAULT, EINVAL, ENOSYS, EPERM } from '../../../xen/errno.ts';
import { OWNER_GUEST, OWNER_XEN } from '../frame-table.ts';
import { M2P_PHYSICAL } from '../layout.ts';
import type { Xen } from '../xen.ts';

const COMMAND_MASK = 0x3f;
/** Frames done in one call; the result says how many were. */
const FRAMES_AT_ONCE = 512;

/** memory_op(command, argument). */
export function memoryOp(xen: Xen, args: readonly number[]): number {
  const [word, argument] = args as [number, number];
  const command = word & COMMAND_MASK;
  const total = xen.options.memory >>> 12;
  switch (command) {
    case XENMEM_MAXIMUM_RAM_PAGE:
      return xen.frames.frames - 1;
    case XENMEM_CURRENT_RESERVATION:
      return xen.state.pages;
    case XENMEM_MAXIMUM_RESERVATION:
      return total;
    case XENMEM_MACHPHYS_MAPPING:
      return xen.copy.writeWords(argument, [MACH2PHYS_VIRT_START, MACH2PHYS_VIRT_END, xen.frames.frames - 1])
        ? 0
        : -EFAULT;
    case XENMEM_MEMORY_MAP:
      return memoryMap(xen, argument, total);
    case XENMEM_DECREASE_RESERVATION:
    case XENMEM_INCREASE_RESERVATION:
    case XENMEM_POPULATE_PHYSMAP:
      return reservation(xen, command, argument);
    default:
      xen.warn(`The guest used memory_op command ${command}, which is not available; it got ENOSYS.`);
      return -ENOSYS;
  }
}

/** {entries, buffer}: one e820 entry, all of memory. */
function memoryMap(xen: Xen, argument: number, pages: number): number {
  const words = xen.copy.readWords(argument, 2);
  if (words === undefined) return -EFAULT;
  if (words[0]! < 1) return -EINVAL;
  const bytes = pages * 0x1000;
  const done = xen.copy.writeWords(words[1]!, [0, 0, bytes >>> 0, 0, 1]) && xen.copy.write(argument, 1);
  return done ? 0 : -EFAULT;
}

/** {extents, count, order, address bits, domain}: frames of one page each. Returns how many were done. */
function reservation(xen: Xen, command: number, argument: number): number {
  const words = xen.copy.readWords(argument, 5);
  if (words === undefined) return -EFAULT;
  const [list, count, order, , domain] = words as [number, number, number, number, number];
  if ((domain & 0xffff) !== DOMID_SELF) return -EPERM;
  if (order !== 0) return -EINVAL;
  for (let i = 0; i < count; i++) {
    if (i === FRAMES_AT_ONCE) return i;
    const at = list + i * 4;
    const frame = xen.copy.read(at);
    if (frame === undefined) return i;
    if (command === XENMEM_DECREASE_RESERVATION) {
      if (!giveBack(xen, frame)) return i;
      continue;
    }
    const mfn = xen.state.freeFrames.pop();
    if (mfn === undefined) return i;
    xen.frames.assign(mfn, OWNER_GUEST);
    for (let offset = 0; offset < 0x1000; offset += 4) xen.memory.store(mfn * 0x1000 + offset, 0);
    xen.memory.store(M2P_PHYSICAL + mfn * 4, command === XENMEM_POPULATE_PHYSMAP ? frame : 0xffff_ffff);
    xen.state.pages++;
    if (!xen.copy.write(at, mfn)) return i;
  }
  return count;
}

/** A frame that nothing refers to goes back to the hypervisor. */
function giveBack(xen: Xen, mfn: number): boolean {
  const { frames } = xen;
  const isOwn = frames.isFrame(mfn) && frames.owner(mfn) === OWNER_GUEST && mfn !== xen.state.consoleMfn;
  if (!isOwn || frames.references(mfn) !== 1 || frames.typeCount(mfn) !== 0 || mfn < 0x1000) {
    xen.counters.add('paging', 'refused: frame is in use');
    return false;
  }
  xen.paging.flush();
  frames.assign(mfn, OWNER_XEN);
  xen.memory.store(M2P_PHYSICAL + mfn * 4, 0xffff_ffff);
  xen.state.freeFrames.push(mfn);
  xen.state.pages--;
  return true;
}
