// Whatever a guest asks for, in whatever order: the invariants of direct paging hold after every step. Counts are
// recomputed from the page tables alone and compared with the frame table.
import fc from '../../../../test/properties.ts';
import { expect, test } from 'vitest';
import { HYPERVISOR_FIRST_SLOT } from '../../xen/abi.ts';
import { DirectPaging } from './direct-paging.ts';
import { FrameTable, OWNER_GUEST, OWNER_XEN } from './frame-table.ts';

const TABLE = 0x1_0000;
const FRAMES = 13;
const FIRST_OWN = 8;
/** Slots the random guest uses; the rest stays empty. */
const SLOTS = [0, 1, 1008];

const frame = fc.integer({ min: FIRST_OWN - 1, max: FRAMES });
const entry = fc.tuple(frame, fc.constantFrom(0, 0, 1, 3, 3, 7, 0x83, 0x103)).map(([mfn, flags]) => mfn * 4096 + flags);
const slot = fc.constantFrom(...SLOTS);
const step = fc.oneof(
  fc.record({ kind: fc.constantFrom('pin1', 'pin2', 'unpin', 'load'), mfn: frame }),
  fc.record({ kind: fc.constantFrom('write', 'update', 'update'), mfn: frame, slot, entry }),
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

class Guest {
  readonly words = new Uint32Array((TABLE + FRAMES * 8) / 4);
  readonly frames: FrameTable;
  readonly paging: DirectPaging;
  /** Frame of the base pointer, 0 for none. */
  directory = 0;
  /** Frames that the TLB may still hold writable. */
  readonly stale = new Set<number>();

  constructor() {
    const memory = {
      load: (at: number) => this.words[at / 4]!,
      store: (at: number, value: number) => {
        this.words[at / 4] = value;
      },
    };
    this.frames = new FrameTable(memory, TABLE, FRAMES);
    for (let mfn = 0; mfn < FRAMES; mfn++) this.frames.assign(mfn, mfn < FIRST_OWN ? OWNER_XEN : OWNER_GUEST);
    const hypervisorEntries = Array.from({ length: 16 }, (_, i) => i * 4096 + 0x63);
    const flushTlb = () => this.stale.clear();
    this.paging = new DirectPaging({ memory, frames: this.frames, hypervisorEntries, flushTlb, event: () => {} });
  }

  at(mfn: number, n: number): number {
    return this.words[mfn * 1024 + n]!;
  }

  inUse(mfn: number, type: string): boolean {
    return mfn < FRAMES && this.frames.typeCount(mfn) > 0 && this.frames.type(mfn) === type;
  }

  do(step: Step): void {
    const { paging, frames } = this;
    if (step.kind === 'pin1') paging.pin(step.mfn, 1);
    else if (step.kind === 'pin2') paging.pin(step.mfn, 2);
    else if (step.kind === 'unpin') paging.unpin(step.mfn);
    else if (step.kind === 'load') {
      if (paging.getPageAndType(step.mfn, 'l2') !== undefined) return;
      if (this.directory !== 0) paging.putPageAndType(this.directory);
      this.directory = step.mfn;
    } else if ('slot' in step) {
      const address = step.mfn * 4096 + step.slot * 4;
      const isOwn = step.mfn >= FIRST_OWN && step.mfn < FRAMES;
      if (step.kind === 'update' && this.inUse(step.mfn, 'l1')) paging.updateL1(address, step.entry, false);
      else if (step.kind === 'update' && this.inUse(step.mfn, 'l2')) paging.updateL2(address, step.entry, false);
      // A plain store works where the guest could have a writable mapping.
      else if (isOwn && (frames.typeCount(step.mfn) === 0 || frames.type(step.mfn) === 'writable')) {
        this.words[address / 4] = step.entry;
      }
    }
  }

  check(): void {
    const uses = new Array<number>(FRAMES).fill(0);
    const references = new Array<number>(FRAMES).fill(1);
    for (let mfn = FIRST_OWN; mfn < FRAMES; mfn++) {
      if (this.frames.isPinned(mfn)) uses[mfn]!++;
      if (mfn === this.directory) uses[mfn]!++;
    }
    for (let mfn = FIRST_OWN; mfn < FRAMES; mfn++) {
      if (this.inUse(mfn, 'l1')) for (const n of SLOTS) this.checkL1(this.at(mfn, n), uses, references);
      if (!this.inUse(mfn, 'l2')) continue;
      for (const n of SLOTS) {
        if (n >= HYPERVISOR_FIRST_SLOT) expect(this.at(mfn, n)).toBe((n - HYPERVISOR_FIRST_SLOT) * 4096 + 0x63);
        else if ((this.at(mfn, n) & 1) !== 0) {
          expect(this.inUse(this.at(mfn, n) >>> 12, 'l1')).toBe(true);
          uses[this.at(mfn, n) >>> 12]!++;
        }
      }
    }
    for (let mfn = FIRST_OWN; mfn < FRAMES; mfn++) {
      const type = this.frames.type(mfn);
      const isTable = type === 'l1' || type === 'l2';
      if (isTable && uses[mfn] !== 0) expect(this.stale.has(mfn)).toBe(false);
      expect([mfn, type, this.frames.typeCount(mfn)]).toEqual([mfn, type, uses[mfn]]);
      // A use holds a reference too, a read-only mapping only a reference.
      expect(this.frames.references(mfn)).toBe(references[mfn]! + (isTable ? uses[mfn]! : 0));
    }
    for (let mfn = 0; mfn < FIRST_OWN; mfn++) expect(this.frames.references(mfn)).toBe(1);
  }

  checkL1(value: number, uses: number[], references: number[]): void {
    if ((value & 1) === 0) return;
    const mfn = value >>> 12;
    expect(mfn).toBeGreaterThanOrEqual(FIRST_OWN);
    expect(mfn).toBeLessThan(FRAMES);
    expect(value & 0x180).toBe(0);
    references[mfn]!++;
    if ((value & 2) === 0) return;
    expect(this.inUse(mfn, 'writable')).toBe(true);
    uses[mfn]!++;
    this.stale.add(mfn);
  }
}

test('no sequence of requests makes a foreign frame reachable, a page table writable, or a count wrong', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200, size: 'max' }), (steps) => {
      const guest = new Guest();
      for (const one of steps) {
        guest.do(one);
        guest.check();
      }
    }),
    { numRuns: 60, seed: 2003 },
  );
});
