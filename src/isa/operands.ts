// Operand codes of the opcode map: what each means to a decoder, an encoder and a printer.
// Truth: SDM Vol. 2 Appendix A "Codes for Addressing Method", "Codes for Operand Type".

/** Where an operand comes from. The order gives the KIND_ numbers of asm/gen. */
export const OPERAND_KINDS = [
  'none',
  'rm', // ModRM.rm: register when mod is 3, else memory
  'memory', // ModRM.rm with mod other than 3
  'address', // as memory, but only the address counts
  'rm-register', // ModRM.rm, always a register (mod is ignored)
  'reg', // ModRM.reg
  'opcode-reg', // low three bits of the opcode
  'segment', // segment register in ModRM.reg
  'control', // control register in ModRM.reg
  'debug', // debug register in ModRM.reg
  'immediate',
  'relative', // displacement from the next instruction
  'far-pointer', // selector:offset in the instruction
  'offset', // memory at an absolute offset in the instruction
  'string-source', // DS:rSI, segment can be overridden
  'string-destination', // ES:rDI
  'accumulator',
  'fixed-cl',
  'fixed-dx',
  'fixed-segment',
  'one',
  'mm-reg', // MMX register in ModRM.reg
  'mm-rm', // ModRM.rm: MMX register when mod is 3, else memory
  'mm-rm-register', // MMX register in ModRM.rm, mod has to be 3
  'xmm-reg', // the same for XMM registers
  'xmm-rm',
  'xmm-rm-register',
  'st0', // top of the x87 register stack
  'st-rm', // x87 stack register in ModRM.rm, mod has to be 3
] as const;

/** Where an operand comes from. */
export type OperandKind = (typeof OPERAND_KINDS)[number];

/**
 * Operand size letters, in WIDTH_ number order. b w d q: 1, 2, 4, 8 bytes. v: operand size. z: operand size, at most 4.
 * y: 4, or 8 with operand size 64. n: native, 4 or 8 in 64-bit mode. p: far pointer (offset of operand size, then selector).
 * s: pseudo-descriptor. a: pair of v. o: 16 bytes. x: v in a register, 2 bytes in memory.
 * r: pair of y (8, or 16 with operand size 64). t: 10 bytes.
 * e: 4 bytes in a register, 1 in memory. g: 4 bytes in a register, 2 in memory. 0: no size.
 */
export const OPERAND_WIDTHS = '0 b w d q v z y n p s a o x r t e g'.split(' ') as readonly OperandWidth[];

/** Operand size letter. */
export type OperandWidth =
  | ('0' | 'b' | 'w' | 'd' | 'q' | 'v' | 'z' | 'y' | 'n' | 'p' | 's' | 'a' | 'o' | 'x' | 'r')
  | ('t' | 'e' | 'g');

/** Immediate fields, in IMMEDIATE_ number order; `ibs` is a byte sign-extended to the operand size. */
export const IMMEDIATES = ['none', 'ib', 'ibs', 'iw', 'iz', 'iv', 'cb', 'cz', 'ap', 'ao'] as const;

/** Immediate field of an encoding. */
export type Immediate = (typeof IMMEDIATES)[number];

/** Meaning of one operand code. */
export interface OperandCode {
  readonly name: string;
  readonly kind: OperandKind;
  readonly width: OperandWidth;
  readonly immediate: Immediate;
  /** Segment number of a fixed segment register. */
  readonly segment?: number;
}

function code(name: string, kind: OperandKind, width: OperandWidth, immediate: Immediate = 'none'): OperandCode {
  return { name, kind, width, immediate };
}

