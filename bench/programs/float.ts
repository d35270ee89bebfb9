// x87 and SSE2.
import { DATA } from '../guest/layout.ts';
import type { Program } from './program.ts';

const TURNS = 4000;

/** A polynomial, a quotient, a root and conversions. */
const x87: Program = {
  name: 'x87',
  kind: 'code',
  counted: 'x87 instruction',
  count: 20 * TURNS,
  widths: [32, 64],
  source: `
start:
  mov @bp, ${DATA}
  mov dword [@bp], 7
  mov dword [@bp+4], 3
  mov ebx, 0
  mov esi, ${TURNS}
  fninit
.next:
  fild dword [@bp]
  fld st0
  fmul st0, st1
  fadd qword [half]
  fmul st0, st1
  fsub qword [tenth]
  fld1
  fadd st0, st1
  fdivp st1, st0
  fxch st1
  fmul st0, st0
  fld1
  faddp st1, st0
  fsqrt
  fadd st0, st1
  fstp qword [@bp+8]
  fld qword [@bp+8]
  fmulp st1, st0
  fist dword [@bp+16]
  fstp dword [@bp+20]
  add ebx, [@bp+16]
  xor ebx, [@bp+8]
  add ebx, [@bp+20]
  add dword [@bp], 13
  dec esi
  jne .next
  mov eax, ebx
  REPORT
  jmp start
  align 8
half:
  dq 0x3fe0000000000000
tenth:
  dq 0x3fb999999999999a
`,
};

/** Double precision, packed and scalar. */
const sse2: Program = {
  name: 'SSE2, floating point',
  kind: 'code',
  counted: 'SSE instruction',
  count: 15 * TURNS,
  widths: [32, 64],
  source: `
start:
  mov @bp, ${DATA}
  mov eax, 0
  mov ebx, 0
  mov esi, ${TURNS}
  movapd xmm6, [values]
  movapd xmm5, [values+16]
  pxor xmm7, xmm7
.next:
  cvtsi2sd xmm0, esi
  unpcklpd xmm0, xmm0
  movapd xmm1, xmm0
  mulpd xmm1, xmm6
  addpd xmm1, xmm5
  movapd xmm2, xmm1
  subpd xmm2, xmm0
  mulpd xmm2, xmm6
  divpd xmm2, xmm1
  sqrtpd xmm3, xmm1
  addpd xmm3, xmm2
  addpd xmm7, xmm3
  movapd [@bp], xmm7
  addsd xmm3, [@bp+8]
  cvttsd2si eax, xmm3
  add ebx, eax
  xor ebx, [@bp]
  dec esi
  jne .next
  mov eax, ebx
  REPORT
  jmp start
  align 16
values:
  dq 0x3ff199999999999a, 0x3ff3333333333333, 0x3fe999999999999a, 0x4008000000000000
`,
};

/** Packed integers. */
const packed: Program = {
  name: 'SSE2, integers',
  kind: 'code',
  counted: 'SSE instruction',
  count: 12 * TURNS * 2,
  widths: [32, 64],
  source: `
start:
  mov @bp, ${DATA}
  mov esi, ${TURNS * 2}
  movdqa xmm0, [seed]
  movdqa xmm1, [seed+16]
  pxor xmm2, xmm2
.next:
  paddd xmm0, xmm1
  movdqa xmm3, xmm0
  pslld xmm3, 13
  pxor xmm0, xmm3
  pshufd xmm4, xmm0, 0x1b
  pmuludq xmm4, xmm1
  movdqa [@bp], xmm4
  paddw xmm2, [@bp]
  punpcklbw xmm4, xmm0
  pmaddwd xmm4, xmm1
  psubd xmm1, xmm4
  por xmm2, xmm3
  dec esi
  jne .next
  pxor xmm0, xmm2
  movd eax, xmm0
  REPORT
  jmp start
  align 16
seed:
  dd 1, 2, 3, 4, 0x12345678, 0x9abcdef0, 0x0fedcba9, 0x87654321
`,
};

export const FLOAT_PROGRAMS: readonly Program[] = [x87, sse2, packed];
