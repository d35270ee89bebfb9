// Reads files of hardware vectors: single instructions that a real processor executed, with all input and output.
// The format is described with the recordings ("Hardware vectors: what they are and how to read them", File format).
import { gunzipSync } from 'node:zlib';

/** Flag bits of a vector. */
export const HAS_FP = 1;
export const HAS_EXCEPTION = 2;
/** The operating system answered in place of the processor. */
export const OS_EMULATED = 4;
/** x87 transcendentals and rcp/rsqrt: compared with a tolerance. */
export const APPROXIMATE = 8;
export const HAS_SEGMENTS = 16;

const MAGIC = 'HWVEC\r\n\x1a';
const HEADER = 20;

/** A file cannot be read as vectors. The message says why in one sentence. */
export class VectorFileError extends Error {}

/** Bytes at a linear address. */
export interface Window {
  readonly address: number;
  readonly bytes: Uint8Array;
}

/** An instruction form of the file. */
export interface VectorForm {
  readonly name: string;
  readonly enc: string;
  readonly ops: string;
  readonly osz: number;
}

/** The JSON head of a file. */
export interface VectorMeta {
  readonly mode: number;
  readonly group: string;
  readonly defaultGpr: readonly string[];
  readonly code: readonly [number, number];
  readonly rw: readonly (readonly [number, number])[];
  readonly ro: readonly [number, number];
  readonly sel: Readonly<Record<'cs' | 'ds' | 'es' | 'ss', number>>;
  readonly segBase?: Readonly<Record<'cs' | 'ds' | 'es' | 'ss', number>>;
  readonly forms: readonly VectorForm[];
}

/** Floating-point state. R0-R7 are physical registers: bytes of all of them, absent ones zero. */
export interface FpState {
  readonly fcw: number;
  readonly fsw: number;
  readonly ftw: number;
  readonly mxcsr: number;
  /** 8 x 10 bytes. */
  readonly x87: Uint8Array;
  /** 16 x 16 bytes. */
  readonly xmm: Uint8Array;
}

/** One recorded instruction. Registers and addresses have the width of the mode. */
export interface Vector {
  readonly index: number;
  readonly form: VectorForm;
  readonly flags: number;
  readonly code: Uint8Array;
  readonly ip: number;
  readonly gpr: readonly bigint[];
  readonly eflags: number;
  readonly fp?: FpState;
  readonly memory: readonly Window[];
  readonly undefinedFlags: number;
  readonly undefinedGpr: number;
  readonly undefinedMemory: readonly { readonly address: number; readonly length: number }[];
  readonly undefinedFsw: number;
  readonly undefinedX87: number;
  readonly fpOut?: FpState;
  /** -1 for none. */
  readonly exception: number;
  readonly error: number;
  readonly cr2: bigint;
  readonly ipOut: bigint;
  readonly gprOut: readonly bigint[];
  readonly eflagsOut: number;
  /** ES CS SS DS after an instruction that may change them. */
  readonly segmentsOut?: readonly number[];
  readonly memoryOut: readonly Window[];
  /** Offset and length of the record in the (unpacked) file. */
  readonly at: number;
  readonly length: number;
}

/** A vector file. */
export class VectorFile {
  readonly meta: VectorMeta;
  readonly count: number;
  /** The unpacked file. */
  readonly data: Buffer;
  readonly #first: number;

