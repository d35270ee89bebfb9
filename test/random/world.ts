// Where things lie in the small machine of the random tests, and the tables that are the same in every mode: descriptors,
// gates, task state segments, page tables that map every linear address onto the little RAM there is, and handlers that
// skip what faulted. Truth: SDM Vol. 3A "Protected-Mode Memory Management", "Interrupt and Exception Handling", "Paging".
import { assemble } from '../../src/isa/assemble.ts';

/** All RAM; devices answer above it. Programs see the first SEEN bytes again and again where there is paging. */
export const RAM_SIZE = 0x26000;
const SEEN = 0x20000;
export const GDT = 0x1000;
export const GDT_LIMIT = 0x1ff;
export const LDT = 0x1200;
const TSS_16 = 0x1400;
const TSS_OTHER = 0x1500;
export const TSS = 0x1800;
/** Up to the end of a bit map for 0x800 ports; the interrupt redirection bit map lies in front of it. */
export const TSS_LIMIT = 0x188;
export const IDT = 0x2000;
export const HANDLERS = 0x3000;
/** Page tables: five levels, one page each. */
export const PML4 = 0x4000;
export const PDPT = 0x5000;
export const PD = 0x6000;
export const PT = 0x7000;
export const PML5 = 0x8000;
export const DIRECTORY = 0x9000;
export const BITMAPS = 0xc000;
/** EPT tables: four levels. */
export const EPT = 0x20000;
/** Behind what programs see: no software stores into a VMCS (SDM Vol. 3C "Software Use of Virtual-Machine Control Structures"). */
export const VMXON_REGION = 0x24000;
export const VMCS_REGION = 0x25000;
export const CODE = 0x10000;
export const DATA = 0x14000;
export const STACKS = 0x18000;
export const INNER_STACKS = 0x1c000;
/** 16-bit handlers lie in the code segment, because a 16-bit segment reaches no further. */
const HANDLERS_16 = 0x13f00;

/** Code, 64-bit code and data selectors by ring, and their 16-bit forms with base CODE. */
export const CODE_32 = [0x08, 0x41, 0x52, 0x1b] as const;
export const CODE_64 = [0x38, 0x61, 0x6a, 0x2b] as const;
export const DATA_32 = [0x10, 0x49, 0x5a, 0x23] as const;
export const CODE_16 = [0x70, 0x79, 0x82, 0x8b] as const;
export const DATA_16 = [0x90, 0x99, 0xa2, 0xab] as const;
export const TSS_SELECTOR = 0xb0;
export const LDT_SELECTOR = 0xc0;
/** Everything a program can name: gates, other task state segments, odd segments, LDT entries, nothing. */
export const SELECTORS = [
  ...CODE_32,
  ...CODE_64,
  ...DATA_32,
  ...CODE_16,
  ...DATA_16,
  ...[0, 3, 0xb0, 0xc0, 0xd0, 0xd3, 0xe0, 0xe3, 0xe8, 0xf0, 0xf8, 0x100, 0x103, 0x10b, 0x110, 0x11b, 0x123, 0x128],
  ...[4, 0xc, 0x17, 0x1ff, 0x3fb, 0xffff],
];

/** What a handler of a vector does with the frame: skip the faulting slot (below an error code or not), or go back. */
export type Recovery = 'skip' | 'skip-error' | 'return';
const WITH_ERROR = new Set([8, 10, 11, 12, 13, 14, 17]);
const FAULTS = new Set([0, 5, 6, 7, 9, 16, 18, 19, 20]);

/** A stream is laid out in slots: a handler goes on at the slot behind the one that faulted. */
export const SLOT = 32;

function recoveryOf(vector: number): Recovery {
  return WITH_ERROR.has(vector) ? 'skip-error' : FAULTS.has(vector) ? 'skip' : 'return';
}

const RECOVERIES: readonly Recovery[] = ['skip', 'skip-error', 'return'];
/** RF is set in the frame of a #DB, so that a code breakpoint does not match again. */
const HANDLER_TEXT: Readonly<Record<16 | 32 | 64, readonly string[]>> = {
  16: [
    'push bp\nmov bp, sp\nand word [bp+2], 0xffe0\nadd word [bp+2], 32\npop bp\niret',
    'push bp\nmov bp, sp\nand word [bp+4], 0xffe0\nadd word [bp+4], 32\npop bp\nadd sp, 2\niret',
    'iret',
  ],
  32: [
    'and dword [esp], -32\nadd dword [esp], 32\niretd',
    'add esp, 4\nand dword [esp], -32\nadd dword [esp], 32\niretd',
    'or dword [esp+8], 0x10000\niretd',
  ],
  64: [
    'and qword [rsp], -32\nadd qword [rsp], 32\niretq',
    'add rsp, 8\nand qword [rsp], -32\nadd qword [rsp], 32\niretq',
    'or dword [rsp+16], 0x10000\niretq',
  ],
};

