// Sending signals (kill(2), signal(7)): who gets them, and what sending alone already does.
import { RLIMIT_SIGPENDING } from '../../abi/resource.ts';
import { defaultAction, SIG_DFL, SIG_IGN, SIGNAL, SIGRTMIN } from '../../abi/signal.ts';
import { fail } from '../error.ts';
import type { Kernel } from '../kernel.ts';
import type { Task } from '../task/task.ts';
import { EVENT_STOP, planEvent } from '../trace/tracing.ts';
import type { ProcessGroup, ThreadGroup } from '../task/thread-group.ts';
import { hasSignal, type PendingSignals, type SignalInfo, signalBit } from './signal-set.ts';

const STOPS = [SIGNAL.SIGSTOP, SIGNAL.SIGTSTP, SIGNAL.SIGTTIN, SIGNAL.SIGTTOU].reduce(
  (set, signal) => set | signalBit(signal),
  0n,
);
const CONTINUE = signalBit(SIGNAL.SIGCONT);

const UNSTOPPABLE = signalBit(SIGNAL.SIGKILL) | signalBit(SIGNAL.SIGSTOP);

/** Signals without a handler do nothing to process 1 of a namespace, but SIGKILL and SIGSTOP from outside. */
function isProtected(group: ThreadGroup, { signal, pid }: SignalInfo): boolean {
  if (!group.isProtected) return false;
  const isFromOutside = pid === undefined || pid.in(group.pid.namespace) === 0;
  return !(isFromOutside && hasSignal(UNSTOPPABLE, signal));
}

/** True when the process does nothing about the signal, so that it need not be kept. */
function isIgnored(group: ThreadGroup, info: SignalInfo): boolean {
  const { handler } = group.actions[info.signal]!;
  if (handler === SIG_IGN) return true;
  return handler === SIG_DFL && (defaultAction(info.signal) === 'ignore' || isProtected(group, info));
}

/** SIGCONT and the stop signals cancel each other, and SIGCONT continues whatever its action is. */
function prepare(group: ThreadGroup, signal: number): void {
  const cancelled = signal === SIGNAL.SIGCONT ? STOPS : hasSignal(STOPS, signal) ? CONTINUE : 0n;
  if (cancelled !== 0n) {
    group.pending.remove(cancelled);
    for (const task of group.tasks) task.pending.remove(cancelled);
  }
  if (signal !== SIGNAL.SIGCONT && signal !== SIGNAL.SIGKILL) return;
  for (const task of group.tasks) tellTracer(task, signal);
  if (!group.stopped) return;
  group.stopped = false;
  for (const task of group.tasks) task.resume();
  if (signal !== SIGNAL.SIGCONT) return;
  group.event = { kind: 'continued' };
  group.parent?.childQueue.wake();
}

/** SIGKILL ends a stop for a tracer; one that listens hears of SIGCONT. */
function tellTracer(task: Task, signal: number): void {
  if (signal === SIGNAL.SIGKILL) task.leaveTraceStop();
  else if (task.tracing?.isListening) {
    planEvent(task, EVENT_STOP, 0);
    task.leaveTraceStop();
  }
}

/** A task that sleeps hears of a signal it does not block. */
function interrupt(task: Task): void {
  if (task.isFrozen) task.reconsider();
  task.wake();
}

function mustKeep(group: ThreadGroup, task: Task | undefined, info: SignalInfo): boolean {
  const { signal } = info;
  // what sigtimedwait(2) waits for stays as good as blocked
  const isBlocked = (t: Task) => hasSignal(t.blocked | t.awaited, signal);
  const blocked = task === undefined ? [...group.tasks].every(isBlocked) : isBlocked(task);
  const isTraced =
    task === undefined ? [...group.tasks].some((t) => t.tracing !== undefined) : task.tracing !== undefined;
  return blocked || isTraced || !isIgnored(group, info);
}

const waiting = ({ queue }: PendingSignals) => queue.filter(({ timerId }) => timerId === undefined).length;

/**
 * Signals that wait to be delivered to the processes of a user, and those their timers keep for themselves: what
 * RLIMIT_SIGPENDING limits (setrlimit(2), timer_create(2)).
 */
export function queuedSignals(kernel: Kernel, group: ThreadGroup): number {
  const { uid, user } = group.leader.credentials;
  let count = 0;
  for (const other of kernel.pids.groups.values()) {
    const { credentials } = other.leader;
    if (credentials.uid !== uid || credentials.user !== user) continue;
    count += other.timers.size + waiting(other.pending);
    for (const task of other.tasks) count += waiting(task.pending);
  }
  return count;
}

/** One more real-time signal may wait for the process; more than a limit's worth would be the host's memory. */
export function hasQueueRoom(kernel: Kernel, group: ThreadGroup, signal: number): boolean {
  return signal < SIGRTMIN || queuedSignals(kernel, group) < group.limits[RLIMIT_SIGPENDING]!.soft;
}

/** @throws SystemError EAGAIN when a signal with a value of its sender cannot wait for the process */
export function checkQueueRoom(kernel: Kernel, group: ThreadGroup, signal: number): void {
  if (!hasQueueRoom(kernel, group, signal)) fail('EAGAIN');
}

/** Adds a signal to those that wait; without room for another of the kind it is as good as the one that waits. */
function enqueue(kernel: Kernel, group: ThreadGroup, pending: PendingSignals, info: SignalInfo): void {
  if (hasSignal(pending.set, info.signal) && !hasQueueRoom(kernel, group, info.signal)) return;
  pending.add(info);
}

/** Sends a signal to a process: any of its tasks that does not block it takes it. */
export function sendSignalToGroup(kernel: Kernel, group: ThreadGroup, info: SignalInfo): void {
  if (group.isZombie) return;
  prepare(group, info.signal);
  if (!mustKeep(group, undefined, info)) return;
  enqueue(kernel, group, group.pending, info);
  group.signalQueue.wake();
  const takers = [...group.tasks].filter((task) => !hasSignal(task.blocked, info.signal));
  const taker = takers.find((task) => task === group.leader) ?? takers[0];
  if (taker !== undefined) interrupt(taker);
}

/** Sends a signal to one task (tgkill(2), faults). */
export function sendSignalToTask(kernel: Kernel, task: Task, info: SignalInfo): void {
  prepare(task.group, info.signal);
  if (!mustKeep(task.group, task, info)) return;
  enqueue(kernel, task.group, task.pending, info);
  task.group.signalQueue.wake();
  if (!hasSignal(task.blocked, info.signal)) interrupt(task);
}

/** Sends a signal to every process of a group, as a terminal does. */
export function sendSignalToProcessGroup(kernel: Kernel, group: ProcessGroup, info: SignalInfo): void {
  for (const member of [...group.members]) sendSignalToGroup(kernel, member, info);
}
