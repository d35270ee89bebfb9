// The loop of the kernel: tasks get the processor in turns, their programs run until they need the kernel, and time passes when
// nobody wants to run.
import { SIGNAL } from '../abi/signal.ts';
import { SystemError } from './error.ts';
import type { Kernel } from './kernel.ts';
import { OutOfFrames } from './mm/frames.ts';
import type { Moment, Platform, Stop } from './platform.ts';
import { deliverSignals, sendFaultSignal } from './signal/delivery.ts';
import { isKilled } from './signal/signal-set.ts';
import { continueCall, startCall } from './syscalls/dispatch.ts';
import { endProcess } from './task/exit.ts';
import { checkProcessorLimits } from './task/processor-limits.ts';
import { abortSequence } from './task/restartable.ts';
import type { Task } from './task/task.ts';
import { enterStop } from './trace/tracing.ts';

/** Modelled operations of the kernel's entry and exit code. */
const ENTRY_OPERATIONS = 20;

/** Why `run` returned. */
export type KernelStop =
  /** The last task has ended. */
  | { readonly reason: 'ended' }
  /** All tasks wait, for something from outside or for timers (`stopWhenIdle`). */
  | { readonly reason: 'idle' }
  | { readonly reason: 'limit' };

/** How far `run` goes. */
export interface RunLimits {
  readonly cycles?: number;
  readonly pause?: Moment;
  /**
   * Returns as soon as nobody wants the processor, `now`, or only if no timer can change that either, `for-good`; else time
   * passes up to `cycles`.
   */
  readonly stopWhenIdle?: 'now' | 'for-good';
}

/** The time a task has the processor for. */
interface Turn {
  readonly task: Task;
  readonly start: number;
  readonly userBefore: number;
  until: number;
  /** Cycle at which its program went on; undefined while the kernel is at work. */
  entered: number | undefined;
}

