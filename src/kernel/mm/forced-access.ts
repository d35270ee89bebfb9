// Access to the memory of a task whatever its rights, as debuggers have it (ptrace(2) PTRACE_POKEDATA, proc_pid_mem(5)):
// read-only private pages are copied before they are written.
import { SystemError } from '../error.ts';
import { PAGE_SIZE } from '../platform.ts';
import type { AddressSpace } from './address-space.ts';
import { OutOfFrames } from './frames.ts';

function eachPage(
  space: AddressSpace,
  address: number,
  length: number,
  isWrite: boolean,
  visit: (bytes: Uint8Array, offset: number) => void,
): number {
  let done = 0;
  while (done < length) {
    const at = address + done;
    const inPage = at % PAGE_SIZE;
    const count = Math.min(length - done, PAGE_SIZE - inPage);
    const frame = frameFor(space, at, isWrite);
    if (frame === undefined) break;
    visit(space.frames.bytes(frame).subarray(inPage, inPage + count), done);
    if (isWrite) space.frames.written(frame);
    done += count;
  }
  space.platform.charge(done, 0);
  return done;
}

function frameFor(space: AddressSpace, address: number, isWrite: boolean): number | undefined {
  try {
    return space.force(address, isWrite);
  } catch (failure) {
    if (failure instanceof OutOfFrames || failure instanceof SystemError) return undefined;
    throw failure;
  }
}

/** Copies out as far as there is memory; how much. */
export function readForced(space: AddressSpace, address: number, into: Uint8Array): number {
  return eachPage(space, address, into.length, false, (bytes, offset) => into.set(bytes, offset));
}

/** Copies in as far as there is memory that may be changed; how much. */
export function writeForced(space: AddressSpace, address: number, from: Uint8Array): number {
  return eachPage(space, address, from.length, true, (bytes, offset) =>
    bytes.set(from.subarray(offset, offset + bytes.length)),
  );
}
