// Opcode rows: MMX, SSE to SSE4.2, AES, PCLMULQDQ, SHA. Truth: SDM Vol. 2 "Instruction Set Reference".
import type { CostClass } from '../cost-classes.ts';
import type { FeatureName } from '../cpu-features.ts';
import { type Row, type RowOptions, row } from '../form.ts';

/** Pages of the SDM that describe several instructions. */
const PAGES = [
  'PUNPCKLBW/PUNPCKLWD/PUNPCKLDQ/PUNPCKLQDQ',
  'PUNPCKHBW/PUNPCKHWD/PUNPCKHDQ/PUNPCKHQDQ',
  'PACKSSWB/PACKSSDW',
  'PCMPGTB/PCMPGTW/PCMPGTD',
  'PCMPEQB/PCMPEQW/PCMPEQD',
  'PSRLW/PSRLD/PSRLQ',
  'PSRAW/PSRAD/PSRAQ',
  'PSLLW/PSLLD/PSLLQ',
  'PADDB/PADDW/PADDD/PADDQ',
  'PADDSB/PADDSW',
  'PADDUSB/PADDUSW',
  'PSUBB/PSUBW/PSUBD',
  'PSUBSB/PSUBSW',
  'PSUBUSB/PSUBUSW',
  'PMINUB/PMINUW',
  'PMAXUB/PMAXUW',
  'PMINSB/PMINSW',
  'PMAXSB/PMAXSW',
  'PMULLD/PMULLQ',
  'PMINSD/PMINSQ',
  'PMAXSD/PMAXSQ',
  'PMINUD/PMINUQ',
  'PMAXUD/PMAXUQ',
  'PAVGB/PAVGW',
  'PHADDW/PHADDD',
  'PHSUBW/PHSUBD',
  'PSIGNB/PSIGNW/PSIGND',
  'PABSB/PABSW/PABSD/PABSQ',
  'PEXTRB/PEXTRD/PEXTRQ',
  'PINSRB/PINSRD/PINSRQ',
] as const;
const pageOf = new Map<string, string>(
  PAGES.flatMap((title) => title.split('/').map((name) => [name, title] as const)),
);

/** Title of the SDM's page of an instruction. */
function page(name: string): string {
  const upper = name.toUpperCase().replace('_TO_RM', '');
  return pageOf.get(upper) ?? upper;
}

/** Packed integer operation with an MMX form of its own feature and an XMM form behind 66. */
function both(second: string, name: string, features: string, cost: CostClass = 'alu'): Row[] {
  const [mmx, xmm] = features.split(' ') as [FeatureName, FeatureName?];
  return [
    row(`NP ${second} /r`, name, name.startsWith('punpckl') ? 'Pq,Qd' : 'Pq,Qq', name, cost, page(name), {
      cpuid: mmx,
    }),
    row(`66 ${second} /r`, name, 'Vdq,Wdq', name, cost, page(name), { cpuid: xmm ?? 'sse2' }),
  ];
}

