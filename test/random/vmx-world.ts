// VMX in the random tests: a host that enters a guest in one of the other modes on the same memory and resumes it one slot
// further after every VM exit. Truth: SDM Vol. 3C "Virtual Machine Control Structures", "VM Entries".
import { CR0, CR3, CR4, DR, EFER, GPR, RFLAGS, RIP, STATE_BASE, VMX_CURRENT } from '../../asm/layout.ts';
import type { Cpu } from '../../src/cpu/cpu.ts';
import * as F from '../../src/cpu/vmcs-fields.ts';
import { assemble } from '../../src/isa/assemble.ts';
import { ENTRY_CONTROLS, EXIT_CONTROLS, PIN, PRIMARY, REVISION } from '../vmx/machine.ts';
import type { Chunk } from './program.ts';
import type { Random } from './random.ts';
import { enterSetting, type Setting } from './setting.ts';
import {
  BITMAPS,
  CODE,
  CODE_32,
  CODE_64,
  DATA_32,
  EPT,
  GDT,
  HANDLERS,
  IDT,
  INNER_STACKS,
  TSS,
  TSS_SELECTOR,
  VMCS_REGION,
  VMXON_REGION,
} from './world.ts';

const POINTER = 0x3f00;
const VMXE = 0x2000;
const HOST_64 = 0x200;
/** Where the host enters the guest, and where it comes out. */
const ENTER = HANDLERS + 0x400;
const EXIT = ENTER + 0x40;

/** Goes on behind the slot that exited; when entry fails, the host runs the program itself. */
function hostCode(cpu: Cpu, wide: boolean): void {
  const [a, c] = wide ? ['rax', 'rcx'] : ['eax', 'ecx'];
  const mode = wide ? 64 : 32;
  const put = (text: string, origin: number) => cpu.ram.set(assemble(text, { mode, origin }), origin);
  put(`vmlaunch\njmp ${CODE}`, ENTER);
  put(
    `push ${a}\npush ${c}\nmov ecx, ${F.F_GUEST_RIP}\nvmread ${a}, ${c}\nand ${a}, -32\nadd ${a}, 32\nvmwrite ${c}, ${a}
     pop ${c}\npop ${a}\nvmresume\njmp ${CODE}`,
    EXIT,
  );
}

function write(cpu: Cpu, field: number, value: bigint | number): void {
  const wide = BigInt.asUintN(64, BigInt(value));
  cpu.ring0.vmwrite(field, Number(wide & 0xffff_ffffn), Number(wide >> 32n));
}

/** Guest state: what the processor has now. */
function guestFields(cpu: Cpu): [number, bigint | number][] {
  const fields: [number, bigint | number][] = [];
  for (const [n, segment] of [0, 1, 2, 3, 4, 5, 7, 6].entries()) {
    const { selector, rights, base, limit } = cpu.segment(segment);
    fields.push([F.F_GUEST_SELECTOR + 2 * n, selector], [F.F_GUEST_LIMIT + 2 * n, limit]);
    fields.push([F.F_GUEST_RIGHTS + 2 * n, rights], [F.F_GUEST_BASE + 2 * n, base]);
  }
  const places: [number, number][] = [
    [F.F_GUEST_CR0, CR0],
    [F.F_GUEST_CR3, CR3],
    [F.F_GUEST_CR4, CR4],
    [F.F_GUEST_EFER, EFER],
    [F.F_GUEST_DR7, DR + 56],
  ];
  for (const [field, place] of places) fields.push([field, cpu.view.getBigUint64(place, true)]);
  fields.push([F.F_GUEST_GDTR_BASE, cpu.gdtr.base], [F.F_GUEST_GDTR_LIMIT, cpu.gdtr.limit]);
  fields.push([F.F_GUEST_IDTR_BASE, cpu.idtr.base], [F.F_GUEST_IDTR_LIMIT, cpu.idtr.limit]);
  fields.push([F.F_GUEST_SYSENTER_CS, 8], [F.F_GUEST_SYSENTER_ESP, 0x1c800], [F.F_GUEST_SYSENTER_EIP, CODE + 0x60]);
  return fields;
}

function hostFields(cpu: Cpu, wide: boolean): [number, bigint | number][] {
  const selectors = [0, 1, 2, 3, 4, 5].map((n): [number, number] => [
    F.F_HOST_SELECTOR + 2 * n,
    n === 1 ? (wide ? CODE_64 : CODE_32)[0] : DATA_32[0],
  ]);
  return [
    ...selectors,
    [F.F_HOST_TR_SELECTOR, TSS_SELECTOR],
    [F.F_HOST_CR0, cpu.cr0],
    [F.F_HOST_CR3, cpu.cr3],
    [F.F_HOST_CR4, cpu.cr4],
    [F.F_HOST_TR_BASE, TSS],
    [F.F_HOST_GDTR_BASE, GDT],
    [F.F_HOST_IDTR_BASE, IDT],
    [F.F_HOST_RSP, INNER_STACKS + 0x2800],
    [F.F_HOST_RIP, EXIT],
  ];
}

