// System calls on System V message queues: msgget(2), msgsnd(2), msgrcv(2), msgctl(2).
import { fail } from '../error.ts';
import { type Message, MessageQueue, MessageQueues } from '../ipc/messages.ts';
import {
  checkAccess,
  controlObject,
  IPC_INFO,
  IPC_NOWAIT,
  Layout,
  MAY_READ_OBJECT,
  MAY_WRITE_OBJECT,
  type ObjectKind,
  seconds,
  setPermissions,
} from '../ipc/objects.ts';
import { CAP_SYS_RESOURCE, hasCapability } from '../vfs/permission.ts';
import type { Call, CallResult } from './call.ts';
import { full, type Implementations } from './table.ts';

/** A length that is negative for the kernel. */
const MOST_LENGTH = 0x7fff_ffff;
const MSG_STAT = 11;
const MSG_INFO = 12;
const MSG_STAT_ANY = 13;
const MSG_NOERROR = 0o10000;
const MSG_EXCEPT = 0o20000;
const MSG_COPY = 0o40000;

const controls = (call: Call) => call.task.namespaces.ipc.controls;
const queues = (call: Call) => call.task.namespaces.ipc.table(MessageQueues);

/** msgget(2). */
export function getQueue(call: Call, key: number, flags: number): number {
  return queues(call).get(
    call,
    key,
    flags,
    () => new MessageQueue(call, key, flags),
    () => {},
  );
}

interface Sending {
  readonly queue: MessageQueue;
  readonly message: Message;
}

function beginSending(call: Call, id: number, address: number, length: number): Sending {
  const type = call.readWord(address);
  if (length > controls(call).mostMessage || id < 0) fail('EINVAL');
  if ((call.is32 ? type | 0 : type) < 1) fail('EINVAL');
  const bytes = call.read(address + call.wordSize, length);
  const queue = queues(call).find(id);
  checkAccess(call.task.credentials, queue, MAY_WRITE_OBJECT);
  return { queue, message: { type, bytes } };
}

/** msgsnd(2). */
export function send(call: Call, id: number, address: number, length: number, flags: number): CallResult {
  const { queue, message } = call.progress(() => beginSending(call, id, address, length));
  if (queue.isRemoved) fail('EIDRM');
  if (!queue.hasRoom(length)) return flags & IPC_NOWAIT ? fail('EAGAIN') : call.wait([queue.queue]);
  queue.put(message);
  queue.sender = call.task.group.pid;
  queue.sent = seconds(call);
  return 0;
}

/** msgrcv(2). */
export function receive(
  call: Call,
  id: number,
  address: number,
  length: number,
  type: number,
  flags: number,
): CallResult {
  if (id < 0 || length > MOST_LENGTH) fail('EINVAL');
  if (flags & MSG_COPY && (flags & MSG_EXCEPT || !(flags & IPC_NOWAIT))) fail('EINVAL');
  const queue = call.progress(() => queues(call).find(id));
  if (queue.isRemoved) fail('EIDRM');
  checkAccess(call.task.credentials, queue, MAY_READ_OBJECT);
  const isCopy = (flags & MSG_COPY) !== 0;
  const index = isCopy ? (type < queue.messages.length ? type : -1) : queue.find(type, (flags & MSG_EXCEPT) !== 0);
  if (index < 0) return flags & IPC_NOWAIT ? fail('ENOMSG') : call.wait([queue.queue]);
  const message = queue.messages[index]!;
  if (message.bytes.length > length && !(flags & MSG_NOERROR)) fail('E2BIG');
  if (!isCopy) {
    queue.remove(index);
    queue.receiver = call.task.group.pid;
    queue.received = seconds(call);
  }
  const bytes = message.bytes.subarray(0, length);
  call.writeWord(address, message.type);
  call.write(address + call.wordSize, bytes);
  return bytes.length;
}

function status(call: Call, queue: MessageQueue): Uint8Array {
  const number = (pid: MessageQueue['sender']) => (pid === undefined ? 0 : call.number(pid));
  return new Layout(call.is32, 88, 120)
    .permissions(call, queue)
    .word(36, 48, queue.sent)
    .word(44, 56, queue.received)
    .word(52, 64, queue.changed)
    .word(60, 72, queue.size)
    .word(64, 80, queue.messages.length)
    .word(68, 88, queue.most)
    .int(72, 96, number(queue.sender))
    .int(76, 100, number(queue.receiver)).bytes;
}

/** struct msginfo: seven ints and a short. */
function information(call: Call, operation: number): Uint8Array {
  const all = [...queues(call)];
  const used = operation === MSG_INFO;
  const bytes = all.reduce((sum, queue) => sum + queue.size, 0);
  const messages = all.reduce((sum, queue) => sum + queue.messages.length, 0);
  const { mostMessage, mostQueue, queues: most } = controls(call);
  const [pool, map, headers] = used ? [all.length, messages, bytes] : [(most * mostQueue) / 1024, mostQueue, mostQueue];
  return new Uint8Array(Int32Array.from([pool, map, mostMessage, mostQueue, most, 16, headers, 0xffff]).buffer);
}

function change(call: Call, queue: MessageQueue, address: number): void {
  const at = call.is32 ? 68 : 88;
  const most = call.readWord(address + at);
  if (most > controls(call).mostQueue && !hasCapability(call.task.credentials, CAP_SYS_RESOURCE)) fail('EPERM');
  setPermissions(call, queue, address);
  queue.most = most;
  queue.queue.wake();
}

/** msgctl(2). */
export function control(call: Call, id: number, operation: number, address: number): number {
  if (id < 0) fail('EINVAL');
  if (operation === IPC_INFO || operation === MSG_INFO) {
    call.write(address, information(call, operation));
    return queues(call).highest;
  }
  return controlObject(call, kind(call), id, operation, address) ?? fail('EINVAL');
}

const kind = (call: Call): ObjectKind<MessageQueue> => ({
  objects: queues(call),
  stat: MSG_STAT,
  statAny: MSG_STAT_ANY,
  status,
  set: change,
  remove: (_call, queue) => queues(call).remove(queue),
});

const options = { interruption: 'never' } as const;

export const messageCalls: Implementations = {
  msgget: full((call) => getQueue(call, call.arg(0), call.arg(1))),
  msgsnd: full((call) => send(call, call.arg(0), call.arg(1), call.arg(2), call.arg(3)), options),
  msgrcv: full((call) => receive(call, call.arg(0), call.arg(1), call.arg(2), call.arg(3), call.arg(4)), options),
  msgctl: full((call) => control(call, call.arg(0), call.arg(1) & ~0x100, call.arg(2))),
};
