// The io controller (Documentation/admin-guide/cgroup-v2.rst "IO"). What the machine's files are read from and written to
// counts as one disk; a task that goes over a limit waits, in the machine's own time, until it would have kept it.
import { fail } from '../error.ts';
import type { Kernel } from '../kernel.ts';
import type { Task } from '../task/task.ts';
import type { Cgroup } from './cgroup.ts';
import type { ControlFile } from './control-file.ts';
import { limitText, parseInteger } from './numbers.ts';

/** Major and minor number of the disk: what virtio disks have. */
const DISK = '254:0';
const LIMIT_KEYS = ['rbps', 'wbps', 'riops', 'wiops'] as const;
type LimitKey = (typeof LIMIT_KEYS)[number];
const DEFAULT_WEIGHT = 100;
const MOST_WEIGHT = 10_000;

/** Which way data goes. */
export type Direction = 'read' | 'write';

/** What the controller keeps for a group. */
export class IoGroup {
  readonly parent: IoGroup | undefined;
  readonly bytes: Record<Direction, number> = { read: 0, write: 0 };
  readonly operations: Record<Direction, number> = { read: 0, write: 0 };
  /** Per second. */
  readonly limits: Record<LimitKey, number> = {
    rbps: Number.POSITIVE_INFINITY,
    wbps: Number.POSITIVE_INFINITY,
    riops: Number.POSITIVE_INFINITY,
    wiops: Number.POSITIVE_INFINITY,
  };
  weight = DEFAULT_WEIGHT;
  /** Cycle at which each limit has room again. */
  readonly #free: Record<LimitKey, number> = { rbps: 0, wbps: 0, riops: 0, wiops: 0 };

  constructor(parent: IoGroup | undefined) {
    this.parent = parent;
  }

  /** Counts a transfer here and above; the cycle at which all limits allow it. */
  transfer(direction: Direction, bytes: number, now: number, frequencyHz: number): number {
    this.bytes[direction] += bytes;
    this.operations[direction]++;
    const [perByte, perOperation] = direction === 'read' ? (['rbps', 'riops'] as const) : (['wbps', 'wiops'] as const);
    const until = Math.max(this.#take(perByte, bytes, now, frequencyHz), this.#take(perOperation, 1, now, frequencyHz));
    return Math.max(until, this.parent?.transfer(direction, bytes, now, frequencyHz) ?? 0);
  }

  /** Limits are changed together; what is owed for the old ones is forgotten. */
  setLimits(limits: Partial<Record<LimitKey, number>>): void {
    Object.assign(this.limits, limits);
    for (const key of LIMIT_KEYS) this.#free[key] = 0;
  }

  #take(key: LimitKey, amount: number, now: number, frequencyHz: number): number {
    const limit = this.limits[key];
    if (limit === Number.POSITIVE_INFINITY) return 0;
    this.#free[key] = Math.max(now, this.#free[key]) + Math.ceil((amount * frequencyHz) / limit);
    return this.#free[key];
  }
}

/** Counts a transfer of the task that runs, which waits for it when it is done with its call. */
export function countTransfer(kernel: Kernel, task: Task, direction: Direction, bytes: number): void {
  const { cycles, frequencyHz } = kernel.platform;
  const until = task.cgroup!.effective('io').transfer(direction, bytes, cycles, frequencyHz);
  task.transferDone = Math.max(task.transferDone, until);
}

const own = (cgroup: Cgroup): IoGroup => cgroup.states.io!;

/** The files of the controller. */
export const IO_FILES: readonly ControlFile[] = [
  {
    name: 'io.max',
    where: 'below-root',
    read: (cgroup) => {
      const { limits } = own(cgroup);
      if (LIMIT_KEYS.every((key) => limits[key] === Number.POSITIVE_INFINITY)) return '';
      return `${DISK} ${LIMIT_KEYS.map((key) => `${key}=${limitText(limits[key])}`).join(' ')}\n`;
    },
    write: (cgroup, text) => {
      const [device, ...settings] = text.trim().split(/\s+/);
      checkDevice(device!);
      own(cgroup).setLimits(Object.fromEntries(settings.map(parseLimit)));
    },
  },
  {
    name: 'io.stat',
    read: (cgroup) => {
      const { bytes, operations } = own(cgroup);
      if (operations.read + operations.write === 0) return '';
      const { read, write } = bytes;
      return `${DISK} rbytes=${read} wbytes=${write} rios=${operations.read} wios=${operations.write} dbytes=0 dios=0\n`;
    },
  },
  {
    name: 'io.weight',
    where: 'below-root',
    read: (cgroup) => `default ${own(cgroup).weight}\n`,
    write: (cgroup, text) => {
      const [, device, value] = /^\s*(?:(default|\d+:\d+)\s+)?(\d+|default)\s*$/.exec(text) ?? fail('EINVAL');
      if (device !== undefined && device !== 'default') checkDevice(device);
      const weight = value === 'default' ? DEFAULT_WEIGHT : Number(value);
      if (weight < 1 || weight > MOST_WEIGHT) fail('EINVAL');
      own(cgroup).weight = weight;
    },
  },
];

function checkDevice(device: string): void {
  if (!/^\d+:\d+$/.test(device)) fail('EINVAL');
  if (device !== DISK) fail('ENODEV');
}

/** One of rbps=1048576, wiops=max and so on. */
function parseLimit(setting: string): [LimitKey, number] {
  const [name, text, more] = setting.split('=');
  const key = LIMIT_KEYS.find((known) => known === name);
  if (text === undefined || more !== undefined) return fail('EINVAL');
  const value = text === 'max' ? Number.POSITIVE_INFINITY : parseInteger(text);
  if (value <= 0) fail('ERANGE');
  return key === undefined ? fail('EINVAL') : [key, value];
}
