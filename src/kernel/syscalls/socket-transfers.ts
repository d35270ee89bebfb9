// System calls that send and receive: send(2), sendmsg(2), sendmmsg(2), recv(2), recvmsg(2), recvmmsg(2).
import { ERRNO } from '../../abi/errno.ts';
import {
  AF_INET,
  AF_INET6,
  MSG_CMSG_CLOEXEC,
  MSG_CTRUNC,
  MSG_DONTWAIT,
  MSG_MORE,
  MSG_NOSIGNAL,
  MSG_ERRQUEUE,
  MSG_OOB,
  MSG_PEEK,
  MSG_TRUNC,
  MSG_WAITALL,
  MSG_WAITFORONE,
  SOCK_DGRAM,
  SOCK_STREAM,
} from '../../abi/socket.ts';
import { fail, SystemError } from '../error.ts';
import { BadAddress } from '../mm/user-memory.ts';
import { type Ancillary, NO_ANCILLARY, type Received, type Socket } from '../net/socket.ts';
import { hold, release, WouldBlock } from '../vfs/file.ts';
import { BLOCKED, type Call, type CallResult } from './call.ts';
import { readControl, readHeader, writeControl } from './socket-messages.ts';
import { full, type Implementations } from './table.ts';
import { readTimespec, type TimeFormat, writeTimespec } from './time.ts';
import { type Buffer, gather, oneBuffer, PART, sendBrokenPipe, totalOf } from './transfer.ts';
import {
  type Waiting,
  deadlineOf,
  isNonBlocking,
  EAGAIN,
  readAddress,
  waitFor,
  socketArgument,
  writeAddress,
} from './socket-arguments.ts';

/** Most bytes of control messages (optmem_max). */
const MOST_CONTROL = 20480;

/** Sends; a stream's call that waits goes on where it stopped. */
function send(
  call: Call,
  socket: Socket,
  from: readonly Buffer[],
  to: Uint8Array | undefined,
  flags: number,
  ancillary: Ancillary,
): CallResult {
  // there is no urgent data
  if (flags & MSG_OOB) return fail('EOPNOTSUPP');
  const waiting = call.progress<Waiting>(() => ({ deadline: deadlineOf(call, socket.sendTimeout), done: 0 }));
  const total = totalOf(from);
  try {
    for (;;) {
      const bytes = gather(call.memory, from, waiting.done);
      if (bytes.length < Math.min(PART, total - waiting.done)) return waiting.done > 0 ? waiting.done : fail('EFAULT');
      const count = socket.send(bytes, to, waiting.done === 0 ? ancillary : NO_ANCILLARY, (flags & MSG_MORE) !== 0);
      if (count instanceof WouldBlock) {
        if (isNonBlocking(socket, flags)) return waiting.done > 0 ? waiting.done : EAGAIN;
        if (call.kernel.platform.cycles >= waiting.deadline) return waiting.done > 0 ? waiting.done : EAGAIN;
        return call.wait([count.queue], waiting.deadline);
      }
      waiting.done += count;
      if (waiting.done >= total || count === 0) return waiting.done;
    }
  } catch (failure) {
    if (!(failure instanceof SystemError)) throw failure;
    if (failure.errno === 'EPIPE' && !(flags & MSG_NOSIGNAL) && socket.kind !== SOCK_DGRAM) sendBrokenPipe(call);
    throw failure;
  }
}

const sent = {
  interrupted: (call: Call) => {
    const { done } = call.pending.progress as Waiting;
    return done > 0 ? done : undefined;
  },
};

function sendmsg(call: Call, socket: Socket, address: number, flags: number): CallResult {
  const header = readHeader(call, address);
  if (header.controlLength > MOST_CONTROL) fail('ENOBUFS');
  const to = header.name === 0 ? undefined : readAddress(call, header.name, header.nameLength);
  const ancillary = readControl(call, header, socket);
  const result = send(call, socket, header.buffers, to, flags, ancillary);
  if (typeof result === 'number' && result >= 0) for (const file of ancillary.files) hold(file);
  return result;
}

/** Receives, waiting as the flags say. */
function receive(call: Call, socket: Socket, length: number, flags: number): Received | CallResult {
  const isInternet = socket.family === AF_INET || socket.family === AF_INET6;
  // there is no urgent data, which datagrams of the internet do not even ask for, and no error waits to be read
  if (flags & MSG_OOB && socket.kind === SOCK_STREAM) return fail('EINVAL');
  if (flags & MSG_OOB && !isInternet) return fail('EOPNOTSUPP');
  if (flags & MSG_ERRQUEUE && isInternet) return EAGAIN;
  const received = socket.receive(length, { peek: (flags & MSG_PEEK) !== 0 });
  if (!(received instanceof WouldBlock)) return received;
  return isNonBlocking(socket, flags) ? EAGAIN : waitFor(call, received, socket.receiveTimeout);
}

/** Bytes of a stream that cannot be written to the program are not lost. */
function delivering(socket: Socket, received: Received, flags: number, write: () => void): void {
  try {
    write();
  } catch (failure) {
    if (!(flags & MSG_PEEK)) socket.giveBack(received);
    throw failure;
  }
}

const isReceived = (value: Received | CallResult): value is Received => typeof value === 'object';

function recvfrom(call: Call): CallResult {
  const socket = socketArgument(call);
  const [address, length, flags] = [call.arg(1), call.arg(2), call.arg(3)];
  if (flags & MSG_WAITALL && socket.kind === SOCK_STREAM) return receiveAll(call, socket, address, length, flags);
  const received = receive(call, socket, length, flags);
  if (!isReceived(received)) return received;
  delivering(socket, received, flags, () => call.write(address, received.bytes));
  for (const file of received.ancillary.files) release(file);
  if (call.arg(4) !== 0) writeAddress(call, call.arg(4), call.arg(5), received.from);
  return flags & MSG_TRUNC ? received.length : received.bytes.length;
}

