// Tokens, expressions and operands of assembly source, NASM-like Intel syntax.
import { AssemblyError } from './assembly-error.ts';

/** A token: name, number, string or punctuation. */
export type Token =
  | { readonly type: 'name'; readonly text: string }
  | { readonly type: 'number'; readonly value: bigint }
  | { readonly type: 'string'; readonly text: string }
  | { readonly type: 'mark'; readonly text: string };

const TOKEN = /\s*(?:;.*$|("[^"]*"|'[^']*'|`[^`]*`)|(\d[\w]*)|([A-Za-z_.?@$][\w.?@$#~]*)|(<<|>>|[-+*/%&|^~()[\]:,]))/y;

function parseNumber(text: string): bigint {
  const plain = text.replaceAll('_', '').toLowerCase();
  if (/^0x[0-9a-f]+$/.test(plain) || /^0[bo][0-7]+$/.test(plain)) return BigInt(plain);
  if (/^\d[0-9a-f]*h$/.test(plain)) return BigInt(`0x${plain.slice(0, -1)}`);
  if (/^[01]+b$/.test(plain)) return BigInt(`0b${plain.slice(0, -1)}`);
  if (/^\d+$/.test(plain)) return BigInt(plain);
  throw new AssemblyError('syntax', `'${text}' is no number.`);
}

/** Splits a line into tokens; comments are dropped. */
export function tokenize(line: string): Token[] {
  const tokens: Token[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < line.length) {
    const at = TOKEN.lastIndex;
    const match = TOKEN.exec(line);
    if (!match) {
      if (line.slice(at).trim() === '') break;
      throw new AssemblyError('syntax', `'${line.slice(at).trim()}' cannot be read.`);
    }
    const [, string, number, name, mark] = match;
    if (string !== undefined) tokens.push({ type: 'string', text: string.slice(1, -1) });
    else if (number !== undefined) tokens.push({ type: 'number', value: parseNumber(number) });
    else if (name !== undefined) tokens.push({ type: 'name', text: name });
    else if (mark !== undefined) tokens.push({ type: 'mark', text: mark });
    else break;
  }
  return tokens;
}

/** A general register, by number and size in bytes. */
export interface Register {
  readonly register: number;
  readonly size: number;
  readonly high?: true;
}

/** Names of all general registers. */
export const REGISTERS: ReadonlyMap<string, Register> = new Map(
  [...'ax cx dx bx sp bp si di'.split(' ').entries()]
    .flatMap(([register, name]): [string, Register][] => [
      [name, { register, size: 2 }],
      [`e${name}`, { register, size: 4 }],
      [`r${name}`, { register, size: 8 }],
    ])
    .concat(
      [...'al cl dl bl spl bpl sil dil'.split(' ').entries()].map(([register, name]) => [name, { register, size: 1 }]),
      [...'ah ch dh bh'.split(' ').entries()].map(([register, name]) => [name, { register, size: 1, high: true }]),
      Array.from({ length: 8 }, (_, n): [string, Register][] => [
        [`r${n + 8}`, { register: n + 8, size: 8 }],
        [`r${n + 8}d`, { register: n + 8, size: 4 }],
        [`r${n + 8}w`, { register: n + 8, size: 2 }],
        [`r${n + 8}b`, { register: n + 8, size: 1 }],
      ]).flat(),
    ),
);

/** Value of an expression: a constant, plus registers with factors inside an address. */
export interface Value {
  readonly constant: bigint;
  /** Depends on a label, so it may change between passes and gets a full-size field. */
  readonly relocatable: boolean;
  /** Some symbol was not known yet; `constant` is a guess. */
  readonly unknown: boolean;
  /** Register terms of an address as written, each with its factor. */
  readonly registers: readonly RegisterTerm[];
}

/** A register times a factor. */
export interface RegisterTerm {
  readonly name: string;
  readonly factor: bigint;
  /** Written as a product, so even with factor 1 it is the index. */
  readonly product?: true;
}

/** Finds the value of a symbol. */
export type Lookup = (name: string) => Value;

/** A plain number. */
export function constant(value: bigint, relocatable = false, unknown = false): Value {
  return { constant: value, relocatable, unknown, registers: [] };
}

const PRECEDENCE: Readonly<Record<string, number>> = {
  '|': 1,
  '^': 2,
  '&': 3,
  '<<': 4,
  '>>': 4,
  '+': 5,
  '-': 5,
  '*': 6,
  '/': 6,
  '%': 6,
};

function scaled(value: Value, by: bigint): RegisterTerm[] {
  return value.registers.map((term) => ({ ...term, factor: term.factor * by }));
}

function sum(a: Value, b: Value, sign: bigint): Value {
  const registers = [...a.registers];
  for (const term of scaled(b, sign)) {
    const cancelled = registers.findIndex((r) => r.name === term.name && r.factor === -term.factor);
    if (cancelled >= 0) registers.splice(cancelled, 1);
    else registers.push(term);
  }
  return {
    constant: a.constant + sign * b.constant,
    relocatable: a.relocatable || b.relocatable,
    unknown: a.unknown || b.unknown,
    registers,
  };
}

function product(a: Value, b: Value): Value {
  const [value, factor] = a.registers.length > 0 ? [a, b] : [b, a];
  if (factor.registers.length > 0) throw new AssemblyError('syntax', 'Two registers cannot be multiplied.');
  return {
    constant: a.constant * b.constant,
    relocatable: a.relocatable || b.relocatable,
    unknown: a.unknown || b.unknown,
    registers: scaled(value, factor.constant).map((term) => ({ ...term, product: true })),
  };
}

function compute(operator: string, a: bigint, b: bigint): bigint {
  switch (operator) {
    case '|':
      return a | b;
    case '^':
      return a ^ b;
    case '&':
      return a & b;
    case '<<':
      return a << b;
    case '>>':
      return a >> b;
    default:
      if (b === 0n) throw new AssemblyError('range', 'Division by zero.');
      return operator === '/' ? a / b : a % b;
  }
}

function combine(operator: string, a: Value, b: Value): Value {
  if (operator === '+' || operator === '-') return sum(a, b, operator === '+' ? 1n : -1n);
  if (operator === '*') return product(a, b);
  if (a.registers.length > 0 || b.registers.length > 0) {
    throw new AssemblyError('syntax', `A register cannot be an operand of '${operator}'.`);
  }
  const unknown = a.unknown || b.unknown;
  const divisor = unknown && b.constant === 0n ? 1n : b.constant;
  return constant(compute(operator, a.constant, divisor), a.relocatable || b.relocatable, unknown);
}

/** Bytes of a character constant as a little-endian number. */
function characters(text: string): bigint {
  return [...text].reduceRight((value, c) => (value << 8n) | BigInt(c.charCodeAt(0) & 0xff), 0n);
}

/** Reads tokens one after the other. */
export class TokenReader {
  readonly tokens: readonly Token[];
  at = 0;
  constructor(tokens: readonly Token[]) {
    this.tokens = tokens;
  }
  get done(): boolean {
    return this.at >= this.tokens.length;
  }
  peek(ahead = 0): Token | undefined {
    return this.tokens[this.at + ahead];
  }
  next(): Token {
    const token = this.tokens[this.at++];
    if (!token) throw new AssemblyError('syntax', 'The line ends too early.');
    return token;
  }
  isMark(text: string, ahead = 0): boolean {
    const token = this.peek(ahead);
    return token?.type === 'mark' && token.text === text;
  }
  takeMark(text: string): boolean {
    if (!this.isMark(text)) return false;
    this.at++;
    return true;
  }
  /** The lower-case name at the cursor, if there is one. */
  word(ahead = 0): string | undefined {
    const token = this.peek(ahead);
    return token?.type === 'name' ? token.text.toLowerCase() : undefined;
  }
  takeWord(...words: string[]): string | undefined {
    const word = this.word();
    if (word === undefined || !words.includes(word)) return undefined;
    this.at++;
    return word;
  }
}

function primary(reader: TokenReader, lookup: Lookup): Value {
  const token = reader.next();
  if (token.type === 'number') return constant(token.value);
  if (token.type === 'string') return constant(characters(token.text));
  if (token.type === 'name') {
    const name = token.text.toLowerCase();
    if (REGISTERS.has(name) || name === 'rip') return { ...constant(0n), registers: [{ name, factor: 1n }] };
    return lookup(token.text);
  }
  if (token.text === '(') {
    const value = expression(reader, lookup);
    if (!reader.takeMark(')')) throw new AssemblyError('syntax', "A ')' is missing.");
    return value;
  }
  if (token.text === '-') return combine('-', constant(0n), primary(reader, lookup));
  if (token.text === '+') return primary(reader, lookup);
  if (token.text === '~') {
    const value = primary(reader, lookup);
    return constant(~value.constant, value.relocatable, value.unknown);
  }
  throw new AssemblyError('syntax', `'${token.text}' stands where a value is expected.`);
}

/** Parses an expression with C's precedences. */
export function expression(reader: TokenReader, lookup: Lookup, least = 1): Value {
  let left = primary(reader, lookup);
  for (;;) {
    const token = reader.peek();
    const precedence = token?.type === 'mark' ? PRECEDENCE[token.text] : undefined;
    if (token?.type !== 'mark' || precedence === undefined || precedence < least) return left;
    reader.next();
    left = combine(token.text, left, expression(reader, lookup, precedence + 1));
  }
}
