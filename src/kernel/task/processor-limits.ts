// Limits of a process on its use of the processor (getrlimit(2) RLIMIT_CPU, RLIMIT_RTTIME).
import { RLIMIT_CPU, RLIMIT_RTTIME } from '../../abi/resource.ts';
import { SI_KERNEL, SIGNAL } from '../../abi/signal.ts';
import type { Kernel } from '../kernel.ts';
import { sendSignalToGroup } from '../signal/send.ts';
import { isRealtime } from './scheduling.ts';
import type { Task } from './task.ts';

const MICROSECONDS = 1_000_000;

/** The task has had the processor: SIGXCPU above a soft limit, again after each further second, SIGKILL above the hard one. */
export function checkProcessorLimits(kernel: Kernel, task: Task, cycles: number): void {
  const { group } = task;
  const { frequencyHz } = kernel.platform;
  task.realtimeCycles = isRealtime(task.policy) && task.state === 'running' ? task.realtimeCycles + cycles : 0;
  if (group.limits[RLIMIT_CPU]!.soft !== Number.POSITIVE_INFINITY)
    check(kernel, task, RLIMIT_CPU, (group.userCycles + group.systemCycles) / frequencyHz, 1);
  if (group.limits[RLIMIT_RTTIME]!.soft !== Number.POSITIVE_INFINITY)
    check(kernel, task, RLIMIT_RTTIME, (task.realtimeCycles * MICROSECONDS) / frequencyHz, MICROSECONDS);
}

/** Linux too counts the soft limit up by a second when it is passed. */
function check(kernel: Kernel, { group }: Task, limit: number, used: number, second: number): void {
  const { soft, hard } = group.limits[limit]!;
  if (used < soft) return;
  const signal = used >= hard ? SIGNAL.SIGKILL : SIGNAL.SIGXCPU;
  if (used < hard) group.limits[limit] = { soft: soft + second, hard };
  sendSignalToGroup(kernel, group, { signal, code: SI_KERNEL });
}
