// POSIX message queues (mq_overview(7)): by name in an IPC namespace, each open as a file.
import { S_IFREG } from '../../abi/stat.ts';
import { SI_MESGQ } from '../../abi/signal.ts';
import type { KernelObject } from '../cgroup/kernel-object.ts';
import type { Kernel } from '../kernel.ts';
import type { NetlinkSocket } from '../net/netlink.ts';
import type { IpcTable } from '../ns/ipc-namespace.ts';
import { sendSignalToGroup } from '../signal/send.ts';
import type { ThreadGroup } from '../task/thread-group.ts';
import { WaitQueue } from '../task/wait-queue.ts';
import { FileDescription, hold, POLLIN, POLLOUT, POLLRDNORM, POLLWRNORM, release } from '../vfs/file.ts';
import type { Inode } from '../vfs/inode.ts';

/** Queues of a namespace, and the attributes of a queue nobody asked others for (mq_overview(7) "/proc interfaces"). */
export const QUEUES_MAX = 256;
export const DEFAULT_MESSAGES = 10;
export const DEFAULT_SIZE = 8192;
/** What the privileged may have. */
export const HARD_MESSAGES = 65536;
export const HARD_SIZE = 16_777_216;

/** What a queue counts for in RLIMIT_MSGQUEUE: its messages, and what Linux keeps beside each (getrlimit(2)). */
export function queueBytes(messages: number, bytes: number): number {
  return messages * (bytes + MESSAGE_BYTES) + Math.min(messages, MOST_PRIORITY) * PRIORITY_BYTES;
}

export const MOST_PRIORITY = 32768;
const MESSAGE_BYTES = 48;
const PRIORITY_BYTES = 48;

/** A message. */
export interface PosixMessage {
  readonly priority: number;
  readonly bytes: Uint8Array;
}

/** Who is told of a message in an empty queue (mq_notify(3)); `signal` 0 for nobody, who only keeps others away. */
export interface QueueNotification {
  readonly group: ThreadGroup;
  readonly signal: number;
  readonly value: bigint;
  /** SIGEV_THREAD: the library starts the thread when it gets its cookie back by a netlink socket. */
  readonly thread?: { readonly socket: NetlinkSocket; readonly cookie: Uint8Array };
}

/** Bytes of such a cookie; the kernel says in the last one why it comes back. */
export const COOKIE_SIZE = 32;
const NOTIFY_WOKENUP = 1;
const NOTIFY_REMOVED = 2;

/** A queue. */
export class PosixQueue {
  readonly inode: Inode;
  readonly mostMessages: number;
  readonly mostBytes: number;
  readonly queue = new WaitQueue();
  messages: PosixMessage[] = [];
  /** Open files of it. */
  #users = 0;
  /** It has a name. */
  #isNamed = true;
  /** What it may hold is counted for its maker. */
  readonly #giveBack: () => void;
  /** Memory of the messages. */
  readonly #stored: KernelObject;
  /** Receivers that wait get a message before anybody is notified. */
  receivers = 0;
  #notification: QueueNotification | undefined;

  constructor(
    inode: Inode,
    mode: number,
    owner: { uid: number; gid: number },
    most: { messages: number; bytes: number },
    stored: KernelObject,
    giveBack: () => void,
  ) {
    this.#giveBack = giveBack;
    this.#stored = stored;
    this.inode = inode;
    inode.mode = S_IFREG | mode;
    inode.uid = owner.uid;
    inode.gid = owner.gid;
    this.mostMessages = most.messages;
    this.mostBytes = most.bytes;
  }

  get notification(): QueueNotification | undefined {
    return this.#notification;
  }

  /** Somebody is to be told; the caller has seen that nobody is yet. */
  tell(notification: QueueNotification): void {
    this.#notification = notification;
    if (notification.thread !== undefined) hold(notification.thread.socket);
  }