/** Puts the processor in front of the VMLAUNCH of a guest in this mode. Its tables are in RAM. */
export function enterVmxHost(cpu: Cpu, setting: Setting): void {
  const wide = setting.gates === 64;
  const bits = wide ? 64 : 32;
  const host: Setting = { name: 'host', ring: 0, bits, gates: bits, paging: setting.paging };
  enterSetting(cpu, setting);
  cpu.cr4 |= VMXE;
  const guest = guestFields(cpu);
  cpu.eflags = 2;
  enterSetting(cpu, host);
  cpu.cr4 |= VMXE;
  cpu.flushTlb();
  const { ring0 } = cpu;
  const view = new DataView(cpu.ram.buffer, cpu.ram.byteOffset);
  for (const [n, region] of [VMXON_REGION, VMCS_REGION].entries()) {
    view.setUint32(region, REVISION, true);
    view.setBigUint64(POINTER + 8 * n, BigInt(region), true);
  }
  const results = [ring0.vmxon(POINTER), ring0.vmclear(POINTER + 8), ring0.vmptrld(POINTER + 8)];
  if (results.some((result) => result !== 'succeed')) throw new Error(`no VMX operation: ${results}`);
  const controls: [number, bigint | number][] = [
    [F.F_PIN_CONTROLS, PIN],
    [F.F_PRIMARY_CONTROLS, PRIMARY],
    [F.F_EXIT_CONTROLS, EXIT_CONTROLS | (wide ? HOST_64 : 0)],
    [F.F_ENTRY_CONTROLS, ENTRY_CONTROLS | (wide ? HOST_64 : 0)],
    [F.F_VMCS_LINK, -1n],
    [F.F_IO_BITMAP_A, BITMAPS],
    [F.F_IO_BITMAP_B, BITMAPS],
    [F.F_MSR_BITMAP, BITMAPS],
    [F.F_VIRTUAL_APIC, BITMAPS],
    [F.F_EPTP, EPT | 0x1e],
    [F.F_VPID, 1],
  ];
  for (const [field, value] of [...guest, ...hostFields(cpu, wide), ...controls]) write(cpu, field, value);
  hostCode(cpu, wide);
  cpu.eip = ENTER;
  cpu.setReg(4, INNER_STACKS + 0x2800);
}

/** Where a field of the current VMCS lies in RAM (asm/vmx/vmcs.ts lays the region out), 32 bits of it. */
function field(encoding: number, value: number): Chunk {
  const group = ((((encoding >> 13) & 3) << 2) | ((encoding >> 10) & 3)) ^ 1;
  const bytes = Uint8Array.from({ length: 4 }, (_, n) => (value >>> (8 * n)) & 0xff);
  return { at: VMCS_REGION + group * 256 + ((encoding >> 1) & 31) * 8, bytes };
}

/** Conditional exits and what goes with them, one bit each. */
const PRIMARY_BITS = [2, 7, 9, 10, 11, 12, 15, 16, 19, 20, 21, 22, 23, 24, 25, 27, 28, 29, 30];
const EPT_VPID_UNRESTRICTED = [2, 0x20, 0x22, 0x82, 0xa2, 0x12a];

/** Random controls. */
function controls(random: Random): Chunk[] {
  let primary = PRIMARY;
  for (const bit of PRIMARY_BITS) if (random.oneIn(6)) primary |= 1 << bit;
  const chunks: Chunk[] = [];
  if (random.oneIn(2)) {
    primary |= 1 << 31;
    chunks.push(field(F.F_SECONDARY_CONTROLS, random.pick(EPT_VPID_UNRESTRICTED)));
  }
  if (random.oneIn(2)) chunks.push(field(F.F_EXCEPTION_BITMAP, random.u32() & random.u32()));
  const nmiWindow = (primary & (1 << 22)) !== 0;
  if (nmiWindow || random.oneIn(3))
    chunks.push(field(F.F_PIN_CONTROLS, PIN | (nmiWindow ? 0x28 : random.pick([1, 8, 9, 0x28, 0x40, 0x41]))));
  chunks.push(field(F.F_PREEMPTION_TIMER, random.below(60)));
  for (const mask of [F.F_CR0_MASK, F.F_CR4_MASK, F.F_CR0_SHADOW, F.F_CR4_SHADOW])
    if (random.oneIn(3)) chunks.push(field(mask, random.u32()));
  if (random.oneIn(6))
    chunks.push(
      field(F.F_ENTRY_INTERRUPTION, random.pick([0x8000_0020, 0x8000_0202, 0x8000_0306, 0x8000_0b0d, 0x8000_0430])),
    );
  if (random.oneIn(6)) chunks.push(field(F.F_GUEST_INTERRUPTIBILITY, random.pick([1, 2, 8])));
  return [...chunks, field(F.F_PRIMARY_CONTROLS, primary)];
}

/** The program's registers become the guest's: the VMCS takes what is in it, the host starts from its own. */
export function intoGuest(state: Uint8Array, base: Uint8Array, random: Random): Chunk[] {
  const view = new DataView(state.buffer);
  const host = new DataView(base.buffer);
  const chunks = [
    [F.F_GUEST_RIP, RIP],
    [F.F_GUEST_RSP, GPR + 32],
    [F.F_GUEST_RFLAGS, RFLAGS],
  ].map(([encoding, place]) => field(encoding!, view.getUint32(place! - STATE_BASE, true)));
  for (const place of [RIP, GPR + 32, RFLAGS, CR0, CR4, VMX_CURRENT])
    view.setBigUint64(place - STATE_BASE, host.getBigUint64(place - STATE_BASE, true), true);
  return [...chunks, ...controls(random)];
}