/** Linear address of a handler. */
export function handler(bits: 16 | 32 | 64, recovery: Recovery): number {
  const at = RECOVERIES.indexOf(recovery) * 0x40;
  return (bits === 16 ? HANDLERS_16 : HANDLERS + (bits === 64 ? 0x200 : 0)) + at;
}

/** Writes into RAM, little-endian. */
export class Memory {
  readonly bytes = new Uint8Array(RAM_SIZE);
  readonly view = new DataView(this.bytes.buffer);

  dword(at: number, value: number): void {
    this.view.setUint32(at, value, true);
  }

  word(at: number, value: number): void {
    this.view.setUint16(at, value, true);
  }

  /** 8 bytes from two halves. */
  quad(at: number, low: number, high: number): void {
    this.dword(at, low);
    this.dword(at + 4, high);
  }
}

/** access: P DPL S type; flags: G D/B L AVL. */
function descriptor(base: number, limit: number, access: number, flags: number): [number, number] {
  return [
    ((base << 16) | (limit & 0xffff)) >>> 0,
    ((base & 0xff000000) | (flags << 20) | (limit & 0xf0000) | (access << 8) | ((base >>> 16) & 0xff)) >>> 0,
  ];
}

function gate(type: number, dpl: number, selector: number, offset: number): [number, number] {
  const access = 0x80 | (dpl << 5) | type;
  return [((selector << 16) | (offset & 0xffff)) >>> 0, ((offset & 0xffff0000) | (access << 8)) >>> 0];
}

/** Descriptors by selector. `long` has 16-byte system descriptors, 64-bit call gates. */
function gdt(memory: Memory, long: boolean): void {
  const put = (selector: number, [low, high]: readonly [number, number]) =>
    memory.quad(GDT + (selector & ~7), low, high);
  for (let ring = 0; ring < 4; ring++) {
    const dpl = ring << 5;
    put(CODE_32[ring]!, descriptor(0, 0xfffff, 0x9b | dpl, 0xc));
    put(CODE_64[ring]!, descriptor(0, 0xfffff, 0x9b | dpl, 0xa));
    put(DATA_32[ring]!, descriptor(0, 0xfffff, 0x93 | dpl, 0xc));
    put(CODE_16[ring]!, descriptor(CODE, 0xffff, 0x9b | dpl, 0));
    put(DATA_16[ring]!, descriptor(CODE, 0xffff, 0x93 | dpl, 0));
  }
  put(0x30, descriptor(0, 0xfffff, 0xf3, 0xc)); // what SYSRET and SYSEXIT to 64-bit code take for SS
  put(TSS_SELECTOR, descriptor(TSS, TSS_LIMIT, 0x8b, 0));
  put(LDT_SELECTOR, descriptor(LDT, 0x3f, 0x82, 0));
  put(0xd0, gate(12, 3, long ? CODE_64[0] : CODE_32[0], CODE + 4 * SLOT));
  put(0xe0, gate(4, 3, CODE_16[0], 4 * SLOT));
  put(0xe8, gate(5, 3, 0xf0, 0));
  put(0xf0, descriptor(TSS_OTHER, 0x67, 0xe9, 0));
  put(0xf8, descriptor(TSS_16, 0x2b, 0xe1, 0));
  put(0x100, descriptor(0, 0x13, 0xf7, 0xc)); // expand-down
  put(0x108, descriptor(0, 0xfffff, 0xf0, 0xc)); // read-only, not accessed
  put(0x110, descriptor(0, 0xfffff, 0x9e, 0xc)); // conforming code
  put(0x118, descriptor(0, 0xfffff, 0x72, 0xc)); // not present
  put(0x120, descriptor(0, 0xfffff, 0xf8, 0xc)); // execute-only code
  put(0x128, descriptor(0, 0xfffff, 0x9a, 0xe)); // D and L both set
  const [dataLow, dataHigh] = descriptor(DATA, 0xfff, 0xf2, 4);
  for (const entry of [0, 8, 0x10]) memory.quad(LDT + entry, dataLow, dataHigh);
}

