// Each VM-entry check, by name: one field is made wrong, and the entry fails the way the check's section says. Expected
// values: SDM Vol. 3C "VM Entries", in its order.
import { describe, expect, test } from 'vitest';
import { describeEntryCheck, ENTRY_CHECKS, entryCheck } from '../../src/cpu/entry-checks/entry-checks.ts';
import { failedEntryCheck } from '../../src/cpu/vmcs.ts';
import * as F from '../../src/cpu/vmcs-fields.ts';
import {
  ENTRY_CONTROLS,
  EPT,
  EXIT_CONTROLS,
  MSR_AREA,
  PIN,
  PRIMARY,
  VIRTUAL_APIC,
  VMCS_REGION,
  VmxMachine,
} from './machine.ts';

type Change = (m: VmxMachine) => void;
const put =
  (...pairs: readonly [field: number, value: number | bigint][]): Change =>
  (m) => {
    for (const [field, value] of pairs) m.set(field, value);
  };
/** Activates a secondary control and then changes fields. */
const secondary =
  (bits: number, ...pairs: readonly [number, number | bigint][]): Change =>
  (m) => {
    m.enable(F.F_SECONDARY_CONTROLS, bits);
    put(...pairs)(m);
  };
const primary =
  (bits: number, ...pairs: readonly [number, number | bigint][]): Change =>
  (m) => {
    m.enable(F.F_PRIMARY_CONTROLS, bits);
    put(...pairs)(m);
  };
const inject = (info: number, ...pairs: readonly [number, number][]): Change =>
  put([F.F_ENTRY_INTERRUPTION, (0x8000_0000 | info) >>> 0], ...pairs);

const CS = 2;
const SS = 4;
const DS = 6;
const LDTR = 12;
const TR = 14;
const WIDE = 0x1_0000_0000n;
/** For 57 linear-address bits. */
const NOT_CANONICAL = 0x100_0000_0000_0000n;
const V86 = 0x2_0002;

/** A virtual-8086 guest that passes all checks of its segments. */
const v86: Change = (m) => {
  m.set(F.F_GUEST_RFLAGS, V86);
  for (let n = 0; n < 6; n++) {
    m.set(F.F_GUEST_SELECTOR + 2 * n, 0x100);
    m.set(F.F_GUEST_BASE + 2 * n, 0x1000);
    m.set(F.F_GUEST_LIMIT + 2 * n, 0xffff);
    m.set(F.F_GUEST_RIGHTS + 2 * n, 0xf3);
  }
};
const both =
  (...changes: readonly Change[]): Change =>
  (m) => {
    for (const change of changes) change(m);
  };

const CONTROLS: readonly (readonly [string, Change])[] = [
  ['pin-reserved', put([F.F_PIN_CONTROLS, 0])],
  ['pin-reserved', put([F.F_PIN_CONTROLS, PIN | 0x80])],
  ['primary-reserved', put([F.F_PRIMARY_CONTROLS, PRIMARY | 1])],
  ['secondary-reserved', secondary(1 << 30)],
  ['cr3-targets', put([F.F_CR3_TARGET_COUNT, 5])],
  ['io-bitmaps', primary(F.CPU_IO_BITMAPS, [F.F_IO_BITMAP_B, 0x1001])],
  ['msr-bitmap', primary(F.CPU_MSR_BITMAPS, [F.F_MSR_BITMAP, 0x10_0000_0000n])],
  ['virtual-apic', primary(F.CPU_TPR_SHADOW, [F.F_VIRTUAL_APIC, 8])],
  ['tpr-threshold-reserved', primary(F.CPU_TPR_SHADOW, [F.F_TPR_THRESHOLD, 0x10])],
  ['tpr-threshold-vtpr', primary(F.CPU_TPR_SHADOW, [F.F_TPR_THRESHOLD, 1])],
  ['virtual-nmis', put([F.F_PIN_CONTROLS, PIN | F.PIN_VIRTUAL_NMIS])],
  ['nmi-window', primary(F.CPU_NMI_WINDOW)],
  ['apic-access', secondary(F.CPU2_APIC_ACCESSES, [F.F_APIC_ACCESS, 4])],
  ['vpid', secondary(F.CPU2_VPID)],
  ['eptp', secondary(F.CPU2_EPT, [F.F_EPTP, EPT | 6])],
  ['eptp', secondary(F.CPU2_EPT, [F.F_EPTP, EPT | 0x19])],
  ['unrestricted', secondary(F.CPU2_UNRESTRICTED_GUEST)],
  ['exit-reserved', put([F.F_EXIT_CONTROLS, EXIT_CONTROLS | (1 << 12)])],
  ['save-timer', put([F.F_EXIT_CONTROLS, EXIT_CONTROLS | F.EXIT_SAVE_PREEMPTION_TIMER])],
  ['exit-msr-store', put([F.F_EXIT_MSR_STORE_COUNT, 1], [F.F_EXIT_MSR_STORE, 8])],
  ['exit-msr-load', put([F.F_EXIT_MSR_LOAD_COUNT, 2], [F.F_EXIT_MSR_LOAD, 0xf_ffff_fff0n])],
  ['entry-reserved', put([F.F_ENTRY_CONTROLS, 0])],
  ['event-type', inject(0x100)],
  ['event-vector', inject(0x203)],
  ['event-vector', inject(0x320)],
  ['event-deliver-error', inject(0x30d)],
  ['event-deliver-error', inject(0xb06)],
  ['event-reserved', inject(0x1020)],
  ['event-error-code', inject(0xb0d, [F.F_ENTRY_ERROR_CODE, 0x1_0000])],
  ['event-length', inject(0x420, [F.F_ENTRY_LENGTH, 16])],
  ['entry-msr-load', put([F.F_ENTRY_MSR_LOAD_COUNT, 1], [F.F_ENTRY_MSR_LOAD, 1])],
];

