// A system call from the gate to its result: its tracer and its filters look at it first, it waits and is tried again, signals
// interrupt it (syscall(2); ptrace(2), "Syscall-stops"; seccomp_unotify(2); signal(7), "Interruption of system calls").
import { ERRNO } from '../../abi/errno.ts';
import { SystemError } from '../error.ts';
import type { Kernel } from '../kernel.ts';
import { OutOfFrames } from '../mm/frames.ts';
import { BadAddress } from '../mm/user-memory.ts';
import { DR6_SINGLE_STEP, RAX, type Stop } from '../platform.ts';
import { Notification } from '../seccomp/notify.ts';
import { judge } from '../seccomp/seccomp.ts';
import { hasDeliverableSignal, sendFaultSignal } from '../signal/delivery.ts';
import { ERESTARTNOHAND, ERESTARTSYS } from '../signal/restart.ts';
import type { Task } from '../task/task.ts';
import { planCallStop } from '../trace/tracing.ts';
import { BLOCKED, Call, type CallResult, NO_RESULT } from './call.ts';
import { readArguments, returnFromSysenter, setResult, systemCallNumber } from './convention.ts';
import type { Syscall } from './table.ts';

/** Debug exception. */
const DEBUG_VECTOR = 1;

type Gate = Extract<Stop, { kind: 'system-call' }>['gate'];

/** A program has called through a gate. */
export function startCall(kernel: Kernel, task: Task, gate: Gate): void {
  if (gate === 'sysenter' && !canReturnFromSysenter(task)) return;
  const abi = gate === 'syscall' ? task.context.abi : 'i386';
  const number = systemCallNumber(task.context);
  const args = readArguments(task.context, abi);
  task.call = { abi, number, arguments: args, progress: task.resumedProgress };
  task.resumedProgress = undefined;
  task.lastNumber = number;
  if (task.tracing?.mode === 'calls') {
    planCallStop(task, 'entry');
    hold(task, 'new');
  } else consultFilters(kernel, task, false);
}

/** Goes on with the call of a task: for the first time, after a wait, or when who held it up has let it go. */
export function continueCall(kernel: Kernel, task: Task): void {
  const held = task.call!.held;
  if (held === undefined) make(kernel, task);
  else if (held === 'notified') awaitAnswer(kernel, task);
  else resume(kernel, task);
}

/** False when the call has failed before it began. */
function canReturnFromSysenter({ memory, context }: Task): boolean {
  try {
    returnFromSysenter(memory!, context);
    return true;
  } catch (failure) {
    if (!(failure instanceof BadAddress)) throw failure;
    setResult(context, -ERRNO.EFAULT);
    return false;
  }
}

/** The call is made when its tracer lets it, which may change it; until then it has no result. */
function hold(task: Task, held: 'new' | 'judged'): void {
  task.call = { ...task.call!, held };
  setResult(task.context, -ERRNO.ENOSYS);
}

/** The call as its tracer has left it. */
function resume(kernel: Kernel, task: Task): void {
  const { abi, number, progress, held } = task.call!;
  task.call = { abi, number, arguments: readArguments(task.context, abi), progress };
  task.lastNumber = number;
  // a call that is none: the tracer has set its result
  if (number === -1) finish(kernel, task, BigInt.asIntN(64, task.context.reg64(RAX)));
  else consultFilters(kernel, task, held === 'judged');
}

function consultFilters(kernel: Kernel, task: Task, wasTraced: boolean): void {
  const verdict = judge(kernel, task, task.call!, wasTraced);
  if (verdict === 'run') make(kernel, task);
  else if (verdict === 'traced') hold(task, 'judged');
  else if (verdict instanceof Notification) {
    task.call = { ...task.call!, held: 'notified', notification: verdict };
    awaitAnswer(kernel, task);
  } else if (verdict !== 'over') finish(kernel, task, verdict);
}

/** The listener of a filter makes the call, or lets it be made. */
function awaitAnswer(kernel: Kernel, task: Task): void {
  const { notification, held: _, ...call } = task.call!;
  const { outcome, isFirm, queue } = notification!;
  if (outcome === 'continue') {
    task.call = call;
    make(kernel, task);
  } else if (outcome !== undefined) finish(kernel, task, outcome);
  else if (isFirm || !hasDeliverableSignal(task)) task.sleep([queue], kernel.timers);
  else {
    task.callInterrupted = true;
    task.lastCall = call.number;
    finish(kernel, task, ERESTARTSYS);
  }
}

/** Nobody holds the call up: it ends, or waits. */
function make(kernel: Kernel, task: Task): void {
  const pending = task.call!;
  const row = kernel.syscalls.find(pending.abi, pending.number);
  if (row === undefined || row.support === 'none') {
    kernel.tellUnsupported(row?.name ?? pending.number, task);
    finish(kernel, task, -ERRNO.ENOSYS);
    return;
  }
  const call = new Call(kernel, task, pending, row.kinds);
  let result = attempt(call, row.run);
  if (result === BLOCKED) {
    if (row.interruption === 'uninterruptible' || !hasDeliverableSignal(task)) return;
    task.leaveQueues();
    task.state = 'running';
    result = attempt(call, () => row.interrupted?.(call) ?? interruptedResult(row));
    if (row.interruption === 'resume' && result === -ERRNO.EINTR) {
      result = ERESTARTNOHAND;
      task.interruptedProgress = pending.progress;
    }
    task.callInterrupted = true;
    task.lastCall = pending.number;
  }
  kernel.onCall?.(call, row, typeof result === 'symbol' ? undefined : result);
  if (result === NO_RESULT) {
    task.call = undefined;
    tellTracer(kernel, task);
  } else finish(kernel, task, result);
}

/** What a call returns, also when it fails. */
function attempt<R extends CallResult>(call: Call, run: (call: Call) => R): R | number {
  try {
    return run(call);
  } catch (failure) {
    if (failure instanceof SystemError) return failure.result;
    if (failure instanceof BadAddress) return -ERRNO.EFAULT;
    if (failure instanceof OutOfFrames) return -ERRNO.ENOMEM;
    throw failure;
  }
}

function interruptedResult(row: Syscall): number {
  if (row.interruption === 'never') return -ERRNO.EINTR;
  return row.interruption === 'restart' ? ERESTARTSYS : ERESTARTNOHAND;
}

function finish(kernel: Kernel, task: Task, result: number | bigint): void {
  task.call = undefined;
  setResult(task.context, result);
  tellTracer(kernel, task);
}

/** A traced task stops behind its call if that was asked for. */
function tellTracer(kernel: Kernel, task: Task): void {
  if (task.tracing === undefined || task.state !== 'running') return;
  if (task.tracing.mode === 'calls') planCallStop(task, 'exit');
  else if (task.tracing.mode === 'steps') sendFaultSignal(kernel, task, DEBUG_VECTOR, 0, undefined, DR6_SINGLE_STEP);
}
