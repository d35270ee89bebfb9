// The property of the random programs: however a run is cut into slices, saved and restored, the state at its end is the
// same to the bit: registers, caches, counters, time, memory, TLB contents, and what the devices saw.
import {
  COUNT_BLOCKS_DECODED,
  COUNT_TLB_FLUSHES,
  CYCLE_DEADLINE,
  INJECT_BUFFER,
  STATE_BASE,
  STATE_END,
  STOP_REQUESTED,
  BANK_ATTRIBUTES,
  BANK_HEADER,
  BANK_HEADER_END,
  BANK_IN_USE,
  BANKS_PER_CPU,
  TLB_BANK_SIZE,
  TLB_BANKS,
  VMX_ROOT,
} from '../../asm/layout.ts';
import type { Cpu, CpuStop } from '../../src/cpu/cpu.ts';
import type { RandomMachine } from './machine.ts';
import type { Program } from './program.ts';
import type { Random } from './random.ts';
import { RAM_SIZE } from './world.ts';

/** Offsets in the state area of what belongs to the host or to how blocks happened to be cut: deadlines and stops, block counters, the call buffer. */
const NOT_STATE: readonly (readonly [from: number, to: number])[] = [
  [CYCLE_DEADLINE - STATE_BASE, STOP_REQUESTED + 4 - STATE_BASE],
  [COUNT_BLOCKS_DECODED - STATE_BASE, COUNT_TLB_FLUSHES - STATE_BASE],
  [INJECT_BUFFER - STATE_BASE, VMX_ROOT - STATE_BASE],
];
const TLB_MARKS = 0xfff;

/** Where a run ended, kept to be compared with others: buffers that are used again and again. */
export interface Outcome {
  reason: CpuStop['reason'];
  readonly state: Buffer;
  readonly ram: Buffer;
  devices: readonly [count: number, digest: number];
  /** Tags of the TLB without marks. */
  tags: Uint32Array | undefined;
}

/** Room for an outcome. */
export function emptyOutcome(): Outcome {
  return {
    reason: 'deadline',
    state: Buffer.alloc(STATE_END - STATE_BASE),
    ram: Buffer.alloc(RAM_SIZE),
    devices: [0, 0],
    tags: undefined,
  };
}

/** How a run is cut: gives the next slice. */
export type Cut = (cpu: Cpu) => { readonly instructions?: number; readonly cycles?: number };

export const WHOLE: Cut = () => ({});
export const STEPS: Cut = (cpu) => ({ instructions: cpu.instructions + 1 });

/** Slices of random length in instructions or cycles. */
export function randomCut(random: Random): Cut {
  const most = random.pick([2, 4, 10, 30]);
  return (cpu) => {
    const length = random.below(most) + 1;
    return random.oneIn(2) ? { instructions: cpu.instructions + length } : { cycles: cpu.cycles + length };
  };
}

/** Runs to the program's end, in the slices that `cut` gives. `between` gives the machine to continue on. */
export function runCut(
  machine: RandomMachine,
  program: Program,
  cut: Cut,
  between: (machine: RandomMachine) => RandomMachine = (same) => same,
): RandomMachine {
  let at = machine;
  for (;;) {
    const { cpu } = at;
    const slice = cut(cpu);
    const stop = cpu.run({
      instructions: Math.min(slice.instructions ?? program.instructions, program.instructions),
      cycles: Math.min(slice.cycles ?? program.cycles, program.cycles),
    });
    at.reason = stop.reason;
    if (stop.reason !== 'deadline' && stop.reason !== 'request') return at;
    if (cpu.instructions >= program.instructions || cpu.cycles >= program.cycles) return at;
    at = between(at);
  }
}

/** Headers and tags of the banks in use, one behind the other. */
function tags(cpu: Cpu): Uint32Array {
  const values: number[] = [];
  for (let n = 0; n < BANKS_PER_CPU; n++) {
    const bank = new Uint32Array(cpu.memory.buffer, TLB_BANKS + n * TLB_BANK_SIZE, BANK_HEADER_END / 4);
    if (!bank[BANK_IN_USE / 4]) continue;
    values.push(n, ...bank.subarray(BANK_HEADER / 4));
    for (let at = 0; at < BANK_ATTRIBUTES / 4; at += 4) {
      const low = bank[at]!;
      if ((low & TLB_MARKS) !== TLB_MARKS) values.push(at, low & ~TLB_MARKS, bank[at + 1]!);
    }
  }
  return Uint32Array.from(values);
}

/** Ends a run: lazy flags go into the state area, and what is not state is cleared there. */
function settle({ cpu, state }: RandomMachine): void {
  void cpu.eflags;
  for (const [from, to] of NOT_STATE) state.fill(0, from, to);
}

const reasonOf = ({ reason }: RandomMachine) => (reason === 'request' ? 'deadline' : reason);

/** Copies out what has to be equal. */
export function keep(machine: RandomMachine, into: Outcome, withTlb: boolean): void {
  settle(machine);
  into.reason = reasonOf(machine);
  into.state.set(machine.state);
  into.ram.set(machine.cpu.ram);
  into.devices = [machine.devices.count, machine.devices.digest];
  into.tags = withTlb ? tags(machine.cpu) : undefined;
}

/** The first difference of where a machine stands from an outcome, in words; undefined when there is none. */
export function difference(a: Outcome, machine: RandomMachine): string | undefined {
  settle(machine);
  const { devices } = machine;
  if (a.reason !== reasonOf(machine)) return `ended with ${a.reason} and ${reasonOf(machine)}`;
  if (Buffer.compare(a.state, machine.state)) return firstDifference('state', STATE_BASE, a.state, machine.state);
  if (Buffer.compare(a.ram, machine.cpu.ram)) return firstDifference('memory', 0, a.ram, machine.cpu.ram);
  if (a.devices[1] !== devices.digest) return `devices saw ${a.devices} and ${devices.count},${devices.digest}`;
  if (!a.tags) return undefined;
  const b = tags(machine.cpu);
  const at = a.tags.findIndex((word, n) => word !== b[n]);
  if (at < 0 && a.tags.length === b.length) return undefined;
  return `TLB: ${a.tags.length} and ${b.length} words, word ${at} is ${a.tags[at]} and ${b[at]}`;
}

function firstDifference(what: string, base: number, a: Buffer, b: Uint8Array): string {
  const at = a.findIndex((byte, n) => byte !== b[n]) & ~7;
  const value = (bytes: Uint8Array) =>
    Buffer.from(bytes.subarray(at, at + 8))
      .readBigUInt64LE()
      .toString(16);
  return `${what} at 0x${(base + at).toString(16)}: ${value(a)} and ${value(b)}`;
}
