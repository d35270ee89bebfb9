// Lists as docker(1) prints them: left-aligned columns, sizes in decimal units, times as how long ago.

const GAP = 3;

/** A table without borders. The last column is not padded. */
export function columns(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, n) => Math.max(title.length, ...rows.map((row) => row[n]!.length)));
  const line = (row: readonly string[]) =>
    row
      .map((cell, n) => cell.padEnd(widths[n]! + GAP))
      .join('')
      .trimEnd();
  return [head, ...rows].map((row) => `${line(row)}\n`).join('');
}

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];

const BINARY_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

/** Bytes as docker(1) shows them: `4.26MB`, three digits. */
export function humanSize(bytes: number): string {
  return inUnits(bytes, 1000, UNITS, 3);
}

/** Bytes of memory as docker-stats(1) shows them: `4.063MiB`, four digits. */
export function binarySize(bytes: number): string {
  return inUnits(bytes, 1024, BINARY_UNITS, 4);
}

function inUnits(bytes: number, step: number, units: readonly string[], digits: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= step && unit < units.length - 1) {
    value /= step;
    unit++;
  }
  return `${Number(value.toPrecision(digits))}${units[unit]}`;
}

const SPANS: readonly (readonly [least: number, seconds: number, name: string])[] = [
  [2 * 365 * 86400, 365 * 86400, 'years'],
  [60 * 86400, 30 * 86400, 'months'],
  [14 * 86400, 7 * 86400, 'weeks'],
  [48 * 3600, 86400, 'days'],
  [90 * 60, 3600, 'hours'],
  [45 * 60, 3600, 'hour'],
  [120, 60, 'minutes'],
  [60, 60, 'minute'],
  [1, 1, 'seconds'],
];

/** How long a time is, as docker(1) says it: `3 weeks`, `About an hour`. */
export function humanDuration(seconds: number): string {
  const span = SPANS.find(([least]) => seconds >= least);
  if (!span) return 'Less than a second';
  const [, length, name] = span;
  if (name === 'hour') return 'About an hour';
  if (name === 'minute') return 'About a minute';
  const count = name === 'hours' ? Math.round(seconds / length) : Math.floor(seconds / length);
  return name === 'seconds' && count === 1 ? '1 second' : `${count} ${name}`;
}

/** `3 weeks ago`; `N/A` for a time that is not known. */
export function ago(time: string | undefined, now: number = Date.now()): string {
  const then = time === undefined ? Number.NaN : Date.parse(time);
  return Number.isNaN(then) ? 'N/A' : `${humanDuration(Math.max(0, (now - then) / 1000))} ago`;
}
