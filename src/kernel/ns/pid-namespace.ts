// Process IDs and the namespaces that give them out (pid_namespaces(7), credentials(7)).
import { fail } from '../error.ts';
import { levelBelow, Namespace } from './namespace.ts';
import type { UserNamespace } from './user-namespace.ts';
import type { Task } from '../task/task.ts';
import type { ThreadGroup } from '../task/thread-group.ts';

/** Highest number given out before numbers are used again (/proc/sys/kernel/pid_max). */
const HIGHEST = 32768;
/** Where numbers begin again: low ones belong to what was started first. */
const RESERVED = 300;

/** A number space for tasks. The first task in it adopts orphans, and all others end with it. */
export class PidNamespace extends Namespace {
  readonly kind = 'pid';
  readonly owner: UserNamespace;
  readonly parent: PidNamespace | undefined;
  /** Number of namespaces above. */
  readonly level: number;
  readonly tasks = new Map<number, Task>();
  readonly groups = new Map<number, ThreadGroup>();
  /** Numbers of groups and sessions whose leader is gone stay taken. */
  readonly #taken = new Map<number, number>();
  #last = 0;
  /** Process 1 has ended: nobody can be made here any more. */
  isOver = false;

  /** @throws SystemError ENOSPC when nested too deep */
  constructor(number: number, owner: UserNamespace, parent?: PidNamespace) {
    super(number);
    this.owner = owner;
    this.parent = parent;
    this.level = parent === undefined ? 0 : levelBelow(parent.level);
  }

  override get above(): PidNamespace | undefined {
    return this.parent;
  }

  /** True for the namespace itself and for those below it. */
  contains(other: PidNamespace): boolean {
    for (let ns: PidNamespace | undefined = other; ns !== undefined; ns = ns.parent) if (ns === this) return true;
    return false;
  }

  /** The number given out last. */
  get last(): number {
    return this.#last;
  }

  /** Process 1; undefined before it was made and after it has ended. */
  get init(): ThreadGroup | undefined {
    return this.groups.get(1);
  }

  /** Who adopts orphans and whose end is the end of all others: process 1, but not in the outermost namespace. */
  get reaper(): ThreadGroup | undefined {
    return this.parent === undefined ? undefined : this.init;
  }

  /** A free number. @throws SystemError EAGAIN when there is none */
  allocate(): number {
    for (let tries = 0; tries < HIGHEST; tries++) {
      this.#last = this.#last >= HIGHEST ? RESERVED : this.#last + 1;
      if (this.#taken.has(this.#last)) continue;
      this.holdNumber(this.#last);
      return this.#last;
    }
    return fail('EAGAIN');
  }

  /** A number that was asked for. @throws SystemError EINVAL for none, and before there is process 1; EEXIST */
  allocateAt(number: number): number {
    if (number < 1 || number >= HIGHEST || (number !== 1 && this.parent !== undefined && this.init === undefined))
      fail('EINVAL');
    if (this.#taken.has(number)) fail('EEXIST');
    this.holdNumber(number);
    return number;
  }

  /** One more user of a number: a task, a process group or a session. */
  holdNumber(number: number): void {
    this.#taken.set(number, (this.#taken.get(number) ?? 0) + 1);
  }

  releaseNumber(number: number): void {
    const users = this.#taken.get(number)! - 1;
    if (users > 0) this.#taken.set(number, users);
    else this.#taken.delete(number);
  }
}

/** The numbers of one task, group or session: one in its own namespace and in each above. */
export class Pid {
  /** The innermost namespace it has a number in. */
  readonly namespace: PidNamespace;
  readonly #numbers: ReadonlyMap<PidNamespace, number>;

  private constructor(namespace: PidNamespace, numbers: ReadonlyMap<PidNamespace, number>) {
    this.namespace = namespace;
    this.#numbers = numbers;
  }

  /**
   * New numbers in a namespace and in all above; the innermost ones may be asked for.
   * @throws SystemError EAGAIN; ENOMEM where process 1 has ended; EINVAL, EEXIST for numbers that cannot be had
   */
  static allocate(namespace: PidNamespace, wanted: readonly number[] = []): Pid {
    if (namespace.isOver) fail('ENOMEM');
    if (wanted.length > namespace.level + 1) fail('EINVAL');
    const numbers = new Map<PidNamespace, number>();
    try {
      for (let ns: PidNamespace | undefined = namespace; ns !== undefined; ns = ns.parent) {
        const number = wanted[numbers.size];
        numbers.set(ns, number === undefined ? ns.allocate() : ns.allocateAt(number));
      }
    } catch (failure) {
      for (const [ns, number] of numbers) ns.releaseNumber(number);
      throw failure;
    }
    return new Pid(namespace, numbers);
  }

  /** The number as seen from a namespace; 0 where it cannot be seen. */
  in(namespace: PidNamespace): number {
    return this.#numbers.get(namespace) ?? 0;
  }

  /** The namespaces it has a number in, innermost first. */
  get namespaces(): Iterable<PidNamespace> {
    return this.#numbers.keys();
  }

  /** The number in the outermost namespace: what the kernel itself prints. */
  get outermost(): number {
    return [...this.#numbers.values()].at(-1)!;
  }

  hold(): Pid {
    for (const [namespace, number] of this.#numbers) namespace.holdNumber(number);
    return this;
  }

  release(): void {
    for (const [namespace, number] of this.#numbers) namespace.releaseNumber(number);
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
