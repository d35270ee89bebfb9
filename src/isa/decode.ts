// Bytes to instructions. Truth: SDM Vol. 2 "Instruction Format" and Appendix A "Opcode Map".
import {
  decodeTree,
  NODE_FORM,
  NODE_MOD,
  NODE_MODE,
  NODE_NOT_SUPPORTED,
  NODE_PREFIX,
  NODE_REG,
  NODE_RM,
} from './decode-tree.ts';
import { type Form, formByIndex, hasModrm } from './forms.ts';
import {
  type CodeMode,
  type ImmediateOperand,
  type Instruction,
  type MemoryOperand,
  type Operand,
  type Prefixes,
  type RegisterOperand,
  type Size,
  mnemonicOf,
} from './instruction.ts';
import { Cursor, type DecodeFailure, Undecodable, readMemory } from './instruction-bytes.ts';
import { EXTENSIONS } from './not-supported.ts';
import { type Immediate, type OperandCode, widthBytes } from './operands.ts';

const SEGMENT_PREFIXES: Readonly<Record<number, number>> = { 38: 0, 46: 1, 54: 2, 62: 3, 100: 4, 101: 5 };
const DS = 3;

function readPrefixes(cursor: Cursor, mode: CodeMode): Prefixes {
  let lock = false;
  let repeat: 'F3' | 'F2' | undefined;
  let segment: number | undefined;
  let operandSize = false;
  let addressSize = false;
  let rex = 0;
  for (;;) {
    const byte = cursor.peek();
    const override = SEGMENT_PREFIXES[byte];
    if (byte === 0xf0) lock = true;
    else if (byte === 0xf3) repeat = 'F3';
    else if (byte === 0xf2) repeat = 'F2';
    else if (byte === 0x66) operandSize = true;
    else if (byte === 0x67) addressSize = true;
    else if (override !== undefined) segment = mode === 64 && override < 4 ? segment : override;
    else if (mode === 64 && (byte & 0xf0) === 0x40) {
      cursor.at++;
      rex = byte;
      if (!isPrefix(cursor.peek())) break;
      rex = 0;
      continue;
    } else break;
    cursor.at++;
  }
  const base = { lock, operandSize, addressSize, rex };
  return { ...base, ...(repeat ? { repeat } : {}), ...(segment === undefined ? {} : { segment }) };
}

const isPrefix = (byte: number) =>
  [0xf0, 0xf2, 0xf3, 0x66, 0x67].includes(byte) || SEGMENT_PREFIXES[byte] !== undefined || (byte & 0xf0) === 0x40;

function findForm(cursor: Cursor, prefixes: Prefixes, mode: CodeMode): { form: Form; opcode: number } {
  let map = 0;
  let opcode = cursor.byte();
  if (opcode === 0x0f) {
    map = 1;
    opcode = cursor.byte();
    if (opcode === 0x38 || opcode === 0x3a) {
      map = opcode === 0x38 ? 2 : 3;
      opcode = cursor.byte();
    }
  }
  if (map === 0 && opcode === 0x90 && (prefixes.rex & 1) !== 0) return { form: formOf(0x91, prefixes, mode), opcode };
  const tree = decodeTree();
  let entry = tree.roots[map * 256 + opcode]!;
  for (;;) {
    const kind = entry >> 13;
    const value = entry & 0x1fff;
    if (kind === NODE_FORM) return { form: formByIndex(value)!, opcode };
    if (kind === NODE_NOT_SUPPORTED) throw new Undecodable(EXTENSIONS[value]!);
    entry = tree.nodes[value + branch(kind, cursor, prefixes, mode)]!;
  }
}

function formOf(opcode: number, prefixes: Prefixes, mode: CodeMode): Form {
  return findForm(new Cursor([opcode], 0), { ...prefixes, rex: 0 }, mode).form;
}

function branch(kind: number, cursor: Cursor, prefixes: Prefixes, mode: CodeMode): number {
  switch (kind) {
    case NODE_REG:
      return (cursor.peek() >> 3) & 7;
    case NODE_MOD:
      return cursor.peek() >= 0xc0 ? 1 : 0;
    case NODE_PREFIX:
      return prefixes.repeat === 'F2' ? 3 : prefixes.repeat === 'F3' ? 2 : prefixes.operandSize ? 1 : 0;
    case NODE_RM:
      return cursor.peek() & 7;
    case NODE_MODE:
      return mode === 64 ? 1 : 0;
    default:
      throw new Error(`no node kind ${kind}`);
  }
}