const PACKED: readonly (readonly [opcode: string, name: string, features: string, cost?: CostClass])[] = [
  ['0F 60', 'punpcklbw', 'mmx'],
  ['0F 61', 'punpcklwd', 'mmx'],
  ['0F 62', 'punpckldq', 'mmx'],
  ['0F 63', 'packsswb', 'mmx'],
  ['0F 64', 'pcmpgtb', 'mmx'],
  ['0F 65', 'pcmpgtw', 'mmx'],
  ['0F 66', 'pcmpgtd', 'mmx'],
  ['0F 67', 'packuswb', 'mmx'],
  ['0F 68', 'punpckhbw', 'mmx'],
  ['0F 69', 'punpckhwd', 'mmx'],
  ['0F 6A', 'punpckhdq', 'mmx'],
  ['0F 6B', 'packssdw', 'mmx'],
  ['0F 74', 'pcmpeqb', 'mmx'],
  ['0F 75', 'pcmpeqw', 'mmx'],
  ['0F 76', 'pcmpeqd', 'mmx'],
  ['0F D1', 'psrlw', 'mmx'],
  ['0F D2', 'psrld', 'mmx'],
  ['0F D3', 'psrlq', 'mmx'],
  ['0F D4', 'paddq', 'sse2'],
  ['0F D5', 'pmullw', 'mmx', 'mul'],
  ['0F D8', 'psubusb', 'mmx'],
  ['0F D9', 'psubusw', 'mmx'],
  ['0F DA', 'pminub', 'sse'],
  ['0F DB', 'pand', 'mmx'],
  ['0F DC', 'paddusb', 'mmx'],
  ['0F DD', 'paddusw', 'mmx'],
  ['0F DE', 'pmaxub', 'sse'],
  ['0F DF', 'pandn', 'mmx'],
  ['0F E0', 'pavgb', 'sse'],
  ['0F E1', 'psraw', 'mmx'],
  ['0F E2', 'psrad', 'mmx'],
  ['0F E3', 'pavgw', 'sse'],
  ['0F E4', 'pmulhuw', 'sse', 'mul'],
  ['0F E5', 'pmulhw', 'mmx', 'mul'],
  ['0F E8', 'psubsb', 'mmx'],
  ['0F E9', 'psubsw', 'mmx'],
  ['0F EA', 'pminsw', 'sse'],
  ['0F EB', 'por', 'mmx'],
  ['0F EC', 'paddsb', 'mmx'],
  ['0F ED', 'paddsw', 'mmx'],
  ['0F EE', 'pmaxsw', 'sse'],
  ['0F EF', 'pxor', 'mmx'],
  ['0F F1', 'psllw', 'mmx'],
  ['0F F2', 'pslld', 'mmx'],
  ['0F F3', 'psllq', 'mmx'],
  ['0F F4', 'pmuludq', 'sse2', 'mul'],
  ['0F F5', 'pmaddwd', 'mmx', 'mul'],
  ['0F F6', 'psadbw', 'sse'],
  ['0F F8', 'psubb', 'mmx'],
  ['0F F9', 'psubw', 'mmx'],
  ['0F FA', 'psubd', 'mmx'],
  ['0F FB', 'psubq', 'sse2'],
  ['0F FC', 'paddb', 'mmx'],
  ['0F FD', 'paddw', 'mmx'],
  ['0F FE', 'paddd', 'mmx'],
  ['0F 38 00', 'pshufb', 'ssse3 ssse3'],
  ['0F 38 01', 'phaddw', 'ssse3 ssse3'],
  ['0F 38 02', 'phaddd', 'ssse3 ssse3'],
  ['0F 38 03', 'phaddsw', 'ssse3 ssse3'],
  ['0F 38 04', 'pmaddubsw', 'ssse3 ssse3', 'mul'],
  ['0F 38 05', 'phsubw', 'ssse3 ssse3'],
  ['0F 38 06', 'phsubd', 'ssse3 ssse3'],
  ['0F 38 07', 'phsubsw', 'ssse3 ssse3'],
  ['0F 38 08', 'psignb', 'ssse3 ssse3'],
  ['0F 38 09', 'psignw', 'ssse3 ssse3'],
  ['0F 38 0A', 'psignd', 'ssse3 ssse3'],
  ['0F 38 0B', 'pmulhrsw', 'ssse3 ssse3', 'mul'],
  ['0F 38 1C', 'pabsb', 'ssse3 ssse3'],
  ['0F 38 1D', 'pabsw', 'ssse3 ssse3'],
  ['0F 38 1E', 'pabsd', 'ssse3 ssse3'],
];

