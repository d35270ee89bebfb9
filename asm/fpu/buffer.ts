// Memory operands longer than 8 bytes: read whole into a buffer before anything changes, or checked whole before the first
// byte is written (SDM Vol. 2, pages of FLDENV, FRSTOR, FXRSTOR: a fault leaves the state as it was).
import { CPL } from '../layout';
import { faulted } from '../globals';
import { linearForRead, linearForWrite, probeWrite, readLinear, writeLinear } from '../memory';
import { linearMask } from '../paging';
import { effectiveAddress, segmentNumber } from '../record';

/** The operand as read or to be written. */
export const BUFFER: usize = memory.data(512, 16);

/** Reads `size` bytes (even) of the memory operand. Then `if (faulted) return`. */
export function readBuffer(r: usize, size: u32): void {
  const linear = linearForRead(segmentNumber(r), effectiveAddress(r), size);
  if (!faulted) readBufferAt(linear, size);
}
export function readBufferAt(linear: u64, size: u32): void {
  let i: u32 = 0;
  for (; i + 8 <= size; i += 8) {
    store<u64>(BUFFER + i, readLinear<u64>((linear + i) & linearMask));
    if (faulted) return;
  }
  for (; i < size; i += 2) {
    store<u16>(BUFFER + i, readLinear<u16>((linear + i) & linearMask));
    if (faulted) return;
  }
}

/** Writes `size` bytes (even) of the buffer to the memory operand, all or nothing. Then `if (faulted) return`. */
export function writeBuffer(r: usize, size: u32): void {
  const linear = linearForWrite(segmentNumber(r), effectiveAddress(r), size);
  if (!faulted) writeBufferAt(linear, size);
}
export function writeBufferAt(linear: u64, size: u32): void {
  probeWrite(linear, size, load<u32>(CPL) == 3);
  if (faulted) return;
  let i: u32 = 0;
  for (; i + 8 <= size; i += 8) writeLinear<u64>((linear + i) & linearMask, load<u64>(BUFFER + i));
  for (; i < size; i += 2) writeLinear<u16>((linear + i) & linearMask, load<u16>(BUFFER + i));
}

/** Raises what a write of `size` bytes to the memory operand would raise. */
export function probeOperand(r: usize, size: u32): void {
  const linear = linearForWrite(segmentNumber(r), effectiveAddress(r), size);
  if (!faulted) probeWrite(linear, size, load<u32>(CPL) == 3);
}
