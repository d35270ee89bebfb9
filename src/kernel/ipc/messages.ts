// System V message queues (msgop(2), msgctl(2)).
import type { KernelObject } from '../cgroup/kernel-object.ts';
import type { HeldObject } from '../mm/frames.ts';
import type { IpcNamespace, IpcTable } from '../ns/ipc-namespace.ts';
import type { Pid } from '../ns/pid-namespace.ts';
import type { Call } from '../syscalls/call.ts';
import { WaitQueue } from '../task/wait-queue.ts';
import { IPC_OBJECT_BYTES, IpcObject, IpcObjects } from './objects.ts';

/** Queues, bytes of a queue, bytes of a message (proc(5) /proc/sys/kernel/msg*). */

/** A message. */
export interface Message {
  readonly type: number;
  readonly bytes: Uint8Array;
}

/** A queue. */
export class MessageQueue extends IpcObject {
  messages: Message[] = [];
  readonly queue = new WaitQueue();
  readonly #held: HeldObject;
  /** Memory of the messages. */
  readonly #stored: KernelObject;
  most: number;
  sent = 0;
  received = 0;
  sender: Pid | undefined;
  receiver: Pid | undefined;

  constructor(call: Call, key: number, mode: number) {
    super(call, key, mode);
    this.most = call.task.namespaces.ipc.controls.mostQueue;
    this.#held = call.kernel.memory.object(IPC_OBJECT_BYTES);
    this.#stored = call.kernel.memory.store();
  }

  get size(): number {
    return this.#stored.bytes;
  }

  removed(): void {
    this.#held.free();
    this.#stored.clear();
    this.queue.wake();
  }

  /** @throws OutOfFrames */
  put(message: Message): void {
    this.#stored.add(message.bytes.length, 1);
    this.messages.push(message);
    this.queue.wake();
  }

  /** Takes away the message of an index. */
  remove(index: number): void {
    const [message] = this.messages.splice(index, 1);
    this.#stored.add(-message!.bytes.length, -1);
    this.queue.wake();
  }

  hasRoom(length: number): boolean {
    return this.size + length <= this.most && this.messages.length + 1 <= this.most;
  }

  /** Index of the message a receiver wants: 0 the first, a type, or the lowest type up to one; -1 for none. */
  find(type: number, isExcept: boolean): number {
    if (type === 0) return this.messages.length === 0 ? -1 : 0;
    if (type > 0) return this.messages.findIndex((message) => (message.type === type) !== isExcept);
    let best = -1;
    this.messages.forEach((message, n) => {
      if (message.type <= -type && (best < 0 || message.type < this.messages[best]!.type)) best = n;
    });
    return best;
  }
}

/** The queues of a namespace. */
export class MessageQueues extends IpcObjects<MessageQueue> implements IpcTable {
  constructor({ controls }: IpcNamespace) {
    super(controls, 'nextQueue');
  }

  protected override get most(): number {
    return this.controls.queues;
  }

  ended(): void {
    for (const queue of [...this]) this.remove(queue);
  }
}