  private constructor(data: Buffer) {
    const fail = (why: string): never => {
      throw new VectorFileError(why);
    };
    if (data.length < HEADER || data.toString('latin1', 0, 8) !== MAGIC)
      fail('it does not start with the magic number');
    if (data.readUInt16LE(8) !== 1) fail(`it has version ${data.readUInt16LE(8)}, and only version 1 is known`);
    this.data = data;
    this.count = data.readUInt32LE(12);
    this.#first = HEADER + data.readUInt32LE(16);
    if (this.#first > data.length) fail('it ends in the middle of its head');
    try {
      this.meta = JSON.parse(data.toString('utf8', HEADER, this.#first)) as VectorMeta;
    } catch {
      throw new VectorFileError('its head is not JSON');
    }
  }

  /**
   * Opens the contents of a file, packed by gzip or not.
   * @throws VectorFileError
   */
  static open(contents: Uint8Array): VectorFile {
    let data = Buffer.from(contents.buffer, contents.byteOffset, contents.byteLength);
    if (data[0] === 0x1f && data[1] === 0x8b) {
      try {
        data = gunzipSync(data);
      } catch {
        throw new VectorFileError('its gzip stream is damaged');
      }
    }
    return new VectorFile(data);
  }

  /** All vectors. @throws VectorFileError */
  *vectors(): Generator<Vector> {
    const defaults = this.meta.defaultGpr.map((text) => BigInt.asUintN(this.meta.mode === 64 ? 64 : 32, BigInt(text)));
    let at = this.#first;
    for (let index = 0; index < this.count; index++) {
      if (at + 2 > this.data.length) throw new VectorFileError(`it ends before vector ${index}`);
      const length = this.data.readUInt16LE(at);
      if (at + 2 + length > this.data.length) throw new VectorFileError(`it ends in vector ${index}`);
      yield this.#vector(index, at, length, defaults);
      at += 2 + length;
    }
  }

  #vector(index: number, at: number, length: number, defaults: readonly bigint[]): Vector {
    const reader = new Reader(this.data, at + 2, this.meta.mode === 64);
    const form = this.meta.forms[reader.u16()];
    if (form === undefined) throw new VectorFileError(`vector ${index} names a form that is not there`);
    const flags = reader.u8();
    const code = reader.bytes(reader.u8());
    const ip = reader.u32();
    const gpr = reader.registers(defaults);
    const eflags = reader.u16() | 0x202;
    const hasFp = (flags & HAS_FP) !== 0;
    const fp = hasFp ? reader.fp() : undefined;
    const memory = reader.windows();
    const undefinedFlags = reader.u16();
    const undefinedGpr = reader.u16();
    const undefinedMemory = Array.from({ length: reader.u8() }, () => {
      const address = reader.u32();
      return { address, length: reader.u16() & 0x7fff };
    });
    const undefinedFsw = hasFp ? reader.u16() : 0;
    const undefinedX87 = hasFp ? reader.u8() : 0;
    const hasException = (flags & HAS_EXCEPTION) !== 0;
    const exception = hasException ? reader.u8() : -1;
    const error = hasException ? reader.u32() : 0;
    const cr2 = hasException ? reader.word() : 0n;
    const ipOut = reader.word();
    const gprOut = reader.registers(gpr);
    const eflagsOut = reader.u32();
    const fpOut = hasFp ? reader.fp(fp) : undefined;
    const segments = flags & HAS_SEGMENTS ? Array.from({ length: 4 }, () => reader.u16()) : undefined;
    const memoryOut = reader.windows();
    if (reader.at !== at + 2 + length) throw new VectorFileError(`vector ${index} has a wrong length`);
    return {
      index,
      form,
      flags,
      code,
      ip,
      gpr,
      eflags,
      ...(fp ? { fp } : {}),
      memory,
      undefinedFlags,
      undefinedGpr,
      undefinedMemory,
      undefinedFsw,
      undefinedX87,
      ...(fpOut ? { fpOut } : {}),
      exception,
      error,
      cr2,
      ipOut,
      gprOut,
      eflagsOut,
      ...(segments ? { segmentsOut: segments } : {}),
      memoryOut,
      at,
      length: 2 + length,
    };
  }
}

/** Reads little-endian fields one after the other. */
class Reader {
  readonly #data: Buffer;
  readonly #isLong: boolean;
  at: number;

  constructor(data: Buffer, at: number, isLong: boolean) {
    this.#data = data;
    this.#isLong = isLong;
    this.at = at;
  }

  /** A register or address: 8 bytes in mode 64, else 4. */
  word(): bigint {
    if (!this.#isLong) return BigInt(this.u32());
    this.at += 8;
    return this.#data.readBigUInt64LE(this.at - 8);
  }

  u8(): number {
    return this.#data[this.at++]!;
  }

  u16(): number {
    this.at += 2;
    return this.#data.readUInt16LE(this.at - 2);
  }

  u32(): number {
    this.at += 4;
    return this.#data.readUInt32LE(this.at - 4);
  }

  bytes(length: number): Uint8Array {
    this.at += length;
    return this.#data.subarray(this.at - length, this.at);
  }

  /** A mask of registers and the values of those in it; the others are as in `before`. */
  registers(before: readonly bigint[]): bigint[] {
    const mask = this.u16();
    return before.map((value, n) => ((mask >> n) & 1 ? this.word() : value));
  }

  /** Control words, and the registers named by two masks; the others are as in `before`. */
  fp(before?: FpState): FpState {
    const [fcw, fsw, ftw, mxcsr] = [this.u16(), this.u16(), this.u8(), this.u32()];
    const [stack, vector] = [this.u8(), this.u16()];
    const x87 = before ? before.x87.slice() : new Uint8Array(80);
    const xmm = before ? before.xmm.slice() : new Uint8Array(256);
    for (let n = 0; n < 8; n++) if ((stack >> n) & 1) x87.set(this.bytes(10), 10 * n);
    for (let n = 0; n < 16; n++) if ((vector >> n) & 1) xmm.set(this.bytes(16), 16 * n);
    return { fcw, fsw, ftw, mxcsr, x87, xmm };
  }

  windows(): Window[] {
    return Array.from({ length: this.u8() }, () => {
      const address = this.u32();
      return { address, bytes: this.bytes(this.u16()) };
    });
  }
}
