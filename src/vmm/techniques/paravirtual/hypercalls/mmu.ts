// mmu_update, update_va_mapping, mmuext_op: the guest's page tables (Xen public header "xen.h").

import {
  DOMID_SELF,
  HYPERVISOR_VIRT_START,
  MMU_MACHPHYS_UPDATE,
  MMU_NORMAL_PT_UPDATE,
  MMU_PT_UPDATE_PRESERVE_AD,
  MMU_UPDATE_PREEMPTED,
  MMU_UPDATE_SIZE,
  MMUEXT_CLEAR_PAGE,
  MMUEXT_COPY_PAGE,
  MMUEXT_FLUSH_CACHE,
  MMUEXT_INVLPG_ALL,
  MMUEXT_INVLPG_LOCAL,
  MMUEXT_INVLPG_MULTI,
  MMUEXT_NAMES,
  MMUEXT_NEW_BASEPTR,
  MMUEXT_OP_SIZE,
  MMUEXT_PIN_L1_TABLE,
  MMUEXT_PIN_L2_TABLE,
  MMUEXT_SET_LDT,
  MMUEXT_TLB_FLUSH_ALL,
  MMUEXT_TLB_FLUSH_LOCAL,
  MMUEXT_TLB_FLUSH_MULTI,
  MMUEXT_UNPIN_TABLE,
  UVMF_FLUSH_TYPE,
  UVMF_INVLPG,
  UVMF_TLB_FLUSH,
} from '../../../xen/abi.ts';
import { EFAULT, EINVAL, ENOSYS, EPERM } from '../../../xen/errno.ts';
import type { Refusal } from '../direct-paging.ts';
import { M2P_PHYSICAL } from '../layout.ts';
import type { Xen } from '../xen.ts';
import { setLdt } from './descriptor-tables.ts';

/** Work of one update beyond its memory accesses. */
const UPDATE_WORK = 8;

/** One entry into the hypervisor does so many updates (Barham et al. 2003, section 4.2: 2048, or 8 MiB of mappings). */
const UPDATES_AT_ONCE = 2048;

/** What is left of a list, and how much of it was done by calls before this one. */
function progress(xen: Xen, count: number, done: number): { total: number; before: number } {
  const isRest = (count & MMU_UPDATE_PREEMPTED) !== 0;
  const before = isRest && done !== 0 ? (xen.copy.read(done) ?? 0) : 0;
  return { total: (count & ~MMU_UPDATE_PREEMPTED) >>> 0, before };
}

/** Counts a refusal; the guest gets EINVAL. */
export function refuse(xen: Xen, refusal: Refusal, what: string): number {
  xen.counters.add('paging', `refused: ${refusal}`);
  xen.trace('paging', () => `refused ${what}: ${refusal}, at ${xen.where()}`);
  return -EINVAL;
}

const result = (xen: Xen, refusal: Refusal | undefined, what: string): number =>
  refusal === undefined ? 0 : refuse(xen, refusal, what);

/** mmu_update(requests, count, done, domain). */
export function mmuUpdate(xen: Xen, args: readonly number[]): number {
  const [requests, count, done, domain] = args as [number, number, number, number];
  if (domain !== DOMID_SELF && domain !== 0) return foreignDomain(xen, 'mmu_update');
  const { total, before } = progress(xen, count, done);
  let i = 0;
  let status = 0;
  for (; i < total; i++) {
    if (i > 0 && (i === UPDATES_AT_ONCE || xen.isOverdue())) {
      if (done !== 0 && !xen.copy.write(done, before + i)) return -EFAULT;
      xen.continueWith([requests + i * MMU_UPDATE_SIZE, (total - i) | MMU_UPDATE_PREEMPTED, done, domain]);
      return 0;
    }
    const request = xen.copy.readWords(requests + i * MMU_UPDATE_SIZE, 4);
    if (request === undefined) {
      status = -EFAULT;
      break;
    }
    const [pointer, pointerHigh, value, valueHigh] = request as [number, number, number, number];
    status =
      pointerHigh !== 0 || valueHigh !== 0 ? refuse(xen, 'no such frame', 'mmu_update') : update(xen, pointer, value);
    if (status !== 0) break;
  }
  if (done !== 0 && !xen.copy.write(done, before + i)) return -EFAULT;
  return status;
}

