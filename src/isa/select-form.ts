// From a parsed statement to bytes: finds the forms of a mnemonic that fit the operands and takes the shortest encoding.
import { AssemblyError } from './assembly-error.ts';
import type { ParsedOperand } from './assembly-operand.ts';
import { encode } from './encode.ts';
import type { Form } from './forms.ts';
import type { CodeMode, Operand, Size } from './instruction.ts';
import { type Setting, defaultSize, fits, matchOperand } from './match-operand.ts';
import { type Named, formsNamed } from './mnemonics.ts';
import { widthBytes } from './operands.ts';

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

const SIZED_KINDS = ['rm', 'rm-register', 'memory', 'reg', 'opcode-reg', 'accumulator'];
const SIZED_WIDTHS = ['v', 'z', 'y', 'p', 'x', 'a'];

function sizesToTry(named: Named, statement: Statement, mode: CodeMode): readonly Size[] {
  const { form } = named;
  const wanted = statement.operandSize;
  if (named.size !== undefined && !form.namedByAddress)
    return wanted === undefined || wanted === named.size ? [named.size] : [];
  if (wanted !== undefined) return [wanted];
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
  const candidates = formsNamed(statement.mnemonic);
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
