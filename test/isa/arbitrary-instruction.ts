// Random instructions for the property tests: for a form, operands that fit it, as the decoder would give them.
import * as fc from 'fast-check';
import { type Encodable, naturalSegment } from '../../src/isa/encode.ts';
import type { Form } from '../../src/isa/forms.ts';
import type { CodeMode, MemoryOperand, Operand, Size } from '../../src/isa/instruction.ts';
import { type OperandCode, widthBytes } from '../../src/isa/operands.ts';

const signed = (bits: number) => fc.integer({ min: -(2 ** (bits - 1)), max: 2 ** (bits - 1) - 1 });
const natural = (bits: number) => fc.integer({ min: 0, max: 2 ** bits - 1 });

function sizes(form: Form, mode: CodeMode): readonly Size[] {
  if (form.prefix === 'NP') return [mode === 64 && form.size64 ? 64 : mode === 64 ? 32 : mode];
  if (mode !== 64) return [16, 32];
  if (form.size64 === 'f64') return [64];
  return form.size64 === 'd64' ? [16, 64] : [16, 32, 64];
}

const PAIRS_16 = [[3, 6], [3, 7], [5, 6], [5, 7], [6], [7], [5], [3], []] as const;

function memory16(size: number): fc.Arbitrary<MemoryOperand> {
  return fc.tuple(fc.constantFrom(...PAIRS_16), signed(16), fc.option(natural(2))).map(([pair, offset, segment]) => {
    const [base, index] = pair;
    const displacement = base === undefined ? offset & 0xffff : offset;
    const registers = { ...(base === undefined ? {} : { base }), ...(index === undefined ? {} : { index }) };
    return withSegment(
      { type: 'memory', ...registers, scale: 1, displacement, segment: 0, size, addressSize: 16 },
      segment,
    );
  });
}

function withSegment(operand: MemoryOperand, segment: number | null): MemoryOperand {
  return { ...operand, segment: segment ?? naturalSegment(operand) };
}

function memory32(size: number, addressSize: Size, mode: CodeMode): fc.Arbitrary<MemoryOperand> {
  const register = natural(mode === 64 ? 4 : 3);
  const scale = fc.constantFrom(1, 2, 4, 8) as fc.Arbitrary<1 | 2 | 4 | 8>;
  const displacement = fc.oneof(fc.constant(0), signed(8), signed(32));
  const segment = fc.option(mode === 64 ? fc.constantFrom(4, 5) : fc.constantFrom(0, 1, 2, 3, 4, 5));
  const parts = fc.tuple(fc.option(register), fc.option(register), scale, displacement, segment);
  return parts.map(([base, index, times, offset, over]) => {
    const hasIndex = index !== null && index !== 4;
    const absolute = base === null && !hasIndex && addressSize !== 64;
    const registers = { ...(base === null ? {} : { base }), ...(hasIndex ? { index } : {}) };
    const operand: MemoryOperand = {
      type: 'memory',
      ...registers,
      scale: hasIndex ? times : 1,
      displacement: absolute ? offset >>> 0 : offset,
      segment: 0,
      size,
      addressSize,
    };
    return withSegment(operand, over);
  });
}

interface Setting {
  readonly mode: CodeMode;
  readonly operandSize: Size;
  readonly addressSize: Size;
}

function registerOperand(size: number, mode: CodeMode): fc.Arbitrary<Operand> {
  return natural(mode === 64 ? 4 : 3).map((register): Operand => {
    if (size === 1 && mode !== 64 && register >= 4)
      return { type: 'register', register: register - 4, size, high: true };
    return { type: 'register', register, size };
  });
}

function immediateOperand(code: OperandCode, { operandSize }: Setting): fc.Arbitrary<Operand> {
  const size = operandSize / 8;
  const extended = (value: number): Operand => ({
    type: 'immediate',
    value: size === 2 ? value & 0xffff : value >>> 0,
    high: size === 8 && value < 0 ? 0xffffffff : 0,
    size,
  });
  const plain =
    (bytes: number) =>
    (value: number): Operand => ({ type: 'immediate', value, high: 0, size: bytes });
  switch (code.immediate) {
    case 'ib':
      return natural(8).map(plain(1));
    case 'iw':
      return natural(16).map(plain(2));
    case 'ibs':
      return signed(8).map(extended);
    case 'iz':
      return signed(Math.min(operandSize, 32)).map(extended);
    case 'iv':
      return fc
        .tuple(natural(Math.min(operandSize, 32)), natural(32))
        .map(([value, high]) => ({ type: 'immediate', value, high: size === 8 ? high : 0, size }));
    case 'cb':
      return signed(8).map((displacement) => ({ type: 'relative', displacement, size: 1 }));
    case 'cz':
      return signed(operandSize === 16 ? 16 : 32).map((displacement) => ({
        type: 'relative',
        displacement,
        size: operandSize === 16 ? 2 : 4,
      }));
    case 'ap':
      return fc
        .tuple(natural(16), natural(operandSize))
        .map(([selector, offset]) => ({ type: 'far', selector, offset, size }));
    default:
      throw new Error(`${code.name} is no immediate`);
  }
}

