// SMEP and SMAP on the way real software uses them: STAC and CLAC around copies, implicit accesses, stacks, and the page
// tables' rights seen through a TLB that already holds the page. Expected values: SDM Vol. 3A "Access Rights",
// "Page-Fault Exceptions"; Vol. 2 "STAC", "CLAC". The combinations of rights are in access-rights.test.ts.
import { describe, expect, test } from 'vitest';
import { CODE, DOORWAY, FREE_TABLES, GDT, IDT, LongMachine, PD, RSP0, TSS } from './long-machine.ts';

const CR4_SMEP = 0x10_0000;
const CR4_SMAP = 0x20_0000;
const AC = 0x4_0000n;
const USER_PAGE = 0x60_0000;
const KERNEL_PAGE = 0x60_1000;
const TABLE = FREE_TABLES;
const LOW_TABLE = FREE_TABLES + 0x1000;
const PF = 14;

/** SMEP and SMAP on: the first 2 MiB belong to the supervisor, from USER_PAGE on a page of users and one of the supervisor. */
function machine(bits = CR4_SMEP | CR4_SMAP): LongMachine {
  const m = new LongMachine();
  m.quad(PD + 8 * 3, BigInt(TABLE | 7));
  m.quad(TABLE, BigInt(0x10_0000 | 7));
  m.quad(TABLE + 8, BigInt(0x10_1000 | 3));
  m.quad(PD, BigInt(LOW_TABLE | 7));
  for (let page = 0; page < 512; page++) m.quad(LOW_TABLE + 8 * page, BigInt((page << 12) | 3));
  m.cpu.cr4 = 0x20 | bits;
  m.cpu.flushTlb();
  return m;
}

/** Gives a page below 2 MiB to users. */
function toUser(m: LongMachine, ...pages: number[]): void {
  for (const page of pages) m.quad(LOW_TABLE + 8 * (page >>> 12), BigInt((page & ~0xfff) | 7));
  m.cpu.flushTlb();
}

