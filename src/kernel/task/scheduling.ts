// Scheduling policies and what they weigh (sched(7)).

/** Policies by name. */
export type Policy = 'other' | 'fifo' | 'rr' | 'batch' | 'idle';

/** SCHED_* of each policy. */
export const POLICY_NUMBERS: Readonly<Record<Policy, number>> = { other: 0, fifo: 1, rr: 2, batch: 3, idle: 5 };

export const LOWEST_NICE = 19;
export const HIGHEST_NICE = -20;
export const LOWEST_REALTIME_PRIORITY = 1;
export const HIGHEST_REALTIME_PRIORITY = 99;
/** Weight of nice 0, and what virtual time is scaled to. */
export const NORMAL_WEIGHT = 1024;
/** Weight of SCHED_IDLE, and of groups with cpu.idle. */
export const IDLE_WEIGHT = 3;

/** Weights of the nice values from -20 on: each step is a quarter, in the integers that Linux has for them. */
const NICE_WEIGHTS = [
  88761, 71755, 56483, 46273, 36291, 29154, 23254, 18705, 14949, 11916, 9548, 7620, 6100, 4904, 3906, 3121, 2501, 1991,
  1586, 1277, 1024, 820, 655, 526, 423, 335, 272, 215, 172, 137, 110, 87, 70, 56, 45, 36, 29, 23, 18, 15,
] as const;

/** Weight of a nice value. */
export function niceWeight(nice: number): number {
  return NICE_WEIGHTS[nice - HIGHEST_NICE]!;
}

/** The nice value whose weight is nearest. */
export function nearestNice(weight: number): number {
  let best = 0;
  for (let nice = HIGHEST_NICE; nice <= LOWEST_NICE; nice++)
    if (Math.abs(niceWeight(nice) - weight) < Math.abs(niceWeight(best) - weight)) best = nice;
  return best;
}

/** Runs before all that are not (sched(7), "SCHED_FIFO"). */
export function isRealtime(policy: Policy): boolean {
  return policy === 'fifo' || policy === 'rr';
}

/** The nearest nice value that there is. */
export function clampNice(nice: number): number {
  return Math.max(HIGHEST_NICE, Math.min(LOWEST_NICE, nice));
}