function operandSizeOf(form: Form, prefixes: Prefixes, mode: CodeMode): Size {
  if (mode === 64) {
    if (form.size64 === 'f64' || (prefixes.rex & 8) !== 0) return 64;
    if (prefixes.operandSize && form.prefix !== '66') return 16;
    return form.size64 === 'd64' ? 64 : 32;
  }
  const override = prefixes.operandSize && form.prefix !== '66';
  return (mode === 16) === override ? 32 : 16;
}

function addressSizeOf(prefixes: Prefixes, mode: CodeMode): Size {
  if (mode === 64) return prefixes.addressSize ? 32 : 64;
  return (mode === 16) === prefixes.addressSize ? 32 : 16;
}

interface Context {
  readonly cursor: Cursor;
  readonly prefixes: Prefixes;
  readonly mode: CodeMode;
  readonly operandSize: Size;
  readonly addressSize: Size;
  readonly opcode: number;
  readonly modrm: number;
  /** ModRM.rm as memory, parsed once. */
  readonly memory: MemoryOperand | undefined;
}

function register(number: number, size: number, rex: number): RegisterOperand {
  if (size === 1 && rex === 0 && number >= 4 && number < 8) {
    return { type: 'register', register: number - 4, size, high: true };
  }
  return { type: 'register', register: number, size };
}

function readImmediate(kind: Immediate, code: OperandCode, context: Context): Operand {
  const { cursor, operandSize, mode } = context;
  const size = widthBytes(code.width, operandSize, mode);
  const z = operandSize === 16 ? 2 : 4;
  switch (kind) {
    case 'ib':
      return immediate(cursor.unsigned(1), 0, 1);
    case 'ibs':
      return signedImmediate(cursor.signed(1), size);
    case 'iw':
      return immediate(cursor.unsigned(2), 0, 2);
    case 'iz':
      return signedImmediate(cursor.signed(z), size);
    case 'iv': {
      const low = cursor.unsigned(Math.min(size, 4));
      return immediate(low, size === 8 ? cursor.unsigned(4) : 0, size);
    }
    case 'cb':
      return { type: 'relative', displacement: cursor.signed(1), size: 1 };
    case 'cz':
      return { type: 'relative', displacement: cursor.signed(z), size: z };
    case 'ap': {
      const offset = cursor.unsigned(z);
      return { type: 'far', offset, selector: cursor.unsigned(2), size: z };
    }
    case 'ao': {
      const low = cursor.unsigned(context.addressSize === 16 ? 2 : 4);
      const high = context.addressSize === 64 ? cursor.unsigned(4) : 0;
      const wide = high === 0 ? {} : { wideDisplacement: (BigInt(high) << 32n) | BigInt(low) };
      const segment = context.prefixes.segment ?? DS;
      const { addressSize } = context;
      return { type: 'memory', scale: 1, displacement: low, ...wide, segment, size, addressSize };
    }
    case 'none':
      throw new Error(`operand ${code.name} has no immediate`);
  }
}

const immediate = (value: number, high: number, size: number): ImmediateOperand => ({
  type: 'immediate',
  value,
  high,
  size,
});

function signedImmediate(value: number, size: number): ImmediateOperand {
  const low = value >>> 0;
  return immediate(
    size === 1 ? low & 0xff : size === 2 ? low & 0xffff : low,
    size === 8 && value < 0 ? 0xffffffff : 0,
    size,
  );
}

function stringOperand(code: OperandCode, context: Context, size: number): MemoryOperand {
  const source = code.kind === 'string-source';
  const segment = source ? (context.prefixes.segment ?? DS) : 0;
  const base = source ? 6 : 7;
  const { addressSize } = context;
  return { type: 'memory', base, scale: 1, displacement: 0, segment, size, addressSize, implicit: true };
}

