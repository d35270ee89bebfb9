// Extended page tables: translation, references of a walk, violations and misconfigurations. Expected values: SDM Vol. 3C
// "The Extended Page Table Mechanism (EPT)", "Exit Qualification for EPT Violations"; walk lengths n·m + n + m from
// Bhargava et al., ASPLOS 2008.
import { describe, expect, test } from 'vitest';
import * as F from '../../src/cpu/vmcs-fields.ts';
import { CODE, DOORWAY } from '../system/machine.ts';
import { DIRECTORY, EPT, VmxMachine } from './machine.ts';

const ALL = 7;
const WRITE_BACK = 6 << 3;
const LARGE = 0x80;
const TABLES = EPT + 0x3000;
/** Guest-physical page that each test maps as it likes; the guest sees it at the same linear address. */
const PAGE = 0x300000;

type Shape = '4K' | '2M';

/** EPT identity of the first 4 MiB. */
function withEpt(shape: Shape = '4K', eptp = EPT | 0x1e): VmxMachine {
  const m = VmxMachine.ready();
  const put = (at: number, value: number): void => m.memory.setBigUint64(at, BigInt(value), true);
  put(EPT, (EPT + 0x1000) | ALL);
  put(EPT + 0x1000, (EPT + 0x2000) | ALL);
  for (let n = 0; n < 2; n++) {
    const base = n * 0x20_0000;
    if (shape === '2M') put(EPT + 0x2000 + n * 8, base | ALL | WRITE_BACK | LARGE);
    else {
      put(EPT + 0x2000 + n * 8, (TABLES + n * 0x1000) | ALL);
      for (let k = 0; k < 512; k++) put(TABLES + n * 0x1000 + k * 8, (base + k * 0x1000) | ALL | WRITE_BACK);
    }
  }
  m.enable(F.F_SECONDARY_CONTROLS, F.CPU2_EPT);
  m.set(F.F_EPTP, eptp);
  return m;
}

/** Sets the EPT entry of PAGE. */
function leaf(m: VmxMachine, value: number): void {
  m.memory.setBigUint64(TABLES + 0x1000 + ((PAGE >> 12) & 511) * 8, BigInt(value), true);
}

/** Two-level guest tables with 4 KiB pages for the first 4 MiB, at 0x380000. */
function smallPages(m: VmxMachine): void {
  for (let n = 0; n < 1024; n++) m.memory.setUint32(0x381000 + n * 4, (n * 0x1000) | 0x67, true);
  m.memory.setUint32(0x380000, 0x381067, true);
  m.set(F.F_GUEST_CR3, 0x380000);
}

describe('translation', () => {
  test('the guest sees memory where the EPT puts it', () => {
    const m = withEpt();
    leaf(m, 0x340000 | ALL | WRITE_BACK);
    m.memory.setUint32(0x340010, 0x1234, true);
    expect(m.guest(`mov eax, [${PAGE + 0x10}]\nmov dword [${PAGE + 0x14}], 7\nvmcall`)).toMatchObject({ reason: 18 });
    expect(m.cpu.reg(0)).toBe(0x1234);
    expect(m.memory.getUint32(0x340014, true)).toBe(7);
    expect(m.memory.getUint32(PAGE + 0x14, true)).toBe(0);
  });

  test('with unrestricted guest paging may be off', () => {
    const m = withEpt('2M');
    m.enable(F.F_SECONDARY_CONTROLS, F.CPU2_UNRESTRICTED_GUEST);
    m.set(F.F_GUEST_CR0, 0x31);
    expect(m.guest('mov eax, cr0\nvmcall')).toMatchObject({ reason: 18 });
    expect(m.cpu.reg(0)).toBe(0x31);
  });

  test('guest page faults, CR3 loads and INVLPG do not exit', () => {
    const m = withEpt();
    m.program(`mov eax, cr3\nmov cr3, eax\ninvlpg [${PAGE}]\nmov eax, [0xf0000000]`);
    m.memory.setUint32(DIRECTORY + 0x3c0 * 4, 0, true);
    expect(m.go()).toMatchObject({ reason: 'doorway', entry: 14 });
    expect(m.cpu.cr2).toBe(0xf0000000);
  });
});

describe('references of a walk', () => {
  /** EPT references and all references of the data access in `mov eax, [PAGE]`. */
  const references = (m: VmxMachine): { ept: number; guest: number } => {
    m.program(`jmp next\nnext: mov eax, [${PAGE}]\nvmcall`);
    m.enter();
    m.run(1);
    const before = m.cpu.counters();
    m.run(1);
    const after = m.cpu.counters();
    return { ept: after.eptReferences - before.eptReferences, guest: after.walkReferences - before.walkReferences };
  };

  test('two guest levels on a four-level EPT: 2·4 + 2 + 4 = 14', () => {
    const m = withEpt('4K');
    smallPages(m);
    expect(references(m)).toEqual({ ept: 12, guest: 2 });
  });

  test('with 2 MiB EPT pages: 2·3 + 2 + 3 = 11', () => {
    const m = withEpt('2M');
    smallPages(m);
    expect(references(m)).toEqual({ ept: 9, guest: 2 });
  });

  test('a 4 MiB guest page on 4 KiB EPT pages: 1·4 + 1 + 4 = 9', () => {
    expect(references(withEpt('4K'))).toEqual({ ept: 8, guest: 1 });
  });

  test('without paging: 4', () => {
    const m = withEpt('4K');
    m.enable(F.F_SECONDARY_CONTROLS, F.CPU2_UNRESTRICTED_GUEST);
    m.set(F.F_GUEST_CR0, 0x31);
    expect(references(m)).toEqual({ ept: 4, guest: 0 });
  });
});

