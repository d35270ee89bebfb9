// Tracing (ptrace(2)): a task that another one watches stops where that one wants to hear of it, and goes on when it says so.
import { CLD_TRAPPED, SA_NOCLDSTOP, SI_USER, SIG_IGN, SIGNAL } from '../../abi/signal.ts';
import type { Kernel } from '../kernel.ts';
import type { Pid } from '../ns/pid-namespace.ts';
import { sendSignalToGroup, sendSignalToTask } from '../signal/send.ts';
import type { SignalInfo } from '../signal/signal-set.ts';
import { endProcess } from '../task/exit.ts';
import type { Task } from '../task/task.ts';
import type { ChildEvent, ProcessGroup } from '../task/thread-group.ts';
import type { Credentials } from '../vfs/permission.ts';

/** Options of PTRACE_SETOPTIONS. */
export const TRACE_SYSGOOD = 1;
export const TRACE_FORK = 2;
export const TRACE_VFORK = 4;
export const TRACE_CLONE = 8;
export const TRACE_EXEC = 0x10;
export const TRACE_VFORK_DONE = 0x20;
export const TRACE_EXIT = 0x40;
export const TRACE_SECCOMP = 0x80;
export const TRACE_EXITKILL = 0x10_0000;

/** Events a stop can tell. */
export const EVENT_FORK = 1;
export const EVENT_VFORK = 2;
export const EVENT_CLONE = 3;
export const EVENT_EXEC = 4;
export const EVENT_VFORK_DONE = 5;
export const EVENT_EXIT = 6;
export const EVENT_SECCOMP = 7;
export const EVENT_STOP = 128;

const TRAP_FLAG = 0x100;
const SYSCALL_BIT = 0x80;

/** Why a traced task stands still. */
export interface TraceStop {
  readonly kind: 'signal' | 'entry' | 'exit' | 'event' | 'seccomp' | 'group';
  /** Signal, and event above it, as wait(2) tells them. */
  readonly code: number;
  /** What PTRACE_GETSIGINFO tells; a group stop of a task that was not seized has nothing. */
  info: SignalInfo | undefined;
  /** What PTRACE_GETEVENTMSG tells from here on. */
  readonly message?: number;
}

/** What a task knows of being traced: plain data. */
export interface Tracing {
  readonly tracer: Task;
  /** Of whoever asked for the tracing, then: what rights the task may gain depends on them. */
  readonly credentials: Credentials;
  readonly isSeized: boolean;
  options: number;
  message: number;
  /** Where it stands; undefined while it runs. */
  stop: TraceStop | undefined;
  /** wait(2) has told of the stop. */
  isReported: boolean;
  /** Stops to come before the program goes on. */
  waiting: TraceStop[];
  /** Until when it was told to go on. */
  mode: 'continue' | 'calls' | 'steps';
  /** A signal its tracer let through, or gave it instead. */
  injected: SignalInfo | undefined;
  /** PTRACE_LISTEN: it stays, and hears of SIGCONT. */
  isListening: boolean;
  /** EVENT_EXIT was told. */
  isEnding: boolean;
}

/** The end of a traced task that is nobody's child, for its tracer to fetch. */
export interface TracedEnd {
  readonly pid: Pid;
  readonly processGroup: ProcessGroup;
  readonly event: ChildEvent;
}

/** The task is traced from now on. */
export function beginTracing(
  task: Task,
  by: Pick<Tracing, 'tracer' | 'credentials' | 'isSeized' | 'options'>,
): Tracing {
  const { tracer } = by;
  const tracing: Tracing = {
    tracer,
    credentials: by.credentials,
    isSeized: by.isSeized,
    options: by.options,
    message: 0,
    stop: undefined,
    isReported: false,
    waiting: [],
    mode: 'continue',
    injected: undefined,
    isListening: false,
    isEnding: false,
  };
  task.tracing = tracing;
  tracer.group.tracees.add(task);
  return tracing;
}

/** The task is traced no more; it goes on unless its process is stopped. */
export function endTracing(task: Task, signal = 0): void {
  const { tracing } = task;
  if (tracing === undefined) return;
  const { stop, injected } = tracing;
  tracing.tracer.group.tracees.delete(task);
  task.tracing = undefined;
  task.context.rflags &= ~TRAP_FLAG;
  if (injected !== undefined) task.pending.add(injected);
  if (signal !== 0) task.pending.add(chosen(tracing.tracer, stop, signal));
  if (stop === undefined) return;
  task.leaveTraceStop();
  if (task.group.stopped) task.stop();
}

/** A tracer has ended: whom it traced goes on alone, or ends with it (PTRACE_O_EXITKILL). */
export function releaseTracees(kernel: Kernel, tracer: Task): void {
  for (const task of [...tracer.group.tracees]) {
    if (task.tracing?.tracer !== tracer) continue;
    const dies = (task.tracing.options & TRACE_EXITKILL) !== 0;
    endTracing(task);
    if (dies) endProcess(kernel, task.group, { kind: 'killed', signal: SIGNAL.SIGKILL, core: false });
  }
}

