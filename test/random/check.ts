// Runs random programs whole, in steps, in slices and across save and restore, and reports the first that ends differently:
// seed, mode, the least program that still differs, and where.
import { decode } from '../../src/isa/decode.ts';
import { disassemble } from '../../src/isa/disassemble.ts';
import type { RandomMachine } from './machine.ts';
import type { Chunk, Program } from './program.ts';
import type { Programs } from './programs.ts';
import { Random } from './random.ts';
import { difference, emptyOutcome, keep, randomCut, runCut, STEPS, WHOLE } from './same-state.ts';

/** One program in this many has its TLB compared too. */
const TLB_EVERY = 16;

/** The ways of running that have to agree with running whole. */
const BESIDE_IDLE = 'steps beside an idle processor';
const VARIANTS = [BESIDE_IDLE, 'slices, saved and restored'] as const;
type Variant = (typeof VARIANTS)[number];

/** Checks programs by seed on three machines. */
export class Checker {
  readonly #programs: Programs;
  readonly #machine: RandomMachine;
  readonly #other: RandomMachine;
  /** Two processors, the second idle. */
  readonly #pair: RandomMachine;
  readonly #whole = emptyOutcome();

  constructor(programs: Programs) {
    this.#programs = programs;
    this.#machine = programs.machine();
    this.#other = programs.machine();
    this.#pair = programs.machine(2);
  }

  /** Runs a program one way; gives the machine it ended on. */
  #run(program: Program, variant: Variant | 'whole'): RandomMachine {
    const machine = variant === BESIDE_IDLE ? this.#pair : this.#machine;
    machine.start(program);
    if (variant === 'whole') return runCut(machine, program, WHOLE);
    const random = new Random(~program.seed);
    if (variant === BESIDE_IDLE) {
      return runCut(machine, program, STEPS, (here) => {
        if (random.oneIn(8)) here.lookAtOther();
        return here;
      });
    }
    let moves = random.below(10);
    return runCut(machine, program, randomCut(random), (here) => {
      if (moves-- !== 0) return here;
      this.#other.continueFrom(here);
      return this.#other;
    });
  }

  #differs(program: Program, variants: readonly Variant[]): [Variant, string] | undefined {
    keep(this.#run(program, 'whole'), this.#whole, program.seed % TLB_EVERY === 0);
    for (const variant of variants) {
      const found = difference(this.#whole, this.#run(program, variant));
      if (found) return [variant, found];
    }
    return undefined;
  }

  /** Undefined, or the report of a difference. */
  check(seed: number): string | undefined {
    const program = this.#programs.program(seed);
    try {
      return this.#check(program);
    } catch (error) {
      return report(program, 'parts', error instanceof Error ? (error.stack ?? error.message) : String(error));
    }
  }

  #check(program: Program): string | undefined {
    const found = this.#differs(program, VARIANTS);
    if (!found) return undefined;
    const [variant] = found;
    const least = this.#shrink(program, variant);
    const [, where] = this.#differs(least, [variant]) ?? found;
    return report(least, variant, where);
  }

  /** Instructions become NOPs and table damage goes, while the variant still differs. */
  #shrink(program: Program, variant: Variant): Program {
    let least = program;
    const tryIt = (candidate: Program) => {
      if (this.#differs(candidate, [variant])) least = candidate;
    };
    for (let n = least.tables.length - 1; n >= 0; n--) tryIt({ ...least, tables: least.tables.toSpliced(n, 1) });
    for (let n = least.code.length - 1; n >= 0; n--) {
      const { at, bytes } = least.code[n]!;
      tryIt({ ...least, code: least.code.with(n, { at, bytes: new Uint8Array(bytes.length).fill(0x90) }) });
    }
    for (let length = least.instructions - 1; length > 0; length--) {
      const shorter = { ...least, instructions: length };
      if (!this.#differs(shorter, [variant])) break;
      least = shorter;
    }
    return least;
  }
}

function listing({ at, bytes }: Chunk, mode: 16 | 32 | 64): string[] {
  const lines: string[] = [];
  for (let offset = 0; offset < bytes.length; ) {
    const instruction = decode(bytes, offset, mode);
    const length = instruction?.length ?? bytes.length - offset;
    const hex = Buffer.from(bytes.subarray(offset, offset + length)).toString('hex');
    const text = instruction ? disassemble(instruction, at + offset) : 'db';
    if (text !== 'nop') lines.push(`  ${(at + offset).toString(16)}  ${hex.padEnd(30)} ${text}`);
    offset += length;
  }
  return lines;
}

function report({ seed, setting, code, tables, instructions }: Program, variant: string, where: string): string {
  return [
    `seed ${seed}, ${setting.name}: run whole and in ${variant}, ${instructions} instructions: ${where}`,
    ...code.flatMap((chunk) => listing(chunk, setting.bits)),
    ...tables.map(({ at, bytes }) => `  table at 0x${at.toString(16)}: ${Buffer.from(bytes).toString('hex')}`),
  ].join('\n');
}