/** XMM,XMM/m128 only. */
const XMM_ONLY: readonly (readonly [enc: string, name: string, feature: FeatureName, cost?: CostClass])[] = [
  ['66 0F 6C', 'punpcklqdq', 'sse2'],
  ['66 0F 6D', 'punpckhqdq', 'sse2'],
  ['66 0F 38 10', 'pblendvb', 'sse4.1'],
  ['66 0F 38 14', 'blendvps', 'sse4.1'],
  ['66 0F 38 15', 'blendvpd', 'sse4.1'],
  ['66 0F 38 28', 'pmuldq', 'sse4.1', 'mul'],
  ['66 0F 38 29', 'pcmpeqq', 'sse4.1'],
  ['66 0F 38 2B', 'packusdw', 'sse4.1'],
  ['66 0F 38 37', 'pcmpgtq', 'sse4.2'],
  ['66 0F 38 38', 'pminsb', 'sse4.1'],
  ['66 0F 38 39', 'pminsd', 'sse4.1'],
  ['66 0F 38 3A', 'pminuw', 'sse4.1'],
  ['66 0F 38 3B', 'pminud', 'sse4.1'],
  ['66 0F 38 3C', 'pmaxsb', 'sse4.1'],
  ['66 0F 38 3D', 'pmaxsd', 'sse4.1'],
  ['66 0F 38 3E', 'pmaxuw', 'sse4.1'],
  ['66 0F 38 3F', 'pmaxud', 'sse4.1'],
  ['66 0F 38 40', 'pmulld', 'sse4.1', 'mul'],
  ['66 0F 38 41', 'phminposuw', 'sse4.1'],
  ['66 0F 38 DB', 'aesimc', 'aes', 'mul'],
  ['66 0F 38 DC', 'aesenc', 'aes', 'mul'],
  ['66 0F 38 DD', 'aesenclast', 'aes', 'mul'],
  ['66 0F 38 DE', 'aesdec', 'aes', 'mul'],
  ['66 0F 38 DF', 'aesdeclast', 'aes', 'mul'],
  ['NP 0F 38 C8', 'sha1nexte', 'sha', 'mul'],
  ['NP 0F 38 C9', 'sha1msg1', 'sha', 'mul'],
  ['NP 0F 38 CA', 'sha1msg2', 'sha', 'mul'],
  ['NP 0F 38 CB', 'sha256rnds2', 'sha', 'mul'],
  ['NP 0F 38 CC', 'sha256msg1', 'sha', 'mul'],
  ['NP 0F 38 CD', 'sha256msg2', 'sha', 'mul'],
  ['NP 0F 14', 'unpcklps', 'sse'],
  ['66 0F 14', 'unpcklpd', 'sse2'],
  ['NP 0F 15', 'unpckhps', 'sse'],
  ['66 0F 15', 'unpckhpd', 'sse2'],
  ['NP 0F 54', 'andps', 'sse'],
  ['66 0F 54', 'andpd', 'sse2'],
  ['NP 0F 55', 'andnps', 'sse'],
  ['66 0F 55', 'andnpd', 'sse2'],
  ['NP 0F 56', 'orps', 'sse'],
  ['66 0F 56', 'orpd', 'sse2'],
  ['NP 0F 57', 'xorps', 'sse'],
  ['66 0F 57', 'xorpd', 'sse2'],
];

/** XMM,XMM/m128,imm8. */
const XMM_IMMEDIATE: readonly (readonly [enc: string, name: string, feature: FeatureName])[] = [
  ['66 0F 70', 'pshufd', 'sse2'],
  ['F2 0F 70', 'pshuflw', 'sse2'],
  ['F3 0F 70', 'pshufhw', 'sse2'],
  ['NP 0F C6', 'shufps', 'sse'],
  ['66 0F C6', 'shufpd', 'sse2'],
  ['66 0F 3A 0C', 'blendps', 'sse4.1'],
  ['66 0F 3A 0D', 'blendpd', 'sse4.1'],
  ['66 0F 3A 0E', 'pblendw', 'sse4.1'],
  ['66 0F 3A 0F', 'palignr', 'ssse3'],
  ['66 0F 3A 42', 'mpsadbw', 'sse4.1'],
  ['66 0F 3A 44', 'pclmulqdq', 'pclmulqdq'],
  ['66 0F 3A DF', 'aeskeygenassist', 'aes'],
  ['NP 0F 3A CC', 'sha1rnds4', 'sha'],
];

