// System calls on POSIX message queues: mq_open(3), mq_unlink(3), mq_timedsend(2), mq_timedreceive(2), mq_notify(2),
// mq_getsetattr(2).
import { RLIMIT_MSGQUEUE } from '../../abi/resource.ts';
import { SIGNAL_COUNT } from '../../abi/signal.ts';
import { NAME_MAX, O_ACCMODE, O_CREAT, O_EXCL, O_NONBLOCK, O_RDONLY, O_WRONLY } from '../../abi/stat.ts';
import { fail } from '../error.ts';
import {
  COOKIE_SIZE,
  DEFAULT_MESSAGES,
  DEFAULT_SIZE,
  HARD_MESSAGES,
  HARD_SIZE,
  MOST_PRIORITY,
  queueBytes,
  PosixQueue,
  PosixQueues,
  QueueFile,
  type QueueNotification,
  QUEUES_MAX,
} from '../ipc/posix-queues.ts';
import { NetlinkSocket } from '../net/netlink.ts';
import { Socket } from '../net/socket.ts';
import { CAP_SYS_RESOURCE, hasCapability, MAY_READ, MAY_WRITE, mayAccess, ownsFile } from '../vfs/permission.ts';
import type { Call, CallResult } from './call.ts';
import { openFilesLimit } from './limits.ts';
import { full, type Implementations } from './table.ts';
import { readTimespec, type TimeFormat } from './time.ts';
import { isLongerThan } from './text.ts';

const MESSAGE_BYTES = { name: 'message queues', isNested: true, errno: 'EMFILE' } as const;
const SIGEV_SIGNAL = 0;
const SIGEV_NONE = 1;
const SIGEV_THREAD = 2;
const EAGAIN = -11;
const ETIMEDOUT = -110;

const queues = (call: Call) => call.task.namespaces.ipc.table(PosixQueues).byName;

function queueName(call: Call): string {
  const name = call.path(0);
  if (name === '') fail('ENOENT');
  if (name.includes('/') || name === '.' || name === '..') fail('EACCES');
  return isLongerThan(name, NAME_MAX) ? fail('ENAMETOOLONG') : name;
}

/** Attributes of a new queue. @throws SystemError EINVAL */
function newAttributes(call: Call): { messages: number; bytes: number } {
  const address = call.arg(3);
  if (address === 0) return { messages: DEFAULT_MESSAGES, bytes: DEFAULT_SIZE };
  const word = call.wordSize;
  const signed = (value: number) => (word === 4 ? value | 0 : value);
  const [messages, bytes] = [1, 2].map((n) => signed(call.readWord(address + n * word))) as [number, number];
  const isPrivileged = hasCapability(call.task.credentials, CAP_SYS_RESOURCE);
  if (messages <= 0 || bytes <= 0) fail('EINVAL');
  if (messages > (isPrivileged ? HARD_MESSAGES : DEFAULT_MESSAGES)) fail('EINVAL');
  if (bytes > (isPrivileged ? HARD_SIZE : DEFAULT_SIZE)) fail('EINVAL');
  return { messages, bytes };
}

function makeQueue(call: Call, name: string): PosixQueue {
  const { kernel, task } = call;
  if (queues(call).size >= QUEUES_MAX) fail('ENOSPC');
  const { fsuid: uid, fsgid: gid } = task.credentials;
  const mode = call.arg(2) & 0o7777 & ~task.directories.umask;
  const most = newAttributes(call);
  const limit = { ...MESSAGE_BYTES, most: task.group.limits[RLIMIT_MSGQUEUE]!.soft };
  const maker = { user: task.credentials.user, uid: task.credentials.uid };
  const amount = queueBytes(most.messages, most.bytes);
  kernel.userCounts.take(limit, maker, amount);
  const giveBack = () => kernel.userCounts.give(limit, maker, amount);
  const inode = kernel.messageQueues.newInode();
  const queue = new PosixQueue(inode, mode, { uid, gid }, most, kernel.memory.store(), giveBack);
  queues(call).set(name, queue);
  return queue;
}

function open(call: Call): number {
  const flags = call.arg(1);
  const name = queueName(call);
  const found = queues(call).get(name);
  if (found === undefined && !(flags & O_CREAT)) fail('ENOENT');
  if (found !== undefined && flags & O_CREAT && flags & O_EXCL) fail('EEXIST');
  const access = flags & O_ACCMODE;
  if (access === O_ACCMODE) fail('EINVAL');
  if (found !== undefined) {
    const wanted = access === O_RDONLY ? MAY_READ : access === O_WRONLY ? MAY_WRITE : MAY_READ | MAY_WRITE;
    if (!mayAccess(call.task.credentials, found.inode, wanted)) fail('EACCES');
  }
  const file = new QueueFile(found ?? makeQueue(call, name), flags & (O_ACCMODE | O_NONBLOCK));
  return call.task.files.install(file, true, openFilesLimit(call));
}

function unlink(call: Call): number {
  const name = queueName(call);
  const queue = queues(call).get(name) ?? fail('ENOENT');
  if (!ownsFile(call.task.credentials, queue.inode)) fail('EACCES');
  call.task.namespaces.ipc.table(PosixQueues).remove(name);
  return 0;
}

function queueFile(call: Call): QueueFile {
  const file = call.file(0);
  return file instanceof QueueFile ? file : fail('EBADF');
}

