// The machine that hardware vectors assume: its memory, the run of one vector, and the comparison with what was recorded. What
// surrounds the vector (mode, tables, handlers) is in protected-mode.ts and real-mode.ts.
import { Cpu } from '../../src/cpu/cpu.ts';
import { INTERRUPTIBILITY } from '../../asm/layout.ts';
import { ProtectedMode, Virtual8086Mode } from './protected-mode.ts';
import { RealMode } from './real-mode.ts';
import type { Engine, Mode, Outcome, Surroundings } from './surroundings.ts';
import type { Vector, VectorMeta } from './vector-file.ts';
import { compareFpState, loadFpState } from './fp-state.ts';
import { HAS_SEGMENTS, OS_EMULATED } from './vector-file.ts';

const RAM_SIZE = 0x20_0000;

const BREAKPOINT = 3;
const GENERAL_PROTECTION = 13;
const RF = 0x1_0000;
const FILL = 0xcc;

interface Area {
  readonly base: number;
  readonly length: number;
  readonly fill: number;
  /** What should be in it. */
  readonly expected: Uint8Array;
}

/** A machine for the vectors of one file. */
export class VectorMachine {
  readonly cpu: Cpu;
  readonly #surroundings: Surroundings;
  readonly #areas: Area[];
  readonly #codeBase: number;
  /** The previous vector may have changed segment registers. */
  #hasSegments = false;

