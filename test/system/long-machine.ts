// A bare CPU in IA-32e mode for the tests of long mode: four-level tables that map the first 8 MiB onto themselves with 2 MiB
// pages for every ring, 16-byte gates to the doorway, a 64-bit TSS; 64-bit, compatibility and data segments of rings 0 and 3.
import { CS, DS, ES, FS, GS, LDTR, SS, TR } from '../../asm/layout.ts';
import { Cpu, type CpuModel, type CpuStop } from '../../src/cpu/cpu.ts';
import { assembleProgram } from '../../src/isa/assemble.ts';
import { loadCore } from '../core.ts';

export const RAM_SIZE = 0x800000;
export const GDT = 0x1000;
export const IDT = 0x2000;
export const TSS = 0x3000;
export const TSS_LIMIT = 0x67;
export const PML4 = 0x8000;
export const PDPT = 0x9000;
export const PD = 0xa000;
/** Free pages for tables of a test. */
export const FREE_TABLES = 0xb000;
export const CODE = 0x10000;
export const DATA = 0x20000;
export const STACK = 0x30000;
export const RSP0 = 0x38008;
export const IST1 = 0x3a008;
export const DOORWAY = 0x7f000;

export const KERNEL_CODE = 0x08;
export const KERNEL_DATA = 0x10;
export const KERNEL_CODE_32 = 0x18;
/** STAR[63:48]: SYSRET goes to 32-bit code here, its stack 8 further, 64-bit code 16 further. */
export const USER_CODE_32 = 0x23;
export const USER_DATA = 0x2b;
export const USER_CODE = 0x33;
export const TSS_SELECTOR = 0x40;
/** GDT entries from here on are free for the test. */
export const FREE = 0x50;

const WITH_ERROR = new Set([8, 10, 11, 12, 13, 14, 17]);

/** The frame an event left at the doorway. */
export interface LongFrame {
  readonly vector: number;
  readonly error?: number;
  readonly rip: bigint;
  readonly cs: number;
  readonly rflags: bigint;
  readonly rsp: bigint;
  readonly ss: number;
}

export interface LongGate {
  readonly type?: number;
  readonly selector?: number;
  readonly offset?: bigint;
  readonly dpl?: number;
  readonly ist?: number;
  readonly present?: boolean;
}

export class LongMachine {
  readonly cpu: Cpu;
  readonly memory: DataView;
  symbols: ReadonlyMap<string, number> = new Map();

  constructor(model?: CpuModel) {
    const none = () => 0xffff_ffff;
    this.cpu = Cpu.create(loadCore(), {
      ramSize: RAM_SIZE,
      model,
      host: { portRead: none, portWrite() {}, mmioRead: none, mmioWrite() {}, interruptAcknowledge: () => 0x20 },
    });
    const { ram } = this.cpu;
    this.memory = new DataView(ram.buffer, ram.byteOffset, ram.byteLength);
    this.quad(PML4, BigInt(PDPT) | 7n);
    this.quad(PDPT, BigInt(PD) | 7n);
    for (let n = 0; n < 4; n++) this.quad(PD + 8 * n, BigInt(n * 0x200000) | 0x87n);
    // access bytes and flags: G, D or L
    const table: [number, bigint][] = [
      [KERNEL_CODE, 0x00af9b00_0000ffffn],
      [KERNEL_DATA, 0x00cf9300_0000ffffn],
      [KERNEL_CODE_32, 0x00cf9b00_0000ffffn],
      [USER_CODE_32, 0x00cffb00_0000ffffn],
      [USER_DATA, 0x00cff300_0000ffffn],
      [USER_CODE, 0x00affb00_0000ffffn],
    ];
    for (const [selector, descriptor] of table) this.descriptor(selector, descriptor);
    this.descriptor(TSS_SELECTOR, 0x00008900_00000000n | BigInt(TSS << 16) | BigInt(TSS_LIMIT), 0n);
    for (let vector = 0; vector < 256; vector++) this.gate(vector);
    this.quad(TSS + 4, BigInt(RSP0));
    this.quad(TSS + 0x24, BigInt(IST1));
    this.memory.setUint16(TSS + 0x66, TSS_LIMIT + 1, true);
    this.#state();
  }