function readOperand(code: OperandCode, context: Context): Operand {
  const { modrm, prefixes, operandSize, mode } = context;
  const { rex } = prefixes;
  const size = widthBytes(code.width, operandSize, mode, context.memory !== undefined);
  const reg = ((modrm >> 3) & 7) | ((rex & 4) << 1);
  const rm = (modrm & 7) | ((rex & 1) << 3);
  switch (code.kind) {
    case 'rm':
    case 'memory':
    case 'address':
      return context.memory ? { ...context.memory, size } : register(rm, size, rex);
    case 'rm-register':
      return register(rm, size, rex);
    case 'reg':
      return register(reg, size, rex);
    case 'opcode-reg':
      return register((context.opcode & 7) | ((rex & 1) << 3), size, rex);
    case 'segment':
      return { type: 'segment', register: reg & 7 };
    case 'control':
    case 'debug':
      return { type: code.kind, register: reg };
    case 'immediate':
    case 'relative':
    case 'far-pointer':
    case 'offset':
      return readImmediate(code.immediate, code, context);
    case 'string-source':
    case 'string-destination':
      return stringOperand(code, context, size);
    case 'accumulator':
      return register(0, size, rex);
    case 'fixed-cl':
      return register(1, 1, rex);
    case 'fixed-dx':
      return register(2, 2, rex);
    case 'fixed-segment':
      return { type: 'segment', register: code.segment! };
    case 'one':
      return immediate(1, 0, 1);
    case 'mm-reg':
      return { type: 'mm', register: reg & 7 };
    case 'mm-rm':
    case 'mm-rm-register':
      return context.memory ? { ...context.memory, size } : { type: 'mm', register: rm & 7 };
    case 'xmm-reg':
      return { type: 'xmm', register: reg };
    case 'xmm-rm':
    case 'xmm-rm-register':
      return context.memory ? { ...context.memory, size } : { type: 'xmm', register: rm };
    case 'st0':
      return { type: 'st', register: 0 };
    case 'st-rm':
      return { type: 'st', register: rm & 7 };
    case 'none':
      throw new Error('no operand');
  }
}

function repetition(form: Form, prefixes: Prefixes): Instruction['rep'] {
  if (!form.repeat || !prefixes.repeat) return undefined;
  if (form.repeat === 'count') return 'rep';
  return prefixes.repeat === 'F3' ? 'repe' : 'repne';
}

function decodeAt(bytes: ArrayLike<number>, at: number, mode: CodeMode): Instruction {
  const cursor = new Cursor(bytes, at);
  const prefixes = readPrefixes(cursor, mode);
  const { form, opcode } = findForm(cursor, prefixes, mode);
  const operandSize = operandSizeOf(form, prefixes, mode);
  const addressSize = addressSizeOf(prefixes, mode);
  const modrm = hasModrm(form) ? cursor.byte() : undefined;
  const forcedRegister = form.codes.some((c) => c.kind === 'rm-register');
  const inMemory = modrm !== undefined && modrm < 0xc0 && !forcedRegister;
  const memory = inMemory ? readMemory(cursor, modrm, prefixes, mode, addressSize) : undefined;
  if (prefixes.lock && !(form.lock && memory)) throw new Undecodable('LOCK not allowed');
  const context = { cursor, prefixes, mode, operandSize, addressSize, opcode, modrm: modrm ?? 0, memory };
  const operands = form.codes.map((code) => readOperand(code, context));
  const rep = repetition(form, prefixes);
  return {
    form,
    mnemonic: mnemonicOf(form, operandSize, addressSize),
    length: cursor.at - at,
    prefixes,
    operandSize,
    addressSize,
    operands,
    lock: prefixes.lock,
    ...(rep ? { rep } : {}),
    ...(prefixes.segment === undefined ? {} : { segment: prefixes.segment }),
    ...(modrm === undefined ? {} : { modrm }),
  };
}

/** Decodes the instruction at `at`, or says why there is none. */
export function tryDecode(bytes: ArrayLike<number>, at: number, mode: CodeMode): Instruction | DecodeFailure {
  try {
    return decodeAt(bytes, at, mode);
  } catch (error) {
    if (error instanceof Undecodable) return error.reason;
    throw error;
  }
}

/** Decodes the instruction at `at`; undefined when the processor would raise #UD or more bytes are needed. */
export function decode(bytes: ArrayLike<number>, at: number, mode: CodeMode): Instruction | undefined {
  const result = tryDecode(bytes, at, mode);
  return typeof result === 'string' ? undefined : result;
}
