// From a parsed statement to bytes: finds the forms of a mnemonic that fit the operands and takes the shortest encoding.
import { AssemblyError } from './assembly-error.ts';
import type { ParsedAddress, ParsedOperand } from './assembly-operand.ts';
import type { Value } from './assembly-syntax.ts';
import { widthBytes } from './decode.ts';
import { encode, naturalSegment } from './encode.ts';
import { CONDITIONS } from './form.ts';
import { FORMS, type Form } from './forms.ts';
import type { CodeMode, MemoryOperand, Operand, Size } from './instruction.ts';
import type { OperandCode } from './operands.ts';

/** An instruction as written. */
export interface Statement {
  readonly mnemonic: string;
  readonly operands: readonly ParsedOperand[];
  readonly lock: boolean;
  readonly rep?: 'rep' | 'repe' | 'repne';
  /** Prefix words: segment override of an implicit operand, o16/o32, a16/a32. */
  readonly segment?: number;
  readonly operandSize?: Size;
  readonly addressSize?: Size;
}

/** Where the statement stands. */
export interface Place {
  readonly mode: CodeMode;
  readonly address: number;
  /** Length in an earlier pass: never pick a shorter encoding, so that the passes converge. */
  readonly atLeast: number;
}

interface Named {
  readonly form: Form;
  /** The mnemonic fixes operand (or address) size. */
  readonly size?: Size;
  readonly far: boolean;
}

const SPELLINGS: Readonly<Record<string, string>> = {
  sal: 'shl',
  icebp: 'int1',
  xlat: 'xlatb',
  retn: 'ret',
  loopz: 'loope',
  loopnz: 'loopne',
  ud2a: 'ud2',
};

/** Mnemonics that mean the default operand size of the mode. */
const UNSUFFIXED: Readonly<Record<string, string>> = {
  pusha: 'pushaw',
  popa: 'popaw',
  pushf: 'pushfw',
  popf: 'popfw',
  iret: 'iretw',
};

const byMnemonic = new Map<string, Named[]>();

function register(name: string, named: Named): void {
  const list = byMnemonic.get(name) ?? [];
  list.push(named);
  byMnemonic.set(name, list);
}

function registerForm(form: Form): void {
  if (form.alias) return;
  const far = form.mnemonic.endsWith(' far');
  const names = form.mnemonic.replace(' far', '').split('/');
  if (names.length === 1) register(names[0]!, { form, far });
  else {
    const sizes = [16, 32, 64] as const;
    names.forEach((name, n) => {
      register(name, { form, far, size: sizes[n]! });
    });
  }
  for (const [short, full] of Object.entries(UNSUFFIXED)) {
    if (names[0] === full) register(short, { form, far });
  }
  const condition = CONDITIONS.find(
    ({ names: [first] }) => /^(j|set|cmov)/.test(form.op) && form.op.replace(/^(j|set|cmov)/, '') === first,
  );
  if (condition) {
    const stem = /^(j|set|cmov)/.exec(form.op)![1]!;
    for (const name of condition.names.slice(1)) register(stem + name, { form, far });
  }
}

FORMS.forEach(registerForm);

/** True when the assembler knows the mnemonic. */
export function isMnemonic(name: string): boolean {
  return byMnemonic.has(SPELLINGS[name] ?? name);
}

interface Setting {
  readonly mode: CodeMode;
  readonly operandSize: Size;
  readonly addressSize: Size;
  readonly address: number;
}

const defaultSize = (form: Form, mode: CodeMode): Size => (mode === 64 ? (form.size64 ? 64 : 32) : mode);

function fits(value: Value, bits: number): boolean {
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

function matchOperand(code: OperandCode, operand: ParsedOperand, setting: Setting, form: Form): Operand | undefined {
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
    default: {
      // AL eAX rAX, CL, DX
      const number = code.kind === 'fixed-cl' ? 1 : code.kind === 'fixed-dx' ? 2 : 0;
      const found = matchRegister(code, operand, setting, form);
      return found?.type === 'register' && found.register === number && !found.high ? found : undefined;
    }
  }
}

