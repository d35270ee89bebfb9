// The options that limit a container, for run, create and update: Docker's grammar (docker-run(1)), in the terms of the runtime
// specification.
import { type Command, InvalidArgumentError, Option } from 'commander';
import { OciError } from '../../oci/oci-error.ts';
import type { ProcessSpec, ResourceSpec } from '../../oci/runtime-spec.ts';
import { CliError } from '../errors.ts';
import { collect, parseNumber } from '../options.ts';

/** Limits that can be changed while a container runs; `cpus` are processors, sizes are bytes. */
export interface Limits {
  readonly memory?: number;
  readonly memoryReservation?: number;
  readonly memorySwap?: number;
  readonly cpus?: number;
  readonly cpuPeriod?: number;
  readonly cpuQuota?: number;
  readonly cpuShares?: number;
  readonly cpusetCpus?: string;
  readonly blkioWeight?: number;
  readonly pidsLimit?: number;
}

/** Those that are fixed when it is made. */
export interface FixedLimits {
  readonly ulimit: readonly string[];
  readonly shmSize?: number;
}

const UNITS = 'bkmgt';
const SIZE = /^(\d{1,15})(?:([bkmgt])(?:i?b)?)?$/i;
/** No program fits into less, and a machine has no more. */
const LEAST_MEMORY = 2 << 20;
const MOST_MEMORY = 3 * 2 ** 30;
/** The machine of a container without a limit, and what the memory of machines is a multiple of. */
const MACHINE = 512 << 20;
const UNIT = 65536;
const PERIOD = 100_000;
const LEAST_PERIOD = 1000;
const LONGEST_PERIOD = 1_000_000;
/** As JSON can say it. */
const RLIM_INFINITY = 2 ** 63;
/** Lists of processors that name the only one. */
const PROCESSOR = /^0(?:-0)?(?:,0(?:-0)?)*$/;

/** `64m`, `1g`, `65536`: bytes. @throws InvalidArgumentError */
function bytes(text: string): number {
  const [, digits, unit = 'b'] = SIZE.exec(text) ?? [];
  if (digits === undefined)
    throw new InvalidArgumentError(`${text} is not a size: write bytes, or a number with k, m or g, such as 64m.`);
  return Number(digits) * 1024 ** UNITS.indexOf(unit.toLowerCase());
}

function parseMemory(text: string): number {
  const value = bytes(text);
  if (value >= LEAST_MEMORY && value <= MOST_MEMORY) return value;
  throw new InvalidArgumentError(`${text} is out of range: a container has between 2m and 3g of memory.`);
}

/** Like a size, and -1 for as much as there is. @throws InvalidArgumentError */
export const parseSizeOrAll = (text: string): number => (text === '-1' ? -1 : bytes(text));

/** @throws InvalidArgumentError */
function parseProcessors(text: string): string {
  if (PROCESSOR.test(text)) return text;
  throw new InvalidArgumentError(`${text} is not available: a container has one processor, number 0.`);
}

/** A whole number of a range. */
function whole(name: string, least: number, most: number): (text: string) => number {
  return (text) => {
    const value = parseNumber(name, least)(text);
    if (Number.isInteger(value) && value <= most) return value;
    throw new InvalidArgumentError(`${name} takes a whole number from ${least} to ${most}.`);
  };
}

function option(flags: string, text: string, parse?: (value: string) => unknown): Option {
  const made = new Option(flags, text);
  return parse === undefined ? made : made.argParser(parse);
}

