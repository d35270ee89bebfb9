// Process IDs and the namespaces that give them out (pid_namespaces(7), credentials(7)).
import { fail } from '../error.ts';
import type { Task } from '../task/task.ts';
import type { ThreadGroup } from '../task/thread-group.ts';

/** Highest number given out before numbers are used again (/proc/sys/kernel/pid_max). */
const HIGHEST = 32768;
/** Where numbers begin again: low ones belong to what was started first. */
const RESERVED = 300;

/** A number space for tasks. The first task in it adopts orphans, and all others end with it. */
export class PidNamespace {
  readonly parent: PidNamespace | undefined;
  /** Number of namespaces above. */
  readonly level: number;
  readonly tasks = new Map<number, Task>();
  readonly groups = new Map<number, ThreadGroup>();
  /** Numbers of groups and sessions whose leader is gone stay taken. */
  readonly #taken = new Map<number, number>();
  #last = 0;

  constructor(parent?: PidNamespace) {
    this.parent = parent;
    this.level = parent === undefined ? 0 : parent.level + 1;
  }

  /** The number given out last. */
  get last(): number {
    return this.#last;
  }

  /** Process 1; undefined before it was made and after it has ended. */
  get init(): ThreadGroup | undefined {
    return this.groups.get(1);
  }

  /** A free number. @throws SystemError EAGAIN when there is none */
  allocate(): number {
    for (let tries = 0; tries < HIGHEST; tries++) {
      this.#last = this.#last >= HIGHEST ? RESERVED : this.#last + 1;
      if (this.#taken.has(this.#last)) continue;
      this.hold(this.#last);
      return this.#last;
    }
    return fail('EAGAIN');
  }

  /** One more user of a number: a task, a process group or a session. */
  hold(number: number): void {
    this.#taken.set(number, (this.#taken.get(number) ?? 0) + 1);
  }

  release(number: number): void {
    const users = this.#taken.get(number)! - 1;
    if (users > 0) this.#taken.set(number, users);
    else this.#taken.delete(number);
  }
}

/** The numbers of one task, group or session: one in its own namespace and in each above. */
export class Pid {
  readonly #numbers: ReadonlyMap<PidNamespace, number>;

  private constructor(numbers: ReadonlyMap<PidNamespace, number>) {
    this.#numbers = numbers;
  }

  /** New numbers in a namespace and in all above. @throws SystemError EAGAIN */
  static allocate(namespace: PidNamespace): Pid {
    const numbers = new Map<PidNamespace, number>();
    for (let ns: PidNamespace | undefined = namespace; ns !== undefined; ns = ns.parent) numbers.set(ns, ns.allocate());
    return new Pid(numbers);
  }

  /** The number as seen from a namespace; 0 where it cannot be seen. */
  in(namespace: PidNamespace): number {
    return this.#numbers.get(namespace) ?? 0;
  }

  /** The number in the outermost namespace: what the kernel itself prints. */
  get outermost(): number {
    return [...this.#numbers.values()].at(-1)!;
  }

  hold(): Pid {
    for (const [namespace, number] of this.#numbers) namespace.hold(number);
    return this;
  }

  release(): void {
    for (const [namespace, number] of this.#numbers) namespace.release(number);
  }

  /** Enters a task, and its thread group if it leads one, in all its namespaces. */
  enter(task: Task, group: ThreadGroup | undefined): void {
    for (const [namespace, number] of this.#numbers) {
      namespace.tasks.set(number, task);
      if (group !== undefined) namespace.groups.set(number, group);
    }
  }

  leaveTask(): void {
    for (const [namespace, number] of this.#numbers) namespace.tasks.delete(number);
  }

  leaveGroup(): void {
    for (const [namespace, number] of this.#numbers) namespace.groups.delete(number);
  }
}