function stringOperands(form: Form, statement: Statement, setting: Setting): Operand[] {
  return form.codes.map((code): Operand => {
    const size = widthBytes(code.width, setting.operandSize, setting.mode);
    if (!code.kind.startsWith('string')) {
      return { type: 'register', register: code.kind === 'fixed-dx' ? 2 : 0, size };
    }
    const source = code.kind === 'string-source';
    const segment = source ? (statement.segment ?? 3) : 0;
    const { addressSize } = setting;
    const base = source ? 6 : 7;
    return { type: 'memory', base, scale: 1, displacement: 0, segment, size, addressSize, implicit: true };
  });
}

interface Found {
  readonly form: Form;
  readonly setting: Setting;
  readonly operands: readonly Operand[];
  readonly bytes: readonly number[];
}

const SIZED_KINDS = ['rm', 'memory', 'reg', 'opcode-reg', 'accumulator'];
const SIZED_WIDTHS = ['v', 'z', 'y', 'p', 'x', 'a'];

function sizesToTry(named: Named, statement: Statement, mode: CodeMode): readonly Size[] {
  const { form } = named;
  if (named.size !== undefined && !form.namedByAddress) return [named.size];
  if (statement.operandSize !== undefined) return [statement.operandSize];
  const first = defaultSize(form, mode);
  const free = form.codes.some((code, n) => {
    const operand = statement.operands[n];
    if (!SIZED_WIDTHS.includes(code.width)) return false;
    if (operand?.kind === 'value' || operand?.kind === 'far') return (operand.size ?? 1) > 1;
    return SIZED_KINDS.includes(code.kind);
  });
  if (!free) return [first];
  const all: readonly Size[] = mode === 64 ? [16, 32, 64] : [16, 32];
  return [first, ...all.filter((size) => size !== first)];
}

function addressSizeOf(named: Named, statement: Statement, mode: CodeMode): Size {
  if (named.form.namedByAddress && named.size !== undefined) return named.size;
  if (statement.addressSize !== undefined) return statement.addressSize;
  for (const operand of statement.operands) {
    if (operand.kind === 'memory' && operand.address.addressSize !== undefined) return operand.address.addressSize;
  }
  const far = statement.operands.some(
    (o) =>
      o.kind === 'memory' && mode === 16 && !o.address.base && !o.address.index && !fits(o.address.displacement, 16),
  );
  return far ? 32 : mode;
}

function resolveTarget(found: Found, statement: Statement): Found | undefined {
  const at = found.operands.findIndex((o) => o.type === 'relative');
  const source = statement.operands[at];
  if (at < 0 || source?.kind !== 'value') return found;
  const { setting, form } = found;
  const next = setting.address + found.bytes.length;
  const distance = source.value.unknown ? 0n : source.value.constant - BigInt(next);
  const displacement = Number(BigInt.asIntN(setting.operandSize, distance));
  const short = form.codes[at]!.immediate === 'cb';
  if (short && (displacement < -128 || displacement > 127)) return undefined;
  const operands = found.operands.with(at, { type: 'relative', displacement, size: short ? 1 : 4 });
  return { ...found, operands, bytes: encode({ ...setting, form, operands }, setting.mode)! };
}

function tryForm(named: Named, statement: Statement, operandSize: Size, place: Place): Found | undefined {
  const { form } = named;
  const implicit = form.codes.some((code) => code.kind.startsWith('string'));
  const memory = statement.operands.find((o) => o.kind === 'memory');
  if (named.far !== (memory?.kind === 'memory' && memory.far)) return undefined;
  if (implicit ? statement.operands.length > 0 : statement.operands.length !== form.codes.length) return undefined;
  const { mode, address } = place;
  const setting: Setting = { mode, operandSize, addressSize: addressSizeOf(named, statement, mode), address };
  const operands = implicit
    ? stringOperands(form, statement, setting)
    : form.codes.map((code, n) => matchOperand(code, statement.operands[n]!, setting, form));
  if (operands.some((operand) => operand === undefined)) return undefined;
  const item = {
    form,
    operands: operands as Operand[],
    operandSize,
    addressSize: setting.addressSize,
    lock: statement.lock,
    ...(statement.rep ? { rep: statement.rep } : {}),
    ...(implicit || statement.segment === undefined ? {} : { segment: statement.segment }),
  };
  const bytes = encode(item, mode);
  return bytes && resolveTarget({ form, setting, operands: item.operands, bytes }, statement);
}

