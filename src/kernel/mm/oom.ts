// Who is killed when there is no memory left (proc(5) /proc/PID/oom_score_adj, Documentation/admin-guide/cgroup-v2.rst
// "memory.oom.group"): the process that uses most, as far as its adjustment does not say otherwise.
import { SI_KERNEL, SIGNAL } from '../../abi/signal.ts';
import type { MemoryGroup } from '../cgroup/memory-group.ts';
import type { Kernel } from '../kernel.ts';
import { sendSignalToGroup } from '../signal/send.ts';
import { isKilled } from '../signal/signal-set.ts';
import type { Task } from '../task/task.ts';
import type { ThreadGroup } from '../task/thread-group.ts';
import type { AddressSpace } from './address-space.ts';

/** A process with this adjustment is never chosen. */
export const NEVER_KILLED = -1000;
const ADJUSTMENT_UNIT = 1000;

/** A task that still has the process's memory. */
function withMemory(group: ThreadGroup): Task | undefined {
  for (const task of group.tasks) if (task.memory !== undefined) return task;
  return undefined;
}

/** Pages a process stands for, adjusted; undefined when it must not be killed. */
export function badness(group: ThreadGroup, totalPages: number): number | undefined {
  const memory = withMemory(group)?.memory;
  if (memory === undefined || group.oomAdjustment === NEVER_KILLED) return undefined;
  return memory.residentPages() + Math.floor((group.oomAdjustment * totalPages) / ADJUSTMENT_UNIT);
}

/** The processes whose memory counts for a group or below. */
function processesWithin(kernel: Kernel, within: MemoryGroup): Set<ThreadGroup> {
  const found = new Set<ThreadGroup>();
  for (const task of kernel.pids.tasks.values())
    if (task.cgroup?.effective('memory').isWithin(within)) found.add(task.group);
  return found;
}

/** The first process of the whole system, whose end would be everybody's. */
export function isFirst(kernel: Kernel, group: ThreadGroup): boolean {
  return group === kernel.pids.init && group.pid.namespace === kernel.pids;
}

/** A process the kernel may kill for memory: not the first of the system, and not one that ends already. */
function isCandidate(kernel: Kernel, group: ThreadGroup): boolean {
  if (isFirst(kernel, group) || group.isZombie) return false;
  const task = withMemory(group);
  return task !== undefined && !isKilled(task);
}

/**
 * Kills for memory of a group; how much the processes had is given back at once.
 * @returns true when there was somebody to kill
 */
export function killForMemory(kernel: Kernel, over: MemoryGroup): boolean {
  const totalPages = Math.min(over.max / 4096, kernel.frames.total);
  let victim: ThreadGroup | undefined;
  let most = Number.NEGATIVE_INFINITY;
  for (const group of processesWithin(kernel, over)) {
    const points = isCandidate(kernel, group) ? badness(group, totalPages) : undefined;
    if (points === undefined || points < most) continue;
    victim = group;
    most = points;
  }
  if (victim === undefined) return false;
  const together = groupToKill(victim, over);
  kill(kernel, victim);
  if (together === undefined) return true;
  together.tell('oom_group_kill');
  for (const group of processesWithin(kernel, together))
    if (isCandidate(kernel, group) && group.oomAdjustment !== NEVER_KILLED) kill(kernel, group);
  return true;
}

/** The outermost group up to the one that is short whose processes end together. */
function groupToKill(victim: ThreadGroup, over: MemoryGroup): MemoryGroup | undefined {
  let found: MemoryGroup | undefined;
  for (const group of memoryOf(victim).ancestry()) {
    if (group.killsTogether) found = group;
    if (group === over) break;
  }
  return found;
}

function memoryOf(group: ThreadGroup): MemoryGroup {
  return withMemory(group)!.cgroup!.effective('memory');
}

/** The process and all that share its memory end; what only they have is given back now. */
function kill(kernel: Kernel, victim: ThreadGroup): void {
  memoryOf(victim).tell('oom_kill');
  const { memory } = withMemory(victim)!;
  for (const group of sharing(kernel, memory!))
    sendSignalToGroup(kernel, group, { signal: SIGNAL.SIGKILL, code: SI_KERNEL });
  memory!.dropPrivate();
}

function sharing(kernel: Kernel, memory: AddressSpace): Set<ThreadGroup> {
  const found = new Set<ThreadGroup>();
  for (const task of kernel.pids.tasks.values()) if (task.memory === memory) found.add(task.group);
  return found;
}
