// Measuring: engines take turns, each turn gives CPU time per unit of work, and the median of all turns counts. CPU time of
// the process includes the host's compiler threads, which work for the engine whose turn it is.
import type { Engine } from './engines/engine.ts';
import { UNEXPECTED } from './guest/source.ts';

/** Least CPU time and least units of a turn. */
const TURN_SECONDS = 0.04;
const TURN_UNITS = 2;
const WARM_UP_TURNS = 3;

/** CPU seconds of this process. */
export function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

/** The middle of some numbers. */
export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1]!;
}

/** The geometric mean. */
export function geometricMean(values: readonly number[]): number {
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
}

/** One engine of a comparison: all its turns. */
export interface Measured {
  readonly name: string;
  /** CPU seconds per unit of work, one per round. */
  readonly seconds: readonly number[];
  readonly checksum: number;
}

/** CPU seconds per unit. The first report after a start ends a unit that began in the turn before: it only starts the clock. */
async function turn(engine: Engine, check: (checksum: number) => void): Promise<number> {
  let start = -1;
  let units = 0;
  let spent = 0;
  await engine.run((checksum) => {
    check(checksum);
    const now = cpuSeconds();
    if (start < 0) {
      start = now;
      return false;
    }
    units++;
    spent = now - start;
    return units >= TURN_UNITS && spent >= TURN_SECONDS;
  });
  return spent / units;
}

/** Interleaved turns of several engines with the same program; they have to report the same checksum again and again. */
export async function measure(engines: readonly Engine[], rounds: number): Promise<readonly Measured[]> {
  const seconds = engines.map((): number[] => []);
  const checksums = engines.map((): number | undefined => undefined);
  const take = async (n: number): Promise<number> => {
    const engine = engines[n]!;
    return turn(engine, (checksum) => {
      checksums[n] ??= checksum;
      const expected = checksums[0] ?? checksum;
      if (checksum === UNEXPECTED) throw new Error(`${engine.name}: an event nobody expected`);
      if (checksum !== expected) throw new Error(`${engine.name}: checksum ${checksum} instead of ${expected}`);
    });
  };
  for (let round = 0; round < WARM_UP_TURNS; round++) for (const n of engines.keys()) await take(n);
  for (let round = 0; round < rounds; round++) for (const n of engines.keys()) seconds[n]!.push(await take(n));
  return engines.map(({ name }, n) => ({ name, seconds: seconds[n]!, checksum: checksums[n]! }));
}
