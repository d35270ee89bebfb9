// The kernel's access to the memory of a task: through the task's own page tables, with the rights the task has, bringing
// pages in as an access by the task would (gVisor's usermem, Linux's copy_from_user).
import { SystemError } from '../error.ts';
import { FAULT_PRESENT, FAULT_WRITE, PAGE_SIZE } from '../platform.ts';
import type { AddressSpace } from './address-space.ts';
import { OutOfFrames } from './frames.ts';

/** A task's memory cannot be accessed: the system call returns EFAULT. */
export class BadAddress extends Error {
  override readonly name = 'BadAddress';
}

/** The pages behind [address, address + length), one visit each with the bytes in that page. @throws BadAddress */
function forEachPart(
  space: AddressSpace,
  address: number,
  length: number,
  isWrite: boolean,
  visit: (bytes: Uint8Array, offset: number) => void,
): void {
  if (address < 0 || address + length > space.end) throw new BadAddress();
  let done = 0;
  while (done < length) {
    const at = address + done;
    const inPage = at % PAGE_SIZE;
    const count = Math.min(length - done, PAGE_SIZE - inPage);
    const frame = frameFor(space, at - inPage, isWrite);
    visit(space.frames.bytes(frame).subarray(inPage, inPage + count), done);
    if (isWrite) space.frames.written(frame);
    done += count;
  }
  space.platform.charge(length, 0);
}

function frameFor(space: AddressSpace, page: number, isWrite: boolean): number {
  const mapping = space.table.lookup(page);
  if (mapping !== undefined && (!isWrite || mapping.write)) return mapping.frame;
  const error = (isWrite ? FAULT_WRITE : 0) | (mapping === undefined ? 0 : FAULT_PRESENT);
  if (!resolves(space, page, error)) throw new BadAddress();
  return space.table.lookup(page)!.frame;
}

/** Brings a page in. Memory that cannot be had, and a file that cannot be read, are as bad as an address that is not mapped. */
function resolves(space: AddressSpace, page: number, error: number): boolean {
  try {
    return space.fault(page, error) === 'resolved';
  } catch (failure) {
    if (failure instanceof OutOfFrames || failure instanceof SystemError) return false;
    throw failure;
  }
}

/** Most bytes copied out at once: what has no smaller bound of its own is copied in parts. */
const MOST_BYTES = 1 << 22;

/** Copies bytes out of a task's memory. @throws BadAddress */
export function readUser(space: AddressSpace, address: number, length: number): Uint8Array<ArrayBuffer> {
  // a length nobody checked must not become one of the host's
  if (length < 0 || length > MOST_BYTES) throw new BadAddress();
  const into = new Uint8Array(length);
  forEachPart(space, address, length, false, (bytes, offset) => into.set(bytes, offset));
  return into;
}

/** Copies bytes into a task's memory. @throws BadAddress */
export function writeUser(space: AddressSpace, address: number, from: Uint8Array): void {
  forEachPart(space, address, from.length, true, (bytes, offset) =>
    bytes.set(from.subarray(offset, offset + bytes.length)),
  );
}

/** Copies out of a task's memory until it ends; how many bytes. */
export function readAsFarAs(space: AddressSpace, address: number, into: Uint8Array): number {
  return asFarAs(space, address, into.length, false, (bytes, offset) => into.set(bytes, offset));
}

/** Copies into a task's memory until it ends; how many bytes. */
export function writeAsFarAs(space: AddressSpace, address: number, from: Uint8Array): number {
  return asFarAs(space, address, from.length, true, (bytes, offset) =>
    bytes.set(from.subarray(offset, offset + bytes.length)),
  );
}

function asFarAs(
  space: AddressSpace,
  address: number,
  length: number,
  isWrite: boolean,
  copy: (bytes: Uint8Array, offset: number) => void,
): number {
  let done = 0;
  try {
    forEachPart(space, address, Math.min(length, Math.max(0, space.end - address)), isWrite, (bytes, offset) => {
      copy(bytes, offset);
      done += bytes.length;
    });
  } catch (failure) {
    if (!(failure instanceof BadAddress)) throw failure;
  }
  return done;
}

/** Strings are read in pieces of so many bytes; a page holds whole pieces. */
const STRING_PIECE = 256;

/** Bytes of a string up to its terminating zero; undefined when it is longer than `most`. @throws BadAddress */
export function readUserString(space: AddressSpace, address: number, most: number): Uint8Array | undefined {
  let text = new Uint8Array(0);
  while (text.length < most) {
    const at = address + text.length;
    const piece = readUser(space, at, Math.min(STRING_PIECE - (at % STRING_PIECE), most - text.length));
    const end = piece.indexOf(0);
    const part = end < 0 ? piece : piece.slice(0, end);
    text = text.length === 0 ? part : joined(text, part);
    if (end >= 0) return text;
  }
  return undefined;
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}

/** A little-endian word of 4 or 8 bytes. @throws BadAddress */
export function readUserWord(space: AddressSpace, address: number, size: 4 | 8): number {
  const inPage = address % PAGE_SIZE;
  if (inPage + size > PAGE_SIZE) return wordIn(new DataView(readUser(space, address, size).buffer), 0, size);
  if (address < 0 || address + size > space.end) throw new BadAddress();
  const { platform } = space;
  platform.charge(size, 0);
  return wordIn(platform.memory.view, frameFor(space, address - inPage, false) * PAGE_SIZE + inPage, size);
}

function wordIn(view: DataView, at: number, size: 4 | 8): number {
  const low = view.getUint32(at, true);
  return size === 4 ? low : view.getInt32(at + 4, true) * 2 ** 32 + low;
}
