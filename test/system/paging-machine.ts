// Machines in every paging mode with one page under test: its tables are apart from those of the code, so that a test can
// give every level any contents. SDM Vol. 3A "Paging": "32-Bit Paging", "PAE Paging", "4-Level Paging and 5-Level Paging".
import { GDTR_BASE, GPR, PDPTE } from '../../asm/layout.ts';
import type { Cpu } from '../../src/cpu/cpu.ts';
import { LongMachine, PD, PML4 } from './long-machine.ts';
import type { Access, Controls, Entry } from './paging-model.ts';
import { TestMachine } from './machine.ts';

const EFER = 0xc000_0080;
const CR4_PSE = 0x10;
const CR4_PAE = 0x20;
const CR4_LA57 = 0x1000;
const CR4_SMEP = 0x10_0000;
const CR4_SMAP = 0x20_0000;
const EFLAGS_AC = 0x4_0000;
const CR0 = 0x8000_0031;
const CR0_WP = 0x1_0000;
const GDT = 0x1000;
const STACK = 0x3_0000;
/** Tables of the page under test, one page a level, and the tables of the rest of a 32-bit machine. */
const TABLES = 0x6_0000;
const LOW_DIRECTORY = 0x6_6000;
const LOW_TABLE = 0x6_7000;
/** Physical address of the page under test, where it is also found in a large page. */
const PAGE = 0x5_0000;
/** What lies in the page: NOPs, then descriptors of data segments (accessed, not accessed), then room to write. */
const NOPS = 0x9090_9090_9090_9090n;
const ACCESSED = 0x00cf_f300_0000_ffffn;
const NOT_ACCESSED = 0x00cf_f200_0000_ffffn;
const WRITE_OFFSET = 0x100;

const BIT_A = 0x20n;
const BIT_D = 0x40n;
const LARGE = 0x80n;

/** A paging mode with a size of page. */
export interface ModeRow {
  readonly name: string;
  /** Names of the levels whose entries a walk reads, from the top. */
  readonly levels: readonly string[];
  readonly entrySize: 4 | 8;
  readonly isLarge: boolean;
  /** Bits that are reserved, by level. */
  readonly reserved: readonly bigint[][];
}

const bits = (...ranges: readonly (readonly [high: number, low: number])[]): bigint[] =>
  ranges.flatMap(([high, low]) => Array.from({ length: high - low + 1 }, (_, n) => 1n << BigInt(low + n)));

/** Physical addresses have 36 bits: everything above is reserved, to bit 62 in PAE paging, to bit 51 in IA-32e mode. */
const PAE_HIGH = [62, 36] as const;
const LONG_HIGH = [51, 36] as const;
const PML = bits(LONG_HIGH, [7, 7]);
const TABLE = bits(LONG_HIGH);

function longModes(top: readonly string[], name: string): ModeRow[] {
  const upper = top.map(() => PML);
  const row = (size: string, levels: string[], isLarge: boolean, reserved: bigint[][]): ModeRow => ({
    name: `${name}, ${size} pages`,
    levels: [...top, ...levels],
    entrySize: 8,
    isLarge,
    reserved: [...upper, ...reserved],
  });
  return [
    row('4 KiB', ['PDPTE', 'PDE', 'PTE'], false, [TABLE, TABLE, TABLE]),
    row('2 MiB', ['PDPTE', 'PDE'], true, [TABLE, bits(LONG_HIGH, [20, 13])]),
    row('1 GiB', ['PDPTE'], true, [bits(LONG_HIGH, [29, 13])]),
  ];
}

export const MODES: readonly ModeRow[] = [
  { name: '32-bit, 4 KiB pages', levels: ['PDE', 'PTE'], entrySize: 4, isLarge: false, reserved: [[], []] },
  { name: '32-bit, 4 MiB pages', levels: ['PDE'], entrySize: 4, isLarge: true, reserved: [bits([21, 17])] },
  {
    name: 'PAE, 4 KiB pages',
    levels: ['PDE', 'PTE'],
    entrySize: 8,
    isLarge: false,
    reserved: [bits(PAE_HIGH), bits(PAE_HIGH)],
  },
  { name: 'PAE, 2 MiB pages', levels: ['PDE'], entrySize: 8, isLarge: true, reserved: [bits(PAE_HIGH, [20, 13])] },
  ...longModes(['PML4E'], '4-level'),
  ...longModes(['PML5E', 'PML4E'], '5-level'),
];

