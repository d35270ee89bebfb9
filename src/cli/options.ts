// Values of command-line options: text in, checked value out, one sentence where it is not one.
import { InvalidArgumentError, Option } from 'commander';
import { CliError } from './errors.ts';

const UNITS: Readonly<Record<string, number>> = { '': 2 ** 20, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30 };
/** What the simulated machine can be given: below 2 MiB no guest fits, above 3 GiB the PCI hole begins. */
const LEAST_MEMORY = 2 * 2 ** 20;
const MOST_MEMORY = 3 * 2 ** 30;
/** Eight of them fit into the core's memory. */
const MOST_PROCESSORS = 8;

/** `64M`, `1G`, `512K`; a bare number counts MiB as QEMU's -m does. @throws CliError */
export function parseMemory(text: string): number {
  const match = /^(\d{1,9})([KMG]?)$/i.exec(text);
  if (!match) throw new CliError(`--memory ${text} is not a size: write a whole number with K, M or G, such as 64M.`);
  const bytes = Number(match[1]) * (UNITS[(match[2] ?? '').toUpperCase()] ?? 1);
  if (bytes < LEAST_MEMORY || bytes > MOST_MEMORY)
    throw new CliError(`--memory ${text} is out of range: a machine has between 2M and 3G of memory.`);
  if (bytes % 4096 !== 0) throw new CliError(`--memory ${text} is not a whole number of 4 KiB pages.`);
  return bytes;
}

/** How many processors. @throws CliError */
export function parseProcessors(text: string): number {
  const count = /^\d{1,3}$/.test(text) ? Number(text) : 0;
  if (count < 1 || count > MOST_PROCESSORS)
    throw new CliError(`--cpus ${text} is out of range: a machine has 1 to ${MOST_PROCESSORS} processors.`);
  return count;
}

/** A count of instructions, with K, M or G for powers of a thousand. @throws CliError */
export function parseCount(option: string): (text: string) => number {
  return (text) => {
    const match = /^(\d{1,15})([KMG]?)$/i.exec(text);
    const scale = { '': 1, K: 1e3, M: 1e6, G: 1e9 }[(match?.[2] ?? '').toUpperCase()];
    const count = Number(match?.[1]) * (scale ?? Number.NaN);
    if (!match || !(count >= 1) || count > 1e15)
      throw new CliError(`${option} ${text} is not a count: write a positive whole number, such as 50M.`);
    return count;
  };
}

/** An I/O port, `0x190` or `400`. @throws CliError */
export function parsePort(option: string): (text: string) => number {
  return (text) => {
    const port = /^(0x[0-9a-f]{1,8}|\d{1,9})$/i.test(text) ? Number(text) : Number.NaN;
    if (!(port <= 0xffff)) throw new CliError(`${option} ${text} is not an I/O port: write a number up to 0xffff.`);
    return port;
  };
}

/** One of a closed list of words. @throws CliError naming them all */
export function parseChoice<T extends string>(option: string, choices: readonly T[]): (text: string) => T {
  return (text) => {
    const found = choices.find((choice) => choice === text);
    if (found === undefined) throw new CliError(`${option} ${text} is unknown: choose ${choices.join(', ')}.`);
    return found;
  };
}

/** A comma-separated list of words of a closed list. @throws CliError */
export function parseList<T extends string>(option: string, choices: readonly T[]): (text: string) => T[] {
  const one = parseChoice(option, choices);
  return (text) => text.split(',').map((word) => one(word.trim()));
}

/** A whole number from 0 on. @throws CliError */
export function parseSeed(text: string): number {
  const seed = Number(text);
  if (/^\d{1,16}$/.test(text) && Number.isSafeInteger(seed)) return seed;
  throw new CliError(`--seed ${text} is not a whole number from 0 to ${Number.MAX_SAFE_INTEGER}.`);
}

/** A directory or file of this computer and where programs see it. */
export interface Volume {
  readonly host: string;
  readonly guest: string;
  readonly writable: boolean;
}

/** Reads `HOST:GUEST[:ro|:rw]`. @throws CliError */
export function parseVolume(text: string): Volume {
  const match = /^(.+?):(\/[^:]*)(?::(ro|rw))?$/.exec(text);
  if (match === null)
    throw new CliError(
      `The volume ${text} is not DIRECTORY-OR-FILE:ABSOLUTE-PATH, with :rw behind it to let programs write.`,
    );
  if (match[2]!.split('/').includes('..')) throw new CliError(`The path ${match[2]} of a volume has .. in it.`);
  return { host: match[1]!, guest: match[2]!, writable: match[3] === 'rw' };
}

/** `--format` of lists. */
export const formatOption = () =>
  new Option('--format <template>', "json, or a template of Go's text/template; table TEMPLATE with a head");

/** `--format` of descriptions. */
export const inspectFormatOption = () =>
  new Option('-f, --format <template>', "json, or a template of Go's text/template");

/** For options that may be repeated. */
export const collect = (value: string, all: readonly string[]): string[] => [...all, value];

/** A number from `least` on. @throws InvalidArgumentError */
export function parseNumber(name: string, least: number) {
  return (text: string): number => {
    const value = Number(text);
    if (text.trim() === '' || !Number.isFinite(value) || value < least) {
      throw new InvalidArgumentError(`${name} takes a number of at least ${least}.`);
    }
    return value;
  };
}
