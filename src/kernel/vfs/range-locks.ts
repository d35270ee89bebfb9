// The locked ranges of one file (fcntl(2) "Advisory record locking"): those of each owner are sorted and disjoint, so that
// setting one of many takes no longer than setting one of few.
import type { Pid } from '../ns/pid-namespace.ts';
import type { FdTable } from './fd-table.ts';
import type { FileDescription } from './file.ts';

/** Who has a range: a process, by its descriptors, or an open file. */
export type RangeOwner = FdTable | FileDescription;

/** A locked range of bytes. */
export interface RangeLock {
  readonly owner: RangeOwner;
  /** The process that asked; undefined for an open file's. */
  readonly pid: Pid | undefined;
  readonly exclusive: boolean;
  readonly start: number;
  /** Last byte; infinite for the end of the file. */
  readonly last: number;
}

/** The ranges of all owners. */
export class RangeLocks {
  readonly #owners = new Map<RangeOwner, RangeLock[]>();
  count = 0;

  /** All, in the order of where they begin. */
  all(): RangeLock[] {
    return [...this.#owners.values()].flat().sort((a, b) => a.start - b.start);
  }

  /** The first lock of somebody else that a range would meet. */
  conflict({ owner, exclusive, start, last }: RangeLock): RangeLock | undefined {
    let first: RangeLock | undefined;
    for (const [other, locks] of this.#owners) {
      if (other === owner) continue;
      for (let n = firstEndingAt(locks, start); n < locks.length && locks[n]!.start <= last; n++) {
        const lock = locks[n]!;
        if (!lock.exclusive && !exclusive) continue;
        if (first === undefined || lock.start < first.start) first = lock;
        break;
      }
    }
    return first;
  }

  /** Sets a range that meets nothing; what the owner had there is replaced, and what touches it becomes one. */
  set(range: RangeLock): void {
    this.clear(range);
    const locks = this.#owners.get(range.owner) ?? [];
    this.#owners.set(range.owner, locks);
    let { start, last } = range;
    let at = firstEndingAt(locks, start);
    const before = locks[at - 1];
    if (before !== undefined && before.exclusive === range.exclusive && before.last + 1 === start) {
      at--;
      start = before.start;
      locks.splice(at, 1);
      this.count--;
    }
    const after = locks[at];
    if (after !== undefined && after.exclusive === range.exclusive && last + 1 === after.start) {
      last = after.last;
      locks.splice(at, 1);
      this.count--;
    }
    locks.splice(at, 0, { ...range, start, last });
    this.count++;
  }

  /** The owner has nothing there any more. */
  clear({ owner, start, last }: RangeLock): void {
    const locks = this.#owners.get(owner);
    if (locks === undefined) return;
    const from = firstEndingAt(locks, start);
    let to = from;
    while (to < locks.length && locks[to]!.start <= last) to++;
    if (from === to) return;
    const [head, tail] = [locks[from]!, locks[to - 1]!];
    const rest: RangeLock[] = [];
    if (head.start < start) rest.push({ ...head, last: start - 1 });
    if (tail.last > last) rest.push({ ...tail, start: last + 1 });
    locks.splice(from, to - from, ...rest);
    this.count += rest.length - (to - from);
    if (locks.length === 0) this.#owners.delete(owner);
  }

  /** All of an owner go; false when it has none. */
  clearAll(owner: RangeOwner): boolean {
    const locks = this.#owners.get(owner);
    if (locks === undefined) return false;
    this.count -= locks.length;
    return this.#owners.delete(owner);
  }
}

/** Index of the first range that ends at a place or behind it. */
function firstEndingAt(locks: readonly RangeLock[], place: number): number {
  let low = 0;
  let high = locks.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (locks[middle]!.last < place) low = middle + 1;
    else high = middle;
  }
  return low;
}
