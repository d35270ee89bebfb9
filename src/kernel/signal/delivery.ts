// What happens to a task when it goes back to user mode with signals pending: default actions, handlers, restarted system
// calls (signal(7)), and the signals that faults become (sigaction(2) "The siginfo_t argument to a SA_SIGINFO handler").
import {
  BUS_ADRALN,
  BUS_ADRERR,
  defaultAction,
  FPE_FLTDIV,
  FPE_FLTINV,
  FPE_FLTOVF,
  FPE_FLTRES,
  FPE_FLTUND,
  FPE_INTDIV,
  ILL_ILLOPN,
  SA_NODEFER,
  SA_RESETHAND,
  SA_RESTART,
  SEGV_ACCERR,
  SEGV_MAPERR,
  SI_KERNEL,
  SIG_DFL,
  SIG_IGN,
  SIGNAL,
  TRAP_BRKPT,
  TRAP_HWBKPT,
  TRAP_TRACE,
  CLD_STOPPED,
  SA_NOCLDSTOP,
} from '../../abi/signal.ts';
import { ERRNO } from '../../abi/errno.ts';
import type { Kernel } from '../kernel.ts';
import { ERESTARTNOHAND, ERESTARTSYS } from './restart.ts';
import type { FaultOutcome } from '../mm/address-space.ts';
import { BadAddress } from '../mm/user-memory.ts';
import { DR6_BREAKPOINTS, DR6_SINGLE_STEP, FAULT_FETCH, FAULT_PRESENT, RAX, USER_END } from '../platform.ts';
import { meetBreakpoints } from '../trace/debug-registers.ts';
import { setResult } from '../syscalls/convention.ts';
import { dumpCore, wouldDump } from '../task/core-dump.ts';
import { endProcess } from '../task/exit.ts';
import { abortSequence } from '../task/restartable.ts';
import { planGroupStop, stopForSignal, tellsBeforeEnd } from '../trace/tracing.ts';
import type { Task } from '../task/task.ts';
import { DEFAULT_ACTION, type SignalAction } from '../task/thread-group.ts';
import { pushSignalFrame } from './frame.ts';
import { sendSignalToGroup } from './send.ts';
import { hasSignal, type SignalInfo, type SignalSet, signalBit, UNBLOCKABLE } from './signal-set.ts';

/** What PTRACE_EVENT_EXIT's message has for a core dump. */
const CORE_FLAG = 0x80;
/** Length of INT 0x80 and of SYSCALL: how far a restarted call goes back. */
const CALL_LENGTH = 2n;

/** Signals that would be delivered now. */
export function hasDeliverableSignal(task: Task): boolean {
  const { tracing } = task;
  if (mustStop(task) || tracing?.injected !== undefined) return true;
  const {
    pending: own,
    group: { pending: shared },
  } = task;
  // the usual case, for which no number has to be made
  if (own.queue.length === 0 && shared.queue.length === 0) return false;
  return ((own.set | shared.set) & ~task.blocked) !== 0n;
}

/** Its tracer hears of something before the task goes on. */
const mustStop = ({ tracing }: Task): boolean => tracing !== undefined && tracing.waiting.length > 0;

/** The next signal; a traced task first tells of it, and takes what its tracer makes of it. */
function nextSignal(kernel: Kernel, task: Task): SignalInfo | undefined {
  const { tracing } = task;
  const injected = tracing?.injected;
  if (tracing !== undefined && injected !== undefined) {
    tracing.injected = undefined;
    return injected;
  }
  const info = takeSignal(task);
  if (tracing === undefined || info === undefined || info.signal === SIGNAL.SIGKILL) return info;
  stopForSignal(kernel, task, info);
  return undefined;
}

function takeSignal(task: Task): SignalInfo | undefined {
  const { pending: own, group, blocked } = task;
  // the end of the process waits for nothing, not even for a stop that this task was sent
  if (hasSignal(group.pending.set, SIGNAL.SIGKILL)) return group.pending.take(blocked);
  return own.take(blocked) ?? group.pending.take(blocked);
}

