// Memory operands longer than 8 bytes: read whole into a buffer before anything changes, or checked whole before the first
// byte is written (SDM Vol. 2, pages of FLDENV, FRSTOR, FXRSTOR: a fault leaves the state as it was). They are accessed in
// units of 2, 4 or 8 bytes, which is also their alignment (SDM Vol. 3A "Interrupt 17", Table "Alignment Requirements by Data
// Type").
import { CPL } from '../layout';
import { faulted } from '../globals';
import { linearForRead, linearForWrite, probeWrite, readLinear, writeLinear } from '../memory';
import { linearMask } from '../paging';
import { effectiveAddress, segmentNumber } from '../record';

/** The operand as read or to be written. */
export const BUFFER: usize = memory.data(576, 16);

/** Reads `size` bytes (even) of the memory operand. Then `if (faulted) return`. */
export function readBuffer(r: usize, size: u32, unit: u32): void {
  const linear = linearForRead(segmentNumber(r), effectiveAddress(r), size);
  if (!faulted) readBufferAt(linear, size, unit);
}
export function readBufferAt(linear: u64, size: u32, unit: u32): void {
  let step = unit;
  for (let i: u32 = 0; i < size; i += step) {
    if (i + step > size) step = 2;
    const at = (linear + i) & linearMask;
    if (step == 8) store<u64>(BUFFER + i, readLinear<u64>(at));
    else if (step == 4) store<u32>(BUFFER + i, readLinear<u32>(at));
    else store<u16>(BUFFER + i, readLinear<u16>(at));
    if (faulted) return;
  }
}

/** Writes `size` bytes (even) of the buffer to the memory operand, all or nothing. Then `if (faulted) return`. */
export function writeBuffer(r: usize, size: u32, unit: u32): void {
  const linear = linearForWrite(segmentNumber(r), effectiveAddress(r), size);
  if (!faulted) writeBufferAt(linear, size, unit);
}
export function writeBufferAt(linear: u64, size: u32, unit: u32): void {
  probeRange(linear, size, unit);
  if (faulted) return;
  let step = unit;
  for (let i: u32 = 0; i < size; i += step) {
    if (i + step > size) step = 2;
    const at = (linear + i) & linearMask;
    if (step == 8) writeLinear<u64>(at, load<u64>(BUFFER + i));
    else if (step == 4) writeLinear<u32>(at, load<u32>(BUFFER + i));
    else writeLinear<u16>(at, load<u16>(BUFFER + i));
  }
}

/** Writes the bytes of the buffer from `from` to `to`, multiples of 8, to the same places of the area at `linear`. */
export function writePart(linear: u64, from: u32, to: u32): void {
  for (let i = from; i < to; i += 8) writeLinear<u64>((linear + i) & linearMask, load<u64>(BUFFER + i));
}

/** Would a write of the range succeed? It is shorter than a page. */
export function probeRange(linear: u64, size: u32, unit: u32): void {
  const user = load<u32>(CPL) == 3;
  probeWrite(linear, unit, user);
  if (faulted) return;
  const last = (linear + size - 1) & linearMask;
  if ((last ^ linear) >> 12) probeWrite(last & ~0xfff, 1, user);
}

/** Raises what a write of `size` bytes to the memory operand would raise. */
export function probeOperand(r: usize, size: u32): void {
  const linear = linearForWrite(segmentNumber(r), effectiveAddress(r), size);
  if (!faulted) probeRange(linear, size, min<u32>(size, 8));
}
