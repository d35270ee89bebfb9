// Random kernels for the tests: a few dozen statements drawn from everything a ring-0 program can do, with a handler that
// logs every exception and goes on with the next statement. A kernel depends on its seed only.

import { assembleProgram } from '../../src/isa/assemble.ts';

/** Where the image is linked. */
export const ORIGIN = 0x10_0000;
const STATEMENTS = 60;
const REGISTERS = ['eax', 'ecx', 'edx', 'ebp', 'esi', 'edi'];
const BYTES = ['al', 'cl', 'dl', 'ah', 'ch', 'dh'];
const CONDITIONS = ['o', 'no', 'b', 'ae', 'e', 'ne', 'be', 'a', 's', 'ns', 'p', 'np', 'l', 'ge', 'le', 'g'];

/** Numbers that depend on the seed only. */
class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed * 2_654_435_761 + 12_345;
  }

  next(below: number): number {
    this.#state = (Math.imul(this.#state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((this.#state / 2 ** 32) * below);
  }

  pick<T>(items: readonly T[]): T {
    return items[this.next(items.length)]!;
  }
}

const HEADER = `
header:
  dd 0x1badb002, 0x10003, 0 - 0x1badb002 - 0x10003
  dd header, header, 0, 0, start
start:
  mov esp, stack_end
  lgdt [gdtr]
  jmp 8:flat
flat:
  mov eax, 16
  mov ds, eax
  mov es, eax
  mov ss, eax
  mov fs, eax
  mov gs, eax
  ; every vector leads to its stub
  mov edi, idt
  mov eax, stubs
  mov ecx, 64
fill_idt:
  mov [edi], ax
  mov word [edi + 2], 8
  mov edx, eax
  and edx, 0xffff0000
  mov dx, 0x8e00
  mov [edi + 4], edx
  add edi, 8
  add eax, 16
  dec ecx
  jnz fill_idt
  lidt [idtr]
  mov eax, tss
  mov [gdt + 42], ax
  shr eax, 16
  mov [gdt + 44], al
  mov eax, 40
  ltr ax
  ; identity paging of 4 MiB, one table
  mov edi, table
  mov eax, 7
  mov ecx, 1024
fill_table:
  mov [edi], eax
  add eax, 4096
  add edi, 4
  dec ecx
  jnz fill_table
  mov dword [directory], table + 7
  mov dword [directory + 3072], table + 7
  mov eax, directory
  mov cr3, eax
  mov eax, cr0
  or eax, 0x80010000
  mov cr0, eax
  mov edi, log
  mov [log_at], edi
  mov ebx, data
  xor eax, eax
  xor ecx, ecx
  xor edx, edx
  xor ebp, ebp
  mov esi, data + 256
  mov edi, data + 512
  cld
`;

const FOOTER = `
finish:
  mov esp, stack_end
  pushfd
  pusha
  mov dx, 0x604
  mov ax, 0x2000
  out dx, ax
  hlt
  align 16
stubs:
`;

const TAIL = `
common:
  ; vector and error code, then EIP, CS, EFLAGS: into the log, resume where the statement said
  push eax
  push edx
  mov edx, [log_at]
  mov eax, [esp + 8]
  mov [edx], eax
  mov eax, [esp + 12]
  mov [edx + 4], eax
  mov eax, [esp + 16]
  mov [edx + 8], eax
  mov eax, [esp + 24]
  mov [edx + 12], eax
  mov eax, cr2
  mov [edx + 16], eax
  mov [edx + 20], esp
  cmp edx, log_end
  jae finish
  add edx, 24
  mov [log_at], edx
  mov eax, [resume]
  mov [esp + 16], eax
  and dword [esp + 24], 0xfffffeff
  mov eax, dr6
  mov edx, [log_at]
  mov [edx], eax
  xor eax, eax
  mov dr6, eax
  pop edx
  pop eax
  add esp, 8
  iret
tick:
  push eax
  inc dword [ticks]
  mov dword [0xfee000b0], 0
  imul eax, [ticks], 7
  and eax, 127
  add eax, 350
  mov [0xfee00380], eax
  pop eax
  iret
leaf0:
  add eax, 3
  ret
leaf1:
  xor edx, [ebx + 8]
  ret
leaf2:
  pushfd
  popfd
  ret 0
leaf3:
  push ebp
  mov ebp, esp
  inc dword [ebx + 16]
  leave
  ret
  align 16
leaves: dd leaf0, leaf1, leaf2, leaf3
resume: dd finish
log_at: dd 0
gdt:
  dd 0, 0
  dd 0x0000ffff, 0x00cf9a00
  dd 0x0000ffff, 0x00cf9200
  dd 0x0000ffff, 0x00cff200
  dd 0x00000010, 0x00409200
  dd 103, 0x00008900
  dd 0x0000ffff, 0x00009a10
  dd 0x0000ffff, 0x00cffa00
gdtr: dw 63
  dd gdt
idtr: dw 511
  dd idt
  align 16
tss: times 26 dd 0
  align 16
idt: times 64 dq 0
data: times 256 dd 0x12345678
log: times 1600 dd 0
log_end: times 8 dd 0
stack: times 512 dd 0
stack_end: dd 0
user_stack: times 512 dd 0
user_stack_end: dd 0
  align 4096
ticks: dd 0
  align 4096
spare: times 1024 dd 0x5a5a5a5a
directory: times 1024 dd 0
table: times 1024 dd 0
apic_table: times 1024 dd 0
end_of_image:
`;