/** A traced task has ended: its tracer hears of it unless it hears as the parent. */
export function tellTracerOfEnd(task: Task, event: ChildEvent): void {
  const { tracing, group } = task;
  if (tracing === undefined) return;
  const { group: tracer } = tracing.tracer;
  tracer.tracees.delete(task);
  task.tracing = undefined;
  if (task === group.leader && group.parent === tracer) return;
  tracer.tracedEnds.push({ pid: task.pid.hold(), processGroup: group.processGroup, event });
  tracer.childQueue.wake();
}

/** The next stop that waits, if there is one: true when the task stands still. */
export function enterStop(kernel: Kernel, task: Task): boolean {
  const stop = task.tracing?.waiting.shift();
  if (stop === undefined) return false;
  stand(kernel, task, stop);
  return true;
}

/** The task stands still, and its tracer hears of it. */
export function stand(kernel: Kernel, task: Task, stop: TraceStop): void {
  const tracing = task.tracing!;
  tracing.stop = stop;
  tracing.isReported = false;
  tracing.isListening = false;
  tracing.message = stop.message ?? tracing.message;
  task.context.rflags &= ~TRAP_FLAG;
  task.state = 'traced';
  const { group } = tracing.tracer;
  const action = group.actions[SIGNAL.SIGCHLD]!;
  if (action.handler !== SIG_IGN && !(action.flags & SA_NOCLDSTOP)) {
    const { pid, credentials } = task;
    const status = stop.code & 0x7f;
    sendSignalToGroup(kernel, group, { signal: SIGNAL.SIGCHLD, code: CLD_TRAPPED, pid, uid: credentials.uid, status });
  }
  group.childQueue.wake();
}

/** Tells of a signal before it is delivered. */
export function stopForSignal(kernel: Kernel, task: Task, info: SignalInfo): void {
  stand(kernel, task, { kind: 'signal', code: info.signal, info });
}

/** Plans the stop before or behind a system call. */
export function planCallStop(task: Task, kind: 'entry' | 'exit'): void {
  const tracing = task.tracing!;
  const code = SIGNAL.SIGTRAP | (tracing.options & TRACE_SYSGOOD ? SYSCALL_BIT : 0);
  tracing.waiting.push({ kind, code, info: { signal: SIGNAL.SIGTRAP, code } });
}

/** Plans the stop for an event, if the tracer asked for it. */
export function planEvent(task: Task, event: number, message: number, option?: number): boolean {
  const { tracing } = task;
  if (tracing === undefined || (option !== undefined && !(tracing.options & option))) return false;
  const code = SIGNAL.SIGTRAP | (event << 8);
  const info = { signal: SIGNAL.SIGTRAP, code, pid: task.pid, uid: task.credentials.uid };
  tracing.waiting.push({ kind: event === EVENT_SECCOMP ? 'seccomp' : 'event', code, info, message });
  return true;
}

/** A stop signal stops the process: a traced task of it tells its tracer. */
export function planGroupStop(task: Task, signal: number): void {
  const tracing = task.tracing!;
  const code = tracing.isSeized ? signal | (EVENT_STOP << 8) : signal;
  tracing.waiting.push({ kind: 'group', code, info: tracing.isSeized ? { signal, code } : undefined });
  task.wake();
}

/** What its tracer wants delivered. */
function chosen(tracer: Task, stop: TraceStop | undefined, signal: number): SignalInfo {
  if (stop?.info?.signal === signal) return stop.info;
  return { signal, code: SI_USER, pid: tracer.group.pid, uid: tracer.credentials.uid };
}

/** A tracer lets the task go on, with a signal (0 for none). */
export function goOn(kernel: Kernel, task: Task, mode: Tracing['mode'], signal: number): void {
  const tracing = task.tracing!;
  const stop = tracing.stop!;
  tracing.stop = undefined;
  tracing.mode = mode;
  if (mode === 'steps') task.context.rflags |= TRAP_FLAG;
  if (signal !== 0 && stop.kind === 'signal') tracing.injected = chosen(tracing.tracer, stop, signal);
  task.leaveTraceStop();
  if (signal !== 0 && (stop.kind === 'entry' || stop.kind === 'exit'))
    sendSignalToTask(kernel, task, chosen(tracing.tracer, undefined, signal));
}

/** A new task of a traced one, and the tracer's interest in it. */
export function traceChild(parent: Task, child: Task, event: number, option: number): void {
  const { tracing } = parent;
  if (tracing === undefined || !(tracing.options & option)) return;
  planEvent(parent, event, child.pid.in(tracing.tracer.namespaces.pid));
  beginTracing(child, tracing);
  if (tracing.isSeized) planEvent(child, EVENT_STOP, 0);
  else child.pending.add({ signal: SIGNAL.SIGSTOP, code: SI_USER });
}

/** A traced task runs another program. */
export function traceProgram(task: Task, formerNumber: number): void {
  const { tracing } = task;
  if (tracing === undefined || planEvent(task, EVENT_EXEC, formerNumber, TRACE_EXEC) || tracing.isSeized) return;
  task.pending.add({ signal: SIGNAL.SIGTRAP, code: SI_USER, pid: task.group.pid, uid: task.credentials.uid });
}

/** True when the task first has to tell that it ends (PTRACE_O_TRACEEXIT). */
export function tellsBeforeEnd(task: Task, status: number): boolean {
  const { tracing } = task;
  if (tracing === undefined || tracing.isEnding || !planEvent(task, EVENT_EXIT, status, TRACE_EXIT)) return false;
  tracing.isEnding = true;
  return true;
}
