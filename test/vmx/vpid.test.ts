// Translations tagged by VPID, PCID and EPT: what VM entries and VM exits keep, and what INVVPID and INVEPT drop. Expected
// values: SDM Vol. 3C "Virtual-Processor Identifiers (VPIDs)", "Caching Translation Information", "Operations that
// Invalidate Cached Mappings", "INVVPID", "INVEPT".
import { describe, expect, test } from 'vitest';
import * as F from '../../src/cpu/vmcs-fields.ts';
import { CODE } from '../system/machine.ts';
import { EPT, VmxMachine } from './machine.ts';

const ALL = 7;
const WRITE_BACK = 6 << 3;
const TABLES = EPT + 0x3000;
const GUEST_DIRECTORY = 0x38_0000;
const GUEST_TABLE = 0x38_1000;
/** Linear page that the tests map to one of two physical pages. */
const PAGE = 0x30_0000;
const ONE = 0x31_0000;
const TWO = 0x32_0000;
/** Where INVVPID and INVEPT find their descriptor. */
const DESCRIPTOR = 0x10_0040;
const GLOBAL = 0x100;
const CR4_PGE = 0x80;

function map(m: VmxMachine, physical: number, flags = 0): void {
  m.memory.setUint32(GUEST_TABLE + (PAGE >> 12) * 4, physical | 0x67 | flags, true);
}

/** A guest with page tables of its own whose program is the reading of PAGE. */
function reader(vpid: number, ept = false): VmxMachine {
  const m = VmxMachine.ready();
  for (let n = 0; n < 1024; n++) m.memory.setUint32(GUEST_TABLE + n * 4, (n * 0x1000) | 0x67, true);
  m.memory.setUint32(GUEST_DIRECTORY, GUEST_TABLE | 0x67, true);
  m.memory.setUint32(ONE, 1, true);
  m.memory.setUint32(TWO, 2, true);
  map(m, ONE);
  m.set(F.F_GUEST_CR3, GUEST_DIRECTORY);
  m.set(F.F_GUEST_CR4, 0x2010 | CR4_PGE);
  if (ept) {
    const put = (at: number, value: number): void => m.memory.setBigUint64(at, BigInt(value), true);
    put(EPT, (EPT + 0x1000) | ALL);
    put(EPT + 0x1000, (EPT + 0x2000) | ALL);
    for (let n = 0; n < 2; n++) put(EPT + 0x2000 + n * 8, (TABLES + n * 0x1000) | ALL);
    for (let n = 0; n < 1024; n++) put(TABLES + n * 8, (n * 0x1000) | ALL | WRITE_BACK);
    m.enable(F.F_SECONDARY_CONTROLS, F.CPU2_EPT);
    m.set(F.F_EPTP, EPT | 0x1e);
  }
  use(m, vpid);
  m.program(`mov eax, [${PAGE}]\nvmcall`);
  return m;
}

function use(m: VmxMachine, vpid: number): void {
  const rest = m.field(F.F_SECONDARY_CONTROLS) & ~F.CPU2_VPID;
  m.set(F.F_SECONDARY_CONTROLS, rest);
  m.enable(F.F_SECONDARY_CONTROLS, vpid ? F.CPU2_VPID : 0);
  m.set(F.F_VPID, vpid);
}

/** What the guest finds at PAGE. */
function read(m: VmxMachine): number {
  m.set(F.F_GUEST_RIP, CODE);
  const stop = m.go();
  expect(m.exitOf(stop)).toMatchObject({ reason: F.REASON_VMCALL });
  return m.cpu.reg(0);
}

/** The host executes INVVPID or INVEPT; true if it succeeded. */
function invalidate(m: VmxMachine, name: 'invvpid' | 'invept', type: number, low: number, high = 0): boolean {
  m.memory.setBigUint64(DESCRIPTOR, BigInt(low), true);
  m.memory.setBigUint64(DESCRIPTOR + 8, BigInt(high), true);
  const code = { invvpid: 0x81, invept: 0x80 }[name];
  m.cpu.setReg(1, type);
  m.cpu.setReg(0, DESCRIPTOR);
  expect(m.cpu.ring0.execute([0x66, 0x0f, 0x38, code, 0x08])).toBeUndefined();
  return (m.cpu.eflags & 0x41) === 0;
}

describe('VM entries and VM exits', () => {
  test('without VPID drop the translations of the guest', () => {
    const m = reader(0);
    expect(read(m)).toBe(1);
    map(m, TWO);
    expect(read(m)).toBe(2);
  });

  test('with VPID keep them', () => {
    const m = reader(1);
    expect(read(m)).toBe(1);
    map(m, TWO);
    expect(read(m)).toBe(1);
  });

  test('another VPID has translations of its own', () => {
    const m = reader(1);
    read(m);
    map(m, TWO);
    use(m, 2);
    expect(read(m)).toBe(2);
    use(m, 1);
    expect(read(m)).toBe(1);
  });

  test('a MOV to CR3 in the guest drops those of its VPID alone', () => {
    const m = reader(1);
    read(m);
    use(m, 2);
    read(m);
    map(m, TWO);
    m.set(F.F_PRIMARY_CONTROLS, (m.field(F.F_PRIMARY_CONTROLS) & ~(F.CPU_CR3_LOAD | F.CPU_CR3_STORE)) >>> 0);
    m.program(`mov eax, cr3\nmov cr3, eax\nmov eax, [${PAGE}]\nvmcall`);
    expect(read(m)).toBe(2);
    use(m, 1);
    m.program(`mov eax, [${PAGE}]\nvmcall`);
    expect(read(m)).toBe(1);
  });

  test('a guest whose VPID is 0 by name is refused', () => {
    const m = reader(1);
    m.set(F.F_VPID, 0);
    expect(m.enter()).toBe('fail-valid');
    expect(m.failed).toBe('vpid');
  });
});

