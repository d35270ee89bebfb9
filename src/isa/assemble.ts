// The assembler the tests, the unit tests of guests and the VMM's code snippets are written with. NASM-like Intel syntax:
//
//   start:  mov eax, [ebx + ecx*4 + table - 4]      ; labels, expressions, $ and $$
//   .loop:  lock add dword [es:edi], 5              ; local labels, size words, prefixes
//           jne .loop                               ; the short form where it reaches
//   COUNT   equ 4
//   table:  dd 1, 2, COUNT, start                   ; db dw dd dq, strings, times, resb resw resd resq
//           align 16
//           bits 16
//           jmp 0x08:start                          ; o16 o32 a16 a32 force a size, short and near a distance
import { AssemblyError } from './assembly-error.ts';
import { parseOperand } from './assembly-operand.ts';
import { type Token, TokenReader, type Value, constant, expression, tokenize } from './assembly-syntax.ts';
import { type CodeMode, type Size, segmentNumber } from './instruction.ts';
import { isMnemonic } from './mnemonics.ts';
import { type Statement, selectForm } from './select-form.ts';

/** Options of `assemble`. */
export interface AssembleOptions {
  /** Code size at the start; 32 by default. */
  readonly mode?: CodeMode;
  /** Address of the first byte; 0 by default. */
  readonly origin?: number;
  /** Symbols known from outside. */
  readonly symbols?: Readonly<Record<string, number | bigint>>;
}

/** What assembly gives. */
export interface Assembled {
  readonly bytes: Uint8Array;
  /** All labels and EQUs; local labels as `parent.local`. */
  readonly symbols: ReadonlyMap<string, number>;
  /** For each line that produced bytes: its number from 1, address and length. */
  readonly lines: readonly { readonly line: number; readonly address: number; readonly length: number }[];
}

const DATA_SIZES: Readonly<Record<string, number>> = { db: 1, dw: 2, dd: 4, dq: 8 };
const RESERVE_SIZES: Readonly<Record<string, number>> = { resb: 1, resw: 2, resd: 4, resq: 8 };
const DIRECTIVES = new Set([...Object.keys(DATA_SIZES), ...Object.keys(RESERVE_SIZES), 'times', 'align', 'equ']);
const MODES: Readonly<Record<string, CodeMode>> = { use16: 16, use32: 32, use64: 64 };
const REPEATS: Readonly<Record<string, 'rep' | 'repe' | 'repne'>> = {
  rep: 'rep',
  repe: 'repe',
  repz: 'repe',
  repne: 'repne',
  repnz: 'repne',
};
const MAX_PASSES = 64;

class Program {
  readonly lines: readonly (readonly Token[])[];
  readonly options: AssembleOptions;
  symbols = new Map<string, bigint>();
  previous = new Map<string, bigint>();
  /** Length of each line's code in the longest pass so far. */
  readonly lengths: number[];
  bytes: number[] = [];
  placed: { line: number; address: number; length: number }[] = [];
  mode: CodeMode;
  parent = '';
  final = false;
  changed = false;
  statementStart = 0;

  constructor(text: string, options: AssembleOptions) {
    this.options = options;
    this.lines = text.split('\n').map((line, n) => atLine(n + 1, () => tokenize(line)));
    this.lengths = this.lines.map(() => 0);
    this.mode = options.mode ?? 32;
  }

  get origin(): number {
    return this.options.origin ?? 0;
  }

  get here(): number {
    return this.origin + this.bytes.length;
  }

  pass(): void {
    this.previous = this.symbols;
    this.symbols = new Map();
    this.bytes = [];
    this.placed = [];
    this.mode = this.options.mode ?? 32;
    this.parent = '';
    this.changed = false;
    this.lines.forEach((tokens, n) => {
      atLine(n + 1, () => this.line(tokens, n));
    });
    for (const [name, value] of this.symbols) {
      if (this.previous.get(name) !== value) this.changed = true;
    }
  }

  fullName(name: string): string {
    return name.startsWith('.') ? this.parent + name : name;
  }