/** All operand codes; the index + 1 is the OPERAND_ number. */
export const OPERAND_CODES: readonly OperandCode[] = [
  code('Eb', 'rm', 'b'),
  code('Ew', 'rm', 'w'),
  code('Ed', 'rm', 'd'),
  code('Ev', 'rm', 'v'),
  code('Ey', 'rm', 'y'),
  code('En', 'rm', 'n'),
  code('Mw/Rv', 'rm', 'x'),
  code('Gb', 'reg', 'b'),
  code('Gw', 'reg', 'w'),
  code('Gd', 'reg', 'd'),
  code('Gv', 'reg', 'v'),
  code('Gy', 'reg', 'y'),
  code('Gn', 'reg', 'n'),
  code('M', 'address', '0'),
  code('Mb', 'memory', 'b'),
  code('Mw', 'memory', 'w'),
  code('Md', 'memory', 'd'),
  code('Mq', 'memory', 'q'),
  code('Mv', 'memory', 'v'),
  code('My', 'memory', 'y'),
  code('Mp', 'memory', 'p'),
  code('Ms', 'memory', 's'),
  code('Ma', 'memory', 'a'),
  code('Mo', 'memory', 'o'),
  code('Mr', 'memory', 'r'),
  code('Rn', 'rm-register', 'n'),
  code('Ry', 'rm-register', 'y'),
  code('Rv', 'rm-register', 'v'),
  code('Cn', 'control', 'n'),
  code('Dn', 'debug', 'n'),
  code('Sw', 'segment', 'w'),
  code('Zb', 'opcode-reg', 'b'),
  code('Zv', 'opcode-reg', 'v'),
  code('Ib', 'immediate', 'b', 'ib'),
  code('Ibs', 'immediate', 'v', 'ibs'),
  code('Iw', 'immediate', 'w', 'iw'),
  code('Iz', 'immediate', 'v', 'iz'),
  code('Iv', 'immediate', 'v', 'iv'),
  code('Jb', 'relative', 'v', 'cb'),
  code('Jz', 'relative', 'v', 'cz'),
  code('Ap', 'far-pointer', 'p', 'ap'),
  code('Ob', 'offset', 'b', 'ao'),
  code('Ov', 'offset', 'v', 'ao'),
  code('Xb', 'string-source', 'b'),
  code('Xv', 'string-source', 'v'),
  code('Xz', 'string-source', 'z'),
  code('Yb', 'string-destination', 'b'),
  code('Yv', 'string-destination', 'v'),
  code('Yz', 'string-destination', 'z'),
  code('AL', 'accumulator', 'b'),
  code('eAX', 'accumulator', 'z'),
  code('rAX', 'accumulator', 'v'),
  code('AX', 'accumulator', 'w'),
  code('CL', 'fixed-cl', 'b'),
  code('DX', 'fixed-dx', 'w'),
  code('1', 'one', 'b'),
  code('Mfq', 'memory', 'q'),
  code('Mt', 'memory', 't'),
  code('Mb/Rd', 'rm', 'e'),
  code('Mw/Rd', 'rm', 'g'),
  code('Pq', 'mm-reg', 'q'),
  code('Qq', 'mm-rm', 'q'),
  code('Qd', 'mm-rm', 'd'),
  code('Nq', 'mm-rm-register', 'q'),
  code('Vdq', 'xmm-reg', 'o'),
  code('Wdq', 'xmm-rm', 'o'),
  code('Wq', 'xmm-rm', 'q'),
  code('Wd', 'xmm-rm', 'd'),
  code('Ww', 'xmm-rm', 'w'),
  code('Udq', 'xmm-rm-register', 'o'),
  code('ST0', 'st0', 't'),
  code('STi', 'st-rm', 't'),
  ...['ES', 'CS', 'SS', 'DS', 'FS', 'GS'].map((name, segment) => ({
    ...code(name, 'fixed-segment', 'v'),
    segment,
  })),
];

const byName = new Map(OPERAND_CODES.map((operand, index) => [operand.name, { operand, number: index + 1 }]));

/** Meaning of an operand code. */
export function operandCode(name: string): OperandCode {
  const found = byName.get(name);
  if (!found) throw new Error(`operand code ${name} is not in the table`);
  return found.operand;
}

/** OPERAND_ number of an operand code. */
export function operandNumber(name: string): number {
  return byName.get(name)!.number;
}

/** Byte of a mandatory prefix rule, if it is one. */
export function mandatoryPrefixByte(rule: string): number[] {
  return rule === '66' || rule === 'F3' || rule === 'F2' ? [Number.parseInt(rule, 16)] : [];
}

/** Bytes of an operand of this width at an operand size; 0 for structures. */
export function widthBytes(width: OperandWidth, operandSize: number, mode: number, inMemory = false): number {
  switch (width) {
    case 'b':
      return 1;
    case 'w':
      return 2;
    case 'd':
      return 4;
    case 'q':
      return 8;
    case 'v':
      return operandSize / 8;
    case 'z':
      return Math.min(operandSize, 32) / 8;
    case 'y':
      return operandSize === 64 ? 8 : 4;
    case 'n':
      return mode === 64 ? 8 : 4;
    case 'o':
      return 16;
    case 't':
      return 10;
    case 'e':
      return inMemory ? 1 : 4;
    case 'g':
      return inMemory ? 2 : 4;
    case 'x':
      return inMemory ? 2 : operandSize / 8;
    case 'r':
      return operandSize === 64 ? 16 : 8;
    case 'p':
      return operandSize / 8 + 2;
    case 's':
      return mode === 64 ? 10 : 6;
    case 'a':
      return operandSize / 4;
    default:
      return 0;
  }
}
