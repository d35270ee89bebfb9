// One form with its operands to bytes: the inverse of decode.ts. Truth: SDM Vol. 2 "Instruction Format".
import type { Form } from './forms.ts';
import { hasModrm } from './forms.ts';
import type { CodeMode, ImmediateOperand, MemoryOperand, Operand, RegisterOperand, Size } from './instruction.ts';
import { mandatoryPrefixByte } from './operands.ts';

/** What to encode. */
export interface Encodable {
  readonly form: Form;
  readonly operands: readonly Operand[];
  readonly operandSize: Size;
  readonly addressSize: Size;
  readonly lock?: boolean;
  readonly rep?: 'rep' | 'repe' | 'repne';
  /** Segment override of implicit operands (XLAT); memory operands carry their own. */
  readonly segment?: number;
  /** Keep a full-size displacement even when the value would fit in fewer bytes. */
  readonly wideDisplacement?: boolean;
}

const OVERRIDES = [0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65];
const SS = 2;
const DS = 3;

function little(value: number, size: number): number[] {
  const bytes: number[] = [];
  let rest = value < 0 ? value + 2 ** (8 * Math.min(size, 6)) : value;
  for (let i = 0; i < size; i++) {
    bytes.push(rest % 256);
    rest = Math.floor(rest / 256);
  }
  return bytes;
}

/** Segment a memory operand uses without an override. */
export function naturalSegment(operand: MemoryOperand): number {
  if (operand.implicit) return operand.base === 7 ? 0 : DS;
  return operand.base === 5 || (operand.base === 4 && operand.addressSize !== 16) ? SS : DS;
}

interface Fields {
  rex: number;
  /** Must there be a REX prefix (SPL BPL SIL DIL), or must there be none (AH CH DH BH)? */
  needsRex: boolean;
  refusesRex: boolean;
  opcodeLow: number;
  reg: number;
  rm: number[];
  immediates: number[];
}

function useRegister(fields: Fields, operand: RegisterOperand, rexBit: number): number {
  if (operand.high) {
    fields.refusesRex = true;
    return operand.register + 4;
  }
  if (operand.size === 1 && operand.register >= 4 && operand.register < 8) fields.needsRex = true;
  if (operand.register >= 8) fields.rex |= rexBit;
  return operand.register & 7;
}

const MODRM_16: readonly (readonly [number | undefined, number | undefined])[] = [
  [3, 6],
  [3, 7],
  [5, 6],
  [5, 7],
  [6, undefined],
  [7, undefined],
  [5, undefined],
  [3, undefined],
];

function address16(operand: MemoryOperand, wide: boolean): number[] | undefined {
  const { base, index, displacement } = operand;
  if (base === undefined && index === undefined) return [6, ...little(displacement & 0xffff, 2)];
  const rm = MODRM_16.findIndex(([b, i]) => (b === base && i === index) || (b === index && i === base));
  if (rm < 0 || operand.scale !== 1) return undefined;
  const signed = ((displacement & 0xffff) ^ 0x8000) - 0x8000;
  if (wide) return [0x80 | rm, ...little(displacement & 0xffff, 2)];
  if (signed === 0 && rm !== 6) return [rm];
  if (signed >= -128 && signed < 128) return [0x40 | rm, signed & 0xff];
  return [0x80 | rm, ...little(displacement & 0xffff, 2)];
}

function address32(operand: MemoryOperand, fields: Fields, mode: CodeMode, wide: boolean): number[] | undefined {
  const { base, index, displacement } = operand;
  if (operand.ripRelative) return mode === 64 ? [5, ...little(displacement, 4)] : undefined;
  if (index === 4) return undefined;
  if (base !== undefined && base >= 8) fields.rex |= 1;
  if (index !== undefined && index >= 8) fields.rex |= 2;
  const scale = { 1: 0, 2: 1, 4: 2, 8: 3 }[operand.scale] << 6;
  if (base === undefined) {
    if (index === undefined && mode !== 64) return [5, ...little(displacement, 4)];
    return [4, scale | ((index === undefined ? 4 : index & 7) << 3) | 5, ...little(displacement, 4)];
  }
  const small = displacement >= -128 && displacement < 128;
  const mod = wide ? 2 : displacement === 0 && (base & 7) !== 5 ? 0 : small ? 1 : 2;
  const tail = mod === 0 ? [] : little(displacement, mod === 1 ? 1 : 4);
  if (index === undefined && (base & 7) !== 4) return [(mod << 6) | (base & 7), ...tail];
  return [(mod << 6) | 4, scale | ((index === undefined ? 4 : index & 7) << 3) | (base & 7), ...tail];
}

function immediateBytes(operand: ImmediateOperand, size: number): number[] {
  return [...little(operand.value, Math.min(size, 4)), ...(size === 8 ? little(operand.high, 4) : [])].slice(0, size);
}

function encodeMemory(item: Encodable, operand: MemoryOperand, fields: Fields, mode: CodeMode): boolean {
  const wide = item.wideDisplacement ?? false;
  const bytes = item.addressSize === 16 ? address16(operand, wide) : address32(operand, fields, mode, wide);
  fields.rm = bytes ?? [];
  return bytes !== undefined;
}

/** A register of any kind in ModRM.reg. */
function encodeReg(fields: Fields, register: number): true {
  fields.reg = register & 7;
  if (register >= 8) fields.rex |= 4;
  return true;
}

