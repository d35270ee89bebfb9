// Does an operand as written fit an operand code of a form, at given sizes? Part of the assembler.
import type { ParsedAddress, ParsedOperand } from './assembly-operand.ts';
import type { Value } from './assembly-syntax.ts';
import { naturalSegment } from './encode.ts';
import type { Form } from './forms.ts';
import type { CodeMode, MemoryOperand, Operand, Size } from './instruction.ts';
import { type OperandCode, widthBytes } from './operands.ts';

/** Sizes an attempt to encode goes by. */
export interface Setting {
  readonly mode: CodeMode;
  readonly operandSize: Size;
  readonly addressSize: Size;
  readonly address: number;
}

/** Operand size of a form without prefixes. */
export const defaultSize = (form: Form, mode: CodeMode): Size => (mode === 64 ? (form.size64 ? 64 : 32) : mode);

/** True when a value can be written with so many bits, signed or unsigned. */
export function fits(value: Value, bits: number): boolean {
  const limit = 1n << BigInt(bits);
  return value.constant >= -(limit >> 1n) && value.constant < limit;
}

function signExtends(value: Value, from: number, to: number): boolean {
  if (!fits(value, to)) return false;
  const signed = BigInt.asIntN(to, value.constant);
  return signed === BigInt.asIntN(from, signed);
}

function immediateOperand(value: Value, size: number): Operand {
  const bits = BigInt.asUintN(64, value.constant);
  const low = Number(bits & 0xffffffffn);
  const mask = size >= 4 ? 0xffffffff : 2 ** (8 * size) - 1;
  return { type: 'immediate', value: (low & mask) >>> 0, high: size === 8 ? Number(bits >> 32n) : 0, size };
}

function matchImmediate(code: OperandCode, operand: ParsedOperand, setting: Setting): Operand | undefined {
  if (operand.kind !== 'value') return undefined;
  const { value, size } = operand;
  const bits = setting.operandSize;
  const asOperandSize = size === undefined || size * 8 === bits;
  switch (code.immediate) {
    case 'ib':
      return (size ?? 1) === 1 && fits(value, 8) ? immediateOperand(value, 1) : undefined;
    case 'iw':
      return (size ?? 2) === 2 && fits(value, 16) ? immediateOperand(value, 2) : undefined;
    case 'ibs':
      if (!asOperandSize && size !== 1) return undefined;
      return signExtends(value, 8, bits) ? immediateOperand(value, bits / 8) : undefined;
    case 'iz':
      if (!asOperandSize) return undefined;
      if (bits === 64 ? !signExtends(value, 32, 64) : !fits(value, bits)) return undefined;
      return immediateOperand(value, bits / 8);
    case 'iv':
      return asOperandSize && fits(value, bits) ? immediateOperand(value, bits / 8) : undefined;
    default:
      return undefined;
  }
}

function displacementOf(address: ParsedAddress, size: Size): number | undefined {
  const value = address.displacement.constant;
  const limit = 1n << BigInt(size);
  if (value < -(limit >> 1n) || value >= limit) return undefined;
  if (size === 64)
    return signExtends({ ...address.displacement }, 32, 64) ? Number(BigInt.asIntN(64, value)) : undefined;
  const absolute = !address.base && !address.index && !address.ripRelative;
  return Number(absolute ? BigInt.asUintN(size, value) : BigInt.asIntN(size, value));
}

function memoryOperand(address: ParsedAddress, size: number, setting: Setting): MemoryOperand | undefined {
  const { addressSize } = setting;
  if (address.addressSize !== undefined && address.addressSize !== addressSize) return undefined;
  const displacement = displacementOf(address, addressSize);
  if (displacement === undefined) return undefined;
  const operand: MemoryOperand = {
    type: 'memory',
    scale: address.scale,
    displacement,
    segment: 0,
    size,
    addressSize,
    ...(address.base ? { base: address.base.register } : {}),
    ...(address.index ? { index: address.index.register } : {}),
    ...(address.ripRelative ? { ripRelative: true as const } : {}),
  };
  return { ...operand, segment: address.segment ?? naturalSegment(operand) };
}

function matchMemory(code: OperandCode, operand: ParsedOperand & { kind: 'memory' }, setting: Setting) {
  const size = widthBytes(code.width, setting.operandSize, setting.mode, true);
  if (operand.size !== undefined) {
    const expected = code.width === 'p' ? setting.operandSize / 8 : size;
    const free = code.kind === 'address' || ['s', 'a', 'o'].includes(code.width);
    if (!free && operand.size !== expected) return undefined;
  }
  return memoryOperand(operand.address, size, setting);
}

