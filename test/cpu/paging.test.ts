// Page walks in their modes. Expected values: SDM Vol. 3A "32-Bit Paging", "PAE Paging", "Access Rights",
// "Accessed and Dirty Flags", "Caching Translation Information", "Page-Fault Exceptions".
import { describe, expect, test } from 'vitest';
import { type CpuModel, findCpuModel } from '../../src/cpu/cpu.ts';
import { CODE, DOORWAY, TestMachine } from '../system/machine.ts';

const DIRECTORY = 0x60000;
const TABLE = 0x61000;
const PDPT = 0x62000;
const PAE_DIRECTORY = 0x63000;
const PAE_TABLE = 0x64000;
const CR4_PSE = 0x10;
const CR4_PAE = 0x20;
const CR4_PGE = 0x80;
const EFER = 0xc000_0080;
const END = `jmp 8:${DOORWAY + 0x300}`;
const P = 1;
const W = 2;
const U = 4;
const A = 0x20;
const D = 0x40;
const LARGE = 0x80;
const G = 0x100;
const PAGE = 0x50000;

/** Two-level paging, identity for 4 MiB. */
function twoLevel(cr4 = 0, model?: CpuModel): TestMachine {
  const m = new TestMachine(model);
  m.memory.setUint32(DIRECTORY, TABLE | P | W | U, true);
  for (let page = 0; page < 1024; page++) m.memory.setUint32(TABLE + page * 4, (page << 12) | P | W | U, true);
  m.cpu.cr4 = cr4;
  m.cpu.cr3 = DIRECTORY;
  m.cpu.cr0 = 0x8001_0011;
  m.cpu.flushTlb();
  return m;
}

/** PAE paging with NX, identity for 2 MiB by 4 KiB pages and 2 MiB by one large page. */
function pae(): TestMachine {
  const m = new TestMachine();
  const put = (at: number, value: bigint) => m.memory.setBigUint64(at, value, true);
  put(PDPT, BigInt(PAE_DIRECTORY | P));
  put(PAE_DIRECTORY, BigInt(PAE_TABLE | P | W | U));
  put(PAE_DIRECTORY + 8, BigInt(0x20_0000 | P | W | U | LARGE));
  for (let page = 0; page < 512; page++) put(PAE_TABLE + page * 8, BigInt((page << 12) | P | W | U));
  m.cpu.setMsr(EFER, 0x800n);
  m.program(
    `mov eax, cr4\nor eax, ${CR4_PAE}\nmov cr4, eax\nmov eax, ${PDPT}\nmov cr3, eax\nmov eax, cr0\nor eax, 0x80010000\nmov cr0, eax\n${END}`,
  );
  expect(m.run()).toEqual({ reason: 'doorway', entry: 0x300 });
  m.ring(0);
  return m;
}

const pte = (m: TestMachine, linear: number) => m.memory.getUint32(TABLE + (linear >>> 12) * 4, true);
const setPte = (m: TestMachine, linear: number, value: number) => {
  m.memory.setUint32(TABLE + (linear >>> 12) * 4, value >>> 0, true);
};
const finish = (m: TestMachine, text: string) => {
  m.program(`${text}\n${END}`);
  expect(m.run(10_000)).toEqual({ reason: 'doorway', entry: 0x300 });
};

