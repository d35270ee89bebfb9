// The cpu controller: the share a group has of the processor, its cap, and what it has used
// (Documentation/admin-guide/cgroup-v2.rst "CPU").
import { fail } from '../error.ts';
import type { Kernel } from '../kernel.ts';
import { type Entity, FairQueue } from '../task/fair-queue.ts';
import type { FairEntity } from '../task/run-queue.ts';
import { HIGHEST_NICE, IDLE_WEIGHT, LOWEST_NICE, NORMAL_WEIGHT, nearestNice, niceWeight } from '../task/scheduling.ts';
import { Bandwidth } from './bandwidth.ts';
import type { Cgroup } from './cgroup.ts';
import type { ControlFile } from './control-file.ts';
import { flatKeyed, limitText, parseInteger, parseRange } from './numbers.ts';

const DEFAULT_WEIGHT = 100;
const LEAST_WEIGHT = 1;
const MOST_WEIGHT = 10_000;
const DEFAULT_PERIOD_US = 100_000;
/** Least quota and period, and the longest period. */
const LEAST_US = 1000;
const LONGEST_US = 1_000_000;
const MICROSECONDS = 1_000_000;

/** A group as the scheduler sees it: it competes with its siblings, and its tasks and groups among each other. */
export class CpuGroup implements Entity {
  readonly parent: CpuGroup | undefined;
  readonly queue = new FairQueue<FairEntity>();
  readonly bandwidth: Bandwidth;
  virtualTime = 0;
  /** In the scheduler's unit. */
  share = NORMAL_WEIGHT;
  isIdle = false;

  constructor(parent: CpuGroup | undefined, kernel: Kernel) {
    this.parent = parent;
    const period = (DEFAULT_PERIOD_US * kernel.platform.frequencyHz) / MICROSECONDS;
    this.bandwidth = new Bandwidth(kernel, period, () => kernel.runQueue.addGroup(this));
  }

  get weight(): number {
    return this.isIdle ? IDLE_WEIGHT : this.share;
  }
}

const own = (cgroup: Cgroup): CpuGroup => cgroup.states.cpu!;

/** Makes the files of the controller. */
export function cpuFiles(kernel: Kernel): readonly ControlFile[] {
  const where = 'below-root' as const;
  const perMicrosecond = kernel.platform.frequencyHz / MICROSECONDS;
  const microseconds = (cycles: number) => Math.floor(cycles / perMicrosecond);
  return [
    {
      name: 'cpu.idle',
      where,
      read: (cgroup) => `${Number(own(cgroup).isIdle)}\n`,
      write: (cgroup, text) => {
        const value = parseInteger(text);
        if (value !== 0 && value !== 1) fail('EINVAL');
        own(cgroup).isIdle = value === 1;
        own(cgroup).share = NORMAL_WEIGHT;
      },
    },
    {
      name: 'cpu.max',
      where,
      read: (cgroup) => {
        const { quota, period } = own(cgroup).bandwidth;
        const shown = quota === Number.POSITIVE_INFINITY ? quota : microseconds(quota);
        return `${limitText(shown)} ${microseconds(period)}\n`;
      },
      write: (cgroup, text) => {
        const { bandwidth } = own(cgroup);
        const { quota, period } = parseMax(text, microseconds(bandwidth.period));
        setBandwidth(bandwidth, perMicrosecond, quota, period, microseconds(bandwidth.burst));
      },
    },
    {
      name: 'cpu.max.burst',
      where,
      read: (cgroup) => `${microseconds(own(cgroup).bandwidth.burst)}\n`,
      write: (cgroup, text) => {
        const { bandwidth } = own(cgroup);
        const value = parseInteger(text);
        if (value < 0) fail('EINVAL');
        const { quota, period } = bandwidth;
        setBandwidth(bandwidth, perMicrosecond, microseconds(quota), microseconds(period), value);
      },
    },
    {
      name: 'cpu.weight',
      where,
      read: (cgroup) => `${weightText(own(cgroup))}\n`,
      write: (cgroup, text) => {
        const weight = parseRange(text, LEAST_WEIGHT, MOST_WEIGHT);
        setShare(own(cgroup), Math.round((weight * NORMAL_WEIGHT) / DEFAULT_WEIGHT));
      },
    },
    {
      name: 'cpu.weight.nice',
      where,
      read: (cgroup) => `${nearestNice(own(cgroup).weight)}\n`,
      write: (cgroup, text) => setShare(own(cgroup), niceWeight(parseRange(text, HIGHEST_NICE, LOWEST_NICE))),
    },
  ];
}

/** cpu.stat, which every group has; what the controller counts comes with it. */
export function cpuStatFile(kernel: Kernel): ControlFile {
  const microseconds = (cycles: number) => Math.floor((cycles * MICROSECONDS) / kernel.platform.frequencyHz);
  return {
    name: 'cpu.stat',
    read: (cgroup) => {
      const { userCycles, systemCycles, states } = cgroup;
      const base = flatKeyed([
        ['usage_usec', microseconds(userCycles + systemCycles)],
        ['user_usec', microseconds(userCycles)],
        ['system_usec', microseconds(systemCycles)],
      ]);
      if (states.cpu === undefined || cgroup.isRoot) return base;
      const { periods, throttledPeriods, throttledTime, bursts, burstTime } = states.cpu.bandwidth;
      return base.concat(
        flatKeyed([
          ['nr_periods', periods],
          ['nr_throttled', throttledPeriods],
          ['throttled_usec', microseconds(throttledTime)],
          ['nr_bursts', bursts],
          ['burst_usec', microseconds(burstTime)],
        ]),
      );
    },
  };
}

function weightText({ weight }: CpuGroup): number {
  return Math.round((weight * DEFAULT_WEIGHT) / NORMAL_WEIGHT);
}

/** A group that is idle has no weight to set. */
function setShare(group: CpuGroup, share: number): void {
  if (group.isIdle) fail('EINVAL');
  group.share = share;
}

/** "max" or a quota, and perhaps a period, in microseconds. */
function parseMax(text: string, before: number): { quota: number; period: number } {
  const words = /^\s*(\S+)(?:\s+(\d+))?/.exec(text) ?? fail('EINVAL');
  const [, quota, period] = words;
  if (quota !== 'max' && !/^\d+$/.test(quota!)) fail('EINVAL');
  return {
    quota: quota === 'max' ? Number.POSITIVE_INFINITY : Number(quota),
    period: period === undefined ? before : Number(period),
  };
}

/** Times in microseconds, of `unit` cycles each. @throws SystemError EINVAL */
function setBandwidth(bandwidth: Bandwidth, unit: number, quota: number, period: number, burst: number): void {
  if (quota < LEAST_US || period < LEAST_US || period > LONGEST_US) fail('EINVAL');
  if (quota !== Number.POSITIVE_INFINITY && burst > quota) fail('EINVAL');
  bandwidth.set(quota * unit, period * unit, burst * unit);
}
