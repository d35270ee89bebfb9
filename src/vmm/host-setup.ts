// Brings the real machine into the state in which a VMM starts: protected mode with PAE paging, the VMM region at the top
// of the linear address space, host GDT, IDT, TSS and the doorway page. This is the boot loader's work, done before time
// begins, so it is not charged (SDM Vol. 3 "Processor Management and Initialization").

import type { Cpu } from '../cpu/cpu.ts';
import type { FeatureName } from '../isa/cpu-features.ts';
import { Machine } from '../pc/machine.ts';
import { APIC_LVT_LINT0, APIC_LVT_TIMER, APIC_SVR, APIC_TIMER_DIVIDE } from '../devices/lapic.ts';
import { LAPIC_BASE } from '../pc/platform.ts';
import {
  AREA_DATA,
  AREA_OFFSET,
  CACHE_CODE,
  DOORWAY_OFFSET,
  ENTRY_SYSENTER,
  GDT_OFFSET,
  GDT_SIZE,
  GUEST_BASE,
  HOST_CODE,
  HOST_DATA,
  HOST_LDT,
  HOST_TSS,
  IDLE_OFFSET,
  IDT_OFFSET,
  LDT_OFFSET,
  LOOKUP_OFFSET,
  LOOKUP_SIZE,
  type PagePool,
  REGION_PHYSICAL,
  regionLinear,
  regionPhysical,
  STACK_OFFSET,
  STACK_SIZE,
  TSS_OFFSET,
  VECTOR_SPURIOUS,
  VECTOR_TIMER,
} from './host-memory.ts';
import type { DomainOptions } from './technique.ts';
import { costTable } from './cost/profile.ts';
import { CR0_ET, CR0_NE, CR0_PE, CR0_PG, CR0_WP, CR4_PAE, CR4_PGE } from './vcpu.ts';

/** First linear address above the VMM's stack: where the CPU finds ESP0. */
export const STACK_TOP = regionLinear(STACK_OFFSET + STACK_SIZE);
/** Of a task-state segment without I/O permission bitmap. */
export const TSS_LIMIT = 103;
const PTE_HOST = 0x163; // present, writable, accessed, dirty, global
const MSR_SYSENTER_CS = 0x174;
const MSR_SYSENTER_ESP = 0x175;
const MSR_SYSENTER_EIP = 0x176;
const MSR_EFER = 0xc000_0080;
const EFER_NXE = 0x800;

/** What the host side of every VMM asks of the processor. */
export const HOST_NEEDS: readonly FeatureName[] = ['apic', 'pae', 'pge', 'sep', 'nx'];

/** A descriptor's two words. */
export function packDescriptor(base: number, limit: number, rights: number): [low: number, high: number] {
  const raw = rights & 0x8000 ? limit >>> 12 : limit;
  const low = ((raw & 0xffff) | ((base & 0xffff) << 16)) >>> 0;
  const high = (((base >>> 16) & 0xff) | ((rights & 0xf0ff) << 8) | (raw & 0xf_0000) | (base & 0xff00_0000)) >>> 0;
  return [low, high];
}

/** The machine a VMM runs on: the guest's memory and the ROM it starts from, if any, lie above the VMM's own. */
export function hostMachine(options: DomainOptions, notSupported: (what: string) => void): Machine {
  return new Machine(options.module, {
    memory: GUEST_BASE + options.memory + (options.board?.rom?.length ?? 0),
    model: options.model,
    seed: options.seed,
    cpuFrequencyHz: options.profile.frequencyHz,
    costs: costTable(options.profile),
    notSupported: (what, detail) => notSupported(`${what} (${detail})`),
  });
}

/** What the host's descriptor privilege levels are: per vector, 0 for the VMM alone. */
export type GateLevels = (vector: number) => 0 | 1 | 3;

/**
 * Sets up the host and returns the host-physical addresses of the two page tables that map the VMM region. Only with
 * `cache` are there descriptors through which ring 1 reaches that region: those of translated code.
 */