/** SSE4.2 string compares: unaligned memory is allowed; implicit EAX, EDX, ECX, XMM0 and flags. */
const STRING_COMPARES = ['pcmpestrm', 'pcmpestri', 'pcmpistrm', 'pcmpistri'];

const SHIFTS: readonly (readonly [opcode: string, digit: number, name: string])[] = [
  ['71', 2, 'psrlw'],
  ['71', 4, 'psraw'],
  ['71', 6, 'psllw'],
  ['72', 2, 'psrld'],
  ['72', 4, 'psrad'],
  ['72', 6, 'pslld'],
  ['73', 2, 'psrlq'],
  ['73', 6, 'psllq'],
];

const EXTENSIONS: readonly (readonly [low: string, name: string, operand: string])[] = [
  ['0', 'bw', 'Wq'],
  ['1', 'bd', 'Wd'],
  ['2', 'bq', 'Ww'],
  ['3', 'wd', 'Wq'],
  ['4', 'wq', 'Wd'],
  ['5', 'dq', 'Wq'],
];

const integer: readonly Row[] = [
  ...PACKED.flatMap(([opcode, name, features, cost]) => both(opcode, name, features, cost)),
  ...XMM_ONLY.map(([enc, name, feature, cost]) =>
    row(`${enc} /r`, name, 'Vdq,Wdq', name, cost ?? 'alu', page(name), { cpuid: feature }),
  ),
  ...XMM_IMMEDIATE.map(([enc, name, feature]) =>
    row(`${enc} /r ib`, name, 'Vdq,Wdq,Ib', name, 'alu', page(name), { cpuid: feature }),
  ),
  row('NP 0F 70 /r ib', 'pshufw', 'Pq,Qq,Ib', 'pshufw', 'alu', 'PSHUFW', { cpuid: 'sse' }),
  row('NP 0F 3A 0F /r ib', 'palignr', 'Pq,Qq,Ib', 'palignr', 'alu', 'PALIGNR', { cpuid: 'ssse3' }),
  ...STRING_COMPARES.map((name, n) =>
    row(`66 0F 3A 6${n} /r ib`, name, 'Vdq,Wdq,Ib', name, 'mul', page(name), {
      cpuid: 'sse4.2',
      flags: { write: 'OSZAPC' },
    }),
  ),
  ...SHIFTS.flatMap(([opcode, digit, name]) => [
    row(`NP 0F ${opcode} /${digit} ib`, name, 'Nq,Ib', name, 'alu', page(name), { cpuid: 'mmx' }),
    row(`66 0F ${opcode} /${digit} ib`, name, 'Udq,Ib', name, 'alu', page(name), { cpuid: 'sse2' }),
  ]),
  row('66 0F 73 /3 ib', 'psrldq', 'Udq,Ib', 'psrldq', 'alu', 'PSRLDQ', { cpuid: 'sse2' }),
  row('66 0F 73 /7 ib', 'pslldq', 'Udq,Ib', 'pslldq', 'alu', 'PSLLDQ', { cpuid: 'sse2' }),
  ...EXTENSIONS.flatMap(([low, name, operand]) => [
    row(`66 0F 38 2${low} /r`, `pmovsx${name}`, `Vdq,${operand}`, `pmovsx${name}`, 'alu', 'PMOVSX', {
      cpuid: 'sse4.1',
    }),
    row(`66 0F 38 3${low} /r`, `pmovzx${name}`, `Vdq,${operand}`, `pmovzx${name}`, 'alu', 'PMOVZX', {
      cpuid: 'sse4.1',
    }),
  ]),
  row('66 0F 38 17 /r', 'ptest', 'Vdq,Wdq', 'ptest', 'alu', 'PTEST', { cpuid: 'sse4.1', flags: { write: 'OSZAPC' } }),
];

