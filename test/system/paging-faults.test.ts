// Page faults of implicit accesses: stacks, descriptor tables and the TSS while events and selectors are handled. Expected
// values: SDM Vol. 3A "Page-Fault Exceptions", "Interrupt 8—Double Fault Exception (#DF)", "Access Rights".
import { describe, expect, test } from 'vitest';
import {
  CODE,
  CODE_SELECTORS,
  DATA_SELECTORS,
  DOORWAY,
  FREE,
  GDT,
  IDT,
  TestMachine,
  TSS,
  TSS_STACKS,
} from './machine.ts';

const DIRECTORY = 0x60000;
const TABLE = 0x61000;
const USER_RW = 7;

/** Identity mapping of the first 4 MiB, all of it accessible to users, with CR0.WP. */
function paged(): TestMachine {
  const m = new TestMachine();
  m.memory.setUint32(DIRECTORY, TABLE | USER_RW, true);
  for (let page = 0; page < 1024; page++) m.memory.setUint32(TABLE + page * 4, (page << 12) | USER_RW, true);
  m.cpu.cr3 = DIRECTORY;
  m.cpu.cr0 = 0x80010011;
  m.cpu.flushTlb();
  return m;
}

function protect(m: TestMachine, address: number, bits: number): void {
  m.memory.setUint32(TABLE + (address >>> 12) * 4, (address & 0xfffff000) | bits, true);
  m.cpu.flushTlb();
}

/** The gate of a vector leads to ring 1, whose stack is good whatever happened to that of ring 0. */
function toRing1(m: TestMachine, vector: number): void {
  m.gate(vector, { type: 14, selector: CODE_SELECTORS[1], offset: DOORWAY + vector });
}

describe('page faults', () => {
  test('the error code tells present, write and user; CR2 is the linear address', () => {
    const m = paged();
    protect(m, 0x50000, 5);
    protect(m, 0x51000, 0);
    m.ring(3);
    expect(m.deliver('bad: mov [0x50123], eax')).toMatchObject({ vector: 14, error: 7, eip: CODE });
    expect(m.cpu.cr2).toBe(0x50123);
    m.ring(0);
    expect(m.deliver('mov eax, [0x51ffe]')).toMatchObject({ vector: 14, error: 0 });
    expect(m.cpu.cr2).toBe(0x51ffe);
  });

  test('CR2 of an access that crosses into a missing page is the start of that page', () => {
    const m = paged();
    protect(m, 0x51000, 0);
    expect(m.deliver('mov eax, [0x50ffe]')).toMatchObject({ vector: 14, error: 0 });
    expect(m.cpu.cr2).toBe(0x51000);
  });

  test('the supervisor writes read-only pages only with WP clear', () => {
    const m = paged();
    protect(m, 0x50000, 5);
    expect(m.deliver('mov [0x50000], eax')).toMatchObject({ vector: 14, error: 3 });
    m.cpu.cr0 = 0x80000011;
    m.cpu.flushTlb();
    m.ring(0);
    expect(m.deliver('mov [0x50000], eax\nud2').vector).toBe(6);
  });
});

describe('the end of the address space', () => {
  test('an access that crosses 4 GiB in a flat segment goes on at linear address 0', () => {
    const m = paged();
    // the last 4 MiB are physical 0 to 4 MiB as well, by a large page
    m.memory.setUint32(DIRECTORY + 1023 * 4, 0x83, true);
    m.cpu.cr4 = 0x10;
    m.cpu.flushTlb();
    m.deliver('mov dword [0xfffffffe], 0x44332211\nmov ecx, [0xfffffffe]\nint 0x30');
    expect(m.cpu.reg(1)).toBe(0x44332211);
    expect(m.memory.getUint16(0x3ffffe, true)).toBe(0x2211);
    expect(m.memory.getUint16(0, true)).toBe(0x4433);
  });

  test('with a missing first page it is #PF at address 0', () => {
    const m = paged();
    m.memory.setUint32(DIRECTORY + 1023 * 4, 0x83, true);
    m.cpu.cr4 = 0x10;
    protect(m, 0, 0);
    expect(m.deliver('mov eax, [0xfffffffe]')).toMatchObject({ vector: 14, error: 0 });
    expect(m.cpu.cr2).toBe(0);
  });
});