function update(xen: Xen, pointer: number, value: number): number {
  xen.cpu.charge('alu', UPDATE_WORK);
  const command = pointer & 3;
  const at = (pointer & ~3) >>> 0;
  const mfn = at >>> 12;
  const what = `update of 0x${at.toString(16)} to 0x${value.toString(16)}`;
  if (!xen.frames.isFrame(mfn)) return refuse(xen, 'no such frame', what);
  if (!xen.frames.get(mfn)) return refuse(xen, 'foreign frame', what);
  let status: number;
  if (command === MMU_NORMAL_PT_UPDATE || command === MMU_PT_UPDATE_PRESERVE_AD) {
    status = result(xen, updateEntry(xen, at, value, command === MMU_PT_UPDATE_PRESERVE_AD), what);
  } else if (command === MMU_MACHPHYS_UPDATE) {
    xen.memory.store(M2P_PHYSICAL + mfn * 4, value);
    status = 0;
  } else {
    xen.warn(`The guest used mmu_update command ${command}, which does not exist; it got ENOSYS.`);
    status = -ENOSYS;
  }
  xen.frames.put(mfn);
  return status;
}

function updateEntry(xen: Xen, at: number, value: number, preserveAd: boolean): Refusal | undefined {
  const mfn = at >>> 12;
  const type = xen.frames.type(mfn);
  if ((type === 'l1' || type === 'l2') && xen.frames.typeCount(mfn) > 0) {
    xen.counters.add('paging', `${type} update`);
    return xen.paging.updateEntry(at, type, value, preserveAd);
  }
  // Not in use as a table: the guest's plain memory.
  const refusal = xen.paging.getPageAndType(mfn, 'writable');
  if (refusal !== undefined) return refusal;
  xen.memory.store(at, value);
  xen.paging.putPageAndType(mfn);
  return undefined;
}

/** update_va_mapping(address, entry, entry high, flags). */
export function updateVaMapping(xen: Xen, args: readonly number[]): number {
  const [address, entry, entryHigh, flags] = args as [number, number, number, number];
  xen.cpu.charge('alu', UPDATE_WORK);
  const what = `mapping of 0x${address.toString(16)} as 0x${entry.toString(16)}`;
  if (address >= HYPERVISOR_VIRT_START) return refuse(xen, 'hypervisor slot', what);
  if (entryHigh !== 0) return refuse(xen, 'no such frame', what);
  const at = xen.paging.entryAddress(xen.state.directory, address);
  if (at === undefined) return refuse(xen, 'no mapping there', what);
  xen.counters.add('paging', 'l1 update');
  const refusal = xen.paging.updateL1(at, entry, false);
  if (refusal !== undefined) return refuse(xen, refusal, what);
  const flush = flags & UVMF_FLUSH_TYPE;
  if (flush === UVMF_INVLPG) xen.invlpg(address);
  else if (flush === UVMF_TLB_FLUSH) xen.paging.flush();
  return 0;
}

