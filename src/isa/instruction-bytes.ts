// The bytes of one instruction as the decoder reads them: numbers, ModRM and SIB addresses.
// Truth: SDM Vol. 2 "Addressing-Mode Encoding of ModR/M and SIB Bytes".
import type { CodeMode, MemoryOperand, Prefixes, Size } from './instruction.ts';
import type { EXTENSIONS } from './not-supported.ts';

/** Longest instruction the processor accepts. */
const MAX_INSTRUCTION_LENGTH = 15;

/** Why bytes are no instruction: an extension's name (or `undefined opcode`), or a fault of form. */
export type DecodeFailure = (typeof EXTENSIONS)[number] | 'truncated' | 'longer than 15 bytes' | 'LOCK not allowed';

const SS = 2;
const DS = 3;

/** Reads the bytes of one instruction. */
export class Cursor {
  readonly bytes: ArrayLike<number>;
  readonly start: number;
  at: number;
  constructor(bytes: ArrayLike<number>, start: number) {
    this.bytes = bytes;
    this.start = start;
    this.at = start;
  }
  peek(): number {
    if (this.at - this.start >= MAX_INSTRUCTION_LENGTH) throw new Undecodable('longer than 15 bytes');
    const byte = this.bytes[this.at];
    if (byte === undefined) throw new Undecodable('truncated');
    return byte;
  }
  byte(): number {
    const value = this.peek();
    this.at++;
    return value;
  }
  unsigned(size: number): number {
    let value = 0;
    for (let i = 0; i < size; i++) value += this.byte() * 2 ** (8 * i);
    return value;
  }
  signed(size: number): number {
    const value = this.unsigned(size);
    return value >= 2 ** (8 * size - 1) ? value - 2 ** (8 * size) : value;
  }
}

/** Thrown inside the decoder when the bytes are no instruction; does not leave it. */
export class Undecodable {
  readonly reason: DecodeFailure;
  constructor(reason: DecodeFailure) {
    this.reason = reason;
  }
}

const BASES_16: readonly { base?: number; index?: number }[] = [
  { base: 3, index: 6 },
  { base: 3, index: 7 },
  { base: 5, index: 6 },
  { base: 5, index: 7 },
  { base: 6 },
  { base: 7 },
  { base: 5 },
  { base: 3 },
];

type Address = Omit<MemoryOperand, 'type' | 'segment' | 'size' | 'addressSize'>;

function address16(cursor: Cursor, mod: number, rm: number): Address {
  if (mod === 0 && rm === 6) return { scale: 1, displacement: cursor.unsigned(2) };
  const displacement = mod === 1 ? cursor.signed(1) : mod === 2 ? cursor.signed(2) : 0;
  return { ...BASES_16[rm]!, scale: 1, displacement };
}

function address32(cursor: Cursor, mod: number, rm: number, rex: number, mode: CodeMode, bits: Size): Address {
  const displacementSize = mod === 1 ? 1 : mod === 2 ? 4 : 0;
  if (rm === 4) {
    const sib = cursor.byte();
    const index = ((sib >> 3) & 7) | ((rex & 2) << 2);
    const base = (sib & 7) | ((rex & 1) << 3);
    const noBase = mod === 0 && (sib & 7) === 5;
    const noIndex = index === 4;
    const size = noBase ? 4 : displacementSize;
    const unsigned = noBase && noIndex && bits !== 64;
    const displacement = size === 0 ? 0 : unsigned ? cursor.unsigned(4) : cursor.signed(size);
    const scale = noIndex ? 1 : ((1 << (sib >> 6)) as 1 | 2 | 4 | 8);
    return { ...(noBase ? {} : { base }), ...(noIndex ? {} : { index }), scale, displacement };
  }
  if (mod === 0 && rm === 5) {
    if (mode === 64) return { scale: 1, displacement: cursor.signed(4), ripRelative: true };
    return { scale: 1, displacement: cursor.unsigned(4) };
  }
  const displacement = displacementSize === 0 ? 0 : cursor.signed(displacementSize);
  return { base: rm | ((rex & 1) << 3), scale: 1, displacement };
}

/** Reads the memory operand of a ModRM byte; its size is for the caller to fill in. */
export function readMemory(
  cursor: Cursor,
  modrm: number,
  prefixes: Prefixes,
  mode: CodeMode,
  size: Size,
): MemoryOperand {
  const mod = modrm >> 6;
  const rm = modrm & 7;
  const address = size === 16 ? address16(cursor, mod, rm) : address32(cursor, mod, rm, prefixes.rex, mode, size);
  const stack = address.base === 5 || (address.base === 4 && size !== 16);
  const segment = prefixes.segment ?? (stack ? SS : DS);
  return { type: 'memory', ...address, segment, size: 0, addressSize: size };
}
