// The bytes of a saved graph: numbers as base-128 varints (the DWARF standard's LEB128), strings and blocks with their
// length before them. Reading never believes a length that the rest of the file does not have.
import { decodeText, encodeText } from '../syscalls/text.ts';

const DOUBLE = new DataView(new ArrayBuffer(8));

/** Grows as bytes are put in. */
export class ByteWriter {
  #bytes = new Uint8Array(4096);
  length = 0;

  byte(value: number): void {
    this.#room(1);
    this.#bytes[this.length++] = value;
  }

  /** A whole number from 0 to 2^53 - 1. */
  count(value: number): void {
    this.#room(8);
    let rest = value;
    while (rest > 0x7f) {
      this.#bytes[this.length++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.#bytes[this.length++] = rest;
  }

  double(value: number): void {
    DOUBLE.setFloat64(0, value, true);
    this.bytes(new Uint8Array(DOUBLE.buffer));
  }

  bytes(from: Uint8Array): void {
    this.#room(from.length);
    this.#bytes.set(from, this.length);
    this.length += from.length;
  }

  /** Bytes with their number before them. */
  block(from: Uint8Array): void {
    this.count(from.length);
    this.bytes(from);
  }

  text(value: string): void {
    this.block(encodeText(value));
  }

  /** What was put in so far. */
  done(): Uint8Array {
    return this.#bytes.subarray(0, this.length);
  }

  #room(wanted: number): void {
    if (this.length + wanted <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(2 * this.#bytes.length, this.length + wanted));
    larger.set(this.done());
    this.#bytes = larger;
  }
}

/** The bytes are not what the writer writes. */
export class DamagedBytes extends Error {
  override readonly name = 'DamagedBytes';
}

/** Reads what a ByteWriter wrote. @throws DamagedBytes */
export class ByteReader {
  readonly #bytes: Uint8Array;
  at = 0;

  constructor(bytes: Uint8Array) {
    // the host's own kind of bytes has a `slice` that makes no copy
    this.#bytes = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  /** Bytes that were not read. */
  get left(): number {
    return this.#bytes.length - this.at;
  }

  byte(): number {
    if (this.left < 1) throw new DamagedBytes('it ends too early');
    return this.#bytes[this.at++]!;
  }

  count(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 0x80) {
      const byte = this.byte();
      value += (byte & 0x7f) * scale;
      if (value > Number.MAX_SAFE_INTEGER) throw new DamagedBytes('a number is too large');
      if (byte < 0x80) return value;
    }
  }

  /** A number of things of which each takes at least one byte of what is left. */
  countOfThings(): number {
    const value = this.count();
    if (value > this.left) throw new DamagedBytes('it counts more things than it has');
    return value;
  }

  double(): number {
    new Uint8Array(DOUBLE.buffer).set(this.bytes(8));
    return DOUBLE.getFloat64(0, true);
  }

  /** A view of the next bytes. */
  bytes(length: number): Uint8Array {
    if (length > this.left) throw new DamagedBytes('it ends too early');
    this.at += length;
    return this.#bytes.subarray(this.at - length, this.at);
  }

  block(): Uint8Array {
    return this.bytes(this.count());
  }

  text(): string {
    return decodeText(this.block());
  }
}
