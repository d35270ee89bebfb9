// Where tasks wait for something to happen. A waiting task is plain data: it tries its system call again when it is woken.
import type { Task } from './task.ts';

/** What hears of it besides tasks: epoll instances. */
export interface QueueListener {
  /** One that took it keeps others that are exclusive from hearing of it. */
  readonly isExclusive: boolean;
  /** What became possible, as POLL* bits; true when somebody waited for it. */
  notify(events: number): boolean;
}

const ALL_EVENTS = 0xffff;

/** Tasks that want to hear of one thing. Most things have nobody who waits: sets are made for the first one. */
export class WaitQueue {
  #tasks: Set<Task> | undefined;
  #listeners: Set<QueueListener> | undefined;

  /** Somebody waits here. */
  get hasTasks(): boolean {
    return this.#tasks !== undefined && this.#tasks.size > 0;
  }

  add(task: Task): void {
    this.#tasks ??= new Set();
    this.#tasks.add(task);
  }

  delete(task: Task): void {
    this.#tasks?.delete(task);
  }

  listen(listener: QueueListener): void {
    this.#listeners ??= new Set();
    this.#listeners.add(listener);
  }

  unlisten(listener: QueueListener): void {
    this.#listeners?.delete(listener);
  }

  /** Everybody in the queue tries again; listeners are told of `events`. */
  wake(events = ALL_EVENTS): void {
    // who is woken leaves the queue
    if (this.hasTasks) for (const task of [...this.#tasks!]) task.wake();
    if (this.#listeners === undefined) return;
    let isTaken = false;
    for (const listener of this.#listeners)
      if (!(listener.isExclusive && isTaken)) isTaken = (listener.notify(events) && listener.isExclusive) || isTaken;
  }
}
