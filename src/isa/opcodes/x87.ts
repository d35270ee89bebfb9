// Opcode rows: the x87 floating-point unit. Truth: SDM Vol. 2 "Instruction Set Reference" and Appendix A "Opcode Map",
// "Escape Opcode Instructions".
import type { CostClass } from '../cost-classes.ts';
import { type Row, type RowOptions, row } from '../form.ts';

const store: RowOptions = { memory: 'w', cpuid: 'fpu' };
const read: RowOptions = { memory: 'r', cpuid: 'fpu' };
const plain: RowOptions = { cpuid: 'fpu' };
const alias: RowOptions = { cpuid: 'fpu', alias: true };
const area: RowOptions = { memory: 'address', cpuid: 'fpu' };
const compareFlags: RowOptions = { cpuid: 'cmov', flags: { write: 'OSZAPC' } };

/** The eight operations of the escape opcodes D8, DA, DC and DE, in the order of ModRM.reg. */
const OPERATIONS: readonly (readonly [name: string, cost: CostClass])[] = [
  ['add', 'mul'],
  ['mul', 'mul'],
  ['com', 'mul'],
  ['comp', 'mul'],
  ['sub', 'mul'],
  ['subr', 'mul'],
  ['div', 'div'],
  ['divr', 'div'],
];
const section = (name: string) => {
  if (name.startsWith('com')) return 'FCOM/FCOMP/FCOMPP';
  return `F${name.toUpperCase()}/F${name.toUpperCase()}P/FI${name.toUpperCase()}`;
};

/** D8 and DC with memory: op numbers OP_FADD + ModRM.reg; DA and DE: OP_FIADD + ModRM.reg. */
const arithmetic: readonly Row[] = [
  ...OPERATIONS.map(([name, cost], n) => row(`D8 /${n}`, `f${name}`, 'Md', `f${name}`, cost, section(name), read)),
  ...OPERATIONS.map(([name, cost], n) => row(`DC /${n}`, `f${name}`, 'Mfq', `f${name}`, cost, section(name), read)),
  ...OPERATIONS.map(([name, cost], n) => row(`DA /${n}`, `fi${name}`, 'Md', `fi${name}`, cost, section(name), read)),
  ...OPERATIONS.map(([name, cost], n) => row(`DE /${n}`, `fi${name}`, 'Mw', `fi${name}`, cost, section(name), read)),
  ...OPERATIONS.map(([name, cost], n) =>
    row(`D8 /${n}`, `f${name}`, 'ST0,STi', `f${name}`, cost, section(name), plain),
  ),
];

/** DC and DE with registers: the reversed operations change places. */
const REVERSED = ['add', 'mul', 'com', 'comp', 'subr', 'sub', 'divr', 'div'] as const;
const toRegister: readonly Row[] = REVERSED.flatMap((name, n) => {
  const cost = name.startsWith('div') ? 'div' : 'mul';
  if (name === 'com') {
    return [
      row('DC /2', 'fcom', 'ST0,STi', 'fcom', cost, section('com'), alias),
      row('DE /2', 'fcomp', 'ST0,STi', 'fcomp', cost, section('com'), alias),
    ];
  }
  if (name === 'comp') {
    return [
      row('DC /3', 'fcomp', 'ST0,STi', 'fcomp', cost, section('com'), alias),
      row('DE D9', 'fcompp', '', 'fcompp', cost, section('com'), plain),
    ];
  }
  return [
    row(`DC /${n}`, `f${name}`, 'STi,ST0', `f${name}`, cost, section(name), plain),
    row(`DE /${n}`, `f${name}p`, 'STi,ST0', `f${name}p`, cost, section(name), plain),
  ];
});

