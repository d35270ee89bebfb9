// Sets of System V semaphores (semop(2), semctl(2)).
import { fail } from '../error.ts';
import type { IpcNamespace, IpcTable } from '../ns/ipc-namespace.ts';
import type { MemoryController } from '../cgroup/memory.ts';
import type { HeldObject } from '../mm/frames.ts';
import type { Pid } from '../ns/pid-namespace.ts';
import type { Call } from '../syscalls/call.ts';
import type { Task } from '../task/task.ts';
import { WaitQueue } from '../task/wait-queue.ts';
import { IPC_NOWAIT, IPC_OBJECT_BYTES, IpcObject, IpcObjects } from './objects.ts';

/** Sets, semaphores of a set, operations of a call, highest value (proc(5) /proc/sys/kernel/sem). */
export const SEMMNI = 32000;
export const SEMMSL = 32000;
export const SEMOPM = 500;
export const SEMVMX = 32767;
const SEM_UNDO = 0o10000;
/** Memory of a semaphore, and of what a process's end undoes for one, about. */
const SEMAPHORE_BYTES = 64;
const ADJUSTMENT_BYTES = 8;

/** One semaphore. */
export interface Semaphore {
  value: number;
  /** Who changed it last. */
  pid: Pid | undefined;
}

/** struct sembuf. */
export interface SemaphoreOperation {
  readonly number: number;
  readonly change: number;
  readonly flags: number;
}

/** A set. */
export class SemaphoreSet extends IpcObject {
  readonly semaphores: Semaphore[];
  readonly #memory: MemoryController;
  readonly #held: HeldObject;
  readonly queue = new WaitQueue();
  /** Tasks that wait, and for what: more, or zero. */
  readonly waiting = new Map<Task, { readonly number: number; readonly forZero: boolean }>();
  operated = 0;

  constructor(call: Call, key: number, mode: number, count: number) {
    super(call, key, mode);
    this.#memory = call.kernel.memory;
    this.#held = this.#memory.object(IPC_OBJECT_BYTES + count * SEMAPHORE_BYTES);
    this.semaphores = Array.from({ length: count }, () => ({ value: 0, pid: undefined }));
  }

  removed(): void {
    this.#held.free();
    this.queue.wake();
  }

  /** Adjustments of a process that has none yet. @throws OutOfFrames */
  newAdjustments(): Adjustments {
    const held = this.#memory.object(this.semaphores.length * ADJUSTMENT_BYTES);
    return { values: this.semaphores.map(() => 0), held };
  }

  /** Does all operations or none: the one that has to wait is returned. @throws SystemError */
  operate(operations: readonly SemaphoreOperation[], task: Task): SemaphoreOperation | undefined {
    const undone = operations.some(({ flags, change }) => flags & SEM_UNDO && change !== 0);
    const adjustments = undone ? adjustmentsOf(task, this) : undefined;
    const before = this.semaphores.map(({ value }) => value);
    for (const operation of operations) {
      const semaphore = this.semaphores[operation.number]!;
      const next = semaphore.value + operation.change;
      const waits = operation.change === 0 ? semaphore.value !== 0 : next < 0;
      if (waits || next > SEMVMX) {
        this.semaphores.forEach((each, n) => {
          each.value = before[n]!;
        });
        if (!waits) fail('ERANGE');
        return operation.flags & IPC_NOWAIT ? fail('EAGAIN') : operation;
      }
      semaphore.value = next;
    }
    for (const { number, change, flags } of operations) {
      this.semaphores[number]!.pid = task.group.pid;
      if (adjustments !== undefined && flags & SEM_UNDO) adjustments[number]! -= change;
    }
    this.queue.wake();
    return undefined;
  }
}

/** What a process's end undoes: adjustments by set. Shared by tasks cloned with CLONE_SYSVSEM. */
export interface SemaphoreUndo {
  users: number;
  /** It was needed, or shared: before that there is none to be compared (kcmp(2)). */
  isMade: boolean;
  readonly adjustments: Map<SemaphoreSet, Adjustments>;
}

/** One for each semaphore of a set. */
interface Adjustments {
  readonly values: number[];
  readonly held: HeldObject;
}

/** The adjustments of a task's process for a set. @throws OutOfFrames */
function adjustmentsOf(task: Task, set: SemaphoreSet): number[] {
  const { adjustments: all } = task.semaphoreUndo;
  task.semaphoreUndo.isMade = true;
  let adjustments = all.get(set);
  if (adjustments === undefined) {
    adjustments = set.newAdjustments();
    all.set(set, adjustments);
  }
  return adjustments.values;
}

/** A task has ended: the last one with these adjustments applies them. */
export function undoSemaphores(task: Task): void {
  const { semaphoreUndo: undo } = task;
  if (--undo.users > 0) return;
  for (const [set, { values, held }] of undo.adjustments) {
    held.free();
    if (set.isRemoved) continue;
    values.forEach((change, n) => {
      if (change === 0) return;
      const semaphore = set.semaphores[n]!;
      semaphore.value = Math.min(SEMVMX, Math.max(0, semaphore.value + change));
      semaphore.pid = task.group.pid;
    });
    set.queue.wake();
  }
  undo.adjustments.clear();
}

/** The sets of a namespace. */
export class SemaphoreSets extends IpcObjects<SemaphoreSet> implements IpcTable {
  constructor({ controls }: IpcNamespace) {
    super(controls, 'nextSet');
  }

  protected override get most(): number {
    return SEMMNI;
  }

  ended(): void {
    for (const set of [...this]) this.remove(set);
  }
}
