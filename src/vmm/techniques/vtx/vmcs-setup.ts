// The VMX structures of one virtual CPU and their first contents: VMXON region, VMCS, MSR bitmap, virtual-APIC and
// APIC-access pages, EPT (SDM Vol. 3C "Using VMX Instructions", "Virtual-Machine Control Structures").

import type { CpuModel } from '../../../cpu/cpu.ts';
import type { Ring0 } from '../../../cpu/ring0.ts';
import * as F from '../../../cpu/vmcs-fields.ts';
import {
  AREA_OFFSET,
  DOORWAY_OFFSET,
  ENTRY_VMEXIT,
  GDT_OFFSET,
  GUEST_BASE,
  HOST_CODE,
  HOST_DATA,
  HOST_TSS,
  IDT_OFFSET,
  regionLinear,
  TSS_OFFSET,
  VTX_PHYSICAL,
} from '../../host-memory.ts';
import { STACK_TOP } from '../../host-setup.ts';
import type { Domain } from '../../domain.ts';
import type { PagingMode } from '../../technique.ts';
import {
  CR0_AM,
  CR0_EM,
  CR0_MP,
  CR0_NE,
  CR0_PE,
  CR0_PG,
  CR0_TS,
  CR0_WP,
  CR4_DE,
  CR4_PAE,
  CR4_PGE,
  CR4_PSE,
  CR4_TSD,
} from '../../vcpu.ts';

export const CR4_VMXE = 0x2000;
const CR4_PCE = 0x100;
const CR4_OSFXSR = 0x200;
const CR4_OSXMMEXCPT = 0x400;
const CR4_UMIP = 0x800;
const CR4_FSGSBASE = 0x1_0000;
/** Bits of CR4 that mean the same to the guest and to the processor, whatever the way of paging. */
const CR4_FREE = CR4_TSD | CR4_DE | CR4_PCE | CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_UMIP | CR4_FSGSBASE;
const MSR_FEATURE_CONTROL = 0x3a;
const MSR_VMX_BASIC = 0x480;
const EFER_NXE = 0x800;
const DR7_FIXED = 0x400;

/** Host-physical pages. */
export const VMXON_REGION = VTX_PHYSICAL;
export const VMCS_REGION = VTX_PHYSICAL + 0x1000;
export const MSR_BITMAP = VTX_PHYSICAL + 0x2000;
export const VIRTUAL_APIC = VTX_PHYSICAL + 0x3000;
export const APIC_ACCESS_PAGE = VTX_PHYSICAL + 0x4000;
const EPT_TABLES = VTX_PHYSICAL + 0x1_0000;
/** Guest-physical page of the local APIC. */
export const GUEST_APIC = 0xfee0_0000;
export const VIRTUAL_TPR = VIRTUAL_APIC + 0x80;

/** Linear address of 16 bytes for VMX pointer and descriptor operands. */
const POINTER = regionLinear(AREA_OFFSET + 0xff0);
const GUEST_VPID = 1;
/** Type of INVVPID. */
const SINGLE_CONTEXT = 1;

/** Bits of CR0 and CR4 that belong to the VMM, per way of paging: a guest's write that changes one exits. */
export const CR0_MASK: Readonly<Record<PagingMode, number>> = {
  shadow: ~(CR0_TS | CR0_MP | CR0_EM | CR0_AM) >>> 0,
  ept: ~(CR0_TS | CR0_MP | CR0_EM | CR0_AM | CR0_PG | CR0_WP | CR0_PE) >>> 0,
};
export const CR4_MASK: Readonly<Record<PagingMode, number>> = {
  shadow: ~CR4_FREE >>> 0,
  ept: CR4_VMXE,
};

/** Bits of CR4 a guest may set: what the processor has, without VMX. */
export const CR4_GUEST = CR4_FREE | CR4_PSE | CR4_PAE | CR4_PGE;

/** What CR0 really holds for what the guest believes it to hold. */
export function realCr0(paging: PagingMode, guest: number): number {
  const forced = paging === 'shadow' ? CR0_PG | CR0_PE | CR0_NE | CR0_WP : CR0_NE;
  return ((guest & ~CR0_MASK[paging]) | forced | (guest & 0x10)) >>> 0;
}
/** The same for CR4. */
export function realCr4(paging: PagingMode, guest: number): number {
  const kept = guest & ~CR4_MASK[paging];
  return (kept | CR4_VMXE | (paging === 'shadow' ? CR4_PAE : 0)) >>> 0;
}

