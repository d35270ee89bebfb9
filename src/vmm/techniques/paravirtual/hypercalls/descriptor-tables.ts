// set_gdt, update_descriptor and MMUEXT_SET_LDT: descriptor tables. Their frames are checked, and cannot be written by the
// guest while they are in use (Xen public header "xen.h").

import { FIRST_RESERVED_GDT_ENTRY, FIRST_RESERVED_GDT_PAGE, HYPERVISOR_VIRT_START } from '../../../xen/abi.ts';
import { EFAULT, EINVAL } from '../../../xen/errno.ts';
import { checkDescriptor } from '../descriptors.ts';
import type { Refusal } from '../direct-paging.ts';
import { ENTRY_DOMAIN } from '../host.ts';
import {
  DOMAIN_TABLE_OFFSET,
  GDT_LINEAR,
  GDT_PAGE_OFFSET,
  LDT_LINEAR,
  LDT_PAGES,
  XEN_LDT,
  xenPhysical,
  ZERO_PAGE_OFFSET,
} from '../layout.ts';
import type { Xen } from '../xen.ts';
import { refuse } from './mmu.ts';

const DESCRIPTORS_PER_PAGE = 512;
const CHECK_WORK = 6;
const ZERO_PAGE_ENTRY = xenPhysical(ZERO_PAGE_OFFSET) | 0x21;

/** set_gdt(frame list, entries). */
export function setGdt(xen: Xen, args: readonly number[]): number {
  const [list, entries] = args as [number, number];
  if (entries > FIRST_RESERVED_GDT_ENTRY) return -EINVAL;
  const frames = xen.copy.readWords(list, Math.ceil(entries / DESCRIPTORS_PER_PAGE));
  if (frames === undefined) return -EFAULT;
  const refusal = takeFrames(xen, frames);
  if (refusal !== undefined) return refuse(xen, refusal, 'set_gdt');
  const old = xen.state.gdtFrames;
  xen.state.gdtFrames = frames;
  mapFrames(xen, frames, GDT_LINEAR, FIRST_RESERVED_GDT_PAGE);
  for (const mfn of old) xen.paging.putPageAndType(mfn);
  return 0;
}

/** MMUEXT_SET_LDT: linear address and number of entries. */
export function setLdt(xen: Xen, linear: number, entries: number): number {
  if (entries > 8192 || (linear & 0xfff) !== 0 || linear + entries * 8 > HYPERVISOR_VIRT_START) return -EINVAL;
  const frames: number[] = [];
  for (let page = 0; page < Math.ceil(entries / DESCRIPTORS_PER_PAGE); page++) {
    const at = xen.paging.entryAddress(xen.state.directory, linear + page * 0x1000);
    const entry = at === undefined ? 0 : xen.memory.load(at);
    if ((entry & 1) === 0) return refuse(xen, 'no mapping there', 'set_ldt');
    frames.push(entry >>> 12);
  }
  const refusal = takeFrames(xen, frames);
  if (refusal !== undefined) return refuse(xen, refusal, 'set_ldt');
  const old = xen.state.ldtFrames;
  xen.state.ldtFrames = frames;
  mapFrames(xen, frames, LDT_LINEAR, LDT_PAGES);
  const at = xenPhysical(GDT_PAGE_OFFSET) + (XEN_LDT - FIRST_RESERVED_GDT_PAGE * 0x1000);
  xen.memory.store(at, (((LDT_LINEAR & 0xffff) << 16) | Math.max(entries * 8 - 1, 0)) >>> 0);
  xen.memory.store(at + 4, (((LDT_LINEAR >>> 16) & 0xff) | 0x8200 | (LDT_LINEAR & 0xff00_0000)) >>> 0);
  xen.cpu.lldt(entries === 0 ? 0 : XEN_LDT);
  for (const mfn of old) xen.paging.putPageAndType(mfn);
  return 0;
}

/** Takes a use of each frame as a descriptor table, all or none. */
function takeFrames(xen: Xen, frames: readonly number[]): Refusal | undefined {
  for (const [i, mfn] of frames.entries()) {
    let refusal = xen.paging.getPageAndType(mfn, 'segment');
    if (refusal === undefined) {
      refusal = checkFrame(xen, mfn);
      if (refusal !== undefined) xen.paging.putPageAndType(mfn);
    }
    if (refusal === undefined) continue;
    for (const taken of frames.slice(0, i)) xen.paging.putPageAndType(taken);
    return refusal;
  }
  return undefined;
}

/** Checks 512 descriptors, and cuts those that reach too far. */
function checkFrame(xen: Xen, mfn: number): Refusal | undefined {
  const { memory, cpu } = xen;
  xen.counters.add('paging', 'validate descriptors');
  for (let at = mfn * 0x1000; at < (mfn + 1) * 0x1000; at += 8) {
    const low = memory.load(at);
    const high = memory.load(at + 4);
    if ((high & 0x8000) === 0) continue;
    cpu.charge('alu', CHECK_WORK);
    const checked = checkDescriptor({ low, high });
    if (checked === undefined) return 'bad descriptor';
    if (checked.low !== low) memory.store(at, checked.low);
    if (checked.high !== high) memory.store(at + 4, checked.high);
  }
  xen.frames.validated(mfn);
  return undefined;
}

function mapFrames(xen: Xen, frames: readonly number[], linear: number, pages: number): void {
  const first = xenPhysical(DOMAIN_TABLE_OFFSET) + ((linear >>> 12) & 0x3ff) * 4;
  for (let page = 0; page < pages; page++) {
    const mfn = frames[page];
    const entry = mfn === undefined ? ZERO_PAGE_ENTRY : mfn * 0x1000 + ENTRY_DOMAIN;
    if (xen.memory.load(first + page * 4) >>> 12 === entry >>> 12) continue;
    xen.memory.store(first + page * 4, entry);
    xen.invlpg(linear + page * 0x1000);
  }
}

/** update_descriptor(machine address, high, descriptor, high). */
export function updateDescriptor(xen: Xen, args: readonly number[]): number {
  const [at, atHigh, low, high] = args as [number, number, number, number];
  xen.cpu.charge('alu', CHECK_WORK);
  const what = `descriptor at 0x${at.toString(16)}`;
  if ((at & 7) !== 0) return -EINVAL;
  const mfn = at >>> 12;
  if (atHigh !== 0 || !xen.frames.isFrame(mfn)) return refuse(xen, 'no such frame', what);
  const checked = checkDescriptor({ low, high });
  if (checked === undefined) return refuse(xen, 'bad descriptor', what);
  if (!xen.frames.get(mfn)) return refuse(xen, 'foreign frame', what);
  const isTable = xen.frames.type(mfn) === 'segment' && xen.frames.typeCount(mfn) > 0;
  const refusal = isTable ? undefined : xen.paging.getPageAndType(mfn, 'writable');
  if (refusal === undefined) {
    xen.counters.add('paging', 'descriptor update');
    xen.memory.store(at, checked.low);
    xen.memory.store(at + 4, checked.high);
    if (!isTable) xen.paging.putPageAndType(mfn);
  }
  xen.frames.put(mfn);
  return refusal === undefined ? 0 : refuse(xen, refusal, what);
}
