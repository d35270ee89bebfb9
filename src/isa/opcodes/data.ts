// Opcode rows: moves, conversions, exchanges, conditional moves and sets, flag instructions, hints and fences.
// Truth: SDM Vol. 2 "Instruction Set Reference".
import { CONDITIONS, type Row, type RowOptions, row } from '../form.ts';

const store: RowOptions = { memory: 'w' };
const exchange: RowOptions = { memory: 'rw', lock: true };
const compareExchange: RowOptions = { ...exchange, flags: { write: 'OSZAPC' } };
const hint: RowOptions = { memory: 'address', cpuid: 'nopl' };
const prefetch: RowOptions = { ...hint, cpuid: 'sse' };
const opcode = (base: number, n: number) => (base + n).toString(16).toUpperCase().padStart(2, '0');

export const DATA: readonly Row[] = [
  row('88 /r', 'mov', 'Eb,Gb', 'mov', 'alu', 'MOV', store),
  row('89 /r', 'mov', 'Ev,Gv', 'mov', 'alu', 'MOV', store),
  row('8A /r', 'mov', 'Gb,Eb', 'mov', 'alu', 'MOV'),
  row('8B /r', 'mov', 'Gv,Ev', 'mov', 'alu', 'MOV'),
  row('A0 ao', 'mov', 'AL,Ob', 'mov', 'alu', 'MOV'),
  row('A1 ao', 'mov', 'rAX,Ov', 'mov', 'alu', 'MOV'),
  row('A2 ao', 'mov', 'Ob,AL', 'mov', 'alu', 'MOV', store),
  row('A3 ao', 'mov', 'Ov,rAX', 'mov', 'alu', 'MOV', store),
  row('B0 +r ib', 'mov', 'Zb,Ib', 'mov', 'alu', 'MOV'),
  row('B8 +r iv', 'mov', 'Zv,Iv', 'mov', 'alu', 'MOV'),
  row('C6 /0 ib', 'mov', 'Eb,Ib', 'mov', 'alu', 'MOV', store),
  row('C7 /0 iz', 'mov', 'Ev,Iz', 'mov', 'alu', 'MOV', store),
  row('NP 0F C3 /r', 'movnti', 'My,Gy', 'mov', 'alu', 'MOVNTI', { memory: 'w', cpuid: 'sse2' }),
  row('NFx 0F 38 F0 /r', 'movbe', 'Gv,Mv', 'movbe', 'alu', 'MOVBE', { cpuid: 'movbe' }),
  row('NFx 0F 38 F1 /r', 'movbe', 'Mv,Gv', 'movbe', 'alu', 'MOVBE', { memory: 'w', cpuid: 'movbe' }),
  row('0F B6 /r', 'movzx', 'Gv,Eb', 'movzx', 'alu', 'MOVZX'),
  row('0F B7 /r', 'movzx', 'Gv,Ew', 'movzx', 'alu', 'MOVZX'),
  row('0F BE /r', 'movsx', 'Gv,Eb', 'movsx', 'alu', 'MOVSX/MOVSXD'),
  row('0F BF /r', 'movsx', 'Gv,Ew', 'movsx', 'alu', 'MOVSX/MOVSXD'),
  row('63 /r', 'movsxd', 'Gv,Ed', 'movsx', 'alu', 'MOVSX/MOVSXD', { modes: '64' }),
  row('8D /r', 'lea', 'Gv,M', 'lea', 'lea', 'LEA', { memory: 'address' }),
  row('98', 'cbw/cwde/cdqe', '', 'cbw', 'alu', 'CBW/CWDE/CDQE'),
  row('99', 'cwd/cdq/cqo', '', 'cwd', 'alu', 'CWD/CDQ/CQO'),
  row('D7', 'xlatb', '', 'xlat', 'decimal', 'XLAT/XLATB'),

  row('86 /r', 'xchg', 'Eb,Gb', 'xchg', 'alu', 'XCHG', exchange),
  row('87 /r', 'xchg', 'Ev,Gv', 'xchg', 'alu', 'XCHG', exchange),
  row('90 +r', 'xchg', 'Zv,rAX', 'xchg', 'alu', 'XCHG'),
  row('0F C0 /r', 'xadd', 'Eb,Gb', 'xadd', 'alu', 'XADD', compareExchange),
  row('0F C1 /r', 'xadd', 'Ev,Gv', 'xadd', 'alu', 'XADD', compareExchange),
  row('0F B0 /r', 'cmpxchg', 'Eb,Gb', 'cmpxchg', 'alu', 'CMPXCHG', compareExchange),
  row('0F B1 /r', 'cmpxchg', 'Ev,Gv', 'cmpxchg', 'alu', 'CMPXCHG', compareExchange),
  row('0F C7 /1', 'cmpxchg8b/cmpxchg8b/cmpxchg16b', 'Mr', 'cmpxchg8b', 'alu', 'CMPXCHG8B/CMPXCHG16B', {
    ...exchange,
    flags: { write: 'Z' },
    cpuid: 'cx8',
    cpuid64: 'cx16',
  }),
  row('0F C8 +r', 'bswap', 'Zv', 'bswap', 'alu', 'BSWAP'),

  ...CONDITIONS.map(({ names, flags }, n) =>
    row(`0F ${opcode(0x90, n)} /r`, `set${names[0]}`, 'Eb', `set${names[0]}`, 'alu', 'SETcc', {
      flags: { read: flags },
      memory: 'w',
    }),
  ),
  ...CONDITIONS.map(({ names, flags }, n) =>
    row(`0F ${opcode(0x40, n)} /r`, `cmov${names[0]}`, 'Gv,Ev', `cmov${names[0]}`, 'alu', 'CMOVcc', {
      flags: { read: flags },
      cpuid: 'cmov',
    }),
  ),

  row('F8', 'clc', '', 'clc', 'flags', 'CLC', { flags: { write: 'C' } }),
  row('F9', 'stc', '', 'stc', 'flags', 'STC', { flags: { write: 'C' } }),
  row('F5', 'cmc', '', 'cmc', 'flags', 'CMC', { flags: { read: 'C', write: 'C' } }),
  row('FC', 'cld', '', 'cld', 'flags', 'CLD', { flags: { write: 'D' } }),
  row('FD', 'std', '', 'std', 'flags', 'STD', { flags: { write: 'D' } }),
  ...(['legacy', '64'] as const).flatMap((modes) => {
    const only: RowOptions = modes === '64' ? { modes, cpuid: 'lahf64' } : { modes };
    return [
      row('9F', 'lahf', '', 'lahf', 'flags', 'LAHF', { flags: { read: 'SZAPC' }, ...only }),
      row('9E', 'sahf', '', 'sahf', 'flags', 'SAHF', { flags: { write: 'SZAPC' }, ...only }),
    ];
  }),
  row('D6', 'salc', '', 'salc', 'flags', 'Opcode Map, D6H', { flags: { read: 'C' }, modes: 'legacy' }),

  row('90', 'nop', '', 'nop', 'nop', 'NOP'),
  row('F3 90', 'pause', '', 'pause', 'nop', 'PAUSE', { exit: { reason: 40, control: 'PAUSE exiting' } }),
  row('0F 0D /1', 'prefetchw', 'Mb', 'nop', 'nop', 'PREFETCHW', { ...hint, cpuid: 'prefetchw' }),
  row('0F 0D /r', 'nop', 'Ev', 'nop', 'nop', 'PREFETCHW', { ...hint, alias: true }),
  row('0F 18 /0', 'prefetchnta', 'Mb', 'nop', 'nop', 'PREFETCHh', prefetch),
  row('0F 18 /1', 'prefetcht0', 'Mb', 'nop', 'nop', 'PREFETCHh', prefetch),
  row('0F 18 /2', 'prefetcht1', 'Mb', 'nop', 'nop', 'PREFETCHh', prefetch),
  row('0F 18 /3', 'prefetcht2', 'Mb', 'nop', 'nop', 'PREFETCHh', prefetch),
  ...['18', '19', '1A', '1B', '1C', '1D', '1E'].map((second) =>
    row(`0F ${second} /r`, 'nop', 'Ev', 'nop', 'nop', 'NOP', { ...hint, alias: true }),
  ),
  row('0F 1F /0', 'nop', 'Ev', 'nop', 'nop', 'NOP', hint),
  row('0F 1F /r', 'nop', 'Ev', 'nop', 'nop', 'NOP', { ...hint, alias: true }),

  row('NP 0F AE /7', 'clflush', 'Mb', 'clflush', 'serialize', 'CLFLUSH', { memory: 'r', cpuid: 'clfsh' }),
  row('NP 0F AE E8', 'lfence', '', 'fence', 'serialize', 'LFENCE', { cpuid: 'sse2' }),
  row('NP 0F AE F0', 'mfence', '', 'fence', 'serialize', 'MFENCE', { cpuid: 'sse2' }),
  row('NP 0F AE F8', 'sfence', '', 'fence', 'serialize', 'SFENCE', { cpuid: 'sse' }),
];
