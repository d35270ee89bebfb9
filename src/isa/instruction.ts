// What the decoder returns and the assembler and disassembler work on: one decoded instruction with its operands.
import type { Form } from './forms.ts';

/** Code size: default operand and address size of the code segment, or 64-bit mode. */
export type CodeMode = 16 | 32 | 64;

/** Operand and address sizes in bits. */
export type Size = 16 | 32 | 64;

/** General register of a size in bytes; `high` marks AH CH DH BH, then `register` is 0-3. */
export interface RegisterOperand {
  readonly type: 'register';
  readonly register: number;
  readonly size: number;
  readonly high?: true;
}

/** Memory: [segment:base + index * scale + displacement]. */
export interface MemoryOperand {
  readonly type: 'memory';
  /** Register numbers; absent = none. In 64-bit mode `ripRelative` counts from the next instruction. */
  readonly base?: number;
  readonly index?: number;
  readonly scale: 1 | 2 | 4 | 8;
  /** Signed, except with neither base nor index, where it is the unsigned address. */
  readonly displacement: number;
  /** Address of the MOV moffs64 forms when it needs more than 32 bits. */
  readonly wideDisplacement?: bigint;
  readonly ripRelative?: true;
  /** Segment register used, the override already applied. */
  readonly segment: number;
  /** Bytes accessed, 0 where an instruction only uses the address or a structure of its own. */
  readonly size: number;
  readonly addressSize: Size;
  /** Address of a string instruction: rSI or rDI, implicit in the encoding. */
  readonly implicit?: true;
}

/** Constant; unsigned, truncated to `size` bytes (of operand size, for sign-extended bytes); `high` has bits 63:32. */
export interface ImmediateOperand {
  readonly type: 'immediate';
  readonly value: number;
  readonly high: number;
  readonly size: number;
}

/** Near branch target, counted from the next instruction. */
export interface RelativeOperand {
  readonly type: 'relative';
  readonly displacement: number;
  /** Bytes of the displacement in the encoding. */
  readonly size: number;
}

/** Far pointer in the instruction. */
export interface FarOperand {
  readonly type: 'far';
  readonly selector: number;
  readonly offset: number;
  readonly size: number;
}

/** Segment, control, debug, MMX, XMM or x87 stack register. */
export interface SpecialRegisterOperand {
  readonly type: 'segment' | 'control' | 'debug' | 'mm' | 'xmm' | 'st';
  readonly register: number;
}

/** An operand. */
export type Operand =
  | RegisterOperand
  | MemoryOperand
  | ImmediateOperand
  | RelativeOperand
  | FarOperand
  | SpecialRegisterOperand;

/** Prefixes as found, whether they mean anything or not. */
export interface Prefixes {
  readonly lock: boolean;
  /** The last of F3 and F2. */
  readonly repeat?: 'F3' | 'F2';
  readonly segment?: number;
  readonly operandSize: boolean;
  readonly addressSize: boolean;
  readonly rex: number;
}

/** A decoded instruction. */
export interface Instruction {
  readonly form: Form;
  readonly mnemonic: string;
  readonly length: number;
  readonly prefixes: Prefixes;
  readonly operandSize: Size;
  readonly addressSize: Size;
  readonly operands: readonly Operand[];
  /** Repetition that is in force: only string instructions have one. */
  readonly rep?: 'rep' | 'repe' | 'repne';
  readonly lock: boolean;
  /** Segment override, if there is one. */
  readonly segment?: number;
  /** ModRM byte, if there is one, for those who need reg of a group. */
  readonly modrm?: number;
}

/** Segment register names by number. */
export const SEGMENT_NAMES = ['es', 'cs', 'ss', 'ds', 'fs', 'gs'] as const;

/** Number of a segment register name, -1 for anything else. */
export function segmentNumber(name: string | undefined): number {
  return (SEGMENT_NAMES as readonly (string | undefined)[]).indexOf(name);
}

const CLASSIC = ['ax', 'cx', 'dx', 'bx', 'sp', 'bp', 'si', 'di'];
const BYTES = ['al', 'cl', 'dl', 'bl', 'spl', 'bpl', 'sil', 'dil'];
const HIGH_BYTES = ['ah', 'ch', 'dh', 'bh'];

/** Name of a general register of 1, 2, 4 or 8 bytes. */
export function registerName(register: number, size: number, high = false): string {
  if (high) return HIGH_BYTES[register]!;
  if (register >= 8) return `r${register}${size === 1 ? 'b' : size === 2 ? 'w' : size === 4 ? 'd' : ''}`;
  if (size === 1) return BYTES[register]!;
  const name = CLASSIC[register]!;
  return size === 2 ? name : size === 4 ? `e${name}` : `r${name}`;
}

/** Mnemonic of a form at an operand and address size. */
export function mnemonicOf(form: Form, operandSize: Size, addressSize: Size): string {
  if (!form.mnemonic.includes('/')) return form.mnemonic;
  const names = form.mnemonic.split('/');
  const size = form.namedByAddress ? addressSize : operandSize;
  return names[size === 16 ? 0 : size === 32 ? 1 : 2] ?? names.at(-1)!;
}
