// Loading and using segment registers. Expected values: SDM Vol. 3A "Privilege Level Checking When Accessing Data Segments",
// "Limit Checking", "Type Checking", Vol. 2 "MOV", "LAR", "LSL", "VERR/VERW", "ARPL".
import { describe, expect, test } from 'vitest';
import { DS, ES, SS } from '../../asm/layout.ts';
import { CODE, CODE_SELECTORS, DATA, DATA_SELECTORS, DOORWAY, FREE, GDT_ENTRIES, TestMachine } from './machine.ts';

const END = `\njmp 0x08:${DOORWAY + 0x300}`;
const finished = { reason: 'doorway', entry: 0x300 };

describe('loading a data segment register', () => {
  test('MOV DS fills the descriptor cache and sets the accessed bit in the table', () => {
    const m = new TestMachine();
    m.descriptor(FREE, { type: 0x12, base: 0x12345678, limit: 0xfff });
    m.program(`mov ax, ${FREE}\nmov ds, ax${END}`);
    expect(m.run()).toMatchObject(finished);
    expect(m.cpu.segment(DS)).toMatchObject({ selector: FREE, base: 0x12345678, limit: 0xfff, rights: 0x4093 });
    expect(m.accessByte(FREE)).toBe(0x93);
  });

  test('a null selector loads without a fault, and its use is #GP(0)', () => {
    const m = new TestMachine();
    const got = m.deliver('xor eax, eax\nmov es, ax\nuse: mov ecx, [es:0]');
    expect(got).toMatchObject({ vector: 13, error: 0, eip: m.label('use') });
    expect(m.cpu.segment(ES).selector).toBe(0);
  });

  test('a selector beyond the table limit is #GP(selector)', () => {
    const m = new TestMachine();
    expect(m.deliver(`mov ax, ${GDT_ENTRIES * 8 + 3}\nmov ds, ax`)).toMatchObject({
      vector: 13,
      error: GDT_ENTRIES * 8,
    });
  });

  test('an LDT selector keeps TI in the error code', () => {
    const m = new TestMachine();
    expect(m.deliver('mov ax, 0x107\nmov ds, ax')).toMatchObject({ vector: 13, error: 0x104 });
  });

  test('an LDT selector loads from the LDT', () => {
    const m = new TestMachine();
    m.descriptor(0x0c, { type: 0x13, base: 0x1000 });
    m.program(`mov ax, 0x0c\nmov ds, ax${END}`);
    expect(m.run()).toMatchObject(finished);
    expect(m.cpu.segment(DS)).toMatchObject({ selector: 0x0c, base: 0x1000 });
  });

  test.each([
    ['a not-present data segment', { type: 0x13, present: false }, FREE, 11, FREE],
    ['an execute-only code segment', { type: 0x19 }, FREE, 13, FREE],
    ['a TSS', { type: 0x09 }, FREE, 13, FREE],
  ])('%s faults', (_, descriptor, selector, vector, error) => {
    const m = new TestMachine();
    m.descriptor(FREE, descriptor);
    expect(m.deliver(`mov ax, ${selector}\nmov ds, ax`)).toMatchObject({ vector, error });
  });

  test.each([
    ['CPL 3 and a DPL 0 segment', 3, FREE | 3, { type: 0x13, dpl: 0 }, 13],
    ['RPL 3 and a DPL 0 segment at CPL 0', 0, FREE | 3, { type: 0x13, dpl: 0 }, 13],
    ['CPL 3 and a nonconforming readable code segment of DPL 0', 3, FREE, { type: 0x1b, dpl: 0 }, 13],
  ] as const)('%s is #GP(selector)', (_, ring, selector, descriptor, vector) => {
    const m = new TestMachine();
    m.descriptor(FREE, descriptor);
    m.ring(ring);
    expect(m.deliver(`mov ax, ${selector}\nmov es, ax`, { outer: ring > 0 })).toMatchObject({ vector, error: FREE });
  });

  test('a conforming readable code segment loads at any privilege level', () => {
    const m = new TestMachine();
    m.descriptor(FREE, { type: 0x1e, dpl: 0 });
    m.ring(3);
    const got = m.deliver(`mov ax, ${FREE | 3}\nmov es, ax\nint3`, { outer: true });
    // INT3 through a DPL 0 gate: the load itself went well
    expect(got).toMatchObject({ vector: 13, error: (3 << 3) | 2 });
    expect(m.cpu.segment(ES).selector).toBe(FREE | 3);
  });

  test('POP SS moves the stack pointer as wide as the old stack was (SDM Vol. 2 "POP": StackAddrSize)', () => {
    const m = new TestMachine();
    m.descriptor(FREE, { type: 0x13, limit: 0xffff, big: false });
    m.program(`mov ax, ${FREE}\nmov ss, ax\nmov esp, 0x2fffc\nmov dword [0xfffc], ${DATA_SELECTORS[0]}\npop ss${END}`);
    expect(m.run()).toMatchObject(finished);
    expect(m.cpu.segment(SS).selector).toBe(DATA_SELECTORS[0]);
    expect(m.cpu.reg(4)).toBe(0x20000);
  });
});

