// Shadow page tables, on guest tables the tests write (Adams & Agesen 2006, sections 2.2 and 3.2).
import { beforeEach, describe, expect, test } from 'vitest';
import type { CostClass } from '../isa/cost-classes.ts';
import { VmmCounters } from './counters.ts';
import type { AccessSize, HostAccess } from './host-access.ts';
import { PagePool } from './host-memory.ts';
import { ShadowPaging } from './shadow-paging.ts';
import { CR0_PE, CR0_PG, CR0_WP, CR4_PAE, CR4_PSE, Vcpu } from './vcpu.ts';

const GUEST = 0x10_0000;
const RAM = 0x10_0000;
const DIRECTORY = 0x1000;
const TABLE = 0x2000;
const PAGE = 0x5000;
const LINEAR = 0x0040_3000;

/** Host memory as a plain array; counts what is flushed. */
class PlainHost implements HostAccess {
  readonly memory = new DataView(new ArrayBuffer(0x40_0000));
  roots: number[] = [];
  invalidated: number[] = [];

  reg(): number {
    return 0;
  }
  setReg(): void {}
  tryLoad(): undefined {
    return undefined;
  }
  tryStore(): boolean {
    return false;
  }
  fault(): { vector: number; error: number; cr2: number } {
    return { vector: 0, error: 0, cr2: 0 };
  }
  loadPhysical(address: number, size: AccessSize): number {
    if (size === 1) return this.memory.getUint8(address);
    return size === 2 ? this.memory.getUint16(address, true) : this.memory.getUint32(address, true);
  }
  storePhysical(address: number, size: AccessSize, value: number): void {
    if (size === 1) this.memory.setUint8(address, value);
    else if (size === 2) this.memory.setUint16(address, value, true);
    else this.memory.setUint32(address, value, true);
  }
  writeCr3(): void {}
  invlpg(): void {}
  charge(_cls: CostClass, _times?: number): void {}
}

let host: PlainHost;
let vcpu: Vcpu;
let counters: VmmCounters;
let shadow: ShadowPaging;
let changedCode: number[];

function guestWord(address: number, value?: number): number {
  if (value !== undefined) host.memory.setUint32(GUEST + address, value, true);
  return host.memory.getUint32(GUEST + address, true);
}

/** The shadow leaf entry for a linear address by a walk of the shadow tables, as the CPU would make it. */
function leaf(linear: number): number {
  const word = (at: number): number => host.memory.getUint32(at, true);
  const directory = word(shadow.root + (linear >>> 30) * 8);
  if (!(directory & 1)) return 0;
  const table = word((directory & ~0xfff) + ((linear >>> 21) & 511) * 8);
  if (!(table & 1)) return 0;
  return word((table & ~0xfff) + ((linear >>> 12) & 511) * 8);
}

const read = { write: false, user: false, fetch: false };
const write = { write: true, user: false, fetch: false };
const userRead = { write: false, user: true, fetch: false };

beforeEach(() => {
  host = new PlainHost();
  vcpu = new Vcpu();
  counters = new VmmCounters();
  changedCode = [];
  shadow = new ShadowPaging({
    access: host,
    vcpu,
    domain: { ramSize: RAM, hostPhysical: (address) => GUEST + address },
    counters,
    pool: new PagePool(0x20_0000, 0x40_0000),
    loadRoot: (root) => host.roots.push(root),
    invalidate: (linear) => host.invalidated.push(linear),
    onCodeChange: (frame) => changedCode.push(frame),
  });
  vcpu.cr0 = (CR0_PE | CR0_PG | CR0_WP) >>> 0;
  vcpu.cr3 = DIRECTORY;
  guestWord(DIRECTORY + 4, TABLE | 7);
  guestWord(TABLE + 12, PAGE | 7);
  shadow.activate();
});

describe('filling', () => {
  test('a hidden fault fills the shadow entry and sets the guest’s accessed bit', () => {
    expect(shadow.fault(LINEAR, read)).toEqual({ kind: 'filled' });
    expect(leaf(LINEAR) & ~0xfff).toBe(GUEST + PAGE);
    expect(guestWord(TABLE + 12) & 0x60).toBe(0x20);
  });

  test('a page is writable in the shadow only once it is dirty in the guest', () => {
    shadow.fault(LINEAR, read);
    expect(leaf(LINEAR) & 2).toBe(0);
    shadow.fault(LINEAR, write);
    expect(leaf(LINEAR) & 2).toBe(2);
    expect(guestWord(TABLE + 12) & 0x60).toBe(0x60);
  });

  test('what the guest’s tables deny is a true fault with the guest’s error code', () => {
    guestWord(TABLE + 12, PAGE | 1);
    expect(shadow.fault(LINEAR, write)).toEqual({ kind: 'true', error: 3 });
    expect(shadow.fault(LINEAR, userRead)).toEqual({ kind: 'true', error: 5 });
    guestWord(TABLE + 12, 0);
    expect(shadow.fault(LINEAR, write)).toEqual({ kind: 'true', error: 2 });
  });

  test('without CR0.WP a supervisor writes read-only pages, and ring 3 is kept off meanwhile', () => {
    vcpu.cr0 = (CR0_PE | CR0_PG) >>> 0;
    guestWord(TABLE + 12, PAGE | 5);
    expect(shadow.fault(LINEAR, write)).toEqual({ kind: 'filled' });
    expect(leaf(LINEAR) & 6).toBe(2);
    shadow.fault(LINEAR, userRead);
    expect(leaf(LINEAR) & 6).toBe(4);
  });

  test('beyond RAM there are devices', () => {
    guestWord(TABLE + 12, 0xfee0_0000 | 7);
    expect(shadow.fault(LINEAR, read)).toEqual({ kind: 'mmio', guestPhysical: 0xfee0_0000 });
  });

  test('4 MiB pages are split', () => {
    vcpu.cr4 = CR4_PSE;
    shadow.activate();
    guestWord(DIRECTORY + 8, 0x87);
    expect(shadow.fault(0x0080_5123, write)).toEqual({ kind: 'filled' });
    expect(leaf(0x0080_5000) & ~0xfff).toBe(GUEST + 0x5000);
  });

  test('PAE tables with NX', () => {
    vcpu.cr4 = CR4_PAE;
    vcpu.msrs.set(0xc000_0080, [0x800, 0]);
    vcpu.pdpte = [
      [0x3001, 0],
      [0, 0],
      [0, 0],
      [0, 0],
    ];
    guestWord(0x3000 + 16, 0x4000 | 7);
    guestWord(0x4000 + 24, PAGE | 7);
    guestWord(0x4000 + 28, 0x8000_0000);
    shadow.activate();
    expect(shadow.fault(LINEAR, { ...read, fetch: true })).toEqual({ kind: 'true', error: 0x11 });
    expect(shadow.fault(LINEAR, read)).toEqual({ kind: 'filled' });
  });
});

