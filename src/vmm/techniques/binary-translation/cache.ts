// The translation cache: blocks of translated code in the VMM's machine memory, found by guest EIP within a space (code
// base, code size, privilege), chained to each other, dropped when the guest code they came from changes. Everything that
// goes into the cache is stored through the CPU, so that it is charged and the CPU sees its own code change.

import type { Fields } from '../../../machine/stateful.ts';
import type { VmmCounters } from '../../counters.ts';
import { decodeGuest } from '../../emulate/instruction.ts';
import type { HostAccess } from '../../host-access.ts';
import { CACHE_OFFSET, CACHE_SIZE, regionLinear } from '../../host-memory.ts';
import { areaLinear, LOOKUP } from './area.ts';
import type { Callout, Exit, Mode, Place, Unit } from './unit.ts';

/** Cycles of the translator for one guest instruction: Adams & Agesen 2006, section 3.2 (measured there). */
const TRANSLATE_CYCLES = 2300;
/** Room kept free so that a unit always fits. */
const UNIT_ROOM = 4096;

/** A translated block. */
export interface Block extends Unit {
  readonly space: Space;
  /** Guest frames its code was read from, with the byte range in each. */
  readonly frames: readonly { readonly frame: number; readonly from: number; readonly to: number }[];
  /** First linear address of the guest code. */
  readonly linear: number;
  readonly end: number;
  valid: boolean;
  /** Exits of other blocks that are chained to this one: address of the displacement → its stub. */
  readonly incoming: Map<number, number>;
}

/** Guest code that is translated under the same assumptions. */
export interface Space {
  readonly key: string;
  readonly mode: Mode;
  readonly base: number;
  readonly blocks: Map<number, Block>;
  /** Entries of the lookup table while the space is current: index → code pointer. */
  readonly lookups: Map<number, number>;
}

/** All translated code. */
export class TranslationCache {
  readonly #access: HostAccess;
  readonly #counters: VmmCounters;
  #next = 0;
  #helpersEnd = 0;
  readonly #spaces = new Map<string, Space>();
  /** In order of address. */
  #blocks: Block[] = [];
  readonly #byFrame = new Map<number, Set<Block>>();
  #callouts = new Map<number, { callout: Callout; block: Block }>();
  current: Space | undefined;
  /** Address of the code that handles a failed lookup. */
  miss = 0;
  /** Called when the last block of a frame is gone. */
  onFrameFree: ((frame: number) => void) | undefined;

  constructor(access: HostAccess, counters: VmmCounters) {
    this.#access = access;
    this.#counters = counters;
  }

  /** Where the next unit goes. */
  get next(): number {
    return regionLinear(CACHE_OFFSET + this.#next);
  }

  get isFull(): boolean {
    return this.#next + UNIT_ROOM > CACHE_SIZE;
  }

  /** Puts helper code at the start of the cache; returns its address. */
  addHelper(bytes: readonly number[]): number {
    const at = this.next;
    this.write(at, bytes);
    this.#next = (this.#next + bytes.length + 15) & ~15;
    this.#helpersEnd = this.#next;
    return at;
  }

  /** Fills the lookup table with the address of the miss code; uncharged, before the guest starts. */
  resetLookups(table: DataView, offset: number): void {
    for (let n = 0; n < 0x1_0000; n++) table.setUint32(offset + 4 * n, this.miss, true);
  }

  space(key: string, mode: Mode, base: number): Space {
    let space = this.#spaces.get(key);
    if (!space) {
      space = { key, mode, base, blocks: new Map(), lookups: new Map() };
      this.#spaces.set(key, space);
    }
    return space;
  }

  /** Makes a space current: its lookups are in the table, the others' are not. */
  enter(space: Space): void {
    if (this.current === space) return;
    if (this.current) for (const index of this.current.lookups.keys()) this.#setLookup(index, this.miss);
    this.current = space;
    for (const [index, pointer] of space.lookups) this.#setLookup(index, pointer);
  }

  find(space: Space, eip: number): Block | undefined {
    this.#access.charge('alu', 10);
    this.#access.charge('load', 3);
    return space.blocks.get(eip);
  }

  /** Adds a translated unit. */
  add(space: Space, unit: Unit, frames: Block['frames'], linear: number): Block {
    const block: Block = {
      ...unit,
      space,
      frames,
      linear,
      end: linear + Math.max(unit.length, 1),
      valid: true,
      incoming: new Map(),
    };
    this.#access.charge('alu', TRANSLATE_CYCLES * Math.max(unit.instructions.size, 1));
    this.write(unit.origin, unit.bytes);
    this.#next = (this.#next + unit.bytes.length + 15) & ~15;
    space.blocks.set(unit.eip, block);
    this.#index(block);
    this.#counters.add('translation', 'blocks');
    this.#counters.add('translation', 'instructions', unit.instructions.size);
    this.#counters.add('translation', 'copied', unit.copied);
    return block;
  }

  #index(block: Block): void {
    this.#pages = undefined;
    this.#blocks.push(block);
    for (const callout of block.callouts) this.#callouts.set(callout.at, { callout, block });
    for (const { frame } of block.frames) {
      const blocks = this.#byFrame.get(frame);
      if (blocks) blocks.add(block);
      else this.#byFrame.set(frame, new Set([block]));
    }
  }