const WITH_ERROR = new Set([8, 10, 11, 12, 13, 14, 17]);

function stubs(): string {
  let text = '';
  for (let vector = 0; vector < 64; vector++) {
    text += `  align 16\n${WITH_ERROR.has(vector) ? '' : '  push dword 0\n'}  push dword ${vector}\n  jmp near common\n`;
  }
  return text;
}

function statement(dice: Dice, label: string): string {
  const r = (): string => dice.pick(REGISTERS);
  const memory = (): string => `[ebx + ${4 * dice.next(60)}]`;
  const constant = (): number => dice.pick([0, 1, 0x7f, 0x80, 0xff, 0x7fff_ffff, 0x8000_0000, dice.next(2 ** 32)]);
  const alu = (): string => dice.pick(['add', 'or', 'adc', 'sbb', 'and', 'sub', 'xor', 'cmp', 'test']);
  const choices: readonly (() => string)[] = [
    () => `${alu()} ${r()}, ${r()}`,
    () => `${alu()} ${r()}, ${constant()}`,
    () => `${alu()} dword ${memory()}, ${r()}`,
    () => `${alu()} ${dice.pick(BYTES)}, ${dice.pick(BYTES)}`,
    () => `mov ${r()}, ${constant()}`,
    () => `mov ${r()}, ${memory()}`,
    () => `mov ${memory()}, ${r()}`,
    () => `mov word ${memory()}, ${dice.next(65536)}`,
    () => `${dice.pick(['shl', 'shr', 'sar', 'rol', 'ror', 'rcl', 'rcr'])} ${r()}, ${dice.next(33)}`,
    () => `${dice.pick(['mul', 'imul', 'neg', 'not', 'inc', 'dec'])} ${r()}`,
    () => `${dice.pick(['div', 'idiv'])} ${r()}`,
    () => `${dice.pick(['bt', 'bts', 'btr', 'btc'])} dword ${memory()}, ${dice.next(32)}`,
    () => `${dice.pick(['xchg', 'xadd', 'cmpxchg'])} ${memory()}, ${r()}`,
    () => `lea ${r()}, [ebx + ecx * 4 + ${dice.next(1000)}]`,
    () => `set${dice.pick(CONDITIONS)} ${dice.pick(BYTES)}`,
    () => `movzx ${r()}, ${dice.pick(BYTES)}\n  bswap ${r()}`,
    () => `push ${r()}\n  pop ${r()}`,
    () => `push dword ${memory()}\n  pop dword ${memory()}`,
    () => `pusha\n  popa`,
    () => `pushfd\n  pop ${r()}`,
    () =>
      `push dword ${dice.pick([0x202, 0x3202, 0x1046, 0x0c97, 0x4002, 0x0002, 0x4_0202])}\n  popfd\n  pushfd\n  pop ${r()}`,
    () => dice.pick(['cli', 'sti', 'cld', 'stc', 'clc', 'cmc', 'lahf', 'sahf', 'cwde', 'cdq']),
    () => `call leaf${dice.next(4)}`,
    () => `mov ecx, ${dice.next(4)}\n  call [leaves + ecx * 4]`,
    () => `mov ecx, ${label}_t\n  jmp ecx\n  inc eax\n${label}_t:`,
    () => `j${dice.pick(CONDITIONS)} near ${label}_t\n  inc dword ${memory()}\n${label}_t:`,
    () =>
      `mov ecx, ${1 + dice.next(5)}\n${label}_t:\n  add eax, ecx\n  ${dice.pick(['loop', 'loope', 'loopne'])} ${label}_t`,
    () =>
      `mov esi, data\n  mov edi, data + 512\n  mov ecx, ${dice.next(20)}\n  ${dice.pick(['rep movsd', 'rep stosb', 'rep lodsw', 'repne scasb', 'repe cmpsd'])}\n  cld`,
    () => `mov ${r()}, ${dice.pick(['cr0', 'cr2', 'cr3', 'cr4', 'ss', 'cs', 'ds', 'fs', 'gs', 'dr7'])}`,
    () => `push ${dice.pick(['cs', 'ss', 'ds', 'es', 'fs', 'gs'])}\n  pop ${r()}`,
    () => `mov eax, ${dice.pick([16, 24, 27, 32, 8, 48, 0, 5])}\n  mov ${dice.pick(['es', 'fs', 'gs'])}, eax`,
    () => `mov eax, ${dice.pick([16, 24])}\n  mov ds, eax\n  mov eax, 16\n  mov ss, eax\n  pushfd\n  pop eax`,
    () => `mov ecx, ${dice.pick([8, 16, 24, 32, 40, 64])}\n  ${dice.pick(['lar', 'lsl'])} eax, cx`,
    () => `mov ecx, ${dice.pick([8, 16, 24, 32, 40, 64])}\n  ${dice.pick(['verr', 'verw'])} cx`,
    () => `${dice.pick(['sgdt', 'sidt'])} ${memory()}`,
    () => `${dice.pick(['str', 'sldt', 'smsw'])} ${dice.pick(['ax', 'cx', 'edx'])}`,
    () => `mov eax, gs:[${label}_c]\n  jmp ${label}_t\n${label}_c: dd 77\n${label}_t:`,
    () => `mov eax, cs:[${label}_c]\n  jmp ${label}_t\n${label}_c: dd 78\n${label}_t:`,
    () => `int ${dice.pick([0x20, 0x2f, 0x3f, 0x41, 3])}`,
    () => dice.pick(['int3', 'into', 'ud2', 'hlt_not', 'out 0x80, al', 'in al, 0x80']).replace('hlt_not', 'nop'),
    () => `mov eax, [${dice.pick([0xf000_0000, 0xffc0_0010, 0xffff_fffe, 0x40_0000])}]`,
    () => `mov dword [${dice.pick([0xf000_0000, 0xffc0_1000, 0xffd0_0000])}], eax`,
    () => `mov byte [${label}_t + 1], ${dice.next(256)}\n${label}_t:\n  mov eax, 5`,
    () =>
      `mov dword [table + spare / 1024], spare + ${dice.pick([0, 1, 3, 5, 7])}\n  invlpg [spare]\n  mov [spare + ${4 * dice.next(1000)}], eax\n  mov dword [table + spare / 1024], spare + 7\n  invlpg [spare]`,
    () => `mov eax, [spare + ${4 * dice.next(1000)}]\n  or dword [table + spare / 1024], 0x200`,
    () => `mov eax, cr3\n  mov cr3, eax\n  mov eax, cr0\n  xor eax, 0x10000\n  mov cr0, eax`,
    () => `call 8:${label}_f\n  jmp ${label}_t\n${label}_f:\n  retf\n${label}_t:`,
    () => `pushfd\n  push dword 8\n  push dword ${label}_t\n  iret\n${label}_t:`,
    () => `pushfd\n  or dword [esp], 0x100\n  popfd\n  inc eax\n  inc ecx`,
    () => `mov word [gdt + 32], ${dice.next(256)}\n  mov eax, 32\n  mov es, eax\n  mov al, es:[${dice.next(300)}]`,
    () =>
      `mov eax, data\n  mov dr0, eax\n  mov eax, 0x000d0003\n  mov dr7, eax\n  mov [data], ecx\n  xor eax, eax\n  mov dr7, eax`,
    () => `clts\n  wbinvd\n  mov ecx, 0x174\n  mov eax, ${dice.pick([0, 8])}\n  xor edx, edx\n  wrmsr\n  rdmsr`,
    // At the other end of memory, where the same code is mapped as well.
    () => `mov eax, ${label}_t + 0xc0000000\n  jmp eax\n${label}_t:\n  inc dword ${memory()}`,
    () => `mov eax, ${label}_t\n  call eax\n  jmp ${label}_u\n${label}_t:\n  ret\n${label}_u:`,
    // Code with 16-bit operands and addresses.
    () =>
      `jmp 0x30:${label}_w - ${ORIGIN}\n  bits 16\n${label}_w:\n  add ax, ${dice.next(65536)}\n  a32 mov edx, [ebx + 8]\n  push cx\n  pop dx\n  jcxz ${label}_v\n  inc bp\n${label}_v:\n  call ${label}_x\n  jmp dword 8:${label}_t\n${label}_x:\n  shl ax, 3\n  ret\n  bits 32\n${label}_t:`,
    () => `enter 16, 0\n  mov [ebp - 4], eax\n  leave`,
  ];
  return dice.pick(choices)();
}