  /** A process does not want to be told any more. */
  forget(group: ThreadGroup): void {
    if (this.#notification?.group === group) this.#endNotification(NOTIFY_REMOVED);
  }

  #endNotification(why: number): void {
    const { thread } = this.#notification!;
    this.#notification = undefined;
    if (thread === undefined) return;
    thread.socket.deliver(thread.cookie.with(COOKIE_SIZE - 1, why));
    release(thread.socket);
  }

  /** One open file more, or one less. */
  opened(change: 1 | -1): void {
    this.#users += change;
    this.#endIfGone();
  }

  /** It was unlinked, or its namespace ended. */
  unnamed(): void {
    if (!this.#isNamed) return;
    this.#isNamed = false;
    this.#endIfGone();
  }

  #endIfGone(): void {
    if (this.#users > 0 || this.#isNamed) return;
    this.messages = [];
    this.#stored.clear();
    this.#giveBack();
  }

  get isFull(): boolean {
    return this.messages.length >= this.mostMessages;
  }

  /** Higher priorities first, in the order of arrival. @throws OutOfFrames */
  put(kernel: Kernel, message: PosixMessage, sender: { readonly group: ThreadGroup; readonly uid: number }): void {
    this.#stored.add(message.bytes.length, 1);
    const wasEmpty = this.messages.length === 0;
    const place = this.messages.findIndex(({ priority }) => priority < message.priority);
    this.messages.splice(place < 0 ? this.messages.length : place, 0, message);
    if (wasEmpty && this.receivers === 0) this.#notify(kernel, sender);
    this.queue.wake();
  }

  take(): PosixMessage | undefined {
    const message = this.messages.shift();
    if (message === undefined) return undefined;
    this.#stored.add(-message.bytes.length, -1);
    this.queue.wake();
    return message;
  }

  #notify(kernel: Kernel, sender: { readonly group: ThreadGroup; readonly uid: number }): void {
    if (this.#notification === undefined) return;
    const { group, signal, value } = this.#notification;
    this.#endNotification(NOTIFY_WOKENUP);
    if (signal !== 0)
      sendSignalToGroup(kernel, group, { signal, code: SI_MESGQ, pid: sender.group.pid, uid: sender.uid, value });
  }
}

/** The contents of a queue's file under /dev/mqueue. */
export function queueText({ messages, notification }: PosixQueue): string {
  const size = messages.reduce((sum, { bytes }) => sum + bytes.length, 0);
  const field = (name: string, value: number) => `${name}:${String(value).padEnd(5)} `;
  const text = `QSIZE:${String(size).padEnd(10)} ${field('NOTIFY', 0)}${field('SIGNO', notification?.signal ?? 0)}`;
  return `${text}NOTIFY_PID:${String(0).padEnd(6)}\n`;
}

/** An open queue. */
export class QueueFile extends FileDescription {
  readonly messages: PosixQueue;

  constructor(queue: PosixQueue, flags: number) {
    super(queue.inode, flags, queue.queue);
    this.messages = queue;
    queue.opened(1);
  }

  override poll(): number {
    const { messages, isFull } = this.messages;
    return (messages.length > 0 ? POLLIN | POLLRDNORM : 0) | (isFull ? 0 : POLLOUT | POLLWRNORM);
  }

  override closed(): void {
    this.messages.opened(-1);
  }

  override readAt(offset: number, into: Uint8Array): number {
    const part = new TextEncoder().encode(queueText(this.messages)).subarray(offset, offset + into.length);
    into.set(part);
    return part.length;
  }
}

/** The queues of a namespace. */
export class PosixQueues implements IpcTable {
  readonly byName = new Map<string, PosixQueue>();

  /** Takes a name away. */
  remove(name: string): void {
    this.byName.get(name)?.unnamed();
    this.byName.delete(name);
  }

  ended(): void {
    for (const queue of this.byName.values()) queue.unnamed();
    this.byName.clear();
  }
}
