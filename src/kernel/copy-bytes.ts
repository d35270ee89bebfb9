// Copying between arrays of bytes.

/** So few bytes are copied one by one: a view of them costs more. */
const FEW_BYTES = 32;

/** Copies `count` bytes at `at` of `from` to `place` of `to`. */
export function copyBytes(from: Uint8Array, at: number, to: Uint8Array, place: number, count: number): void {
  if (count <= FEW_BYTES) for (let n = 0; n < count; n++) to[place + n] = from[at + n]!;
  else to.set(from.subarray(at, at + count), place);
}
