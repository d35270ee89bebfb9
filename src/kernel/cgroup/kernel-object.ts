// Memory of one object of the kernel that grows and shrinks with what is stored in it, such as a pipe or a socket: charged to
// the control group of the task that makes it grow, in whole pages.
import { PAGE_SIZE } from '../platform.ts';
import type { MemoryController } from './memory.ts';
import type { MemoryGroup, MemoryKind } from './memory-group.ts';

/** What is stored in an object. */
export class KernelObject {
  /** Bytes stored. */
  bytes = 0;
  readonly #memory: MemoryController;
  readonly #kind: MemoryKind;
  /** Who pays for each page. */
  readonly #payers: MemoryGroup[] = [];

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
    const payers = this.#payers;
    while (payers.length < pages) payers.push(this.#memory.chargePage(this.#kind));
    while (payers.length > pages) this.#memory.unchargePage(payers.pop()!, this.#kind);
  }
}
