// Says in words what the hypervisor did for one operation, from the counters alone.
import type { ComparisonCell } from './comparison.ts';
import type { TechniqueCell } from './techniques.ts';

/** Counters that say something every so many operations are noise below this rate. */
const WORTH_SAYING = 0.02;
const MOST_EVENTS = 6;

/** How a counter of each group reads in a sentence. */
const PHRASES: Readonly<Record<string, (name: string) => string>> = {
  exits: (name) => `VM exit (${name})`,
  traps: (name) => `trap into the hypervisor (${name})`,
  emulated: (name) => `${name.toUpperCase()} emulated`,
  callouts: (name) => `call-out from translated code (${name})`,
  hypercalls: (name) => `hypercall ${name}`,
  shadow: (name) => `shadow paging: ${name.replaceAll('-', ' ')}`,
  paging: (name) => `page tables: ${name}`,
  injected: (name) => `${name} delivered to the guest`,
  translation: (name) => `translation: ${name.replaceAll('-', ' ')}`,
  kernel: (name) => name,
};

/** `1.00`, `0.05`, `12.3`: a rate as people read it. */
export function rate(value: number): string {
  if (value >= 100) return value.toFixed(0);
  return value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

function times(value: number): string {
  if (Math.abs(value - 1) < WORTH_SAYING) return 'once';
  return Math.abs(value - 2) < WORTH_SAYING ? 'twice' : `${rate(value)} times`;
}

/** `2.00 traps/#GP` as `twice: trap into the hypervisor (#GP)`. */
function phrase(event: string, perOperation: number): string {
  const [group = '', ...name] = event.split('/');
  const words = PHRASES[group]?.(name.join('/')) ?? event;
  const often = times(perOperation);
  return often === 'once' ? words : `${words} ${often}`;
}

/** One sentence on what happened during an operation. */
export function narrate(technique: TechniqueCell, cell: Pick<ComparisonCell, 'events' | 'exitsPerOperation'>): string {
  if (technique === 'bare') return 'the hardware did it.';
  return tellEntries('the hypervisor', cell.exitsPerOperation, cell.events);
}

/** How often `whom` was entered for an operation, and for what. */
export function tellEntries(
  whom: string,
  entriesPerOperation: number,
  eventsPerOperation: Readonly<Record<string, number>>,
): string {
  const events = Object.entries(eventsPerOperation)
    .filter(([event, perOperation]) => perOperation >= WORTH_SAYING && event.includes('/'))
    .sort(([, left], [, right]) => right - left)
    .slice(0, MOST_EVENTS)
    .map(([event, perOperation]) => phrase(event, perOperation));
  const entered = entriesPerOperation >= WORTH_SAYING;
  const beginning = entered ? `entered ${whom} ${times(entriesPerOperation)}` : `ran without entering ${whom}`;
  return events.length > 0 ? `${beginning}: ${events.join('; ')}.` : `${beginning}.`;
}
