// The VMM's side of the memory it shares with translated code: stores only what changed, and remembers what it stored.

import type { Field } from '../../../machine/stateful.ts';
import type { Machine } from '../../../pc/machine.ts';
import type { HostAccess } from '../../host-access.ts';
import { AREA_OFFSET, regionPhysical } from '../../host-memory.ts';
import type { Vcpu } from '../../vcpu.ts';
import * as area from './area.ts';
import { areaLinear } from './area.ts';

/** Charged access to the area. */
export class SharedArea {
  readonly #access: HostAccess;
  readonly #memory: DataView;
  readonly #stored = new Map<number, number>();

  constructor(machine: Machine) {
    this.#access = machine.cpu.ring0;
    const { ram } = machine.cpu;
    this.#memory = new DataView(ram.buffer, ram.byteOffset + regionPhysical(AREA_OFFSET));
  }

  /** Stores a word, unless it is there already. */
  store(offset: number, value: number): void {
    if (this.#stored.get(offset) === value) return;
    this.#stored.set(offset, value);
    this.#access.tryStore(areaLinear(offset), 4, value >>> 0);
  }

  load(offset: number): number {
    return this.#access.tryLoad(areaLinear(offset), 4)!;
  }

  /** Reads a word without a charge, for counters. */
  peek(offset: number): number {
    return this.#memory.getUint32(offset, true);
  }

  /** Reads a word that translated code changes. */
  loadShared(offset: number): number {
    const value = this.load(offset);
    this.#stored.set(offset, value);
    return value;
  }

  /** The word is out of date: the next store is made. */
  forget(offset: number): void {
    this.#stored.delete(offset);
  }

  isKnown(offset: number): boolean {
    return this.#stored.has(offset);
  }

  /** What translated code reads in place of control registers. */
  storeControls({ cr0, cr2, cr3, cr4 }: Vcpu): void {
    this.store(area.CONTROL, cr0);
    this.store(area.CONTROL + 8, cr2);
    this.store(area.CONTROL + 12, cr3);
    this.store(area.CONTROL + 16, cr4);
  }

  save(): Field {
    return [...this.#stored].map(([offset, value]) => [offset, value]);
  }

  restore(saved: Field): void {
    this.#stored.clear();
    for (const [offset, value] of saved as [number, number][]) this.#stored.set(offset, value);
  }
}