describe('while an event is delivered', () => {
  test('a missing page of the inner stack turns INT n into #PF at the INT', () => {
    const m = paged();
    protect(m, TSS_STACKS[0] - 4, 0);
    toRing1(m, 14);
    m.gate(0x30, { type: 14, selector: 8, offset: DOORWAY + 0x30, dpl: 3 });
    m.ring(3);
    expect(m.deliver('int 0x30')).toMatchObject({ vector: 14, error: 2, eip: CODE, cs: CODE_SELECTORS[3] });
    expect(m.cpu.cr2).toBe(TSS_STACKS[0] - 4);
  });

  test('the same while #GP is delivered is #PF: #GP is contributory, #PF comes second', () => {
    const m = paged();
    protect(m, TSS_STACKS[0] - 4, 0);
    toRing1(m, 14);
    m.ring(3);
    expect(m.deliver('cli')).toMatchObject({ vector: 14, error: 2, eip: CODE });
  });

  test('while #PF is delivered it is #DF', () => {
    const m = paged();
    protect(m, TSS_STACKS[0] - 4, 0);
    protect(m, 0x50000, 0);
    toRing1(m, 8);
    m.ring(3);
    expect(m.deliver('mov eax, [0x50000]')).toMatchObject({ vector: 8, error: 0, eip: CODE });
    expect(m.cpu.exceptions().map((e) => e.vector)).toEqual([14, 14, 8]);
    expect(m.cpu.cr2).toBe(TSS_STACKS[0] - 4);
  });

  test('with no stack for #DF either, the processor shuts down', () => {
    const m = paged();
    protect(m, TSS_STACKS[0] - 4, 0);
    protect(m, 0x50000, 0);
    m.ring(3);
    m.program('mov eax, [0x50000]');
    expect(m.run()).toMatchObject({ reason: 'shutdown' });
    expect(m.cpu.exceptions().map((e) => e.vector)).toEqual([14, 14, 8, 14]);
  });

  test('a missing IDT page while #UD is delivered is #PF with EXT clear', () => {
    const m = paged();
    protect(m, IDT, 0);
    m.program('ud2');
    expect(m.run()).toMatchObject({ reason: 'shutdown' });
    expect(m.cpu.exceptions().map((e) => [e.vector, e.error])).toEqual([
      [6, 0],
      [14, 0],
      [14, 0],
      [8, 0],
      [14, 0],
    ]);
  });
});

describe('descriptor tables under paging', () => {
  test('the GDT is read with supervisor privilege at CPL 3', () => {
    const m = paged();
    protect(m, GDT, 3);
    protect(m, TSS, 3);
    m.ring(3);
    m.gate(0x30, { type: 14, selector: 8, offset: DOORWAY + 0x30, dpl: 3 });
    expect(m.deliver(`mov ax, ${DATA_SELECTORS[3]}\nmov es, ax\nint 0x30`).vector).toBe(0x30);
  });

  test('a missing GDT page is #PF with U clear, and the register keeps its contents', () => {
    const m = paged();
    // entries of a second page of the GDT
    m.cpu.gdtr = { base: GDT, limit: 0x1fff };
    protect(m, GDT + 0x1000, 0);
    const stays = m.cpu.segment(0);
    m.cpu.idtr = { base: 0x70000, limit: 0x7ff };
    m.cpu.ram.copyWithin(0x70000, IDT, IDT + 0x800);
    expect(m.deliver('mov ax, 0x1008\nbad: mov es, ax')).toMatchObject({ vector: 14, error: 0, eip: m.label('bad') });
    expect(m.cpu.cr2).toBe(GDT + 0x1008);
    expect(m.cpu.segment(0)).toEqual(stays);
  });

  test('the accessed bit in a read-only GDT is #PF on the write', () => {
    const m = paged();
    m.descriptor(FREE, { type: 0x12 });
    protect(m, GDT, 1);
    expect(m.deliver(`mov ax, ${FREE}\nbad: mov es, ax`)).toMatchObject({ vector: 14, error: 3, eip: m.label('bad') });
  });

  test('a second page of the I/O permission bit map may be missing', () => {
    const m = paged();
    m.memory.setUint16(TSS + 0x66, 0x0fff, true);
    protect(m, TSS + 0x1000, 0);
    m.ring(3);
    expect(m.deliver('in al, 0x20')).toMatchObject({ vector: 14, error: 0, eip: CODE });
    expect(m.cpu.cr2).toBe(TSS + 0x1003);
  });
});
