// Real-address mode: no paging, no privilege, and an exception leaves its frame on the vector's own stack.
import { SS } from '../../asm/layout.ts';
import type { Cpu } from '../../src/cpu/cpu.ts';
import type { Engine, Outcome, Surroundings } from './surroundings.ts';
import type { Vector, VectorMeta } from './vector-file.ts';
import { HAS_SEGMENTS } from './vector-file.ts';

/** Below 1 MByte and away from everything a vector touches. */
const DOORWAY = 0x7_0000;
const VECTOR_TABLE = 0;
const CS = 1;
const PAGE_FAULT = 14;
const GENERAL_PROTECTION = 13;
const INTERRUPT_FLAG_AND_IOPL = 0x3200;
const ALIGNMENT_CHECK = 0x4_0000;
const FRAME = 6;

export class RealMode implements Surroundings {
  readonly #cpu: Cpu;
  readonly #meta: VectorMeta;

  constructor(cpu: Cpu, meta: VectorMeta) {
    this.#cpu = cpu;
    this.#meta = meta;
    for (let vector = 0; vector < 256; vector++) {
      cpu.view.setUint32(cpu.ram.byteOffset + VECTOR_TABLE + 4 * vector, ((DOORWAY >> 4) << 16) | vector, true);
    }
    cpu.idtr = { base: VECTOR_TABLE, limit: 0x3ff };
    cpu.cr4 = 0x600; // OSFXSR, OSXMMEXCPT
    cpu.cr0 = 0x5_0032; // AM WP NE ET MP
    cpu.setDoorway(DOORWAY >> 12);
    this.#segments();
    cpu.flushTlb();
  }

  enter(eflags: number, reload: boolean): void {
    if (reload || this.hasLeft()) this.#segments();
    this.#cpu.eflags = eflags;
  }

  #segments(): void {
    for (const [n, name] of (['es', 'cs', 'ss', 'ds'] as const).entries()) {
      const base = this.#meta.segBase![name];
      this.#cpu.setSegment(n, { selector: base >> 4, rights: 0x93, base, limit: 0xffff });
    }
  }

  hasLeft(): boolean {
    return this.#cpu.segment(CS).base === DOORWAY;
  }

  outcome(entry: number | undefined): Outcome {
    const cpu = this.#cpu;
    const ss = cpu.segment(SS);
    const esp = cpu.reg(4);
    if (entry === undefined) {
      const cs = cpu.segment(CS).selector;
      return {
        exception: -1,
        error: undefined,
        ip: cpu.rip,
        eflags: cpu.eflags,
        rsp: cpu.reg64(4),
        cs,
        ss: ss.selector,
      };
    }
    const place = (n: number) => Number(ss.base) + ((esp + 2 * n) & 0xffff);
    const word = (n: number) => cpu.view.getUint16(cpu.ram.byteOffset + place(n), true);
    return {
      exception: entry,
      error: undefined,
      ip: BigInt(word(0)),
      cs: word(1),
      eflags: (cpu.eflags & ~0xffff) | word(2),
      rsp: BigInt(((esp & ~0xffff) | ((esp + FRAME) & 0xffff)) >>> 0),
      ss: ss.selector,
      touched: [0, 1, 2].map((n) => ({ address: place(n), length: 2 })),
    };
  }

  /** Not what paging and CPL 3 made of it, and not ARPL, which is not recognized. */
  holds(v: Vector, engine: Engine): boolean {
    // an odd stack pointer so low leaves a handler no stack: shutdown
    const sp = Number(v.gprOut[4]! & 0xffffn);
    if (sp & 1 && sp < FRAME && (engine === 'block' || v.exception >= 0)) return false;
    if (v.exception === PAGE_FAULT || v.flags & HAS_SEGMENTS || v.form.name === 'arpl') return false;
    const isPrivileged = this.#meta.group === 'priv' || v.form.name === 'int';
    return !(isPrivileged && v.exception === GENERAL_PROTECTION);
  }

  /** POPF may change IF and IOPL here, and delivery clears AC. */
  ignoredFlags(v: Vector, outcome: Outcome): number {
    return (v.form.name === 'popf' ? INTERRUPT_FLAG_AND_IOPL : 0) | (outcome.touched ? ALIGNMENT_CHECK : 0);
  }
}
