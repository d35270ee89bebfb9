// What runs measured programs, and what it is told about each unit of work.

/** An emulator with a program in its memory. */
export interface Engine {
  readonly name: string;
  /** Runs until `isEnough`, which is asked after every report. */
  run(isEnough: (checksum: number) => boolean): Promise<void>;
  close(): Promise<void>;
}

/** Puts the bytes that leave the serial port together to checksums. */
export class ChecksumReader {
  #bytes = 0;
  #value = 0;

  /** The checksum that ends with this byte. */
  take(byte: number): number | undefined {
    this.#value |= byte << (8 * this.#bytes);
    if (++this.#bytes < 4) return undefined;
    const value = this.#value >>> 0;
    this.#bytes = 0;
    this.#value = 0;
    return value;
  }
}
