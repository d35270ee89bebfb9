// One operand of assembly source: registers, [addresses], values, far pointers, with their size and distance words.
import { AssemblyError } from './assembly-error.ts';
import {
  type Lookup,
  REGISTERS,
  type Register,
  type RegisterTerm,
  type TokenReader,
  type Value,
  expression,
} from './assembly-syntax.ts';
import { segmentNumber } from './instruction.ts';

/** Address inside brackets, split into its parts. */
export interface ParsedAddress {
  readonly base?: Register;
  readonly index?: Register;
  readonly scale: 1 | 2 | 4 | 8;
  readonly displacement: Value;
  readonly ripRelative: boolean;
  readonly segment?: number;
  /** Address size in bits, when registers or a word inside the brackets say. */
  readonly addressSize?: 16 | 32 | 64;
}

/** An operand as written. `size` is in bytes, from a size word. */
export type ParsedOperand =
  | ({ readonly kind: 'register' } & Register)
  | { readonly kind: 'segment' | 'control' | 'debug' | 'mm' | 'xmm' | 'st'; readonly register: number }
  | { readonly kind: 'memory'; readonly address: ParsedAddress; readonly size?: number; readonly far: boolean }
  | { readonly kind: 'value'; readonly value: Value; readonly size?: number; readonly distance?: 'short' | 'near' }
  | { readonly kind: 'far'; readonly selector: Value; readonly offset: Value; readonly size?: number };

const SIZES: Readonly<Record<string, number>> = {
  byte: 1,
  word: 2,
  dword: 4,
  qword: 8,
  fword: 6,
  tword: 10,
  oword: 16,
};
const SIZE_WORDS = Object.keys(SIZES);

interface Terms {
  base?: Register;
  index?: Register;
  scale: 1 | 2 | 4 | 8;
}

function addTerm(terms: Terms, register: Register, factor: bigint, isIndex: boolean): void {
  if (factor === 1n && !terms.base && !isIndex) terms.base = register;
  else if (!terms.index && [1n, 2n, 4n, 8n].includes(factor)) {
    terms.index = register;
    terms.scale = Number(factor) as Terms['scale'];
  } else if (!terms.base && !terms.index && [3n, 5n, 9n].includes(factor)) {
    terms.base = register;
    terms.index = register;
    terms.scale = Number(factor - 1n) as Terms['scale'];
  } else throw new AssemblyError('operands', 'An address has at most a base and an index times 1, 2, 4 or 8.');
}

function splitAddress(value: Value): Terms & { size: number; ripRelative: boolean } {
  const terms: Terms = { scale: 1 };
  let size = 0;
  let ripRelative = false;
  // A register with factor 1 can be base or index: those with another factor have to be the index.
  const entries = value.registers.filter(({ factor }) => factor !== 0n);
  const isIndex = (term: RegisterTerm) => term.factor !== 1n || term.product === true;
  entries.sort((a, b) => Number(isIndex(b)) - Number(isIndex(a)));
  for (const { name, factor, product = false } of entries) {
    if (name === 'rip') {
      ripRelative = true;
      size = 8;
      continue;
    }
    const register = REGISTERS.get(name)!;
    if (size !== 0 && size !== register.size) throw new AssemblyError('size', 'An address mixes register sizes.');
    size = register.size;
    addTerm(terms, register, factor, product);
  }
  if (terms.index?.register === 4 && terms.scale === 1 && terms.base) {
    [terms.base, terms.index] = [terms.index, terms.base];
  }
  return { ...terms, size, ripRelative };
}

function parseAddress(reader: TokenReader, lookup: Lookup, outer: number | undefined): ParsedAddress {
  const word = reader.takeWord('word', 'dword', 'qword');
  let segment = outer;
  if (segmentNumber(reader.word()) >= 0 && reader.isMark(':', 1)) {
    segment = segmentNumber(reader.word());
    reader.at += 2;
  }
  const value = expression(reader, lookup);
  if (!reader.takeMark(']')) throw new AssemblyError('syntax', "A ']' is missing.");
  const { base, index, scale, size, ripRelative } = splitAddress(value);
  const bytes = size || (word ? SIZES[word]! : 0);
  if (![0, 2, 4, 8].includes(bytes)) throw new AssemblyError('operands', 'A byte register is no address.');
  return {
    scale,
    displacement: { ...value, registers: [] },
    ripRelative,
    ...(base ? { base } : {}),
    ...(index ? { index } : {}),
    ...(segment === undefined ? {} : { segment }),
    ...(bytes === 0 ? {} : { addressSize: (bytes * 8) as 16 | 32 | 64 }),
  };
}

function parseSpecial(reader: TokenReader): ParsedOperand | undefined {
  const word = reader.word();
  if (word === undefined || reader.isMark(':', 1)) return undefined;
  const match = /^(cr|dr)(\d+)$/.exec(word);
  const extended = /^(mm[0-7]|st[0-7]|xmm(\d|1[0-5]))$/.test(word);
  const segment = segmentNumber(word);
  const register = REGISTERS.get(word);
  if (!match && !extended && segment < 0 && !register) return undefined;
  reader.at++;
  if (extended) {
    const [, kind, number] = /^(mm|st|xmm)(\d+)$/.exec(word)!;
    return { kind: kind as 'mm', register: Number(number) };
  }
  if (match) return { kind: match[1] === 'cr' ? 'control' : 'debug', register: Number(match[2]) };
  return register ? { kind: 'register', ...register } : { kind: 'segment', register: segment };
}

/** Parses one operand. */
export function parseOperand(reader: TokenReader, lookup: Lookup): ParsedOperand {
  let size: number | undefined;
  let distance: 'short' | 'near' | 'far' | undefined;
  for (;;) {
    const word = reader.takeWord(...SIZE_WORDS, 'short', 'near', 'far', 'ptr', 'strict');
    if (word === undefined) break;
    if (SIZES[word] !== undefined) size = SIZES[word];
    else if (word === 'short' || word === 'near' || word === 'far') distance = word;
  }
  const sized = size === undefined ? {} : { size };
  let segment: number | undefined;
  if (segmentNumber(reader.word()) >= 0 && reader.isMark(':', 1) && reader.isMark('[', 2)) {
    segment = segmentNumber(reader.word());
    reader.at += 2;
  }
  if (reader.takeMark('[')) {
    return { kind: 'memory', address: parseAddress(reader, lookup, segment), far: distance === 'far', ...sized };
  }
  const special = parseSpecial(reader);
  if (special) return special;
  const value = expression(reader, lookup);
  if (value.registers.length > 0) throw new AssemblyError('syntax', 'A register expression needs brackets.');
  if (reader.takeMark(':')) return { kind: 'far', selector: value, offset: expression(reader, lookup), ...sized };
  return { kind: 'value', value, ...sized, ...(distance && distance !== 'far' ? { distance } : {}) };
}