/** Delivers what is pending; the task may end, stop, or continue in a handler. */
export function deliverSignals(kernel: Kernel, task: Task): void {
  let interrupted = interruptedCall(task);
  while (task.state === 'running' && !mustStop(task)) {
    const info = hasDeliverableSignal(task) ? nextSignal(kernel, task) : undefined;
    if (info === undefined) break;
    const action = task.group.actions[info.signal]!;
    if (action.handler === SIG_IGN) continue;
    if (action.handler === SIG_DFL) {
      actByDefault(kernel, task, info);
      continue;
    }
    task.interruptedProgress = undefined;
    if (interrupted !== undefined) endInterruptedCall(task, interrupted, action);
    interrupted = undefined;
    if (runHandler(kernel, task, info, action)) return;
  }
  if (task.state !== 'running' || mustStop(task)) {
    // stopped: the call is restarted when the task goes on
    task.callInterrupted = interrupted !== undefined;
    return;
  }
  if (interrupted !== undefined) restartCall(task, interrupted);
  if (task.savedMask !== undefined) {
    task.blocked = task.savedMask;
    task.savedMask = undefined;
  }
}

/** The internal result of the call that a signal interrupted. */
function interruptedCall(task: Task): number | undefined {
  const result = task.context.reg32(RAX) | 0;
  if (!task.callInterrupted) return undefined;
  task.callInterrupted = false;
  return result === ERESTARTSYS || result === ERESTARTNOHAND ? result : undefined;
}

function restartCall(task: Task, _result: number): void {
  const { context } = task;
  task.resumedProgress = task.interruptedProgress;
  task.interruptedProgress = undefined;
  context.rip -= CALL_LENGTH;
  setResult(context, task.lastCall);
}

function endInterruptedCall(task: Task, result: number, action: SignalAction): void {
  if (result === ERESTARTSYS && action.flags & SA_RESTART) restartCall(task, result);
  else setResult(task.context, -ERRNO.EINTR);
}

/** False when there is no stack for the handler: a SIGSEGV says so, which may have a handler on another stack. */
function runHandler(kernel: Kernel, task: Task, info: SignalInfo, action: SignalAction): boolean {
  if (action.flags & SA_RESETHAND) task.group.actions[info.signal] = { ...action, handler: SIG_DFL };
  abortSequence(kernel, task);
  try {
    pushSignalFrame(task, info, action, task.savedMask ?? task.blocked);
  } catch (failure) {
    if (!(failure instanceof BadAddress)) throw failure;
    const failed = { signal: SIGNAL.SIGSEGV, code: SI_KERNEL };
    if (info.signal === SIGNAL.SIGSEGV) endWithCore(kernel, task, failed);
    else forceSignal(kernel, task, failed);
    return false;
  }
  task.savedMask = undefined;
  let blocked: SignalSet = task.blocked | action.mask;
  if (!(action.flags & SA_NODEFER)) blocked |= signalBit(info.signal);
  task.blocked = blocked & ~UNBLOCKABLE;
  return true;
}

function actByDefault(kernel: Kernel, task: Task, info: SignalInfo): void {
  const { group } = task;
  if (group.isProtected && info.signal !== SIGNAL.SIGKILL && info.signal !== SIGNAL.SIGSTOP) return;
  switch (defaultAction(info.signal)) {
    case 'ignore':
    case 'continue':
      return;
    case 'stop':
      stopGroup(kernel, task, info.signal);
      return;
    case 'core':
      if (tellsEnd(task, info, wouldDump(task) ? CORE_FLAG : 0)) return;
      endWithCore(kernel, task, info);
      return;
    case 'terminate':
      if (tellsEnd(task, info, 0)) return;
      endProcess(kernel, group, { kind: 'killed', signal: info.signal, core: false });
  }
}

/** A signal ends the process, which may leave a core file. */
function endWithCore(kernel: Kernel, task: Task, info: SignalInfo): void {
  const core = dumpCore(kernel, task, info);
  endProcess(kernel, task.group, { kind: 'killed', signal: info.signal, core });
}

/** The signal waits until the tracer has heard that it ends the task. */
function tellsEnd(task: Task, info: SignalInfo, flag: number): boolean {
  if (info.signal === SIGNAL.SIGKILL || !tellsBeforeEnd(task, info.signal | flag)) return false;
  task.tracing!.injected = info;
  return true;
}

function stopGroup(kernel: Kernel, task: Task, signal: number): void {
  const { group } = task;
  group.stopped = true;
  for (const member of group.tasks) {
    if (member.tracing === undefined) member.stop();
    else planGroupStop(member, signal);
  }
  const { parent } = group;
  // a parent that traces hears of it as the tracer
  if (parent !== undefined && task.tracing?.tracer.group === parent) return;
  group.event = { kind: 'stopped', signal };
  if (parent === undefined) return;
  if (!(parent.actions[SIGNAL.SIGCHLD]!.flags & SA_NOCLDSTOP)) {
    const uid = task.credentials.uid;
    sendSignalToGroup(kernel, parent, {
      signal: SIGNAL.SIGCHLD,
      code: CLD_STOPPED,
      pid: group.pid,
      uid,
      status: signal,
    });
  }
  parent.childQueue.wake();
}