  #state(): void {
    const { cpu } = this;
    cpu.cr4 = 0x20;
    cpu.setMsr(0xc000_0080, 0xd01n);
    cpu.cr3 = PML4;
    cpu.cr0 = 0x8001_0033;
    cpu.gdtr = { base: GDT, limit: 0x1ff };
    cpu.idtr = { base: IDT, limit: 0xfff };
    cpu.setSegment(TR, { selector: TSS_SELECTOR, rights: 0x8b, base: TSS, limit: TSS_LIMIT });
    cpu.setSegment(LDTR, { selector: 0, rights: 0x1_0000, base: 0, limit: 0 });
    cpu.setDoorway(DOORWAY >>> 12);
    this.ring(0);
  }

  /** Ring 0 or 3, in 64-bit or compatibility code; RIP is CODE, RSP is STACK. */
  ring(level: 0 | 3, bits: 64 | 32 = 64, rflags = 2): void {
    const { cpu } = this;
    const dpl = level << 5;
    const code = level ? (bits === 64 ? USER_CODE : USER_CODE_32) : bits === 64 ? KERNEL_CODE : KERNEL_CODE_32;
    const rights = (bits === 64 ? 0xa09b : 0xc09b) | dpl;
    cpu.setSegment(CS, { selector: code, rights, base: 0, limit: 0xffff_ffff });
    const data = level ? USER_DATA : KERNEL_DATA;
    for (const n of [SS, DS, ES, FS, GS])
      cpu.setSegment(n, { selector: data, rights: 0xc093 | dpl, base: 0, limit: 0xffff_ffff });
    cpu.cpl = level;
    cpu.rip = BigInt(CODE);
    cpu.setReg64(4, BigInt(STACK));
    cpu.eflags = rflags;
  }

  quad(at: number, value: bigint): void {
    this.memory.setBigUint64(at, value, true);
  }

  read(at: number): bigint {
    return this.memory.getBigUint64(at, true);
  }

  /** Writes a GDT descriptor, 16 bytes if `upper` is given. */
  descriptor(selector: number, value: bigint, upper?: bigint): void {
    this.quad(GDT + (selector & ~7), value);
    if (upper !== undefined) this.quad(GDT + (selector & ~7) + 8, upper);
  }

  gate(vector: number, gate: LongGate = {}): void {
    this.#gateAt(IDT + 16 * vector, { offset: BigInt(DOORWAY + vector), ...gate });
  }

  callGate(selector: number, gate: LongGate): void {
    this.#gateAt(GDT + (selector & ~7), { type: 12, ...gate });
  }

  #gateAt(at: number, gate: LongGate): void {
    const { type = 14, selector = KERNEL_CODE, offset = 0n, dpl = 0, ist = 0, present = true } = gate;
    const access = BigInt(type | (dpl << 5) | (present ? 0x80 : 0));
    const low = (offset & 0xffffn) | (BigInt(selector) << 16n) | (BigInt(ist) << 32n);
    this.quad(at, low | (access << 40n) | (((offset >> 16n) & 0xffffn) << 48n));
    this.quad(at + 8, offset >> 32n);
  }

  program(text: string, mode: 32 | 64 = 64, at: number = CODE): void {
    const { bytes, symbols } = assembleProgram(text, { origin: at, mode });
    this.cpu.ram.set(bytes, at);
    this.cpu.notePhysicalWrite(at, bytes.length);
    this.symbols = symbols;
  }

  label(name: string): bigint {
    const address = this.symbols.get(name);
    if (address === undefined) throw new Error(`no label ${name}`);
    return BigInt(address);
  }

  run(instructions = 1000): CpuStop {
    return this.cpu.run({ instructions: this.cpu.instructions + instructions });
  }

  /** Assembles, runs to the doorway and reads the frame of what was delivered. */
  deliver(text: string, mode: 32 | 64 = 64): LongFrame {
    this.program(text, mode);
    return this.frame(this.run());
  }

  /** The frame on the present stack after a stop at the doorway. */
  frame(stop: CpuStop): LongFrame {
    if (stop.reason !== 'doorway') throw new Error(`stopped because of ${stop.reason}, not at the doorway`);
    let at = Number(this.cpu.reg64(4));
    const next = () => {
      at += 8;
      return this.read(at - 8);
    };
    const error = WITH_ERROR.has(stop.entry) ? Number(next()) : undefined;
    const [rip, cs, rflags, rsp, ss] = [next(), Number(next()), next(), next(), Number(next())];
    return { vector: stop.entry, ...(error === undefined ? {} : { error }), rip, cs, rflags, rsp, ss };
  }
}
