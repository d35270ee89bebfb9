// A task: what Linux schedules (clone(2)). Tasks with the same thread group share signal actions and end together. A task
// that is not running is plain data; a blocked one tries its system call again when it is woken.
import type { Cgroup } from '../cgroup/cgroup.ts';
import type { KernelCharge } from '../cgroup/memory.ts';
import type { Notification } from '../seccomp/notify.ts';
import { NO_SECCOMP, type Seccomp } from '../seccomp/state.ts';
import type { SemaphoreUndo } from '../ipc/semaphores.ts';
import type { AddressSpace } from '../mm/address-space.ts';
import { type MemoryPolicy, NO_POLICY } from '../mm/memory-area.ts';
import { holdNamespaces, type Namespaces, releaseNamespaces } from '../ns/namespaces.ts';
import type { Pid } from '../ns/pid-namespace.ts';
import type { Abi, Context } from '../platform.ts';
import type { SignalSet } from '../signal/signal-set.ts';
import type { PendingSignals } from '../signal/signal-set.ts';
import type { FdTable } from '../vfs/fd-table.ts';
import type { Path } from '../vfs/path.ts';
import type { Credentials } from '../vfs/permission.ts';
import type { Timer, Timers } from '../timers.ts';
import { IDLE_WEIGHT, niceWeight, type Policy } from './scheduling.ts';
import { NO_KEYRINGS, type TaskKeyrings } from '../keys/keys.ts';
import type { ThreadGroup } from './thread-group.ts';
import type { DebugRegisters } from '../trace/debug-registers.ts';
import type { Tracing } from '../trace/tracing.ts';
import { noUsage } from './usage.ts';
import type { WaitQueue } from './wait-queue.ts';

/** What a task does, in the letters of /proc/PID/stat. */
export type TaskState = 'running' | 'sleeping' | 'stopped' | 'traced' | 'zombie' | 'dead';

/** Root, working directory and umask: shared by tasks cloned with CLONE_FS. */
export interface DirectoryContext {
  root: Path;
  directory: Path;
  umask: number;
  /** Tasks that share it. */
  users: number;
}

/** A system call under way: kept while the task waits, so that it can be tried again. */
export interface PendingCall {
  /** Whose numbers and registers it uses: a 64-bit program can make calls of i386 with INT 0x80. */
  readonly abi: Abi;
  /** Row of the system-call table. */
  readonly number: number;
  /** As the convention of the ABI has them (syscalls/convention.ts). */
  readonly arguments: readonly (number | bigint)[];
  /**
   * It waits for its tracer: not seen by a filter yet, or held by one (seccomp(2) SECCOMP_RET_TRACE); or for the listener of a
   * filter, which was notified.
   */
  readonly held?: 'new' | 'judged' | 'notified';
  readonly notification?: Notification;
  /** What the call did or decided before it waited. */
  progress: unknown;
}

/** loginuid and sessionid of proc(5). */
export interface Login {
  readonly uid: number;
  readonly session: number;
}

/** Both numbers as they are before anybody logs in. */
export const NOBODY_LOGGED_IN: Login = { uid: 0xffff_ffff, session: 0xffff_ffff };

/** Nanoseconds. */
const DEFAULT_TIMER_SLACK = 50_000;

/** A thread. */
export class Task implements Timer {
  /** Its numbers; the thread ID is the one in the task's own namespace. */
  readonly pid: Pid;
  namespaces: Namespaces;
  readonly group: ThreadGroup;
  context: Context;
  memory: AddressSpace | undefined;
  files: FdTable;
  directories: DirectoryContext;
  credentials: Credentials;
  /** The file the program came from. */
  executable: Path | undefined;
  /** comm of /proc/PID/comm. */
  name = '';
  state: TaskState = 'running';
  /** The call that waits or is to be tried again. */
  call: PendingCall | undefined;
  /** Number of the last call, for a restart, and whether a signal ended it. */
  lastCall = 0;
  /** What a tracer sees as the number of the call: -1 when the program did not come here by one. */
  lastNumber = -1;
  /** Who watches it (ptrace(2)). */
  tracing: Tracing | undefined;
  callInterrupted = false;
  /** What a call that is resumed had done: first when a signal ended it, then when it is made again. */
  interruptedProgress: unknown;
  resumedProgress: unknown;
  /** The last exception, for signal frames. */
  fault = { vector: 0, error: 0, address: 0 };
  /** A stop signal came while the task slept. */
  stopRequested = false;
  /** The control group; kept after the end, for /proc/PID/cgroup. */
  cgroup: Cgroup | undefined;
  /** The control group freezes its tasks: the task gets the processor only to be killed. */
  isFrozen = false;
  /** Memory the kernel keeps for it. */
  kernelCharge: KernelCharge | undefined;
  /** Memory it was charged for while its control group was above memory.high: it has to wait for that. */
  bytesAboveHigh = 0;
  /** Cycle at which its control group's limits on input and output allow what it has read and written. */
  transferDone = 0;
  /** Queues the task is in. */
  queues: WaitQueue[] = [];
  /** Cycles at which the wait ends; infinite for never. */
  deadline = Number.POSITIVE_INFINITY;
  /** Timers the deadline is entered in. */
  timers: Timers | undefined;