function specialRegister(form: Form, code: OperandCode): fc.Arbitrary<Operand> {
  const numbers = {
    segment: form.codes[0] === code ? [0, 2, 3, 4, 5] : [0, 1, 2, 3, 4, 5],
    control: [0, 2, 3, 4],
    debug: [0, 1, 2, 3, 6, 7],
  }[code.kind as 'segment'];
  return fc.constantFrom(...numbers).map((register) => ({ type: code.kind as 'segment', register }));
}

const extended = (type: 'mm' | 'xmm' | 'st', count: number): fc.Arbitrary<Operand> =>
  fc.integer({ min: 0, max: count - 1 }).map((register) => ({ type, register }));

function operand(form: Form, code: OperandCode, setting: Setting): fc.Arbitrary<Operand> {
  const { mode, operandSize, addressSize } = setting;
  const size = (inMemory: boolean) => widthBytes(code.width, operandSize, mode, inMemory);
  const memory = () => (addressSize === 16 ? memory16(size(true)) : memory32(size(true), addressSize, mode));
  const fixed = (register: number): fc.Arbitrary<Operand> =>
    fc.constant({ type: 'register', register, size: size(false) });
  switch (code.kind) {
    case 'rm':
      return fc.oneof(registerOperand(size(false), mode), memory());
    case 'memory':
    case 'address':
      return memory();
    case 'opcode-reg':
      // 90 is NOP, not XCHG with itself.
      return registerOperand(size(false), mode).filter(
        (o) => form.op !== 'xchg' || o.type !== 'register' || o.register > 0,
      );
    case 'rm-register':
    case 'reg':
      return registerOperand(size(false), mode);
    case 'segment':
    case 'control':
    case 'debug':
      return specialRegister(form, code);
    case 'immediate':
    case 'relative':
    case 'far-pointer':
      return immediateOperand(code, setting);
    case 'offset':
      return natural(Math.min(addressSize, 32)).map((displacement) => {
        return { type: 'memory', scale: 1, displacement, segment: 3, size: size(true), addressSize };
      });
    case 'string-source':
    case 'string-destination': {
      const source = code.kind === 'string-source';
      const segment = source ? 3 : 0;
      const base = source ? 6 : 7;
      const whole = { type: 'memory', base, scale: 1, displacement: 0, segment, size: size(true) } as const;
      return fc.constant({ ...whole, addressSize, implicit: true });
    }
    case 'fixed-cl':
      return fixed(1);
    case 'fixed-dx':
      return fixed(2);
    case 'accumulator':
      return fixed(0);
    case 'fixed-segment':
      return fc.constant({ type: 'segment', register: code.segment! });
    case 'one':
      return fc.constant({ type: 'immediate', value: 1, high: 0, size: 1 });
    case 'mm-reg':
    case 'mm-rm-register':
      return extended('mm', 8);
    case 'mm-rm':
      return fc.oneof(extended('mm', 8), memory());
    case 'xmm-reg':
    case 'xmm-rm-register':
      return extended('xmm', mode === 64 ? 16 : 8);
    case 'xmm-rm':
      return fc.oneof(extended('xmm', mode === 64 ? 16 : 8), memory());
    case 'st0':
      return fc.constant({ type: 'st', register: 0 });
    case 'st-rm':
      return extended('st', 8);
    case 'none':
      throw new Error('no operand');
  }
}

const ADDRESS_KINDS = ['rm', 'mm-rm', 'xmm-rm', 'memory', 'address', 'offset', 'string-source', 'string-destination'];
const IMPLICIT_ADDRESS = ['xlat', 'monitor', 'loop', 'loope', 'loopne', 'jcxz'];

function usesAddress(form: Form): boolean {
  return IMPLICIT_ADDRESS.includes(form.op) || form.codes.some((code) => ADDRESS_KINDS.includes(code.kind));
}

/** Random things to encode that fit a form in a mode. */
export function arbitraryEncodable(form: Form, mode: CodeMode): fc.Arbitrary<Encodable> {
  const addressSizes: readonly Size[] = !usesAddress(form) ? [mode] : mode === 64 ? [32, 64] : [16, 32];
  const choice = fc.record({
    operandSize: fc.constantFrom(...sizes(form, mode)),
    addressSize: fc.constantFrom(...addressSizes),
    lock: fc.boolean(),
    rep: fc.constantFrom(undefined, 'rep', 'repne'),
  });
  return choice.chain(({ operandSize, addressSize, lock, rep }) => {
    const operands = form.codes.map((code) => operand(form, code, { mode, operandSize, addressSize }));
    return fc.tuple(...operands).map((values): Encodable => {
      const locked = lock && form.lock === true && values.some((value) => value.type === 'memory');
      const repeat =
        form.repeat === 'condition' && rep === 'rep'
          ? 'repe'
          : rep === 'repne' && form.repeat === 'count'
            ? 'rep'
            : rep;
      return {
        form,
        operands: values,
        operandSize,
        addressSize,
        lock: locked,
        ...(form.repeat && repeat ? { rep: repeat as 'rep' } : {}),
      };
    });
  });
}