/** mmuext_op(operations, count, done, domain). */
export function mmuextOp(xen: Xen, args: readonly number[]): number {
  const [operations, count, done, domain] = args as [number, number, number, number];
  if (domain !== DOMID_SELF && domain !== 0) return foreignDomain(xen, 'mmuext_op');
  const { total, before } = progress(xen, count, done);
  let i = 0;
  let status = 0;
  for (; i < total; i++) {
    if (i > 0 && xen.isOverdue()) {
      if (done !== 0 && !xen.copy.write(done, before + i)) return -EFAULT;
      xen.continueWith([operations + i * MMUEXT_OP_SIZE, (total - i) | MMU_UPDATE_PREEMPTED, done, domain]);
      return 0;
    }
    const operation = xen.copy.readWords(operations + i * MMUEXT_OP_SIZE, 3);
    if (operation === undefined) {
      status = -EFAULT;
      break;
    }
    status = extended(xen, operation[0]!, operation[1]!, operation[2]!);
    if (status !== 0) break;
  }
  if (done !== 0 && !xen.copy.write(done, before + i)) return -EFAULT;
  return status;
}

function extended(xen: Xen, command: number, argument: number, argument2: number): number {
  xen.cpu.charge('alu', UPDATE_WORK);
  const name = MMUEXT_NAMES[command] ?? `command ${command}`;
  xen.counters.add('paging', name);
  const what = `${name} of 0x${argument.toString(16)}`;
  switch (command) {
    case MMUEXT_PIN_L1_TABLE:
      return result(xen, xen.paging.pin(argument, 1), what);
    case MMUEXT_PIN_L2_TABLE:
      return result(xen, xen.paging.pin(argument, 2), what);
    case MMUEXT_UNPIN_TABLE:
      return result(xen, xen.paging.unpin(argument), what);
    case MMUEXT_NEW_BASEPTR:
      return newBasePointer(xen, argument, what);
    case MMUEXT_TLB_FLUSH_LOCAL:
    case MMUEXT_TLB_FLUSH_MULTI:
    case MMUEXT_TLB_FLUSH_ALL:
      xen.paging.flush();
      return 0;
    case MMUEXT_INVLPG_LOCAL:
    case MMUEXT_INVLPG_MULTI:
    case MMUEXT_INVLPG_ALL:
      if (argument < HYPERVISOR_VIRT_START) xen.invlpg(argument);
      return 0;
    case MMUEXT_FLUSH_CACHE:
      xen.cpu.charge('cache-control');
      return 0;
    case MMUEXT_SET_LDT:
      return setLdt(xen, argument, argument2);
    case MMUEXT_CLEAR_PAGE:
      return fillPage(xen, argument, undefined, what);
    case MMUEXT_COPY_PAGE:
      return fillPage(xen, argument, argument2, what);
    default:
      xen.warn(`The guest used mmuext_op ${name}, which two-level page tables do not have; it got ENOSYS.`);
      return -ENOSYS;
  }
}

/** A context switch: one hypercall, one write of CR3. */
export function newBasePointer(xen: Xen, mfn: number, what: string): number {
  const { state, paging } = xen;
  const refusal = paging.getPageAndType(mfn, 'l2');
  if (refusal !== undefined) return refuse(xen, refusal, what);
  const old = state.directory;
  state.directory = mfn;
  xen.cpu.writeCr3(mfn * 0x1000);
  xen.frames.staleWritable = false;
  paging.putPageAndType(old);
  return 0;
}

function fillPage(xen: Xen, mfn: number, source: number | undefined, what: string): number {
  const { memory, paging, frames } = xen;
  if (source !== undefined && !(frames.isFrame(source) && frames.get(source)))
    return refuse(xen, 'foreign frame', what);
  const refusal = paging.getPageAndType(mfn, 'writable');
  if (refusal === undefined) {
    for (let at = 0; at < 0x1000; at += 4) {
      memory.store(mfn * 0x1000 + at, source === undefined ? 0 : memory.load(source * 0x1000 + at));
    }
    paging.putPageAndType(mfn);
  }
  if (source !== undefined) frames.put(source);
  return result(xen, refusal, what);
}

function foreignDomain(xen: Xen, name: string): number {
  xen.counters.add('paging', 'refused: foreign domain');
  xen.trace('paging', () => `refused ${name} for another domain, at ${xen.where()}`);
  return -EPERM;
}
