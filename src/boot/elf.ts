// Reads the parts of an ELF file that a loader needs: header and program headers of a 32-bit little-endian executable.
// Truth: System V ABI, "Object Files" and "Program Loading"; i386 supplement, "Machine Information".

import { BootError } from './boot-error.ts';

const ELF_HEADER_SIZE = 52;
const PROGRAM_HEADER_SIZE = 32;
const CLASS_32 = 1;
const LITTLE_ENDIAN = 1;
const TYPE_EXECUTABLE = 2;
const MACHINE_386 = 3;
export const PT_LOAD = 1;
export const PT_NOTE = 4;

/** One program header. */
export interface ElfSegment {
  readonly type: number;
  readonly offset: number;
  readonly virtualAddress: number;
  readonly physicalAddress: number;
  readonly fileSize: number;
  readonly memorySize: number;
  readonly flags: number;
}

/** A 32-bit executable. */
export interface Elf32 {
  readonly entry: number;
  readonly segments: readonly ElfSegment[];
}

/** True if the file begins like an ELF file. */
export function isElf(image: Uint8Array): boolean {
  return image[0] === 0x7f && image[1] === 0x45 && image[2] === 0x4c && image[3] === 0x46;
}

/** A DataView of an image. */
export function viewOf(image: Uint8Array): DataView {
  return new DataView(image.buffer, image.byteOffset, image.byteLength);
}

/** Parses headers; every segment lies within the file. */
export function parseElf32(image: Uint8Array): Elf32 {
  if (image.length < ELF_HEADER_SIZE) {
    const message = `The ELF image is cut short: its header should be ${ELF_HEADER_SIZE} bytes long and the file has only ${image.length}.`;
    throw new BootError('truncated', message);
  }
  const view = viewOf(image);
  if (image[4] !== CLASS_32 || image[5] !== LITTLE_ENDIAN || view.getUint16(18, true) !== MACHINE_386) {
    const found = image[4] === 2 ? 'a 64-bit one' : `one for machine ${view.getUint16(18, image[5] !== 2)}`;
    throw new BootError(
      'not-for-this-cpu',
      `The ELF image is ${found}; it should be a 32-bit one for the Intel 80386.`,
    );
  }
  if (view.getUint16(16, true) !== TYPE_EXECUTABLE) {
    const message = `The ELF image is of type ${view.getUint16(16, true)}; it should be an executable (type 2), linked to run at fixed addresses.`;
    throw new BootError('not-for-this-cpu', message);
  }
  return { entry: view.getUint32(24, true), segments: parseSegments(view) };
}

function parseSegments(view: DataView): readonly ElfSegment[] {
  const table = view.getUint32(28, true);
  const entrySize = view.getUint16(42, true);
  const count = view.getUint16(44, true);
  if (count > 0 && entrySize < PROGRAM_HEADER_SIZE) {
    const message = `The ELF image has program headers of ${entrySize} bytes; they should have ${PROGRAM_HEADER_SIZE}.`;
    throw new BootError('bad-addresses', message);
  }
  if (table + count * entrySize > view.byteLength) {
    const message = `The ELF image is cut short: its program headers end at byte ${table + count * entrySize} and the file at ${view.byteLength}.`;
    throw new BootError('truncated', message);
  }
  const segments: ElfSegment[] = [];
  for (let index = 0; index < count; index++) {
    const at = table + index * entrySize;
    const field = (offset: number): number => view.getUint32(at + offset, true);
    const segment = {
      type: field(0),
      offset: field(4),
      virtualAddress: field(8),
      physicalAddress: field(12),
      fileSize: field(16),
      memorySize: field(20),
      flags: field(24),
    };
    checkSegment(segment, index, view.byteLength);
    segments.push(segment);
  }
  return segments;
}

function checkSegment(segment: ElfSegment, index: number, length: number): void {
  if (segment.type !== PT_LOAD) return;
  if (segment.offset + segment.fileSize > length) {
    const message = `The ELF image is cut short: segment ${index} ends at byte ${segment.offset + segment.fileSize} and the file at ${length}.`;
    throw new BootError('truncated', message);
  }
  if (segment.memorySize < segment.fileSize) {
    const message = `Segment ${index} of the ELF image has ${segment.fileSize} bytes in the file and only ${segment.memorySize} in memory; it needs at least as many there.`;
    throw new BootError('bad-addresses', message);
  }
}