const load = (enc: string, name: string, operands: string, op: string, feature: FeatureName): Row =>
  row(`${enc} /r`, name, operands, op, 'alu', page(name), { cpuid: feature });
const store = (enc: string, name: string, operands: string, op: string, feature: FeatureName): Row =>
  row(`${enc} /r`, name, operands, op, 'alu', page(name), { cpuid: feature, memory: 'w' });
const pair = (
  prefix: string,
  opcodes: readonly [string, string],
  name: string,
  codes: string,
  op: string,
  feature: FeatureName,
) => {
  const [register, other] = codes.split(',');
  return [
    load(`${prefix} 0F ${opcodes[0]}`, name, `${register},${other}`, op, feature),
    store(`${prefix} 0F ${opcodes[1]}`, name, `${other},${register}`, op, feature),
  ];
};

const moves: readonly Row[] = [
  ...pair('NP', ['6F', '7F'], 'movq', 'Pq,Qq', 'movq_mm', 'mmx'),
  row('NP 0F 6E /r', 'movd/movd/movq', 'Pq,Ey', 'movd_mm', 'alu', 'MOVD/MOVQ', { cpuid: 'mmx' }),
  row('NP 0F 7E /r', 'movd/movd/movq', 'Ey,Pq', 'movd_mm', 'alu', 'MOVD/MOVQ', { cpuid: 'mmx', memory: 'w' }),
  row('66 0F 6E /r', 'movd/movd/movq', 'Vdq,Ey', 'movd_xmm', 'alu', 'MOVD/MOVQ', { cpuid: 'sse2' }),
  row('66 0F 7E /r', 'movd/movd/movq', 'Ey,Vdq', 'movd_xmm', 'alu', 'MOVD/MOVQ', { cpuid: 'sse2', memory: 'w' }),
  row('NP 0F 77', 'emms', '', 'emms', 'alu', 'EMMS', { cpuid: 'mmx' }),
  ...pair('NP', ['10', '11'], 'movups', 'Vdq,Wdq', 'movu', 'sse'),
  ...pair('66', ['10', '11'], 'movupd', 'Vdq,Wdq', 'movu', 'sse2'),
  ...pair('F3', ['6F', '7F'], 'movdqu', 'Vdq,Wdq', 'movu', 'sse2'),
  ...pair('NP', ['28', '29'], 'movaps', 'Vdq,Wdq', 'mova', 'sse'),
  ...pair('66', ['28', '29'], 'movapd', 'Vdq,Wdq', 'mova', 'sse2'),
  ...pair('66', ['6F', '7F'], 'movdqa', 'Vdq,Wdq', 'mova', 'sse2'),
  ...pair('F3', ['10', '11'], 'movss', 'Vdq,Wd', 'movss', 'sse'),
  ...pair('F2', ['10', '11'], 'movsd', 'Vdq,Wq', 'movsd_xmm', 'sse2'),
  load('F3 0F 7E', 'movq', 'Vdq,Wq', 'movq_xmm', 'sse2'),
  store('66 0F D6', 'movq', 'Wq,Vdq', 'movq_xmm', 'sse2'),
  ...pair('NP', ['12', '13'], 'movlps', 'Vdq,Mfq', 'movlps', 'sse'),
  ...pair('66', ['12', '13'], 'movlpd', 'Vdq,Mfq', 'movlps', 'sse2'),
  ...pair('NP', ['16', '17'], 'movhps', 'Vdq,Mfq', 'movhps', 'sse'),
  ...pair('66', ['16', '17'], 'movhpd', 'Vdq,Mfq', 'movhps', 'sse2'),
  load('NP 0F 12', 'movhlps', 'Vdq,Udq', 'movhlps', 'sse'),
  load('NP 0F 16', 'movlhps', 'Vdq,Udq', 'movlhps', 'sse'),
  load('F3 0F 12', 'movsldup', 'Vdq,Wdq', 'movsldup', 'sse3'),
  load('F3 0F 16', 'movshdup', 'Vdq,Wdq', 'movshdup', 'sse3'),
  load('F2 0F 12', 'movddup', 'Vdq,Wq', 'movddup', 'sse3'),
  load('F2 0F F0', 'lddqu', 'Vdq,Mo', 'movu', 'sse3'),
  load('66 0F 38 2A', 'movntdqa', 'Vdq,Mo', 'mova', 'sse4.1'),
  store('NP 0F 2B', 'movntps', 'Mo,Vdq', 'mova', 'sse'),
  store('66 0F 2B', 'movntpd', 'Mo,Vdq', 'mova', 'sse2'),
  store('66 0F E7', 'movntdq', 'Mo,Vdq', 'mova', 'sse2'),
  store('NP 0F E7', 'movntq', 'Mfq,Pq', 'movq_mm', 'sse'),
  load('F2 0F D6', 'movdq2q', 'Pq,Udq', 'movdq2q', 'sse2'),
  load('F3 0F D6', 'movq2dq', 'Vdq,Nq', 'movq2dq', 'sse2'),
  load('NP 0F F7', 'maskmovq', 'Pq,Nq', 'maskmovq', 'sse'),
  load('66 0F F7', 'maskmovdqu', 'Vdq,Udq', 'maskmovdqu', 'sse2'),
  load('NP 0F 50', 'movmskps', 'Gd,Udq', 'movmskps', 'sse'),
  load('66 0F 50', 'movmskpd', 'Gd,Udq', 'movmskpd', 'sse2'),
  load('NP 0F D7', 'pmovmskb', 'Gd,Nq', 'pmovmskb', 'sse'),
  load('66 0F D7', 'pmovmskb', 'Gd,Udq', 'pmovmskb', 'sse2'),
];