/** One machine in one paging mode. */
export class PagingMachine {
  readonly mode: ModeRow;
  readonly cpu: Cpu;
  readonly #memory: DataView;
  readonly #linear: bigint;
  readonly #places: number[] = [];
  readonly #isLong: boolean;
  #entries: bigint[] = [];

  constructor(mode: ModeRow) {
    this.mode = mode;
    this.#isLong = mode.name.includes('level');
    const machine = this.#isLong ? new LongMachine() : new TestMachine();
    this.cpu = machine.cpu;
    this.#memory = machine.memory;
    for (let at = 0; at < 0x1000; at += 8) this.#memory.setBigUint64(PAGE + at, NOPS, true);
    this.#linear = this.#isLong ? this.#longTables() : this.#legacyTables();
    this.setControls({ wp: true, smep: false, smap: false, ac: false, nxe: true });
  }

  /** The first 8 MiB belong to the supervisor; the page under test has its own entry at the top. */
  #longTables(): bigint {
    const five = this.mode.name.startsWith('5');
    for (let n = 0; n < 4; n++) this.#memory.setBigUint64(PD + 8 * n, BigInt(n * 0x20_0000) | 0x83n, true);
    if (five) this.#memory.setBigUint64(LOW_DIRECTORY, BigInt(PML4) | 7n, true);
    this.cpu.cr3 = five ? LOW_DIRECTORY : PML4;
    this.#place((five ? LOW_DIRECTORY : PML4) + 8);
    return 1n << (five ? 48n : 39n);
  }

  #legacyTables(): bigint {
    const wide = this.mode.entrySize === 8;
    const put = (at: number, value: number) =>
      wide ? this.#memory.setBigUint64(at, BigInt(value), true) : this.#memory.setUint32(at, value, true);
    put(LOW_DIRECTORY, LOW_TABLE | 7);
    for (let page = 0; page < 512; page++) put(LOW_TABLE + page * this.mode.entrySize, (page << 12) | 3);
    this.cpu.cr3 = LOW_DIRECTORY;
    if (!wide) {
      this.#place(LOW_DIRECTORY + 4);
      return 0x40_0000n;
    }
    // the PDPTE registers have no rights: one for the code, one for the page under test
    this.cpu.view.setBigUint64(PDPTE, BigInt(LOW_DIRECTORY | 1), true);
    this.cpu.view.setBigUint64(PDPTE + 8, BigInt(TABLES | 1), true);
    this.#place(TABLES);
    return 0x4000_0000n;
  }

  /** Where the entries of the walk lie: the first at `top`, the others in tables of their own. */
  #place(top: number): void {
    const { levels, entrySize, isLarge } = this.mode;
    levels.forEach((_, n) => {
      const isLast = n === levels.length - 1;
      const index = isLast && !isLarge ? PAGE >>> 12 : 0;
      this.#places.push(n === 0 ? top : TABLES + 0x1000 * n + index * entrySize);
    });
  }

  setControls(c: Controls): void {
    const { cpu, mode } = this;
    const base = mode.entrySize === 4 ? CR4_PSE : CR4_PAE | (mode.name.startsWith('5') ? CR4_LA57 : 0);
    cpu.cr4 = base | (c.smep ? CR4_SMEP : 0) | (c.smap ? CR4_SMAP : 0);
    cpu.setMsr(EFER, BigInt((this.#isLong ? 0x501 : 0) | (c.nxe ? 0x800 : 0)));
    cpu.cr0 = CR0 | (c.wp ? CR0_WP : 0);
    cpu.eflags = c.ac ? EFLAGS_AC | 2 : 2;
  }

  /** Gives the walk these entries, accessed and dirty clear; `extra` bits go into entry `extraLevel`. The TLB is emptied. */
  setEntries(entries: readonly Entry[], extraLevel = -1, extra = 0n): void {
    this.#entries = entries.map((entry, n) => {
      const isLast = n === entries.length - 1;
      const address = isLast ? (this.mode.isLarge ? LARGE : BigInt(PAGE)) : BigInt(TABLES + 0x1000 * (n + 1));
      const rights =
        (entry.present ? 1n : 0n) |
        (entry.writable ? 2n : 0n) |
        (entry.user ? 4n : 0n) |
        (entry.executeDisable ? 1n << 63n : 0n);
      return address | rights | (n === extraLevel ? extra : 0n);
    });
    this.#entries.forEach((entry, n) => {
      this.#put(n, entry);
    });
    this.cpu.flushTlb();
  }

  #put(level: number, value: bigint): void {
    const at = this.#places[level]!;
    if (this.mode.entrySize === 8) this.#memory.setBigUint64(at, value, true);
    else this.#memory.setUint32(at, Number(value & 0xffff_ffffn), true);
  }

  /** What the processor has set in the entries: A as 1, D as 2, anything else as 4; from the top. */
  changes(): number[] {
    return this.#entries.map((entry, n) => {
      const at = this.#places[n]!;
      const now =
        this.mode.entrySize === 8 ? this.#memory.getBigUint64(at, true) : BigInt(this.#memory.getUint32(at, true));
      const changed = now ^ (this.mode.entrySize === 8 ? entry : entry & 0xffff_ffffn);
      return (changed & BIT_A ? 1 : 0) | (changed & BIT_D ? 2 : 0) | (changed & ~(BIT_A | BIT_D) ? 4 : 0);
    });
  }

  /** Makes an access; the error code of its page fault, undefined without one. */
  access(access: Access): number | undefined {
    this.cpu.cpl = access.cpl;
    if (access.implicit) return this.#implicit(access.kind === 'write');
    if (access.kind === 'fetch') return this.#fetch();
    const isWrite = access.kind === 'write';
    this.cpu.view.setBigUint64(GPR + 8 * 3, this.#linear + BigInt(PAGE + (isWrite ? WRITE_OFFSET : 0)), true);
    return this.#execute([isWrite ? 0x89 : 0x8b, 0x03]);
  }

  #execute(bytes: readonly number[]): number | undefined {
    const fault = this.cpu.ring0.execute(bytes);
    if (fault !== undefined && fault.vector !== 14) throw new Error(`vector ${fault.vector} instead of a page fault`);
    return fault?.error;
  }

  /** MOV FS reads a descriptor in the page, and writes it if it was not accessed before. */
  #implicit(writes: boolean): number | undefined {
    this.#memory.setBigUint64(PAGE + 8, ACCESSED, true);
    this.#memory.setBigUint64(PAGE + 16, NOT_ACCESSED, true);
    this.cpu.view.setBigUint64(GDTR_BASE, this.#linear + BigInt(PAGE), true);
    this.cpu.setReg(1, writes ? 0x13 : 0x0b);
    const error = this.#execute([0x8e, 0xe1]);
    this.cpu.view.setBigUint64(GDTR_BASE, BigInt(GDT), true);
    return error;
  }

  /** A NOP at the page; a fault goes through the IDT to the doorway. */
  #fetch(): number | undefined {
    const { cpu } = this;
    const flags = cpu.eflags;
    cpu.rip = this.#linear + BigInt(PAGE);
    cpu.setReg64(4, BigInt(STACK));
    const stop = cpu.run({ instructions: cpu.instructions + 1 });
    cpu.eflags = flags;
    if (stop.reason === 'deadline') return undefined;
    const raised = cpu.exceptions().at(-1)!;
    if (raised.vector !== 14) throw new Error(`vector ${raised.vector} instead of a page fault`);
    return raised.error;
  }
}