/** Adds the options of limits that can be changed. */
export function withLimits(command: Command): Command {
  return command
    .addOption(option('-m, --memory <size>', 'memory, such as 64m; who passes it is killed', parseMemory))
    .addOption(option('--memory-reservation <size>', 'memory that others do not take away', bytes))
    .addOption(option('--memory-swap <size>', 'memory and swap together; there is no swap', parseSizeOrAll))
    .addOption(option('--cpus <number>', 'processor time, such as 0.25 for a quarter', parseNumber('--cpus', 0.01)))
    .addOption(
      option(
        '--cpu-period <microseconds>',
        'periods of --cpu-quota (100000)',
        whole('--cpu-period', LEAST_PERIOD, LONGEST_PERIOD),
      ),
    )
    .addOption(
      option(
        '--cpu-quota <microseconds>',
        'processor time in each period; -1 for no limit',
        whole('--cpu-quota', -1, Number.MAX_SAFE_INTEGER),
      ),
    )
    .addOption(
      option(
        '-c, --cpu-shares <number>',
        'share of processor time, as cpu.weight shows it; a container has its processor alone',
        whole('--cpu-shares', 0, 262_144),
      ),
    )
    .addOption(option('--cpuset-cpus <list>', 'processors; 0 is the only one', parseProcessors))
    .addOption(
      option('--blkio-weight <number>', 'share of input and output, 10 to 1000', whole('--blkio-weight', 10, 1000)),
    )
    .addOption(
      option('--pids-limit <number>', 'processes and threads; -1 for no limit', whole('--pids-limit', -1, 4_194_304)),
    );
}

/** Adds the options of limits that stay. */
export function withFixedLimits(command: Command): Command {
  return command
    .option('--ulimit <name=soft[:hard]>', 'a resource limit, such as nofile=64; may be repeated', collect, [])
    .addOption(option('--shm-size <size>', 'size of /dev/shm (64m)', bytes));
}

/** Limits that a user gave. @throws CliError for what does not go together */
export function resources(limits: Limits): ResourceSpec {
  const { memory, memoryReservation, memorySwap, cpus, cpuPeriod, cpuQuota, cpuShares, cpusetCpus, pidsLimit } = limits;
  if (cpus !== undefined && (cpuPeriod !== undefined || cpuQuota !== undefined))
    throw new CliError('--cpus does not go together with --cpu-period and --cpu-quota: it sets both.');
  if (memory !== undefined && memoryReservation !== undefined && memoryReservation > memory)
    throw new CliError('--memory-reservation is more than --memory allows.');
  if (memory !== undefined && memorySwap !== undefined && memorySwap !== -1 && memorySwap < memory)
    throw new CliError('--memory-swap is less than --memory, which is part of it.');
  return {
    unified: cpusetCpus === undefined ? {} : { 'cpuset.cpus': cpusetCpus },
    ...defined({ memoryLimit: memory, memoryReservation, memorySwap, cpuPeriod, cpuQuota, cpuShares, pidsLimit }),
    ...defined({ ioWeight: limits.blkioWeight }),
    ...(cpuQuota === 0 ? { cpuQuota: -1 } : {}),
    ...(cpus === undefined ? {} : { cpuQuota: Math.round(cpus * PERIOD), cpuPeriod: PERIOD }),
  };
}

/** Bytes of the machine a container with a limit of memory runs on: the kernel needs some besides. */
export function machineFor(memory = 0): number {
  return Math.min(MOST_MEMORY, Math.max(MACHINE, Math.ceil((2 * memory) / UNIT) * UNIT));
}

function defined<T extends object>(settings: { [K in keyof T]: T[K] | undefined }): Partial<T> {
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined)) as Partial<T>;
}

/** `nofile=64:128` as the runtime specification has it. @throws CliError */
export function rlimit(text: string): ProcessSpec['rlimits'][number] {
  const [, name, soft, hard] = /^([a-z]+)=(-1|\d{1,15})(?::(-1|\d{1,15}))?$/.exec(text) ?? [];
  if (name === undefined) throw new CliError(`--ulimit ${text} is not NAME=SOFT or NAME=SOFT:HARD.`);
  const value = (limit: string) => (limit === '-1' ? RLIM_INFINITY : Number(limit));
  const limit = { type: `RLIMIT_${name.toUpperCase()}`, soft: value(soft!), hard: value(hard ?? soft!) };
  if (limit.soft > limit.hard) throw new CliError(`--ulimit ${text} allows more now than it ever may.`);
  return limit;
}

/** One set of limits over another. @throws OciError when the two do not go together */
export function mergeLimits(now: ResourceSpec, asked: ResourceSpec): ResourceSpec {
  const merged = { ...now, ...asked, unified: { ...now.unified, ...asked.unified } };
  if ((merged.memoryReservation ?? 0) > (merged.memoryLimit ?? Number.POSITIVE_INFINITY))
    throw new OciError('bad-option', 'The reservation of memory is more than its limit allows.');
  return merged;
}
