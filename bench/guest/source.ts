// Source of measured programs. One text serves 32-bit and 64-bit code:
//
//   @ax @cx … @di      the register at the width of addresses: eax or rax …
//   32| … and 64| …    a line for one width only
//   WORD, DWORDS       bytes of an address; `DWORDS a, b` defines words of that size
//   REPORT             reports the checksum in EAX (EAX and EDX are lost); one unit of work ends here
//   ENTER_USER label   goes on at `label` in user code, with I/O allowed (EAX is lost)
//
// What all have in common is around it: the way to paged 32-bit or to 64-bit code, and a handler for events nobody expects.
import {
  EVENT_STACK,
  GDT_POINTER,
  IDT_POINTER,
  KERNEL_CODE,
  KERNEL_CODE_64,
  KERNEL_DATA,
  KERNEL_STACK,
  ROOTS,
  SYSRET_BASE,
  TSS_SELECTOR,
  USER_CODE,
  USER_DATA,
  USER_STACK,
  type Width,
} from './layout.ts';

/** A byte written here leaves through the first serial port, in every emulator. */
const SERIAL = 0x3f8;
/** What is reported when an event arrives that the program has no handler for. */
export const UNEXPECTED = 0xdead_dead;

/** Segments, paging, SSE, x87. */
const ENTRY_32 = `
  lgdt [${GDT_POINTER}]
  jmp ${KERNEL_CODE}:entry_flat
entry_flat:
  mov eax, ${ROOTS[0]}
  mov cr3, eax
  mov eax, cr4
  or eax, 0x600
  mov cr4, eax
  mov eax, cr0
  and eax, 0xfffffffb
  or eax, 0x80010022
  mov cr0, eax
`;
const ENTRY_64 = `
  lgdt [${GDT_POINTER}]
  mov eax, cr4
  or eax, 0x620
  mov cr4, eax
  mov eax, ${ROOTS[0]}
  mov cr3, eax
  mov ecx, 0xc0000080
  rdmsr
  or eax, 0x101
  wrmsr
  mov eax, cr0
  and eax, 0xfffffffb
  or eax, 0x80010022
  mov cr0, eax
  jmp ${KERNEL_CODE_64}:entry_long
  bits 64
entry_long:
`;

/** Stacks, tables and the registers of SYSENTER and SYSCALL. */
const ENTRY = `
  mov eax, ${KERNEL_DATA}
  mov ds, eax
  mov es, eax
  mov ss, eax
  mov @sp, ${KERNEL_STACK}
  lidt [${IDT_POINTER}]
  mov eax, ${TSS_SELECTOR}
  ltr ax
  fninit
  mov ecx, 0x174
  mov edx, 0
  mov eax, ${KERNEL_CODE}
  wrmsr
  mov ecx, 0x175
  mov eax, ${EVENT_STACK}
  wrmsr
  mov ecx, 0x176
  mov eax, system_call
  wrmsr
64| mov ecx, 0xc0000081
64| mov eax, 0
64| mov edx, ${(SYSRET_BASE << 16) | KERNEL_CODE_64}
64| wrmsr
64| mov ecx, 0xc0000082
64| mov eax, system_call
64| mov edx, 0
64| wrmsr
64| mov ecx, 0xc0000084
64| mov eax, 0x700
64| wrmsr
  jmp start
unexpected:
  mov eax, ${UNEXPECTED}
  REPORT
  jmp unexpected
`;

const REPORT = `
  mov edx, ${SERIAL}
  out dx, al
  shr eax, 8
  out dx, al
  shr eax, 8
  out dx, al
  shr eax, 8
  out dx, al
`;

/** An IRET frame with IOPL 3 and interrupts off. */
function enterUser(label: string, width: Width): string {
  return `
  mov eax, ${USER_DATA[width]}
  mov ds, eax
  mov es, eax
  push ${USER_DATA[width]}
  push ${USER_STACK}
  push 0x3002
  push ${USER_CODE[width]}
  push ${label}
  ${width === 32 ? 'iretd' : 'iretq'}
`;
}

function expandLine(line: string, width: Width): string {
  const conditional = /^\s*(32|64)\|(.*)$/.exec(line);
  if (conditional) {
    if (Number(conditional[1]) !== width) return '';
    line = conditional[2]!;
  }
  if (line.trim() === 'REPORT') return REPORT;
  const user = /^\s*ENTER_USER\s+(\S+)/.exec(line);
  if (user) return enterUser(user[1]!, width);
  return line
    .replace(/\bDWORDS\b/g, width === 32 ? 'dd' : 'dq')
    .replace(/\bWORD\b/g, String(width / 8))
    .replace(/@([a-d]x|[sd]i|[sb]p)\b/g, `${width === 32 ? 'e' : 'r'}$1`);
}

/** The whole text of a program for the assembler. */
export function programText(source: string, width: Width): string {
  const defaults = /^\s*system_call:/m.test(source) ? '' : 'system_call:\n  jmp unexpected\n';
  const text = `${width === 32 ? ENTRY_32 : ENTRY_64}${ENTRY}${source}\n${defaults}`;
  return text
    .split('\n')
    .map((line) => expandLine(line, width))
    .join('\n');
}
