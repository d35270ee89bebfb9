// Integer code: registers, memory under paging, calls, indirect jumps.
import { DATA } from '../guest/layout.ts';
import type { Program } from './program.ts';

const TURNS = 60_000;

/** A linear congruential generator, xorshift, a data-dependent branch. */
const integer: Program = {
  name: 'integer',
  kind: 'code',
  counted: 'instruction',
  count: 12.5 * TURNS,
  widths: [32, 64],
  source: `
start:
  mov eax, 12345
  mov ebx, 67890
  mov edi, 0
  mov esi, ${TURNS}
.next:
  imul eax, eax, 1664525
  add eax, 1013904223
  mov ecx, ebx
  shl ecx, 13
  xor ebx, ecx
  mov ecx, ebx
  shr ecx, 17
  xor ebx, ecx
  test eax, 0x10000
  je .skip
  add edi, ebx
.skip:
  dec esi
  jne .next
  mov eax, edi
  REPORT
  jmp start
`,
};

/** A histogram and a copy over 64 KiB. */
const memory: Program = {
  name: 'memory',
  kind: 'code',
  counted: 'instruction',
  count: 9 * 0x1000 * 12,
  widths: [32, 64],
  source: `
start:
  mov @bp, ${DATA}
  mov edi, 12
  mov ebx, 0
.again:
  mov esi, 0
.next:
  mov eax, [@bp+@si]
  add eax, esi
  mov [@bp+@si+0x8000], eax
  movzx ecx, al
  inc dword [@bp+@cx*4+0x10000]
  add ebx, [@bp+@cx*4+0x10000]
  add esi, 4
  cmp esi, 0x4000
  jne .next
  dec edi
  jne .again
  mov edi, 0x10000
.clear:
  mov dword [@bp+@di], 0
  add edi, 4
  cmp edi, 0x10400
  jne .clear
  mov eax, ebx
  REPORT
  jmp start
`,
};

/** Loads scattered over 8 MiB: more pages than a TLB holds. */
const pages: Program = {
  name: 'memory, 2048 pages',
  kind: 'code',
  counted: 'instruction',
  count: 15 * 40_000,
  widths: [32, 64],
  source: `
start:
  mov @bp, ${DATA}
  mov eax, 1
  mov ebx, 0
  mov esi, 40000
.next:
  imul eax, eax, 1664525
  add eax, 1013904223
  mov ecx, eax
  shr ecx, 9
  add ebx, [@bp+@cx]
  add [@bp+@cx], esi
  dec esi
  jne .next
  mov esi, 40000
  mov eax, 1
.undo:
  imul eax, eax, 1664525
  add eax, 1013904223
  mov ecx, eax
  shr ecx, 9
  mov dword [@bp+@cx], 0
  dec esi
  jne .undo
  mov eax, ebx
  REPORT
  jmp start
`,
};

/** Fibonacci numbers, recursively. */
const calls: Program = {
  name: 'calls',
  kind: 'code',
  counted: 'call',
  count: 43_782,
  widths: [32, 64],
  source: `
start:
  mov eax, 20
  call fibonacci
  add eax, 21
  push @ax
  mov eax, 20
  call fibonacci
  pop @cx
  add eax, ecx
  REPORT
  jmp start
fibonacci:
  cmp eax, 2
  jb .small
  push @bx
  push @ax
  dec eax
  call fibonacci
  mov ebx, eax
  pop @ax
  sub eax, 2
  call fibonacci
  add eax, ebx
  pop @bx
.small:
  ret
`,
};

/** A bytecode interpreter: every operation ends with a jump through a table. */
const indirect: Program = {
  name: 'indirect jumps',
  kind: 'code',
  counted: 'jump',
  count: 12 * 6000,
  widths: [32, 64],
  source: `
start:
  mov ebx, 1
  mov ecx, 0
  mov edi, 6000
again:
  mov @si, bytecode
  movzx eax, byte [@si]
  jmp [@ax*WORD+operations]
add_op:
  add ebx, 77
  inc @si
  movzx eax, byte [@si]
  jmp [@ax*WORD+operations]
xor_op:
  xor ebx, ecx
  inc @si
  movzx eax, byte [@si]
  jmp [@ax*WORD+operations]
rotate_op:
  rol ebx, 5
  inc @si
  movzx eax, byte [@si]
  jmp [@ax*WORD+operations]
swap_op:
  xchg ebx, ecx
  inc @si
  movzx eax, byte [@si]
  jmp [@ax*WORD+operations]
end_op:
  dec edi
  jne again
  lea eax, [@bx+@cx]
  REPORT
  jmp start
  align 8
operations:
  DWORDS add_op, xor_op, rotate_op, swap_op, end_op
bytecode:
  db 0, 1, 2, 3, 0, 2, 1, 3, 0, 2, 3, 4
`,
};

export const INTEGER_PROGRAMS: readonly Program[] = [integer, memory, pages, calls, indirect];