/** The local APIC interrupts every so often; what the handler does is not visible but for its count. */
const TIMER = `
  mov dword [directory + 4076], apic_table + 3
  mov dword [apic_table + 0x800], 0xfee00003
  mov word [idt + 0x190], tick - ${ORIGIN}
  mov word [idt + 0x196], ${ORIGIN >>> 16}
  mov dword [0xfee000f0], 0x1ff
  mov dword [0xfee003e0], 0xb
  mov dword [0xfee00320], 0x32
  mov dword [0xfee00380], 500
  sti
`;

/** To ring 3, from where INT 21h is the way to the end; every vector from 20h on and INT3, INTO may be asked for there. */
const RING3 = `
  mov dword [tss + 4], stack_end
  mov dword [tss + 8], 16
  mov edx, idt
open_gates:
  or byte [edx + 5], 0x60
  add edx, 8
  cmp edx, idt + 512
  jne open_gates
  and byte [idt + 13 * 8 + 5], 0x9f
  mov dword [idt + 0x108], finish - ${ORIGIN} + 0x80000
  mov word [idt + 0x10e], ${ORIGIN >>> 16}
  mov eax, 0x1b
  mov ds, eax
  mov es, eax
  mov fs, eax
  mov gs, eax
  xor eax, eax
  xor edx, edx
  push dword 0x1b
  push dword user_stack_end
  push dword 0x202
  push dword 0x3b
  push dword s0
  iret
`;
/** What differs in ring 3 by design: who asks for the real tables is told. */
const TELLS = /^(sgdt|sidt|sldt|str|smsw)/;

