// The guest's breakpoints: in the real debug registers while the guest runs, and looked after by hand where the VMM makes
// an access in the guest's place (SDM Vol. 3 "Debug Registers", "Debug Exceptions").

import type { Ring0 } from '../cpu/ring0.ts';
import type { Fields } from '../machine/stateful.ts';
import { booleanField } from '../machine/stateful.ts';
import type { Machine } from '../pc/machine.ts';
import type { GuestMemory } from './guest-memory.ts';
import { REGION_LINEAR } from './host-memory.ts';
import type { Vcpu } from './vcpu.ts';

/** DR6: single step. */
export const DR6_BS = 0x4000;
const DR6_CLEAR = 0xffff_0ff0;
const ENABLES = 0xff;
const KIND_EXECUTE = 0;
const KIND_PORT = 2;
const KIND_ACCESS = 3;
const LENGTHS = [1, 2, 8, 4] as const;

/** The debug registers of one virtual CPU. */
export class GuestDebug {
  readonly #machine: Machine;
  readonly #access: Ring0;
  readonly #vcpu: Vcpu;
  readonly #memory: GuestMemory;
  /** Breakpoints are enabled in the real registers. */
  #active = false;

  constructor(machine: Machine, vcpu: Vcpu, memory: GuestMemory) {
    this.#machine = machine;
    this.#access = machine.cpu.ring0;
    this.#vcpu = vcpu;
    this.#memory = memory;
  }

  /** What the real DR6 says, which is cleared: the VMM keeps the guest's. */
  takeStatus(): number {
    this.#access.charge('dr-access');
    const status = this.#machine.cpu.dr(6) & 0xe00f;
    if (status !== 0) this.#write(6, DR6_CLEAR);
    return status;
  }

  /** The guest's breakpoints go into the real registers, except those on the VMM's own addresses and on ports. */
  load(): void {
    const { dr } = this.#vcpu;
    let enabled = dr[7]! & 0xffff_00ff;
    for (let n = 0; n < 4; n++) {
      const isForeign = dr[n]! >>> 0 >= REGION_LINEAR - 8 || this.#kind(n) === KIND_PORT;
      if (isForeign) enabled &= ~(3 << (2 * n));
    }
    if (!(enabled & ENABLES) && !this.#active) return;
    this.#active = (enabled & ENABLES) !== 0;
    for (let n = 0; n < 4; n++) this.#write(n, dr[n]!);
    this.#write(7, (enabled | 0x400) >>> 0);
  }

  /** The guest has enabled a breakpoint on an instruction. */
  get stopsAtInstructions(): boolean {
    const enables = this.#vcpu.dr[7]! & ENABLES;
    return [0, 1, 2, 3].some((n) => (enables & (3 << (2 * n))) !== 0 && this.#kind(n) === KIND_EXECUTE);
  }

  /** Before an instruction is emulated: its accesses will be noted if a breakpoint could want them. */
  watch(): void {
    if (this.#vcpu.dr[7]! & ENABLES) this.#memory.accesses = [];
  }

  /** After it: DR6 bits of the breakpoints it hit. */
  hits(): number {
    const accesses = this.#memory.accesses;
    this.#memory.accesses = undefined;
    if (!accesses) return 0;
    const { dr } = this.#vcpu;
    let hits = 0;
    for (let n = 0; n < 4; n++) {
      const kind = this.#kind(n);
      if (!(dr[7]! & (3 << (2 * n))) || kind === KIND_EXECUTE || kind === KIND_PORT) continue;
      const length = LENGTHS[(dr[7]! >>> (18 + 4 * n)) & 3]!;
      const start = (dr[n]! & ~(length - 1)) >>> 0;
      for (const { linear, size, write } of accesses) {
        if ((write || kind === KIND_ACCESS) && linear < start + length && start < linear + size) hits |= 1 << n;
      }
    }
    return hits;
  }

  #kind(n: number): number {
    return (this.#vcpu.dr[7]! >>> (16 + 4 * n)) & 3;
  }

  #write(n: number, value: number): void {
    const { cpu } = this.#machine;
    const kept = cpu.reg(0);
    cpu.setReg(0, value);
    this.#access.execute([0x0f, 0x23, 0xc0 | (n << 3)]);
    cpu.setReg(0, kept);
  }

  save(): Fields {
    return { active: this.#active };
  }

  restore(fields: Fields): void {
    this.#active = booleanField(fields, 'active');
  }
}