const moves: readonly Row[] = [
  row('D9 /0', 'fld', 'Md', 'fld', 'alu', 'FLD', read),
  row('DD /0', 'fld', 'Mfq', 'fld', 'alu', 'FLD', read),
  row('DB /5', 'fld', 'Mt', 'fld', 'alu', 'FLD', read),
  row('D9 /0', 'fld', 'STi', 'fld', 'alu', 'FLD', plain),
  row('D9 /2', 'fst', 'Md', 'fst', 'alu', 'FST/FSTP', store),
  row('DD /2', 'fst', 'Mfq', 'fst', 'alu', 'FST/FSTP', store),
  row('DD /2', 'fst', 'STi', 'fst', 'alu', 'FST/FSTP', plain),
  row('D9 /3', 'fstp', 'Md', 'fstp', 'alu', 'FST/FSTP', store),
  row('DD /3', 'fstp', 'Mfq', 'fstp', 'alu', 'FST/FSTP', store),
  row('DB /7', 'fstp', 'Mt', 'fstp', 'alu', 'FST/FSTP', store),
  row('DD /3', 'fstp', 'STi', 'fstp', 'alu', 'FST/FSTP', plain),
  row('D9 /3', 'fstpnce', 'STi', 'fstpnce', 'alu', 'FST/FSTP', plain),
  row('DF /2', 'fstp', 'STi', 'fstp', 'alu', 'FST/FSTP', alias),
  row('DF /3', 'fstp', 'STi', 'fstp', 'alu', 'FST/FSTP', alias),
  row('DF /0', 'fild', 'Mw', 'fild', 'alu', 'FILD', read),
  row('DB /0', 'fild', 'Md', 'fild', 'alu', 'FILD', read),
  row('DF /5', 'fild', 'Mfq', 'fild', 'alu', 'FILD', read),
  row('DF /2', 'fist', 'Mw', 'fist', 'alu', 'FIST/FISTP', store),
  row('DB /2', 'fist', 'Md', 'fist', 'alu', 'FIST/FISTP', store),
  row('DF /3', 'fistp', 'Mw', 'fistp', 'alu', 'FIST/FISTP', store),
  row('DB /3', 'fistp', 'Md', 'fistp', 'alu', 'FIST/FISTP', store),
  row('DF /7', 'fistp', 'Mfq', 'fistp', 'alu', 'FIST/FISTP', store),
  row('DF /1', 'fisttp', 'Mw', 'fisttp', 'alu', 'FISTTP', { ...store, cpuid: 'sse3' }),
  row('DB /1', 'fisttp', 'Md', 'fisttp', 'alu', 'FISTTP', { ...store, cpuid: 'sse3' }),
  row('DD /1', 'fisttp', 'Mfq', 'fisttp', 'alu', 'FISTTP', { ...store, cpuid: 'sse3' }),
  row('DF /4', 'fbld', 'Mt', 'fbld', 'div', 'FBLD', read),
  row('DF /6', 'fbstp', 'Mt', 'fbstp', 'div', 'FBSTP', store),
  row('D9 /1', 'fxch', 'STi', 'fxch', 'alu', 'FXCH', plain),
  row('DD /1', 'fxch', 'STi', 'fxch', 'alu', 'FXCH', alias),
  row('DF /1', 'fxch', 'STi', 'fxch', 'alu', 'FXCH', alias),
  ...['b', 'e', 'be', 'u'].flatMap((condition, n) => {
    const flags = { read: ['C', 'Z', 'CZ', 'P'][n]! };
    return [
      row(`DA /${n}`, `fcmov${condition}`, 'ST0,STi', `fcmov${condition}`, 'alu', 'FCMOVcc', { cpuid: 'cmov', flags }),
      row(`DB /${n}`, `fcmovn${condition}`, 'ST0,STi', `fcmovn${condition}`, 'alu', 'FCMOVcc', {
        cpuid: 'cmov',
        flags,
      }),
    ];
  }),
];

const CONSTANTS = ['fld1', 'fldl2t', 'fldl2e', 'fldpi', 'fldlg2', 'fldln2', 'fldz'] as const;
const constants: readonly Row[] = CONSTANTS.map((name, n) =>
  row(
    `D9 E${(8 + n).toString(16).toUpperCase()}`,
    name,
    '',
    name,
    'alu',
    'FLD1/FLDL2T/FLDL2E/FLDPI/FLDLG2/FLDLN2/FLDZ',
    plain,
  ),
);

