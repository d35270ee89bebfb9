// A random program with everything it starts from: mode, code in slots, registers, flags, breakpoints, damaged tables.
// Built from a seed in microseconds; the same seed gives the same program.
import { CR0, CR4, DR, FPU_STATUS, FPU_TAGS, GPR, RFLAGS, RIP, STATE_BASE, X87, XMM } from '../../asm/layout.ts';
import type { Kind, Piece, Pool } from './pool.ts';
import type { Random } from './random.ts';
import type { Setting } from './setting.ts';
import { intoGuest } from './vmx-world.ts';
import { CODE, DATA, DIRECTORY, GDT, IDT, PD, PDPT, PT, SELECTORS, SLOT, STACKS, TSS } from './world.ts';

/** Bytes at a physical address. */
export interface Chunk {
  readonly at: number;
  readonly bytes: Uint8Array;
}

/** Everything a run starts from, beside the tables that all programs share. */
export interface Program {
  readonly seed: number;
  readonly setting: Setting;
  /** The state area. */
  readonly state: Uint8Array;
  readonly code: readonly Chunk[];
  readonly tables: readonly Chunk[];
  readonly instructions: number;
  readonly cycles: number;
}

const WEIGHTS: readonly Kind[] = [
  ...Array<Kind>(10).fill('integer'),
  ...Array<Kind>(4).fill('branch'),
  ...Array<Kind>(2).fill('vector'),
  'x87',
  ...Array<Kind>(2).fill('system'),
  ...Array<Kind>(7).fill('idiom'),
];

/** VMX instructions are #UD most of the time: one in eighty. */
function pickPiece(pool: Pool, random: Random): Piece {
  const kind = random.oneIn(80) ? 'vmx' : random.pick(WEIGHTS);
  return random.pick(pool[kind]);
}

const littleEndian = (value: number, size: number) =>
  Uint8Array.from({ length: size }, (_, n) => (value >> (8 * n)) & 0xff);

/** A piece at an address: branches go to a slot, some bytes get changed. */
function place({ bytes, relative }: Piece, at: number, start: number, slots: number, random: Random): Chunk {
  const copy = bytes.slice();
  if (relative > 0 && !random.oneIn(8)) {
    const distance = start + SLOT * random.below(slots) - (at + bytes.length);
    if (relative > 1 || (distance >= -128 && distance < 128))
      copy.set(littleEndian(distance, relative), bytes.length - relative);
  }
  if (random.oneIn(40)) copy[random.below(copy.length)] = random.u32() & 0xff;
  return { at, bytes: copy };
}

/** Code from `start`: pieces in slots with room behind them, or one after the other; a jump back at the end. */
function code(pool: Pool, bits: 16 | 32 | 64, start: number, random: Random): Chunk[] {
  const slots = 3 + random.below(10);
  const end = start + slots * SLOT;
  const dense = random.oneIn(3);
  const chunks: Chunk[] = [];
  let at = start;
  while (at < end) {
    const piece = pickPiece(pool, random);
    const room = dense ? end + 8 - at : SLOT - (at % SLOT);
    if (piece.bytes.length > room) {
      at = dense ? end : at + room;
      continue;
    }
    const chunk = place(piece, at, start, slots, random);
    chunks.push(chunk);
    at += chunk.bytes.length;
    if (!dense && random.oneIn(3)) at += SLOT - (at % SLOT);
  }
  const back = bits === 16 ? 2 : 4;
  at = Math.max(at, end);
  chunks.push({ at, bytes: Uint8Array.of(0xe9, ...littleEndian(start - (at + 1 + back), back)) });
  return chunks;
}

/** Low and high half of a value that is likely to matter: a pointer, a selector, a small number, an extreme. */
function interesting(random: Random, setting: Setting): [number, number] {
  const near = setting.bits === 16 ? -CODE : 0;
  switch (random.below(16)) {
    case 0:
      return [random.u32(), random.u32()];
    case 1:
      return [random.u32(), 0];
    case 2:
      return [random.below(40), 0];
    case 3:
      return [-random.below(200) >>> 0, 0xffff_ffff];
    case 4:
      return [
        random.pick([0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 0x7fff, 0x8000, 0xff]),
        random.pick([0, 0x7fff, 0x8000]),
      ];
    case 5:
      return [random.pick(SELECTORS), 0];
    case 6:
      return [CODE + near + random.below(0x300), 0];
    case 7:
      return [STACKS + near + random.below(0x4000), 0];
    default:
      return [DATA + near + random.below(0x2000), 0];
  }
}

function flags(random: Random): number {
  let value = 2 | (random.u32() & 0x8d5);
  if (random.oneIn(2)) value |= 0x200;
  if (random.oneIn(8)) value |= 0x100;
  if (random.oneIn(4)) value |= 0x400;
  if (random.oneIn(8)) value |= 0x40000;
  if (random.oneIn(20)) value |= 0x10000;
  if (random.oneIn(30)) value |= 0x4000;
  return value | (random.pick([0, 0, 3, 3, 1, 2]) << 12);
}

