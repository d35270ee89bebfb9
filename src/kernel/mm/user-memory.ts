// The kernel's access to the memory of a task: through the task's own page tables, with the rights the task has, bringing
// pages in as an access by the task would (gVisor's usermem, Linux's copy_from_user).
import { copyBytes } from '../copy-bytes.ts';
import { SystemError } from '../error.ts';
import { FAULT_PRESENT, FAULT_WRITE, NOT_MAPPED, PAGE_SIZE } from '../platform.ts';
import type { AddressSpace } from './address-space.ts';
import { OutOfFrames } from './frames.ts';

/** A task's memory cannot be accessed: the system call returns EFAULT. */
export class BadAddress extends Error {
  override readonly name = 'BadAddress';
}

/** Bits of an address below its page. */
const IN_PAGE = PAGE_SIZE - 1;

/**
 * Copies between a task's memory and all of `bytes`, page by page; true when all of it can be accessed. What is before a
 * page that cannot is copied.
 */
function copy(space: AddressSpace, address: number, bytes: Uint8Array, isWrite: boolean): boolean {
  const { length } = bytes;
  if (address < 0 || address + length > space.end) return false;
  return copyPages(space, address, bytes, length, isWrite) === length;
}

/** The same of the first bytes: how many were copied before the end of what can be accessed. */
function copyPages(space: AddressSpace, address: number, bytes: Uint8Array, length: number, isWrite: boolean): number {
  const { memory } = space.platform;
  let done = 0;
  while (done < length) {
    const at = address + done;
    const inPage = at & IN_PAGE;
    const count = Math.min(length - done, PAGE_SIZE - inPage);
    const frame = frameFor(space, at - inPage, isWrite);
    if (frame < 0) return done;
    const place = frame * PAGE_SIZE + inPage;
    if (isWrite) {
      copyBytes(bytes, done, memory.bytes, place, count);
      memory.written(frame);
    } else copyBytes(memory.bytes, place, bytes, done, count);
    done += count;
  }
  space.platform.charge(length, 0);
  return done;
}

/** The frame of a page, which is brought in as an access would; negative when it cannot be accessed. */
function frameFor(space: AddressSpace, page: number, isWrite: boolean): number {
  const frame = space.table.frameOf(page, isWrite);
  if (frame >= 0) return frame;
  const error = (isWrite ? FAULT_WRITE : 0) | (frame === NOT_MAPPED ? 0 : FAULT_PRESENT);
  return resolves(space, page, error) ? space.table.frameOf(page, isWrite) : frame;
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
  if (!copy(space, address, into, false)) throw new BadAddress();
  return into;
}

/** The same into an array that is there. @throws BadAddress */
export function readUserInto(space: AddressSpace, address: number, into: Uint8Array): void {
  if (!copy(space, address, into, false)) throw new BadAddress();
}

/** Copies bytes into a task's memory. @throws BadAddress */
export function writeUser(space: AddressSpace, address: number, from: Uint8Array): void {
  if (!copy(space, address, from, true)) throw new BadAddress();
}

/** Copies out of a task's memory until it ends; how many bytes. */
export function readAsFarAs(space: AddressSpace, address: number, into: Uint8Array): number {
  return asFarAs(space, address, into, false);
}

/** Copies into a task's memory until it ends; how many bytes. */
export function writeAsFarAs(space: AddressSpace, address: number, from: Uint8Array): number {
  return asFarAs(space, address, from, true);
}

function asFarAs(space: AddressSpace, address: number, bytes: Uint8Array, isWrite: boolean): number {
  if (address < 0) return 0;
  return copyPages(space, address, bytes, Math.min(bytes.length, Math.max(0, space.end - address)), isWrite);
}

/** Strings are read in pieces of so many bytes; a page holds whole pieces. */
const STRING_PIECE = 256;

/** Bytes of a string up to its terminating zero; undefined when it is longer than `most`. @throws BadAddress */
export function readUserString(space: AddressSpace, address: number, most: number): Uint8Array | undefined {
  const { bytes } = space.platform.memory;
  let text: Uint8Array | undefined;
  for (let length = 0; length < most; ) {
    const at = address + length;
    const wanted = Math.min(STRING_PIECE - (at & (STRING_PIECE - 1)), most - length);
    const place = placeOf(space, at, wanted, false);
    let end = place;
    while (end < place + wanted && bytes[end] !== 0) end++;
    const part = bytes.slice(place, end);
    text = text === undefined ? part : joined(text, part);
    if (end < place + wanted) return text;
    length += wanted;
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
  const inPage = address & IN_PAGE;
  if (inPage + size > PAGE_SIZE) return wordIn(new DataView(readUser(space, address, size).buffer), 0, size);
  return wordIn(space.platform.memory.view, placeOf(space, address, size, false), size);
}

/** Writes a little-endian word of 4 or 8 bytes. @throws BadAddress */
export function writeUserWord(space: AddressSpace, address: number, value: number | bigint, size: 4 | 8): void {
  const inPage = address & IN_PAGE;
  if (inPage + size > PAGE_SIZE) {
    const bytes = new Uint8Array(size);
    setWord(new DataView(bytes.buffer), 0, value, size);
    writeUser(space, address, bytes);
    return;
  }
  const { memory } = space.platform;
  const place = placeOf(space, address, size, true);
  setWord(memory.view, place, value, size);
  memory.written(Math.floor(place / PAGE_SIZE));
}

/** Where bytes that lie in one page are in the processor's memory. @throws BadAddress */
function placeOf(space: AddressSpace, address: number, size: number, isWrite: boolean): number {
  if (address < 0 || address + size > space.end) throw new BadAddress();
  const inPage = address & IN_PAGE;
  const frame = frameFor(space, address - inPage, isWrite);
  if (frame < 0) throw new BadAddress();
  space.platform.charge(size, 0);
  return frame * PAGE_SIZE + inPage;
}

function setWord(view: DataView, at: number, value: number | bigint, size: 4 | 8): void {
  if (typeof value === 'bigint') {
    if (size === 8) view.setBigUint64(at, value, true);
    else view.setUint32(at, Number(BigInt.asUintN(32, value)), true);
    return;
  }
  view.setUint32(at, value, true);
  if (size === 8) view.setUint32(at + 4, Math.floor(value / 2 ** 32), true);
}

function wordIn(view: DataView, at: number, size: 4 | 8): number {
  const low = view.getUint32(at, true);
  return size === 4 ? low : view.getInt32(at + 4, true) * 2 ** 32 + low;
}