const HOST: readonly (readonly [string, Change])[] = [
  ['host-cr0', put([F.F_HOST_CR0, 0x31])],
  ['host-cr4', put([F.F_HOST_CR4, 0x10])],
  ['host-cr3', put([F.F_HOST_CR3, 0x10_0000_0000n])],
  ['host-sysenter', put([F.F_HOST_SYSENTER_EIP, NOT_CANONICAL])],
  ['host-pat', put([F.F_EXIT_CONTROLS, EXIT_CONTROLS | F.EXIT_LOAD_PAT], [F.F_HOST_PAT, 2])],
  ['host-efer', put([F.F_EXIT_CONTROLS, EXIT_CONTROLS | F.EXIT_LOAD_EFER], [F.F_HOST_EFER, 0x100])],
  ['host-selectors', put([F.F_HOST_SELECTOR + DS, 0x13])],
  ['host-cs-tr', put([F.F_HOST_TR_SELECTOR, 0])],
  ['host-ss', put([F.F_HOST_SELECTOR + SS, 0])],
  ['host-bases', put([F.F_HOST_IDTR_BASE, NOT_CANONICAL])],
  ['host-address-space', put([F.F_EXIT_CONTROLS, EXIT_CONTROLS | F.EXIT_HOST_64])],
  ['host-address-space', put([F.F_ENTRY_CONTROLS, ENTRY_CONTROLS | F.ENTRY_IA32E])],
  ['host-pcide', put([F.F_HOST_CR4, 0x2_2010])],
  ['host-rip', put([F.F_HOST_RIP, WIDE])],
];

