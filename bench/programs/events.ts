// What leaves the run loop: system calls, faults, ports, address spaces.
import { DATA, DATA_ENTRY, DATA_SHIFT, ROOTS } from '../guest/layout.ts';
import type { Program } from './program.ts';

const TURNS = 5000;

const interrupt: Program = {
  name: 'INT 0x80 round trip',
  kind: 'event',
  counted: 'round trip',
  count: TURNS,
  widths: [32, 64],
  source: `
start:
  ENTER_USER user
user:
  mov ebx, 0
  mov esi, ${TURNS}
.next:
  mov eax, esi
  int 0x80
  dec esi
  jne .next
  mov eax, ebx
  REPORT
  jmp user
vector_128:
  add ebx, eax
  xor ebx, esi
32| iretd
64| iretq
`,
};

const sysenter: Program = {
  name: 'SYSENTER round trip',
  kind: 'event',
  counted: 'round trip',
  count: TURNS,
  widths: [32],
  source: `
start:
  ENTER_USER user
user:
  mov ebx, 0
  mov esi, ${TURNS}
.next:
  mov eax, esi
  mov edx, .back
  mov ecx, esp
  sysenter
.back:
  dec esi
  jne .next
  mov eax, ebx
  REPORT
  jmp user
system_call:
  add ebx, eax
  xor ebx, esi
  sysexit
`,
};

const syscall: Program = {
  name: 'SYSCALL round trip',
  kind: 'event',
  counted: 'round trip',
  count: TURNS,
  widths: [64],
  source: `
start:
  ENTER_USER user
user:
  mov ebx, 0
  mov esi, ${TURNS}
.next:
  mov eax, esi
  syscall
  dec esi
  jne .next
  mov eax, ebx
  REPORT
  jmp user
system_call:
  add ebx, eax
  xor ebx, esi
  sysretq
`,
};

/** User code reads a page that is not there; the handler maps it and takes the page before away. */
const mapped: Program = {
  name: 'page fault, page mapped',
  kind: 'event',
  counted: 'fault',
  count: 64 * 64,
  widths: [32, 64],
  source: `
start:
  mov @di, entries
  mov edx, 64
.clear:
  mov dword [@di], 0
  add @di, WORD
  dec edx
  jne .clear
  mov @ax, cr3
  mov cr3, @ax
  ENTER_USER user
user:
  mov esi, 64
  mov ebx, 0
.again:
  mov @bp, ${DATA}
.next:
  add ebx, [@bp+8]
  inc ebx
  add @bp, 0x1000
  cmp ebp, ${DATA + 64 * 0x1000}
  jne .next
  dec esi
  jne .again
  mov eax, ebx
  REPORT
  jmp user
vector_14:
  push @ax
  push @cx
  push @dx
  mov @ax, cr2
  sub eax, ${DATA}
  shr eax, 12
  mov ecx, eax
  shl eax, 12
  add eax, ${DATA + DATA_SHIFT + 7}
  mov [@cx*WORD+entries], eax
  dec ecx
  and ecx, 63
  mov dword [@cx*WORD+entries], 0
  shl ecx, 12
  add ecx, ${DATA}
  invlpg [@cx]
  pop @dx
  pop @cx
  pop @ax
  add @sp, WORD
32| iretd
64| iretq
32| entries equ ${DATA_ENTRY[32]}
64| entries equ ${DATA_ENTRY[64]}
`,
};

/** User code writes to a read-only page; the handler skips the instruction. */
const skipped: Program = {
  name: 'page fault, instruction skipped',
  kind: 'event',
  counted: 'fault',
  count: TURNS,
  widths: [32, 64],
  source: `
start:
32| and dword [${DATA_ENTRY[32]}], 0xfffffffd
64| and dword [${DATA_ENTRY[64]}], 0xfffffffd
  mov @ax, cr3
  mov cr3, @ax
  ENTER_USER user
user:
  mov esi, ${TURNS}
  mov ebx, 0
  mov @bp, ${DATA}
.next:
  mov [@bp], esi
.after:
  dec esi
  jne .next
  mov eax, ebx
  REPORT
  jmp user
vector_14:
  add ebx, esi
  add @sp, WORD
  add dword [@sp], user.after - user.next
32| iretd
64| iretq
`,
};

const ports: Program = {
  name: 'port I/O',
  kind: 'event',
  counted: 'access',
  count: 2 * TURNS,
  widths: [32, 64],
  source: `
start:
  mov esi, ${TURNS}
  mov ebx, 0
.next:
  mov eax, esi
  out 0x80, al
  in al, 0x21
  add ebx, eax
  dec esi
  jne .next
  mov eax, ebx
  and eax, 0xffff0000
  REPORT
  jmp start
`,
};

/** Two address spaces in turn; four pages are touched in each. */
const spaces: Program = {
  name: 'CR3 switch',
  kind: 'event',
  counted: 'switch',
  count: 2 * TURNS,
  widths: [32, 64],
  source: `
start:
  mov esi, ${TURNS}
  mov @bp, ${DATA}
  mov ebx, 0
.next:
  mov eax, ${ROOTS[1]}
  mov cr3, @ax
  mov [@bp], esi
  add ebx, [@bp+0x1000]
  add ebx, [@bp+0x5000]
  mov eax, ${ROOTS[0]}
  mov cr3, @ax
  add ebx, [@bp]
  add ebx, [@bp+0x1000]
  add ebx, [@bp+0x5000]
  dec esi
  jne .next
  mov eax, ebx
  REPORT
  jmp start
`,
};

export const EVENT_PROGRAMS: readonly Program[] = [interrupt, sysenter, syscall, mapped, skipped, ports, spaces];