/** Gates for every vector, to handlers of one size. Software may use all of them. */
function idt(memory: Memory, bits: 16 | 32 | 64): void {
  for (let vector = 0; vector < 256; vector++) {
    const linear = handler(bits, recoveryOf(vector));
    const [selector, offset] =
      bits === 16 ? [CODE_16[0], linear - CODE] : [bits === 64 ? CODE_64[0] : CODE_32[0], linear];
    const [low, high] = gate((bits === 16 ? 6 : 14) | (vector & 1), 3, selector, offset);
    const at = IDT + vector * (bits === 64 ? 16 : 8);
    memory.quad(at, low, high);
  }
}

/** Vectors of real-address mode lead to the 16-bit handlers, which find no error codes there. */
function realVectors(memory: Memory): void {
  for (let vector = 0; vector < 256; vector++) {
    const recovery = recoveryOf(vector) === 'return' ? 'return' : 'skip';
    memory.dword(4 * vector, ((CODE >> 4) << 16) | (handler(16, recovery) - CODE));
  }
}

function taskStates(memory: Memory, long: boolean): void {
  if (long) {
    for (let n = 0; n < 3; n++) memory.quad(TSS + 4 + 8 * n, INNER_STACKS + 0x800 + 0x1000 * n, 0);
    for (let n = 0; n < 7; n++) memory.quad(TSS + 0x24 + 8 * n, INNER_STACKS + 0x3800, 0);
  } else {
    for (let n = 0; n < 3; n++) memory.quad(TSS + 4 + 8 * n, INNER_STACKS + 0x800 + 0x1000 * n, DATA_32[n]!);
    const other: [number, number][] = [
      [0x20, CODE + 2 * SLOT],
      [0x24, 2],
      [0x38, STACKS + 0x400],
      ...[0x48, 0x50, 0x54, 0x58, 0x5c].map((at): [number, number] => [at, DATA_32[0]]),
      [0x4c, CODE_32[0]],
    ];
    for (const [at, value] of other) memory.dword(TSS_OTHER + at, value);
    const small: [number, number][] = [
      [0x0e, 2 * SLOT],
      [0x10, 2],
      [0x1a, 0x8400],
      [0x24, CODE_16[0]],
      ...[0x22, 0x26, 0x28].map((at): [number, number] => [at, DATA_16[0]]),
    ];
    for (const [at, value] of small) memory.word(TSS_16 + at, value);
  }
  memory.word(TSS + 0x66, 0x88);
  for (let port = 0x40; port < 0x60; port++) memory.bytes[TSS + 0x88 + port] = 0xa5;
}

/** Every linear address leads to RAM: all entries of a table are alike, the last level repeats the RAM. */
function pageTables(memory: Memory): void {
  for (let n = 0; n < 1024; n++) memory.dword(DIRECTORY + 4 * n, 0xd007);
  for (let n = 0; n < 1024; n++) memory.dword(0xd000 + 4 * n, ((n << 12) % SEEN) | 7);
  for (let n = 0; n < 512; n++) {
    memory.quad(PML5 + 8 * n, PML4 | 7, 0);
    memory.quad(PML4 + 8 * n, PDPT | 7, 0);
    memory.quad(PDPT + 8 * n, PD | 7, 0);
    memory.quad(PD + 8 * n, PT | 7, 0);
    memory.quad(PT + 8 * n, ((n << 12) % SEEN) | 7, 0);
  }
  for (let n = 0; n < 512; n++) {
    for (let level = 0; level < 3; level++)
      memory.quad(EPT + 0x1000 * level + 8 * n, (EPT + 0x1000 * (level + 1)) | 7, 0);
    memory.quad(EPT + 0x3000 + 8 * n, ((n << 12) % SEEN) | 0x37, 0);
  }
  for (let n = 0; n < 4; n++) memory.quad(0xe000 + 8 * n, PD | 1, 0); // PAE: page-directory pointers
}

/** RAM before a program is put into it. `gates` is the size of the handlers' code. */
export function worldMemory(gates: 16 | 32 | 64): Memory {
  const memory = new Memory();
  gdt(memory, gates === 64);
  realVectors(memory);
  idt(memory, gates);
  taskStates(memory, gates === 64);
  pageTables(memory);
  for (const bits of [16, 32, 64] as const) {
    RECOVERIES.forEach((recovery, n) => {
      memory.bytes.set(assemble(HANDLER_TEXT[bits][n]!, { mode: bits }), handler(bits, recovery));
    });
  }
  for (let at = DATA; at < DATA + 0x1000; at++) memory.bytes[at] = (at * 37 + (at >> 8)) & 0xff;
  return memory;
}
