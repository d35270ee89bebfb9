// The functions of templates: those of Go's text/template ("Functions") and those of docker(1) ("Format command and log output").

/** A template that cannot be read, or that asks for what is not there. */
export class TemplateError extends Error {}

/** False, 0, nothing, and whatever is empty are not true. */
export function isTrue(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0;
  if (typeof value === 'object' && value !== null) return Object.keys(value).length > 0;
  return Boolean(value);
}

/** A value as Go's fmt prints it with %v. */
export function printed(value: unknown): string {
  if (value === null || value === undefined) return '<no value>';
  if (Array.isArray(value)) return `[${value.map(printed).join(' ')}]`;
  if (typeof value !== 'object') return String(value);
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `map[${entries.map(([key, of]) => `${key}:${printed(of)}`).join(' ')}]`;
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

/** Spaces stand between two values of which neither is a text. */
function print(...values: readonly unknown[]): string {
  return values
    .map((value, n) => (n > 0 && !isText(value) && !isText(values[n - 1]) ? ` ${printed(value)}` : printed(value)))
    .join('');
}

function length(value: unknown): number {
  if (isText(value)) return new TextEncoder().encode(value).length;
  if (Array.isArray(value)) return value.length;
  if (typeof value === 'object' && value !== null) return Object.keys(value).length;
  throw new TemplateError(`len of ${printed(value)} is not known`);
}

function index(value: unknown, ...keys: readonly unknown[]): unknown {
  return keys.reduce((of, key) => {
    if (Array.isArray(of)) {
      if (typeof key !== 'number' || !(key in of)) throw new TemplateError(`there is no element ${printed(key)}`);
      return of[key];
    }
    if (typeof of !== 'object' || of === null) throw new TemplateError(`${printed(of)} has no elements`);
    return Object.hasOwn(of, String(key)) ? (of as Record<string, unknown>)[String(key)] : undefined;
  }, value);
}

function order(a: unknown, b: unknown): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  if (isText(a) && isText(b)) return a < b ? -1 : a > b ? 1 : 0;
  throw new TemplateError(`${printed(a)} and ${printed(b)} cannot be compared`);
}

/** The verbs of fmt.Printf that templates use: %s %v %d %q %t %x and %%, with a width. */
function printf(format: unknown, ...values: readonly unknown[]): string {
  let next = 0;
  return String(format).replace(/%(-?\d*)([svdqtx%])/g, (_, width: string, verb: string) => {
    if (verb === '%') return '%';
    if (next >= values.length) return `%!${verb}(MISSING)`;
    const value = values[next++];
    const text =
      verb === 'q' ? JSON.stringify(printed(value)) : verb === 'x' ? Number(value).toString(16) : printed(value);
    if (width.startsWith('-')) return text.padEnd(-Number(width));
    return text.padStart(Number(width), width.startsWith('0') ? '0' : ' ');
  });
}

const text = (value: unknown) => (value === undefined || value === null ? '' : printed(value));
const list = (value: unknown) => (Array.isArray(value) ? (value as readonly unknown[]) : []);

/** Names and meanings. */
export const functions: ReadonlyMap<string, (...args: readonly unknown[]) => unknown> = new Map<
  string,
  (...args: readonly unknown[]) => unknown
>([
  ['and', (...values) => values.find((value) => !isTrue(value)) ?? values.at(-1)],
  ['or', (...values) => values.find(isTrue) ?? values.at(-1)],
  ['not', (value) => !isTrue(value)],
  ['eq', (first, ...others) => others.some((other) => other === first)],
  ['ne', (first, second) => first !== second],
  ['lt', (first, second) => order(first, second) < 0],
  ['le', (first, second) => order(first, second) <= 0],
  ['gt', (first, second) => order(first, second) > 0],
  ['ge', (first, second) => order(first, second) >= 0],
  ['len', length],
  ['index', index],
  ['slice', (value, from = 0, to?) => (isText(value) ? value : [...list(value)]).slice(Number(from), to as number)],
  ['print', print],
  ['println', (...values) => `${values.map(printed).join(' ')}\n`],
  ['printf', printf],
  ['json', (value) => JSON.stringify(value ?? null)],
  ['join', (values, separator) => list(values).map(text).join(text(separator))],
  ['split', (value, separator) => text(value).split(text(separator))],
  ['lower', (value) => text(value).toLowerCase()],
  ['upper', (value) => text(value).toUpperCase()],
  ['title', (value) => text(value).replace(/(^|\s)\p{L}/gu, (letter) => letter.toUpperCase())],
  ['truncate', (value, most) => text(value).slice(0, Number(most))],
  [
    'pad',
    (value, before, after) =>
      text(value) === '' ? '' : `${' '.repeat(Number(before))}${text(value)}${' '.repeat(Number(after))}`,
  ],
]);