  blocked: SignalSet;
  /** Of what it blocks, the signals that sigtimedwait(2) waits for. */
  awaited: SignalSet = 0n;
  /** Mask to return to after the handler that ends sigsuspend, pselect and ppoll. */
  savedMask: SignalSet | undefined;
  readonly pending: PendingSignals;
  alternateStack = { address: 0, size: 0, flags: 2 };

  /** set_mempolicy(2), ioprio_set(2), personality(2), PR_SET_TIMERSLACK. */
  memoryPolicy: MemoryPolicy = NO_POLICY;
  ioPriority = { value: 0 };
  personality = 0;
  login: Login = NOBODY_LOGGED_IN;
  timerSlack = DEFAULT_TIMER_SLACK;
  defaultTimerSlack = DEFAULT_TIMER_SLACK;
  /** What semop(2) with SEM_UNDO is undone by at the end. */
  semaphoreUndo: SemaphoreUndo = { users: 1, isMade: false, adjustments: new Map() };
  /** seccomp(2). */
  seccomp: Seccomp = NO_SECCOMP;
  /** keyrings(7). */
  keyrings: TaskKeyrings = NO_KEYRINGS;
  /** Debug registers a tracer has set. */
  debug: DebugRegisters | undefined;
  /** rseq(2); address 0 when there is none. */
  rseq = { address: 0, length: 0, signature: 0 };

  /** set_tid_address(2): cleared and woken at exit. */
  clearTid = 0;
  robustList = { head: 0, length: 0 };
  exitCode = 0;
  /** Signal to get when the parent ends (prctl(2) PR_SET_PDEATHSIG); 0 for none. */
  parentDeathSignal = 0;
  /** The parent that waits in vfork(2). */
  vforkParent: Task | undefined;

  /** Cycles used in user mode and in the kernel. */
  userCycles = 0;
  systemCycles = 0;
  readonly usage = noUsage();
  /** Position in the run queue: cycles used, scaled by weight. */
  virtualTime = 0;
  nice = 0;
  policy: Policy = 'other';
  /** Of real-time policies; 0 otherwise. */
  priority = 0;
  /** SCHED_RESET_ON_FORK: children start with the default policy. */
  resetsOnFork = false;
  /** Cycles used of a turn of SCHED_RR. */
  turnUsed = 0;
  /** Cycles used under a real-time policy without a wait (RLIMIT_RTTIME). */
  realtimeCycles = 0;

  readonly #onWake: (task: Task) => void;

  constructor(options: {
    pid: Pid;
    namespaces: Namespaces;
    group: ThreadGroup;
    context: Context;
    files: FdTable;
    directories: DirectoryContext;
    credentials: Credentials;
    blocked: SignalSet;
    pending: PendingSignals;
    onWake: (task: Task) => void;
  }) {
    this.pid = options.pid;
    this.namespaces = holdNamespaces(options.namespaces);
    this.group = options.group;
    this.context = options.context;
    this.files = options.files;
    this.directories = options.directories;
    this.credentials = options.credentials;
    this.blocked = options.blocked;
    this.pending = options.pending;
    this.#onWake = options.onWake;
  }

  /** What wait(2) selects a traced task by. */
  get asChild(): Pick<ThreadGroup, 'pid' | 'processGroup'> {
    return { pid: this.pid, processGroup: this.group.processGroup };
  }

  /** The thread ID as the task itself sees it. */
  get tid(): number {
    return this.pid.in(this.namespaces.pid);
  }

  /** Moves to other namespaces. */
  enterNamespaces(next: Namespaces): void {
    const old = this.namespaces;
    this.namespaces = holdNamespaces(next);
    releaseNamespaces(old);
  }

  /** Its share among the tasks of its group, in the scheduler's unit. */
  get weight(): number {
    return this.policy === 'idle' ? IDLE_WEIGHT : niceWeight(this.nice);
  }

  /** Goes to sleep in the queues until one is woken or the deadline comes. */
  sleep(queues: readonly WaitQueue[], timers: Timers, deadline = Number.POSITIVE_INFINITY): void {
    this.state = 'sleeping';
    this.queues = [...queues];
    for (const queue of queues) queue.add(this);
    this.deadline = deadline;
    if (deadline === Number.POSITIVE_INFINITY) return;
    this.timers = timers;
    timers.start(this);
  }

  /** The deadline has come. */
  expire(): void {
    this.timers = undefined;
    this.wake();
  }

  /** Something the task waited for may have happened. */
  wake(): void {
    if (this.state !== 'sleeping') return;
    this.leaveQueues();
    if (this.stopRequested) {
      this.stopRequested = false;
      this.state = 'stopped';
      return;
    }
    this.state = 'running';
    this.#onWake(this);
  }

  /** A stop signal: nothing runs until resume(). */
  stop(): void {
    if (this.state === 'running') this.state = 'stopped';
    else this.stopRequested = true;
  }

  /** SIGCONT. */
  resume(): void {
    this.stopRequested = false;
    if (this.state !== 'stopped') return;
    this.state = 'running';
    this.#onWake(this);
  }

  /** Its tracer lets it go on. */
  leaveTraceStop(): void {
    if (this.state !== 'traced') return;
    this.state = 'running';
    this.#onWake(this);
  }

  /** What kept the task from the processor may be over. */
  reconsider(): void {
    if (this.state === 'running') this.#onWake(this);
  }

  leaveQueues(): void {
    for (const queue of this.queues) queue.delete(this);
    this.queues = [];
    this.timers?.stop(this);
    this.timers = undefined;
  }
}
