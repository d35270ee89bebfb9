// What a paravirtual kernel says about itself in its ELF file: notes named "Xen" (Xen public header "elfnote.h"), or the
// older string in section __xen_guest ("VIRT_BASE=0xc0000000,HYPERCALL_PAGE=0x2,…").

export const XEN_ELFNOTE_ENTRY = 1;
export const XEN_ELFNOTE_HYPERCALL_PAGE = 2;
export const XEN_ELFNOTE_VIRT_BASE = 3;
export const XEN_ELFNOTE_PADDR_OFFSET = 4;
export const XEN_ELFNOTE_XEN_VERSION = 5;
export const XEN_ELFNOTE_GUEST_OS = 6;
export const XEN_ELFNOTE_GUEST_VERSION = 7;
export const XEN_ELFNOTE_LOADER = 8;
export const XEN_ELFNOTE_PAE_MODE = 9;
export const XEN_ELFNOTE_FEATURES = 10;

/** Mistakes in an image that is meant to be a paravirtual kernel. */
export type XenImageErrorCode =
  | 'not-elf'
  | 'not-paravirtual'
  | 'bad-note'
  | 'needs-feature'
  | 'too-big'
  | 'several-modules'
  | 'truncated';

/** The image cannot be started as a paravirtual guest; the message is a full sentence for the user. */
export class XenImageError extends Error {
  readonly code: XenImageErrorCode;

  constructor(code: XenImageErrorCode, message: string) {
    super(message);
    this.name = 'XenImageError';
    this.code = code;
  }
}

/** A loadable part of the image. */
export interface XenSegment {
  readonly virtualAddress: number;
  readonly bytes: Uint8Array;
  readonly memorySize: number;
}

/** The kernel as the domain builder needs it. */
export interface XenImage {
  readonly entry: number;
  readonly virtualBase: number;
  /** Virtual address of the page that receives the hypercall stubs. */
  readonly hypercallPage: number | undefined;
  readonly guestOs: string;
  readonly segments: readonly XenSegment[];
  /** First virtual address behind the image. */
  readonly end: number;
}

interface Notes {
  entry?: number;
  hypercallPage?: number;
  virtualBase?: number;
  guestOs?: string;
  pae?: string;
  features?: string;
  found: boolean;
}

/** Features a kernel may require (marked with `!`) and still run here. */
const FEATURES_PROVIDED = new Set(['mmu_pt_update_preserve_ad']);

/** Reads a paravirtual kernel; throws XenImageError. */
export function parseXenImage(image: Uint8Array): XenImage {
  const view = new DataView(image.buffer, image.byteOffset, image.byteLength);
  if (image.length < 52 || view.getUint32(0) !== 0x7f454c46) {
    throw new XenImageError(
      'not-elf',
      'The image is no ELF file; a paravirtual guest must be a 32-bit x86 ELF kernel.',
    );
  }
  if (image[4] !== 1 || image[5] !== 1 || view.getUint16(18, true) !== 3) {
    throw new XenImageError('not-elf', 'The image is an ELF file, but not one for 32-bit x86.');
  }
  const notes = readNotes(view);
  if (!notes.found) {
    throw new XenImageError(
      'not-paravirtual',
      'The image has neither Xen ELF notes nor a __xen_guest section: it is no paravirtual kernel. ' +
        'Use its paravirtual build, or another technique.',
    );
  }
  checkNotes(notes);
  const segments = readSegments(view);
  const end = segments.reduce((last, segment) => Math.max(last, segment.virtualAddress + segment.memorySize), 0);
  const virtualBase = notes.virtualBase ?? 0;
  for (const segment of segments) {
    if (segment.virtualAddress < virtualBase || end > 0xfc00_0000) {
      throw new XenImageError('bad-note', 'A loadable segment lies outside [VIRT_BASE, 0xfc000000).');
    }
  }
  return {
    entry: notes.entry ?? view.getUint32(24, true),
    virtualBase,
    hypercallPage: notes.hypercallPage,
    guestOs: notes.guestOs ?? 'unnamed',
    segments,
    end,
  };
}

function checkNotes(notes: Notes): void {
  if (notes.pae?.startsWith('yes')) {
    throw new XenImageError('needs-feature', 'The kernel wants PAE paging; this interface has two-level paging only.');
  }
  for (const feature of (notes.features ?? '').split('|')) {
    if (feature.startsWith('!') && !FEATURES_PROVIDED.has(feature.slice(1))) {
      throw new XenImageError(
        'needs-feature',
        `The kernel requires the Xen feature ${feature.slice(1)}, not provided.`,
      );
    }
  }
  if ((notes.virtualBase ?? 0) % 0x40_0000 !== 0) {
    throw new XenImageError('bad-note', 'VIRT_BASE must be a multiple of 4 MiB.');
  }
  if ((notes.hypercallPage ?? 0) % 0x1000 !== 0) {
    throw new XenImageError('bad-note', 'HYPERCALL_PAGE must be the address of a page.');
  }
}

function slice(view: DataView, offset: number, length: number, what: string): Uint8Array {
  if (offset + length > view.byteLength) {
    throw new XenImageError('truncated', `The image ends in the middle of ${what}.`);
  }
  return new Uint8Array(view.buffer, view.byteOffset + offset, length);
}

