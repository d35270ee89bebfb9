// Bytes of the tables that firmware leaves in memory: little-endian fields, texts of fixed width, sums that are zero.

/** A table under construction. */
export class TableBytes {
  readonly bytes: Uint8Array;
  readonly #view: DataView;

  constructor(length: number) {
    this.bytes = new Uint8Array(length);
    this.#view = new DataView(this.bytes.buffer);
  }

  u8(at: number, value: number): void {
    this.#view.setUint8(at, value);
  }

  u16(at: number, value: number): void {
    this.#view.setUint16(at, value, true);
  }

  u32(at: number, value: number): void {
    this.#view.setUint32(at, value, true);
  }

  /** ASCII, padded with blanks to `width`. */
  text(at: number, text: string, width = text.length): void {
    this.bytes.set(new TextEncoder().encode(text.padEnd(width)).subarray(0, width), at);
  }

  /** Sets the byte at `at` so that the sum of the first `length` bytes is zero modulo 256. */
  sum(at: number, length = this.bytes.length): void {
    this.bytes[at] = 0;
    this.bytes[at] = -this.bytes.subarray(0, length).reduce((sum, byte) => sum + byte, 0);
  }
}