const compares: readonly Row[] = [
  row('DD /4', 'fucom', 'ST0,STi', 'fucom', 'mul', 'FUCOM/FUCOMP/FUCOMPP', plain),
  row('DD /5', 'fucomp', 'ST0,STi', 'fucomp', 'mul', 'FUCOM/FUCOMP/FUCOMPP', plain),
  row('DA E9', 'fucompp', '', 'fucompp', 'mul', 'FUCOM/FUCOMP/FUCOMPP', plain),
  row('DB /5', 'fucomi', 'ST0,STi', 'fucomi', 'mul', 'FCOMI/FCOMIP/FUCOMI/FUCOMIP', compareFlags),
  row('DB /6', 'fcomi', 'ST0,STi', 'fcomi', 'mul', 'FCOMI/FCOMIP/FUCOMI/FUCOMIP', compareFlags),
  row('DF /5', 'fucomip', 'ST0,STi', 'fucomip', 'mul', 'FCOMI/FCOMIP/FUCOMI/FUCOMIP', compareFlags),
  row('DF /6', 'fcomip', 'ST0,STi', 'fcomip', 'mul', 'FCOMI/FCOMIP/FUCOMI/FUCOMIP', compareFlags),
  row('D9 E4', 'ftst', '', 'ftst', 'mul', 'FTST', plain),
  row('D9 E5', 'fxam', '', 'fxam', 'mul', 'FXAM', plain),
];

const functions: readonly Row[] = (
  [
    ['E0', 'fchs', 'alu'],
    ['E1', 'fabs', 'alu'],
    ['F0', 'f2xm1', 'div'],
    ['F1', 'fyl2x', 'div'],
    ['F2', 'fptan', 'div'],
    ['F3', 'fpatan', 'div'],
    ['F4', 'fxtract', 'mul'],
    ['F5', 'fprem1', 'div'],
    ['F8', 'fprem', 'div'],
    ['F9', 'fyl2xp1', 'div'],
    ['FA', 'fsqrt', 'div'],
    ['FB', 'fsincos', 'div'],
    ['FC', 'frndint', 'mul'],
    ['FD', 'fscale', 'mul'],
    ['FE', 'fsin', 'div'],
    ['FF', 'fcos', 'div'],
  ] as const
).map(([byte, name, cost]) => row(`D9 ${byte}`, name, '', name, cost, name.toUpperCase(), plain));

const control: readonly Row[] = [
  row('D9 D0', 'fnop', '', 'fnop', 'nop', 'FNOP', plain),
  row('D9 F6', 'fdecstp', '', 'fdecstp', 'alu', 'FDECSTP', plain),
  row('D9 F7', 'fincstp', '', 'fincstp', 'alu', 'FINCSTP', plain),
  row('DD /0', 'ffree', 'STi', 'ffree', 'alu', 'FFREE', plain),
  row('DF /0', 'ffreep', 'STi', 'ffreep', 'alu', 'FFREE', plain),
  row('DB E0', 'fneni', '', 'fneni', 'nop', 'Opcode Map, DBH', plain),
  row('DB E1', 'fndisi', '', 'fndisi', 'nop', 'Opcode Map, DBH', plain),
  row('DB E2', 'fnclex', '', 'fnclex', 'alu', 'FCLEX/FNCLEX', plain),
  row('DB E3', 'fninit', '', 'fninit', 'alu', 'FINIT/FNINIT', plain),
  row('DB E4', 'fnsetpm', '', 'fnsetpm', 'nop', 'Opcode Map, DBH', plain),
  row('9B', 'fwait', '', 'fwait', 'nop', 'WAIT/FWAIT', plain),
  row('DF E0', 'fnstsw', 'AX', 'fnstsw', 'alu', 'FSTSW/FNSTSW', plain),
  row('DD /7', 'fnstsw', 'Mw', 'fnstsw', 'alu', 'FSTSW/FNSTSW', store),
  row('D9 /7', 'fnstcw', 'Mw', 'fnstcw', 'alu', 'FSTCW/FNSTCW', store),
  row('D9 /5', 'fldcw', 'Mw', 'fldcw', 'alu', 'FLDCW', read),
  row('D9 /4', 'fldenv', 'M', 'fldenv', 'stack-frame', 'FLDENV', area),
  row('D9 /6', 'fnstenv', 'M', 'fnstenv', 'stack-frame', 'FSTENV/FNSTENV', area),
  row('DD /4', 'frstor', 'M', 'frstor', 'stack-frame', 'FRSTOR', area),
  row('DD /6', 'fnsave', 'M', 'fnsave', 'stack-frame', 'FSAVE/FNSAVE', area),
];

export const X87: readonly Row[] = [
  ...arithmetic,
  ...toRegister,
  ...moves,
  ...constants,
  ...compares,
  ...functions,
  ...control,
];