/** Who has the processor. */
export class RunLoop {
  readonly #kernel: Kernel;
  #turn: Turn | undefined;
  /** The task that had the processor last and still wanted it. */
  #preempted: Task | undefined;

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  get #platform(): Platform {
    return this.#kernel.platform;
  }

  /**
   * Runs tasks until all have ended, nothing can happen any more, or a limit is reached. At `cycles` the task that runs is
   * interrupted; at `pause` nothing inside notices: before anything else than `run` touches the kernel, `settle` has to.
   */
  run(limits: RunLimits): KernelStop {
    const end = limits.cycles ?? Number.POSITIVE_INFINITY;
    const { pause, stopWhenIdle } = limits;
    const { timers, pids, runQueue } = this.#kernel;
    if (this.#turn !== undefined) this.#continueTurn(this.#turn, pause);
    for (;;) {
      if (this.#turn !== undefined) return { reason: 'limit' };
      timers.runDue(this.#platform.cycles);
      const hasEnded = pids.tasks.size === 0;
      if (hasEnded || (pause !== undefined && this.#isReached(pause))) {
        // as it is when nobody is found who could go on: a replay that pauses here has the same state
        runQueue.prune();
        return { reason: hasEnded ? 'ended' : 'limit' };
      }
      if (this.#platform.cycles >= end) return { reason: 'limit' };
      const task = runQueue.next();
      if (task !== undefined) this.#runTask(task, end, pause);
      else {
        const timer = timers.next;
        if (stopWhenIdle && (stopWhenIdle === 'now' || timer === Number.POSITIVE_INFINITY)) return { reason: 'idle' };
        const next = Math.min(timer, end, pause?.cycles ?? end);
        if (next === Number.POSITIVE_INFINITY) return { reason: 'idle' };
        this.#passTo(next);
      }
    }
  }

  /** Time passes, and nobody wants the processor. */
  #passTo(cycles: number): void {
    const before = this.#platform.cycles;
    this.#platform.skipTo(cycles);
    this.#kernel.processorTime.idle += this.#platform.cycles - before;
  }

  #isReached({ cycles, instructions }: Moment): boolean {
    return (
      this.#platform.cycles >= (cycles ?? Number.POSITIVE_INFINITY) ||
      this.#platform.instructions >= (instructions ?? Number.POSITIVE_INFINITY)
    );
  }

  /** Takes the processor from a task that is paused, as an interrupt does; then the kernel may be changed from outside. */
  settle(): void {
    if (this.#turn === undefined) return;
    this.#turn.until = this.#platform.cycles;
    this.#continueTurn(this.#turn, undefined);
  }

  /** Gives a task the processor until it waits, ends or its slice is over. */
  #runTask(task: Task, end: number, pause: Moment | undefined): void {
    const { runQueue, timers } = this.#kernel;
    this.#kernel.current = task;
    if (this.#preempted !== task) this.#countPreemption();
    const start = this.#platform.cycles;
    const until = Math.min(runQueue.until, timers.next, end, start + task.group.cpuTimers.left(task));
    this.#turn = { task, start, until, userBefore: task.userCycles, entered: undefined };
    this.#continueTurn(this.#turn, pause);
  }

  #countPreemption(): void {
    if (this.#preempted !== undefined) this.#preempted.usage.preemptions++;
    this.#preempted = undefined;
  }

  #continueTurn(turn: Turn, pause: Moment | undefined): void {
    const { task } = turn;
    for (;;) {
      const stop = this.#runProgram(turn, pause);
      if (stop === 'none') break;
      if (stop === 'paused') return;
      this.#handle(task, stop);
      if (task.bytesAboveHigh > 0 || task.transferDone > 0) this.#slowDown(task);
      if (stop.kind === 'time' || this.#kernel.runQueue.mustLeave) break;
    }
    this.#turn = undefined;
    this.#endTurn(turn);
  }

  /** Lets the task's program run until it needs the kernel; what was to be done before it may keep it from that. */
  #runProgram(turn: Turn, pause: Moment | undefined): Stop | 'none' | 'paused' {
    const { task, until } = turn;
    const kernel = this.#kernel;
    const isResumed = turn.entered !== undefined;
    if (!isResumed) {
      if (enterStop(kernel, task)) return 'none';
      if (task.call !== undefined) continueCall(kernel, task);
      if (task.state !== 'running' || enterStop(kernel, task)) return 'none';
      deliverSignals(kernel, task);
      if (task.state === 'running' && enterStop(kernel, task)) return 'none';
      if (task.state !== 'running' || task.isFrozen || this.#platform.cycles >= until) return 'none';
      turn.entered = this.#platform.cycles;
    }
    const stop = isResumed
      ? this.#platform.resume(task.context, until, pause)
      : this.#platform.run(task.context, task.memory!.table, until, pause);
    if (stop === undefined) return 'paused';
    task.userCycles += this.#platform.cycles - turn.entered!;
    turn.entered = undefined;
    return stop;
  }

  /** The task has had the processor. */
  #endTurn({ task, start, userBefore }: Turn): void {
    const { runQueue, cgroups, processorTime } = this.#kernel;
    const used = this.#platform.cycles - start;
    const inUser = task.userCycles - userBefore;
    runQueue.leave(task, used);
    if (task.state === 'running') this.#preempted = task;
    else task.usage.waits++;
    cgroups.account(task, inUser, used);
    processorTime.user += inUser;
    processorTime.system += used - inUser;
    processorTime.turns++;
    checkProcessorLimits(this.#kernel, task, used);
    task.group.cpuTimers.runDue();
    this.#kernel.current = undefined;
    if (task.isFrozen) cgroups.stopped(task);
  }

  /** The control group uses more than memory.high, or has to keep a limit of io.max: the task waits before it goes on. */
  #slowDown(task: Task): void {
    const { cycles } = this.#platform;
    const until = Math.max(cycles + this.#kernel.memory.waitAboveHigh(task), task.transferDone);
    task.transferDone = 0;
    if (until > cycles && task.state === 'running') task.sleep([], this.#kernel.timers, until);
  }

  #handle(task: Task, stop: Stop): void {
    const before = this.#platform.cycles;
    this.#platform.charge(0, ENTRY_OPERATIONS);
    task.lastNumber = -1;
    switch (stop.kind) {
      case 'system-call':
        startCall(this.#kernel, task, stop.gate);
        break;
      case 'page-fault':
        this.#pageFault(task, stop.address, stop.error);
        break;
      case 'exception':
        sendFaultSignal(this.#kernel, task, stop.vector, stop.error, undefined, stop.debug);
        break;
      case 'time':
        abortSequence(this.#kernel, task);
        break;
    }
    task.systemCycles += this.#platform.cycles - before;
  }

  #pageFault(task: Task, address: number, error: number): void {
    try {
      const outcome = this.#kernel.memory.fault(task, address, error);
      if (outcome !== 'resolved') sendFaultSignal(this.#kernel, task, 14, error, { address, outcome });
    } catch (failure) {
      if (failure instanceof SystemError) {
        // the file has the page no more, or no room for it
        sendFaultSignal(this.#kernel, task, 14, error, { address, outcome: 'beyond-file' });
        return;
      }
      if (!(failure instanceof OutOfFrames)) throw failure;
      if (!isKilled(task))
        endProcess(this.#kernel, task.group, { kind: 'killed', signal: SIGNAL.SIGKILL, core: false });
    }
  }
}