/** Where a random program runs. */
export interface KernelOptions {
  /** It is interrupted all the time. */
  readonly timer?: boolean;
  /** Ring 3 in place of ring 0. */
  readonly ring3?: boolean;
}

/** A kernel as assembly text. */
export function randomKernel(seed: number, { timer = false, ring3 = false }: KernelOptions = {}): string {
  const dice = new Dice(seed);
  let text = HEADER + (timer ? TIMER : '') + (ring3 ? RING3 : '');
  for (let n = 0; n < STATEMENTS; n++) {
    let body = statement(dice, `s${n}x`);
    while (ring3 && TELLS.test(body)) body = statement(dice, `s${n}x`);
    text += `s${n}:\n  mov dword [resume], s${n + 1}\n  ${body}\n`;
  }
  // Twice through everything: the second time the translations are there and adapted.
  text += `s${STATEMENTS}:\n${timer && !ring3 ? '  sti\n' : ''}  mov esp, ${ring3 ? 'user_stack_end' : 'stack_end'}\n`;
  text += '  mov ebx, data\n  inc dword [data + 1020]\n';
  text += `  mov eax, [data + 1020]\n  and eax, 0xff\n  cmp eax, 0x7d\n  jb near s0\n${ring3 ? '  int 0x21\n' : ''}`;
  return `${text}${FOOTER}${stubs()}${TAIL}`;
}

/** A kernel as a multiboot image, with its symbols. */
export function kernelImage(text: string): { bytes: Uint8Array; symbols: ReadonlyMap<string, number> } {
  return assembleProgram(text, { origin: ORIGIN });
}
