// Says in words what the hypervisor did for one operation, from the counters alone.
import type { ComparisonCell } from './comparison.ts';
import type { TechniqueCell } from './techniques.ts';

/** Counters that say something every so many operations are noise below this rate. */
const WORTH_SAYING = 0.005;
const MOST_EVENTS = 6;

/** `1.00`, `0.05`, `12.3`: a rate as people read it. */
export function rate(value: number): string {
  if (value >= 100) return value.toFixed(0);
  return value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

/** One sentence on what happened during an operation. */
export function narrate(technique: TechniqueCell, cell: ComparisonCell): string {
  const events = Object.entries(cell.events)
    .filter(([, perOperation]) => perOperation >= WORTH_SAYING)
    .sort(([, left], [, right]) => right - left)
    .slice(0, MOST_EVENTS)
    .map(([event, perOperation]) => `${rate(perOperation)} ${event}`);
  if (technique === 'bare') return 'the hardware did it.';
  if (cell.exitsPerOperation < WORTH_SAYING) {
    const inside = events.length > 0 ? ` (${events.join(', ')})` : '';
    return `ran without the hypervisor${inside}.`;
  }
  const times = cell.exitsPerOperation;
  const entered = `entered the hypervisor ${times >= 0.995 && times < 1.005 ? 'once' : `${rate(times)} times`}`;
  return events.length > 0 ? `${entered}: ${events.join(', ')}.` : `${entered}.`;
}
