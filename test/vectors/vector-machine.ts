// The machine that hardware vectors assume: a process at CPL 3 of a kernel with paging, whose memory map, descriptors and
// gates lie where the recorder had them. All gates lead to the doorway, so an exception is seen as the frame the CPU pushed.
import { Cpu } from '../../src/cpu/cpu.ts';
import { INTERRUPTIBILITY, LDTR, PDPTE, TR } from '../../asm/layout.ts';
import type { Vector, VectorMeta } from './vector-file.ts';
import { compareFpState, loadFpState } from './fp-state.ts';
import { HAS_SEGMENTS, OS_EMULATED } from './vector-file.ts';

/** Supervisor pages, far from anything a vector touches; physical memory is at the same offsets from PHYSICAL. */
const SYSTEM = 0x1000_0000;
const PHYSICAL = 0x10_0000;
const DOORWAY = SYSTEM + 0x1000;
const DOORWAY_PAGE = (PHYSICAL + 0x1000) >> 12;
const GDT = SYSTEM + 0x2000;
const IDT = SYSTEM + 0x3000;
const TSS = SYSTEM + 0x4000;
const LDT = SYSTEM + 0x5000;
const STACK = SYSTEM + 0x7000;
const SYSTEM_PAGES = 8;
/** Page tables, outside the linear address space. */
const TABLES = 0x18_0000;
/** The two upper levels of mode 64. */
const LONG_TABLES = 0x19_0000;
const RAM_SIZE = 0x20_0000;

const KERNEL_CODE = 0x10;
const KERNEL_DATA = 0x18;
const USER_CODE = 0x20;
const USER_DATA = 0x28;
const USER_CODE_64 = 0x30;
const TSS_SELECTOR = 0x40;
const LDT_SELECTOR = 0x50;

const CS = 1;
const BREAKPOINT = 3;
const GENERAL_PROTECTION = 13;
const RF = 0x1_0000;
/** Vectors that push an error code. */
const WITH_ERROR: ReadonlySet<number> = new Set([8, 10, 11, 12, 13, 14, 17]);

const PRESENT = 1n;
const WRITABLE = 2n;
const USER = 4n;
const NO_EXECUTE = 1n << 63n;
const FILL = 0xcc;

/** How an instruction is run: alone, or as the head of a decoded block whose next instruction is INT3. */
export type Engine = 'single' | 'block';

/** State after a vector ran. */
interface Outcome {
  exception: number;
  error: number;
  ip: bigint;
  eflags: number;
  rsp: bigint;
  cs: number;
  ss: number;
}

interface Area {
  readonly base: number;
  readonly length: number;
  readonly fill: number;
  /** What should be in it. */
  readonly expected: Uint8Array;
}

/** A machine for the vectors of one file. */
export class VectorMachine {
  readonly cpu: Cpu;
  readonly #meta: VectorMeta;
  readonly #areas: Area[];
  readonly #is16: boolean;
  readonly #is64: boolean;
  readonly #codeBase: number;

