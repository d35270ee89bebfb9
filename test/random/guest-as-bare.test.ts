// Random programs in every mode behave in VMX non-root operation as on the bare processor: the same state is entered through
// a VMCS, the same number of instructions is run, and registers, memory and what devices saw are compared. What VMX operation
// must change ends the program first: instructions that exit (SDM Vol. 3C "Instructions That Cause VM Exits").
import { expect, test } from 'vitest';
import { CPL, CR0, DR, EFER, GPR, INTERRUPTIBILITY, PENDING_DEBUG, RFLAGS, RIP, STATE_BASE } from '../../asm/layout.ts';
import { Cpu, type CpuStop } from '../../src/cpu/cpu.ts';
import type { CpuFields } from '../../src/cpu/cpu-snapshot.ts';
import * as F from '../../src/cpu/vmcs-fields.ts';
import { vmxMode } from '../../src/cpu/vmcs.ts';
import { loadCore } from '../core.ts';
import { ENTRY_CONTROLS, EXIT_CONTROLS, PIN, PRIMARY, REVISION } from '../vmx/machine.ts';
import { Devices, type RandomMachine } from './machine.ts';
import type { Program } from './program.ts';
import { Programs } from './programs.ts';
import { SETTINGS } from './setting.ts';
import { RAM_SIZE } from './world.ts';

// Behind the memory of the programs.
const VMXON_REGION = RAM_SIZE;
const VMCS_REGION = RAM_SIZE + 0x1000;
const POINTER = RAM_SIZE + 0x2000;
const DOORWAY = RAM_SIZE + 0x3000;
/** Tables of the host: a page directory, or three levels of long mode. */
const HOST_TABLES = RAM_SIZE + 0x4000;
const EPT = RAM_SIZE + 0x8000;
const EPT_LEAVES = EPT + 0x3000;
/** A guest with EPT finds this in place of all that, zeros as on the bare processor. */
const UNTOUCHED = RAM_SIZE + 0x1_0000;
const ALL_RAM = RAM_SIZE + 0x2_0000;
const VMXE = 0x2000;
const LONGEST = 40;
/** A repeated string instruction may take longer than anyone waits: such a program is left out. */
const CYCLES = 100_000;
const PROGRAMS = 3 * SETTINGS.length;

/** A processor with the devices of the random tests. */
class Side {
  readonly cpu: Cpu;
  devices = new Devices();
  readonly #fresh: CpuFields;

  constructor() {
    const answer = (what: number) => (address: number, size: number) => {
      this.devices.note(what, address, size);
      return this.devices.answer(size);
    };
    this.cpu = Cpu.create(loadCore(), {
      ramSize: ALL_RAM,
      host: {
        portRead: answer(1),
        portWrite: (port, size, value) => this.devices.note(2 + size, port, value),
        mmioRead: answer(7),
        mmioWrite: (address, size, value) => this.devices.note(8 + size, address, value),
        interruptAcknowledge: () => 0x20,
      },
    });
    this.#fresh = this.cpu.save();
  }