const GUEST: readonly (readonly [string, Change, qualification?: number])[] = [
  ['guest-cr0', put([F.F_GUEST_CR0, 0x31])],
  [
    'guest-pg-pe',
    secondary(F.CPU2_EPT | F.CPU2_UNRESTRICTED_GUEST, [F.F_EPTP, EPT | 0x1e], [F.F_GUEST_CR0, 0x8000_0030]),
  ],
  ['guest-cr4', put([F.F_GUEST_CR4, 0x10])],
  ['guest-debugctl', put([F.F_ENTRY_CONTROLS, 0x11ff], [F.F_GUEST_DEBUGCTL, 4])],
  ['guest-pcide', put([F.F_GUEST_CR4, 0x2_2010])],
  ['guest-cr3', put([F.F_GUEST_CR3, 0x10_0000_0000n])],
  ['guest-dr7', put([F.F_ENTRY_CONTROLS, 0x11ff], [F.F_GUEST_DR7, WIDE])],
  ['guest-sysenter', put([F.F_GUEST_SYSENTER_ESP, NOT_CANONICAL])],
  ['guest-pat', put([F.F_ENTRY_CONTROLS, 0x11fb | F.ENTRY_LOAD_PAT], [F.F_GUEST_PAT, 0x0300])],
  ['guest-efer', put([F.F_ENTRY_CONTROLS, 0x11fb | F.ENTRY_LOAD_EFER], [F.F_GUEST_EFER, 0x500])],
  ['tr-ti', put([F.F_GUEST_SELECTOR + TR, 0x4c])],
  ['ldtr-ti', put([F.F_GUEST_SELECTOR + LDTR, 4], [F.F_GUEST_RIGHTS + LDTR, 0x82])],
  ['ss-rpl', put([F.F_GUEST_SELECTOR + SS, 0x13])],
  ['v86-base', both(v86, put([F.F_GUEST_BASE + DS, 0x1010]))],
  ['base-canonical', put([F.F_GUEST_BASE + TR, NOT_CANONICAL])],
  ['base-32', put([F.F_GUEST_BASE + CS, WIDE])],
  ['v86-limit', both(v86, put([F.F_GUEST_LIMIT + DS, 0xfffe]))],
  ['v86-rights', both(v86, put([F.F_GUEST_RIGHTS + DS, 0x93]))],
  ['cs-type', put([F.F_GUEST_RIGHTS + CS, 0xc093])],
  ['ss-type', put([F.F_GUEST_RIGHTS + SS, 0xc091])],
  ['data-type', put([F.F_GUEST_RIGHTS + DS, 0xc092])],
  ['data-type', put([F.F_GUEST_RIGHTS + DS, 0xc099])],
  ['code-data-s', put([F.F_GUEST_RIGHTS + DS, 0xc083])],
  ['cs-dpl', put([F.F_GUEST_RIGHTS + CS, 0xc0fb])],
  ['ss-dpl', put([F.F_GUEST_RIGHTS + SS, 0xc0f3], [F.F_GUEST_RIGHTS + CS, 0xc0fb])],
  ['data-dpl', put([F.F_GUEST_SELECTOR + DS, 0x13])],
  ['segment-present', put([F.F_GUEST_RIGHTS + DS, 0xc013])],
  ['segment-reserved', put([F.F_GUEST_RIGHTS + DS, 0xc193])],
  ['segment-granularity', put([F.F_GUEST_LIMIT + DS, 0xffff_f000])],
  ['segment-granularity', put([F.F_GUEST_RIGHTS + DS, 0x4093])],
  ['tr-type', put([F.F_GUEST_RIGHTS + TR, 0x89])],
  ['tr-s', put([F.F_GUEST_RIGHTS + TR, 0x9b])],
  ['tr-present', put([F.F_GUEST_RIGHTS + TR, 0x0b])],
  ['tr-reserved', put([F.F_GUEST_RIGHTS + TR, 0x18b])],
  ['tr-granularity', put([F.F_GUEST_RIGHTS + TR, 0x808b])],
  ['tr-usable', put([F.F_GUEST_RIGHTS + TR, 0x1008b])],
  ['ldtr-type', put([F.F_GUEST_RIGHTS + LDTR, 0x83])],
  ['ldtr-s', put([F.F_GUEST_RIGHTS + LDTR, 0x92])],
  ['ldtr-present', put([F.F_GUEST_RIGHTS + LDTR, 0x02])],
  ['ldtr-reserved', put([F.F_GUEST_RIGHTS + LDTR, 0x182])],
  ['ldtr-granularity', put([F.F_GUEST_RIGHTS + LDTR, 0x8082])],
  ['table-base', put([F.F_GUEST_IDTR_BASE, NOT_CANONICAL])],
  ['table-limit', put([F.F_GUEST_GDTR_LIMIT, 0x1_0000])],
  ['guest-rip', put([F.F_GUEST_RIP, WIDE])],
  ['rflags-reserved', put([F.F_GUEST_RFLAGS, 0])],
  ['rflags-reserved', put([F.F_GUEST_RFLAGS, 0x8002])],
  [
    'rflags-vm',
    both(v86, secondary(F.CPU2_EPT | F.CPU2_UNRESTRICTED_GUEST, [F.F_EPTP, EPT | 0x1e], [F.F_GUEST_CR0, 0x30])),
  ],
  ['rflags-if', inject(0x20)],
  ['activity', put([F.F_GUEST_ACTIVITY, 4])],
  ['activity-hlt-dpl', both((m) => m.guestRing(3), put([F.F_GUEST_ACTIVITY, 1]))],
  ['activity-blocking', put([F.F_GUEST_ACTIVITY, 1], [F.F_GUEST_INTERRUPTIBILITY, 2])],
  ['activity-event', both(put([F.F_GUEST_ACTIVITY, 1]), inject(0xb0d))],
  ['activity-event', both(put([F.F_GUEST_ACTIVITY, 3]), inject(0x202))],
  ['interruptibility-reserved', put([F.F_GUEST_INTERRUPTIBILITY, 0x20])],
  ['blocking-both', put([F.F_GUEST_INTERRUPTIBILITY, 3], [F.F_GUEST_RFLAGS, 0x202])],
  ['blocking-sti-if', put([F.F_GUEST_INTERRUPTIBILITY, 1])],
  ['blocking-interrupt', both(put([F.F_GUEST_INTERRUPTIBILITY, 2], [F.F_GUEST_RFLAGS, 0x202]), inject(0x20))],
  ['blocking-nmi', both(put([F.F_GUEST_INTERRUPTIBILITY, 2]), inject(0x202)), 3],
  ['blocking-smi', put([F.F_GUEST_INTERRUPTIBILITY, 4])],
  ['blocking-virtual-nmi', both(put([F.F_PIN_CONTROLS, PIN | 0x28], [F.F_GUEST_INTERRUPTIBILITY, 8]), inject(0x202))],
  ['pending-debug-reserved', put([F.F_GUEST_PENDING_DEBUG, 0x10])],
  ['pending-debug-bs', put([F.F_GUEST_PENDING_DEBUG, 0x4000], [F.F_GUEST_INTERRUPTIBILITY, 2])],
  ['vmcs-link', put([F.F_VMCS_LINK, VMCS_REGION]), 4],
  ['vmcs-link', put([F.F_VMCS_LINK, VIRTUAL_APIC]), 4],
  [
    'pdpte',
    (m) => {
      m.memory.setBigUint64(0x20_9000, 0x1e7n, true);
      put([F.F_GUEST_CR3, 0x20_9000], [F.F_GUEST_CR4, 0x2020])(m);
    },
    2,
  ],
];

