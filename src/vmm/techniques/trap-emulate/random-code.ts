// Random guest kernels for the test beside this file: a small kernel whose exceptions all lead to the next piece of
// random code, and a generator of code that prefers what touches privilege (resource
// control).

import { assembleProgram } from '../../../isa/assemble.ts';

/** Where the kernel's random code lies, and how much of it there is. */
export const CODE = 0x11_0000;
export const CODE_LENGTH = 1024;
const KERNEL = 0x10_0000;

const SOURCE = (paging: boolean): string => `
  dd 0x1badb002, 0x10000, 0xe4514ffe
  dd ${KERNEL}, ${KERNEL}, 0, 0, start
start:
  mov esp, stack_end
  lgdt [gdt_register]
  jmp 8:next
next:
  mov ax, 16
  mov ds, ax
  mov es, ax
  mov ss, ax
  mov fs, ax
  mov gs, ax
  mov edi, idt
  mov ecx, 256
gates:
  mov eax, handler
  mov [edi], ax
  mov word [edi+2], 8
  mov word [edi+4], 0xee00
  shr eax, 16
  mov [edi+6], ax
  add edi, 8
  dec ecx
  jnz gates
  lidt [idt_register]
  mov ax, 40
  ltr ax
  mov ax, 48
  lldt ax
${paging ? PAGING : ''}
ready:
  jmp ${CODE}
handler:
  mov ax, 16
  mov ds, ax
  mov es, ax
  mov ss, ax
  mov esp, stack_end
  inc dword [count]
  mov eax, [count]
  imul eax, eax, 149
  and eax, ${CODE_LENGTH - 1}
  add eax, ${CODE}
  jmp eax
  align 8
gdt:
  dd 0, 0
  dd 0x0000ffff, 0x00cf9a00
  dd 0x0000ffff, 0x00cf9200
  dd 0x0000ffff, 0x00cffa00
  dd 0x0000ffff, 0x00cff200
  dd 0x00000067, 0x00008912
  dd 0x0000003f, 0x00008213
  dd 0x0000ffff, 0xff8f92c0
  dd 0x0000ffff, 0x00cf9600
  dd 0x0000ffff, 0x00cf9e00
  dd 0x00080000, 0x0000ec11
  dd 0x00081100, 0x0011ec00
  dd 0x0000ffff, 0xffcf9aff
  dd 0x0000ffff, 0x000f9a00
  dd 0xf800ffff, 0xffcf92bf
  dd 0xf800ffff, 0xffcf9abf
gdt_end:
gdt_register:
  dw gdt_end - gdt - 1
  dd gdt
idt_register:
  dw 0x7ff
  dd idt
count: dd 0
  align 4096
idt: times 2048 db 0
stack: times 1024 db 0
stack_end:
  dd 0, 0, 0, 0
`;

const PAGING = `
  mov edi, 0x130000
  mov ecx, 1024
  mov eax, 7
fill:
  mov [edi], eax
  add eax, 4096
  add edi, 4
  dec ecx
  jnz fill
  mov dword [0x131000], 0x130007
  mov dword [0x131000 + 4*1023], 0x132007
  mov dword [0x132000], 0x110007
  mov dword [0x131000 + 4*1022], 0x130007
  mov eax, 0x10
  mov cr4, eax
  mov eax, 0x131000
  mov cr3, eax
  mov eax, cr0
  or eax, 0x80010000
  mov cr0, eax
`;

/** The kernel's multiboot image and the address at which the random code begins to matter. */
export function randomKernel(paging: boolean): { image: Uint8Array; ready: number; tables: readonly number[] } {
  const { bytes, symbols } = assembleProgram(SOURCE(paging), { mode: 32, origin: KERNEL });
  const at = (name: string): number => Number(symbols.get(name));
  return {
    image: bytes,
    ready: at('ready'),
    tables: [at('gdt'), at('idt'), at('stack'), at('gdt_register'), at('count')],
  };
}

/** Numbers from a seed. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 0;
  }

  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let value = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value;
    return (value ^ (value >>> 14)) >>> 0;
  }

  below(limit: number): number {
    return this.next() % limit;
  }

  of<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }
}

const SELECTORS = [
  0, 3, 8, 9, 16, 17, 27, 35, 40, 48, 56, 64, 72, 80, 88, 96, 104, 112, 120, 4, 12, 63, 0xff08, 0xff10, 0xff11,
];
const HOST_SELECTORS = [0xff18, 0xff20, 0xff21, 0xff28, 0xff29, 0xff30, 0xff41, 0xff49, 0xfff8];
const MSRS = [0x10, 0x1b, 0x174, 0x175, 0x176, 0x277, 0x3a, 0x480, 0xc000_0080, 0xc000_0081];
const PORTS = [0x20, 0x21, 0xa1, 0x40, 0x43, 0x60, 0x61, 0x71, 0x80, 0x3f8, 0x3f9, 0x3fd];

function word(value: number): number[] {
  return [value & 255, (value >>> 8) & 255, (value >>> 16) & 255, value >>> 24];
}

function half(value: number): number[] {
  return [value & 255, (value >>> 8) & 255];
}

/** A piece of code of about `length` bytes. */
export function randomCode(random: Random, length: number, tables: readonly number[]): Uint8Array {
  const bytes: number[] = [];
  while (bytes.length < length) bytes.push(...piece(random, tables));
  return Uint8Array.from(bytes.slice(0, length));
}

