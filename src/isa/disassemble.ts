// Instructions to text, Intel syntax as this project's assembler (and, but for minor spellings, NASM) reads it.
import { naturalSegment } from './encode.ts';
import {
  type Instruction,
  type MemoryOperand,
  type Operand,
  type Prefixes,
  SEGMENT_NAMES,
  registerName,
} from './instruction.ts';

const SIZE_WORDS: Readonly<Record<number, string>> = { 1: 'byte', 2: 'word', 4: 'dword', 8: 'qword', 10: 'tword' };
const DS = 3;

const hex = (value: number | bigint) => (value < 10 ? String(value) : `0x${value.toString(16)}`);

/** Where a branch target is called something else than its number. */
export type NameOf = (address: number) => string | undefined;

function formatAddress(operand: MemoryOperand): string {
  const size = operand.addressSize / 8;
  const terms: string[] = [];
  if (operand.ripRelative) terms.push('rip');
  if (operand.base !== undefined) terms.push(registerName(operand.base, size));
  if (operand.index !== undefined) {
    terms.push(
      registerName(operand.index, size) + (operand.scale > 1 || operand.base === undefined ? `*${operand.scale}` : ''),
    );
  }
  const { displacement } = operand;
  if (operand.wideDisplacement !== undefined) return hex(operand.wideDisplacement);
  if (terms.length === 0) return hex(displacement < 0 ? BigInt.asUintN(64, BigInt(displacement)) : displacement);
  const sign = displacement < 0 ? '-' : '+';
  return terms.join('+') + (displacement === 0 ? '' : sign + hex(Math.abs(displacement)));
}

/** An address without registers does not show its size: a word inside the brackets does. */
function formatMemory(operand: MemoryOperand, prefixes: Prefixes): string {
  const segment = operand.segment === naturalSegment(operand) ? '' : `${SEGMENT_NAMES[operand.segment]}:`;
  const absolute = operand.base === undefined && operand.index === undefined && !operand.ripRelative;
  const size = absolute && prefixes.addressSize ? `${SIZE_WORDS[operand.addressSize / 8]} ` : '';
  return `[${size}${segment}${formatAddress(operand)}]`;
}

/** True when the text needs a size word because no register operand of the same size tells it. */
function sizeIsAmbiguous(instruction: Instruction): boolean {
  const { form, operands } = instruction;
  if (operands.length === 1) return !['lgdt', 'lidt', 'sgdt', 'sidt', 'invlpg'].includes(form.op);
  if (['movzx', 'movsx', 'crc32'].includes(form.op) || form.cost === 'shift') return true;
  return !operands.some((o) => o.type === 'register' || o.type === 'segment');
}

const sizeWord = (operand: MemoryOperand, instruction: Instruction): string => {
  const code = instruction.form.codes[instruction.operands.indexOf(operand)];
  if (code && (['p', 's', 'a', 'o', 'r', '0'].includes(code.width) || code.name === 'Mq')) return '';
  const word = SIZE_WORDS[operand.size];
  return word && sizeIsAmbiguous(instruction) ? `${word} ` : '';
};

function formatOperand(operand: Operand, instruction: Instruction, next: number, nameOf: NameOf): string {
  switch (operand.type) {
    case 'register':
      return registerName(operand.register, operand.size, operand.high);
    case 'memory':
      return sizeWord(operand, instruction) + formatMemory(operand, instruction.prefixes);
    case 'immediate':
      return hex(operand.high === 0 ? operand.value : (BigInt(operand.high) << 32n) | BigInt(operand.value));
    case 'relative': {
      const target = next + operand.displacement;
      const bits = instruction.operandSize;
      const address = bits === 16 ? target & 0xffff : bits === 32 ? target >>> 0 : target;
      return nameOf(address) ?? hex(address);
    }
    case 'far':
      return `${hex(operand.selector)}:${hex(operand.offset)}`;
    case 'segment':
      return SEGMENT_NAMES[operand.register]!;
    case 'control':
      return `cr${operand.register}`;
    case 'debug':
      return `dr${operand.register}`;
    case 'mm':
    case 'xmm':
    case 'st':
      return operand.type + operand.register;
  }
}

/** Operations that use an address-size register without naming it. */
const IMPLICIT_ADDRESS = new Set(['xlat', 'loop', 'loope', 'loopne', 'monitor']);

/** Prefix words that the operands do not show: LOCK, REP, and for implicit operands address size and segment. */
function prefixWords(instruction: Instruction): string {
  const { form, prefixes } = instruction;
  const words: string[] = [];
  if (instruction.lock) words.push('lock');
  if (instruction.rep) words.push(instruction.rep);
  const implicit = form.codes.some((c) => c.kind.startsWith('string')) || IMPLICIT_ADDRESS.has(form.op);
  if (prefixes.addressSize && implicit) words.push(`a${instruction.addressSize}`);
  if (form.codes.some((c) => c.kind === 'string-source') || form.op === 'xlat') {
    const { segment = DS } = instruction;
    if (segment !== DS) words.push(SEGMENT_NAMES[segment]!);
  }
  return words.map((word) => `${word} `).join('');
}

const IMPLICIT_SIZE = new Set(['sysexit', 'sysret']);

/** Operand-size words for forms whose text does not show the operand size otherwise. */
function sizePrefix(instruction: Instruction): string {
  const { form, operands, operandSize, prefixes } = instruction;
  if (!prefixes.operandSize || form.mnemonic.includes('/') || form.prefix === '66') return '';
  const implicit = operands.length === 0 && (form.size64 !== undefined || IMPLICIT_SIZE.has(form.op));
  const hidden =
    implicit ||
    form.codes.some((c) => ['relative', 'fixed-segment', 'far-pointer'].includes(c.kind)) ||
    ['ret', 'ret_far', 'enter', 'leave'].includes(form.op) ||
    (form.op === 'push' && form.codes[0]?.kind === 'immediate') ||
    form.codes.some((c) => ['p', 's'].includes(c.width) && c.kind === 'memory' && operands.length === 1);
  return hidden ? `o${operandSize} ` : '';
}

/**
 * Text of an instruction at address `ip`. Branch targets are printed as addresses, or as what `nameOf` calls them.
 */
export function disassemble(instruction: Instruction, ip: number, nameOf: NameOf = () => undefined): string {
  const next = ip + instruction.length;
  const shown = instruction.form.codes.some((c) => c.kind.startsWith('string')) ? [] : instruction.operands;
  const operands = shown.map((operand) => formatOperand(operand, instruction, next, nameOf)).join(', ');
  const text = sizePrefix(instruction) + prefixWords(instruction) + instruction.mnemonic;
  return operands === '' ? text : `${text} ${operands}`;
}
