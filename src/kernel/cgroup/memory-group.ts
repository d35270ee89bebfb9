// What the memory controller counts for a group and what it allows (Documentation/admin-guide/cgroup-v2.rst "Memory"). A
// charge counts for the group and all above it; it stays where it was made until the memory is given back.
import type { FrameAccount, FrameKind } from '../mm/frames.ts';
import { PAGE_SIZE } from '../platform.ts';

/** What memory is charged for: kinds of frames, and objects of the kernel. */
export type MemoryKind = FrameKind | 'kernel_stack' | 'slab' | 'sock';

/** Keys of memory.events. */
export const MEMORY_EVENTS = ['low', 'high', 'max', 'oom', 'oom_kill', 'oom_group_kill'] as const;
/** One of those keys. */
export type MemoryEvent = (typeof MEMORY_EVENTS)[number];
type EventCounts = Record<MemoryEvent, number>;

/** Work counted in memory.stat. */
interface Activity {
  pgfault: number;
  pgmajfault: number;
  pgscan: number;
  pgsteal: number;
}

const noEvents = (): EventCounts => ({ low: 0, high: 0, max: 0, oom: 0, oom_kill: 0, oom_group_kill: 0 });

/** The memory of a group, in bytes. */
export class MemoryGroup implements FrameAccount {
  readonly parent: MemoryGroup | undefined;
  /** Groups below, also removed ones whose memory is still in use. */
  readonly children = new Set<MemoryGroup>();
  min = 0;
  low = 0;
  high = Number.POSITIVE_INFINITY;
  max = Number.POSITIVE_INFINITY;
  swapHigh = Number.POSITIVE_INFINITY;
  swapMax = Number.POSITIVE_INFINITY;
  /** memory.oom.group: who is killed for memory is killed with all of the group. */
  killsTogether = false;
  usage = 0;
  peak = 0;
  readonly kinds: Record<MemoryKind, number> = {
    anon: 0,
    file: 0,
    shmem: 0,
    pagetables: 0,
    kernel_stack: 0,
    slab: 0,
    sock: 0,
  };
  /** Events of the group and those below, and of the group alone. */
  readonly events = noEvents();
  readonly localEvents = noEvents();
  readonly activity: Activity = { pgfault: 0, pgmajfault: 0, pgscan: 0, pgsteal: 0 };
  #isRemoved = false;
  readonly #changed: (local: boolean) => void;

  /** `changed` is called when memory.events has changed, or memory.events.local too. */
  constructor(parent: MemoryGroup | undefined, changed: (local: boolean) => void) {
    this.parent = parent;
    this.#changed = changed;
    parent?.children.add(this);
  }

  /** The group and those above it. */
  *ancestry(): Iterable<MemoryGroup> {
    for (let group: MemoryGroup | undefined = this; group !== undefined; group = group.parent) yield group;
  }

  isWithin(other: MemoryGroup): boolean {
    for (const group of this.ancestry()) if (group === other) return true;
    return false;
  }

  /** The lowest group whose limit so many bytes more would pass. */
  overLimit(bytes: number): MemoryGroup | undefined {
    let group: MemoryGroup | undefined = this;
    while (group !== undefined && group.usage + bytes <= group.max) group = group.parent;
    return group;
  }

  /** Counts memory, whatever the limits. */
  charge(kind: MemoryKind, bytes: number): void {
    for (let group: MemoryGroup | undefined = this; group !== undefined; group = group.parent) {
      group.usage += bytes;
      group.kinds[kind] += bytes;
      group.peak = Math.max(group.peak, group.usage);
    }
  }

  uncharge(kind: MemoryKind, bytes: number): void {
    for (let group: MemoryGroup | undefined = this; group !== undefined; group = group.parent) {
      group.usage -= bytes;
      group.kinds[kind] -= bytes;
      group.#leaveWhenEmpty();
    }
  }

  /** A frame was given back. */
  released(kind: FrameKind): void {
    this.uncharge(kind, PAGE_SIZE);
  }

  count(what: keyof Activity, pages = 1): void {
    for (let group: MemoryGroup | undefined = this; group !== undefined; group = group.parent)
      group.activity[what] += pages;
  }

  /** Something happened that memory.events tells. */
  tell(event: MemoryEvent): void {
    this.localEvents[event]++;
    for (const group of this.ancestry()) {
      group.events[event]++;
      group.#changed(group === this);
    }
  }

  /** The group was removed; it counts on while its memory is in use. */
  remove(): void {
    this.#isRemoved = true;
    this.#leaveWhenEmpty();
  }

  /** Bytes that reclaim for a group above (or for the machine) has to leave here: memory.min or memory.low, as far as they are in force. */
  protection(setting: 'min' | 'low', above: MemoryGroup): number {
    const { parent } = this;
    if (this === above || parent === undefined) return 0;
    const claim = Math.min(this.usage, this[setting]);
    if (parent === above || parent.parent === undefined) return claim;
    const granted = parent.protection(setting, above);
    let claims = 0;
    for (const sibling of parent.children) claims += Math.min(sibling.usage, sibling[setting]);
    if (claims > granted) return (claim * granted) / claims;
    // what nobody claims protects those who use more than they claim
    const unclaimed = granted - claims;
    const beyond = parent.usage - claims;
    return unclaimed > 0 && beyond > 0 ? claim + (unclaimed * Math.max(0, this.usage - claim)) / beyond : claim;
  }

  #leaveWhenEmpty(): void {
    if (this.#isRemoved && this.usage === 0) this.parent?.children.delete(this);
  }
}
