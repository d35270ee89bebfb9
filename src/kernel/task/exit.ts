// How tasks and processes end, and what becomes of their children (exit(2), exit_group(2), wait(2)).
import {
  SIG_IGN,
  SA_NOCLDWAIT,
  SIGNAL,
  CLD_DUMPED,
  CLD_EXITED,
  CLD_KILLED,
  SI_KERNEL,
  SI_USER,
} from '../../abi/signal.ts';
import { BadAddress, writeUser } from '../mm/user-memory.ts';
import type { Kernel } from '../kernel.ts';
import { sendSignalToGroup, sendSignalToProcessGroup } from '../signal/send.ts';
import { undoSemaphores } from '../ipc/semaphores.ts';
import { releaseRobustLocks } from '../syscalls/futex-pi.ts';
import { wakeFutex } from '../syscalls/futex.ts';
import { releaseNamespaces } from '../ns/namespaces.ts';
import type { Pid, PidNamespace } from '../ns/pid-namespace.ts';
import { releaseTracees, tellTracerOfEnd } from '../trace/tracing.ts';
import { addUsage } from './usage.ts';
import type { Task } from './task.ts';
import type { ChildEvent, Session, ThreadGroup } from './thread-group.ts';

/** Ends a task; `event` says how, and becomes the process's end when it is the last one. */
export function endTask(kernel: Kernel, task: Task, event: ChildEvent): void {
  if (task.state === 'dead' || task.state === 'zombie') return;
  const { group } = task;
  task.leaveQueues();
  task.state = 'dead';
  releaseTracees(kernel, task);
  task.call = undefined;
  releaseLocks(kernel, task);
  clearTid(kernel, task);
  undoSemaphores(task);
  kernel.cgroups.leave(task);
  releaseMemory(kernel, task);
  if (task.kernelCharge !== undefined) kernel.memory.uncharge(task.kernelCharge);
  if (--task.files.users === 0) task.files.closeAll();
  task.directories.users--;
  releaseNamespaces(task.namespaces);
  group.tasks.delete(task);
  task.seccomp.listener?.file.queue.wake();
  tellTracerOfEnd(task, group.tasks.size === 0 ? (group.exiting ?? event) : event);
  kernel.keys.sweep();
  group.deadUserCycles += task.userCycles;
  group.deadSystemCycles += task.systemCycles;
  addUsage(group.deadUsage, task.usage);
  if (task !== group.leader) dropPid(task.pid);
  if (group.tasks.size === 0) endGroup(kernel, group, group.exiting ?? event);
}

/** Ends all tasks of a process. */
export function endProcess(kernel: Kernel, group: ThreadGroup, event: ChildEvent): void {
  group.exiting ??= event;
  for (const task of [...group.tasks]) endTask(kernel, task, event);
}

/** execve: the other tasks of the process end. */
export function endOtherTasks(kernel: Kernel, task: Task): void {
  for (const other of [...task.group.tasks]) if (other !== task) endTask(kernel, other, { kind: 'exited', status: 0 });
}

/** The task stops using its memory; a parent in vfork goes on. */
export function releaseMemory(_kernel: Kernel, task: Task): void {
  const { memory } = task;
  task.memory = undefined;
  if (memory !== undefined) task.group.pastPeak = Math.max(task.group.pastPeak, memory.peakPages);
  if (memory !== undefined && --memory.users === 0) memory.destroy();
  const parent = task.vforkParent;
  task.vforkParent = undefined;
  parent?.wake();
}

/** Locks of a broken list stay as they are. */
function releaseLocks(kernel: Kernel, task: Task): void {
  try {
    releaseRobustLocks(kernel, task);
  } catch (failure) {
    if (!(failure instanceof BadAddress)) throw failure;
  }
}

/** CLONE_CHILD_CLEARTID: whoever joins the thread hears of its end. */
function clearTid(kernel: Kernel, task: Task): void {
  if (task.clearTid === 0 || task.memory === undefined || task.memory.users === 1) return;
  try {
    writeUser(task.memory, task.clearTid, new Uint8Array(4));
    wakeFutex(kernel, task.memory, task.clearTid, 1);
  } catch (failure) {
    if (!(failure instanceof BadAddress)) throw failure;
  }
}

function dropPid(pid: Pid): void {
  pid.leaveTask();
  pid.release();
}

/** The process belongs to its process group no more; an empty group ends, and so does a session without groups. */
export function leaveProcessGroup(group: ThreadGroup): void {
  const { processGroup } = group;
  const { session } = processGroup;
  processGroup.members.delete(group);
  if (processGroup.members.size > 0) return;
  processGroup.pid.release();
  session.groups.delete(processGroup);
  if (session.groups.size === 0) session.pid.release();
}

/** The timers of timer_create(2) end with their program. */
export function deleteTimers(group: ThreadGroup): void {
  for (const timer of group.timers.values()) timer.stop();
  group.timers.clear();
}