function matchRegister(code: OperandCode, operand: ParsedOperand, setting: Setting, form: Form): Operand | undefined {
  if (operand.kind !== 'register') return undefined;
  const size = widthBytes(code.width, setting.operandSize, setting.mode);
  const anySize = form.op === 'mov_to_segment' && operand.size > 1;
  if (operand.size !== size && !anySize) return undefined;
  return { type: 'register', register: operand.register, size, ...(operand.high ? { high: true } : {}) };
}

function matchRelative(code: OperandCode, operand: ParsedOperand): Operand | undefined {
  if (operand.kind !== 'value' || operand.size !== undefined) return undefined;
  const short = code.immediate === 'cb';
  if (operand.distance !== undefined && (operand.distance === 'short') !== short) return undefined;
  return { type: 'relative', displacement: 0, size: short ? 1 : 4 };
}

function matchOffset(code: OperandCode, operand: ParsedOperand, setting: Setting): Operand | undefined {
  if (operand.kind !== 'memory') return undefined;
  const { base, index, ripRelative, displacement } = operand.address;
  if (base || index || ripRelative) return undefined;
  const size = widthBytes(code.width, setting.operandSize, setting.mode);
  if (operand.size !== undefined && operand.size !== size) return undefined;
  const { addressSize } = setting;
  if (addressSize !== 64) return memoryOperand(operand.address, size, setting);
  const wide = BigInt.asUintN(64, displacement.constant);
  const low = Number(wide & 0xffffffffn);
  const segment = operand.address.segment ?? 3;
  const operandAt = { type: 'memory', scale: 1, displacement: low, segment, size, addressSize } as const;
  return wide > 0xffffffffn ? { ...operandAt, wideDisplacement: wide } : operandAt;
}

function matchFar(operand: ParsedOperand, setting: Setting): Operand | undefined {
  if (operand.kind !== 'far') return undefined;
  const size = setting.operandSize / 8;
  if (operand.size !== undefined && operand.size !== size) return undefined;
  if (!fits(operand.offset, setting.operandSize) || !fits(operand.selector, 16)) return undefined;
  const offset = Number(BigInt.asUintN(setting.operandSize, operand.offset.constant));
  return { type: 'far', selector: Number(BigInt.asUintN(16, operand.selector.constant)), offset, size };
}

/** MMX, XMM and x87 registers, and memory in their place. */
function matchExtended(code: OperandCode, operand: ParsedOperand, setting: Setting): Operand | undefined {
  if (operand.kind === 'memory')
    return code.kind === 'mm-rm' || code.kind === 'xmm-rm' ? matchMemory(code, operand, setting) : undefined;
  const type = code.kind.startsWith('mm') ? 'mm' : code.kind.startsWith('xmm') ? 'xmm' : 'st';
  if (operand.kind !== type || (code.kind === 'st0' && operand.register !== 0)) return undefined;
  return { type, register: operand.register };
}

/** The operand for a form's operand code, if the written one fits it. */
export function matchOperand(
  code: OperandCode,
  operand: ParsedOperand,
  setting: Setting,
  form: Form,
): Operand | undefined {
  switch (code.kind) {
    case 'rm':
      return operand.kind === 'memory'
        ? matchMemory(code, operand, setting)
        : matchRegister(code, operand, setting, form);
    case 'memory':
    case 'address':
      return operand.kind === 'memory' ? matchMemory(code, operand, setting) : undefined;
    case 'rm-register':
    case 'reg':
    case 'opcode-reg':
      return matchRegister(code, operand, setting, form);
    case 'segment':
    case 'control':
    case 'debug':
      return operand.kind === code.kind ? { type: code.kind, register: operand.register } : undefined;
    case 'fixed-segment':
      return operand.kind === 'segment' && operand.register === code.segment
        ? { type: 'segment', register: operand.register }
        : undefined;
    case 'immediate':
      return matchImmediate(code, operand, setting);
    case 'relative':
      return matchRelative(code, operand);
    case 'far-pointer':
      return matchFar(operand, setting);
    case 'offset':
      return matchOffset(code, operand, setting);
    case 'one': {
      const one = operand.kind === 'value' && operand.value.constant === 1n && !operand.value.relocatable;
      return one ? { type: 'immediate', value: 1, high: 0, size: 1 } : undefined;
    }
    case 'mm-reg':
    case 'mm-rm':
    case 'mm-rm-register':
    case 'xmm-reg':
    case 'xmm-rm':
    case 'xmm-rm-register':
    case 'st0':
    case 'st-rm':
      return matchExtended(code, operand, setting);
    default: {
      // AL eAX rAX, CL, DX
      const number = code.kind === 'fixed-cl' ? 1 : code.kind === 'fixed-dx' ? 2 : 0;
      const found = matchRegister(code, operand, setting, form);
      return found?.type === 'register' && found.register === number && !found.high ? found : undefined;
    }
  }
}