describe('INVVPID', () => {
  test.each([
    ['individual address', 0, PAGE],
    ['single context', 1, 0],
    ['all contexts', 2, 0],
    ['single context but globals', 3, 0],
  ] as const)('%s drops the translation', (_name, type, linear) => {
    const m = reader(7);
    read(m);
    map(m, TWO);
    expect(invalidate(m, 'invvpid', type, 7, linear)).toBe(true);
    expect(read(m)).toBe(2);
  });

  test('individual address spares other addresses', () => {
    const m = reader(7);
    read(m);
    map(m, TWO);
    invalidate(m, 'invvpid', 0, 7, PAGE + 0x1000);
    expect(read(m)).toBe(1);
  });

  test.each([0, 1, 3])('type %d spares other VPIDs', (type) => {
    const m = reader(7);
    read(m);
    map(m, TWO);
    invalidate(m, 'invvpid', type, 8, type === 0 ? PAGE : 0);
    expect(read(m)).toBe(1);
  });

  test.each([
    [0, 2],
    [1, 2],
    [2, 2],
    [3, 1],
  ])('type %d with a global page: the guest then reads %d', (type, value) => {
    const m = reader(7);
    map(m, ONE, GLOBAL);
    read(m);
    map(m, TWO, GLOBAL);
    invalidate(m, 'invvpid', type, 7, type === 0 ? PAGE : 0);
    expect(read(m)).toBe(value);
  });

  test('all contexts spares VPID 0, the host', () => {
    const m = reader(7);
    const host = () => m.cpu.ring0.load(PAGE, 4);
    m.memory.setUint32(PAGE, 5, true);
    expect(host()).toBe(5);
    const misses = m.cpu.counters().tlbMisses;
    invalidate(m, 'invvpid', 2, 0);
    host();
    expect(m.cpu.counters().tlbMisses).toBe(misses);
  });

  test.each([
    ['a type there is not', 4, 7, 0n],
    ['VPID 0 and one address', 0, 0, 0n],
    ['VPID 0 and a single context', 1, 0, 0n],
    ['VPID 0 and a single context but globals', 3, 0, 0n],
    ['reserved bits of the descriptor', 2, 0x1_0000, 0n],
    ['an address that is not canonical', 0, 7, 0x100_0000_0000_0000n],
  ])('%s is VM-instruction error 28', (_name, type, vpid, linear) => {
    const m = reader(7);
    expect(invalidate(m, 'invvpid', type, vpid, Number(linear))).toBe(false);
    expect(m.field(F.F_INSTRUCTION_ERROR)).toBe(28);
  });
});

describe('INVEPT', () => {
  const remap = (m: VmxMachine): void =>
    m.memory.setBigUint64(TABLES + (PAGE >> 12) * 8, BigInt(TWO | ALL | WRITE_BACK), true);
  const guest = (): VmxMachine => {
    const m = reader(3, true);
    map(m, PAGE);
    m.memory.setUint32(PAGE, 1, true);
    return m;
  };

  test('what the EPT maps stays cached under a VPID', () => {
    const m = guest();
    expect(read(m)).toBe(1);
    remap(m);
    expect(read(m)).toBe(1);
  });

  test.each([
    ['single context', 1, EPT | 0x1e, 2],
    ['single context of another EPT', 1, (EPT + 0x8000) | 0x1e, 1],
    ['all contexts', 2, 0, 2],
  ] as const)('%s', (_name, type, eptp, value) => {
    const m = guest();
    read(m);
    remap(m);
    expect(invalidate(m, 'invept', type, eptp)).toBe(true);
    expect(read(m)).toBe(value);
  });

  test('INVVPID drops combined translations as well', () => {
    const m = guest();
    read(m);
    remap(m);
    invalidate(m, 'invvpid', 1, 3);
    expect(read(m)).toBe(2);
  });

  test('another EPT pointer has translations of its own', () => {
    const m = guest();
    read(m);
    remap(m);
    m.memory.setBigUint64(EPT + 0x8000, BigInt((EPT + 0x1000) | ALL), true);
    m.set(F.F_EPTP, (EPT + 0x8000) | 0x1e);
    expect(read(m)).toBe(2);
  });

  test('all contexts spares translations without EPT', () => {
    const m = reader(7);
    read(m);
    map(m, TWO);
    invalidate(m, 'invept', 2, 0);
    expect(read(m)).toBe(1);
  });
});