function address(random: Random, tables: readonly number[]): number {
  switch (random.below(8)) {
    case 0:
      return (0xffc0_0000 + random.below(0x2_0000)) >>> 0;
    case 1:
      return (0xffc0_0000 - random.below(16)) >>> 0;
    case 2:
      return (0xffff_ffff - random.below(16)) >>> 0;
    case 3:
      return (random.of(tables) + random.below(128)) >>> 0;
    case 4:
      return (random.of([0x13_0000, 0x13_1000, 0x13_1ffc, 0x13_2000]) + 4 * random.below(16)) >>> 0;
    case 5:
      return CODE + random.below(CODE_LENGTH);
    case 6:
      return (random.of([0xfee0_0000, 0x1f_fff0, 0xb_8000]) + random.below(0x400)) >>> 0;
    default:
      return random.next();
  }
}

function value(random: Random, tables: readonly number[]): number {
  const choice = random.below(6);
  if (choice === 0) return random.next();
  if (choice === 1) return random.of([...SELECTORS, ...HOST_SELECTORS]);
  if (choice === 2) return random.of([0x00cf_9200, 0x00cf_9aff, 0xffcf_92c0, 0x0000_ffff, 0x00cf_b6ff, 0xff8f_92bf]);
  if (choice === 3) return random.of([0x3202, 0x4302, 0x0102, 0x2_0002, 0x4_0002, 2]);
  return address(random, tables);
}

type Maker = (random: Random, at: () => number, any: () => number) => number[];

const register = (random: Random): number => random.below(8);
/** Register fields of instructions that must not lose ESP too often. */
const sreg = (random: Random): number => random.of([0, 2, 3, 4, 5]);
const selector = (random: Random): number => random.of(random.below(3) === 0 ? HOST_SELECTORS : SELECTORS);

const MAKERS: readonly Maker[] = [
  (random) => [0x66, 0xb8, ...half(selector(random)), 0x8e, 0xc0 | (sreg(random) << 3)],
  (random) => [0x66, 0xb8, ...half(selector(random)), 0x0f, 0x00, 0xc0 | (random.below(6) << 3)],
  (random) => [0x66, 0xb8, ...half(selector(random)), 0x0f, random.of([2, 3]), 0xc0 | (register(random) << 3)],
  (random, at) => [0x0f, 0x01, (random.below(4) << 3) | 5, ...word(at())],
  (random) => [0x0f, 0x01, 0xc0 | random.below(0x40)],
  (random, _at, any) => [0xb8, ...word(any()), 0x0f, 0x22, 0xc0 | (random.of([0, 2, 3, 4]) << 3)],
  (random) => [0x0f, random.of([0x20, 0x21]), 0xc0 | random.below(0x40)],
  (random, _at, any) => [0xb8, ...word(any()), 0x0f, 0x23, 0xc0 | (random.below(8) << 3)],
  (random, at) => [random.of([0xea, 0x9a]), ...word(at()), ...half(selector(random))],
  (random) => [0x6a, 0x23, 0x54, 0x9c, 0x68, ...word(selector(random)), 0x68, ...word(CODE), 0xcf],
  (random) => [0x68, ...word(0x23), 0x54, 0x68, ...word(selector(random)), 0x68, ...word(CODE + 64), 0xcb],
  (random, _at, any) => [0x68, ...word(any()), random.of([0x9d, 0x9d, 0x1f, 0x07, 0x17, 0xc3, 0xcb, 0xcf, 0x5c])],
  (random) => [0xcd, random.below(256)],
  (random) => [random.of([0xcc, 0xce, 0xf1, 0xfa, 0xfb, 0xf4, 0x9c, 0x60, 0x61, 0xcf, 0xcb, 0xc9])],
  (random) => [0x0f, random.of([0x34, 0x35, 0x06, 0x08, 0x09, 0x0b, 0x31, 0x33, 0xa2, 0xa1, 0xa9])],
  (random, _at, any) => [0xb9, ...word(random.of(MSRS)), 0xb8, ...word(any()), 0x0f, random.of([0x30, 0x32])],
  (random) => [0x66, 0xba, ...half(random.of(PORTS)), random.of([0xec, 0xed, 0xee, 0xef, 0x6c, 0x6f])],
  (random, _at, any) => [0xb8 | random.of([0, 1, 2, 3, 6, 7]), ...word(any())],
  (_random, _at, any) => [0xbc, ...word(any())],
  (random, at) => [random.of([0x89, 0x8b, 0x01, 0x31, 0x87, 0xff]), (register(random) << 3) | 5, ...word(at())],
  (random, at) => [random.of([0x26, 0x64, 0x65, 0x36, 0x2e]), random.of([0x89, 0x8b, 0x8a]), 5, ...word(at())],
  (random, at) => [0x0f, random.of([0xab, 0xb3, 0xbb, 0xa3, 0xb1, 0xc1]), (register(random) << 3) | 5, ...word(at())],
  (random, at) => [0x0f, random.of([0xb2, 0xb4, 0xb5]), (register(random) << 3) | 5, ...word(at())],
  (_random, at, any) => [0xc7, 0x05, ...word(at()), ...word(any())],
  (random, at) => [0xbf, ...word(at()), 0xb9, ...word(random.below(64)), 0xf3, random.of([0xaa, 0xab, 0xa4, 0xa5])],
  (_random, at) => [0x0f, 0xc7, 0x0d, ...word(at())],
  (_random, at) => [0xb8, ...word(at()), 0xff, 0xe0],
  (_random, at) => [0xff, 0x2d, ...word(at())],
  (random) => [random.of([0x66, 0x67, 0xf0, 0xf2, 0xf3, 0x2e, 0x36, 0x64])],
  (random) => Array.from({ length: 1 + random.below(6) }, () => random.below(256)),
  (random) => [random.of([0xeb, 0xe8, 0x75]), random.below(256)],
];

function piece(random: Random, tables: readonly number[]): number[] {
  return random.of(MAKERS)(
    random,
    () => address(random, tables),
    () => value(random, tables),
  );
}
