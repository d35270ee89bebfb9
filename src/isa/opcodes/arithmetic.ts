// Opcode rows: binary arithmetic and logic, multiplication and division, decimal adjustment, CRC32, ADCX and ADOX.
// Truth: SDM Vol. 2 "Instruction Set Reference", Appendix A "Opcode Map".
import { type FlagEffects, type Row, type RowOptions, row } from '../form.ts';

const ALL = 'OSZAPC';
const arithmetic = { write: ALL };
const withCarry = { read: 'C', write: ALL };
const logic = { write: ALL, undefined: 'A' };

const hex = (n: number) => n.toString(16).toUpperCase().padStart(2, '0');

/** The nine encodings (and the 82 alias) that ADD, OR, ADC, SBB, AND, SUB, XOR and CMP share. */
function binary(op: string, digit: number, flags: Partial<FlagEffects>): Row[] {
  const at = (n: number) => hex(digit * 8 + n);
  const toMemory: RowOptions = op === 'cmp' ? { flags, memory: 'r' } : { flags, memory: 'rw', lock: true };
  const section = op.toUpperCase();
  return [
    row(`${at(0)} /r`, op, 'Eb,Gb', op, 'alu', section, toMemory),
    row(`${at(1)} /r`, op, 'Ev,Gv', op, 'alu', section, toMemory),
    row(`${at(2)} /r`, op, 'Gb,Eb', op, 'alu', section, { flags }),
    row(`${at(3)} /r`, op, 'Gv,Ev', op, 'alu', section, { flags }),
    row(`${at(4)} ib`, op, 'AL,Ib', op, 'alu', section, { flags }),
    row(`${at(5)} iz`, op, 'rAX,Iz', op, 'alu', section, { flags }),
    row(`80 /${digit} ib`, op, 'Eb,Ib', op, 'alu', section, toMemory),
    row(`81 /${digit} iz`, op, 'Ev,Iz', op, 'alu', section, toMemory),
    row(`83 /${digit} ib`, op, 'Ev,Ibs', op, 'alu', section, toMemory),
    row(`82 /${digit} ib`, op, 'Eb,Ib', op, 'alu', section, { ...toMemory, modes: 'legacy', alias: true }),
  ];
}

/** INC, DEC, NOT, NEG: a byte and a word encoding in an opcode group. */
function unary(opcode: number, digit: number, op: string, flags: Partial<FlagEffects>): Row[] {
  const options: RowOptions = { flags, memory: 'rw', lock: true };
  return [
    row(`${hex(opcode)} /${digit}`, op, 'Eb', op, 'alu', op.toUpperCase(), options),
    row(`${hex(opcode + 1)} /${digit}`, op, 'Ev', op, 'alu', op.toUpperCase(), options),
  ];
}

const incDec = { write: 'OSZAP' };
const test: RowOptions = { flags: logic, memory: 'r' };
const product = { write: 'OSZAPC', undefined: 'SZAP' };
const quotient = { write: 'OSZAPC', undefined: 'OSZAPC' };