/** Cycles at which the wait ends: times are of CLOCK_REALTIME. */
function deadlineOf(call: Call, address: number, format: TimeFormat): number {
  if (address === 0) return Number.POSITIVE_INFINITY;
  return call.kernel.cyclesAt(readTimespec(call, address, format) - call.kernel.epoch);
}

function send(format: TimeFormat): (call: Call) => CallResult {
  return (call) => {
    const [address, length, priority] = [call.arg(1), call.arg(2), call.arg(3)];
    const deadline = call.progress(() => {
      if (priority >= MOST_PRIORITY) fail('EINVAL');
      return { until: deadlineOf(call, call.arg(4), format) };
    }).until;
    const file = queueFile(call);
    if (!file.writable) fail('EBADF');
    const { messages: queue } = file;
    if (length > queue.mostBytes) fail('EMSGSIZE');
    const bytes = call.read(address, length);
    if (queue.isFull) {
      if (file.flags & O_NONBLOCK) return EAGAIN;
      return call.kernel.platform.cycles >= deadline ? ETIMEDOUT : call.wait([queue.queue], deadline);
    }
    const { group, credentials } = call.task;
    queue.put(call.kernel, { priority, bytes }, { group, uid: credentials.uid });
    return 0;
  };
}

function receive(format: TimeFormat): (call: Call) => CallResult {
  return (call) => {
    const [address, length, priority] = [call.arg(1), call.arg(2), call.arg(3)];
    const state = call.progress(() => ({ until: deadlineOf(call, call.arg(4), format), counted: false }));
    const file = queueFile(call);
    if (!file.readable) fail('EBADF');
    const { messages: queue } = file;
    if (state.counted) queue.receivers--;
    state.counted = false;
    if (length < queue.mostBytes) fail('EMSGSIZE');
    const message = queue.take();
    if (message === undefined) {
      if (file.flags & O_NONBLOCK) return EAGAIN;
      if (call.kernel.platform.cycles >= state.until) return ETIMEDOUT;
      state.counted = true;
      queue.receivers++;
      return call.wait([queue.queue], state.until);
    }
    if (priority !== 0) call.writeWord(priority, message.priority, 4);
    call.write(address, message.bytes);
    return message.bytes.length;
  };
}

function stopReceiving(call: Call): undefined {
  const state = call.pending.progress as { counted: boolean } | undefined;
  const file = call.task.files.entries[call.arg(0)]?.file;
  if (state?.counted && file instanceof QueueFile) file.messages.receivers--;
}

function notify(call: Call): number {
  const address = call.arg(1);
  const word = call.wordSize;
  const { group } = call.task;
  const request = address === 0 ? undefined : readNotification(call, address, word);
  const { messages: queue } = queueFile(call);
  if (request === undefined) {
    queue.forget(group);
    return 0;
  }
  if (queue.notification !== undefined) fail('EBUSY');
  queue.tell({ group, ...request });
  return 0;
}

function readNotification(call: Call, address: number, word: 4 | 8): Omit<QueueNotification, 'group'> {
  const view = call.view(address, word + 8);
  const value = word === 8 ? view.getBigUint64(0, true) : BigInt(view.getUint32(0, true));
  const [signal, kind] = [view.getInt32(word, true), view.getInt32(word + 4, true)];
  if (kind !== SIGEV_SIGNAL && kind !== SIGEV_NONE && kind !== SIGEV_THREAD) fail('EINVAL');
  if (kind === SIGEV_SIGNAL && (signal < 0 || signal > SIGNAL_COUNT)) fail('EINVAL');
  if (kind === SIGEV_THREAD) {
    const cookie = call.read(Number(value), COOKIE_SIZE);
    const socket = call.task.files.get(signal);
    if (!(socket instanceof NetlinkSocket)) return fail(socket instanceof Socket ? 'EINVAL' : 'ENOTSOCK');
    return { signal: 0, value, thread: { socket, cookie } };
  }
  return { signal: kind === SIGEV_SIGNAL ? signal : 0, value };
}

/** struct mq_attr: flags, most messages, bytes of a message, messages now, four words unused. */
function getSetAttributes(call: Call): number {
  const [wanted, old] = [call.arg(1), call.arg(2)];
  const word = call.wordSize;
  const flags = wanted === 0 ? undefined : call.readWord(wanted);
  if (flags !== undefined && flags & ~O_NONBLOCK) fail('EINVAL');
  const file = queueFile(call);
  const { mostMessages, mostBytes, messages } = file.messages;
  const values = [file.flags & O_NONBLOCK, mostMessages, mostBytes, messages.length, 0, 0, 0, 0];
  if (flags !== undefined) file.flags = (file.flags & ~O_NONBLOCK) | flags;
  if (old !== 0) for (const [n, value] of values.entries()) call.writeWord(old + n * word, value);
  return 0;
}

const receiving = { interrupted: stopReceiving } as const;

export const posixQueueCalls: Implementations = {
  mq_open: full(open),
  mq_unlink: full(unlink),
  mq_timedsend: full(send('native')),
  mq_timedsend_time64: full(send('wide')),
  mq_timedreceive: full(receive('native'), receiving),
  mq_timedreceive_time64: full(receive('wide'), receiving),
  mq_notify: full(notify),
  mq_getsetattr: full(getSetAttributes),
};
