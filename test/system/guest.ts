// A test machine whose program runs in VMX non-root operation: the VMCS mirrors the state that `ring` set up, and every VM
// exit leads to the doorway (SDM Vol. 3C "Virtual Machine Control Structures").
import { CS, DS, ES, FS, GS, LDTR, SS, TR } from '../../asm/layout.ts';
import { DOORWAY, GDT, TestMachine, TSS, TSS_SELECTOR } from './machine.ts';

const DIRECTORY = 0x60000;
const TABLE = 0x61000;
const VMXON_REGION = 0x70000;
const VMCS = 0x71000;
const IO_BITMAPS = 0x72000;
const MSR_BITMAP = 0x74000;
const EXIT_ENTRY = 0x400;

/** Field encodings of the VMCS used by the tests. */
export const FIELD = {
  pin: 0x4000,
  primary: 0x4002,
  exceptionBitmap: 0x4004,
  exitControls: 0x400c,
  entryControls: 0x4012,
  entryInterruption: 0x4016,
  entryError: 0x4018,
  entryLength: 0x401a,
  secondary: 0x401e,
  cr0Mask: 0x6000,
  cr4Mask: 0x6002,
  cr0Shadow: 0x6004,
  cr4Shadow: 0x6006,
  reason: 0x4402,
  interruption: 0x4404,
  error: 0x4406,
  vectoring: 0x4408,
  vectoringError: 0x440a,
  length: 0x440c,
  qualification: 0x6400,
  guestRip: 0x681e,
  guestRflags: 0x6820,
  guestInterruptibility: 0x4824,
  guestPendingDebug: 0x6822,
} as const;

/** Controls of the primary processor-based word. */
export const CONTROL = {
  hlt: 1 << 7,
  invlpg: 1 << 9,
  rdtsc: 1 << 12,
  movDr: 1 << 23,
  unconditionalIo: 1 << 24,
  ioBitmaps: 1 << 25,
  monitorTrap: 1 << 27,
  msrBitmaps: 1 << 28,
  secondary: 1 << 31,
} as const;

/** What a VM exit reported. */
export interface Exit {
  readonly reason: number;
  readonly qualification: number;
  readonly interruption: number;
  readonly error: number;
  readonly vectoring: number;
  readonly length: number;
  readonly rip: number;
}

export class TestGuest extends TestMachine {
  constructor() {
    super();
    this.memory.setUint32(DIRECTORY, TABLE | 7, true);
    for (let page = 0; page < 1024; page++) this.memory.setUint32(TABLE + page * 4, (page << 12) | 7, true);
    this.cpu.cr3 = DIRECTORY;
    this.cpu.cr4 = 0x2000;
    this.cpu.cr0 = 0x80010031;
    this.cpu.flushTlb();
  }

  /** Allows or intercepts ports in the I/O bitmap. */
  interceptPort(port: number): void {
    const at = IO_BITMAPS + (port >>> 3);
    this.memory.setUint8(at, this.memory.getUint8(at) | (1 << (port & 7)));
  }

  /** Enters the guest in the state that `ring` (and others) gave the CPU, with these fields changed. */
  enter(fields: Readonly<Record<number, number>> = {}): void {
    const { cpu } = this;
    const state = this.guestFields();
    this.ring(0);
    cpu.setReg(1, 0x480);
    cpu.ring0.execute([0x0f, 0x32]);
    const revision = cpu.reg(0) & 0x7fffffff;
    for (const [at, pointer] of [
      [VMXON_REGION, 0x7e000],
      [VMCS, 0x7e008],
    ] as const) {
      this.memory.setUint32(at, revision, true);
      this.memory.setUint32(pointer, at, true);
      this.memory.setUint32(pointer + 4, 0, true);
    }
    const results = [cpu.ring0.vmxon(0x7e000), cpu.ring0.vmclear(0x7e008), cpu.ring0.vmptrld(0x7e008)];
    if (results.some((result) => result !== 'succeed')) throw new Error(`VMX set-up: ${results.join(', ')}`);
    for (const [field, value] of [...state, ...this.hostFields(), ...this.controls()]) cpu.ring0.vmwrite(field, value);
    cpu.ring0.vmwrite(0x2800, 0xffffffff, 0xffffffff);
    for (const [field, value] of Object.entries(fields)) this.change(Number(field), value);
    if (cpu.ring0.vmlaunch() !== 'succeed') throw new Error(`VMLAUNCH failed: error ${cpu.ring0.vmread(0x4400)}`);
  }

