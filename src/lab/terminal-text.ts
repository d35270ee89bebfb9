// How reports look in a terminal: styles, tables without borders, numbers, bars.
import Table from 'cli-table3';

/** The few styles a report uses; identity functions where the output is not a terminal. */
export interface Palette {
  bold(text: string): string;
  dim(text: string): string;
  green(text: string): string;
  red(text: string): string;
  cyan(text: string): string;
}

/** No colours. */
export const PLAIN: Palette = {
  bold: (text) => text,
  dim: (text) => text,
  green: (text) => text,
  red: (text) => text,
  cyan: (text) => text,
};

const BAR_WIDTH = 24;
const NO_BORDERS = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '  ',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: '  ',
};

/** A table without borders; `head` is dimmed. */
export function plainTable(
  columns: readonly (readonly [title: string, align: 'left' | 'right'])[],
  rows: readonly (readonly string[])[],
  palette: Palette,
): string {
  const table = new Table({
    chars: NO_BORDERS,
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0, compact: true },
    colAligns: columns.map(([, align]) => align),
    head: columns.map(([title]) => palette.dim(title)),
  });
  for (const row of rows) table.push([...row]);
  return table.toString();
}

/** Cycles, with a fraction where there are few. */
export function cycles(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString('en-US') : value.toFixed(1);
}

/** How many times as much. */
export function ratio(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString('en-US') : value.toFixed(2);
}

/** A bar on a logarithmic scale. */
export function bar(value: number, most: number): string {
  const share = Math.log2(1 + Math.max(0, value)) / Math.log2(1 + Math.max(1, most));
  return '█'.repeat(Math.max(1, Math.round(share * BAR_WIDTH))).padEnd(BAR_WIDTH);
}
