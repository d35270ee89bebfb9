// Changes of what a file tells: who polls an open one hears that there is something new to read (poll(2) POLLPRI).
import { WaitQueue } from '../task/wait-queue.ts';

/** How often something has changed, and who waits for that. */
export class Changes {
  count = 0;
  readonly queue = new WaitQueue();

  /** It has changed: whoever polls hears of it. */
  notify(): void {
    this.count++;
    this.queue.wake();
  }
}
