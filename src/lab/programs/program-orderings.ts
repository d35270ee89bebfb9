// Orderings that comparisons of processes, containers and virtual machines agree on (Felter et al. 2015 and Soltesz et al. 2007 on
// containers, Adams & Agesen 2006 and Bhargava et al. 2008 on virtual machines). Each is a statement over measured cells.
import type { Ordering } from '../orderings.ts';
import type { Environment } from './environment.ts';

/** Cycles per operation, cycles of `start-up`, bytes of `memory`; undefined where there is no such cell. */
export type FigureOf = (row: string, environment: Environment) => number | undefined;

interface Rule {
  readonly id: string;
  readonly statement: string;
  readonly row: string;
  readonly cells: readonly Environment[];
  readonly holds: (...figures: number[]) => boolean;
}

const ascending = (...figures: number[]): boolean => figures.every((figure, n) => n === 0 || figures[n - 1]! <= figure);
const within =
  (share: number) =>
  (...figures: number[]): boolean =>
    Math.max(...figures) <= (1 + share) * Math.min(...figures);

const RULES: readonly Rule[] = [
  {
    id: 'compute',
    statement: 'user code runs directly everywhere: computing costs the same, within 2 %',
    row: 'compute',
    cells: [
      'process',
      'container',
      'bare',
      'trap-emulate',
      'binary-translation',
      'paravirtual',
      'vtx/shadow',
      'vtx/ept',
    ],
    holds: within(0.02),
  },
  {
    id: 'call-1',
    statement: 'a system call: process ≤ container (the filter) ≤ binary translation',
    row: 'getppid',
    cells: ['process', 'container', 'binary-translation'],
    holds: ascending,
  },
  {
    id: 'call-2',
    statement:
      'a system call under VT-x costs what it costs on the bare machine, within 5 %: it does not leave the guest',
    row: 'getppid',
    cells: ['bare', 'vtx/shadow', 'vtx/ept'],
    holds: within(0.05),
  },
  {
    id: 'call-3',
    statement: 'a system call: bare < trap-and-emulate and binary translation, whose kernels are not in ring 0',
    row: 'getppid',
    cells: ['bare', 'trap-emulate', 'binary-translation'],
    holds: (bare, trap, translated) => bare! < trap! && bare! < translated!,
  },
  {
    id: 'touch-1',
    statement: 'memory touched first: process ≤ container < VT-x with shadow page tables',
    row: 'touch',
    cells: ['process', 'container', 'vtx/shadow'],
    holds: ascending,
  },
  {
    id: 'touch-2',
    statement: 'memory touched first: bare < paravirtual < VT-x with shadow page tables',
    row: 'touch',
    cells: ['bare', 'paravirtual', 'vtx/shadow'],
    holds: ascending,
  },
  {
    id: 'touch-3',
    statement: 'memory touched first: nested page tables cost about what bare costs (within 10 %)',
    row: 'touch',
    cells: ['bare', 'vtx/ept'],
    holds: within(0.1),
  },
  {
    id: 'fork',
    statement:
      'fork: process ≤ container < VT-x with shadow page tables; bare < paravirtual < VT-x with shadow page tables',
    row: 'fork',
    cells: ['process', 'container', 'bare', 'paravirtual', 'vtx/shadow'],
    holds: (process, container, bare, para, shadow) =>
      ascending(process!, container!, shadow!) && ascending(bare!, para!, shadow!),
  },
  {
    id: 'exec',
    statement:
      'fork and exec: process ≤ container < VT-x with shadow page tables; nested page tables < shadow page tables',
    row: 'exec',
    cells: ['process', 'container', 'vtx/ept', 'vtx/shadow'],
    holds: (process, container, ept, shadow) => ascending(process!, container!, shadow!) && ept! < shadow!,
  },
  {
    id: 'pipe',
    statement: 'a byte through pipes to another process and back: process ≤ container ≤ binary translation',
    row: 'pipe',
    cells: ['process', 'container', 'binary-translation'],
    holds: ascending,
  },
  {
    id: 'start-up',
    statement: 'until the first instruction: process < container < a kernel that boots, on any machine',
    row: 'start-up',
    cells: ['process', 'container', 'bare', 'paravirtual', 'vtx/ept', 'vtx/shadow', 'binary-translation'],
    holds: (process, container, ...machines) => process! < container! && container! < Math.min(...machines),
  },
  {
    id: 'memory',
    statement: 'pages touched: process ≤ container < a kernel of its own < that and a hypervisor',
    row: 'memory',
    cells: ['process', 'container', 'bare', 'vtx/ept'],
    holds: ascending,
  },
];

/** Judges every ordering whose cells were all measured. */
export function judgeProgramOrderings(figure: FigureOf): Ordering[] {
  return RULES.flatMap((rule) => {
    const figures = rule.cells.map((cell) => figure(rule.row, cell));
    if (figures.some((value) => value === undefined)) return [];
    return [{ id: rule.id, statement: rule.statement, holds: rule.holds(...(figures as number[])) }];
  });
}
