// A bare protected-mode CPU for the tests of the system instructions: GDT, IDT, TSS and stacks at fixed places, every IDT
// gate leading to the doorway, so that a test sees the frame the CPU pushed.
import { assembleProgram } from '../../src/isa/assemble.ts';
import { Cpu, type CpuModel, type CpuStop } from '../../src/cpu/cpu.ts';
import { CS, DS, ES, FS, GS, LDTR, SS, TR } from '../../asm/layout.ts';
import { loadCore } from '../core.ts';

export const RAM_SIZE = 0x400000;
export const GDT = 0x1000;
export const GDT_ENTRIES = 64;
export const IDT = 0x2000;
export const TSS = 0x3000;
export const TSS_LIMIT = 0x20ff;
/** First byte of the I/O permission bit map in the TSS. */
export const BITMAP = 0x68;
export const LDT = 0x6000;
export const DOORWAY = 0x7f000;
export const CODE = 0x10000;
export const DATA = 0x20000;
/** Initial stack pointers of the rings. */
export const STACKS = [0x30000, 0x31000, 0x32000, 0x33000] as const;
/** ESP0 to ESP2 of the TSS. */
export const TSS_STACKS = [0x38000, 0x39000, 0x3a000] as const;

/** Flat 32-bit code and data segments of each ring, with the RPL of the ring. */
export const CODE_SELECTORS = [0x08, 0x19, 0x2a, 0x3b] as const;
export const DATA_SELECTORS = [0x10, 0x21, 0x32, 0x43] as const;
export const TSS_SELECTOR = 0x48;
export const LDT_SELECTOR = 0x50;
/** GDT entries from here on are free for the test. */
export const FREE = 0x58;

export interface Descriptor {
  readonly base?: number;
  /** Byte limit; granularity is chosen from it. */
  readonly limit?: number;
  /** Type nibble and S: 0x1b code readable accessed, 0x13 data writable accessed, 0x12 not accessed … */
  readonly type: number;
  readonly dpl?: number;
  readonly present?: boolean;
  /** D/B; true by default. */
  readonly big?: boolean;
}

export interface Gate {
  /** 14 interrupt, 15 trap, 6 and 7 their 16-bit forms, 12 and 4 call gates, 5 task gate. */
  readonly type: number;
  readonly selector: number;
  readonly offset: number;
  readonly dpl?: number;
  readonly present?: boolean;
  readonly parameters?: number;
}

function descriptorBytes(d: Descriptor): [number, number] {
  const { base = 0, limit = 0xffffffff, type, dpl = 0, present = true, big = true } = d;
  const granular = limit > 0xfffff;
  const units = granular ? limit >>> 12 : limit;
  const access = type | (dpl << 5) | (present ? 0x80 : 0);
  const flags = (granular ? 8 : 0) | (big ? 4 : 0);
  const low = ((base & 0xffff) << 16) | (units & 0xffff);
  const high = (base & 0xff000000) | (flags << 20) | (units & 0xf0000) | (access << 8) | ((base >>> 16) & 0xff);
  return [low >>> 0, high >>> 0];
}

function gateBytes(g: Gate): [number, number] {
  const { type, selector, offset, dpl = 0, present = true, parameters = 0 } = g;
  const low = (selector << 16) | (offset & 0xffff);
  const high = (offset & 0xffff0000) | ((type | (dpl << 5) | (present ? 0x80 : 0)) << 8) | parameters;
  return [low >>> 0, high >>> 0];
}

/** What the CPU pushed when it came to the doorway through an IDT gate. */
export interface Delivered {
  readonly vector: number;
  readonly error?: number;
  readonly eip: number;
  readonly cs: number;
  readonly eflags: number;
  /** Present if the frame has them (`outer` of `delivered`). */
  readonly esp?: number;
  readonly ss?: number;
}

const WITH_ERROR = new Set([8, 10, 11, 12, 13, 14, 17]);

export interface PortAccess {
  readonly port: number;
  readonly size: number;
  readonly value?: number;
}

export class TestMachine {
  readonly cpu: Cpu;
  readonly memory: DataView;
  readonly ports: PortAccess[] = [];
  readonly unsupported: string[] = [];
  /** Called after each write to a port or a device in memory. */
  onWrite: () => void = () => {};
  /** Value of the next port reads. */
  portValue = 0xffffffff;
  /** What INTA answers. */
  interruptVector = 0x20;
  symbols: ReadonlyMap<string, number> = new Map();

  constructor(model?: CpuModel, seed = 0) {
    this.cpu = Cpu.create(loadCore(), {
      ramSize: RAM_SIZE,
      model,
      seed,
      host: {
        portRead: (port, size) => {
          this.ports.push({ port, size });
          return this.portValue;
        },
        portWrite: (port, size, value) => {
          this.ports.push({ port, size, value: value >>> 0 });
          this.onWrite();
        },
        mmioRead: () => 0xffffffff,
        mmioWrite: () => this.onWrite(),
        interruptAcknowledge: () => {
          this.cpu.setIntr(false);
          return this.interruptVector;
        },
        notSupported: (what) => {
          this.unsupported.push(what);
        },
      },
    });
    const ram = this.cpu.ram;
    this.memory = new DataView(ram.buffer, ram.byteOffset, ram.byteLength);
    this.setTables();
    this.setState();
  }