describe('two-level paging', () => {
  test('a read sets accessed, a write dirty as well; the directory entry only accessed', () => {
    const m = twoLevel();
    finish(m, `mov eax, [${PAGE}]`);
    expect(pte(m, PAGE) & (A | D)).toBe(A);
    finish(twoLevelAgain(m), `mov [${PAGE}], eax`);
    expect(pte(m, PAGE) & (A | D)).toBe(A | D);
    expect(m.memory.getUint32(DIRECTORY, true) & (A | D)).toBe(A);
  });

  test('a faulting access sets no bit', () => {
    const m = twoLevel();
    setPte(m, PAGE, PAGE | P | U);
    m.ring(3);
    expect(m.deliver(`mov [${PAGE}], eax`)).toMatchObject({ vector: 14, error: 7 });
    expect(pte(m, PAGE) & (A | D)).toBe(0);
  });

  test('CR0.WP decides whether the supervisor may write read-only pages', () => {
    const m = twoLevel();
    setPte(m, PAGE, PAGE | P | U);
    expect(m.deliver(`mov [${PAGE}], eax`)).toMatchObject({ vector: 14, error: 3 });
    const free = twoLevel();
    setPte(free, PAGE, PAGE | P | U);
    free.cpu.cr0 = 0x8000_0011;
    free.cpu.flushTlb();
    finish(free, `mov [${PAGE}], eax`);
    expect(pte(free, PAGE) & D).toBe(D);
  });

  test('both levels have to allow user and write', () => {
    const m = twoLevel();
    const other = 0x40_0000 + PAGE;
    const fault = (rights: number, text: string) => {
      m.memory.setUint32(DIRECTORY + 4, TABLE | rights, true);
      m.cpu.flushTlb();
      m.ring(3);
      return m.deliver(text);
    };
    expect(fault(P | U, `mov [${other}], eax`)).toMatchObject({ vector: 14, error: 7 });
    expect(fault(P | W, `mov eax, [${other}]`)).toMatchObject({ vector: 14, error: 5 });
  });

  test('a 4 MiB page needs CR4.PSE; its reserved bits are checked', () => {
    const m = twoLevel(CR4_PSE);
    m.memory.setUint32(DIRECTORY + 4, P | W | U | LARGE, true);
    finish(m, `mov dword [${PAGE}], 1234\nmov eax, [${0x40_0000 + PAGE}]\nmov [${0x40_0000 + PAGE + 4}], eax`);
    expect(m.cpu.reg(0)).toBe(1234);
    expect(m.memory.getUint32(DIRECTORY + 4, true) & (A | D)).toBe(A | D);
    const reserved = twoLevel(CR4_PSE);
    reserved.memory.setUint32(DIRECTORY + 4, P | W | U | LARGE | 0x20_0000, true);
    expect(reserved.deliver(`mov eax, [${0x40_0000 + PAGE}]`)).toMatchObject({ vector: 14, error: 9 });
  });

  test('PSE-36: bits 16:13 of a 4 MiB page are bits 35:32 of its address', () => {
    const m = twoLevel(CR4_PSE);
    m.memory.setUint32(PAGE, 1234, true);
    for (let bit = 13; bit <= 21; bit++) {
      const isAddress = bit < 17;
      m.memory.setUint32(DIRECTORY + 4, P | W | U | LARGE | (1 << bit), true);
      const result = twoLevelAgain(m).deliver(`mov eax, [${0x40_0000 + PAGE}]\nint3`);
      // there is no RAM above 4 GiB, and nothing answers
      if (isAddress) expect([result.vector, m.cpu.reg(0)], `bit ${bit}`).toEqual([3, 0xffff_ffff]);
      else expect(result, `bit ${bit}`).toMatchObject({ vector: 14, error: 9 });
    }
  });

  test('without PSE-36 these bits are reserved', () => {
    const m = twoLevel(CR4_PSE, findCpuModel('pentium'));
    for (let bit = 13; bit <= 21; bit++) {
      m.memory.setUint32(DIRECTORY + 4, P | W | U | LARGE | (1 << bit), true);
      expect(twoLevelAgain(m).deliver(`mov eax, [${0x40_0000 + PAGE}]`)).toMatchObject({ vector: 14, error: 9 });
    }
  });

  test('translations stay until INVLPG or a load of CR3, global ones until INVLPG', () => {
    const change = (reload: string, flags: number) => {
      const m = twoLevel(CR4_PGE);
      m.memory.setUint32(PAGE, 1, true);
      m.memory.setUint32(PAGE + 0x1000, 2, true);
      setPte(m, PAGE, PAGE | P | W | flags);
      const entry = TABLE + (PAGE >>> 12) * 4;
      finish(
        m,
        `mov eax, [${PAGE}]\nmov dword [${entry}], ${(PAGE + 0x1000) | P | W | flags}\n${reload}\nmov eax, [${PAGE}]`,
      );
      return m.cpu.reg(0);
    };
    const reload = 'mov eax, cr3\nmov cr3, eax';
    expect(change('nop', 0)).toBe(1);
    expect(change(`invlpg [${PAGE}]`, 0)).toBe(2);
    expect(change(reload, 0)).toBe(2);
    expect(change(reload, G)).toBe(1);
    expect(change(`invlpg [${PAGE}]`, G)).toBe(2);
    expect(change('mov eax, cr4\nxor eax, 0x80\nmov cr4, eax', G)).toBe(2);
  });

  test('a store across two pages writes nothing when the second faults', () => {
    const m = twoLevel();
    setPte(m, PAGE + 0x1000, 0);
    expect(m.deliver(`mov dword [${PAGE + 0xffe}], -1`)).toMatchObject({ vector: 14, error: 2 });
    expect(m.cpu.cr2).toBe(PAGE + 0x1000);
    expect(m.memory.getUint16(PAGE + 0xffe, true)).toBe(0);
  });

  test('pages that share a TLB entry do not disturb each other', () => {
    const m = twoLevel(CR4_PSE);
    m.memory.setUint32(DIRECTORY + 4, P | W | U | LARGE, true);
    finish(
      m,
      `mov ecx, 50\nagain: inc dword [${PAGE}]\ninc dword [${0x40_0000 + PAGE}]\ndec ecx\njne again\nmov eax, [${PAGE}]`,
    );
    expect(m.cpu.reg(0)).toBe(100);
  });
});

