// Builds a paravirtual domain before it starts: puts the kernel into its frames, fills in the hypercall page, the list of
// frames, start_info and the first page tables, and pins them (Xen public header "xen.h", "Start-of-day memory
// layout"). It stands for the tools of the control domain; nothing is charged.

import { GUEST_BASE } from '../../host-memory.ts';
import { GUEST_MAGIC, HYPERVISOR_FIRST_SLOT, SHARED_INFO, START_INFO, VCPU_INFO } from '../../xen/abi.ts';
import { type XenImage, XenImageError } from '../../xen/elf-notes.ts';
import { hypercallPage } from '../../xen/hypercalls.ts';
import type { DirectPaging } from './direct-paging.ts';
import { M2P_PHYSICAL, SHARED_INFO_MFN } from './layout.ts';

const PAGE = 0x1000;
const TABLE_SPAN = 0x40_0000;
/** Free bootstrap memory behind the last element. */
const PADDING = 0x8_0000;
const ENTRY_DATA = 0x63; // present, writable, accessed, dirty
const ENTRY_TABLE_PAGE = 0x21; // present, accessed: page tables are read-only
const ENTRY_DIRECTORY = 0x67; // present, writable, user, accessed, dirty

/** What the builder works with. */
export interface BuilderParts {
  /** All of machine memory. */
  readonly memory: DataView;
  /** Frames of the domain. */
  readonly frames: number;
  /** Page-table checks over uncharged memory. */
  readonly paging: DirectPaging;
  readonly commandLine: string;
  /** Follows the kernel; empty for none. */
  readonly module: Uint8Array;
  /** Event channel of the console ring. */
  readonly consolePort: number;
  /** Event channel of the store ring. */
  readonly storePort: number;
}

/** A domain ready to start. */
export interface BuiltDomain {
  readonly entry: number;
  /** Virtual addresses. */
  readonly startInfo: number;
  readonly stack: number;
  /** Frame of the first page directory, pinned and with a reference for the base pointer. */
  readonly directory: number;
  /** Frame of the console ring. */
  readonly consoleMfn: number;
  readonly end: number;
}

interface Layout {
  readonly module: number;
  readonly mfnList: number;
  readonly startInfo: number;
  readonly store: number;
  readonly console: number;
  readonly tables: number;
  readonly tableFrames: number;
  readonly stack: number;
  readonly end: number;
}

/** Machine frame of a pseudo-physical one: handed out from the top down, as from a real heap. */
export function machineFrame(pfn: number, frames: number): number {
  return GUEST_BASE / PAGE + (frames - 1 - pfn);
}

function align(address: number, to: number): number {
  return Math.ceil(address / to) * to;
}

function planLayout(image: XenImage, frames: number, moduleSize: number): Layout {
  const module = align(image.end, PAGE);
  const mfnList = align(module + moduleSize, PAGE);
  const startInfo = mfnList + align(frames * 4, PAGE);
  const tables = startInfo + 3 * PAGE;
  for (let tableFrames = 2; ; tableFrames++) {
    const stack = tables + tableFrames * PAGE;
    const end = align(stack + PAGE + PADDING, TABLE_SPAN);
    if (1 + (end - image.virtualBase) / TABLE_SPAN > tableFrames) continue;
    if (stack + PAGE - image.virtualBase > frames * PAGE) {
      throw new XenImageError(
        'too-big',
        'The kernel and its start-up tables do not fit into the memory of the domain.',
      );
    }
    const mapped = Math.min(end, image.virtualBase + frames * PAGE);
    return {
      module,
      mfnList,
      startInfo,
      store: startInfo + PAGE,
      console: startInfo + 2 * PAGE,
      tables,
      tableFrames,
      stack,
      end: mapped,
    };
  }
}