  private setTables(): void {
    for (let ring = 0; ring < 4; ring++) {
      this.descriptor(CODE_SELECTORS[ring]!, { type: 0x1b, dpl: ring });
      this.descriptor(DATA_SELECTORS[ring]!, { type: 0x13, dpl: ring });
    }
    this.descriptor(TSS_SELECTOR, { type: 0x0b, base: TSS, limit: TSS_LIMIT });
    this.descriptor(LDT_SELECTOR, { type: 0x02, base: LDT, limit: 0xff });
    for (let vector = 0; vector < 256; vector++) {
      this.gate(vector, { type: 14, selector: 0x08, offset: DOORWAY + vector });
    }
    for (let ring = 0; ring < 3; ring++) {
      this.memory.setUint32(TSS + 4 + ring * 8, TSS_STACKS[ring]!, true);
      this.memory.setUint32(TSS + 8 + ring * 8, DATA_SELECTORS[ring]!, true);
    }
    this.memory.setUint16(TSS + 0x66, BITMAP, true);
    for (let at = BITMAP; at <= TSS_LIMIT; at++) this.memory.setUint8(TSS + at, 0xff);
  }

  private setState(): void {
    const { cpu } = this;
    cpu.cr0 = 0x11;
    cpu.gdtr = { base: GDT, limit: GDT_ENTRIES * 8 - 1 };
    cpu.idtr = { base: IDT, limit: 0x7ff };
    cpu.setSegment(TR, { selector: TSS_SELECTOR, rights: 0x8b, base: TSS, limit: TSS_LIMIT });
    cpu.setSegment(LDTR, { selector: LDT_SELECTOR, rights: 0x82, base: LDT, limit: 0xff });
    cpu.setDoorway(DOORWAY >>> 12);
    this.ring(0);
  }

  /** Puts the CPU into a ring with flat segments; EIP is CODE. */
  ring(level: 0 | 1 | 2 | 3, eflags = 2): void {
    const { cpu } = this;
    const dpl = level << 5;
    cpu.setSegment(CS, { selector: CODE_SELECTORS[level], rights: 0xc09b | dpl, base: 0, limit: 0xffffffff });
    for (const segment of [SS, DS, ES, FS, GS]) {
      cpu.setSegment(segment, { selector: DATA_SELECTORS[level], rights: 0xc093 | dpl, base: 0, limit: 0xffffffff });
    }
    cpu.cpl = level;
    cpu.eip = CODE;
    cpu.setReg(4, STACKS[level]);
    cpu.eflags = eflags;
  }

  /** Writes a descriptor into the GDT, or the LDT if the selector's TI bit is set. */
  descriptor(selector: number, d: Descriptor): void {
    this.quad((selector & 4 ? LDT : GDT) + (selector & ~7), descriptorBytes(d));
  }

  /** Writes a call gate or task gate into the GDT. */
  callGate(selector: number, g: Gate): void {
    this.quad(GDT + (selector & ~7), gateBytes(g));
  }

  /** Writes an IDT entry. */
  gate(vector: number, g: Gate): void {
    this.quad(IDT + vector * 8, gateBytes(g));
  }

  private quad(at: number, [low, high]: readonly [number, number]): void {
    this.memory.setUint32(at, low, true);
    this.memory.setUint32(at + 4, high, true);
  }

  /** Access byte of a descriptor in the GDT. */
  accessByte(selector: number): number {
    return this.memory.getUint8(GDT + (selector & ~7) + 5);
  }

  /** Assembles `text` at CODE (or elsewhere) into RAM. */
  program(text: string, at: number = CODE, mode: 16 | 32 = 32): void {
    const { bytes, symbols } = assembleProgram(text, { origin: at, mode });
    this.cpu.ram.set(bytes, at);
    this.cpu.notePhysicalWrite(at, bytes.length);
    this.symbols = symbols;
  }

  /** Address of a label. */
  label(name: string): number {
    const address = this.symbols.get(name);
    if (address === undefined) throw new Error(`no label ${name}`);
    return address;
  }

  run(instructions = 1000): CpuStop {
    return this.cpu.run({ instructions: this.cpu.instructions + instructions });
  }

  /** Assembles, runs to the doorway and returns what was delivered. */
  deliver(text: string, options: { outer?: boolean; size?: 2 | 4 } = {}): Delivered {
    this.program(text);
    return this.delivered(this.run(), options);
  }

  /** Reads the frame on the current stack after a stop at the doorway. */
  delivered(stop: CpuStop, { outer = false, size = 4 }: { outer?: boolean; size?: 2 | 4 } = {}): Delivered {
    if (stop.reason !== 'doorway') throw new Error(`stopped because of ${stop.reason}, not at the doorway`);
    const vector = stop.entry;
    const words = this.stack(7, size);
    const error = WITH_ERROR.has(vector) ? words.shift()! : undefined;
    const [eip, cs, eflags, esp, ss] = words as [number, number, number, number, number];
    return {
      vector,
      ...(error === undefined ? {} : { error }),
      eip,
      cs: cs & 0xffff,
      eflags,
      ...(outer ? { esp, ss: ss & 0xffff } : {}),
    };
  }

  /** The top words of the current stack. */
  stack(count: number, size: 2 | 4 = 4): number[] {
    const { base } = this.cpu.segment(SS);
    const at = Number(base) + this.cpu.reg(4);
    return Array.from({ length: count }, (_, i) =>
      size === 4 ? this.memory.getUint32(at + i * 4, true) : this.memory.getUint16(at + i * 2, true),
    );
  }
}
