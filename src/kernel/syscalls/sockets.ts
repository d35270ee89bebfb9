// System calls on sockets: socket(2), bind(2), connect(2), accept(2), send(2), recv(2), …; i386 also has them behind
// socketcall(2).
import { ERRNO } from '../../abi/errno.ts';
import {
  AF_INET,
  AF_INET6,
  AF_NETLINK,
  AF_UNIX,
  IPPROTO_TCP,
  IPPROTO_UDP,
  IPPROTO_UDPLITE,
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
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_RAW,
  SOCK_NONBLOCK,
  SOCK_SEQPACKET,
  SOCK_STREAM,
  SOCK_TYPE,
} from '../../abi/socket.ts';
import { O_NONBLOCK, O_RDWR } from '../../abi/stat.ts';
import { fail, SystemError } from '../error.ts';
import { BadAddress } from '../mm/user-memory.ts';
import type { InetType } from '../net/inet.ts';
import { NetlinkSocket } from '../net/netlink.ts';
import { IPPROTO_ICMP, IPPROTO_RAW, RawSocket } from '../net/raw.ts';
import { type Ancillary, NO_ANCILLARY, type Received, Socket } from '../net/socket.ts';
import { TcpSocket } from '../net/tcp.ts';
import { UdpSocket } from '../net/udp.ts';
import { UnixSocket } from '../net/unix.ts';
import { hold, release, WouldBlock } from '../vfs/file.ts';
import { CAP_NET_RAW, hasCapability } from '../vfs/permission.ts';
import { BLOCKED, Call, type CallResult } from './call.ts';
import { openFilesLimit } from './paths.ts';
import { readControl, readHeader, writeControl } from './socket-messages.ts';
import { getsockopt, setsockopt } from './socket-options.ts';
import { full, type Implementation, type Implementations } from './table.ts';
import { readTimespec, type TimeFormat, writeTimespec } from './time.ts';
import { type Buffer, gather, oneBuffer, PART, sendBrokenPipe, totalOf } from './transfer.ts';

const EAGAIN = -11;
const LONGEST_ADDRESS = 128;
const IPPROTO_MAX = 263;
/** Most bytes of control messages (optmem_max). */
const MOST_CONTROL = 20480;

/** The socket of an argument. @throws SystemError EBADF, ENOTSOCK */
export function socketArgument(call: Call, n = 0): Socket {
  const file = call.file(n);
  return file instanceof Socket ? file : fail('ENOTSOCK');
}

const statusOf = (type: number) => O_RDWR | (type & SOCK_NONBLOCK ? O_NONBLOCK : 0);

function install(call: Call, socket: Socket, type: number): number {
  return call.task.files.install(socket, (type & SOCK_CLOEXEC) !== 0, openFilesLimit(call));
}

/** The type of a Unix domain socket; SOCK_RAW is another name of datagrams. */
function unixKind(type: number, protocol: number): number {
  const kind = (type & SOCK_TYPE) === SOCK_RAW ? SOCK_DGRAM : type & SOCK_TYPE;
  if (protocol !== 0 && protocol !== AF_UNIX) fail('EPROTONOSUPPORT');
  return [SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET].includes(kind) ? kind : fail('ESOCKTNOSUPPORT');
}

function create(call: Call): number {
  const [family, type, protocol] = [call.arg(0), call.arg(1), call.arg(2)];
  if (type & ~(SOCK_TYPE | SOCK_CLOEXEC | SOCK_NONBLOCK)) fail('EINVAL');
  const kind = type & SOCK_TYPE;
  const { net } = call.task.namespaces;
  const host = call.kernel.sockets;
  if (family === AF_UNIX) {
    return install(call, new UnixSocket(host, statusOf(type), unixKind(type, protocol), net.names), type);
  }
  if (family === AF_NETLINK) {
    if (kind !== SOCK_RAW && kind !== SOCK_DGRAM) fail('ESOCKTNOSUPPORT');
    // of the families of netlink, only the routes are here
    if (protocol !== 0) fail('EPROTONOSUPPORT');
    return install(call, new NetlinkSocket(host, statusOf(type), kind, protocol, net), type);
  }
  if (family !== AF_INET && family !== AF_INET6) fail('EAFNOSUPPORT');
  return install(call, createInet(call, family, type, protocol), type);
}