/** Builds the domain; throws XenImageError when it has no room. */
export function buildDomain(image: XenImage, parts: BuilderParts): BuiltDomain {
  const { memory, frames } = parts;
  const layout = planLayout(image, frames, parts.module.length);
  const mfnOf = (virtual: number): number => machineFrame((virtual - image.virtualBase) / PAGE, frames);
  const bytes = new Uint8Array(memory.buffer, memory.byteOffset, memory.byteLength);
  const write = (virtual: number, data: Uint8Array): void => {
    for (let at = 0; at < data.length; ) {
      const offset = (virtual + at) & (PAGE - 1);
      const length = Math.min(PAGE - offset, data.length - at);
      bytes.set(data.subarray(at, at + length), mfnOf(virtual + at - offset) * PAGE + offset);
      at += length;
    }
  };
  for (const segment of image.segments) write(segment.virtualAddress, segment.bytes);
  if (image.hypercallPage !== undefined) write(image.hypercallPage, hypercallPage());
  write(layout.module, parts.module);
  const list = new Uint32Array(frames);
  for (let pfn = 0; pfn < frames; pfn++) {
    list[pfn] = machineFrame(pfn, frames);
    memory.setUint32(M2P_PHYSICAL + list[pfn]! * 4, pfn, true);
  }
  write(layout.mfnList, new Uint8Array(list.buffer));
  write(layout.startInfo, startInfo(layout, parts, mfnOf));
  const directory = writeTables(image.virtualBase, layout, memory, mfnOf);
  writeSharedInfo(memory, frames);
  const refusal = parts.paging.pin(directory, 2) ?? parts.paging.getPageAndType(directory, 'l2');
  if (refusal !== undefined) throw new Error(`the first page tables were refused: ${refusal}`);
  return {
    entry: image.entry,
    startInfo: layout.startInfo,
    stack: layout.stack + PAGE,
    directory,
    consoleMfn: mfnOf(layout.console),
    end: layout.end,
  };
}

function startInfo(layout: Layout, parts: BuilderParts, mfnOf: (virtual: number) => number): Uint8Array {
  const bytes = new Uint8Array(PAGE);
  const view = new DataView(bytes.buffer);
  const text = (at: number, value: string, room: number): void => {
    for (let i = 0; i < Math.min(value.length, room - 1); i++) bytes[at + i] = value.charCodeAt(i);
  };
  text(START_INFO.magic, GUEST_MAGIC, 32);
  text(START_INFO.commandLine, parts.commandLine, START_INFO.commandLineSize);
  view.setUint32(START_INFO.nrPages, parts.frames, true);
  view.setUint32(START_INFO.sharedInfo, SHARED_INFO_MFN * PAGE, true);
  view.setUint32(START_INFO.storeMfn, mfnOf(layout.store), true);
  view.setUint32(START_INFO.storeEventChannel, parts.storePort, true);
  view.setUint32(START_INFO.consoleMfn, mfnOf(layout.console), true);
  view.setUint32(START_INFO.consoleEventChannel, parts.consolePort, true);
  view.setUint32(START_INFO.ptBase, layout.tables, true);
  view.setUint32(START_INFO.nrPtFrames, layout.tableFrames, true);
  view.setUint32(START_INFO.mfnList, layout.mfnList, true);
  if (parts.module.length > 0) {
    view.setUint32(START_INFO.modStart, layout.module, true);
    view.setUint32(START_INFO.modLength, parts.module.length, true);
  }
  return bytes;
}

/** Directory first, then its tables. Returns the directory's frame. */
function writeTables(base: number, layout: Layout, memory: DataView, mfnOf: (virtual: number) => number): number {
  const directory = mfnOf(layout.tables);
  const tablesEnd = layout.tables + layout.tableFrames * PAGE;
  for (let span = base, n = 1; span < layout.end; span += TABLE_SPAN, n++) {
    const table = mfnOf(layout.tables + n * PAGE);
    memory.setUint32(directory * PAGE + (span >>> 22) * 4, table * PAGE + ENTRY_DIRECTORY, true);
    for (let virtual = span; virtual < Math.min(span + TABLE_SPAN, layout.end); virtual += PAGE) {
      const flags = virtual >= layout.tables && virtual < tablesEnd ? ENTRY_TABLE_PAGE : ENTRY_DATA;
      memory.setUint32(table * PAGE + ((virtual >>> 12) & 0x3ff) * 4, mfnOf(virtual) * PAGE + flags, true);
    }
  }
  if (base >>> 22 >= HYPERVISOR_FIRST_SLOT) throw new XenImageError('bad-note', 'VIRT_BASE lies in the hypervisor.');
  return directory;
}

/** Everything masked: the guest unmasks when it has handlers. */
function writeSharedInfo(memory: DataView, frames: number): void {
  const shared = SHARED_INFO_MFN * PAGE;
  memory.setUint8(shared + VCPU_INFO.upcallMask, 1);
  for (let word = 0; word < 32; word++) memory.setUint32(shared + SHARED_INFO.eventMask + word * 4, 0xffff_ffff, true);
  memory.setUint32(shared + SHARED_INFO.archMaxPfn, frames, true);
}