describe('tracing', () => {
  test('page tables are not writable through any mapping', () => {
    guestWord(TABLE + 16, TABLE | 0x67);
    shadow.fault(LINEAR, read);
    expect(shadow.fault(LINEAR + 0x1000, write)).toEqual({ kind: 'traced', guestPhysical: TABLE });
  });

  test('a page mapped writable before it became a table loses the permission, and the TLB is flushed', () => {
    guestWord(TABLE + 12, 0x6000 | 0x67);
    shadow.fault(LINEAR, write);
    expect(leaf(LINEAR) & 2).toBe(2);
    const flushes = host.roots.length;
    guestWord(DIRECTORY + 8, 0x6000 | 7);
    guestWord(0x6000, PAGE | 7);
    shadow.fault(0x0080_0000, read);
    expect(leaf(LINEAR) & 2).toBe(0);
    expect(host.roots.length).toBeGreaterThan(flushes);
  });

  test('an entry that is written drops what was derived from it', () => {
    shadow.fault(LINEAR, read);
    guestWord(TABLE + 12, 0x7000 | 7);
    shadow.guestWrote(TABLE + 12, 4, true);
    expect(leaf(LINEAR)).toBe(0);
    shadow.fault(LINEAR, read);
    expect(leaf(LINEAR) & ~0xfff).toBe(GUEST + 0x7000);
  });

  test('a write that changes nothing drops nothing', () => {
    shadow.fault(LINEAR, read);
    shadow.guestWrote(TABLE + 12, 4, false);
    expect(leaf(LINEAR)).not.toBe(0);
  });

  test('writes and remappings of translated code are reported', () => {
    shadow.fault(LINEAR, read);
    shadow.traceCode(PAGE >>> 12);
    expect(shadow.fault(LINEAR, write)).toEqual({ kind: 'traced', guestPhysical: PAGE });
    shadow.guestWrote(PAGE + 8, 4, true);
    guestWord(TABLE + 12, 0);
    shadow.guestWrote(TABLE + 12, 4, true);
    expect(changedCode).toEqual([PAGE >>> 12, PAGE >>> 12]);
  });
});

describe('address spaces', () => {
  test('shadows are kept for each CR3', () => {
    shadow.fault(LINEAR, read);
    const first = shadow.root;
    vcpu.cr3 = 0x8000;
    shadow.activate();
    expect(leaf(LINEAR)).toBe(0);
    vcpu.cr3 = DIRECTORY;
    shadow.activate();
    expect(shadow.root).toBe(first);
    expect(leaf(LINEAR)).not.toBe(0);
  });

  test('a directory that is written again and again while not in use is forgotten', () => {
    vcpu.cr3 = 0x8000;
    shadow.activate();
    for (let n = 0; n < 10; n++) shadow.guestWrote(DIRECTORY + 4 * n, 4, true);
    expect(shadow.isTraced(DIRECTORY >>> 12)).toBe(false);
  });

  test('when the pool is empty all shadows go and the fill succeeds', () => {
    for (let n = 0; n < 2000; n++) {
      vcpu.cr3 = 0x8000 + (n % 40) * 0x1000;
      guestWord(vcpu.cr3 + 4, TABLE | 7);
      shadow.activate();
      expect(shadow.fault(LINEAR, read).kind).toBe('filled');
      expect(leaf(LINEAR) & ~0xfff).toBe(GUEST + PAGE);
    }
  });

  test('saved and loaded, the tables are traced as before', () => {
    shadow.fault(LINEAR, read);
    const saved = shadow.save();
    shadow.load(saved);
    expect(shadow.save()).toEqual(saved);
    guestWord(TABLE + 12, 0x7000 | 7);
    shadow.guestWrote(TABLE + 12, 4, true);
    expect(leaf(LINEAR)).toBe(0);
  });
});