describe('loading SS', () => {
  test.each([
    ['null', 0, undefined, 13, 0],
    ['RPL other than CPL', DATA_SELECTORS[3], undefined, 13, DATA_SELECTORS[3] & ~3],
    ['not writable', FREE, { type: 0x11 }, 13, FREE],
    ['code', FREE, { type: 0x1b }, 13, FREE],
    ['not present', FREE, { type: 0x13, present: false }, 12, FREE],
  ])('%s faults', (_, selector, descriptor, vector, error) => {
    const m = new TestMachine();
    if (descriptor) m.descriptor(FREE, descriptor);
    expect(m.deliver(`mov ax, ${selector}\nmov ss, ax`)).toMatchObject({ vector, error, eip: CODE + 4 });
    expect(m.cpu.segment(SS).selector).toBe(DATA_SELECTORS[0]);
  });

  test('POP SS moves ESP by the operand size', () => {
    const m = new TestMachine();
    m.program(`push dword ${DATA_SELECTORS[0]}\nmov ebx, esp\npop ss${END}`);
    expect(m.run()).toMatchObject(finished);
    expect(m.cpu.reg(4)).toBe(m.cpu.reg(3) + 4);
  });
});

describe('limits and types', () => {
  const limited = (type: number, limit: number, big = true) => {
    const m = new TestMachine();
    m.descriptor(FREE, { type, base: DATA, limit, big });
    return m;
  };

  test.each([
    ['the last byte', 'mov al, [ds:0xfff]', undefined],
    ['one byte beyond', 'mov al, [ds:0x1000]', 13],
    ['a dword that ends at the limit', 'mov eax, [ds:0xffc]', undefined],
    ['a dword that crosses the limit', 'mov eax, [ds:0xffd]', 13],
    ['a word store that crosses the limit', 'mov [ds:0xfff], ax', 13],
  ])('expand-up: %s', (_, access, vector) => {
    const m = limited(0x13, 0xfff);
    m.program(`mov ax, ${FREE}\nmov ds, ax\naccess: ${access}${END}`);
    const stop = m.run();
    if (vector === undefined) expect(stop).toMatchObject(finished);
    else expect(m.delivered(stop)).toMatchObject({ vector, error: 0, eip: m.label('access') });
  });

  test.each([
    ['at the limit', 0xfff, true, 13],
    ['above the limit', 0x1000, true, undefined],
    ['above 64 KiB in a 32-bit segment', 0x20000, true, undefined],
    ['above 64 KiB in a 16-bit segment', 0x10000, false, 13],
    ['the last byte of a 16-bit segment', 0xffff, false, undefined],
  ])('expand-down: %s', (_, offset, big, vector) => {
    const m = limited(0x17, 0xfff, big);
    m.program(`mov ax, ${FREE}\nmov ds, ax\nmov cl, [ds:${offset}]${END}`);
    const stop = m.run();
    if (vector === undefined) expect(stop).toMatchObject(finished);
    else expect(m.delivered(stop)).toMatchObject({ vector, error: 0 });
  });

  test('a store into a read-only segment is #GP(0)', () => {
    const m = limited(0x11, 0xfff);
    expect(m.deliver(`mov ax, ${FREE}\nmov ds, ax\nmov [ds:0], al`)).toMatchObject({ vector: 13, error: 0 });
  });

  test('a load from an execute-only code segment through CS is #GP(0)', () => {
    const m = new TestMachine();
    m.descriptor(FREE, { type: 0x19 });
    expect(m.deliver(`jmp ${FREE}:there\nthere: mov eax, [cs:0]`)).toMatchObject({ vector: 13, error: 0, cs: FREE });
  });

  test('a violation through SS is #SS(0)', () => {
    const m = limited(0x13, 0xfff);
    expect(m.deliver(`mov ax, ${FREE}\nmov ss, ax\nmov esp, 0xf00\nmov eax, [ss:0x1000]`)).toMatchObject({
      vector: 12,
      error: 0,
    });
  });
});

describe('segment queries', () => {
  const query = (text: string, ring: 0 | 3 = 0) => {
    const m = new TestMachine();
    m.ring(ring);
    m.gate(0x40, { type: 14, selector: 0x08, offset: DOORWAY + 0x40, dpl: 3 });
    m.program(`${text}\nsetz bl\nint 0x40`);
    expect(m.run()).toMatchObject({ reason: 'doorway', entry: 0x40 });
    return { zero: m.cpu.reg(3) & 0xff, eax: m.cpu.reg(0) };
  };

  test('LAR gives the access rights of a visible descriptor', () => {
    expect(query(`mov ecx, ${DATA_SELECTORS[3]}\nlar eax, cx`, 3)).toEqual({ zero: 1, eax: 0xcff300 });
  });
  test('LAR of a DPL 0 segment at CPL 3 clears ZF and leaves the destination', () => {
    expect(query('mov eax, 7\nmov ecx, 0x10\nlar eax, cx', 3)).toEqual({ zero: 0, eax: 7 });
  });
  test('LSL gives the byte-granular limit', () => {
    expect(query(`mov ecx, ${CODE_SELECTORS[0]}\nlsl eax, cx`)).toEqual({ zero: 1, eax: 0xffffffff });
  });
  test.each([
    ['VERR', 'verr', CODE_SELECTORS[0], 1],
    ['VERW', 'verw', CODE_SELECTORS[0], 0],
    ['VERW', 'verw', DATA_SELECTORS[0], 1],
    ['VERR', 'verr', 0, 0],
  ])('%s: %s %i', (_, mnemonic, selector, zero) => {
    expect(query(`mov ax, ${selector}\n${mnemonic} ax`).zero).toBe(zero);
  });
  test('ARPL raises the RPL and sets ZF', () => {
    expect(query('mov eax, 0x20\nmov ecx, 3\narpl ax, cx', 3)).toEqual({ zero: 1, eax: 0x23 });
    expect(query('mov eax, 0x23\nmov ecx, 0\narpl ax, cx', 3)).toEqual({ zero: 0, eax: 0x23 });
  });
});