const element = (
  enc: string,
  name: string,
  operands: string,
  op: string,
  feature: FeatureName,
  options: RowOptions = {},
) => row(`${enc} /r ib`, name, `${operands},Ib`, op, 'alu', page(op), { cpuid: feature, ...options });

const elements: readonly Row[] = [
  element('NP 0F C4', 'pinsrw', 'Pq,Mw/Rd', 'pinsrw', 'sse'),
  element('66 0F C4', 'pinsrw', 'Vdq,Mw/Rd', 'pinsrw', 'sse2'),
  element('NP 0F C5', 'pextrw', 'Gd,Nq', 'pextrw', 'sse'),
  element('66 0F C5', 'pextrw', 'Gd,Udq', 'pextrw', 'sse2'),
  element('66 0F 3A 14', 'pextrb', 'Mb/Rd,Vdq', 'pextrb', 'sse4.1', { memory: 'w' }),
  element('66 0F 3A 15', 'pextrw', 'Mw/Rd,Vdq', 'pextrw_to_rm', 'sse4.1', { memory: 'w' }),
  element('66 0F 3A 16', 'pextrd/pextrd/pextrq', 'Ey,Vdq', 'pextrd', 'sse4.1', { memory: 'w' }),
  element('66 0F 3A 17', 'extractps', 'Ed,Vdq', 'extractps', 'sse4.1', { memory: 'w' }),
  element('66 0F 3A 20', 'pinsrb', 'Vdq,Mb/Rd', 'pinsrb', 'sse4.1'),
  element('66 0F 3A 21', 'insertps', 'Vdq,Wd', 'insertps', 'sse4.1'),
  element('66 0F 3A 22', 'pinsrd/pinsrd/pinsrq', 'Vdq,Ey', 'pinsrd', 'sse4.1'),
];

