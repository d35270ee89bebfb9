// Sets of System V semaphores (semop(2), semctl(2)).
import { fail } from '../error.ts';
import type { IpcTable } from '../ns/ipc-namespace.ts';
import type { Pid } from '../ns/pid-namespace.ts';
import type { Call } from '../syscalls/call.ts';
import type { Task } from '../task/task.ts';
import { WaitQueue } from '../task/wait-queue.ts';
import { IPC_NOWAIT, IpcObject, IpcObjects } from './objects.ts';

/** Sets, semaphores of a set, operations of a call, highest value (proc(5) /proc/sys/kernel/sem). */
export const SEMMNI = 32000;
export const SEMMSL = 32000;
export const SEMOPM = 500;
export const SEMVMX = 32767;
const SEM_UNDO = 0o10000;

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
  readonly queue = new WaitQueue();
  /** Tasks that wait, and for what: more, or zero. */
  readonly waiting = new Map<Task, { readonly number: number; readonly forZero: boolean }>();
  operated = 0;

  constructor(call: Call, key: number, mode: number, count: number) {
    super(call, key, mode);
    this.semaphores = Array.from({ length: count }, () => ({ value: 0, pid: undefined }));
  }

  removed(): void {
    this.queue.wake();
  }

  /** Does all operations or none: the one that has to wait is returned. @throws SystemError */
  operate(operations: readonly SemaphoreOperation[], task: Task): SemaphoreOperation | undefined {
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
      if (flags & SEM_UNDO && change !== 0) remember(task, this, number, -change);
    }
    this.queue.wake();
    return undefined;
  }
}

/** What a process's end undoes: adjustments by set. Shared by tasks cloned with CLONE_SYSVSEM. */
export interface SemaphoreUndo {
  users: number;
  readonly adjustments: Map<SemaphoreSet, number[]>;
}

function remember(task: Task, set: SemaphoreSet, number: number, change: number): void {
  const { adjustments: all } = task.semaphoreUndo;
  let adjustments = all.get(set);
  if (adjustments === undefined) {
    adjustments = set.semaphores.map(() => 0);
    all.set(set, adjustments);
  }
  adjustments[number]! += change;
}

/** A task has ended: the last one with these adjustments applies them. */
export function undoSemaphores(task: Task): void {
  const { semaphoreUndo: undo } = task;
  if (--undo.users > 0) return;
  for (const [set, adjustments] of undo.adjustments) {
    if (set.isRemoved) continue;
    adjustments.forEach((change, n) => {
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
  protected override get most(): number {
    return SEMMNI;
  }

  ended(): void {
    for (const set of [...this]) this.remove(set);
  }
}