describe('VM-entry checks', () => {
  test('a complete VMCS passes them all', () => {
    const m = VmxMachine.ready();
    expect(m.enter()).toBe('succeed');
    expect(m.mode).toBe(2);
    expect(failedEntryCheck(m.cpu)).toBe(0);
  });

  test.each(CONTROLS)('control: %s', (name, change) => {
    const m = VmxMachine.ready();
    change(m);
    expect(m.enter()).toBe('fail-valid');
    expect(m.failed).toBe(name);
    expect(m.field(F.F_INSTRUCTION_ERROR)).toBe(7);
    expect(m.mode).toBe(1);
  });

  test.each(HOST)('host state: %s', (name, change) => {
    const m = VmxMachine.ready();
    change(m);
    expect(m.enter()).toBe('fail-valid');
    expect(m.failed).toBe(name);
    expect(m.field(F.F_INSTRUCTION_ERROR)).toBe(8);
  });

  test.each(GUEST.map(([name, change, qualification = 0]) => ({ name, change, qualification })))(
    'guest state: $name',
    ({ name, change, qualification }) => {
      const m = VmxMachine.ready();
      change(m);
      m.enter();
      expect(m.failed).toBe(name);
      expect(m.field(F.F_EXIT_REASON)).toBe(0x8000_0021);
      expect(m.field(F.F_QUALIFICATION)).toBe(qualification);
      expect(m.run()).toMatchObject({ reason: 'doorway', entry: 0x400 });
      expect(m.mode).toBe(1);
    },
  );

  test('an MSR that cannot be loaded is exit reason 34 with the number of the entry', () => {
    const m = VmxMachine.ready();
    m.memory.setUint32(MSR_AREA, 0x174, true);
    m.memory.setUint32(MSR_AREA + 16, 0xc000_0100, true);
    put([F.F_ENTRY_MSR_LOAD, MSR_AREA], [F.F_ENTRY_MSR_LOAD_COUNT, 2])(m);
    m.enter();
    expect(m.failed).toBe('msr-load');
    expect(m.field(F.F_EXIT_REASON)).toBe(0x8000_0022);
    expect(m.field(F.F_QUALIFICATION)).toBe(2);
  });

  test('every check has a test', () => {
    // those that only IA-32e mode can break are in long.test.ts
    const elsewhere = ['msr-load', 'host-pae', 'guest-ia32e', 'cs-long'];
    const tested = new Set([...CONTROLS, ...HOST, ...GUEST].map(([name]) => name).concat(elsewhere));
    expect(ENTRY_CHECKS.map(({ name }) => name).filter((name) => !tested.has(name))).toEqual([]);
  });

  test('checks are numbered in the order they are made, and described in a sentence with the fields', () => {
    const numbers = ENTRY_CHECKS.map(({ number }) => number);
    expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
    const eptp = ENTRY_CHECKS.find(({ name }) => name === 'eptp')!;
    expect(entryCheck(eptp.number)).toBe(eptp);
    expect(describeEntryCheck(eptp.number, () => 0x22n)).toMatch(
      /eptp failed: the EPT pointer .*"VM-Execution Control Fields".*eptp = 0x22/,
    );
  });
});