  /** What the program starts from, as a machine of the random tests has it. */
  load(state: Uint8Array, ram: Uint8Array): void {
    const { cpu } = this;
    cpu.load(this.#fresh);
    cpu.ram.fill(0);
    cpu.ram.set(ram.subarray(0, RAM_SIZE));
    cpu.flushBlocks();
    new Uint8Array(cpu.memory.buffer, STATE_BASE, state.length).set(state);
    cpu.eflags = cpu.view.getUint32(RFLAGS, true);
    cpu.cpl = cpu.view.getUint32(CPL, true);
    cpu.setDoorway(DOORWAY >> 12);
    this.devices = new Devices();
  }

  run(instructions: number): CpuStop {
    return this.cpu.run({ instructions: this.cpu.instructions + instructions, cycles: this.cpu.cycles + CYCLES });
  }
}

type Fields = [encoding: number, value: bigint | number][];

/** The state of the processor as the guest-state area has it. */
function guestState(cpu: Cpu): Fields {
  const fields: Fields = [];
  for (const [n, segment] of [0, 1, 2, 3, 4, 5, 7, 6].entries()) {
    const { selector, rights, base, limit } = cpu.segment(segment);
    fields.push([F.F_GUEST_SELECTOR + 2 * n, selector], [F.F_GUEST_LIMIT + 2 * n, limit]);
    fields.push([F.F_GUEST_RIGHTS + 2 * n, rights], [F.F_GUEST_BASE + 2 * n, base]);
  }
  const quad = (place: number) => cpu.view.getBigUint64(place, true);
  return [
    ...fields,
    [F.F_GUEST_CR0, cpu.cr0],
    [F.F_GUEST_CR3, cpu.cr3],
    [F.F_GUEST_CR4, cpu.cr4 | VMXE],
    [F.F_GUEST_EFER, quad(EFER)],
    [F.F_GUEST_DR7, quad(DR + 56)],
    [F.F_GUEST_RIP, quad(RIP)],
    [F.F_GUEST_RSP, quad(GPR + 32)],
    [F.F_GUEST_RFLAGS, BigInt(cpu.eflags)],
    [F.F_GUEST_GDTR_BASE, cpu.gdtr.base],
    [F.F_GUEST_GDTR_LIMIT, cpu.gdtr.limit],
    [F.F_GUEST_IDTR_BASE, cpu.idtr.base],
    [F.F_GUEST_IDTR_LIMIT, cpu.idtr.limit],
    [F.F_GUEST_SYSENTER_CS, cpu.msr(0x174)],
    [F.F_GUEST_SYSENTER_ESP, cpu.msr(0x175)],
    [F.F_GUEST_SYSENTER_EIP, cpu.msr(0x176)],
    [F.F_GUEST_INTERRUPTIBILITY, cpu.view.getUint32(INTERRUPTIBILITY, true)],
    [F.F_GUEST_PENDING_DEBUG, cpu.view.getUint32(PENDING_DEBUG, true)],
    ...[0, 1, 2, 3].map((n): [number, bigint] => [F.F_GUEST_PDPTE + 2 * n, quad(0x1390 + 8 * n)]),
  ];
}

/** What exits: whatever VMX operation shows to the program, and whatever time does. */
function controls(isLong: boolean, withEpt: boolean): Fields {
  const primary = (PRIMARY | F.CPU_RDTSC | F.CPU_RDPMC | F.CPU_SECONDARY) >>> 0;
  const ept = withEpt ? F.CPU2_EPT | F.CPU2_UNRESTRICTED_GUEST : 0;
  const wide = isLong ? F.EXIT_HOST_64 : 0;
  return [
    [F.F_PIN_CONTROLS, PIN],
    [F.F_PRIMARY_CONTROLS, primary],
    [F.F_SECONDARY_CONTROLS, ept | F.CPU2_RDTSCP | F.CPU2_INVPCID | F.CPU2_VPID],
    [F.F_VPID, 1],
    [F.F_EPTP, EPT | 0x1e],
    [F.F_EXIT_CONTROLS, EXIT_CONTROLS | F.EXIT_LOAD_EFER | wide],
    [F.F_ENTRY_CONTROLS, ENTRY_CONTROLS | F.ENTRY_LOAD_DEBUG | F.ENTRY_LOAD_EFER | wide],
    [F.F_VMCS_LINK, -1n],
    [F.F_CR4_MASK, VMXE],
    [F.F_CR0_MASK, 0xe000_0021],
  ];
}

/** Flat segments and paging of its own for the host, in the same width as the guest. */
function becomeHost(cpu: Cpu, isLong: boolean): Fields {
  const view = new DataView(cpu.ram.buffer, cpu.ram.byteOffset);
  const quad = (at: number, value: number) => view.setBigUint64(at, BigInt(value), true);
  if (isLong) {
    quad(HOST_TABLES, (HOST_TABLES + 0x1000) | 3);
    quad(HOST_TABLES + 0x1000, (HOST_TABLES + 0x2000) | 3);
    quad(HOST_TABLES + 0x2000, 0x83);
  } else view.setUint32(HOST_TABLES, 0x83, true);
  quad(EPT, (EPT + 0x1000) | 7);
  quad(EPT + 0x1000, (EPT + 0x2000) | 7);
  for (let n = 0; n < 512; n++) {
    const page = n * 0x1000;
    const isOurs = page >= RAM_SIZE && page < UNTOUCHED;
    quad(EPT_LEAVES + 8 * n, (isOurs ? page - RAM_SIZE + UNTOUCHED : page) | 0x37);
  }
  quad(EPT + 0x2000, EPT_LEAVES | 7);
  cpu.cr0 = 0x31;
  cpu.setMsr(0xc000_0080, isLong ? 0xd01n : 0x801n);
  cpu.cr4 = VMXE | (isLong ? 0x20 : 0x10);
  cpu.cr3 = HOST_TABLES;
  cpu.cr0 = 0x8000_0031;
  const flat = { base: 0, limit: 0xffff_ffff };
  for (let n = 0; n < 6; n++)
    cpu.setSegment(n, { selector: 8, rights: n === 1 ? (isLong ? 0xa09b : 0xc09b) : 0xc093, ...flat });
  cpu.cpl = 0;
  cpu.eflags = 2;
  cpu.view.setUint32(INTERRUPTIBILITY, 0, true);
  cpu.flushTlb();
  for (const [n, region] of [VMXON_REGION, VMCS_REGION].entries()) {
    view.setUint32(region, REVISION, true);
    quad(POINTER + 8 * n, region);
  }
  const { ring0 } = cpu;
  const results = [ring0.vmxon(POINTER), ring0.vmclear(POINTER + 8), ring0.vmptrld(POINTER + 8)];
  if (results.some((result) => result !== 'succeed')) throw new Error(`no VMX operation: ${results}`);
  return [
    ...[0, 1, 2, 3, 4, 5, 6].map((n): [number, number] => [F.F_HOST_SELECTOR + 2 * n, 8]),
    [F.F_HOST_CR0, 0x8000_0031],
    [F.F_HOST_CR3, HOST_TABLES],
    [F.F_HOST_CR4, cpu.cr4],
    [F.F_HOST_EFER, isLong ? 0xd01 : 0x801],
    [F.F_HOST_RIP, DOORWAY],
    [F.F_HOST_RSP, POINTER + 0x800],
  ];
}

/** Puts the program into non-root operation; false when its state is none that VM entry accepts. */
function enter({ cpu }: Side, { setting }: Program, withEpt: boolean): boolean {
  const isLong = setting.gates === 64;
  const { cr0, cr4 } = cpu;
  const guest = guestState(cpu);
  const host = becomeHost(cpu, isLong);
  for (const [field, value] of [...guest, ...host, ...controls(isLong, withEpt)]) {
    const wide = BigInt.asUintN(64, BigInt(value));
    cpu.ring0.vmwrite(field, Number(wide & 0xffff_ffffn), Number(wide >> 32n));
  }
  cpu.ring0.vmwrite(F.F_CR0_SHADOW, cr0);
  cpu.ring0.vmwrite(F.F_CR4_SHADOW, cr4);
  return cpu.ring0.vmlaunch() === 'succeed' && vmxMode(cpu) === 2;
}

/** Registers that have to be equal: all but CR4.VMXE, time and what belongs to VMX itself. */
function registers({ cpu, devices }: Side): string {
  const { view } = cpu;
  const quads: string[] = [`flags ${cpu.eflags.toString(16)}`, `devices ${devices.count} ${devices.digest}`];
  const range = (from: number, to: number) => {
    for (let at = from; at < to; at += 8) quads.push(`${at.toString(16)}: ${view.getBigUint64(at, true).toString(16)}`);
  };
  range(GPR, GPR + 128);
  range(RIP, RIP + 8);
  for (let n = 0; n < 8; n++) {
    const { selector, rights, base, limit } = cpu.segment(n);
    quads.push(`segment ${n}: ${selector} ${rights.toString(16)} ${base.toString(16)} ${limit.toString(16)}`);
  }
  range(0x1300, CR0 + 24);
  quads.push(`cr4 ${(cpu.cr4 & ~VMXE).toString(16)}`);
  range(EFER, 0x13c0);
  range(0x13c4, 0x13c4 + 8);
  range(0x1410, 0x1428);
  range(0x1448, 0x1478);
  range(0x3c00, 0x3da8);
  return quads.join('\n');
}

/** Runs the seed's program as a guest, then as long on the bare processor; the first difference in words. */
function compare(
  programs: Programs,
  machine: RandomMachine,
  guest: Side,
  bare: Side,
  seed: number,
): string | undefined {
  const program = programs.program(seed);
  const { setting } = program;
  machine.start(program);
  const state = machine.state.slice();
  const ram = machine.cpu.ram.slice();
  const withEpt = setting.paging === 'none' || seed % 3 === 0;
  let length = LONGEST;
  // an exit ends the program: it is run once more up to there
  for (let tries = 0; tries < 2; tries++) {
    guest.load(state, ram);
    if (!enter(guest, program, withEpt)) return undefined;
    const before = guest.cpu.counters().nonRootInstructions;
    guest.run(length);
    if (vmxMode(guest.cpu) === 2) break;
    length = guest.cpu.counters().nonRootInstructions - before;
    if (length === 0 || tries === 1) return undefined;
  }
  bare.load(state, ram);
  const start = bare.cpu.instructions;
  bare.run(length);
  if (bare.cpu.instructions - start < length) return undefined;
  const [a, b] = [registers(guest), registers(bare)];
  if (a !== b) {
    const lines = b.split('\n');
    const at = a.split('\n').findIndex((line, n) => line !== lines[n]);
    return `seed ${seed} (${setting.name}), ${length} instructions: guest ${a.split('\n')[at]}, bare ${lines[at]}`;
  }
  const differs = guest.cpu.ram.findIndex((byte, at) => at < RAM_SIZE && byte !== bare.cpu.ram[at]);
  return differs < 0 ? undefined : `seed ${seed} (${setting.name}): memory at ${differs.toString(16)}`;
}

test('random programs of every mode do in non-root operation what they do on the bare processor', () => {
  const programs = new Programs(2);
  const machine = programs.machine();
  const guest = new Side();
  const bare = new Side();
  const differences: string[] = [];
  for (let seed = 0; seed < PROGRAMS; seed++) {
    if (SETTINGS[seed % SETTINGS.length]!.guest) continue;
    const difference = compare(programs, machine, guest, bare, seed);
    if (difference !== undefined) differences.push(difference);
  }
  expect(differences).toEqual([]);
});
