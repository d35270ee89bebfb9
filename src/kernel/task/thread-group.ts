// A process in the user's words: the tasks that share a thread group ID, signal actions and resource limits
// (clone(2) CLONE_THREAD, credentials(7) for process groups and sessions).
import { SIG_DFL } from '../../abi/signal.ts';
import type { Key } from '../keys/key.ts';
import type { Pid } from '../ns/pid-namespace.ts';
import { NO_SIGNALS, PendingSignals, type SignalSet } from '../signal/signal-set.ts';
import type { Terminal } from '../tty/terminal.ts';
import { CpuTimers } from './cpu-timers.ts';
import type { CpuIntervalTimer, IntervalTimer } from './interval-timer.ts';
import type { PosixTimer } from './posix-timer.ts';
import type { Task } from './task.ts';
import type { TracedEnd } from '../trace/tracing.ts';
import { addUsage, noUsage, type Usage } from './usage.ts';
import { WaitQueue } from './wait-queue.ts';

/** What a process wants done with a signal (sigaction(2)). */
export interface SignalAction {
  readonly handler: number;
  readonly flags: number;
  readonly restorer: number;
  readonly mask: SignalSet;
}

export const DEFAULT_ACTION: SignalAction = { handler: SIG_DFL, flags: 0, restorer: 0, mask: NO_SIGNALS };

/** Soft and hard limit (getrlimit(2)). */
export interface ResourceLimit {
  readonly soft: number;
  readonly hard: number;
}

/** Processes that get signals of a terminal together (setpgid(2)). */
export interface ProcessGroup {
  readonly pid: Pid;
  readonly session: Session;
  readonly members: Set<ThreadGroup>;
}

/** setsid(2). */
export interface Session {
  readonly pid: Pid;
  readonly groups: Set<ProcessGroup>;
  terminal: Terminal | undefined;
  /** The group in the foreground when the terminal was hung up. */
  lostForeground?: ProcessGroup | undefined;
}

/** How a process ended or changed its state, for wait(2). */
export type ChildEvent =
  | { readonly kind: 'exited'; readonly status: number }
  | { readonly kind: 'killed'; readonly signal: number; readonly core: boolean }
  | { readonly kind: 'stopped'; readonly signal: number }
  | { readonly kind: 'continued' };

/** A process. */
export class ThreadGroup {
  /** The numbers of its leader. */
  readonly pid: Pid;
  leader!: Task;
  readonly tasks = new Set<Task>();
  parent: ThreadGroup | undefined;
  readonly children = new Set<ThreadGroup>();
  /** Tasks that its own trace (ptrace(2)), and those of them whose end nobody has fetched. */
  readonly tracees = new Set<Task>();
  readonly tracedEnds: TracedEnd[] = [];
  processGroup: ProcessGroup;
  /** Shared by tasks cloned with CLONE_SIGHAND; indexed by signal number. */
  actions: SignalAction[];
  readonly pending = new PendingSignals();
  limits: ResourceLimit[];
  /** Signal the parent gets when the process ends. */
  exitSignal: number;
  /** Children have news, or an exit is awaited. */
  readonly childQueue = new WaitQueue();
  /** Signals arrive: what signalfd waits for. */
  readonly signalQueue = new WaitQueue();
  /** The process has ended: what its open files (pidfd_open(2)) wait for. */
  readonly endQueue = new WaitQueue();
  /** News the parent has not fetched. */
  event: ChildEvent | undefined;
  /** All tasks have to exit with this event. */
  exiting: ChildEvent | undefined;
  stopped = false;
  /** oom_score_adj, and how far it may be lowered without privileges. */
  oomAdjustment = 0;
  leastOomAdjustment = 0;
  /** prctl(PR_SET_CHILD_SUBREAPER). */
  isSubreaper = false;
  /** A fault of process 1 of a namespace: nothing protects it any more. */
  lostProtection = false;
  /** The keyring of its tasks (keyrings(7)). */
  keyring: Key | undefined;
  executed = false;
  startTime = 0;
  /** What its calls have moved (/proc/PID/io). */
  readonly io = { bytesRead: 0, bytesWritten: 0, reads: 0, writes: 0 };
  /** ITIMER_REAL, once it was used. */
  intervalTimer: IntervalTimer | undefined;
  /** ITIMER_VIRTUAL and ITIMER_PROF. */
  virtualTimer: CpuIntervalTimer | undefined;
  profilingTimer: CpuIntervalTimer | undefined;
  /** What waits for processor time to be used. */
  readonly cpuTimers = new CpuTimers();
  /** timer_create(2), by their numbers. */
  readonly timers = new Map<number, PosixTimer>();
  nextTimerId = 0;
  /** Times of children that were waited for. */
  childUserCycles = 0;
  childSystemCycles = 0;
  readonly childUsage = noUsage();
  /** Times of tasks that ended. */
  deadUserCycles = 0;
  deadSystemCycles = 0;
  readonly deadUsage = noUsage();
  /** Most pages its programs had at once, but for the one that runs; the most one of its children had. */
  pastPeak = 0;
  childPeak = 0;

  constructor(
    pid: Pid,
    processGroup: ProcessGroup,
    actions: SignalAction[],
    limits: ResourceLimit[],
    exitSignal: number,
  ) {
    this.pid = pid;
    this.processGroup = processGroup;
    this.actions = actions;
    this.limits = limits;
    this.exitSignal = exitSignal;
    processGroup.members.add(this);
  }

  /** Process 1 of a PID namespace: signals it has no handler for do nothing (pid_namespaces(7)). */
  get isProtected(): boolean {
    return this.pid.namespace.reaper === this && !this.lostProtection;
  }

  get isZombie(): boolean {
    return this.event?.kind === 'exited' || this.event?.kind === 'killed';
  }

  get userCycles(): number {
    let cycles = this.deadUserCycles;
    for (const task of this.tasks) cycles += task.userCycles;
    return cycles;
  }

  get usage(): Usage {
    const usage = addUsage(noUsage(), this.deadUsage);
    for (const task of this.tasks) addUsage(usage, task.usage);
    return usage;
  }

  /** Most pages it had at once. */
  get peak(): number {
    let peak = this.pastPeak;
    for (const { memory } of this.tasks) peak = Math.max(peak, memory?.peakPages ?? 0);
    return peak;
  }

  get systemCycles(): number {
    let cycles = this.deadSystemCycles;
    for (const task of this.tasks) cycles += task.systemCycles;
    return cycles;
  }
}
