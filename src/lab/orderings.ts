// The orderings that the published figures show and a faithful comparison must show too: Adams & Agesen 2006,
// Figure 4 (numbers 1 to 13), and across papers (15, 17, 18, 22). Each is a statement over measured cells.
import type { TechniqueCell } from './techniques.ts';

/** Cycles per operation of a benchmark under a technique; undefined where the cell was not measured. */
export type CostOf = (benchmark: string, cell: TechniqueCell) => number | undefined;

interface OrderingRule {
  readonly id: string;
  readonly statement: string;
  /** The cells the rule speaks of, all of the named benchmark. */
  readonly benchmark: string;
  readonly cells: readonly TechniqueCell[];
  readonly holds: (...costs: number[]) => boolean;
}

/** An ordering, and whether the measured figures obey it. */
export interface Ordering {
  readonly id: string;
  readonly statement: string;
  readonly holds: boolean;
}

const BT = 'binary-translation';
const VT = 'vtx/shadow';

const RULES: readonly OrderingRule[] = [
  {
    id: '11.2-1',
    statement: 'syscall: VT-x costs at most 1.1 × bare',
    benchmark: 'syscall',
    cells: ['bare', VT],
    holds: (bare, vt) => vt! <= 1.1 * bare!,
  },
  {
    id: '11.2-2',
    statement: 'syscall: binary translation costs more than 5 × bare',
    benchmark: 'syscall',
    cells: ['bare', BT],
    holds: (bare, bt) => bt! > 5 * bare!,
  },
  {
    id: '11.2-3',
    statement: 'in: binary translation is cheaper than bare (no real port is touched)',
    benchmark: 'in',
    cells: ['bare', BT],
    holds: (bare, bt) => bt! < bare!,
  },
  {
    id: '11.2-4',
    statement: 'in: VT-x is dearer than bare',
    benchmark: 'in',
    cells: ['bare', VT],
    holds: (bare, vt) => vt! > bare!,
  },
  {
    id: '11.2-5',
    statement: 'cr8wr: binary translation is cheaper than bare',
    benchmark: 'cr8wr',
    cells: ['bare', BT],
    holds: (bare, bt) => bt! < bare!,
  },
  {
    id: '11.2-6',
    statement: 'cr8wr: VT-x costs at most 1.3 × bare',
    benchmark: 'cr8wr',
    cells: ['bare', VT],
    holds: (bare, vt) => vt! <= 1.3 * bare!,
  },
  {
    id: '11.2-7',
    statement: 'call/ret: VT-x costs what bare costs',
    benchmark: 'callret',
    cells: ['bare', VT],
    holds: (bare, vt) => Math.abs(vt! - bare!) <= 0.05 * bare!,
  },
  {
    id: '11.2-8',
    statement: 'call/ret: binary translation costs more than 3 × bare',
    benchmark: 'callret',
    cells: ['bare', BT],
    holds: (bare, bt) => bt! > 3 * bare!,
  },
  {
    id: '11.2-9',
    statement: 'pgfault: bare < binary translation < VT-x with shadow paging',
    benchmark: 'pgfault',
    cells: ['bare', BT, VT],
    holds: (bare, bt, vt) => bare! < bt! && bt! < vt!,
  },
  {
    id: '11.2-10',
    statement: 'divzero: VT-x costs at most 1.3 × bare',
    benchmark: 'divzero',
    cells: ['bare', VT],
    holds: (bare, vt) => vt! <= 1.3 * bare!,
  },
  {
    id: '11.2-11',
    statement: 'divzero: binary translation is dearer than VT-x',
    benchmark: 'divzero',
    cells: [BT, VT],
    holds: (bt, vt) => bt! > vt!,
  },
  {
    id: '11.2-12',
    statement: 'ptemod: bare < binary translation < VT-x with shadow paging, and VT-x over 10 × binary translation',
    benchmark: 'ptemod',
    cells: ['bare', BT, VT],
    holds: (bare, bt, vt) => bare! < bt! && bt! < vt! && vt! / bt! > 10,
  },
  {
    id: '11.2-13',
    statement: 'rdtsc: trap-and-emulate is dearer than in-translation-cache emulation',
    benchmark: 'rdtsc',
    cells: ['trap-emulate', BT],
    holds: (trap, bt) => trap! > bt!,
  },
  {
    id: '11.3-15',
    statement: 'syscall: a paravirtual call goes straight to the kernel, at most 1.1 × a bare INT 0x80 call',
    benchmark: 'int80',
    cells: ['bare', 'paravirtual'],
    holds: (bare, para) => para! <= 1.1 * bare!,
  },
  {
    id: '11.3-17',
    statement: 'pgfault: bare < paravirtual < binary translation < VT-x with shadow paging',
    benchmark: 'pgfault',
    cells: ['bare', 'paravirtual', BT, VT],
    holds: (bare, para, bt, vt) => bare! < para! && para! < bt! && bt! < vt!,
  },
  {
    id: '11.3-18',
    statement: 'pgfault: with EPT a guest page fault costs about what it costs bare (within 10 %)',
    benchmark: 'pgfault',
    cells: ['bare', 'vtx/ept'],
    holds: (bare, ept) => ept! <= 1.1 * bare!,
  },
];

/** Judges every ordering whose cells were all measured. */
export function judgeOrderings(cost: CostOf): Ordering[] {
  return RULES.flatMap((rule) => {
    const costs = rule.cells.map((cell) => cost(rule.benchmark, cell));
    if (costs.some((value) => value === undefined)) return [];
    return [{ id: rule.id, statement: rule.statement, holds: rule.holds(...(costs as number[])) }];
  });
}