  lookup = (name: string): Value => {
    if (name === '$') return constant(BigInt(this.statementStart), true);
    if (name === '$$') return constant(BigInt(this.origin), true);
    const full = this.fullName(name);
    const value = this.symbols.get(full) ?? this.previous.get(full);
    if (value !== undefined) return constant(value, true);
    const outside = this.options.symbols?.[full];
    if (outside !== undefined) return constant(BigInt(outside), true);
    if (this.final) throw new AssemblyError('symbol', `'${name}' is not defined.`);
    return constant(BigInt(this.here), true, true);
  };

  define(name: string, value: bigint): void {
    const full = this.fullName(name);
    if (this.symbols.has(full)) throw new AssemblyError('symbol', `'${name}' is defined twice.`);
    if (!name.startsWith('.')) this.parent = name;
    this.symbols.set(full, value);
  }

  line(tokens: readonly Token[], number: number): void {
    const reader = new TokenReader(tokens);
    this.statementStart = this.here;
    this.label(reader);
    if (reader.done) return;
    const at = this.bytes.length;
    this.statement(reader, number);
    if (!reader.done) throw new AssemblyError('syntax', 'There is something behind the end of the statement.');
    const length = this.bytes.length - at;
    if (length > 0) this.placed.push({ line: number + 1, address: this.origin + at, length });
  }

  label(reader: TokenReader): void {
    const first = reader.peek();
    if (first?.type !== 'name') return;
    const second = reader.word(1);
    if (reader.isMark(':', 1)) {
      reader.at += 2;
      this.define(first.text, BigInt(this.here));
    } else if (second === 'equ') {
      reader.at += 2;
      const parent = this.parent;
      this.define(first.text, this.value(reader).constant);
      this.parent = parent;
    } else if (second !== undefined && DIRECTIVES.has(second) && !DIRECTIVES.has(first.text.toLowerCase())) {
      reader.at += 1;
      this.define(first.text, BigInt(this.here));
    }
  }

  value(reader: TokenReader): Value {
    const value = expression(reader, this.lookup);
    if (value.registers.length > 0) throw new AssemblyError('syntax', 'A register cannot stand here.');
    return value;
  }

  count(reader: TokenReader, what: string): number {
    const value = this.value(reader);
    if (value.unknown) return 0;
    if (value.constant < 0n || value.constant > 0x4000000n) {
      if (!this.final) return 0;
      throw new AssemblyError('range', `${what} ${value.constant} is out of range.`);
    }
    return Number(value.constant);
  }

  statement(reader: TokenReader, number: number): void {
    const word = reader.word();
    if (word === undefined) throw new AssemblyError('syntax', 'A statement starts with a name.');
    if (DATA_SIZES[word] !== undefined) this.data(reader, DATA_SIZES[word]);
    else if (RESERVE_SIZES[word] !== undefined) this.reserve(reader, RESERVE_SIZES[word]);
    else if (word === 'times') this.times(reader, number);
    else if (word === 'align') this.align(reader);
    else if (word === 'bits' || MODES[word] !== undefined) this.bits(reader, word);
    else this.instruction(reader, number);
  }

  bits(reader: TokenReader, word: string): void {
    reader.next();
    const mode = MODES[word] ?? this.count(reader, 'Code size');
    if (mode !== 16 && mode !== 32 && mode !== 64) throw new AssemblyError('directive', 'BITS is 16, 32 or 64.');
    this.mode = mode;
  }

  data(reader: TokenReader, size: number): void {
    reader.next();
    do {
      const token = reader.peek();
      const alone = reader.tokens.length === reader.at + 1 || reader.isMark(',', 1);
      if (token?.type === 'string' && alone) {
        reader.next();
        const codes = [...token.text].map((c) => c.charCodeAt(0) & 0xff);
        while (codes.length % size !== 0) codes.push(0);
        this.bytes.push(...codes);
      } else this.number(this.value(reader), size);
    } while (reader.takeMark(','));
  }