  constructor(module: WebAssembly.Module, meta: VectorMeta, mode: Mode = 'recorded') {
    this.#codeBase = meta.segBase?.cs ?? 0;
    const none = () => 0xffff_ffff;
    this.cpu = Cpu.create(module, {
      ramSize: RAM_SIZE,
      host: { portRead: none, portWrite() {}, mmioRead: none, mmioWrite() {}, interruptAcknowledge: () => 0 },
    });
    const areas: [number, number, number][] = [
      [...meta.code, FILL],
      ...meta.rw.map(([a, n]): [number, number, number] => [a, n, 0]),
    ];
    this.#areas = areas.map(([base, length, fill]) => {
      this.cpu.ram.fill(fill, base, base + length);
      return { base, length, fill, expected: new Uint8Array(length).fill(fill) };
    });
    const kind = { recorded: ProtectedMode, real: RealMode, 'virtual-8086': Virtual8086Mode }[mode];
    this.#surroundings = new kind(this.cpu, meta);
  }

  /** Is what was recorded what this mode does? */
  holds(v: Vector, engine: Engine): boolean {
    return this.#surroundings.holds(v, engine);
  }

  /** Runs a vector; returns what differs from the recording, in words. */
  run(v: Vector, engine: Engine): string[] {
    this.#load(v);
    const { cpu } = this;
    let stop = cpu.run({ instructions: cpu.instructions + (engine === 'single' ? 1 : 1_000_000) });
    // the fault of a branch to unmapped memory belongs to the next instruction; INT3 is already at its gate
    const isFetchFault = v.exception === 14 && v.cr2 === v.ipOut;
    if (stop.reason === 'deadline' && (isFetchFault || this.#surroundings.hasLeft()))
      stop = cpu.run({ instructions: cpu.instructions + 1 });
    const differences: string[] = [];
    if (stop.reason === 'deadline' || stop.reason === 'doorway') {
      const outcome = this.#surroundings.outcome(stop.reason === 'doorway' ? stop.entry : undefined);
      if (engine === 'block' && outcome.exception === BREAKPOINT && v.exception !== BREAKPOINT) {
        outcome.exception = -1;
        outcome.ip -= 1n;
      }
      if (v.flags & OS_EMULATED) this.#compareWithoutSystem(v, outcome, differences);
      else this.#compare(v, outcome, differences);
      this.#clean(v, outcome.touched);
    } else {
      differences.push(`the CPU stopped with "${stop.reason}"`);
      this.#clean(v);
    }
    return differences;
  }

  #load(v: Vector): void {
    const { cpu } = this;
    for (const { address, bytes } of v.memory) this.#put(address, bytes);
    this.#put(this.#codeBase + v.ip, v.code);
    this.#surroundings.enter(v.eflags, this.#hasSegments);
    this.#hasSegments = (v.flags & HAS_SEGMENTS) !== 0;
    v.gpr.forEach((value, n) => {
      cpu.setReg64(n, value);
    });
    cpu.rip = BigInt(v.ip);
    cpu.cr2 = 0;
    loadFpState(cpu.view, v.fp);
    cpu.view.setUint32(INTERRUPTIBILITY, 0, true);
  }

  /** Puts bytes into RAM and into what is expected there. */
  #put(address: number, bytes: Uint8Array): void {
    this.cpu.ram.set(bytes, address);
    this.cpu.notePhysicalWrite(address, bytes.length);
    this.#expect(address, bytes);
  }

  #expect(address: number, bytes: Uint8Array): void {
    for (const { base, length, expected } of this.#areas) {
      for (let n = 0; n < bytes.length; n++) {
        const at = address + n - base;
        if (at >= 0 && at < length) expected[at] = bytes[n]!;
      }
    }
  }

  /** UMIP makes these #GP(0) where no operating system answers in their place; ICEBP is #DB. */
  #compareWithoutSystem(v: Vector, outcome: Outcome, differences: string[]): void {
    const expected = v.form.name === 'icebp' ? 1 : GENERAL_PROTECTION;
    const ip = BigInt(expected === 1 ? v.ip + v.code.length : v.ip);
    number(differences, 'exception', outcome.exception, expected);
    word(differences, 'ip', outcome.ip, ip);
    this.#compareRegisters(v, outcome, v.gpr, differences);
  }

  #compare(v: Vector, outcome: Outcome, differences: string[]): void {
    number(differences, 'exception', outcome.exception, v.exception);
    if (outcome.exception === v.exception && v.exception >= 0) {
      if (outcome.error !== undefined) number(differences, 'error code', outcome.error, v.error);
      if (v.exception === 14) word(differences, 'cr2', this.cpu.cr2Wide, v.cr2);
    }
    word(differences, 'ip', outcome.ip, v.ipOut);
    this.#compareRegisters(v, outcome, v.gprOut, differences);
    const mask = ~(v.undefinedFlags | this.#surroundings.ignoredFlags(v, outcome) | RF);
    if ((outcome.eflags ^ v.eflagsOut) & mask) {
      differences.push(`flags ${flagText(outcome.eflags & mask)} instead of ${flagText(v.eflagsOut & mask)}`);
    }
    if (v.segmentsOut) {
      const segments = [this.cpu.segment(0).selector, outcome.cs, outcome.ss, this.cpu.segment(3).selector];
      segments.forEach((selector, n) => {
        number(differences, ['es', 'cs', 'ss', 'ds'][n]!, selector, v.segmentsOut![n]!);
      });
    }
    if (v.fpOut) differences.push(...compareFpState(this.cpu.view, v));
    this.#compareMemory(v, outcome, differences);
  }

  #compareRegisters(v: Vector, outcome: Outcome, expected: readonly bigint[], differences: string[]): void {
    expected.forEach((value, n) => {
      const found = n === 4 ? outcome.rsp : this.cpu.reg64(n);
      if (!((v.undefinedGpr >> n) & 1)) word(differences, NAMES[n] ?? `r${n}`, found, value);
    });
  }

  #compareMemory(v: Vector, { touched = [] }: Outcome, differences: string[]): void {
    const { ram } = this.cpu;
    for (const { address, bytes } of v.memoryOut) this.#expect(address, bytes);
    for (const { address, length } of [...touched, ...v.undefinedMemory])
      this.#expect(address, ram.slice(address, address + length));
    for (const { base, length, expected } of this.#areas) {
      const actual = ram.subarray(base, base + length);
      if (Buffer.compare(actual, expected) === 0) continue;
      const at = actual.findIndex((byte, n) => byte !== expected[n]);
      number(differences, `byte at ${hex(base + at)}`, actual[at]!, expected[at]!);
    }
  }

  /** Puts the areas back as they were. */
  #clean(v: Vector, touched: Outcome['touched'] = []): void {
    const { ram } = this.cpu;
    for (const { base, length, fill, expected } of this.#areas) {
      for (const { address, length: size } of [
        ...[...v.memory, ...v.memoryOut].map((w) => ({ address: w.address, length: w.bytes.length })),
        ...v.undefinedMemory,
        ...touched,
        { address: this.#codeBase + v.ip, length: v.code.length },
      ]) {
        const from = Math.max(address - base, 0);
        const to = Math.min(address + size - base, length);
        if (from < to) expected.fill(fill, from, to);
      }
      if (Buffer.compare(ram.subarray(base, base + length), expected) !== 0) {
        ram.set(expected, base);
        this.cpu.notePhysicalWrite(base, length);
      }
    }
  }
}

const NAMES = ['rax', 'rcx', 'rdx', 'rbx', 'rsp', 'rbp', 'rsi', 'rdi'];

function hex(value: number): string {
  return (value >>> 0).toString(16);
}

function word(differences: string[], what: string, found: bigint, expected: bigint): void {
  if (found !== expected) differences.push(`${what} ${found.toString(16)} instead of ${expected.toString(16)}`);
}

function number(differences: string[], what: string, found: number, expected: number): void {
  if (found >>> 0 === expected >>> 0) return;
  const text = (value: number) => (what === 'exception' && value < 0 ? 'none' : hex(value));
  differences.push(`${what} ${text(found)} instead of ${text(expected)}`);
}

function flagText(flags: number): string {
  const letters: [string, number][] = [
    ['O', 11],
    ['D', 10],
    ['S', 7],
    ['Z', 6],
    ['A', 4],
    ['P', 2],
    ['C', 0],
  ];
  const rest = flags & ~0xcd5;
  return `${letters.map(([letter, bit]) => ((flags >> bit) & 1 ? letter : '-')).join('')}+${hex(rest)}`;
}
