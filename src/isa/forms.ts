// Rows of the opcode table with their encodings and operands parsed, checked and numbered.
import type { Row } from './form.ts';
import { ROWS } from './opcodes/index.ts';
import { type Immediate, type OperandCode, operandCode } from './operands.ts';

/** Mandatory-prefix column of an encoding: absent, NP (none of 66 F2 F3), NFx (not F2 F3), or that prefix. */
export type PrefixRule = 'any' | 'NP' | 'NFx' | '66' | 'F3' | 'F2';

/** An encoding, parsed. */
export interface Encoding {
  readonly prefix: PrefixRule;
  /** Opcode map: 0 one-byte, 1 = 0F, 2 = 0F 38, 3 = 0F 3A. */
  readonly map: 0 | 1 | 2 | 3;
  readonly opcode: number;
  readonly plusRegister: boolean;
  /** ModRM: absent, any reg (`r`), an opcode extension in reg, or one exact byte. */
  readonly modrm: 'none' | 'r' | { readonly digit: number } | { readonly byte: number };
  readonly immediates: readonly Immediate[];
}

/** A row ready for use. `index` 0 is reserved for "undefined instruction". */
export interface Form extends Row, Encoding {
  readonly index: number;
  readonly codes: readonly OperandCode[];
}

const PREFIX_RULES: readonly string[] = ['NP', 'NFx', '66', 'F3', 'F2'];
const IMMEDIATE_TOKENS: readonly string[] = ['ib', 'iw', 'iz', 'iv', 'cb', 'cz', 'ap', 'ao'];

/** Parses the `enc` column. */
function parseEncoding(enc: string): Encoding {
  const tokens = enc.split(' ');
  let prefix: PrefixRule = 'any';
  if (tokens.length > 1 && PREFIX_RULES.includes(tokens[0]!)) prefix = tokens.shift() as PrefixRule;
  const bytes: number[] = [];
  while (tokens.length > 0 && /^[0-9A-F]{2}$/.test(tokens[0]!)) bytes.push(Number.parseInt(tokens.shift()!, 16));
  const [first, second] = bytes;
  let map: Encoding['map'] = 0;
  if (first === 0x0f && second !== undefined) map = second === 0x38 ? 2 : second === 0x3a ? 3 : 1;
  bytes.splice(0, Math.min(map, 2));
  const opcode = bytes.shift();
  if (opcode === undefined || bytes.length > 1) throw new Error(`bad encoding '${enc}'`);
  let modrm: Encoding['modrm'] = bytes.length === 1 ? { byte: bytes[0]! } : 'none';
  let plusRegister = false;
  const immediates: Immediate[] = [];
  for (const token of tokens) {
    if (token === '+r') plusRegister = true;
    else if (token === '/r') modrm = 'r';
    else if (/^\/[0-7]$/.test(token)) modrm = { digit: Number(token[1]) };
    else if (IMMEDIATE_TOKENS.includes(token)) immediates.push(token as Immediate);
    else throw new Error(`bad token '${token}' in encoding '${enc}'`);
  }
  return { prefix, map, opcode, plusRegister, modrm, immediates };
}

function compile(row: Row, index: number): Form {
  const encoding = parseEncoding(row.enc);
  const codes = row.operands === '' ? [] : row.operands.split(',').map(operandCode);
  const wanted = codes.map((c) => c.immediate).filter((i) => i !== 'none');
  const given = encoding.immediates.map((token) => token);
  if (wanted.map((i) => (i === 'ibs' ? 'ib' : i)).join() !== given.join()) {
    throw new Error(`immediates of '${row.enc}' and operands '${row.operands}' disagree`);
  }
  return { ...row, ...encoding, immediates: wanted, codes, index };
}

/** All forms; `FORMS[i].index === i + 1`. */
export const FORMS: readonly Form[] = ROWS.map((row, i) => compile(row, i + 1));

/** Form by its number. */
export function formByIndex(index: number): Form | undefined {
  return FORMS[index - 1];
}

/** True when the form has a ModRM byte. */
export function hasModrm(form: Form): boolean {
  return form.modrm !== 'none';
}

/** True when the form needs a memory operand in ModRM (mod other than 3). */
export function needsMemory(form: Form): boolean {
  return form.codes.some((c) => c.kind === 'memory' || c.kind === 'address');
}

/** True when ModRM.rm has to be a register (mod 3). */
export function needsRegister(form: Form): boolean {
  const kinds = ['mm-rm-register', 'xmm-rm-register', 'st-rm'];
  return form.codes.some((c) => c.name === 'Ry' || c.name === 'Rv' || kinds.includes(c.kind));
}

/** How the form uses the operand that is (or may be) in memory by ModRM or offset; undefined without one. */
export function memoryUse(form: Form): 'r' | 'w' | 'rw' | 'address' | undefined {
  const kinds = ['rm', 'memory', 'address', 'offset', 'mm-rm', 'xmm-rm'];
  const at = form.codes.findIndex((c) => kinds.includes(c.kind));
  return at < 0 ? undefined : (form.memory ?? 'r');
}