const DEFAULT_SIZED = new Set(['push', 'pop', 'call_indirect', 'jmp_indirect', 'call_far', 'jmp_far', 'nop']);

/** An unsized memory operand must not leave two sizes possible. */
function dropAmbiguous(found: Found[], statement: Statement): Found[] {
  const at = statement.operands.findIndex((o) => o.kind === 'memory' && o.size === undefined);
  if (at < 0) return found;
  const sizeOf = (f: Found) => {
    const operand = f.operands[at];
    return operand?.type === 'memory' ? operand.size : 0;
  };
  if (new Set(found.map(sizeOf)).size <= 1) return found;
  if (found.every((f) => DEFAULT_SIZED.has(f.form.op))) {
    return found.filter((f) => f.setting.operandSize === defaultSize(f.form, f.setting.mode));
  }
  throw new AssemblyError(
    'size',
    `'${statement.mnemonic}' does not tell how big its memory operand is: write byte, word or dword.`,
  );
}

function variants(statement: Statement): Statement[] {
  const [a, b] = statement.operands;
  const { mnemonic, operands } = statement;
  if (operands.length === 2 && (mnemonic === 'xchg' || mnemonic === 'test')) {
    return [statement, { ...statement, operands: [b!, a!] }];
  }
  if (mnemonic === 'imul' && operands.length === 2 && b!.kind === 'value') {
    return [{ ...statement, operands: [a!, a!, b!] }];
  }
  return [statement];
}

function refuse(statement: Statement, candidates: readonly Named[], mode: CodeMode): never {
  const { mnemonic } = statement;
  if (candidates.every(({ form }) => (mode === 64 ? form.modes === 'legacy' : form.modes === '64'))) {
    throw new AssemblyError('mode', `'${mnemonic}' does not exist in ${mode}-bit code.`);
  }
  if (candidates.every(({ form }) => form.immediates[0] === 'cb')) {
    throw new AssemblyError('range', `The target of '${mnemonic}' is no label within -128..127 bytes.`);
  }
  throw new AssemblyError('operands', `'${mnemonic}' has no form with these operands in ${mode}-bit code.`);
}

/** Picks the shortest encoding of a statement. */
export function selectForm(statement: Statement, place: Place): readonly number[] {
  const name = SPELLINGS[statement.mnemonic] ?? statement.mnemonic;
  const candidates = byMnemonic.get(name);
  if (!candidates) throw new AssemblyError('unknown-instruction', `'${statement.mnemonic}' is no instruction.`);
  let best: readonly number[] | undefined;
  for (const variant of variants(statement)) {
    const all: Found[] = [];
    for (const named of candidates) {
      for (const size of sizesToTry(named, variant, place.mode)) {
        const found = tryForm(named, variant, size, place);
        if (found) all.push(found);
      }
    }
    for (const found of dropAmbiguous(all, variant)) {
      if (statement.lock && !(found.form.lock && found.operands.some((o) => o.type === 'memory'))) {
        throw new AssemblyError('operands', `'${statement.mnemonic}' cannot be locked with these operands.`);
      }
      const { bytes } = found;
      const better = !best || (best.length < place.atLeast ? bytes.length > best.length : bytes.length < best.length);
      if (better && (bytes.length >= place.atLeast || !best)) best = bytes;
    }
  }
  return best ?? refuse(statement, candidates, place.mode);
}