function registers(view: DataView, setting: Setting, random: Random): void {
  for (let n = 0; n < 16; n++) {
    const [low, high] = interesting(random, setting);
    view.setUint32(GPR - STATE_BASE + 8 * n, low, true);
    view.setUint32(GPR - STATE_BASE + 8 * n + 4, setting.bits === 64 ? high : 0, true);
  }
  const stack =
    STACKS + 0x1000 * setting.ring + 0x800 - (setting.bits === 16 ? CODE : 0) + (random.oneIn(8) ? random.below(8) : 0);
  view.setUint32(GPR - STATE_BASE + 32, stack, true);
  view.setUint32(GPR - STATE_BASE + 36, 0, true);
  const virtual = setting.like8086 === 'virtual' ? 0x2_0000 : 0;
  view.setUint32(RFLAGS - STATE_BASE, flags(random) | virtual, true);
  for (let n = 0; n < 64; n++) view.setUint32(XMM - STATE_BASE + 4 * n, random.u32(), true);
  if (random.oneIn(2)) {
    for (let n = 0; n < 8; n++) {
      view.setUint32(X87 - STATE_BASE + 16 * n, random.u32(), true);
      view.setUint32(X87 - STATE_BASE + 16 * n + 4, random.u32(), true);
      view.setUint16(
        X87 - STATE_BASE + 16 * n + 8,
        random.oneIn(3) ? random.u32() : 0x3f80 + random.below(0x100),
        true,
      );
    }
    view.setUint8(FPU_TAGS - STATE_BASE, random.u32());
    view.setUint16(FPU_STATUS - STATE_BASE, random.below(8) << 11, true);
  }
}

function breakpoints(view: DataView, start: number, random: Random): void {
  for (let n = 0; n < 4; n++) {
    const address = random.pick([
      start,
      start + SLOT,
      start + random.below(0x80),
      DATA + random.below(0x800),
      0x80,
      STACKS + 0x7fc,
    ]);
    view.setUint32(DR - STATE_BASE + 8 * n, address, true);
  }
  view.setUint32(
    DR - STATE_BASE + 56,
    (0x400 | (random.u32() & 0xffff_03ff) | (random.oneIn(8) ? 0x2000 : 0)) >>> 0,
    true,
  );
}

function control(view: DataView, setting: Setting, random: Random): void {
  const toggle = (place: number, bits: number) => {
    view.setUint32(place - STATE_BASE, (view.getUint32(place - STATE_BASE, true) ^ bits) >>> 0, true);
  };
  for (const [bit, odds] of [
    [0x40000, 2],
    [0x10000, 2],
    [2, 3],
    [8, 20],
    [4, 30],
    [0x20, 4],
  ] as const)
    if (random.oneIn(odds)) toggle(CR0, bit);
  for (const [bit, odds] of [
    [4, 6],
    [8, 3],
    [0x80, 3],
    [0x200, 20],
    [0x400, 8],
    [0x800, 6],
    [0x2000, 8],
    [0x10_0000, 8],
    [0x20_0000, 8],
    [1, 3],
    [2, 4],
  ] as const)
    if (random.oneIn(odds)) toggle(CR4, bit);
  if (setting.gates === 64 && random.oneIn(4)) toggle(CR4, 0x2_0000);
}

/** A change of one entry of a table. */
function damage(ram: Uint8Array, setting: Setting, random: Random): Chunk {
  const flip = (at: number, bit: number): Chunk => ({ at, bytes: Uint8Array.of(ram[at]! ^ (1 << bit)) });
  const wide = setting.paging !== 'two-level' && setting.paging !== 'pse';
  switch (random.below(6)) {
    case 0:
      return flip(GDT + 8 * random.below(0x26) + 5 + random.below(2), random.below(8));
    case 1:
      return flip(
        IDT + (setting.gates === 64 ? 16 : 8) * random.below(20) + random.pick([2, 3, 4, 5, 5, 5]),
        random.below(8),
      );
    case 2:
      return flip(TSS + random.below(0x88), random.below(8));
    case 3:
      // a large page: 4 MiB, 2 MiB or 1 GiB; guests would see the VMCS through it
      if (setting.guest) return flip(TSS + random.below(0x68), random.below(8));
      return {
        at: wide ? random.pick([PD, PDPT]) : DIRECTORY,
        bytes: Uint8Array.of(random.pick([0x87, 0xe7, 0x85, 0x81])),
      };
    default: {
      const size = wide ? 8 : 4;
      const entry = (wide ? PT : 0xd000) + size * random.pick([1, 2, 3, 0x10, 0x11, 0x14, 0x15, 0x18, 0x19, 0x1c]);
      return random.oneIn(4) && wide ? flip(entry + 7, 7) : flip(entry, random.pick([0, 1, 1, 2, 2, 4, 5, 6, 7]));
    }
  }
}

/** The program of a seed. `base` is the state of its mode, `ram` the tables. */
export function randomProgram(
  seed: number,
  random: Random,
  setting: Setting,
  pool: Pool,
  base: Uint8Array,
  ram: Uint8Array,
): Program {
  const state = base.slice();
  const view = new DataView(state.buffer);
  const start = CODE + (random.oneIn(3) ? 0x1000 - SLOT * (1 + random.below(8)) : SLOT * random.below(4));
  const chunks = code(pool, setting.bits, start, random);
  view.setUint32(RIP - STATE_BASE, start - (setting.bits === 16 ? CODE : 0), true);
  registers(view, setting, random);
  control(view, setting, random);
  if (random.oneIn(6)) breakpoints(view, start, random);
  const tables = random.oneIn(3) ? Array.from({ length: 1 + random.below(3) }, () => damage(ram, setting, random)) : [];
  if (setting.guest) tables.push(...intoGuest(state, base, random));
  return { seed, setting, state, code: chunks, tables, instructions: 16 + random.below(80), cycles: 3000 };
}
