// Calls that a filter hands to another process (seccomp_unotify(2)): the listener is an open file from which notifications are
// received, and which is told what to answer.
import { ERRNO } from '../../abi/errno.ts';
import { RLIMIT_NOFILE } from '../../abi/resource.ts';
import { O_CLOEXEC, O_RDWR } from '../../abi/stat.ts';
import { fail } from '../error.ts';
import type { Kernel } from '../kernel.ts';
import { isKilled } from '../signal/signal-set.ts';
import type { Call, CallResult } from '../syscalls/call.ts';
import type { Task } from '../task/task.ts';
import { WaitQueue } from '../task/wait-queue.ts';
import { FileDescription, hold, POLLHUP, POLLIN, POLLOUT, POLLRDNORM, POLLWRNORM } from '../vfs/file.ts';

/** Sizes of struct seccomp_notif, seccomp_notif_resp and seccomp_notif_addfd. */
export const NOTIF_SIZE = 80;
export const RESPONSE_SIZE = 24;
const ADDFD_SIZE = 24;
const MOST_ADDFD_SIZE = 4096;
const DATA_AT = 16;
/** Requests of ioctl(2): type '!', number, size and direction. */
const NOTIF_RECV = 0xc050_2100;
const NOTIF_SEND = 0xc018_2101;
const NOTIF_ID_VALID = 0x4008_2102;
/** The direction was wrong at first. */
const NOTIF_ID_VALID_WRONG_DIR = 0x8008_2102;
const ADDFD_NUMBER = 0x4000_2103;
const IOCTL_SIZE = 0x3fff_0000;
const USER_NOTIF_FLAG_CONTINUE = 1;
const ADDFD_FLAG_SETFD = 1;
const ADDFD_FLAG_SEND = 2;

/** What becomes of the call: it is made after all, or returns this. */
type Answer = 'continue' | bigint;

/** A call that waits for the answer of a listener. */
export class Notification {
  readonly id: bigint;
  readonly task: Task;
  /** struct seccomp_data. */
  readonly data: Uint8Array;
  readonly listener: Listener;
  readonly queue = new WaitQueue();
  /** Somebody has received it. */
  isReceived = false;
  answer: Answer | undefined;

  constructor(listener: Listener, id: bigint, task: Task, data: Uint8Array) {
    this.listener = listener;
    this.id = id;
    this.task = task;
    this.data = data;
  }

  /** What becomes of the call; undefined as long as that is open. */
  get outcome(): Answer | undefined {
    return this.answer ?? (this.listener.isClosed ? BigInt(-ERRNO.ENOSYS) : undefined);
  }

  /** The call still waits. */
  get isOpen(): boolean {
    return this.answer === undefined && this.task.call?.notification === this;
  }

  /** Signals that do not kill do not end the wait. */
  get isFirm(): boolean {
    return this.listener.waitsKillable && this.isReceived && !isKilled(this.task);
  }
}

/** The open file. */
export class Listener extends FileDescription {
  /** SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV. */
  readonly waitsKillable: boolean;
  readonly #kernel: Kernel;
  #notifications: Notification[] = [];
  #nextId: bigint;
  isClosed = false;

  constructor(kernel: Kernel, waitsKillable: boolean) {
    super(kernel.anonymous, O_RDWR);
    this.#kernel = kernel;
    this.waitsKillable = waitsKillable;
    const first = new Uint8Array(8);
    kernel.random.fill(first);
    this.#nextId = new DataView(first.buffer).getBigUint64(0, true);
  }

  override get seekable(): boolean {
    return false;
  }