/** False when the operand is not of the kind the form has there. */
function encodeOperand(item: Encodable, at: number, fields: Fields, mode: CodeMode): boolean {
  const code = item.form.codes[at]!;
  const operand = item.operands[at]!;
  const z = item.operandSize === 16 ? 2 : 4;
  switch (code.kind) {
    case 'rm':
    case 'memory':
    case 'address':
    case 'rm-register':
      if (operand.type === 'memory') return encodeMemory(item, operand, fields, mode);
      if (operand.type === 'register') fields.rm = [0xc0 | useRegister(fields, operand, 1)];
      return operand.type === 'register';
    case 'mm-rm':
    case 'mm-rm-register':
    case 'xmm-rm':
    case 'xmm-rm-register':
    case 'st-rm':
      if (operand.type === 'memory') return encodeMemory(item, operand, fields, mode);
      if (operand.type !== 'mm' && operand.type !== 'xmm' && operand.type !== 'st') return false;
      fields.rm = [0xc0 | (operand.register & 7)];
      if (operand.register >= 8) fields.rex |= 1;
      return true;
    case 'mm-reg':
    case 'xmm-reg':
      return (operand.type === 'mm' || operand.type === 'xmm') && encodeReg(fields, operand.register);
    case 'reg':
      if (operand.type === 'register') fields.reg = useRegister(fields, operand, 4);
      return operand.type === 'register';
    case 'opcode-reg':
      if (operand.type === 'register') fields.opcodeLow = useRegister(fields, operand, 1);
      return operand.type === 'register';
    case 'segment':
    case 'control':
    case 'debug':
      return operand.type === code.kind && encodeReg(fields, operand.register);
    case 'immediate': {
      if (operand.type !== 'immediate') return false;
      const size = { ib: 1, ibs: 1, iw: 2, iz: z, iv: item.operandSize / 8 }[code.immediate as 'ib'];
      fields.immediates.push(...immediateBytes(operand, size));
      return true;
    }
    case 'relative':
      if (operand.type !== 'relative') return false;
      fields.immediates.push(...little(operand.displacement, code.immediate === 'cb' ? 1 : z));
      return true;
    case 'far-pointer':
      if (operand.type !== 'far') return false;
      fields.immediates.push(...little(operand.offset, z), ...little(operand.selector, 2));
      return true;
    case 'offset': {
      if (operand.type !== 'memory' || operand.base !== undefined || operand.index !== undefined) return false;
      const high = operand.wideDisplacement === undefined ? 0 : Number(operand.wideDisplacement >> 32n);
      const tail = item.addressSize === 64 ? little(high, 4) : [];
      fields.immediates.push(...little(operand.displacement, item.addressSize === 16 ? 2 : 4), ...tail);
      return true;
    }
    default:
      return true; // implicit operands take no bytes
  }
}

function prefixBytes(item: Encodable, mode: CodeMode): number[] {
  const { form } = item;
  const bytes: number[] = [];
  const memory = item.operands.find(
    (o, n): o is MemoryOperand => o.type === 'memory' && form.codes[n]!.kind !== 'string-destination',
  );
  const segment = memory && memory.segment !== naturalSegment(memory) ? memory.segment : item.segment;
  if (item.lock) bytes.push(0xf0);
  if (item.rep) bytes.push(item.rep === 'repne' ? 0xf2 : 0xf3);
  if (segment !== undefined) bytes.push(OVERRIDES[segment]!);
  const natural = mode === 64 ? (form.size64 ? 64 : 32) : mode;
  if (item.operandSize !== natural && item.operandSize !== 64 && form.prefix !== '66') {
    if (mode !== 64 || item.operandSize === 16) bytes.push(0x66);
  }
  if (item.addressSize !== mode) bytes.push(0x67);
  return [...bytes, ...mandatoryPrefixByte(form.prefix)];
}

/** Encodes; undefined when the operands do not fit the form in this mode. */
export function encode(item: Encodable, mode: CodeMode): number[] | undefined {
  const { form, operandSize } = item;
  if (form.modes === '64' ? mode !== 64 : form.modes === 'legacy' && mode === 64) return undefined;
  if (mode !== 64 && (operandSize === 64 || item.addressSize === 64)) return undefined;
  if (mode === 64 && (item.addressSize === 16 || (operandSize === 32 && form.size64 !== undefined))) return undefined;
  const fields: Fields = {
    rex: operandSize === 64 && form.size64 === undefined ? 8 : 0,
    needsRex: false,
    refusesRex: false,
    opcodeLow: 0,
    reg: 0,
    rm: [0xc0],
    immediates: [],
  };
  for (let at = 0; at < form.codes.length; at++) {
    if (!encodeOperand(item, at, fields, mode)) return undefined;
  }
  const rex = fields.rex !== 0 || fields.needsRex;
  if (rex && (mode !== 64 || fields.refusesRex)) return undefined;
  const bytes = prefixBytes(item, mode);
  if (rex) bytes.push(0x40 | fields.rex);
  if (form.map > 0) bytes.push(0x0f);
  if (form.map > 1) bytes.push(form.map === 2 ? 0x38 : 0x3a);
  bytes.push(form.opcode + fields.opcodeLow);
  if (hasModrm(form)) {
    const [first, ...rest] = fields.rm;
    if (typeof form.modrm === 'object' && 'byte' in form.modrm) bytes.push(form.modrm.byte);
    else {
      const reg = typeof form.modrm === 'object' ? form.modrm.digit : fields.reg;
      bytes.push(first! | (reg << 3), ...rest);
    }
  }
  bytes.push(...fields.immediates);
  return bytes.length > 15 ? undefined : bytes;
}