/** A signal an instruction raised: it cannot be ignored or blocked. */
export function forceSignal(kernel: Kernel, task: Task, info: SignalInfo): void {
  const action = task.group.actions[info.signal]!;
  const isKept = action.handler === SIG_IGN || hasSignal(task.blocked, info.signal);
  if (isKept && task.tracing !== undefined) {
    task.group.actions[info.signal] = DEFAULT_ACTION;
    task.blocked &= ~signalBit(info.signal);
  } else if (isKept) {
    endWithCore(kernel, task, info);
    return;
  }
  if (action.handler === SIG_DFL) task.group.lostProtection = true;
  task.pending.add(info);
}

/** Signal and code of the exceptions of programs (Linux, arch/x86: exceptions as signal(7) lists them). */
const EXCEPTION_SIGNALS: Readonly<Record<number, readonly [signal: number, code: number]>> = {
  0: [SIGNAL.SIGFPE, FPE_INTDIV],
  1: [SIGNAL.SIGTRAP, TRAP_TRACE],
  3: [SIGNAL.SIGTRAP, SI_KERNEL],
  4: [SIGNAL.SIGSEGV, SI_KERNEL],
  5: [SIGNAL.SIGSEGV, SI_KERNEL],
  6: [SIGNAL.SIGILL, ILL_ILLOPN],
  10: [SIGNAL.SIGSEGV, SI_KERNEL],
  11: [SIGNAL.SIGBUS, SI_KERNEL],
  12: [SIGNAL.SIGBUS, SI_KERNEL],
  13: [SIGNAL.SIGSEGV, SI_KERNEL],
  16: [SIGNAL.SIGFPE, FPE_FLTINV],
  17: [SIGNAL.SIGBUS, BUS_ADRALN],
  19: [SIGNAL.SIGFPE, FPE_FLTINV],
};
const VECTORS_AT_INSTRUCTION = new Set([0, 6, 16, 19]);

const DEBUG_VECTOR = 1;

/** An exception of a program becomes a signal. */
export function sendFaultSignal(
  kernel: Kernel,
  task: Task,
  vector: number,
  error: number,
  page?: { readonly address: number; readonly outcome: FaultOutcome },
  debug = 0,
): void {
  // of the kernel's addresses is not told whether anything is there
  const shown = page !== undefined && page.address >= USER_END.amd64 ? error | FAULT_PRESENT : error;
  task.fault = { vector, error: shown, address: page?.address ?? 0 };
  if (page !== undefined) {
    const { address, outcome } = page;
    const isBus = outcome === 'beyond-file';
    const code = isBus ? BUS_ADRERR : outcome === 'not-mapped' ? SEGV_MAPERR : SEGV_ACCERR;
    forceSignal(kernel, task, { signal: isBus ? SIGNAL.SIGBUS : SIGNAL.SIGSEGV, code, address });
    return;
  }
  if (vector === DEBUG_VECTOR) meetBreakpoints(task, debug);
  const [signal, code] = EXCEPTION_SIGNALS[vector] ?? [SIGNAL.SIGILL, ILL_ILLOPN];
  const address = VECTORS_AT_INSTRUCTION.has(vector) || error & FAULT_FETCH ? Number(task.context.rip) : 0;
  forceSignal(kernel, task, { signal, code: specificCode(task, vector, debug) ?? code, address });
}

/** What the processor's status says of an exception. */
function specificCode({ context }: Task, vector: number, debug: number): number | undefined {
  if (vector === DEBUG_VECTOR) {
    if (debug & DR6_SINGLE_STEP) return TRAP_TRACE;
    return debug & DR6_BREAKPOINTS ? TRAP_HWBKPT : TRAP_BRKPT;
  }
  if (vector === 16) return floatingPointCode(context.fpuStatus & ~context.fpuControl);
  if (vector === 19) return floatingPointCode(context.mxcsr & ~(context.mxcsr >> 7));
  return undefined;
}

/** Code of the unmasked exceptions of x87 or SSE: invalid, denormal, division, overflow, underflow, precision. */
function floatingPointCode(exceptions: number): number {
  if (exceptions & 1) return FPE_FLTINV;
  if (exceptions & 4) return FPE_FLTDIV;
  if (exceptions & 8) return FPE_FLTOVF;
  if (exceptions & 0x12) return FPE_FLTUND;
  return exceptions & 0x20 ? FPE_FLTRES : 0;
}
