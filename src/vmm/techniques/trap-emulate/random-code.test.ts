// Random kernel code under trap-emulate: whatever it does, the memory of the VMM stays as it is.
import { describe, expect, it } from 'vitest';
import { loadCore } from '../../../../test/core.ts';
import { findProfile } from '../../cost/index.ts';
import {
  AREA_OFFSET,
  GDT_OFFSET,
  GDT_SIZE,
  GUEST_BASE,
  HOST_CODE,
  HOST_TSS,
  LDT_OFFSET,
  POOL_PHYSICAL,
  REGION_LINEAR,
  regionPhysical,
  STACK_OFFSET,
  STACK_SIZE,
} from '../../host-memory.ts';
import { CODE, CODE_LENGTH, Random, randomCode, randomKernel } from './random-code.ts';
import { TrapEmulateVmm } from './trap-emulate.ts';

const MEMORY = 2 << 20;
/** Length of a case. Time is limited too: one repeated string instruction on nothing can take a million cycles. */
const INSTRUCTIONS = 200;
const CYCLES = 120_000;
/** Shadow page tables made in one case lie below. */
const POOL_USED = POOL_PHYSICAL + 0x10_0000;
const SCRATCH = AREA_OFFSET + 0xf00;
/** What of the VMM's memory the VMM itself writes while a guest runs: the rest of [0, POOL_PHYSICAL) never changes. */
const WRITTEN: readonly (readonly [number, number])[] = [
  [regionPhysical(GDT_OFFSET), regionPhysical(GDT_OFFSET + HOST_CODE)],
  [regionPhysical(GDT_OFFSET + HOST_TSS), regionPhysical(GDT_OFFSET + HOST_TSS + 8)],
  [regionPhysical(STACK_OFFSET), regionPhysical(STACK_OFFSET + STACK_SIZE)],
  [regionPhysical(SCRATCH), regionPhysical(SCRATCH + 16)],
  [regionPhysical(LDT_OFFSET), regionPhysical(LDT_OFFSET + GDT_SIZE)],
];

/** A VMM whose guest stands before its random code, and the way back there. */
class Laboratory {
  readonly vmm: TrapEmulateVmm;
  readonly tables: readonly number[];
  readonly #ram: Buffer;
  readonly #before: Buffer;
  readonly #parts: readonly (() => void)[];

  constructor(paging: boolean) {
    const kernel = randomKernel(paging);
    this.tables = kernel.tables;
    const profile = findProfile('p4-672');
    this.vmm = new TrapEmulateVmm({ module: loadCore(), memory: MEMORY, profile, serialOut: () => {} });
    const { machine } = this.vmm;
    this.vmm.start(kernel.image, {});
    for (let n = 0; n < 100_000 && machine.cpu.eip !== kernel.ready; n++) {
      this.vmm.run({ instructions: machine.cpu.instructions + 1 });
    }
    expect(machine.cpu.eip).toBe(kernel.ready);
    const { ram } = machine.cpu;
    this.#ram = Buffer.from(ram.buffer, ram.byteOffset, ram.byteLength);
    this.#before = Buffer.from(this.#ram);
    this.#parts = machine.parts
      .filter(({ name }) => name !== 'memory')
      .map((part) => {
        const saved = part.save();
        return () => part.load(structuredClone(saved));
      });
  }

  restore(): void {
    for (const [from, to] of [
      ...WRITTEN,
      [POOL_PHYSICAL, POOL_USED] as const,
      [GUEST_BASE, GUEST_BASE + MEMORY] as const,
    ]) {
      this.#before.copy(this.#ram, from, from, to);
    }
    for (const load of this.#parts) load();
  }

  run(code: Uint8Array): string {
    const { machine } = this.vmm;
    this.#ram.set(code, GUEST_BASE + CODE);
    machine.cpu.flushBlocks();
    const stop = this.vmm.run({
      instructions: machine.cpu.instructions + INSTRUCTIONS,
      cycles: machine.cpu.cycles + CYCLES,
    });
    if (stop.reason === 'shutdown' && !this.vmm.stopRequested()) return `the host shut down: ${stop.report}`;
    return (
      this.#changed() ?? this.#descriptors() ?? this.#shadowTables() ?? this.#registers() ?? 'the host is as it was'
    );
  }

  #changed(): string | undefined {
    let from = 0;
    for (const [start, end] of [...WRITTEN, [POOL_PHYSICAL, POOL_PHYSICAL]] as const) {
      if (this.#ram.compare(this.#before, from, start, from, start) !== 0) {
        return `VMM memory changed in ${from.toString(16)}..${start.toString(16)}`;
      }
      from = end;
    }
    return undefined;
  }