/** Packed and scalar, single and double: the operation numbers follow each other as ps, pd, ss, sd. */
const KINDS: readonly (readonly [prefix: string, suffix: string, operand: string, feature: FeatureName])[] = [
  ['NP', 'ps', 'Wdq', 'sse'],
  ['66', 'pd', 'Wdq', 'sse2'],
  ['F3', 'ss', 'Wd', 'sse'],
  ['F2', 'sd', 'Wq', 'sse2'],
];

const FLOAT: readonly (readonly [opcode: string, name: string, cost: CostClass])[] = [
  ['58', 'add', 'mul'],
  ['59', 'mul', 'mul'],
  ['5C', 'sub', 'mul'],
  ['5D', 'min', 'alu'],
  ['5E', 'div', 'div'],
  ['5F', 'max', 'alu'],
  ['51', 'sqrt', 'div'],
];

const compareFlags: RowOptions = { flags: { write: 'OSZAPC' } };

const float: readonly Row[] = [
  ...FLOAT.flatMap(([opcode, name, cost]) =>
    KINDS.map(([prefix, suffix, operand, feature]) =>
      row(`${prefix} 0F ${opcode} /r`, name + suffix, `Vdq,${operand}`, name + suffix, cost, page(name + suffix), {
        cpuid: feature,
      }),
    ),
  ),
  ...KINDS.map(([prefix, suffix, operand, feature]) =>
    row(`${prefix} 0F C2 /r ib`, `cmp${suffix}`, `Vdq,${operand},Ib`, `cmp${suffix}_xmm`, 'mul', page(`cmp${suffix}`), {
      cpuid: feature,
    }),
  ),
  ...['rsqrt', 'rcp'].flatMap((name, n) => [
    row(`NP 0F 5${2 + n} /r`, `${name}ps`, 'Vdq,Wdq', `${name}ps`, 'mul', page(`${name}ps`), { cpuid: 'sse' }),
    row(`F3 0F 5${2 + n} /r`, `${name}ss`, 'Vdq,Wd', `${name}ss`, 'mul', page(`${name}ss`), { cpuid: 'sse' }),
  ]),
  row('NP 0F 2E /r', 'ucomiss', 'Vdq,Wd', 'ucomiss', 'mul', 'UCOMISS', { cpuid: 'sse', ...compareFlags }),
  row('66 0F 2E /r', 'ucomisd', 'Vdq,Wq', 'ucomisd', 'mul', 'UCOMISD', { cpuid: 'sse2', ...compareFlags }),
  row('NP 0F 2F /r', 'comiss', 'Vdq,Wd', 'comiss', 'mul', 'COMISS', { cpuid: 'sse', ...compareFlags }),
  row('66 0F 2F /r', 'comisd', 'Vdq,Wq', 'comisd', 'mul', 'COMISD', { cpuid: 'sse2', ...compareFlags }),
  ...(
    [
      ['7C', 'hadd'],
      ['7D', 'hsub'],
      ['D0', 'addsub'],
    ] as const
  ).flatMap(([opcode, name]) => [
    row(`F2 0F ${opcode} /r`, `${name}ps`, 'Vdq,Wdq', `${name}ps`, 'mul', page(`${name}ps`), { cpuid: 'sse3' }),
    row(`66 0F ${opcode} /r`, `${name}pd`, 'Vdq,Wdq', `${name}pd`, 'mul', page(`${name}pd`), { cpuid: 'sse3' }),
  ]),
  ...(
    [
      ['08', 'roundps', 'Wdq'],
      ['09', 'roundpd', 'Wdq'],
      ['0A', 'roundss', 'Wd'],
      ['0B', 'roundsd', 'Wq'],
      ['40', 'dpps', 'Wdq'],
      ['41', 'dppd', 'Wdq'],
    ] as const
  ).map(([opcode, name, operand]) =>
    row(`66 0F 3A ${opcode} /r ib`, name, `Vdq,${operand},Ib`, name, 'mul', page(name), { cpuid: 'sse4.1' }),
  ),
];