  constructor(module: WebAssembly.Module, meta: VectorMeta) {
    this.#meta = meta;
    this.#is16 = meta.mode === 16;
    this.#is64 = meta.mode === 64;
    this.#codeBase = meta.segBase?.cs ?? 0;
    const none = () => 0xffff_ffff;
    this.cpu = Cpu.create(module, {
      ramSize: RAM_SIZE,
      host: { portRead: none, portWrite() {}, mmioRead: none, mmioWrite() {}, interruptAcknowledge: () => 0 },
    });
    const areas: [number, number, number][] = [
      [...meta.code, FILL],
      ...meta.rw.map(([a, n]): [number, number, number] => [a, n, 0]),
    ];
    this.#areas = areas.map(([base, length, fill]) => {
      this.cpu.ram.fill(fill, base, base + length);
      return { base, length, fill, expected: new Uint8Array(length).fill(fill) };
    });
    this.#mapMemory();
    this.#writeTables();
    this.#setControl();
  }

  /** Runs a vector; returns what differs from the recording, in words. */
  run(v: Vector, engine: Engine): string[] {
    this.#load(v);
    const { cpu } = this;
    let stop = cpu.run({ instructions: cpu.instructions + (engine === 'single' ? 1 : 1_000_000) });
    // the fault of a branch to unmapped memory belongs to the next instruction; INT3 is already at its gate
    const isFetchFault = v.exception === 14 && v.cr2 === v.ipOut;
    if (stop.reason === 'deadline' && (isFetchFault || cpu.cpl === 0))
      stop = cpu.run({ instructions: cpu.instructions + 1 });
    const differences: string[] = [];
    if (stop.reason === 'deadline' || stop.reason === 'doorway') {
      const outcome = this.#outcome(stop.reason === 'doorway' ? stop.entry : undefined);
      if (engine === 'block' && outcome.exception === BREAKPOINT && v.exception !== BREAKPOINT) {
        outcome.exception = -1;
        outcome.ip -= 1n;
      }
      if (v.flags & OS_EMULATED) this.#compareWithoutSystem(v, outcome, differences);
      else this.#compare(v, outcome, differences);
    } else differences.push(`the CPU stopped with "${stop.reason}"`);
    this.#clean(v);
    return differences;
  }

  #mapMemory(): void {
    const { view, ram } = this.cpu;
    const put = (at: number, value: bigint) => view.setBigUint64(ram.byteOffset + at, value, true);
    const directory = TABLES + 0x1000;
    if (this.#is64) {
      put(LONG_TABLES, BigInt(LONG_TABLES + 0x1000) | PRESENT | WRITABLE | USER);
      put(LONG_TABLES + 0x1000, BigInt(directory) | PRESENT | WRITABLE | USER);
    } else put(TABLES, BigInt(directory) | PRESENT);
    const table = (n: number) => TABLES + 0x2000 + n * 0x1000;
    put(directory, BigInt(table(0)) | PRESENT | WRITABLE | USER);
    put(directory + (SYSTEM >> 21) * 8, BigInt(table(1)) | PRESENT | WRITABLE);
    const map = (base: number, length: number, rights: bigint) => {
      for (let page = base; page < base + length; page += 0x1000) {
        put(table(0) + (page >> 12) * 8, BigInt(page) | PRESENT | rights);
      }
    };
    map(...this.#meta.code, WRITABLE | USER);
    for (const area of this.#meta.rw) map(...area, WRITABLE | USER | NO_EXECUTE);
    map(...this.#meta.ro, USER | NO_EXECUTE);
    for (let n = 0; n < SYSTEM_PAGES; n++) {
      put(table(1) + n * 8, BigInt(PHYSICAL + n * 0x1000) | PRESENT | WRITABLE);
    }
  }

  #system(linear: number): number {
    return this.cpu.ram.byteOffset + linear - SYSTEM + PHYSICAL;
  }

  #descriptor(table: number, selector: number, base: number, limit: number, rights: number): void {
    const granular = limit > 0xfffff;
    const scaled = granular ? limit >>> 12 : limit;
    const at = this.#system(table + (selector & 0xfff8));
    const flags = (rights & 0xff) | (((rights >> 12) & 6) << 12) | (granular ? 0x8000 : 0);
    this.cpu.view.setUint32(at, ((base & 0xffff) << 16) | (scaled & 0xffff), true);
    const high = ((base >>> 16) & 0xff) | (flags << 8) | (scaled & 0xf0000) | (base & 0xff00_0000);
    this.cpu.view.setUint32(at + 4, high, true);
  }

  #writeTables(): void {
    const { cpu } = this;
    const flat = 0xffff_ffff;
    // rights in the VMX layout: type, S, DPL, P, L (bit 13), D (bit 14)
    this.#descriptor(GDT, KERNEL_CODE, 0, flat, 0x209b);
    this.#descriptor(GDT, KERNEL_DATA, 0, flat, 0x4093);
    this.#descriptor(GDT, USER_CODE, 0, flat, 0x40fb);
    this.#descriptor(GDT, USER_DATA, 0, flat, 0x40f3);
    this.#descriptor(GDT, USER_CODE_64, 0, flat, 0x20fb);
    this.#descriptor(GDT, TSS_SELECTOR, TSS, 0x67, 0x8b);
    cpu.gdtr = { base: GDT, limit: 0x7f };
    const gateSize = this.#is64 ? 16 : 8;
    for (let vector = 0; vector < 256; vector++) {
      const at = this.#system(IDT + gateSize * vector);
      const offset = DOORWAY + vector;
      const dpl = vector === BREAKPOINT || vector === 4 ? 3 : 0;
      cpu.view.setUint32(at, (KERNEL_CODE << 16) | (offset & 0xffff), true);
      cpu.view.setUint32(at + 4, (offset & 0xffff_0000) | 0x8e00 | (dpl << 13), true);
    }
    cpu.idtr = { base: IDT, limit: 256 * gateSize - 1 };
    cpu.view.setUint32(this.#system(TSS + 4), STACK, true);
    cpu.view.setUint32(this.#system(TSS + 8), this.#is64 ? 0 : KERNEL_DATA, true);
    cpu.view.setUint16(this.#system(TSS + 102), 0x68, true);
    const { sel, segBase } = this.#meta;
    if (!segBase) return;
    this.#descriptor(LDT, sel.cs, segBase.cs, 0xffff, 0xfb);
    for (const name of ['ds', 'es', 'ss'] as const) this.#descriptor(LDT, sel[name], segBase[name], 0xffff, 0xf3);
  }

  #setControl(): void {
    const { cpu } = this;
    // SCE, NXE, in mode 64 also LME and LMA
    cpu.setMsr(0xc000_0080, this.#is64 ? 0xd01n : 0x801n);
    cpu.cr4 = 0xe20; // PAE, OSFXSR, OSXMMEXCPT, UMIP
    cpu.cr3 = this.#is64 ? LONG_TABLES : TABLES;
    for (let n = 0; n < 4; n++) {
      const entry = cpu.view.getBigUint64(cpu.ram.byteOffset + TABLES + 8 * n, true);
      cpu.view.setBigUint64(PDPTE + 8 * n, entry, true);
    }
    cpu.cr0 = 0x8005_0033; // PG AM WP NE ET MP PE
    cpu.setSegment(TR, { selector: TSS_SELECTOR, rights: 0x8b, base: TSS, limit: 0x67 });
    this.#segments();
    const hasLdt = this.#is16;
    cpu.setSegment(
      LDTR,
      hasLdt
        ? { selector: LDT_SELECTOR, rights: 0x82, base: LDT, limit: 0x1f }
        : { selector: 0, rights: 0x1_0000, base: 0, limit: 0 },
    );
    cpu.setDoorway(DOORWAY_PAGE);
    cpu.flushTlb();
  }

  #segments(): void {
    const { sel, segBase } = this.#meta;
    const names = ['es', 'cs', 'ss', 'ds'] as const;
    if (this.#is64) {
      for (const n of [0, 3]) this.cpu.setSegment(n, { selector: 0, rights: 0x1_0000, base: 0, limit: 0 });
      this.cpu.setSegment(CS, { selector: sel.cs, rights: 0xa0fb, base: 0, limit: 0xffff_ffff });
      this.cpu.setSegment(2, { selector: sel.ss, rights: 0xc0f3, base: 0, limit: 0xffff_ffff });
    } else
      names.forEach((name, n) => {
        const type = name === 'cs' ? 0xfb : 0xf3;
        this.cpu.setSegment(
          n,
          segBase
            ? { selector: sel[name], rights: type, base: segBase[name], limit: 0xffff }
            : { selector: sel[name], rights: 0xc000 | type, base: 0, limit: 0xffff_ffff },
        );
      });
    for (const n of [4, 5]) this.cpu.setSegment(n, { selector: 0, rights: 0x1_0000, base: 0, limit: 0 });
  }

  #load(v: Vector): void {
    const { cpu } = this;
    for (const { address, bytes } of v.memory) this.#put(address, bytes);
    this.#put(this.#codeBase + v.ip, v.code);
    if (cpu.cpl !== 3 || v.flags & HAS_SEGMENTS || cpu.segment(CS).selector !== this.#meta.sel.cs) {
      cpu.cpl = 3;
      this.#segments();
    }
    v.gpr.forEach((value, n) => {
      cpu.setReg64(n, value);
    });
    cpu.rip = BigInt(v.ip);
    cpu.eflags = v.eflags;
    cpu.cr2 = 0;
    loadFpState(cpu.view, v.fp);
    cpu.view.setUint32(INTERRUPTIBILITY, 0, true);
  }

  /** Puts bytes into RAM and into what is expected there. */
  #put(address: number, bytes: Uint8Array): void {
    this.cpu.ram.set(bytes, address);
    this.cpu.notePhysicalWrite(address, bytes.length);
    this.#expect(address, bytes);
  }

  #expect(address: number, bytes: Uint8Array): void {
    for (const { base, length, expected } of this.#areas) {
      for (let n = 0; n < bytes.length; n++) {
        const at = address + n - base;
        if (at >= 0 && at < length) expected[at] = bytes[n]!;
      }
    }
  }

  #outcome(entry: number | undefined): Outcome {
    const { cpu } = this;
    if (entry === undefined) {
      return {
        exception: -1,
        error: 0,
        ip: cpu.rip,
        eflags: cpu.eflags,
        rsp: cpu.reg64(4),
        cs: cpu.segment(1).selector,
        ss: cpu.segment(2).selector,
      };
    }
    let at = this.#system(cpu.reg(4));
    const size = this.#is64 ? 8 : 4;
    const word = () => {
      at += size;
      return this.#is64 ? cpu.view.getBigUint64(at - 8, true) : BigInt(cpu.view.getUint32(at - 4, true));
    };
    const selector = () => Number(word() & 0xffffn);
    const error = WITH_ERROR.has(entry) ? Number(word()) : 0;
    return {
      exception: entry,
      error,
      ip: word(),
      cs: selector(),
      eflags: Number(word()),
      rsp: word(),
      ss: selector(),
    };
  }

  /** UMIP makes these #GP(0) where no operating system answers in their place; ICEBP is #DB. */
  #compareWithoutSystem(v: Vector, outcome: Outcome, differences: string[]): void {
    const expected = v.form.name === 'icebp' ? 1 : GENERAL_PROTECTION;
    const ip = BigInt(expected === 1 ? v.ip + v.code.length : v.ip);
    number(differences, 'exception', outcome.exception, expected);
    word(differences, 'ip', outcome.ip, ip);
    this.#compareRegisters(v, outcome, v.gpr, differences);
  }

  #compare(v: Vector, outcome: Outcome, differences: string[]): void {
    number(differences, 'exception', outcome.exception, v.exception);
    if (outcome.exception === v.exception && v.exception >= 0) {
      number(differences, 'error code', outcome.error, v.error);
      if (v.exception === 14) word(differences, 'cr2', this.cpu.cr2Wide, v.cr2);
    }
    word(differences, 'ip', outcome.ip, v.ipOut);
    this.#compareRegisters(v, outcome, v.gprOut, differences);
    const mask = ~(v.undefinedFlags | RF);
    if ((outcome.eflags ^ v.eflagsOut) & mask) {
      differences.push(`flags ${flagText(outcome.eflags & mask)} instead of ${flagText(v.eflagsOut & mask)}`);
    }
    if (v.segmentsOut) {
      const segments = [this.cpu.segment(0).selector, outcome.cs, outcome.ss, this.cpu.segment(3).selector];
      segments.forEach((selector, n) => {
        number(differences, ['es', 'cs', 'ss', 'ds'][n]!, selector, v.segmentsOut![n]!);
      });
    }
    if (v.fpOut) differences.push(...compareFpState(this.cpu.view, v));
    this.#compareMemory(v, differences);
  }

  #compareRegisters(v: Vector, outcome: Outcome, expected: readonly bigint[], differences: string[]): void {
    expected.forEach((value, n) => {
      const found = n === 4 ? outcome.rsp : this.cpu.reg64(n);
      if (!((v.undefinedGpr >> n) & 1)) word(differences, NAMES[n] ?? `r${n}`, found, value);
    });
  }

  #compareMemory(v: Vector, differences: string[]): void {
    const { ram } = this.cpu;
    for (const { address, bytes } of v.memoryOut) this.#expect(address, bytes);
    for (const { address, length } of v.undefinedMemory) this.#expect(address, ram.slice(address, address + length));
    for (const { base, length, expected } of this.#areas) {
      const actual = ram.subarray(base, base + length);
      if (Buffer.compare(actual, expected) === 0) continue;
      const at = actual.findIndex((byte, n) => byte !== expected[n]);
      number(differences, `byte at ${hex(base + at)}`, actual[at]!, expected[at]!);
    }
  }

  /** Puts the areas back as they were. */
  #clean(v: Vector): void {
    const { ram } = this.cpu;
    for (const { base, length, fill, expected } of this.#areas) {
      for (const { address, length: size } of [
        ...[...v.memory, ...v.memoryOut].map((w) => ({ address: w.address, length: w.bytes.length })),
        ...v.undefinedMemory,
        { address: this.#codeBase + v.ip, length: v.code.length },
      ]) {
        const from = Math.max(address - base, 0);
        const to = Math.min(address + size - base, length);
        if (from < to) expected.fill(fill, from, to);
      }
      if (Buffer.compare(ram.subarray(base, base + length), expected) !== 0) {
        ram.set(expected, base);
        this.cpu.notePhysicalWrite(base, length);
      }
    }
  }
}

const NAMES = ['rax', 'rcx', 'rdx', 'rbx', 'rsp', 'rbp', 'rsi', 'rdi'];

function hex(value: number): string {
  return (value >>> 0).toString(16);
}

function word(differences: string[], what: string, found: bigint, expected: bigint): void {
  if (found !== expected) differences.push(`${what} ${found.toString(16)} instead of ${expected.toString(16)}`);
}

function number(differences: string[], what: string, found: number, expected: number): void {
  if (found >>> 0 === expected >>> 0) return;
  const text = (value: number) => (what === 'exception' && value < 0 ? 'none' : hex(value));
  differences.push(`${what} ${text(found)} instead of ${text(expected)}`);
}

function flagText(flags: number): string {
  const letters: [string, number][] = [
    ['O', 11],
    ['D', 10],
    ['S', 7],
    ['Z', 6],
    ['A', 4],
    ['P', 2],
    ['C', 0],
  ];
  const rest = flags & ~0xcd5;
  return `${letters.map(([letter, bit]) => ((flags >> bit) & 1 ? letter : '-')).join('')}+${hex(rest)}`;
}