/** With shadow tables every page fault has to be looked at; some guests want #MF as an interrupt. */
export const EXCEPTION_BITMAP: Readonly<Record<PagingMode, number>> = { shadow: (1 << 14) | (1 << 16), ept: 1 << 16 };

/**
 * Secondary controls of a guest in protected mode; a guest has RDTSCP where the processor has it. With EPT and VPID the
 * translations of both sides survive the transitions.
 */
function secondaryControls(paging: PagingMode, { features }: CpuModel): number {
  const rdtscp = features.has('rdtscp') ? F.CPU2_RDTSCP : 0;
  const vpid = features.has('vpid') ? F.CPU2_VPID : 0;
  return F.CPU2_APIC_ACCESSES | rdtscp | (paging === 'ept' ? F.CPU2_EPT | F.CPU2_UNRESTRICTED_GUEST | vpid : 0);
}

/** INVVPID, all that is tagged with the guest's VPID: after the VMM changed how its linear addresses are translated. */
export function dropTranslations(access: Ring0): void {
  const saved = [0, 1].map((n) => access.reg64(n));
  for (const [at, value] of [GUEST_VPID, 0, 0, 0].entries()) access.store(POINTER + 4 * at, 4, value);
  access.setReg(0, POINTER);
  access.setReg(1, SINGLE_CONTEXT);
  access.execute([0x66, 0x0f, 0x38, 0x81, 0x08]);
  for (const [n, value] of saved.entries()) access.setReg64(n, value);
}

/** VM-execution controls that do not change while the guest runs; interrupt-window exiting comes and goes. */
export function primaryControls(paging: PagingMode): number {
  const shadow = F.CPU_INVLPG | F.CPU_CR3_LOAD | F.CPU_CR3_STORE;
  const both = F.CPU_HLT | F.CPU_MWAIT | F.CPU_MONITOR | F.CPU_UNCONDITIONAL_IO | F.CPU_MSR_BITMAPS;
  const apic = F.CPU_TPR_SHADOW | F.CPU_SECONDARY;
  return (CPU_FIXED | both | apic | F.CPU_TSC_OFFSETTING | (paging === 'shadow' ? shadow : 0)) >>> 0;
}

// Reserved bits that IA32_VMX_TRUE_*_CTLS demand.
const PIN_FIXED = 0x16;
const CPU_FIXED = 0x0400_6172;
const EXIT_FIXED = 0x0003_6dfb;
const ENTRY_FIXED = 0x0000_11fb;

/** VM-exit and VM-entry controls; with EPT the guest has an EFER of its own. */
export function exitControls(paging: PagingMode): number {
  const efer = paging === 'ept' ? F.EXIT_LOAD_EFER | F.EXIT_SAVE_EFER : 0;
  return EXIT_FIXED | F.EXIT_SAVE_DEBUG | F.EXIT_ACKNOWLEDGE_INTERRUPT | efer;
}
/** With EPT the guest's EFER is loaded. */
export function entryControls(paging: PagingMode): number {
  return ENTRY_FIXED | F.ENTRY_LOAD_DEBUG | (paging === 'ept' ? F.ENTRY_LOAD_EFER : 0);
}

/** Leaves VMX operation; the VMCS keeps its contents. */
export function leaveVmxOperation(access: Ring0): void {
  access.store(POINTER, 4, VMCS_REGION);
  access.store(POINTER + 4, 4, 0);
  access.vmclear(POINTER);
  access.execute([0x0f, 0x01, 0xc4]);
}

/** Puts the processor into VMX root operation with the VMCS current, empty if it is the first time. */
export function enterVmxOperation(access: Ring0, isFirst = true): void {
  if (!(readMsr(access, MSR_FEATURE_CONTROL) & 1)) access.wrmsr(MSR_FEATURE_CONTROL, 5);
  const revision = readMsr(access, MSR_VMX_BASIC) & 0x7fff_ffff;
  for (const region of [VMXON_REGION, VMCS_REGION]) access.storePhysical(region, 4, revision);
  const pointTo = (region: number): number => {
    access.store(POINTER, 4, region);
    access.store(POINTER + 4, 4, 0);
    return POINTER;
  };
  const results = [
    access.vmxon(pointTo(VMXON_REGION)),
    isFirst ? access.vmclear(pointTo(VMCS_REGION)) : 'succeed',
    access.vmptrld(pointTo(VMCS_REGION)),
  ];
  if (results.some((result) => result !== 'succeed')) throw new Error(`VMX operation: ${results.join(', ')}`);
}