  number(value: Value, size: number): void {
    const limit = 1n << BigInt(size * 8);
    if (this.final && (value.constant >= limit || value.constant < -(limit >> 1n))) {
      throw new AssemblyError('range', `${value.constant} does not fit into ${size} byte${size > 1 ? 's' : ''}.`);
    }
    let rest = BigInt.asUintN(64, value.constant);
    for (let i = 0; i < size; i++) {
      this.bytes.push(Number(rest & 0xffn));
      rest >>= 8n;
    }
  }

  reserve(reader: TokenReader, size: number): void {
    reader.next();
    const count = this.count(reader, 'Count') * size;
    for (let i = 0; i < count; i++) this.bytes.push(0);
  }

  times(reader: TokenReader, number: number): void {
    reader.next();
    const count = this.count(reader, 'TIMES');
    const at = reader.at;
    if (count === 0) reader.at = reader.tokens.length;
    const start = this.statementStart;
    for (let i = 0; i < count; i++) {
      reader.at = at;
      this.statement(reader, number);
      this.statementStart = this.here;
    }
    this.statementStart = start;
  }

  align(reader: TokenReader): void {
    reader.next();
    const boundary = this.count(reader, 'Alignment');
    if (boundary === 0 || (boundary & (boundary - 1)) !== 0) {
      throw new AssemblyError('directive', 'ALIGN needs a power of two.');
    }
    let fill = 0x90;
    if (reader.takeMark(',')) {
      reader.takeWord('db');
      fill = this.count(reader, 'Fill byte');
    }
    while (this.here % boundary !== 0) this.bytes.push(fill);
  }

  instruction(reader: TokenReader, number: number): void {
    let lock = false;
    let rep: Statement['rep'];
    let segment: number | undefined;
    let operandSize: Size | undefined;
    let addressSize: Size | undefined;
    for (;;) {
      const word = reader.word() ?? '';
      const override = segmentNumber(word);
      const size = /^([oa])(16|32|64)$/.exec(word);
      if (word === 'lock') lock = true;
      else if (REPEATS[word]) rep = REPEATS[word];
      else if (override >= 0) segment = override;
      else if (size?.[1] === 'o') operandSize = Number(size[2]) as Size;
      else if (size) addressSize = Number(size[2]) as Size;
      else break;
      reader.next();
    }
    const mnemonic = reader.word() ?? '';
    if (!isMnemonic(mnemonic)) throw new AssemblyError('unknown-instruction', `'${mnemonic}' is no instruction.`);
    reader.next();
    const operands = [];
    if (!reader.done) {
      do operands.push(parseOperand(reader, this.lookup));
      while (reader.takeMark(','));
    }
    const statement = { mnemonic, operands, lock, rep, segment, operandSize, addressSize } as Statement;
    const atLeast = this.lengths[number]!;
    const bytes = selectForm(statement, { mode: this.mode, address: this.here, atLeast });
    if (bytes.length > atLeast) this.lengths[number] = bytes.length;
    if (bytes.length !== atLeast) this.changed = true;
    this.bytes.push(...bytes);
  }
}

function atLine<T>(line: number, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof AssemblyError && error.line === 0) throw new AssemblyError(error.code, error.message, line);
    throw error;
  }
}

/** Assembles source; gives bytes, symbols and where each line lies. */
export function assembleProgram(text: string, options: AssembleOptions = {}): Assembled {
  const program = new Program(text, options);
  let passes = 0;
  do {
    program.pass();
    if (++passes > MAX_PASSES) throw new AssemblyError('directive', 'The addresses do not settle.');
  } while (program.changed);
  program.final = true;
  program.pass();
  const symbols = new Map([...program.symbols].map(([name, value]) => [name, Number(value)]));
  return { bytes: Uint8Array.from(program.bytes), symbols, lines: program.placed };
}

/** Assembles source to bytes. */
export function assemble(text: string, options: AssembleOptions = {}): Uint8Array {
  return assembleProgram(text, options).bytes;
}
