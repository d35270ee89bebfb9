// String instructions: short and long moves and fills, scans and compares.
import { DATA, MEBIBYTE } from '../guest/layout.ts';
import type { Program } from './program.ts';

const COPY = DATA + MEBIBYTE;

/** 24 bytes moved and 32 filled at a time. */
const short: Program = {
  name: 'REP MOVS/STOS, short',
  kind: 'code',
  counted: 'string instruction',
  count: 2 * 4000,
  widths: [32, 64],
  source: `
start:
  cld
  mov ebx, 4000
  mov ebp, 0
.next:
  mov @di, ${DATA}
  mov eax, ebx
  mov ecx, 8
  rep stosd
  mov @si, ${DATA + 4}
  mov @di, ${COPY}
  mov ecx, 24
  rep movsb
  add ebp, [@di-4]
  dec ebx
  jne .next
  mov eax, ebp
  REPORT
  jmp start
`,
};

/** 256 KiB filled and moved at a time. */
const long: Program = {
  name: 'REP MOVS/STOS, long',
  kind: 'code',
  counted: 'KiB',
  count: 16 * 512,
  widths: [32, 64],
  source: `
start:
  cld
  mov ebx, 16
  mov ebp, 0
.next:
  mov @di, ${DATA}
  mov eax, ebx
  mov ecx, 0x10000
  rep stosd
  mov @si, ${DATA}
  mov @di, ${COPY}
  mov ecx, 0x10000
  rep movsd
  add ebp, [@di-4]
  dec ebx
  jne .next
  mov eax, ebp
  REPORT
  jmp start
`,
};

/** The end of a string of 200 bytes is looked for; two of them are compared. */
const compare: Program = {
  name: 'REP SCAS/CMPS',
  kind: 'code',
  counted: 'byte',
  count: 400 * 400,
  widths: [32, 64],
  source: `
start:
  cld
  mov @di, ${DATA}
  mov eax, 0x41414141
  mov ecx, 50
  rep stosd
  mov dword [@di], 0
  mov @di, ${COPY}
  mov ecx, 50
  rep stosd
  mov dword [@di], 0
  mov ebx, 400
  mov ebp, 0
.next:
  mov @di, ${DATA}
  mov eax, 0
  mov ecx, 1000
  repne scasb
  sub ebp, ecx
  mov @si, ${DATA}
  mov @di, ${COPY}
  mov ecx, 200
  repe cmpsb
  add ebp, ecx
  add ebp, esi
  dec ebx
  jne .next
  mov eax, ebp
  REPORT
  jmp start
`,
};

export const STRING_PROGRAMS: readonly Program[] = [short, long, compare];