/** RDMSR: the low half. */
function readMsr(access: Ring0, msr: number): number {
  access.setReg(1, msr);
  access.execute([0x0f, 0x32]);
  return access.reg(0);
}

/** Controls and the host-state area. */
export function writeControlsAndHost(access: Ring0, model: CpuModel, paging: PagingMode, hostRoot: number): void {
  const write = (field: number, value: number): void => access.vmwrite(field, value >>> 0);
  const ept = paging === 'ept';
  write(F.F_PIN_CONTROLS, PIN_FIXED | F.PIN_EXTERNAL_INTERRUPT | F.PIN_NMI | F.PIN_VIRTUAL_NMIS);
  write(F.F_PRIMARY_CONTROLS, primaryControls(paging));
  write(F.F_SECONDARY_CONTROLS, secondaryControls(paging, model));
  write(F.F_EXIT_CONTROLS, exitControls(paging));
  write(F.F_ENTRY_CONTROLS, entryControls(paging));
  write(F.F_EXCEPTION_BITMAP, EXCEPTION_BITMAP[paging]);
  write(F.F_CR0_MASK, CR0_MASK[paging]);
  write(F.F_CR4_MASK, CR4_MASK[paging]);
  write(F.F_MSR_BITMAP, MSR_BITMAP);
  write(F.F_VIRTUAL_APIC, VIRTUAL_APIC);
  write(F.F_APIC_ACCESS, APIC_ACCESS_PAGE);
  if (ept) write(F.F_VPID, GUEST_VPID);
  if (ept) write(F.F_EPTP, EPT_TABLES | (3 << 3) | 6);
  access.vmwrite(F.F_VMCS_LINK, 0xffff_ffff, 0xffff_ffff);
  for (let n = 0; n < 6; n++) write(F.F_HOST_SELECTOR + 2 * n, n === 1 ? HOST_CODE : HOST_DATA);
  write(F.F_HOST_TR_SELECTOR, HOST_TSS);
  write(F.F_HOST_CR0, CR0_PG | CR0_WP | CR0_NE | 0x10 | CR0_PE);
  write(F.F_HOST_CR3, hostRoot);
  write(F.F_HOST_CR4, CR4_PAE | 0x80 | CR4_VMXE);
  write(F.F_HOST_EFER, EFER_NXE);
  write(F.F_HOST_GDTR_BASE, regionLinear(GDT_OFFSET));
  write(F.F_HOST_IDTR_BASE, regionLinear(IDT_OFFSET));
  write(F.F_HOST_TR_BASE, regionLinear(TSS_OFFSET));
  write(F.F_HOST_RSP, STACK_TOP);
  write(F.F_HOST_RIP, regionLinear(DOORWAY_OFFSET + ENTRY_VMEXIT));
}

/** Guest state as a multiboot boot loader leaves a processor (Multiboot Specification 0.6.96 "Machine state"). */
export function writeGuest(access: Ring0, paging: PagingMode, entry: number, cr0: number): void {
  const write = (field: number, value: number): void => access.vmwrite(field, value >>> 0);
  for (let n = 0; n < 8; n++) {
    const isCode = n === 1;
    const system = n > 5;
    write(F.F_GUEST_SELECTOR + 2 * n, system ? 0 : isCode ? 8 : 0x10);
    write(F.F_GUEST_RIGHTS + 2 * n, system ? (n === 6 ? 0x1_0000 : 0x8b) : isCode ? 0xc09b : 0xc093);
    write(F.F_GUEST_BASE + 2 * n, 0);
    write(F.F_GUEST_LIMIT + 2 * n, system ? (n === 6 ? 0 : 0xffff) : 0xffff_ffff);
  }
  write(F.F_GUEST_CR0, realCr0(paging, cr0));
  write(F.F_CR0_SHADOW, cr0);
  write(F.F_GUEST_CR4, realCr4(paging, 0));
  write(F.F_CR4_SHADOW, 0);
  write(F.F_GUEST_GDTR_LIMIT, 0xffff);
  write(F.F_GUEST_IDTR_LIMIT, 0xffff);
  write(F.F_GUEST_DR7, DR7_FIXED);
  write(F.F_GUEST_RIP, entry);
  write(F.F_GUEST_RFLAGS, 2);
}

