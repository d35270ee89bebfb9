// Memory of one object of the kernel that grows and shrinks with what is stored in it, such as a pipe or a socket: charged to
// the control group of the task that makes it grow, in whole pages.
import { PAGE_SIZE } from '../platform.ts';
import type { MemoryController } from './memory.ts';
import type { MemoryGroup, MemoryKind } from './memory-group.ts';

/** What each piece of what is stored takes besides its bytes, about. */
const PART_BYTES = 512;

/** Memory of an object that does not change its size. */
export class FixedObject {
  readonly #memory: MemoryController;
  readonly #bytes: number;
  #payer: MemoryGroup | undefined;

  /** @throws OutOfFrames */
  constructor(memory: MemoryController, bytes: number) {
    this.#memory = memory;
    this.#bytes = bytes;
    this.#payer = memory.chargeKind('slab', bytes);
  }

  /** The object is gone. */
  free(): void {
    if (this.#payer !== undefined) this.#memory.unchargeKind(this.#payer, 'slab', this.#bytes);
    this.#payer = undefined;
  }
}

/** What is stored in an object: bytes, in pieces each of which takes some memory of its own. */
export class KernelObject {
  /** Bytes stored, and pieces. */
  bytes = 0;
  parts = 0;
  readonly #memory: MemoryController;
  readonly #kind: MemoryKind;
  /** Who pays for each page. */
  readonly #payers: MemoryGroup[] = [];

  constructor(memory: MemoryController, kind: MemoryKind) {
    this.#memory = memory;
    this.#kind = kind;
  }

  /** Bytes and pieces come (or go, when negative). @throws OutOfFrames, with nothing changed */
  add(count: number, parts = 0): void {
    this.set(Math.max(0, this.bytes + count), Math.max(0, this.parts + parts));
  }

  /** So much is stored now. @throws OutOfFrames, with nothing changed */
  set(bytes: number, parts = 0): void {
    this.#resize(Math.ceil((bytes + parts * PART_BYTES) / PAGE_SIZE));
    this.bytes = bytes;
    this.parts = parts;
  }

  /** Nothing is stored any more. */
  clear(): void {
    this.set(0);
  }

  #resize(pages: number): void {
    const before = this.#payers.length;
    try {
      while (this.#payers.length < pages) this.#payers.push(this.#memory.chargeKind(this.#kind, PAGE_SIZE));
    } catch (failure) {
      this.#giveBack(before);
      throw failure;
    }
    this.#giveBack(pages);
  }

  #giveBack(pages: number): void {
    const payers = this.#payers;
    while (payers.length > pages) this.#memory.unchargeKind(payers.pop()!, this.#kind, PAGE_SIZE);
  }
}
