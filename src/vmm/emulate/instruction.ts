// A decoded guest instruction with the places of its parts, as the emulator and the binary translator need them: where
// prefixes end, where ModRM, displacement and immediate lie (SDM Vol. 2 "Instruction Format").

import { decode } from '../../isa/decode.ts';
import type { Form } from '../../isa/forms.ts';
import { mnemonicOf } from '../../isa/instruction.ts';

/** One instruction and the layout of its bytes. */
export interface GuestInstruction {
  readonly form: Form;
  /** Operation name of the opcode table. */
  readonly op: string;
  readonly bytes: Uint8Array;
  readonly length: number;
  readonly operandSize: 2 | 4;
  readonly addressSize: 2 | 4;
  /** Segment override 0..5, or -1. */
  readonly override: number;
  /** 0, 0xf2 or 0xf3. */
  readonly repeat: number;
  readonly lock: boolean;
  /** Offset of the first opcode byte (behind the prefixes) and behind the last. */
  readonly opcodeAt: number;
  readonly opcodeEnd: number;
  /** Undefined without ModRM. */
  readonly modrm: ModRm | undefined;
  readonly immediateAt: number;
  /** Bytes behind displacement: all immediates. */
  readonly immediateSize: number;
  /** First immediate, sign-extended from its size. */
  readonly immediate: number;
}

/** ModRM, SIB and displacement. */
export interface ModRm {
  readonly at: number;
  readonly mod: number;
  readonly reg: number;
  readonly rm: number;
  readonly isMemory: boolean;
  /** Register numbers or -1; 16-bit forms may use both. */
  readonly base: number;
  readonly index: number;
  readonly scale: number;
  readonly displacement: number;
  /** Bytes of ModRM, SIB and displacement. */
  readonly length: number;
}

const SEGMENT_PREFIX = new Map([
  [0x26, 0],
  [0x2e, 1],
  [0x36, 2],
  [0x3e, 3],
  [0x64, 4],
  [0x65, 5],
]);
/** Base and index of the 16-bit address forms, by rm. */
const FORMS_16: readonly (readonly [number, number])[] = [
  [3, 6],
  [3, 7],
  [5, 6],
  [5, 7],
  [6, -1],
  [7, -1],
  [5, -1],
  [3, -1],
];

/** Decodes the instruction at the start of `bytes`; undefined when it is not defined or not complete. */
export function decodeGuest(bytes: Uint8Array, code32: boolean): GuestInstruction | undefined {
  const decoded = decode(bytes, 0, code32 ? 32 : 16);
  if (!decoded) return undefined;
  let operandSize: 2 | 4 = code32 ? 4 : 2;
  let addressSize: 2 | 4 = code32 ? 4 : 2;
  let override = -1;
  let repeat = 0;
  let lock = false;
  let at = 0;
  for (; at < bytes.length; at++) {
    const byte = bytes[at]!;
    const segment = SEGMENT_PREFIX.get(byte);
    if (segment !== undefined) override = segment;
    else if (byte === 0x66) operandSize = code32 ? 2 : 4;
    else if (byte === 0x67) addressSize = code32 ? 2 : 4;
    else if (byte === 0xf2 || byte === 0xf3) repeat = byte;
    else if (byte === 0xf0) lock = true;
    else break;
  }
  const { form, length } = decoded;
  const opcodeEnd = at + (form.map === 0 ? 1 : form.map === 1 ? 2 : 3);
  const modrm = form.modrm === 'none' ? undefined : parseModRm(bytes, opcodeEnd, addressSize);
  const immediateAt = opcodeEnd + (modrm?.length ?? 0);
  const immediateSize = length - immediateAt;
  return {
    form,
    op: form.op,
    bytes: bytes.slice(0, length),
    length,
    operandSize,
    addressSize,
    override,
    repeat,
    lock,
    opcodeAt: at,
    opcodeEnd,
    modrm,
    immediateAt,
    immediateSize,
    immediate: signed(bytes, immediateAt, firstImmediateSize(form, operandSize, addressSize, immediateSize)),
  };
}

function firstImmediateSize(form: Form, operandSize: number, addressSize: number, all: number): number {
  switch (form.immediates[0]) {
    case 'ib':
    case 'ibs':
    case 'cb':
      return 1;
    case 'iw':
      return 2;
    case 'iz':
    case 'iv':
    case 'cz':
    case 'ap':
      return operandSize;
    case 'ao':
      return addressSize;
    default:
      return Math.min(all, 4);
  }
}

function parseModRm(bytes: Uint8Array, at: number, addressSize: number): ModRm {
  const byte = bytes[at] ?? 0;
  const mod = byte >> 6;
  const reg = (byte >> 3) & 7;
  const rm = byte & 7;
  const isMemory = mod !== 3;
  let base = -1;
  let index = -1;
  let scale = 1;
  let end = at + 1;
  let size = mod === 1 ? 1 : 0;
  if (isMemory && addressSize === 2) {
    if (mod === 2) size = 2;
    if (mod === 0 && rm === 6) size = 2;
    else [base, index] = FORMS_16[rm] as [number, number];
  } else if (isMemory) {
    if (mod === 2) size = 4;
    base = rm;
    if (rm === 4) {
      const sib = bytes[end++] ?? 0;
      scale = 1 << (sib >> 6);
      index = (sib >> 3) & 7;
      if (index === 4) index = -1;
      base = sib & 7;
    }
    if (base === 5 && mod === 0) {
      base = -1;
      size = 4;
    }
  }
  const displacement = signed(bytes, end, size);
  return { at, mod, reg, rm, isMemory, base, index, scale, displacement, length: end + size - at };
}

function signed(bytes: Uint8Array, at: number, size: number): number {
  let value = 0;
  for (let n = 0; n < size; n++) value |= (bytes[at + n] ?? 0) << (8 * n);
  return size === 0 || size === 4 ? value : (value << (32 - 8 * size)) >> (32 - 8 * size);
}

/** Segment a memory operand goes through. */
export function operandSegment(instruction: GuestInstruction): number {
  if (instruction.override >= 0) return instruction.override;
  const base = instruction.modrm?.base ?? -1;
  return base === 4 || base === 5 ? 2 : 3;
}

/** Offset of the memory operand in its segment. */
export function operandOffset(instruction: GuestInstruction, reg: (n: number) => number): number {
  const modrm = instruction.modrm!;
  let offset = modrm.displacement;
  if (modrm.base >= 0) offset += reg(modrm.base);
  if (modrm.index >= 0) offset += Math.imul(reg(modrm.index), modrm.scale);
  return instruction.addressSize === 2 ? offset & 0xffff : offset >>> 0;
}

/** Mnemonic at the instruction's operand and address size: `iretd`, `cmpsb`. */
export function mnemonicName({ form, operandSize, addressSize }: GuestInstruction): string {
  return mnemonicOf(form, operandSize === 4 ? 32 : 16, addressSize === 4 ? 32 : 16);
}
