// The memory of a measured guest: descriptor tables, two address spaces of 4 KiB pages, and the program (SDM Vol. 3A
// "Protected-Mode Memory Management", "32-Bit Paging", "4-Level Paging", "Interrupt and Exception Handling").
import { assembleProgram } from '../../src/isa/assemble.ts';
import {
  DATA,
  DATA_SHIFT,
  EVENT_STACK,
  GDT,
  GDT_POINTER,
  IDT,
  IDT_POINTER,
  KERNEL_CODE,
  KERNEL_CODE_64,
  KERNEL_DATA,
  LINEAR_END,
  PROGRAM,
  ROOTS,
  TSS,
  TSS_SELECTOR,
  type Width,
} from './layout.ts';
import { programText } from './source.ts';

/** Present, writable, for user code too. */
const OPEN = 7;
const PAGE = 0x1000;
const VECTORS = 256;
const GDT_SIZE = 0x80;
const TSS_SIZE = 0x68;
/** Gates for INT n of user code. */
const SOFTWARE_VECTORS = new Set([0x80]);
const INTERRUPT_GATE = 0x8e;
const USER_GATE = 0x60;

/** Bytes to be put at a physical address. */
export interface Piece {
  readonly address: number;
  readonly bytes: Uint8Array;
}

/** Tables below PROGRAM. */
class Tables {
  readonly bytes = new Uint8Array(0x8_0000);
  readonly view = new DataView(this.bytes.buffer);

  quad(at: number, value: bigint): void {
    this.view.setBigUint64(at, value, true);
  }

  word(at: number, value: number): void {
    this.view.setUint32(at, value, true);
  }

  segments(width: Width): void {
    const descriptors: readonly (readonly [number, bigint])[] = [
      [KERNEL_CODE, 0x00cf_9b00_0000_ffffn],
      [KERNEL_DATA, 0x00cf_9300_0000_ffffn],
      [0x18, 0x00cf_fb00_0000_ffffn],
      [0x20, 0x00cf_f300_0000_ffffn],
      [KERNEL_CODE_64, 0x00af_9b00_0000_ffffn],
      [0x30, 0x00cf_9300_0000_ffffn],
      [0x38, 0x00cf_fb00_0000_ffffn],
      [0x40, 0x00cf_f300_0000_ffffn],
      [0x48, 0x00af_fb00_0000_ffffn],
      [TSS_SELECTOR, 0x0000_8900_0000_0000n | BigInt(TSS << 16) | BigInt(TSS_SIZE - 1)],
    ];
    for (const [selector, descriptor] of descriptors) this.quad(GDT + selector, descriptor);
    this.pointer(GDT_POINTER, GDT, GDT_SIZE - 1);
    this.pointer(IDT_POINTER, IDT, VECTORS * (width / 4) - 1);
    this.word(TSS + 4, EVENT_STACK);
    if (width === 32) this.word(TSS + 8, KERNEL_DATA);
    this.view.setUint16(TSS + 0x66, TSS_SIZE, true);
  }

  pointer(at: number, base: number, limit: number): void {
    this.view.setUint16(at, limit, true);
    this.word(at + 2, base);
  }

  gates(width: Width, handler: (vector: number) => number): void {
    const code = width === 32 ? KERNEL_CODE : KERNEL_CODE_64;
    for (let vector = 0; vector < VECTORS; vector++) {
      const at = IDT + vector * (width / 4);
      const offset = handler(vector);
      const access = INTERRUPT_GATE | (SOFTWARE_VECTORS.has(vector) ? USER_GATE : 0);
      this.word(at, (code << 16) | (offset & 0xffff));
      this.word(at + 4, (offset & 0xffff_0000) | (access << 8));
    }
  }

  /** 4 KiB pages up to LINEAR_END, with tables of their own in each address space. */
  addressSpace(root: number, width: Width): void {
    const entry = (at: number, value: number): void =>
      width === 32 ? this.word(at, value) : this.quad(at, BigInt(value));
    const size = width / 8;
    let table = root + PAGE;
    let directory = root;
    if (width === 64) {
      entry(root, (root + PAGE) | OPEN);
      entry(root + PAGE, (root + 2 * PAGE) | OPEN);
      directory = root + 2 * PAGE;
      table = root + 3 * PAGE;
    }
    for (let n = 0; n < LINEAR_END / PAGE; n++) {
      if ((n * size) % PAGE === 0) entry(directory + (n * size * size) / PAGE, (table + n * size) | OPEN);
      const linear = n * PAGE;
      entry(table + n * size, (linear < DATA ? linear : linear + DATA_SHIFT) | OPEN);
    }
  }
}

/** All of a guest's memory that is not zero. `source` is a program's text with the marks of source.ts. */
export function memoryImage(source: string, width: Width): readonly Piece[] {
  const { bytes, symbols } = assembleProgram(programText(source, width), { mode: 32, origin: PROGRAM });
  const tables = new Tables();
  tables.segments(width);
  tables.gates(width, (vector) => symbols.get(`vector_${vector}`) ?? symbols.get('unexpected')!);
  for (const root of ROOTS) tables.addressSpace(root, width);
  return [
    { address: 0, bytes: tables.bytes },
    { address: PROGRAM, bytes },
  ];
}
