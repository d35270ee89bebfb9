// Results as tables (Markdown, which is readable as it is) or JSON.
import { geometricMean } from './measure.ts';
import type { Program } from './programs/program.ts';

/** CPU nanoseconds per counted thing, by engine. */
export interface Result {
  readonly program: Program;
  readonly nanoseconds: ReadonlyMap<string, number>;
}

const INTERPRETER = 'v86';
const JIT = 'v86 JIT';

function number(value: number | undefined): string {
  return value === undefined ? '' : value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0);
}

/** How many times as fast as `other`; undefined when one of the two was not measured. */
function ratio({ nanoseconds }: Result, other: string, own: string): number | undefined {
  const a = nanoseconds.get(other);
  const b = nanoseconds.get(own);
  return a === undefined || b === undefined ? undefined : a / b;
}

function times(value: number | undefined): string {
  return value === undefined ? '' : `${value.toFixed(2)} ×`;
}

/** A Markdown table; the first columns are text, the others are numbers. */
function table(head: readonly string[], rows: readonly (readonly string[])[], textColumns: number): string {
  const widths = head.map((title, n) => Math.max(title.length, ...rows.map((row) => row[n]!.length)));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, n) => (n < textColumns ? cell.padEnd(widths[n]!) : cell.padStart(widths[n]!))).join(' | ')} |`;
  const rule = `|${widths.map((width, n) => (n < textColumns ? '-'.repeat(width + 2) : `${'-'.repeat(width + 1)}:`)).join('|')}|`;
  return [line(head), rule, ...rows.map(line)].join('\n');
}

function defined(values: readonly (number | undefined)[]): number[] {
  return values.filter((value) => value !== undefined);
}

/** One table for one core, and the geometric means. */
function printCore(results: readonly Result[], core: string): void {
  const long = `${core}, 64-bit`;
  const head = [
    'program',
    'ns per',
    INTERPRETER,
    JIT,
    core,
    `× ${INTERPRETER}`,
    `× ${JIT}`,
    '64-bit',
    '64/32-bit speed',
  ];
  const rows = results.map((result) => {
    const { program, nanoseconds } = result;
    return [
      program.name,
      program.counted,
      ...[INTERPRETER, JIT, core].map((name) => number(nanoseconds.get(name))),
      times(ratio(result, INTERPRETER, core)),
      times(ratio(result, JIT, core)),
      number(nanoseconds.get(long)),
      times(ratio(result, core, long)),
    ];
  });
  console.log(table(head, rows, 2));
  const mean = (what: string, chosen: readonly Result[], other: string, own: string): void => {
    const ratios = defined(chosen.map((result) => ratio(result, other, own)));
    if (ratios.length > 0) console.log(`- ${what}: ${times(geometricMean(ratios))} (${ratios.length} programs)`);
  };
  const code = results.filter(({ program }) => program.kind === 'code');
  const events = results.filter(({ program }) => program.kind === 'event');
  console.log('');
  mean('all programs, to v86 without JIT', results, INTERPRETER, core);
  mean('code, to v86 without JIT', code, INTERPRETER, core);
  mean('code, to v86 with JIT', code, JIT, core);
  mean('events, to v86 without JIT', events, INTERPRETER, core);
  mean('events, to v86 with JIT', events, JIT, core);
  mean('64-bit to 32-bit code', results, core, long);
}

/** Speed of each core relative to the first. */
function printCores(results: readonly Result[], cores: readonly string[]): void {
  const [first, ...others] = cores;
  for (const suffix of ['', ', 64-bit']) {
    for (const other of others) {
      const pairs = results.map((result) => [result, ratio(result, first + suffix, other + suffix)] as const);
      const rows = pairs
        .filter(([, value]) => value !== undefined)
        .map(([{ program }, value]) => [program.name, times(value)]);
      if (rows.length === 0) continue;
      console.log(`\n${table(['program', `${other}${suffix} to ${first}${suffix}`], rows, 1)}`);
      console.log(`\n- geometric mean: ${times(geometricMean(defined(pairs.map(([, value]) => value))))}`);
    }
  }
}

/** Prints everything for people. Ratios are speeds: above 1 this machine is faster. */
export function printTables(results: readonly Result[], cores: readonly string[]): void {
  console.log('CPU nanoseconds, median of interleaved rounds; × is how many times as fast.\n');
  printCore(results, cores[0]!);
  if (cores.length > 1) printCores(results, cores);
}

/** Prints everything for programs. */
export function printJson(results: readonly Result[]): void {
  const rows = results.map(({ program, nanoseconds }) => ({
    name: program.name,
    kind: program.kind,
    counted: program.counted,
    nanoseconds: Object.fromEntries(nanoseconds),
  }));
  console.log(JSON.stringify(rows, undefined, 2));
}