export const ARITHMETIC: readonly Row[] = [
  ...binary('add', 0, arithmetic),
  ...binary('or', 1, logic),
  ...binary('adc', 2, withCarry),
  ...binary('sbb', 3, withCarry),
  ...binary('and', 4, logic),
  ...binary('sub', 5, arithmetic),
  ...binary('xor', 6, logic),
  ...binary('cmp', 7, arithmetic),

  row('84 /r', 'test', 'Eb,Gb', 'test', 'alu', 'TEST', test),
  row('85 /r', 'test', 'Ev,Gv', 'test', 'alu', 'TEST', test),
  row('A8 ib', 'test', 'AL,Ib', 'test', 'alu', 'TEST', { flags: logic }),
  row('A9 iz', 'test', 'rAX,Iz', 'test', 'alu', 'TEST', { flags: logic }),
  row('F6 /0 ib', 'test', 'Eb,Ib', 'test', 'alu', 'TEST', test),
  row('F7 /0 iz', 'test', 'Ev,Iz', 'test', 'alu', 'TEST', test),
  row('F6 /1 ib', 'test', 'Eb,Ib', 'test', 'alu', 'TEST', { ...test, alias: true }),
  row('F7 /1 iz', 'test', 'Ev,Iz', 'test', 'alu', 'TEST', { ...test, alias: true }),

  row('40 +r', 'inc', 'Zv', 'inc', 'alu', 'INC', { flags: incDec, modes: 'legacy' }),
  row('48 +r', 'dec', 'Zv', 'dec', 'alu', 'DEC', { flags: incDec, modes: 'legacy' }),
  ...unary(0xfe, 0, 'inc', incDec),
  ...unary(0xfe, 1, 'dec', incDec),
  ...unary(0xf6, 2, 'not', {}),
  ...unary(0xf6, 3, 'neg', arithmetic),

  row('F6 /4', 'mul', 'Eb', 'mul', 'mul', 'MUL', { flags: product, memory: 'r' }),
  row('F7 /4', 'mul', 'Ev', 'mul', 'mul', 'MUL', { flags: product, memory: 'r' }),
  row('F6 /5', 'imul', 'Eb', 'imul_wide', 'mul', 'IMUL', { flags: product, memory: 'r' }),
  row('F7 /5', 'imul', 'Ev', 'imul_wide', 'mul', 'IMUL', { flags: product, memory: 'r' }),
  row('0F AF /r', 'imul', 'Gv,Ev', 'imul', 'mul', 'IMUL', { flags: product }),
  row('69 /r iz', 'imul', 'Gv,Ev,Iz', 'imul3', 'mul', 'IMUL', { flags: product }),
  row('6B /r ib', 'imul', 'Gv,Ev,Ibs', 'imul3', 'mul', 'IMUL', { flags: product }),
  row('F6 /6', 'div', 'Eb', 'div', 'div', 'DIV', { flags: quotient, memory: 'r' }),
  row('F7 /6', 'div', 'Ev', 'div', 'div', 'DIV', { flags: quotient, memory: 'r' }),
  row('F6 /7', 'idiv', 'Eb', 'idiv', 'div', 'IDIV', { flags: quotient, memory: 'r' }),
  row('F7 /7', 'idiv', 'Ev', 'idiv', 'div', 'IDIV', { flags: quotient, memory: 'r' }),

  row('27', 'daa', '', 'daa', 'decimal', 'DAA', {
    flags: { read: 'AC', write: ALL, undefined: 'O' },
    modes: 'legacy',
  }),
  row('2F', 'das', '', 'das', 'decimal', 'DAS', {
    flags: { read: 'AC', write: ALL, undefined: 'O' },
    modes: 'legacy',
  }),
  row('37', 'aaa', '', 'aaa', 'decimal', 'AAA', {
    flags: { read: 'A', write: ALL, undefined: 'OSZP' },
    modes: 'legacy',
  }),
  row('3F', 'aas', '', 'aas', 'decimal', 'AAS', {
    flags: { read: 'A', write: ALL, undefined: 'OSZP' },
    modes: 'legacy',
  }),
  row('D4 ib', 'aam', 'Ib', 'aam', 'decimal', 'AAM', { flags: { write: ALL, undefined: 'OAC' }, modes: 'legacy' }),
  row('D5 ib', 'aad', 'Ib', 'aad', 'decimal', 'AAD', { flags: { write: ALL, undefined: 'OAC' }, modes: 'legacy' }),

  row('F2 0F 38 F0 /r', 'crc32', 'Gy,Eb', 'crc32', 'alu', 'CRC32', { cpuid: 'sse4.2' }),
  row('F2 0F 38 F1 /r', 'crc32', 'Gy,Ev', 'crc32', 'alu', 'CRC32', { cpuid: 'sse4.2' }),
  row('66 0F 38 F6 /r', 'adcx', 'Gy,Ey', 'adcx', 'alu', 'ADCX', { flags: { read: 'C', write: 'C' }, cpuid: 'adx' }),
  row('F3 0F 38 F6 /r', 'adox', 'Gy,Ey', 'adox', 'alu', 'ADOX', { flags: { read: 'O', write: 'O' }, cpuid: 'adx' }),
];
