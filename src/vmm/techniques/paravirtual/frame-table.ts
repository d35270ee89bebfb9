// What the hypervisor knows of every machine frame: who owns it, how many references keep it, and as what it is used
// now. The frame table lies in machine memory, so that looking at it costs what it costs. The rule that makes direct
// paging safe: a frame has one type at a time, and changes it only when no use of the old type is left
// (Barham et al. 2003, section 3.3.3 "Physical memory" and "Paging").

/** Machine memory as the hypervisor reaches it; every access is charged. */
export interface MachineMemory {
  load(physical: number): number;
  store(physical: number, value: number): void;
}

/** What a frame is used as. `segment`: holds a descriptor table. */
export const FRAME_TYPES = ['none', 'l1', 'l2', 'segment', 'writable'] as const;
/** One of them. */
export type FrameType = (typeof FRAME_TYPES)[number];

/** Whose frame it is. */
export const OWNER_NONE = 0;
export const OWNER_GUEST = 1;
export const OWNER_XEN = 2;

const TYPE_SHIFT = 28;
const VALIDATED = 1 << 27;
const PINNED = 1 << 26;
const COUNT_MASK = (1 << 26) - 1;
const OWNER_SHIFT = 28;
const REFERENCE_MASK = (1 << 28) - 1;

/** Owner, references and type of every frame. */
export class FrameTable {
  readonly frames: number;
  readonly #memory: MachineMemory;
  readonly #base: number;
  /** Cleared when the TLB is known to hold no stale entry; set when the last writable use of a frame ends. */
  staleWritable = false;

  constructor(memory: MachineMemory, base: number, frames: number) {
    this.#memory = memory;
    this.#base = base;
    this.frames = frames;
  }

  isFrame(mfn: number): boolean {
    return mfn < this.frames;
  }

  owner(mfn: number): number {
    return this.#memory.load(this.#base + mfn * 8 + 4) >>> OWNER_SHIFT;
  }

  /** Gives a frame to an owner, who holds one reference while he has it. */
  assign(mfn: number, owner: number): void {
    this.#memory.store(this.#base + mfn * 8 + 4, ((owner << OWNER_SHIFT) | (owner === OWNER_NONE ? 0 : 1)) >>> 0);
    this.#memory.store(this.#base + mfn * 8, 0);
  }

  references(mfn: number): number {
    return this.#memory.load(this.#base + mfn * 8 + 4) & REFERENCE_MASK;
  }

  type(mfn: number): FrameType {
    return FRAME_TYPES[this.#memory.load(this.#base + mfn * 8) >>> TYPE_SHIFT] ?? 'none';
  }

  typeCount(mfn: number): number {
    return this.#memory.load(this.#base + mfn * 8) & COUNT_MASK;
  }

  isPinned(mfn: number): boolean {
    return (this.#memory.load(this.#base + mfn * 8) & PINNED) !== 0;
  }

  setPinned(mfn: number, pinned: boolean): void {
    const word = this.#memory.load(this.#base + mfn * 8);
    this.#memory.store(this.#base + mfn * 8, (pinned ? word | PINNED : word & ~PINNED) >>> 0);
  }

  /** Takes a reference to one of the guest's frames; false if the frame is not the guest's. */
  get(mfn: number): boolean {
    if (!this.isFrame(mfn)) return false;
    const word = this.#memory.load(this.#base + mfn * 8 + 4);
    if (word >>> OWNER_SHIFT !== OWNER_GUEST || (word & REFERENCE_MASK) === REFERENCE_MASK) return false;
    this.#memory.store(this.#base + mfn * 8 + 4, word + 1);
    return true;
  }

  put(mfn: number): void {
    const word = this.#memory.load(this.#base + mfn * 8 + 4);
    if ((word & REFERENCE_MASK) === 0) throw new Error(`frame 0x${mfn.toString(16)} has no reference to drop`);
    this.#memory.store(this.#base + mfn * 8 + 4, word - 1);
  }

  /**
   * Takes a use as `type`. `busy`: the frame is in use as something else. `fresh`: this is the first use, the caller
   * validates the contents (the type is already set, so that the frame cannot be entered in itself) and then calls
   * `validated`.
   */
  getType(mfn: number, type: FrameType): 'busy' | 'fresh' | 'shared' {
    const at = this.#base + mfn * 8;
    const word = this.#memory.load(at);
    const number = FRAME_TYPES.indexOf(type);
    if ((word & COUNT_MASK) !== 0) {
      if (word >>> TYPE_SHIFT !== number || (word & VALIDATED) === 0) return 'busy';
      // No more uses can be counted.
      if ((word & COUNT_MASK) === COUNT_MASK) return 'busy';
      this.#memory.store(at, word + 1);
      return 'shared';
    }
    this.#memory.store(at, ((number << TYPE_SHIFT) | (type === 'writable' ? VALIDATED : 0) | 1) >>> 0);
    return 'fresh';
  }

  validated(mfn: number): void {
    const at = this.#base + mfn * 8;
    this.#memory.store(at, this.#memory.load(at) | VALIDATED);
  }

  /** Drops a use; true if it was the last one of a validated table, whose entries the caller then releases. */
  putType(mfn: number): boolean {
    const at = this.#base + mfn * 8;
    const word = this.#memory.load(at);
    if ((word & COUNT_MASK) === 0) throw new Error(`frame 0x${mfn.toString(16)} has no use to drop`);
    const last = (word & COUNT_MASK) === 1;
    const type = FRAME_TYPES[word >>> TYPE_SHIFT]!;
    this.#memory.store(at, (last ? word - 1 - (word & VALIDATED) : word - 1) >>> 0);
    if (last && type === 'writable') this.staleWritable = true;
    return last && (word & VALIDATED) !== 0 && (type === 'l1' || type === 'l2');
  }
}
