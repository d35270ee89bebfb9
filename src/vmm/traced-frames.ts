// Guest frames that the guest may not write unseen: shadow tables, shadow address spaces or translated code were derived from
// them (Adams & Agesen 2006, section 2.2 "Tracing").
import type { Space, Table } from './shadow-space.ts';

/** What was derived from each frame, by one kind. */
class Derived<T> {
  readonly #by = new Map<number, T[]>();

  has(frame: number): boolean {
    return this.#by.has(frame);
  }

  /** As they are now: a list of its own. */
  of(frame: number): readonly T[] {
    return [...(this.#by.get(frame) ?? [])];
  }

  add(frame: number, item: T): void {
    const items = this.#by.get(frame);
    if (!items) this.#by.set(frame, [item]);
    else if (!items.includes(item)) items.push(item);
  }

  delete(frame: number, item: T): void {
    const rest = this.of(frame).filter((other) => other !== item);
    if (rest.length > 0) this.#by.set(frame, rest);
    else this.#by.delete(frame);
  }

  clear(): void {
    this.#by.clear();
  }
}

/** Which frames are traced, and why. */
export class TracedFrames {
  /** Page tables of the guest, with the shadow tables that mirror them. */
  readonly tables = new Derived<Table>();
  /** Upper-level tables, with the spaces made from them. */
  readonly directories = new Derived<Space>();
  /** Frames with translated code. */
  readonly code = new Set<number>();

  /** Writes to this guest frame must be reported. */
  has(frame: number): boolean {
    return this.tables.has(frame) || this.directories.has(frame) || this.code.has(frame);
  }

  /** Nothing is derived from page tables any more; translated code stays. */
  forgetTables(): void {
    this.tables.clear();
    this.directories.clear();
  }
}