describe('SMAP', () => {
  test('the supervisor touches user pages only between STAC and CLAC', () => {
    const m = machine();
    const text = `stac\nmov eax, [${USER_PAGE}]\nmov [${USER_PAGE}], eax\nclac\nbad: mov eax, [${USER_PAGE}]`;
    expect(m.deliver(text)).toMatchObject({ vector: PF, error: 1 });
    expect(m.cpu.cr2).toBe(USER_PAGE);
    m.ring(0);
    expect(m.deliver(`mov [${USER_PAGE}], eax`)).toMatchObject({ vector: PF, error: 3 });
  });

  test('POPF opens and closes as well', () => {
    const m = machine();
    const popf = (flags: bigint) => `mov rax, ${flags | 2n}\npush rax\npopfq`;
    const text = `${popf(AC)}\nmov ecx, [${USER_PAGE}]\nmov ecx, [${USER_PAGE}]\n${popf(0n)}\nmov ecx, [${USER_PAGE}]`;
    expect(m.deliver(text)).toMatchObject({ vector: PF, error: 1 });
  });

  test('a page that users have touched is in the TLB, and still closed to the supervisor', () => {
    const m = machine();
    toUser(m, CODE);
    m.gate(0x31, { offset: BigInt(DOORWAY - 0x100), dpl: 3 });
    m.ring(3);
    m.program(`mov [${USER_PAGE}], eax\nint 0x31`);
    m.program(`mov eax, [${USER_PAGE}]`, 64, DOORWAY - 0x100);
    const frame = m.frame(m.run());
    expect(frame).toMatchObject({ vector: PF, error: 1, rip: BigInt(DOORWAY - 0x100) });
  });

  test('string instructions copy across many user pages with AC set, and fault without', () => {
    const m = machine();
    const pages = 100;
    for (let n = 0; n < pages; n++) m.quad(TABLE + 8 * (n + 2), BigInt((0x11_0000 + n * 0x1000) | 7));
    const from = USER_PAGE + 0x2000;
    const to = 0x20_0000;
    m.quad(PD + 8, BigInt(0x20_0000 | 0x83));
    for (let n = 0; n < pages; n++) m.quad(0x11_0000 + n * 0x1000, BigInt(n));
    m.cpu.flushTlb();
    const copy = `mov rsi, ${from}\nmov rdi, ${to}\nmov ecx, ${pages * 512}\nrep movsq`;
    m.program(`stac\n${copy}\nclac\n${copy}`);
    const frame = m.frame(m.cpu.run({ instructions: m.cpu.instructions + 1_000_000 }));
    expect(frame).toMatchObject({ vector: PF, error: 1 });
    expect(m.cpu.cr2).toBe(from);
    expect(m.read(to + 99 * 0x1000)).toBe(99n);
  });

  test('pages of the supervisor stay open whatever AC is', () => {
    const m = machine();
    const text = `mov eax, [${KERNEL_PAGE}]\nstac\nmov eax, [${KERNEL_PAGE}]\nclac\nmov eax, [${KERNEL_PAGE}]\nint 0x30`;
    expect(m.deliver(text).vector).toBe(0x30);
  });

  test('implicit accesses ignore AC: a descriptor in a user page faults at any privilege', () => {
    const inKernel = machine();
    inKernel.memory.setBigUint64(0x10_0010, 0x00cf9300_0000ffffn, true);
    inKernel.cpu.gdtr = { base: USER_PAGE, limit: 0x1ff };
    // STAC, and an explicit access that opens the page: the implicit one fails all the same
    const text = `stac\nmov eax, [${USER_PAGE + 0x10}]\nmov ecx, 0x10\nbad: mov fs, cx`;
    inKernel.program(text);
    inKernel.run(5);
    expect(inKernel.cpu.exceptions()[0]).toMatchObject({ vector: PF, error: 1, cr2: USER_PAGE + 0x10 });
    const inUser = machine();
    toUser(inUser, CODE, GDT);
    inUser.ring(3, 64, Number(AC | 2n));
    inUser.program('mov ecx, 0x2b\nmov fs, cx');
    // the #PF cannot be delivered without a GDT either
    expect(inUser.run()).toEqual({ reason: 'shutdown' });
    expect(inUser.cpu.exceptions()[0]).toMatchObject({ vector: PF, error: 1, cr2: GDT + 0x28 });
  });

  test('the IDT in a user page makes every event a triple fault', () => {
    const m = machine();
    toUser(m, IDT);
    m.program('stac\nint 0x30');
    expect(m.run()).toEqual({ reason: 'shutdown' });
  });

  test('the TSS in a user page cannot give the inner stack', () => {
    const m = machine();
    toUser(m, CODE, TSS);
    m.gate(PF, { offset: BigInt(DOORWAY + PF), ist: 0 });
    m.gate(0x30, { offset: BigInt(DOORWAY + 0x30), dpl: 3 });
    m.ring(3, 64, Number(AC | 2n));
    m.program('int 0x30');
    expect(m.run()).toEqual({ reason: 'shutdown' });
    expect(m.cpu.exceptions()[0]).toMatchObject({ vector: PF, error: 1, cr2: TSS + 4 });
  });

  test('pushes of a delivery are explicit: with AC set they may go to a user page', () => {
    const deliver = (flags: bigint) => {
      const m = machine();
      toUser(m, CODE, RSP0 - 0x10);
      m.gate(0x30, { offset: BigInt(DOORWAY + 0x30), dpl: 3 });
      m.ring(3, 64, Number(flags | 2n));
      m.program('int 0x30');
      return m.run();
    };
    expect(deliver(AC)).toEqual({ reason: 'doorway', entry: 0x30 });
    expect(deliver(0n)).toEqual({ reason: 'shutdown' });
  });

  test('users are not concerned', () => {
    const m = machine();
    toUser(m, CODE);
    m.gate(0x30, { offset: BigInt(DOORWAY + 0x30), dpl: 3 });
    m.ring(3);
    expect(m.deliver(`mov eax, [${USER_PAGE}]\nmov [${USER_PAGE}], eax\nint 0x30`).vector).toBe(0x30);
  });

  test('a snapshot between STAC and CLAC goes on like the original', () => {
    const original = machine();
    const text = `stac\nmov eax, [${USER_PAGE}]\nmov eax, [${USER_PAGE}]\nclac\nbad: mov eax, [${USER_PAGE}]`;
    original.program(text);
    original.run(3);
    const copy = machine();
    copy.program(`stac\nmov ebx, [${USER_PAGE}]`);
    copy.run(2);
    copy.cpu.ram.set(original.cpu.ram);
    copy.cpu.load(original.cpu.save());
    expect(copy.cpu.save()).toEqual(original.cpu.save());
    for (const m of [original, copy]) expect(m.frame(m.run())).toMatchObject({ vector: PF, error: 1 });
    expect(copy.cpu.save()).toEqual(original.cpu.save());
    expect(copy.cpu.counters().tlbMisses).toBe(original.cpu.counters().tlbMisses);
  });

  test('switching it on closes pages that the TLB holds', () => {
    const m = machine(0);
    const on = `mov rax, cr4\nor eax, ${CR4_SMAP}\nmov cr4, rax`;
    expect(m.deliver(`mov eax, [${USER_PAGE}]\n${on}\nmov eax, [${USER_PAGE}]`)).toMatchObject({
      vector: PF,
      error: 1,
    });
  });
});

describe('SMEP', () => {
  test('the supervisor executes no user page, also one that users have executed', () => {
    const m = machine();
    m.quad(TABLE, BigInt(CODE | 7));
    toUser(m, CODE);
    m.gate(0x31, { offset: BigInt(DOORWAY - 0x100), dpl: 3 });
    m.ring(3);
    m.program('int 0x31');
    m.program(`mov eax, ${CODE}\njmp rax`, 64, DOORWAY - 0x100);
    expect(m.frame(m.run())).toMatchObject({ vector: PF, error: 0x11, rip: BigInt(CODE) });
  });

  test('the error code tells a fetch although EFER.NXE is clear', () => {
    const m = machine(CR4_SMEP);
    m.cpu.setMsr(0xc000_0080, 0x501n);
    expect(m.deliver(`mov eax, ${USER_PAGE}\njmp rax`)).toMatchObject({ vector: PF, error: 0x11 });
  });

  test('does not keep the supervisor from reading', () => {
    const m = machine(CR4_SMEP);
    expect(m.deliver(`mov eax, [${USER_PAGE}]\nint 0x30`).vector).toBe(0x30);
  });
});

describe('STAC and CLAC', () => {
  test('set and clear EFLAGS.AC and nothing else', () => {
    const m = machine();
    m.deliver('mov eax, -1\nadd eax, 1\nstac\npushfq\npop r8\nclac\npushfq\npop r9\nint 0x30');
    expect(m.cpu.reg64(8) ^ m.cpu.reg64(9)).toBe(AC);
    expect(m.cpu.reg64(8) & (AC | 0x41n)).toBe(AC | 0x41n);
  });

  test('above CPL 0 they are #UD', () => {
    for (const name of ['stac', 'clac']) {
      const m = machine();
      toUser(m, CODE);
      m.ring(3);
      expect(m.deliver(name).vector).toBe(6);
    }
  });
});