export function prepareHost(machine: Machine, pool: PagePool, gateLevel: GateLevels, cache = false): [number, number] {
  const memory = new DataView(machine.cpu.ram.buffer, machine.cpu.ram.byteOffset);
  const tables: [number, number] = [pool.allocate()!, pool.allocate()!];
  for (let page = 0; page < 1024; page++) {
    const entry = tables[page >> 9]! + (page & 511) * 8;
    memory.setUint32(entry, REGION_PHYSICAL + page * 0x1000 + PTE_HOST, true);
    memory.setUint32(entry + 4, 0, true);
  }
  writeTables(memory, gateLevel, cache);
  const { cpu } = machine;
  cpu.gdtr = { base: regionLinear(GDT_OFFSET), limit: GDT_SIZE - 1 };
  cpu.idtr = { base: regionLinear(IDT_OFFSET), limit: 0x7ff };
  cpu.setMsr(MSR_SYSENTER_CS, BigInt(HOST_CODE));
  cpu.setMsr(MSR_SYSENTER_ESP, BigInt(STACK_TOP));
  cpu.setMsr(MSR_SYSENTER_EIP, BigInt(regionLinear(DOORWAY_OFFSET + ENTRY_SYSENTER)));
  cpu.setMsr(MSR_EFER, BigInt(EFER_NXE));
  cpu.setDoorway(regionPhysical(DOORWAY_OFFSET) >>> 12);
  loadHostSegments(cpu, { code: HOST_CODE, data: HOST_DATA, task: HOST_TSS, taskBase: regionLinear(TSS_OFFSET) });
  cpu.setReg(4, STACK_TOP);
  prepareApic(machine);
  return tables;
}

/** The selectors a VMM runs on, and where its task-state segment is. */
export interface HostSegments {
  readonly code: number;
  readonly data: number;
  readonly task: number;
  readonly taskBase: number;
}

/** Puts the processor into ring 0 on flat segments. */
export function loadHostSegments(cpu: Cpu, { code, data, task, taskBase }: HostSegments): void {
  const flat = { base: 0, limit: 0xffff_ffff };
  for (const n of [0, 2, 3, 4, 5]) cpu.setSegment(n, { selector: data, rights: 0xc093, ...flat });
  cpu.setSegment(1, { selector: code, rights: 0xc09b, ...flat });
  cpu.setSegment(6, { selector: task, rights: 0x8b, base: taskBase, limit: TSS_LIMIT });
  cpu.setSegment(7, { selector: 0, rights: 0x1_0082, base: 0, limit: 0 });
  cpu.eflags = 2;
}

/** Turns paging on with the tables at `root`. */
export function startPaging(machine: Machine, root: number): void {
  const { cpu } = machine;
  cpu.cr3 = root;
  cpu.cr4 = CR4_PAE | CR4_PGE;
  cpu.cr0 = (CR0_PG | CR0_WP | CR0_NE | CR0_ET | CR0_PE) >>> 0;
}

function writeTables(memory: DataView, gateLevel: GateLevels, cache: boolean): void {
  const descriptor = (selector: number, base: number, limit: number, rights: number): void => {
    const [low, high] = packDescriptor(base, limit, rights);
    memory.setUint32(regionPhysical(GDT_OFFSET) + (selector & 0xfff8), low, true);
    memory.setUint32(regionPhysical(GDT_OFFSET) + (selector & 0xfff8) + 4, high, true);
  };
  descriptor(HOST_CODE, 0, 0xffff_ffff, 0xc09b);
  descriptor(HOST_DATA, 0, 0xffff_ffff, 0xc093);
  descriptor(HOST_TSS, regionLinear(TSS_OFFSET), TSS_LIMIT, 0x8b);
  if (cache) {
    descriptor(CACHE_CODE, 0, 0xffff_ffff, 0xc0bb);
    descriptor(AREA_DATA, regionLinear(AREA_OFFSET), LOOKUP_OFFSET + LOOKUP_SIZE - AREA_OFFSET - 1, 0x40b3);
  }
  descriptor(HOST_LDT, regionLinear(LDT_OFFSET), 0xffff, 0x82);
  for (let vector = 0; vector < 256; vector++) {
    const at = regionPhysical(IDT_OFFSET) + vector * 8;
    const offset = regionLinear(DOORWAY_OFFSET) + vector;
    memory.setUint32(at, ((offset & 0xffff) | (HOST_CODE << 16)) >>> 0, true);
    memory.setUint32(at + 4, ((offset & 0xffff_0000) | 0x8e00 | (gateLevel(vector) << 13)) >>> 0, true);
  }
  const tss = regionPhysical(TSS_OFFSET);
  memory.setUint32(tss + 4, STACK_TOP, true);
  memory.setUint32(tss + 8, HOST_DATA, true);
  // No I/O permission bitmap: every port access outside ring 0 faults.
  memory.setUint32(tss + 100, (TSS_LIMIT + 1) << 16, true);
  // hlt; jmp $-1
  memory.setUint32(regionPhysical(IDLE_OFFSET), 0x00fd_ebf4, true);
}

/** The timer is the VMM's, and the 8259 pair's pin is masked. */
export function prepareApic(machine: Machine): void {
  const write = (register: number, value: number): void => machine.platform.mmioWrite(LAPIC_BASE + register, 4, value);
  write(APIC_SVR, 0x100 | VECTOR_SPURIOUS);
  write(APIC_LVT_TIMER, VECTOR_TIMER);
  write(APIC_TIMER_DIVIDE, 0xb); // by 1
  write(APIC_LVT_LINT0, 0x1_0000);
}
