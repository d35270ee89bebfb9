// Runs random bytes as code on random tables, control registers and VMCSs: the run has to end within its budget, without a
// trap of the core or an exception of the host, in a state a processor can be in, and without a write outside its RAM.
import { CR0, CR3, CR4, EFER, RFLAGS, STATE_BASE } from '../../asm/layout.ts';
import { vmxMode } from '../../src/cpu/vmcs.ts';
import { fuzzBytes } from './fuzz-bytes.ts';
import { brokenRules } from './invariants.ts';
import type { RandomMachine } from './machine.ts';
import type { Chunk, Program } from './program.ts';
import type { Programs } from './programs.ts';
import { Random } from './random.ts';
import { CODE, DIRECTORY, GDT, IDT, LDT, PD, PDPT, PML4, PT, TSS, VMCS_REGION } from './world.ts';

/** Tables that get random bytes, and how much of them is used. */
const TABLES: readonly (readonly [at: number, size: number])[] = [
  [GDT, 0x130],
  [IDT, 0x100],
  [LDT, 0x18],
  [TSS, 0x90],
  [PT, 0x100],
  [PD, 8],
  [PDPT, 8],
  [PML4, 8],
  [DIRECTORY, 4],
  [0xd000, 0x80],
  [VMCS_REGION + 8, 0xfe0],
];

function randomBytes(length: number, random: Random): Uint8Array {
  return Uint8Array.from({ length }, () => random.u32());
}

/** Some bytes of a table, or a bit of one. */
function damage(random: Random): Chunk {
  const [at, size] = random.pick(TABLES);
  return { at: at + random.below(size), bytes: randomBytes(1 + random.below(random.oneIn(4) ? 16 : 2), random) };
}

/** Bits of control registers that any software may have set; the rest of the state has to go with them. */
function registers(state: Uint8Array, random: Random): void {
  const view = new DataView(state.buffer, state.byteOffset);
  const toggle = (place: number, bits: number) =>
    view.setUint32(place - STATE_BASE, (view.getUint32(place - STATE_BASE, true) ^ bits) >>> 0, true);
  if (random.oneIn(4)) toggle(CR0, random.u32() & 0x0005_002e);
  if (random.oneIn(4)) toggle(CR4, random.u32() & 0x0000_0f8c);
  if (random.oneIn(8)) toggle(EFER, random.u32() & 0x801);
  if (random.oneIn(4)) toggle(RFLAGS, random.u32() & 0x0024_4dd5);
  if (random.oneIn(20)) view.setUint32(CR3 - STATE_BASE, random.below(0x24) << 12, true);
}

/** Fuzz cases by seed on one machine. */
export class Fuzzer {
  readonly #programs: Programs;
  #machine: RandomMachine;

  constructor(programs: Programs) {
    this.#programs = programs;
    this.#machine = programs.machine();
  }

  /** The case of a seed: a random program whose code is replaced by bytes and whose tables are damaged. */
  case(seed: number): Program {
    const program = this.#programs.program(seed);
    const random = new Random(seed ^ 0x5a5a5a5a);
    const { bits } = program.setting;
    registers(program.state, random);
    const start = program.code[0]?.at ?? CODE;
    const bytes = fuzzBytes(this.#programs.pools[bits], bits === 64, 64 + random.below(256), random);
    const tables = random.oneIn(2) ? Array.from({ length: 1 + random.below(6) }, () => damage(random)) : [];
    const keeps = random.oneIn(4) ? program.code : [];
    return {
      ...program,
      code: [...keeps, { at: start, bytes }],
      tables: [...program.tables, ...tables],
      instructions: 200,
    };
  }

  /**
   * The segments may hold anything: after a task switch that could not load them, since real-address mode, or because VM
   * entry lets an unrestricted guest have them so.
   */
  #anySegments({ setting }: Program): boolean {
    const real = setting.like8086 === 'real' || setting.like8086 === 'unreal';
    return this.#machine.reason === 'shutdown' || real || vmxMode(this.#machine.cpu) === 2;
  }

  /** Undefined, or what went wrong. */
  check(seed: number): string | undefined {
    const program = this.case(seed);
    const machine = this.#machine;
    const told = (what: string) => `seed ${seed}, ${program.setting.name}: ${what}`;
    try {
      machine.start(program);
      for (let rounds = 0; rounds < 20; rounds++) {
        const { reason } = machine.cpu.run({ instructions: program.instructions, cycles: program.cycles });
        machine.reason = reason;
        if (reason !== 'request') break;
      }
    } catch (error) {
      // a trapped core is not used again
      this.#machine = this.#programs.machine();
      return told(error instanceof Error ? (error.stack ?? error.message) : String(error));
    }
    if (!machine.canaryLives()) return told('memory outside RAM was written');
    const broken = brokenRules(machine.cpu, this.#anySegments(program));
    return broken.length > 0 ? told(`${broken.join('; ')}, after ${machine.reason}`) : undefined;
  }
}