/** ip(7): what a socket of the Internet speaks. @throws SystemError for what there is none of */
function inetType(call: Call, family: number, type: number, protocol: number): InetType {
  const { credentials, namespaces } = call.task;
  const kind = type & SOCK_TYPE;
  if (protocol < 0 || protocol >= IPPROTO_MAX) fail('EINVAL');
  if (kind === SOCK_RAW) {
    if (protocol === 0) fail('EPROTONOSUPPORT');
    if (!hasCapability(credentials, CAP_NET_RAW, namespaces.net.owner)) fail('EPERM');
    // of other protocols nothing is ever made into packets
    if (family === AF_INET6 || (protocol !== IPPROTO_ICMP && protocol !== IPPROTO_RAW)) fail('EPROTONOSUPPORT');
    return { family, kind, protocol };
  }
  if (kind !== SOCK_STREAM && kind !== SOCK_DGRAM) fail('ESOCKTNOSUPPORT');
  const known = kind === SOCK_STREAM ? [IPPROTO_TCP] : [IPPROTO_UDP, IPPROTO_UDPLITE];
  const spoken = protocol === 0 ? known[0]! : protocol;
  if (!known.includes(spoken)) fail('EPROTONOSUPPORT');
  return { family, kind, protocol: spoken };
}

function createInet(call: Call, family: number, type: number, protocol: number): Socket {
  const { net } = call.task.namespaces;
  const host = call.kernel.sockets;
  const spoken = inetType(call, family, type, protocol);
  if (spoken.kind === SOCK_RAW) return new RawSocket(host, statusOf(type), SOCK_RAW, protocol, net);
  const Kind = spoken.kind === SOCK_STREAM ? TcpSocket : UdpSocket;
  return new Kind(host, statusOf(type), spoken, net);
}

function socketpair(call: Call): number {
  const [family, type, protocol] = [call.arg(0), call.arg(1), call.arg(2)];
  if (type & ~(SOCK_TYPE | SOCK_CLOEXEC | SOCK_NONBLOCK)) fail('EINVAL');
  // nothing is left behind when the numbers cannot be told
  call.write(call.arg(3), new Uint8Array(8));
  if (family === AF_INET || family === AF_INET6) {
    inetType(call, family, type, protocol);
    fail('EOPNOTSUPP');
  }
  if (family !== AF_UNIX) fail('EAFNOSUPPORT');
  const kind = unixKind(type, protocol);
  const pair = UnixSocket.pair(call.kernel.sockets, statusOf(type), kind, call.task.namespaces.net.names);
  pair.forEach((socket, n) => {
    call.writeWord(call.arg(3) + 4 * n, install(call, socket, type), 4);
  });
  return 0;
}

function readAddress(call: Call, address: number, length: number): Uint8Array {
  if (length < 0 || length > LONGEST_ADDRESS) fail('EINVAL');
  return call.read(address, length);
}

/** Writes an address into a buffer whose size is at `lengthAddress`; the full length is put there. */
function writeAddress(call: Call, address: number, lengthAddress: number, bytes: Uint8Array): void {
  if (address !== 0) writeName(call, address, lengthAddress, bytes);
}

/** The same where the address is what the call is for. */
function writeName(call: Call, address: number, lengthAddress: number, bytes: Uint8Array): void {
  const room = call.readWord(lengthAddress, 4) | 0;
  if (room < 0) fail('EINVAL');
  const told = bytes.subarray(0, room);
  if (told.length > 0) call.write(address, told);
  call.writeWord(lengthAddress, bytes.length, 4);
}

const isNonBlocking = (socket: Socket, flags = 0) => (socket.flags & O_NONBLOCK) !== 0 || (flags & MSG_DONTWAIT) !== 0;

/** When a wait of this call ends by the socket's timeout. */
function deadlineOf(call: Call, timeout: bigint): number {
  if (timeout === 0n) return Number.POSITIVE_INFINITY;
  return call.kernel.cyclesAt(call.kernel.monotonic + timeout);
}

interface Waiting {
  readonly deadline: number;
  done: number;
}

/** Waits for a socket, or gives up at its timeout. */
function waitFor(call: Call, blocked: WouldBlock, timeout: bigint): CallResult {
  const { deadline } = call.progress<Waiting>(() => ({ deadline: deadlineOf(call, timeout), done: 0 }));
  return call.kernel.platform.cycles >= deadline ? EAGAIN : call.wait([blocked.queue], deadline);
}