  /** Every descriptor a guest can load stays below the VMM and outside ring 0. */
  #descriptors(): string | undefined {
    for (const [table, size] of [
      [GDT_OFFSET, HOST_CODE],
      [LDT_OFFSET, GDT_SIZE],
    ] as const) {
      for (let at = regionPhysical(table); at < regionPhysical(table) + size; at += 8) {
        const low = this.#ram.readUInt32LE(at);
        const high = this.#ram.readUInt32LE(at + 4);
        if (!(high & 0x8000)) continue;
        const raw = (low & 0xffff) | (high & 0xf_0000);
        const limit = high & 0x80_0000 ? raw * 4096 + 4095 : raw;
        const base = ((low >>> 16) | ((high & 0xff) << 16) | (high & 0xff00_0000)) >>> 0;
        const hasNoByte = (high & 0xc00) === 0x400 && limit === 0xffff_ffff;
        const expandsDown = (high & 0xc00) === 0x400;
        const reaches = expandsDown ? !hasNoByte : base + limit >= REGION_LINEAR;
        if (!(high & 0x1000) || !(high & 0x6000) || reaches) {
          return `descriptor ${(at - regionPhysical(table)).toString(16)}: ${high.toString(16)} ${low.toString(16)}`;
        }
      }
    }
    return undefined;
  }

  /** Every page the guest can reach is its own. */
  #shadowTables(): string | undefined {
    const read = (at: number): number => this.#ram.readUInt32LE(at);
    const page = (entry: number): number => (entry & 0xffff_f000) >>> 0;
    const { root } = this.vmm.shadow;
    for (let n = 0; n < 4; n++) {
      const directory = page(read(root + 8 * n));
      for (let k = 0; k < 512; k++) {
        const entry = read(directory + 8 * k);
        if (!(entry & 1)) continue;
        if (n === 3 && k >= 510) {
          if (entry & 4) return 'the VMM region is open to ring 3';
          if (this.#ram.compare(this.#before, page(entry), page(entry) + 0x1000, page(entry), page(entry) + 0x1000)) {
            return 'the tables of the VMM region changed';
          }
          continue;
        }
        for (let j = 0; j < 512; j++) {
          const leaf = read(page(entry) + 8 * j);
          if (leaf & 1 && (page(leaf) < GUEST_BASE || page(leaf) >= GUEST_BASE + MEMORY)) {
            return `page ${leaf.toString(16)} is mapped at ${(n * 512 + k).toString(16)}:${j.toString(16)}`;
          }
        }
      }
    }
    return undefined;
  }

  #registers(): string | undefined {
    const { cpu } = this.vmm.machine;
    if (cpu.gdtr.base !== REGION_LINEAR || cpu.gdtr.limit !== GDT_SIZE - 1) return 'GDTR changed';
    if (cpu.idtr.limit !== 0x7ff) return 'IDTR changed';
    if ((cpu.cr0 & 0x8001_0001) >>> 0 !== 0x8001_0001) return `CR0 is ${cpu.cr0.toString(16)}`;
    if ((cpu.cr4 & 0xa4) !== 0xa4) return `CR4 is ${cpu.cr4.toString(16)}`;
    if (cpu.cpl === 0) return undefined;
    if ((cpu.eflags & 0x2_3200) !== 0x200) return `EFLAGS is ${cpu.eflags.toString(16)}`;
    for (let n = 0; n < 6; n++) {
      const { rights, base, limit } = cpu.segment(n);
      if (rights & 0x1_0000 || (rights & 0xc) === 4) continue;
      if (base + limit >= REGION_LINEAR) return `segment register ${n} reaches the VMM`;
    }
    return undefined;
  }
}

describe('random kernel code under trap-emulate', () => {
  it.each([
    ['without paging', false, 1200],
    ['with paging', true, 1200],
  ] as const)('%s leaves the host as it was and ends', (_name, paging, cases) => {
    const laboratory = new Laboratory(paging);
    for (let seed = 1; seed <= cases; seed++) {
      const code = randomCode(new Random(seed), CODE_LENGTH, laboratory.tables);
      let outcome: string;
      try {
        outcome = laboratory.run(code);
      } catch (error) {
        outcome = `the VMM threw ${(error as Error).stack}`;
      }
      expect(outcome, `seed ${seed}`).toBe('the host is as it was');
      laboratory.restore();
    }
  });
});