const CONVERSIONS: readonly (readonly [enc: string, name: string, operands: string, feature?: FeatureName])[] = [
  ['NP 0F 2A', 'cvtpi2ps', 'Vdq,Qq', 'sse'],
  ['66 0F 2A', 'cvtpi2pd', 'Vdq,Qq'],
  ['F3 0F 2A', 'cvtsi2ss', 'Vdq,Ey', 'sse'],
  ['F2 0F 2A', 'cvtsi2sd', 'Vdq,Ey'],
  ['NP 0F 2C', 'cvttps2pi', 'Pq,Wq', 'sse'],
  ['66 0F 2C', 'cvttpd2pi', 'Pq,Wdq'],
  ['F3 0F 2C', 'cvttss2si', 'Gy,Wd', 'sse'],
  ['F2 0F 2C', 'cvttsd2si', 'Gy,Wq'],
  ['NP 0F 2D', 'cvtps2pi', 'Pq,Wq', 'sse'],
  ['66 0F 2D', 'cvtpd2pi', 'Pq,Wdq'],
  ['F3 0F 2D', 'cvtss2si', 'Gy,Wd', 'sse'],
  ['F2 0F 2D', 'cvtsd2si', 'Gy,Wq'],
  ['NP 0F 5A', 'cvtps2pd', 'Vdq,Wq'],
  ['66 0F 5A', 'cvtpd2ps', 'Vdq,Wdq'],
  ['F3 0F 5A', 'cvtss2sd', 'Vdq,Wd'],
  ['F2 0F 5A', 'cvtsd2ss', 'Vdq,Wq'],
  ['NP 0F 5B', 'cvtdq2ps', 'Vdq,Wdq'],
  ['66 0F 5B', 'cvtps2dq', 'Vdq,Wdq'],
  ['F3 0F 5B', 'cvttps2dq', 'Vdq,Wdq'],
  ['66 0F E6', 'cvttpd2dq', 'Vdq,Wdq'],
  ['F2 0F E6', 'cvtpd2dq', 'Vdq,Wdq'],
  ['F3 0F E6', 'cvtdq2pd', 'Vdq,Wq'],
];
const conversions: readonly Row[] = CONVERSIONS.map(([enc, name, operands, feature]) =>
  row(`${enc} /r`, name, operands, name, 'mul', page(name), { cpuid: feature ?? 'sse2' }),
);

/** An area of memory with the state of registers; with REX.W its pointers are wider and its name ends in 64. */
const area = (enc: string, name: string, section: string, cpuid: FeatureName): Row =>
  row(`NP ${enc}`, `${name}/${name}/${name}64`, 'M', name, 'stack-frame', section, { memory: 'address', cpuid });

const state: readonly Row[] = [
  area('0F AE /0', 'fxsave', 'FXSAVE', 'fxsr'),
  area('0F AE /1', 'fxrstor', 'FXRSTOR', 'fxsr'),
  row('NP 0F AE /2', 'ldmxcsr', 'Md', 'ldmxcsr', 'alu', 'LDMXCSR', { memory: 'r', cpuid: 'sse' }),
  row('NP 0F AE /3', 'stmxcsr', 'Md', 'stmxcsr', 'alu', 'STMXCSR', { memory: 'w', cpuid: 'sse' }),
  area('0F AE /4', 'xsave', 'XSAVE', 'xsave'),
  area('0F AE /6', 'xsaveopt', 'XSAVEOPT', 'xsaveopt'),
  area('0F C7 /4', 'xsavec', 'XSAVEC', 'xsavec'),
  area('0F AE /5', 'xrstor', 'XRSTOR', 'xsave'),
];

export const SIMD: readonly Row[] = [...integer, ...moves, ...elements, ...float, ...conversions, ...state];