describe('violations', () => {
  const LINEAR_VALID = 0x80;
  const TRANSLATION = 0x100;
  const cases: readonly (readonly [string, number, string, number])[] = [
    ['a read of a page that is not present', 0, `mov eax, [${PAGE + 8}]`, 1],
    ['a write of a page that is not present', 0, `mov [${PAGE + 8}], eax`, 2],
    ['a fetch from a page that is not present', 0, `jmp ${PAGE + 8}`, 4],
    ['a write of a read-only page', PAGE | 1 | WRITE_BACK, `mov [${PAGE + 8}], eax`, 2 | (1 << 3)],
    ['a fetch from a page that is not executable', PAGE | 3 | WRITE_BACK, `jmp ${PAGE + 8}`, 4 | (3 << 3)],
  ];

  test.each(cases)('%s', (_name, entry, text, bits) => {
    const m = withEpt();
    leaf(m, entry);
    const exit = m.guest(text);
    expect(exit).toMatchObject({ reason: F.REASON_EPT_VIOLATION, qualification: bits | LINEAR_VALID | TRANSLATION });
    expect(m.field(F.F_GUEST_PHYSICAL)).toBe(PAGE + 8);
    expect(m.field(F.F_GUEST_LINEAR)).toBe(PAGE + 8);
    expect(exit!.rip).toBe(text.startsWith('jmp') ? PAGE + 8 : CODE);
  });

  test('RF is saved set, unless an event that pushes it clear was being delivered', () => {
    const m = withEpt();
    leaf(m, 0);
    m.guest(`mov eax, [${PAGE}]`);
    expect(m.field(F.F_GUEST_RFLAGS)).toBe(0x10002);
    const event = withEpt();
    leaf(event, 0);
    event.set(F.F_GUEST_RSP, PAGE + 0x100);
    expect(event.guest('int 0x30')).toMatchObject({ reason: F.REASON_EPT_VIOLATION, rip: CODE });
    expect(event.field(F.F_IDT_VECTORING)).toBe(0x8000_0430);
    expect(event.field(F.F_GUEST_RFLAGS)).toBe(2);
  });

  test('of a guest paging structure: not bit 8', () => {
    const m = withEpt();
    m.set(F.F_GUEST_CR3, PAGE);
    leaf(m, 0);
    m.program('nop');
    expect(m.exitOf(m.go())).toMatchObject({ reason: F.REASON_EPT_VIOLATION, qualification: 1 | LINEAR_VALID });
    expect(m.field(F.F_GUEST_PHYSICAL)).toBe(PAGE);
  });

  test('after the VMM has mapped the page the instruction runs again', () => {
    const m = withEpt();
    leaf(m, 0);
    expect(m.guest(`mov dword [${PAGE}], 5\nvmcall`)).toMatchObject({ reason: F.REASON_EPT_VIOLATION });
    leaf(m, PAGE | ALL | WRITE_BACK);
    expect(m.exitOf(m.go())).toMatchObject({ reason: 18 });
    expect(m.memory.getUint32(PAGE, true)).toBe(5);
  });
});

describe('misconfigurations', () => {
  const cases: readonly (readonly [string, number])[] = [
    ['writable but not readable', PAGE | 2 | WRITE_BACK],
    ['executable only', PAGE | 4 | WRITE_BACK],
    ['a reserved memory type', PAGE | ALL | (3 << 3)],
  ];

  test.each(cases)('%s', (_name, entry) => {
    const m = withEpt();
    leaf(m, entry);
    expect(m.guest(`mov eax, [${PAGE}]`)).toMatchObject({ reason: F.REASON_EPT_MISCONFIGURATION });
    expect(m.field(F.F_GUEST_PHYSICAL)).toBe(PAGE);
  });

  test('an address beyond the physical width', () => {
    const m = withEpt();
    m.memory.setBigUint64(TABLES + 0x1000 + ((PAGE >> 12) & 511) * 8, 0x10_0000_0037n, true);
    expect(m.guest(`mov eax, [${PAGE}]`)).toMatchObject({ reason: F.REASON_EPT_MISCONFIGURATION });
  });
});

describe('accessed and dirty flags', () => {
  const AD = EPT | 0x5e;
  const entry = (m: VmxMachine): number =>
    Number(m.memory.getBigUint64(TABLES + 0x1000 + ((PAGE >> 12) & 511) * 8, true)) & 0x300;

  test('are set when enabled: accessed by a read, dirty by a write', () => {
    const m = withEpt('4K', AD);
    expect(m.guest(`mov eax, [${PAGE}]\nvmcall`)).toMatchObject({ reason: 18 });
    expect(entry(m)).toBe(0x100);
    const w = withEpt('4K', AD);
    w.guest(`mov eax, [${PAGE}]\nmov [${PAGE}], eax\nvmcall`);
    expect(entry(w)).toBe(0x300);
  });

  test('are left alone when not enabled', () => {
    const m = withEpt();
    m.guest(`mov [${PAGE}], eax\nvmcall`);
    expect(entry(m)).toBe(0);
  });

  test('make walks of guest tables count as writes', () => {
    const m = withEpt('4K', AD);
    m.set(F.F_GUEST_CR3, PAGE);
    leaf(m, PAGE | 1 | WRITE_BACK);
    m.program('nop');
    expect(m.exitOf(m.go())?.qualification).toBe(3 | (1 << 3) | 0x80);
  });
});

test('the doorway works behind EPT', () => {
  const m = withEpt();
  m.program('int 0x30');
  expect(m.go()).toMatchObject({ reason: 'doorway', entry: 0x30 });
  expect(DOORWAY).toBeLessThan(0x400000);
});