/** MSG_WAITALL: goes on until all bytes are there or the stream ends. */
function receiveAll(call: Call, socket: Socket, address: number, length: number, flags: number): CallResult {
  const progress = call.progress<Waiting>(() => ({ deadline: deadlineOf(call, socket.receiveTimeout), done: 0 }));
  while (progress.done < length) {
    const received = receive(call, socket, length - progress.done, flags);
    if (!isReceived(received)) return received === EAGAIN && progress.done > 0 ? progress.done : received;
    if (received.bytes.length === 0) break;
    call.write(address + progress.done, received.bytes);
    progress.done += received.bytes.length;
  }
  return progress.done;
}

function recvmsg(call: Call, socket: Socket, address: number, flags: number): CallResult {
  const word = call.wordSize;
  const header = readHeader(call, address);
  const total = header.buffers.reduce((sum, { length }) => sum + length, 0);
  const received = receive(call, socket, total, flags);
  if (!isReceived(received)) return received;
  delivering(socket, received, flags, () => {
    let done = 0;
    for (const buffer of header.buffers) {
      const part = received.bytes.subarray(done, done + buffer.length);
      if (part.length > 0) call.write(buffer.address, part);
      done += part.length;
    }
  });
  if (header.name !== 0) {
    call.write(header.name, received.from.subarray(0, header.nameLength));
    call.writeWord(address + word, received.from.length, 4);
  }
  const control = writeControl(call, header, received, socket, flags);
  call.writeWord(address + 5 * word, control.length);
  const isCut = received.length > received.bytes.length;
  const told = (isCut ? MSG_TRUNC : 0) | (control.truncated ? MSG_CTRUNC : 0) | (flags & MSG_CMSG_CLOEXEC);
  call.writeWord(address + 6 * word, told, 4);
  return flags & MSG_TRUNC ? received.length : received.bytes.length;
}

function sendto(call: Call): CallResult {
  const socket = socketArgument(call);
  const to = call.arg(4) === 0 ? undefined : readAddress(call, call.arg(4), call.arg(5));
  return send(call, socket, oneBuffer(call), to, call.arg(3), NO_ANCILLARY);
}

/** struct mmsghdr: a msghdr and the count. `isOver` says after each message whether it was the last. */
function severalMessages(
  call: Call,
  act: (socket: Socket, address: number, flags: number) => CallResult,
  isOver: () => boolean = () => false,
): CallResult {
  const socket = socketArgument(call);
  const size = Math.ceil((7 * call.wordSize + 4) / call.wordSize) * call.wordSize;
  const flags = call.arg(3) & ~MSG_WAITFORONE;
  const progress = call.progress<Several>(() => ({ deadline: Number.POSITIVE_INFINITY, done: 0, messages: 0 }));
  while (progress.messages < call.arg(2) && !isOver()) {
    const address = call.arg(1) + progress.messages * size;
    const mayWait = progress.messages === 0 || !(call.arg(3) & MSG_WAITFORONE);
    const result = attempt(() => act(socket, address, mayWait ? flags : flags | MSG_DONTWAIT));
    if (result === BLOCKED) return result;
    if (typeof result !== 'number' || result < 0) return progress.messages === 0 ? result : progress.messages;
    progress.done = 0;
    progress.messages++;
    call.writeWord(address + 7 * call.wordSize, result, 4);
  }
  return progress.messages;
}

interface Several extends Waiting {
  messages: number;
  /** Nanoseconds since boot at which no more messages are waited for. */
  until?: bigint;
}

/** A message that fails behind others ends the call. */
function attempt(act: () => CallResult): CallResult {
  try {
    return act();
  } catch (failure) {
    if (failure instanceof SystemError) return failure.result;
    if (failure instanceof BadAddress) return -ERRNO.EFAULT;
    throw failure;
  }
}

/** The timeout is looked at after each message, as on Linux. */
function recvmmsg(format: TimeFormat): (call: Call) => CallResult {
  return (call) => {
    const timeout = call.arg(4) === 0 ? undefined : readTimespec(call, call.arg(4), format);
    const several = call.progress<Several>(() => ({
      deadline: Number.POSITIVE_INFINITY,
      done: 0,
      messages: 0,
      ...(timeout === undefined ? {} : { until: call.kernel.monotonic + timeout }),
    }));
    const { until } = several;
    const isOver = () => several.messages > 0 && until !== undefined && call.kernel.monotonic >= until;
    const receiveOne = (socket: Socket, address: number, flags: number) => recvmsg(call, socket, address, flags);
    const result = severalMessages(call, receiveOne, isOver);
    if (until !== undefined && typeof result === 'number' && result > 0) {
      const left = until - call.kernel.monotonic;
      writeTimespec(call, call.arg(4), left > 0n ? left : 0n, format);
    }
    return result;
  };
}

export const transferCalls = {
  sendto: full(sendto, sent),
  recvfrom: full(recvfrom),
  sendmsg: full((call) => sendmsg(call, socketArgument(call), call.arg(1), call.arg(2)), sent),
  recvmsg: full((call) => recvmsg(call, socketArgument(call), call.arg(1), call.arg(2))),
  sendmmsg: full((call) => severalMessages(call, (socket, address, flags) => sendmsg(call, socket, address, flags))),
  recvmmsg: full(recvmmsg('native')),
  recvmmsg_time64: full(recvmmsg('wide')),
} as const satisfies Implementations;
