// Protected mode at CPL 3 as the recorder had it: paging, descriptors, gates that all lead to the doorway, so that an exception
// is seen as the frame the CPU pushed. Virtual-8086 mode needs the same surroundings.
import { LDTR, PDPTE, TR } from '../../asm/layout.ts';
import type { Cpu } from '../../src/cpu/cpu.ts';
import { type Engine, type Outcome, type Surroundings, WITH_ERROR } from './surroundings.ts';
import type { Vector, VectorMeta } from './vector-file.ts';
import { HAS_SEGMENTS } from './vector-file.ts';

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

const KERNEL_CODE = 0x10;
const KERNEL_DATA = 0x18;
const USER_CODE = 0x20;
const USER_DATA = 0x28;
const USER_CODE_64 = 0x30;
const TSS_SELECTOR = 0x40;
const LDT_SELECTOR = 0x50;

const CS = 1;
const BREAKPOINT = 3;
const VM = 0x2_0000;

const PRESENT = 1n;
const WRITABLE = 2n;
const USER = 4n;
const NO_EXECUTE = 1n << 63n;

export class ProtectedMode implements Surroundings {
  protected readonly cpu: Cpu;
  protected readonly meta: VectorMeta;
  readonly #is64: boolean;

  constructor(cpu: Cpu, meta: VectorMeta) {
    this.cpu = cpu;
    this.meta = meta;
    this.#is64 = meta.mode === 64;
    this.#mapMemory();
    this.#writeTables();
    this.#setControl();
  }

  enter(eflags: number, reload: boolean): void {
    const { cpu } = this;
    if (reload || cpu.cpl !== 3) {
      cpu.cpl = 3;
      this.segments();
    }
    cpu.eflags = eflags;
  }

  hasLeft(): boolean {
    return this.cpu.cpl === 0;
  }

  holds(_v: Vector, _engine: Engine): boolean {
    return true;
  }

  ignoredFlags(_v: Vector, _outcome: Outcome): number {
    return 0;
  }

  outcome(entry: number | undefined): Outcome {
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
    map(...this.meta.code, WRITABLE | USER);
    for (const area of this.meta.rw) map(...area, WRITABLE | USER | NO_EXECUTE);
    map(...this.meta.ro, USER | NO_EXECUTE);
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
    const { sel, segBase } = this.meta;
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
    this.segments();
    const hasLdt = this.meta.mode === 16;
    cpu.setSegment(
      LDTR,
      hasLdt
        ? { selector: LDT_SELECTOR, rights: 0x82, base: LDT, limit: 0x1f }
        : { selector: 0, rights: 0x1_0000, base: 0, limit: 0 },
    );
    cpu.setDoorway(DOORWAY_PAGE);
    cpu.flushTlb();
  }

  protected segments(): void {
    const { sel, segBase } = this.meta;
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
}

/** Instructions that are sensitive to IOPL, or not recognized, in virtual-8086 mode. */
const NOT_VIRTUAL = new Set(['pushf', 'popf', 'int', 'arpl', 'lldt', 'ltr']);

/** Virtual-8086 mode with IOPL 0: user mode too, so page faults and privileged instructions are as recorded. */
export class Virtual8086Mode extends ProtectedMode {
  override enter(eflags: number, reload: boolean): void {
    super.enter(eflags | VM, reload);
  }

  override holds(v: Vector): boolean {
    return !NOT_VIRTUAL.has(v.form.name) && !(v.flags & HAS_SEGMENTS);
  }

  override ignoredFlags(): number {
    return VM;
  }

  protected override segments(): void {
    const { segBase } = this.meta;
    for (const [n, name] of (['es', 'cs', 'ss', 'ds'] as const).entries()) {
      const base = segBase![name];
      this.cpu.setSegment(n, { selector: base >> 4, rights: 0xf3, base, limit: 0xffff });
    }
    for (const n of [4, 5]) this.cpu.setSegment(n, { selector: 0, rights: 0xf3, base: 0, limit: 0xffff });
  }
}
