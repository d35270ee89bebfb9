// Loads a kernel the way a multiboot-1 boot loader does: ELF or the header's own addresses (the "a.out kludge"), with
// command line, modules and memory map. Nothing is written to memory before the whole image was checked.
// Truth: Multiboot Specification version 0.6.96, "OS image format" and "Boot information format".

import { BootError } from './boot-error.ts';
import { isElf, parseElf32, PT_LOAD, viewOf } from './elf.ts';
import { BOOT_INFO_BASE, BOOT_INFO_END, writeBootInfo } from './multiboot-info.ts';

/** What EAX holds when the kernel is entered. */
export const MULTIBOOT_MAGIC = 0x2badb002;

const HEADER_MAGIC = 0x1badb002;
/** The header lies within this many bytes from the start of the image. */
const HEADER_SEARCH = 8192;
const FLAG_VIDEO_MODE = 1 << 2;
const FLAG_ADDRESSES = 1 << 16;
/** Flags 15:0 are demands: page-aligned modules and memory information can be met. */
const FLAGS_MET = 0x0003;
const PAGE_SIZE = 4096;

/** A file that goes along with the kernel. */
export interface BootModule {
  readonly data: Uint8Array;
  /** Its command line. */
  readonly text: string;
}

/** What the kernel is given besides itself. */
export interface BootOptions {
  readonly commandLine?: string;
  readonly modules?: readonly BootModule[];
}

/** Where things ended up, in physical addresses. */
export interface LoadedImage {
  readonly entry: number;
  /** The boot information structure. */
  readonly info: number;
  /** First address after kernel and modules. */
  readonly end: number;
}

/** A part of the image and where it goes; `size` beyond the data is zeroed. */
interface Piece {
  readonly name: string;
  readonly address: number;
  readonly size: number;
  readonly data: Uint8Array;
}

interface Plan {
  readonly entry: number;
  readonly pieces: readonly Piece[];
}

/** Refuses a file by its size alone, before it is read. */
export function checkImageSize(size: number, memorySize: number): void {
  if (size === 0) {
    throw new BootError('empty', 'The image is empty (0 bytes); it should be a kernel with a multiboot header.');
  }
  if (size > memorySize) {
    const message = `The image has ${size} bytes and the machine only ${memorySize} bytes of memory; it needs more memory than the image is long.`;
    throw new BootError('too-large', message);
  }
}

/** Loads `image` into `memory`, whose first byte is physical address 0. */
export function loadMultiboot(image: Uint8Array, memory: Uint8Array, options: BootOptions = {}): LoadedImage {
  checkImageSize(image.length, memory.length);
  const header = findHeader(image);
  const plan = header.hasAddresses ? planByAddresses(image, header.at) : planByElf(image);
  checkPlan(plan, memory.length);

  const kernelEnd = Math.max(...plan.pieces.map((piece) => piece.address + piece.size));
  const modules = placeModules(options.modules ?? [], kernelEnd, memory.length);
  const end = modules.reduce((last, module) => Math.max(last, module.address + module.size), kernelEnd);
  const info = writeBootInfo(memory, {
    commandLine: options.commandLine ?? '',
    modules: modules.map(({ name, address, size }) => ({ text: name, start: address, end: address + size })),
  });
  for (const piece of [...plan.pieces, ...modules]) {
    memory.fill(0, piece.address + piece.data.length, piece.address + piece.size);
    memory.set(piece.data, piece.address);
  }
  return { entry: plan.entry, info, end };
}

function findHeader(image: Uint8Array): { at: number; hasAddresses: boolean } {
  const view = viewOf(image);
  let isDamaged = false;
  for (let at = 0; at + 12 <= Math.min(image.length, HEADER_SEARCH); at += 4) {
    if (view.getUint32(at, true) !== HEADER_MAGIC) continue;
    const flags = view.getUint32(at + 4, true);
    if ((HEADER_MAGIC + flags + view.getUint32(at + 8, true)) % 2 ** 32 !== 0) {
      isDamaged = true;
      continue;
    }
    checkFlags(flags);
    return { at, hasAddresses: (flags & FLAG_ADDRESSES) !== 0 };
  }
  if (isDamaged) {
    const message = 'The multiboot header has a wrong checksum: magic, flags and checksum should add up to zero.';
    throw new BootError('bad-checksum', message);
  }
  // A file cut off before its header is told so, not that it never had one.
  if (isElf(image) && image.length < HEADER_SEARCH) planByElf(image);
  const kind = isElf(image) ? 'ELF image' : 'image';
  const message = `The ${kind} has no multiboot header: the magic number 0x1badb002 should stand in its first 8192 bytes.`;
  throw new BootError('no-header', message);
}

function checkFlags(flags: number): void {
  const unmet = flags & 0xffff & ~FLAGS_MET;
  if (unmet === 0) return;
  const what =
    unmet === FLAG_VIDEO_MODE
      ? 'a video mode (flag 2), and the machine has no display'
      : `features this loader does not have (flags 0x${unmet.toString(16)})`;
  throw new BootError('unsupported-flags', `The multiboot header demands ${what}; only flags 0 and 1 can be met.`);
}