function endGroup(kernel: Kernel, group: ThreadGroup, event: ChildEvent): void {
  const { namespace } = group.pid;
  if (namespace.reaper === group) endNamespace(kernel, namespace, group);
  group.event = event;
  group.endQueue.wake();
  group.intervalTimer?.set(0n, 0n);
  deleteTimers(group);
  adoptChildren(kernel, group);
  const { parent } = group;
  group.pid.leaveTask();
  if (group.processGroup.session.pid === group.pid) endSession(kernel, group.processGroup.session);
  leaveProcessGroup(group);
  if (parent === undefined) {
    group.pid.leaveGroup();
    group.pid.release();
    return;
  }
  tellParent(kernel, parent, group, event);
}

function tellParent(kernel: Kernel, parent: ThreadGroup, group: ThreadGroup, event: ChildEvent): void {
  const action = parent.actions[SIGNAL.SIGCHLD]!;
  const isIgnored = action.handler === SIG_IGN || (action.flags & SA_NOCLDWAIT) !== 0;
  if (group.exitSignal !== 0) {
    sendSignalToGroup(kernel, parent, {
      signal: group.exitSignal,
      code: event.kind === 'killed' ? (event.core ? CLD_DUMPED : CLD_KILLED) : CLD_EXITED,
      pid: group.pid,
      uid: group.leader.credentials.uid,
      status: event.kind === 'exited' ? event.status : event.kind === 'killed' ? event.signal : 0,
    });
  }
  if (isIgnored && group.exitSignal === SIGNAL.SIGCHLD) forget(group);
  parent.childQueue.wake();
}

/** Process 1 of a namespace ends: all others in it are killed, and nobody is left to wait for them. */
function endNamespace(kernel: Kernel, namespace: PidNamespace, init: ThreadGroup): void {
  namespace.isOver = true;
  for (const group of [...namespace.groups.values()])
    if (group !== init && !group.isZombie)
      endProcess(kernel, group, { kind: 'killed', signal: SIGNAL.SIGKILL, core: false });
  for (const child of [...init.children]) if (child.isZombie) reap(child);
}

/** The leader of a session has ended: those in the foreground of its terminal hear of it. */
function endSession(kernel: Kernel, session: Session): void {
  const { lostForeground } = session;
  if (session.terminal !== undefined) session.terminal.detach(true);
  else if (lostForeground !== undefined)
    for (const signal of [SIGNAL.SIGHUP, SIGNAL.SIGCONT])
      sendSignalToProcessGroup(kernel, lostForeground, { signal, code: SI_KERNEL });
}

/** Children of an ended process go to the nearest subreaper of its namespace, else to process 1 there. Outside all
 * namespaces, where several first processes may live, it is the first one above. */
function adoptChildren(kernel: Kernel, group: ThreadGroup): void {
  if (group.children.size === 0) return;
  const heir = findHeir(group);
  for (const child of group.children) {
    child.parent = heir;
    for (const { parentDeathSignal: signal } of child.tasks)
      if (signal !== 0) sendSignalToGroup(kernel, child, { signal, code: SI_USER, pid: group.pid, uid: 0 });
    if (heir === undefined) {
      if (!child.isZombie) endProcess(kernel, child, { kind: 'killed', signal: SIGNAL.SIGKILL, core: false });
      continue;
    }
    heir.children.add(child);
    child.exitSignal = SIGNAL.SIGCHLD;
    if (child.isZombie) tellParent(kernel, heir, child, child.event!);
  }
  group.children.clear();
}

function findHeir(group: ThreadGroup): ThreadGroup | undefined {
  const { namespace } = group.pid;
  const isAlive = (candidate: ThreadGroup) => !candidate.isZombie && candidate.exiting === undefined;
  let last: ThreadGroup | undefined;
  for (let heir = group.parent; heir !== undefined && heir.pid.namespace === namespace; heir = heir.parent) {
    if (heir.isSubreaper && isAlive(heir)) return heir;
    last = heir;
  }
  const reaper = namespace.parent === undefined ? last : namespace.reaper;
  return reaper === undefined || reaper === group || reaper.isZombie ? undefined : reaper;
}

/** The parent has fetched the end of a child: nothing of it is left but what it has used. */
export function reap(child: ThreadGroup): void {
  const { parent } = child;
  if (parent !== undefined) {
    parent.childUserCycles += child.userCycles + child.childUserCycles;
    parent.childSystemCycles += child.systemCycles + child.childSystemCycles;
    addUsage(addUsage(parent.childUsage, child.usage), child.childUsage);
    parent.childPeak = Math.max(parent.childPeak, child.peak, child.childPeak);
  }
  forget(child);
}

/** Nobody fetches the end of a process. */
function forget(child: ThreadGroup): void {
  child.parent?.children.delete(child);
  child.parent = undefined;
  child.pid.leaveGroup();
  child.pid.release();
}