function readSegments(view: DataView): XenSegment[] {
  const segments: XenSegment[] = [];
  const offset = view.getUint32(28, true);
  const size = view.getUint16(42, true);
  const count = view.getUint16(44, true);
  slice(view, offset, size * count, 'its program headers');
  for (let i = 0; i < count; i++) {
    const header = offset + i * size;
    if (view.getUint32(header, true) !== 1) continue;
    const fileSize = view.getUint32(header + 16, true);
    const memorySize = view.getUint32(header + 20, true);
    if (memorySize === 0) continue;
    segments.push({
      virtualAddress: view.getUint32(header + 8, true),
      bytes: slice(view, view.getUint32(header + 4, true), fileSize, 'a loadable segment'),
      memorySize: Math.max(memorySize, fileSize),
    });
  }
  if (segments.length === 0) throw new XenImageError('truncated', 'The image has no loadable segment.');
  return segments;
}

/** Notes stand in PT_NOTE segments and SHT_NOTE sections; the older form in a section named __xen_guest. */
function readNotes(view: DataView): Notes {
  const notes: Notes = { found: false };
  const programOffset = view.getUint32(28, true);
  const programSize = view.getUint16(42, true);
  const programCount = view.getUint16(44, true);
  for (let i = 0; i < programCount; i++) {
    const header = programOffset + i * programSize;
    slice(view, header, 32, 'its program headers');
    if (view.getUint32(header, true) !== 4) continue;
    parseNotes(slice(view, view.getUint32(header + 4, true), view.getUint32(header + 16, true), 'its notes'), notes);
  }
  const sectionOffset = view.getUint32(32, true);
  const sectionCount = sectionOffset === 0 ? 0 : view.getUint16(48, true);
  const names = sectionCount === 0 ? 0 : sectionOffset + view.getUint16(50, true) * 40;
  for (let i = 0; i < sectionCount && !notes.found; i++) {
    const header = sectionOffset + i * 40;
    slice(view, header, 40, 'its section headers');
    const body = (): Uint8Array =>
      slice(view, view.getUint32(header + 16, true), view.getUint32(header + 20, true), 'a section');
    const type = view.getUint32(header + 4, true);
    if (type === 7) parseNotes(body(), notes);
    else if (type === 1 && sectionName(view, names, view.getUint32(header, true)) === '__xen_guest') {
      parseGuestString(text(body()), notes);
    }
  }
  return notes;
}

function sectionName(view: DataView, namesHeader: number, offset: number): string {
  slice(view, namesHeader, 40, 'its section headers');
  const start = view.getUint32(namesHeader + 16, true) + offset;
  return start < view.byteLength ? text(new Uint8Array(view.buffer, view.byteOffset + start)) : '';
}

function text(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return String.fromCharCode(...bytes.subarray(0, end < 0 ? Math.min(bytes.length, 1024) : end));
}

function parseNotes(bytes: Uint8Array, notes: Notes): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  while (at + 12 <= bytes.length) {
    const nameSize = view.getUint32(at, true);
    const size = view.getUint32(at + 4, true);
    const type = view.getUint32(at + 8, true);
    const name = at + 12;
    const body = name + Math.ceil(nameSize / 4) * 4;
    at = body + Math.ceil(size / 4) * 4;
    if (at > bytes.length) return;
    if (text(bytes.subarray(name, name + nameSize)) !== 'Xen') continue;
    notes.found = true;
    const value = bytes.subarray(body, body + size);
    const number = (): number => {
      if (size < 4) throw new XenImageError('bad-note', `Xen ELF note ${type} must hold a number.`);
      return view.getUint32(body, true);
    };
    if (type === XEN_ELFNOTE_ENTRY) notes.entry = number();
    else if (type === XEN_ELFNOTE_HYPERCALL_PAGE) notes.hypercallPage = number();
    else if (type === XEN_ELFNOTE_VIRT_BASE) notes.virtualBase = number();
    else if (type === XEN_ELFNOTE_GUEST_OS) notes.guestOs = text(value);
    else if (type === XEN_ELFNOTE_PAE_MODE) notes.pae = text(value);
    else if (type === XEN_ELFNOTE_FEATURES) notes.features = text(value);
  }
}

function parseGuestString(value: string, notes: Notes): void {
  notes.found = true;
  for (const pair of value.split(',')) {
    const [key, content = ''] = pair.split('=', 2);
    if (key === 'VIRT_BASE') notes.virtualBase = Number(content) >>> 0;
    else if (key === 'VIRT_ENTRY') notes.entry = Number(content) >>> 0;
    else if (key === 'GUEST_OS') notes.guestOs = content;
    else if (key === 'FEATURES') notes.features = content;
    else if (key === 'PAE') notes.pae = content;
    // The older form gives a page number relative to VIRT_BASE, resolved once both are known.
    else if (key === 'HYPERCALL_PAGE') notes.hypercallPage = Number(content) * 0x1000;
  }
  if (notes.hypercallPage !== undefined) notes.hypercallPage = (notes.hypercallPage + (notes.virtualBase ?? 0)) >>> 0;
}