  /** Tells of a call. */
  notify(task: Task, data: Uint8Array): Notification {
    const notification = new Notification(this, this.#nextId, task, data);
    this.#nextId = BigInt.asUintN(64, this.#nextId + 1n);
    this.#notifications.push(notification);
    this.queue.wake();
    return notification;
  }

  override poll(): number {
    const open = this.#open();
    const received = open.some(({ isReceived }) => isReceived) ? POLLOUT | POLLWRNORM : 0;
    const waiting = open.some(({ isReceived }) => !isReceived) ? POLLIN | POLLRDNORM : 0;
    return waiting | received | (this.#hasUsers ? 0 : POLLHUP);
  }

  override ioctl(call: Call, request: number, argument: number): CallResult {
    if ((request & ~IOCTL_SIZE) >>> 0 === ADDFD_NUMBER) return this.#addDescriptor(call, request, argument);
    switch (request >>> 0) {
      case NOTIF_RECV:
        return this.#receive(call, argument);
      case NOTIF_SEND:
        return this.#send(call, argument);
      case NOTIF_ID_VALID:
      case NOTIF_ID_VALID_WRONG_DIR: {
        const id = call.view(argument, 8).getBigUint64(0, true);
        return this.#open().some((one) => one.id === id && one.isReceived) ? 0 : fail('ENOENT');
      }
      default:
        return fail('EINVAL');
    }
  }

  /** Nobody answers any more. */
  override closed(): void {
    this.isClosed = true;
    for (const { queue } of this.#notifications) queue.wake();
    this.#notifications = [];
  }

  /** Tasks that have the filter may still make calls. */
  get #hasUsers(): boolean {
    for (const { seccomp, state } of this.#kernel.pids.tasks.values())
      if (seccomp.listener?.file === this && state !== 'dead') return true;
    return false;
  }

  #open(): readonly Notification[] {
    this.#notifications = this.#notifications.filter(({ isOpen }) => isOpen);
    return this.#notifications;
  }

  /** @throws SystemError ENOENT for none that is open, EINPROGRESS for one that nobody has received */
  #received(id: bigint): Notification {
    const notification = this.#open().find((one) => one.id === id) ?? fail('ENOENT');
    return notification.isReceived ? notification : fail('EINPROGRESS');
  }

  #receive(call: Call, address: number): CallResult {
    if (call.read(address, NOTIF_SIZE).some((byte) => byte !== 0)) fail('EINVAL');
    const next = this.#open().find(({ isReceived }) => !isReceived);
    if (next === undefined) return this.#hasUsers ? call.wait([this.queue]) : fail('ENOENT');
    const bytes = new Uint8Array(NOTIF_SIZE);
    const view = new DataView(bytes.buffer);
    view.setBigUint64(0, next.id, true);
    view.setInt32(8, next.task.pid.in(call.pids), true);
    bytes.set(next.data, DATA_AT);
    call.write(address, bytes);
    next.isReceived = true;
    this.queue.wake();
    return 0;
  }

  #send(call: Call, address: number): number {
    const view = call.view(address, RESPONSE_SIZE);
    const [value, error, flags] = [view.getBigInt64(8, true), view.getInt32(16, true), view.getUint32(20, true)];
    if (flags & ~USER_NOTIF_FLAG_CONTINUE) fail('EINVAL');
    const continues = flags !== 0;
    if (continues && (error !== 0 || value !== 0n)) fail('EINVAL');
    const notification = this.#received(view.getBigUint64(0, true));
    notification.answer = continues ? 'continue' : error === 0 ? value : BigInt(error);
    notification.queue.wake();
    return 0;
  }

  /** Gives the task that waits a descriptor of ours; what number it has there. */
  #addDescriptor(call: Call, request: number, address: number): number {
    const size = (request & IOCTL_SIZE) >>> 16;
    if (size < ADDFD_SIZE || size >= MOST_ADDFD_SIZE) fail('EINVAL');
    const bytes = call.read(address, size);
    if (bytes.some((byte, n) => n >= ADDFD_SIZE && byte !== 0)) fail('E2BIG');
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    const [flags, source, wanted, newFlags] = [8, 12, 16, 20].map((at) => view.getUint32(at, true)) as [
      number,
      number,
      number,
      number,
    ];
    if (newFlags & ~O_CLOEXEC || flags & ~(ADDFD_FLAG_SETFD | ADDFD_FLAG_SEND)) fail('EINVAL');
    if (wanted !== 0 && !(flags & ADDFD_FLAG_SETFD)) fail('EINVAL');
    const file = call.task.files.get(source | 0);
    const notification = this.#received(view.getBigUint64(0, true));
    const { files, group } = notification.task;
    const limit = group.limits[RLIMIT_NOFILE]!.soft;
    const closeOnExec = newFlags !== 0;
    let fd = wanted;
    if (!(flags & ADDFD_FLAG_SETFD)) fd = files.install(hold(file), closeOnExec, limit);
    else if (wanted >= limit) return fail('EBADF');
    else files.replace(wanted, hold(file), closeOnExec);
    if (flags & ADDFD_FLAG_SEND) {
      notification.answer = BigInt(fd);
      notification.queue.wake();
    }
    return fd;
  }
}
