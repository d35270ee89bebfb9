// Opcode rows: near and far transfers, loops, software interrupts and returns from them, undefined-instruction instructions.
// Truth: SDM Vol. 2 "Instruction Set Reference"; sensitivity: Robin & Irvine 2000.
import { CONDITIONS, type Row, type RowOptions, type Sensitivity, row } from '../form.ts';

const transfer = (name: string): Sensitivity => ({
  kind: 'behavior',
  class: '3C',
  listed: name,
  why: `Far ${name} checks and changes the privilege level by the real CPL, not by the one the guest believes it has.`,
});
const softwareInterrupt: Sensitivity = {
  kind: 'behavior',
  class: '3C',
  listed: 'INT n',
  why: 'INT n goes through the real IDT and compares the gate privilege level with the real CPL.',
};
const implicitInterrupt: Sensitivity = {
  kind: 'behavior',
  class: '3C',
  why: 'It goes through the real IDT and compares the gate privilege level with the real CPL.',
};
const interruptReturn: Sensitivity = {
  kind: 'control',
  class: '3C',
  listed: 'IRET',
  why: 'IRET leaves IF and IOPL unchanged without any fault when the privilege does not suffice, and returns by the real CPL.',
};

const ends: RowOptions = { endsBlock: true };
const near: RowOptions = { endsBlock: true, size64: 'f64' };
const indirect: RowOptions = { ...near, memory: 'r' };
const farFlags = { write: 'OSZAPCTIDLNRVXFE' };
const undefinedInstruction: RowOptions = { endsBlock: true, memory: 'address' };
const opcode = (base: number, n: number) => (base + n).toString(16).toUpperCase();

export const BRANCH: readonly Row[] = [
  ...CONDITIONS.map(({ names, flags }, n) =>
    row(`${opcode(0x70, n)} cb`, `j${names[0]}`, 'Jb', `j${names[0]}`, 'branch', 'Jcc', {
      ...near,
      flags: { read: flags },
    }),
  ),
  ...CONDITIONS.map(({ names, flags }, n) =>
    row(`0F ${opcode(0x80, n)} cz`, `j${names[0]}`, 'Jz', `j${names[0]}`, 'branch', 'Jcc', {
      ...near,
      flags: { read: flags },
    }),
  ),
  row('E0 cb', 'loopne', 'Jb', 'loopne', 'branch', 'LOOP/LOOPcc', { ...near, flags: { read: 'Z' } }),
  row('E1 cb', 'loope', 'Jb', 'loope', 'branch', 'LOOP/LOOPcc', { ...near, flags: { read: 'Z' } }),
  row('E2 cb', 'loop', 'Jb', 'loop', 'branch', 'LOOP/LOOPcc', near),
  row('E3 cb', 'jcxz/jecxz/jrcxz', 'Jb', 'jcxz', 'branch', 'Jcc', { ...near, namedByAddress: true }),
  row('EB cb', 'jmp', 'Jb', 'jmp', 'branch', 'JMP', near),
  row('E9 cz', 'jmp', 'Jz', 'jmp', 'branch', 'JMP', near),
  row('E8 cz', 'call', 'Jz', 'call', 'call', 'CALL', near),
  row('FF /4', 'jmp', 'Ev', 'jmp_indirect', 'branch-indirect', 'JMP', indirect),
  row('FF /2', 'call', 'Ev', 'call_indirect', 'call', 'CALL', indirect),
  row('C3', 'ret', '', 'ret', 'ret', 'RET', near),
  row('C2 iw', 'ret', 'Iw', 'ret', 'ret', 'RET', near),

  row('EA ap', 'jmp', 'Ap', 'jmp_far', 'far-transfer', 'JMP', {
    ...ends,
    modes: 'legacy',
    sensitive: transfer('JMP'),
  }),
  row('9A ap', 'call', 'Ap', 'call_far', 'far-transfer', 'CALL', {
    ...ends,
    modes: 'legacy',
    sensitive: transfer('CALL'),
  }),
  row('FF /5', 'jmp far', 'Mp', 'jmp_far', 'far-transfer', 'JMP', {
    ...ends,
    memory: 'r',
    sensitive: transfer('JMP'),
  }),
  row('FF /3', 'call far', 'Mp', 'call_far', 'far-transfer', 'CALL', {
    ...ends,
    memory: 'r',
    sensitive: transfer('CALL'),
  }),
  row('CB', 'retf/retf/retfq', '', 'ret_far', 'far-transfer', 'RET', { ...ends, sensitive: transfer('RET') }),
  row('CA iw', 'retf/retf/retfq', 'Iw', 'ret_far', 'far-transfer', 'RET', { ...ends, sensitive: transfer('RET') }),
  row('CF', 'iretw/iretd/iretq', '', 'iret', 'iret', 'IRET/IRETD/IRETQ', {
    ...ends,
    flags: farFlags,
    sensitive: interruptReturn,
  }),

  row('CC', 'int3', '', 'int3', 'interrupt-gate', 'INT n/INTO/INT3/INT1', {
    ...ends,
    sensitive: implicitInterrupt,
  }),
  row('CD ib', 'int', 'Ib', 'int', 'interrupt-gate', 'INT n/INTO/INT3/INT1', {
    ...ends,
    sensitive: softwareInterrupt,
  }),
  row('CE', 'into', '', 'into', 'alu', 'INT n/INTO/INT3/INT1', {
    ...ends,
    flags: { read: 'O' },
    modes: 'legacy',
    sensitive: implicitInterrupt,
  }),
  row('F1', 'int1', '', 'int1', 'interrupt-gate', 'INT n/INTO/INT3/INT1', ends),
  row('62 /r', 'bound', 'Gv,Ma', 'bound', 'segment-query', 'BOUND', { modes: 'legacy' }),
  row('0F 0B', 'ud2', '', 'ud', 'alu', 'UD', ends),
  row('0F B9 /r', 'ud1', 'Gv,Ev', 'ud', 'alu', 'UD', undefinedInstruction),
  row('0F FF /r', 'ud0', 'Gv,Ev', 'ud', 'alu', 'UD', undefinedInstruction),
];