  /** The call-out that returns to `at`. */
  callout(at: number): { callout: Callout; block: Block } | undefined {
    return this.#callouts.get(at);
  }

  /** The block and the place an address in the cache belongs to. */
  locate(at: number): { block: Block; place: Place } | undefined {
    this.#access.charge('alu', 20);
    this.#access.charge('load', 8);
    let low = 0;
    let high = this.#blocks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#blocks[middle]!.origin <= at) low = middle + 1;
      else high = middle;
    }
    const block = this.#blocks[low - 1];
    if (!block || at >= block.origin + block.bytes.length) return undefined;
    let found: Place | undefined;
    for (const place of block.places) {
      if (place.at > at) break;
      found = place;
    }
    return found && { block, place: found };
  }

  /** Address in `block` where the guest is exactly before the instruction at `eip`. */
  boundary(block: Block, eip: number): number | undefined {
    for (const place of block.places) if (place.boundary && place.eip === eip) return place.at;
    return undefined;
  }

  /** Makes a direct branch go straight to its target's block. */
  chain(exit: Exit, target: Block): void {
    this.#patch(exit.patch, target.entry);
    target.incoming.set(exit.patch, exit.stub);
    this.#counters.add('translation', 'chained');
  }

  /** Enters a block into the table of indirect branches. */
  addLookup(block: Block): void {
    const index = block.eip & 0xffff;
    block.space.lookups.set(index, block.origin);
    if (block.space === this.current) this.#setLookup(index, block.origin);
  }

  /** Replaces a block by a newer translation of the same code: who comes to the old one is forwarded. */
  replace(old: Block, by: Block): void {
    this.invalidate(old, false);
    this.write(old.entry, jumpBytes(old.entry, by.entry));
    old.space.blocks.set(by.eip, by);
  }

  /** Drops the blocks whose code overlaps [from, to) of a frame. */
  invalidateFrame(frame: number, from: number, to: number): void {
    for (const block of [...(this.#byFrame.get(frame) ?? [])]) {
      if (block.frames.some((range) => range.frame === frame && range.from < to && from < range.to)) {
        this.invalidate(block);
      }
    }
  }

  /** Drops the blocks of a space whose code lies in a linear range. */
  invalidateRange(linear: number, length: number): void {
    for (const space of this.#spaces.values()) {
      for (const block of [...space.blocks.values()]) {
        if (block.linear < linear + length && linear < block.end) this.invalidate(block);
      }
    }
  }

  /** Linear pages with translated code and the frames they were read from. */
  codePages(): ReadonlyMap<number, number> {
    if (this.#pages) return this.#pages;
    const pages = new Map<number, number>();
    for (const space of this.#spaces.values()) {
      for (const block of space.blocks.values()) {
        block.frames.forEach(({ frame }, n) => {
          pages.set((block.linear >>> 12) + n, frame);
        });
      }
    }
    this.#pages = pages;
    return pages;
  }

  /** What `codePages` found, until a block comes or goes. */
  #pages: ReadonlyMap<number, number> | undefined;

  invalidate(block: Block, free = true): void {
    if (!block.valid) return;
    block.valid = false;
    this.#pages = undefined;
    this.#counters.add('translation', 'invalidated');
    if (block.space.blocks.get(block.eip) === block) block.space.blocks.delete(block.eip);
    const index = block.eip & 0xffff;
    if (block.space.lookups.get(index) === block.origin) {
      block.space.lookups.delete(index);
      if (block.space === this.current) this.#setLookup(index, this.miss);
    }
    for (const [patch, stub] of block.incoming) this.#patch(patch, stub);
    block.incoming.clear();
    for (const { frame } of block.frames) {
      const blocks = this.#byFrame.get(frame);
      blocks?.delete(block);
      if (blocks?.size !== 0) continue;
      this.#byFrame.delete(frame);
      if (free) this.onFrameFree?.(frame);
    }
  }

  /** Drops everything but the helpers. */
  flush(): void {
    for (const space of this.#spaces.values()) {
      if (space === this.current) for (const index of space.lookups.keys()) this.#setLookup(index, this.miss);
      for (const block of space.blocks.values()) block.valid = false;
      space.lookups.clear();
      space.blocks.clear();
    }
    this.#pages = undefined;
    const frames = [...this.#byFrame.keys()];
    this.#byFrame.clear();
    this.#blocks = [];
    this.#callouts = new Map();
    this.#next = this.#helpersEnd;
    for (const frame of frames) this.onFrameFree?.(frame);
    this.#counters.add('translation', 'flushed');
  }

  #setLookup(index: number, pointer: number): void {
    this.#access.tryStore(areaLinear(LOOKUP + 4 * index), 4, pointer);
  }

  #patch(at: number, target: number): void {
    this.#access.tryStore(at, 4, (target - (at + 4)) >>> 0);
  }

  /** Stores code. */
  write(at: number, bytes: readonly number[]): void {
    let n = 0;
    for (; n + 4 <= bytes.length; n += 4) {
      const word = (bytes[n]! | (bytes[n + 1]! << 8) | (bytes[n + 2]! << 16) | (bytes[n + 3]! << 24)) >>> 0;
      this.#access.tryStore((at + n) >>> 0, 4, word);
    }
    for (; n < bytes.length; n++) this.#access.tryStore((at + n) >>> 0, 1, bytes[n]!);
  }

  save(): Fields {
    const ids = new Map(this.#blocks.map((block, n) => [block, n]));
    return {
      next: this.#next,
      helpersEnd: this.#helpersEnd,
      miss: this.miss,
      current: this.current?.key ?? null,
      spaces: [...this.#spaces.values()].map((space) => ({
        key: space.key,
        mode: { ...space.mode },
        base: space.base,
        blocks: [...space.blocks].map(([eip, block]) => [eip, ids.get(block)!]),
        lookups: [...space.lookups].map(([index, pointer]) => [index, pointer]),
      })),
      blocks: this.#blocks.map((block) => ({
        space: block.space.key,
        origin: block.origin,
        entry: block.entry,
        size: block.bytes.length,
        eip: block.eip,
        length: block.length,
        copied: block.copied,
        linear: block.linear,
        end: block.end,
        valid: block.valid,
        frames: block.frames.map((range) => ({ ...range })),
        places: block.places.map((place) => [place.at, place.eip, place.boundary ? 1 : 0, place.saved]),
        callouts: block.callouts.map((callout) => ({ ...callout })),
        exits: block.exits.map((exit) => ({ ...exit })),
        instructions: [...block.instructions].map(([eip, instruction]) => ({ eip, bytes: instruction.bytes })),
        incoming: [...block.incoming].map(([patch, stub]) => [patch, stub]),
      })),
    };
  }

  load(fields: Fields): void {
    this.#next = fields.next as number;
    this.#helpersEnd = fields.helpersEnd as number;
    this.miss = fields.miss as number;
    this.#pages = undefined;
    this.#spaces.clear();
    this.#byFrame.clear();
    this.#callouts = new Map();
    this.#blocks = [];
    const spaces = fields.spaces as unknown as SavedSpace[];
    for (const { key, mode, base, lookups } of spaces) {
      this.#spaces.set(key, { key, mode, base, blocks: new Map(), lookups: new Map(lookups) });
    }
    for (const saved of fields.blocks as unknown as SavedBlock[]) this.#loadBlock(saved);
    for (const { key, blocks } of spaces) {
      for (const [eip, id] of blocks) this.#spaces.get(key)!.blocks.set(eip, this.#blocks[id]!);
    }
    this.current = typeof fields.current === 'string' ? this.#spaces.get(fields.current) : undefined;
  }

  #loadBlock(saved: SavedBlock): void {
    const space = this.#spaces.get(saved.space)!;
    const { size, places, instructions, incoming, space: _, ...rest } = saved;
    const block: Block = {
      ...rest,
      space,
      bytes: new Array<number>(size).fill(0),
      places: places.map(([at, eip, boundary, savedRegisters]) => ({
        at,
        eip,
        boundary: boundary === 1,
        saved: savedRegisters,
      })),
      instructions: new Map(
        instructions.flatMap(({ eip, bytes }) => {
          const instruction = decodeGuest(bytes, space.mode.code32);
          return instruction ? [[eip, instruction] as const] : [];
        }),
      ),
      incoming: new Map(incoming),
    };
    this.#blocks.push(block);
    for (const callout of block.callouts) this.#callouts.set(callout.at, { callout, block });
    if (!block.valid) return;
    for (const { frame } of block.frames) {
      this.#byFrame.set(frame, (this.#byFrame.get(frame) ?? new Set()).add(block));
    }
  }
}

interface SavedSpace {
  key: string;
  mode: Mode;
  base: number;
  blocks: [number, number][];
  lookups: [number, number][];
}

interface SavedBlock extends Omit<Block, 'space' | 'bytes' | 'places' | 'instructions' | 'incoming'> {
  space: string;
  size: number;
  places: [number, number, number, number][];
  instructions: { eip: number; bytes: Uint8Array }[];
  incoming: [number, number][];
}

function jumpBytes(from: number, to: number): number[] {
  const displacement = to - (from + 5);
  return [
    0xe9,
    displacement & 0xff,
    (displacement >> 8) & 0xff,
    (displacement >> 16) & 0xff,
    (displacement >> 24) & 0xff,
  ];
}
