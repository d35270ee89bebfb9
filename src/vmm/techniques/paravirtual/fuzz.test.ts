// Random hypercalls with arguments chosen to be nearly right: the hypervisor never fails, and what the page tables map is
// the domain's own afterwards. The numbers come from a fixed seed.
import { expect, test } from 'vitest';
import { loadCore } from '../../../../test/core.ts';
import { HYPERVISOR_FIRST_SLOT } from '../../xen/abi.ts';
import { OWNER_GUEST } from './frame-table.ts';
import { HANDLERS } from './hypercalls/index.ts';
import { handleException } from './exceptions.ts';
import { TestGuest } from './test-guest.ts';
import type { Xen } from './xen.ts';

const SCHED_OP_COMPAT = 6;
const SCHED_OP = 29;

class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  below(n: number): number {
    this.#state = (Math.imul(this.#state, 1_103_515_245) + 12_345) >>> 0;
    return (this.#state >>> 8) % n;
  }

  of<T>(values: readonly T[]): T {
    return values[this.below(values.length)]!;
  }
}

function words(guest: TestGuest, random: Random): number[] {
  const page = guest.at(random.of(['page_a', 'page_b', 'page_c', 'shared_page']));
  const machine = guest.machineAddress(page);
  return [
    random.below(32),
    random.below(0x100),
    machine >>> 12,
    machine + 4 * random.below(1024),
    machine + random.below(0x200),
    guest.xen.state.directory,
    guest.xen.state.directory * 4096 + 4 * random.below(1024),
    (machine & ~0xfff) + random.of([0, 1, 3, 5, 7, 0x83]),
    page,
    guest.at('results') + 4 * random.below(64),
    random.of([0, 0xffff_ffff, 0x7ff0, 0xfc00_0000, 0xfc40_0000, 0x8000_0001, 0x400, 0xe019, 0xe008]),
    random.below(0x4000) * 0x1000 + random.below(8),
  ];
}

function fill(guest: TestGuest, random: Random): void {
  const { ram } = guest.xen.machine.cpu;
  const view = new DataView(ram.buffer, ram.byteOffset);
  for (let i = 0; i < 24; i++)
    view.setUint32(guest.machineAddress(guest.at('results')) + i * 4, random.of(words(guest, random)), true);
}

/** Everything that the CPU can reach through a table in use is the domain's. */
function check(xen: Xen): void {
  const { ram } = xen.machine.cpu;
  const view = new DataView(ram.buffer, ram.byteOffset);
  const entries = (mfn: number, count: number): number[] =>
    Array.from({ length: count }, (_, i) => view.getUint32(mfn * 4096 + i * 4, true)).filter(
      (entry) => (entry & 1) !== 0,
    );
  expect(xen.frames.type(xen.state.directory)).toBe('l2');
  for (const table of entries(xen.state.directory, HYPERVISOR_FIRST_SLOT)) {
    expect(xen.frames.type(table >>> 12)).toBe('l1');
    for (const entry of entries(table >>> 12, 1024)) {
      const mfn = entry >>> 12;
      expect(xen.frames.owner(mfn)).toBe(OWNER_GUEST);
      if ((entry & 2) !== 0) expect(xen.frames.type(mfn)).toBe('writable');
    }
  }
  for (const mfn of [...xen.state.gdtFrames, ...xen.state.ldtFrames]) expect(xen.frames.type(mfn)).toBe('segment');
}

test.each([1, 2])('random hypercalls, seed %d', (seed) => {
  const guest = new TestGuest(loadCore(), 'main:\n  mov eax, 17\n  xor ebx, ebx\n  int 0x82\n  ret');
  const { xen } = guest;
  let accepted = -1;
  // The processor is in ring 0 behind the doorway.
  xen.machine.doorway = (entry) => {
    if (accepted < 0) accepted = attack(guest, new Random(seed));
    xen.enter(entry);
  };
  expect(guest.run(10_000).reason).not.toBe('limit');
  // The arguments are near enough to be worth something.
  expect(accepted).toBeGreaterThan(50);
});

function attack(guest: TestGuest, random: Random): number {
  const { xen } = guest;
  const numbers = Object.keys(HANDLERS)
    .map(Number)
    .filter((number) => number !== SCHED_OP && number !== SCHED_OP_COMPAT);
  let accepted = 0;
  for (let i = 0; i < 1200; i++) {
    fill(guest, random);
    const number = random.below(2) === 0 ? random.of([1, 14, 26, 26]) : random.of(numbers);
    const args = Array.from({ length: 5 }, () => random.of(words(guest, random)) >>> 0);
    if (number === 1 || number === 26) args.splice(0, 4, guest.at('results'), 1 + random.below(3), 0, 0x7ff0);
    if (HANDLERS[number]!(xen, args) >= 0) accepted++;
    xen.takeContinuation();
    if (i % 100 === 0) check(xen);
  }
  check(xen);
  handleException(xen, 13);
  return accepted;
}
