// Code that changes, and code that runs once.
import { DATA, MEBIBYTE } from '../guest/layout.ts';
import type { Program } from './program.ts';

const TURNS = 5000;

/** An immediate is patched and the routine with it called; the routine has a page of its own. */
const patched: Program = {
  name: 'self-modifying code',
  kind: 'event',
  counted: 'patch',
  count: TURNS,
  widths: [32, 64],
  source: `
start:
  mov esi, ${TURNS}
  mov ebx, 0
.next:
  lea eax, [@si*3+1]
  mov [routine.patch+1], eax
  call routine
  dec esi
  jne .next
  mov eax, ebx
  REPORT
  jmp start
  align 4096
routine:
  mov ecx, ebx
.patch:
  mov eax, 0
  shl ecx, 3
  xor ebx, ecx
  add ebx, eax
  ret
`,
};

/** The patched instruction lies in the loop that patches it. */
const near: Program = {
  name: 'self-modifying code, same page',
  kind: 'event',
  counted: 'patch',
  count: TURNS,
  widths: [32, 64],
  source: `
start:
  mov esi, ${TURNS}
  mov ebx, 0
.next:
  lea eax, [@si*3+1]
  mov [start.patch+1], eax
  mov ecx, ebx
  jmp .patch
.patch:
  mov eax, 0
  shl ecx, 3
  xor ebx, ecx
  add ebx, eax
  dec esi
  jne .next
  mov eax, ebx
  REPORT
  jmp start
`,
};

/** Instructions of the cold code; EBX carries the checksum, EBP points at data. `.` is a number below 64. */
const MIX = [
  'mov ecx, ebx',
  'add ebx, .',
  'xor ebx, ecx',
  'lea edx, [@cx+@bx*2+.]',
  'mov eax, [@bp+.]',
  'add ebx, eax',
  'mov [@bp+.], ecx',
  'shl ecx, 3',
  'sub edx, ebx',
  'movzx eax, cl',
  'and eax, 0x0f0f0f',
  'imul edx, eax, .',
  'cmp ebx, edx',
  'test al, .',
  'or ecx, .',
  'push @dx\n  pop @ax',
  'inc ebx',
  'mov eax, 0x1234567.',
  'add [@bp+.], eax',
  'neg eax',
  'sete dl',
  'sub ebx, [@bp+.]',
] as const;
const CONDITIONS = ['e', 'ne', 'b', 'ae', 's', 'ns', 'l', 'ge', 'be', 'a'] as const;
const COLD_INSTRUCTIONS = 12_000;
const COPIES = 8;
/** Room for one copy. */
const COPY_SIZE = 0x1_0000;
const JUMP_EVERY = 7;

/** Straight-line code with conditional jumps over an instruction here and there. */
function coldCode(): string {
  let seed = 1;
  const random = (below: number): number => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((seed / 2 ** 32) * below);
  };
  const lines: string[] = [];
  for (let n = 0; n < COLD_INSTRUCTIONS; n++) {
    const text = MIX[random(MIX.length)]!.replace('0x1234567.', () => String(random(2 ** 31))).replace('.', () =>
      String(random(64)),
    );
    lines.push(`  ${text}`);
    if (n % JUMP_EVERY !== 0) continue;
    lines.push(`  j${CONDITIONS[random(CONDITIONS.length)]} cold_${n}`, `  add ebx, ${random(64)}`, `cold_${n}:`);
  }
  return lines.join('\n');
}

/** Each copy of the code is put somewhere else and run once. */
const cold: Program = {
  name: 'cold code',
  kind: 'event',
  counted: 'instruction',
  count: COPIES * COLD_INSTRUCTIONS * (1 + 2 / JUMP_EVERY),
  widths: [32, 64],
  source: `
start:
  cld
  mov ebx, 0
  mov @ax, ${DATA + MEBIBYTE}
.next:
  mov @si, cold_start
  mov @di, @ax
  mov ecx, (cold_end - cold_start + 3) / 4
  rep movsd
  push @ax
  mov edx, 0
  mov @bp, ${DATA}
  call @ax
  pop @ax
  add @ax, ${COPY_SIZE}
  cmp eax, ${DATA + MEBIBYTE + COPIES * COPY_SIZE}
  jne .next
  mov @di, ${DATA}
  mov eax, 0
  mov ecx, 32
  rep stosd
  mov eax, ebx
  REPORT
  jmp start
  align 4096
cold_start:
${coldCode()}
  ret
cold_end:
`,
};

export const CHANGING_CODE_PROGRAMS: readonly Program[] = [patched, near, cold];