function planByElf(image: Uint8Array): Plan {
  if (!isElf(image)) {
    const message =
      'The image is no ELF file and its multiboot header gives no addresses; it should be one or the other (flag 16).';
    throw new BootError('bad-addresses', message);
  }
  const { entry, segments } = parseElf32(image);
  const pieces: Piece[] = [];
  segments.forEach((segment, index) => {
    if (segment.type !== PT_LOAD || segment.memorySize === 0) return;
    pieces.push({
      name: `segment ${index}`,
      address: segment.physicalAddress,
      size: segment.memorySize,
      data: image.subarray(segment.offset, segment.offset + segment.fileSize),
    });
  });
  if (pieces.length === 0) {
    throw new BootError('nothing-to-load', 'The ELF image has no loadable segment; a kernel needs at least one.');
  }
  return { entry: physicalEntry(entry, segments), pieces };
}

/** A kernel may be linked at one address and loaded at another; the entry point is then a virtual address. */
function physicalEntry(entry: number, segments: ReturnType<typeof parseElf32>['segments']): number {
  const loads = segments.filter((segment) => segment.type === PT_LOAD);
  const isIn = (start: number, size: number): boolean => entry >= start && entry < start + size;
  if (loads.some((segment) => isIn(segment.physicalAddress, segment.memorySize))) return entry;
  const home = loads.find((segment) => isIn(segment.virtualAddress, segment.memorySize));
  return home === undefined ? entry : entry - home.virtualAddress + home.physicalAddress;
}

function planByAddresses(image: Uint8Array, header: number): Plan {
  if (header + 32 > image.length) {
    const message = `The image is cut short: its multiboot header ends at byte ${header + 32} and the file at ${image.length}.`;
    throw new BootError('truncated', message);
  }
  const view = viewOf(image);
  const [headerAddress, loadAddress, loadEnd, bssEnd, entry] = [12, 16, 20, 24, 28].map((offset) =>
    view.getUint32(header + offset, true),
  ) as [number, number, number, number, number];
  const offset = header - (headerAddress - loadAddress);
  if (headerAddress < loadAddress || offset < 0) {
    const message = `The multiboot header says it is loaded at ${hex(headerAddress)}, which does not fit a load address of ${hex(loadAddress)}.`;
    throw new BootError('bad-addresses', message);
  }
  const size = loadEnd === 0 ? image.length - offset : loadEnd - loadAddress;
  if (size <= 0 || (bssEnd !== 0 && bssEnd < loadAddress + size)) {
    const message = `The addresses in the multiboot header are out of order: load ${hex(loadAddress)}, load end ${hex(loadEnd)}, bss end ${hex(bssEnd)} should ascend.`;
    throw new BootError('bad-addresses', message);
  }
  if (offset + size > image.length) {
    const message = `The image is cut short: its multiboot header asks for bytes up to ${offset + size} and the file has ${image.length}.`;
    throw new BootError('truncated', message);
  }
  const total = bssEnd === 0 ? size : bssEnd - loadAddress;
  const data = image.subarray(offset, offset + size);
  return { entry, pieces: [{ name: 'the image', address: loadAddress, size: total, data }] };
}

function checkPlan(plan: Plan, memorySize: number): void {
  const sorted = [...plan.pieces].sort((a, b) => a.address - b.address);
  sorted.forEach((piece, index) => {
    const end = piece.address + piece.size;
    const where = `${piece.name} wants the addresses ${hex(piece.address)} to ${hex(end)}`;
    if (end > memorySize) {
      const message = `The image does not fit: ${where}, and memory ends at ${hex(memorySize)}.`;
      throw new BootError('outside-memory', message);
    }
    if (piece.address < BOOT_INFO_END && end > BOOT_INFO_BASE) {
      const message = `The image does not fit: ${where}, where the boot information lies (${hex(BOOT_INFO_BASE)} to ${hex(BOOT_INFO_END)}); it should be linked at 1 MiB or above.`;
      throw new BootError('overlap', message);
    }
    const next = sorted[index + 1];
    if (next !== undefined && next.address < end) {
      const message = `The image does not fit: ${where}, and ${next.name} begins inside them at ${hex(next.address)}.`;
      throw new BootError('overlap', message);
    }
  });
  const isInside = sorted.some(({ address, size }) => plan.entry >= address && plan.entry < address + size);
  if (!isInside) {
    const message = `The entry point ${hex(plan.entry)} is in no part of the image that is loaded.`;
    throw new BootError('bad-entry', message);
  }
}

/** Modules follow the kernel, each on its own pages. */
function placeModules(modules: readonly BootModule[], after: number, memorySize: number): readonly Piece[] {
  let address = after;
  return modules.map((module, index) => {
    address = Math.ceil(address / PAGE_SIZE) * PAGE_SIZE;
    const piece = { name: module.text, address, size: module.data.length, data: module.data };
    address += module.data.length;
    if (address > memorySize) {
      const message = `Module ${index} (${module.data.length} bytes) does not fit: it would end at ${hex(address)}, and memory ends at ${hex(memorySize)}.`;
      throw new BootError('no-room-for-module', message);
    }
    return piece;
  });
}

function hex(value: number): string {
  return `0x${value.toString(16)}`;
}
