// Where tasks wait for something to happen. A waiting task is plain data: it tries its system call again when it is woken.
import type { Task } from './task.ts';

/** Tasks that want to hear of one thing. */
export class WaitQueue {
  readonly tasks = new Set<Task>();
  /** Things that hear of it besides tasks: epoll instances. */
  readonly listeners = new Set<{ notify(): void }>();

  /** Everybody in the queue tries again. */
  wake(): void {
    if (this.tasks.size > 0) {
      const woken = [...this.tasks];
      for (const task of woken) task.wake();
    }
    for (const listener of this.listeners) listener.notify();
  }
}
