// Run N, save, load in a new kernel, run on: the same as one run without a stop, in what was said and when, and in the
// state at the end to the bit.
import { createHash } from 'node:crypto';
import {
  COUNT_BLOCKS_DECODED,
  COUNT_TLB_FLUSHES,
  COUNT_VECTORS,
  CYCLE_DEADLINE,
  INSTRUCTIONS,
  STOP_REASON,
} from '../../asm/layout.ts';
import { readParts } from '../../src/machine/snapshot.ts';
import { System } from './system.ts';

/** How much virtual time a program may take. */
const LIMIT = { cycles: 20_000_000_000 };
/** What in fields is no state: two counters of what the interpreter did for itself, and until when it was told to run. */
const NO_STATE: Readonly<Record<string, readonly [start: number, end: number]>> = {
  counters: [COUNT_BLOCKS_DECODED - COUNT_VECTORS, COUNT_TLB_FLUSHES - COUNT_VECTORS],
  time: [CYCLE_DEADLINE - INSTRUCTIONS, STOP_REASON - INSTRUCTIONS],
};

/** A run as everybody sees it. */
export interface Seen {
  readonly reason: string;
  readonly said: readonly string[];
  readonly instructions: number;
  readonly cycles: number;
  /** Of each part and field of the state at the end. */
  readonly state: Readonly<Record<string, string>>;
}

function see(reason: string, said: readonly string[], system: System): Seen {
  const { cycles } = system.roots.kernel.platform;
  return { reason, said, instructions: system.instructions, cycles, state: hashes(system.save()) };
}

/** Hashes of all fields, so that a difference has a name. */
function hashes(file: Uint8Array): Record<string, string> {
  const found: Record<string, string> = {};
  for (const { name, fields } of readParts(file))
    for (const [field, value] of Object.entries(fields)) {
      if (name === 'cpu' && field in NO_STATE) (value as Uint8Array).fill(0, ...NO_STATE[field]!);
      const data = value instanceof Uint8Array ? value : JSON.stringify(value);
      found[`${name}.${field}`] = createHash('sha256').update(data).digest('hex').slice(0, 16);
    }
  return found;
}

/** A run in one piece. */
export function runWhole(program: Uint8Array): Seen {
  const system = System.start(program);
  const { reason } = system.roots.kernel.run(LIMIT);
  return see(reason, system.said, system);
}

/** The same in pieces, each in a kernel of its own, cut at these instruction counts. */
export function runInPieces(program: Uint8Array, moments: readonly number[]): Seen {
  let system = System.start(program);
  const said: string[] = [];
  for (const instructions of moments) {
    system.roots.kernel.run({ ...LIMIT, pause: { instructions } });
    said.push(...system.said);
    system = System.load(system.save());
  }
  const { reason } = system.roots.kernel.run(LIMIT);
  return see(reason, [...said, ...system.said], system);
}