/** The MSRs of SYSENTER and of the bases of FS and GS. */
const IN_VMCS = [0x174, 0x175, 0x176, 0xc000_0100, 0xc000_0101];
/** Those of SYSCALL and SWAPGS, which the VMM makes no use of. */
const UNUSED = [0xc000_0081, 0xc000_0082, 0xc000_0083, 0xc000_0084, 0xc000_0102];

/** Segment rights after RESET: present, writable. */
const RESET_RIGHTS = 0x93;

/** Guest state after RESET (SDM Vol. 3A "Processor State After Reset"); `cr0` is what the guest believes. */
export function writeResetGuest(access: Ring0, paging: PagingMode, cr0: number): void {
  writeGuest(access, paging, 0xfff0, cr0);
  for (let n = 0; n < 6; n++) {
    access.vmwrite(F.F_GUEST_SELECTOR + 2 * n, n === 1 ? 0xf000 : 0);
    access.vmwrite(F.F_GUEST_RIGHTS + 2 * n, RESET_RIGHTS);
    access.vmwrite(F.F_GUEST_BASE + 2 * n, n === 1 ? 0xffff_0000 : 0);
    access.vmwrite(F.F_GUEST_LIMIT + 2 * n, 0xffff);
  }
}

/** MSRs that are in the VMCS or that only the guest uses do not exit; every other MSR does. */
export function fillMsrBitmap(ram: Uint8Array): void {
  ram.fill(0xff, MSR_BITMAP, MSR_BITMAP + 0x1000);
  for (const half of [0, 2048]) {
    for (const msr of [...IN_VMCS, ...UNUSED]) {
      const low = msr & 0x1fff;
      ram[MSR_BITMAP + half + (msr > low ? 1024 : 0) + (low >> 3)]! &= ~(1 << (low & 7));
    }
  }
}

const EPT_ALL = 7;
const EPT_READ_EXECUTE = 5;
const EPT_WRITE_BACK = 6 << 3;
const EPT_LARGE = 0x80;

/** Identity-like EPT: guest RAM in 2 MiB pages (4 KiB where it ends or holds ROM), ROM, and the APIC-access page. */
export function fillEpt(ram: Uint8Array, domain: Domain): void {
  const memory = domain.ramSize;
  const view = new DataView(ram.buffer, ram.byteOffset);
  let next = EPT_TABLES + 0x1000;
  const table = (entry: number): number => {
    const present = view.getUint32(entry, true);
    if (present) return (present & 0xffff_f000) >>> 0;
    const page = next;
    next += 0x1000;
    view.setUint32(entry, page | EPT_ALL, true);
    return page;
  };
  const directory = (gpa: number): number => {
    const pointers = table(EPT_TABLES);
    return table(pointers + Math.floor(gpa / 0x4000_0000) * 8) + (Math.floor(gpa / 0x20_0000) & 511) * 8;
  };
  const small = (gpa: number, host: number): void => {
    const entry = table(directory(gpa)) + (Math.floor(gpa / 0x1000) & 511) * 8;
    view.setUint32(entry, host + ((domain.isRom(gpa) ? EPT_READ_EXECUTE : EPT_ALL) | EPT_WRITE_BACK), true);
  };
  for (let gpa = 0; gpa < memory; ) {
    const hasRom = gpa === 0 && Number.isFinite(domain.romStart);
    if (gpa + 0x20_0000 <= memory && !hasRom && gpa % 0x20_0000 === 0) {
      view.setUint32(directory(gpa), GUEST_BASE + gpa + (EPT_ALL | EPT_WRITE_BACK | EPT_LARGE), true);
      gpa += 0x20_0000;
    } else {
      small(gpa, GUEST_BASE + gpa);
      gpa += 0x1000;
    }
  }
  small(GUEST_APIC, APIC_ACCESS_PAGE);
  for (let gpa = domain.romStart; gpa < 2 ** 32; gpa += 0x1000) small(gpa, domain.hostPhysical(gpa));
}