  /** Adds bits to a control field, or sets another field. */
  private change(field: number, value: number): void {
    const adds = field === FIELD.pin || field === FIELD.primary;
    const { ring0 } = this.cpu;
    ring0.vmwrite(field, adds ? (ring0.vmread(field) | value) >>> 0 : value);
  }

  private controls(): [number, number][] {
    return [
      [FIELD.pin, 0x16],
      [FIELD.primary, (0x0401e172 | CONTROL.ioBitmaps | CONTROL.msrBitmaps) & ~0x18000],
      [FIELD.exitControls, 0x36dff],
      [FIELD.entryControls, 0x11ff],
      [0x2000, IO_BITMAPS],
      [0x2002, IO_BITMAPS + 0x1000],
      [0x2004, MSR_BITMAP],
      [FIELD.exceptionBitmap, 0],
    ];
  }

  private guestFields(): [number, number][] {
    const { cpu } = this;
    const fields: [number, number][] = [];
    // the VMCS has LDTR before TR
    for (const [n, segment] of [ES, CS, SS, DS, FS, GS, LDTR, TR].entries()) {
      const { selector, rights, base, limit } = cpu.segment(segment);
      fields.push([0x800 + 2 * n, selector], [0x4800 + 2 * n, limit], [0x4814 + 2 * n, rights], [0x6806 + 2 * n, base]);
    }
    fields.push([0x6800, cpu.cr0], [0x6802, cpu.cr3], [0x6804, cpu.cr4]);
    fields.push([0x6816, cpu.gdtr.base], [0x4810, cpu.gdtr.limit], [0x6818, cpu.idtr.base], [0x4812, cpu.idtr.limit]);
    fields.push([0x681a, 0x400], [0x681c, cpu.reg(4)], [0x681e, cpu.eip], [0x6820, cpu.eflags]);
    return fields;
  }

  private hostFields(): [number, number][] {
    const { cpu } = this;
    const selectors = [0x10, 0x08, 0x10, 0x10, 0x10, 0x10, TSS_SELECTOR].map((selector, n): [number, number] => [
      0xc00 + 2 * n,
      selector,
    ]);
    return [
      ...selectors,
      [0x6c00, cpu.cr0],
      [0x6c02, cpu.cr3],
      [0x6c04, cpu.cr4],
      [0x6c0a, TSS],
      [0x6c0c, GDT],
      [0x6c0e, 0x2000],
      [0x6c14, 0x3f000],
      [0x6c16, DOORWAY + EXIT_ENTRY],
    ];
  }

  /** Runs the guest to its next VM exit. */
  exit(): Exit {
    const stop = this.run();
    if (stop.reason !== 'doorway' || stop.entry !== EXIT_ENTRY) {
      throw new Error(`no VM exit: ${JSON.stringify(stop)}`);
    }
    const read = (field: number) => this.cpu.ring0.vmread(field);
    return {
      reason: read(FIELD.reason),
      qualification: read(FIELD.qualification),
      interruption: read(FIELD.interruption),
      error: read(FIELD.error),
      vectoring: read(FIELD.vectoring),
      length: read(FIELD.length),
      rip: read(FIELD.guestRip),
    };
  }

  /** Assembles, enters and runs to the first VM exit. */
  exitOf(text: string, fields: Readonly<Record<number, number>> = {}): Exit {
    this.program(text);
    this.enter(fields);
    return this.exit();
  }
}
