// Random programs for tests of the run loops' short ways: the same program runs as blocks and one instruction at a time, which goes
// the general way, and has to leave the same state both times.
import type { CpuStop } from '../../src/cpu/cpu.ts';
import { assembleProgram } from '../../src/isa/assemble.ts';
import type { Random } from '../random/random.ts';
import { CODE, type TestMachine } from './machine.ts';

const HLT = 0xf4;
/** More turns than any of the programs needs that are run one instruction at a time. */
const MOST_TURNS = 40;

/** Instructions of 32-bit code that programs are made of. */
export interface Pool {
  readonly texts: readonly string[];
  readonly codes: readonly Uint8Array[];
}

export function assemblePool(texts: readonly string[]): Pool {
  return { texts, codes: texts.map((text) => assembleProgram(text, { origin: CODE, mode: 32 }).bytes) };
}

/** `length` instructions of the pool and HLT. */
export interface Program {
  readonly text: string;
  readonly code: readonly number[];
}

export function randomProgram(pool: Pool, length: number, random: Random): Program {
  const chosen = Array.from({ length }, () => random.below(pool.texts.length));
  return {
    text: chosen.map((k) => pool.texts[k]!).join('; '),
    code: [...chosen.flatMap((k) => [...pool.codes[k]!]), HLT],
  };
}

/** Puts the program where `m.ring` lets a CPU start. */
export function writeProgram(m: TestMachine, { code }: Program): void {
  m.cpu.ram.set(code, CODE);
  m.cpu.notePhysicalWrite(CODE, code.length);
}

/** Runs a program to its end, `step` instructions at a time. */
export function runInSteps(m: TestMachine, step: number): CpuStop['reason'] {
  let stop = m.run(step);
  for (let n = 0; n < MOST_TURNS && stop.reason === 'deadline'; n++) stop = m.run(step);
  return stop.reason;
}
