// Memory of one object of the kernel that grows and shrinks with what is stored in it, such as a pipe or a socket: charged to
// the control group of the task that makes it grow, in whole pages.
import { PAGE_SIZE } from '../platform.ts';
import type { KernelCharge, MemoryController } from './memory.ts';
import type { MemoryKind } from './memory-group.ts';

/** What is stored in an object. */
export class KernelObject {
  /** Bytes stored. */
  bytes = 0;
  readonly #memory: MemoryController;
  readonly #kind: MemoryKind;
  readonly #charges: KernelCharge[] = [];
  #charged = 0;

  constructor(memory: MemoryController, kind: MemoryKind) {
    this.#memory = memory;
    this.#kind = kind;
  }

  /** Bytes come (or go, when negative). @throws OutOfFrames, with nothing changed */
  add(count: number): void {
    const bytes = Math.max(0, this.bytes + count);
    this.#resize(Math.ceil(bytes / PAGE_SIZE));
    this.bytes = bytes;
  }

  /** Nothing is stored any more. */
  clear(): void {
    this.add(-this.bytes);
  }

  #resize(pages: number): void {
    while (this.#charged < pages) {
      this.#charges.push(this.#memory.chargeObjects({ [this.#kind]: PAGE_SIZE }));
      this.#charged++;
    }
    for (; this.#charged > pages; this.#charged--) this.#memory.uncharge(this.#charges.pop()!);
  }
}
