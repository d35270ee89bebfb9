// Numbers as programs write them into the files of cgroups (Documentation/admin-guide/cgroup-v2.rst "Conventions"): decimal,
// octal or hexadecimal, with "max" for no limit and suffixes for bytes.
import { fail } from '../error.ts';
import { PAGE_SIZE } from '../platform.ts';

const INTEGER = /^[+-]?(?:0x[0-9a-f]+|\d+)$/i;
const BYTES = /^(0x[0-9a-f]+|\d+)([kmgtpe]?)$/i;
const SUFFIXES = 'kmgtpe';

/** An integer. @throws SystemError EINVAL for text that is none, ERANGE beyond what is counted exactly */
export function parseInteger(text: string): number {
  const word = text.trim();
  if (!INTEGER.test(word)) return fail('EINVAL');
  const digits = word.replace(/^[+-]/, '');
  const isOctal = /^0[0-7]+$/.test(digits);
  const value = isOctal ? Number.parseInt(digits, 8) : Number(digits);
  if (!Number.isSafeInteger(value)) return fail('ERANGE');
  return word.startsWith('-') ? -value : value;
}

/** An integer of a range. @throws SystemError EINVAL, ERANGE */
export function parseRange(text: string, least: number, most: number): number {
  const value = parseInteger(text);
  return value < least || value > most ? fail('ERANGE') : value;
}

/** A number of bytes in whole pages, or "max". @throws SystemError EINVAL */
export function parseBytes(text: string): number {
  const word = text.trim();
  if (word === 'max') return Number.POSITIVE_INFINITY;
  const [, digits, suffix] = BYTES.exec(word) ?? fail('EINVAL');
  const value = Number(digits) * 1024 ** (SUFFIXES.indexOf(suffix!.toLowerCase()) + (suffix === '' ? 0 : 1));
  // what cannot be reached is no limit
  return value >= Number.MAX_SAFE_INTEGER ? Number.POSITIVE_INFINITY : Math.floor(value / PAGE_SIZE) * PAGE_SIZE;
}

/** A limit as it is read. */
export function limitText(value: number): string {
  return value === Number.POSITIVE_INFINITY ? 'max' : String(value);
}

/** Lines of "name value". */
export function flatKeyed(rows: Iterable<readonly [name: string, value: number | string]>): string {
  return [...rows].map(([name, value]) => `${name} ${value}\n`).join('');
}