function connect(call: Call): CallResult {
  const socket = socketArgument(call);
  const address = readAddress(call, call.arg(1), call.arg(2));
  if (address.length < 2) fail('EINVAL');
  const blocked = socket.connect(address, call.task);
  if (blocked === undefined) return 0;
  return isNonBlocking(socket) ? EAGAIN : waitFor(call, blocked, socket.sendTimeout);
}

function accept(call: Call, flags: number): CallResult {
  if (flags & ~(SOCK_CLOEXEC | SOCK_NONBLOCK)) fail('EINVAL');
  const socket = socketArgument(call);
  const next = socket.accept();
  if (next instanceof WouldBlock) return isNonBlocking(socket) ? EAGAIN : waitFor(call, next, socket.receiveTimeout);
  next.flags = statusOf(flags);
  const fd = install(call, next, flags);
  if (call.arg(1) !== 0) {
    const peer = next.connected() ? next.peerAddress() : new Uint8Array(2);
    writeAddress(call, call.arg(1), call.arg(2), peer);
  }
  return fd;
}

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

const calls = {
  socket: full(create),
  bind: full((call) => {
    socketArgument(call).bind(readAddress(call, call.arg(1), call.arg(2)), call.task);
    return 0;
  }),
  connect: full(connect),
  listen: full((call) => {
    const socket = socketArgument(call);
    if (socket instanceof UnixSocket) socket.listenedBy(call.task);
    socket.listen(call.arg(1));
    return 0;
  }),
  accept: full((call) => accept(call, 0)),
  accept4: full((call) => accept(call, call.arg(3))),
  getsockname: full((call) => {
    writeName(call, call.arg(1), call.arg(2), socketArgument(call).localAddress());
    return 0;
  }),
  getpeername: full((call) => {
    writeName(call, call.arg(1), call.arg(2), socketArgument(call).peerAddress());
    return 0;
  }),
  socketpair: full(socketpair),
  sendto: full(sendto, sent),
  recvfrom: full(recvfrom),
  sendmsg: full((call) => sendmsg(call, socketArgument(call), call.arg(1), call.arg(2)), sent),
  recvmsg: full((call) => recvmsg(call, socketArgument(call), call.arg(1), call.arg(2))),
  sendmmsg: full((call) => severalMessages(call, (socket, address, flags) => sendmsg(call, socket, address, flags))),
  recvmmsg: full(recvmmsg('native')),
  shutdown: full((call) => {
    const socket = socketArgument(call);
    if (call.arg(1) < 0 || call.arg(1) > 2) fail('EINVAL');
    socket.shutdown(call.arg(1));
    return 0;
  }),
  setsockopt: full(setsockopt),
  getsockopt: full(getsockopt),
} as const satisfies Implementations;

/** socketcall's numbers, and how many arguments each call takes. */
const SOCKETCALLS: Readonly<Record<number, readonly [name: keyof typeof calls, count: number]>> = {
  1: ['socket', 3],
  2: ['bind', 3],
  3: ['connect', 3],
  4: ['listen', 2],
  5: ['accept', 3],
  6: ['getsockname', 3],
  7: ['getpeername', 3],
  8: ['socketpair', 4],
  11: ['sendto', 6],
  12: ['recvfrom', 6],
  13: ['shutdown', 2],
  14: ['setsockopt', 5],
  15: ['getsockopt', 5],
  16: ['sendmsg', 3],
  17: ['recvmsg', 3],
  18: ['accept4', 4],
};

function socketcall(call: Call): CallResult {
  const entry = SOCKETCALLS[call.arg(0)];
  if (entry === undefined) {
    // send and recv are sendto and recvfrom without an address
    if (call.arg(0) === 9 || call.arg(0) === 10) return forward(call, call.arg(0) === 9 ? 'sendto' : 'recvfrom', 4);
    return fail('EINVAL');
  }
  return forward(call, ...entry);
}

function forward(call: Call, name: keyof typeof calls, count: number): CallResult {
  const words = Array.from({ length: 6 }, (_, n) => (n < count ? BigInt(call.readWord(call.arg(1) + 4 * n, 4)) : 0n));
  const row = call.kernel.syscalls.named(name);
  const inner = { ...call.pending, arguments: words };
  const result = (calls[name] as Implementation).run(
    new Call(
      call.kernel,
      call.task,
      inner,
      row.parameters.map(({ kind }) => kind),
    ),
  );
  call.pending.progress = inner.progress;
  return result;
}

export const socketCalls: Implementations = {
  ...calls,
  recvmmsg_time64: full(recvmmsg('wide')),
  socketcall: full(socketcall),
};