/** The same machine, ready for another program. */
function twoLevelAgain(m: TestMachine): TestMachine {
  m.ring(0);
  m.cpu.flushTlb();
  return m;
}

describe('PAE paging', () => {
  test('4 KiB and 2 MiB pages, with accessed and dirty', () => {
    const m = pae();
    finish(m, `mov dword [0x212344], 77\nmov eax, [0x212344]\nmov [${PAGE}], eax`);
    expect(m.memory.getUint32(PAGE, true)).toBe(77);
    expect(m.memory.getUint32(PAE_DIRECTORY + 8, true) & (A | D)).toBe(A | D);
    expect(m.memory.getUint32(PAE_TABLE + (PAGE >>> 12) * 8, true) & (A | D)).toBe(A | D);
  });

  test('NX: a fetch faults with the instruction bit, data accesses do not', () => {
    const m = pae();
    m.memory.setUint32(PAE_TABLE + (PAGE >>> 12) * 8 + 4, 0x8000_0000, true);
    m.cpu.flushTlb();
    expect(m.deliver(`mov eax, [${PAGE}]\njmp ${PAGE}`)).toMatchObject({ vector: 14, error: 0x11, eip: PAGE });
    expect(m.cpu.cr2).toBe(PAGE);
  });

  test('NX without EFER.NXE and address bits beyond the width are reserved', () => {
    const nx = pae();
    nx.memory.setUint32(PAE_TABLE + (PAGE >>> 12) * 8 + 4, 0x8000_0000, true);
    nx.cpu.setMsr(EFER, 0n);
    nx.cpu.flushTlb();
    expect(nx.deliver(`mov eax, [${PAGE}]`)).toMatchObject({ vector: 14, error: 8 + 1 });
    const wide = pae();
    wide.memory.setUint32(PAE_TABLE + (PAGE >>> 12) * 8 + 4, 0x0010_0000, true);
    wide.cpu.flushTlb();
    expect(wide.deliver(`mov [${PAGE}], eax`)).toMatchObject({ vector: 14, error: 8 + 3 });
  });

  test('a PDPTE that is not present faults; a reserved bit in it makes the load of CR3 #GP(0)', () => {
    const m = pae();
    expect(m.deliver('mov eax, [0x40000000]')).toMatchObject({ vector: 14, error: 0 });
    m.ring(0);
    m.memory.setUint32(PDPT + 8, P | W, true);
    expect(m.deliver(`mov eax, ${PDPT}\nbad: mov cr3, eax`)).toMatchObject({ vector: 13, error: 0, eip: CODE + 5 });
  });

  test.each(['PGE', 'PSE', 'SMEP'])('a change of CR4.%s loads the PDPTEs again, and checks them', (name) => {
    const bit = { PGE: CR4_PGE, PSE: CR4_PSE, SMEP: 0x10_0000 }[name]!;
    const m = pae();
    m.memory.setUint32(PAE_DIRECTORY, PAE_TABLE | P | W, true);
    m.cpu.flushTlb();
    m.memory.setUint32(PDPT + 8, P | W, true);
    expect(m.deliver(`mov eax, cr4\nor eax, ${bit}\nmov cr4, eax`)).toMatchObject({ vector: 13, error: 0 });
    expect(m.cpu.cr4).toBe(CR4_PAE);
    m.ring(0);
    m.memory.setUint32(PDPT + 8, PAE_DIRECTORY | P, true);
    finish(m, `mov eax, cr4\nor eax, ${bit}\nmov cr4, eax\nmov eax, [0x40000000 + ${CODE}]`);
  });

  test('the PDPTEs are registers: a change in memory counts from the next load of CR3 on', () => {
    const m = pae();
    finish(m, `mov dword [${PDPT + 8}], ${PAE_DIRECTORY | P}`);
    m.ring(0);
    expect(m.deliver(`mov eax, [0x40000000 + ${PAGE}]`)).toMatchObject({ vector: 14 });
    m.ring(0);
    finish(m, `mov eax, cr3\nmov cr3, eax\nmov eax, [0x40000000 + ${PAGE}]`);
  });
});
