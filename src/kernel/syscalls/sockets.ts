// System calls on sockets: socket(2), bind(2), connect(2), accept(2), send(2), recv(2), …; i386 also has them behind
// socketcall(2).
import {
  AF_INET,
  AF_NETLINK,
  AF_UNIX,
  MSG_CMSG_CLOEXEC,
  MSG_CTRUNC,
  MSG_DONTWAIT,
  MSG_NOSIGNAL,
  MSG_PEEK,
  MSG_TRUNC,
  MSG_WAITALL,
  SCM_CREDENTIALS,
  SCM_RIGHTS,
  SO_ACCEPTCONN,
  SO_DOMAIN,
  SO_ERROR,
  SO_LINGER,
  SO_PASSCRED,
  SO_PEERCRED,
  SO_PROTOCOL,
  SO_RCVBUF,
  SO_RCVTIMEO,
  SO_SNDBUF,
  SO_SNDTIMEO,
  SO_TYPE,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_RAW,
  SOCK_NONBLOCK,
  SOCK_SEQPACKET,
  SOCK_STREAM,
  SOCK_TYPE,
  SOL_SOCKET,
} from '../../abi/socket.ts';
import { O_NONBLOCK, O_RDWR } from '../../abi/stat.ts';
import { fail, SystemError } from '../error.ts';
import { InetSocket } from '../net/inet.ts';
import { NetlinkSocket } from '../net/netlink.ts';
import { type Ancillary, NO_ANCILLARY, type PeerCredentials, type Received, Socket } from '../net/socket.ts';
import { UnixSocket } from '../net/unix.ts';
import { hold, release, WouldBlock } from '../vfs/file.ts';
import { CAP_SETGID, CAP_SETUID, CAP_SYS_ADMIN, hasCapability } from '../vfs/permission.ts';
import { Call, type CallResult } from './call.ts';
import { openFilesLimit } from './paths.ts';
import { full, type Implementation, type Implementations, partial } from './table.ts';
import { type Buffer, buffers, gather, oneBuffer, PART, sendBrokenPipe, totalOf } from './transfer.ts';

const EAGAIN = -11;
const LONGEST_ADDRESS = 128;
const BUFFER_SIZE = 212992;
const IPPROTO_TCP = 6;
const IPPROTO_UDP = 17;
const MOST_FILES = 253;
/** Most bytes of control messages (optmem_max). */
const MOST_CONTROL = 20480;

function socketArgument(call: Call, n = 0): Socket {
  const file = call.file(n);
  return file instanceof Socket ? file : fail('ENOTSOCK');
}

const statusOf = (type: number) => O_RDWR | (type & SOCK_NONBLOCK ? O_NONBLOCK : 0);

function install(call: Call, socket: Socket, type: number): number {
  return call.task.files.install(socket, (type & SOCK_CLOEXEC) !== 0, openFilesLimit(call));
}

function create(call: Call): number {
  const [family, type, protocol] = [call.arg(0), call.arg(1), call.arg(2)];
  if (type & ~(SOCK_TYPE | SOCK_CLOEXEC | SOCK_NONBLOCK)) fail('EINVAL');
  const kind = type & SOCK_TYPE;
  const { net } = call.task.namespaces;
  const host = call.kernel.sockets;
  if (family === AF_UNIX) {
    if (![SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET].includes(kind)) fail('ESOCKTNOSUPPORT');
    if (protocol !== 0 && protocol !== AF_UNIX) fail('EPROTONOSUPPORT');
    return install(call, new UnixSocket(host, statusOf(type), kind, net.names), type);
  }
  if (family === AF_NETLINK) {
    if (kind !== SOCK_RAW && kind !== SOCK_DGRAM) fail('ESOCKTNOSUPPORT');
    // of the families of netlink, only the routes are here
    if (protocol !== 0) fail('EPROTONOSUPPORT');
    return install(call, new NetlinkSocket(host, statusOf(type), kind, protocol, net), type);
  }
  if (family !== AF_INET) fail('EAFNOSUPPORT');
  const native = kind === SOCK_STREAM ? IPPROTO_TCP : IPPROTO_UDP;
  if (kind !== SOCK_STREAM && kind !== SOCK_DGRAM) fail(kind === SOCK_SEQPACKET ? 'ESOCKTNOSUPPORT' : 'EPERM');
  if (protocol !== 0 && protocol !== native) fail('EPROTONOSUPPORT');
  return install(call, new InetSocket(host, statusOf(type), kind, native, net), type);
}

function socketpair(call: Call): number {
  const [family, type] = [call.arg(0), call.arg(1)];
  if (family !== AF_UNIX) fail(family === AF_INET ? 'EOPNOTSUPP' : 'EAFNOSUPPORT');
  const kind = type & SOCK_TYPE;
  if (![SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET].includes(kind)) fail('ESOCKTNOSUPPORT');
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
  if (address === 0) return;
  const room = call.readWord(lengthAddress, 4) | 0;
  if (room < 0) fail('EINVAL');
  call.write(address, bytes.subarray(0, room));
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
  const waiting = call.progress<Waiting>(() => ({ deadline: deadlineOf(call, socket.sendTimeout), done: 0 }));
  const total = totalOf(from);
  try {
    for (;;) {
      const bytes = gather(call.memory, from, waiting.done);
      if (bytes.length < Math.min(PART, total - waiting.done)) return waiting.done > 0 ? waiting.done : fail('EFAULT');
      const count = socket.send(bytes, to, waiting.done === 0 ? ancillary : NO_ANCILLARY);
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

interface MessageHeader {
  readonly name: number;
  readonly nameLength: number;
  readonly buffers: readonly Buffer[];
  readonly control: number;
  readonly controlLength: number;
}

/** struct msghdr. */
function readHeader(call: Call, address: number): MessageHeader {
  const word = call.wordSize;
  const at = (n: number) => call.readWord(address + n * word);
  const count = at(3);
  if (count < 0 || count > 1024) fail('EMSGSIZE');
  return {
    name: at(0),
    nameLength: call.readWord(address + word, 4) | 0,
    buffers: buffers(call, at(2), count),
    control: at(4),
    controlLength: at(5),
  };
}

/** The struct ucred a sender claims: its own IDs, or any with the capabilities to take them. */
function claimed(call: Call, address: number, length: number): PeerCredentials {
  if (length !== 12) return fail('EINVAL');
  const { credentials, group } = call.task;
  const [number, ...ids] = [0, 4, 8].map((at) => call.readWord(address + at, 4)) as [number, number, number];
  const [uid, gid] = [call.users.fromProgram('uid', ids[0]!), call.users.fromProgram('gid', ids[1]!)];
  const may = (capability: number) => hasCapability(credentials, capability, credentials.user);
  const mayClaimPid = number === call.number(group.pid) || hasCapability(credentials, CAP_SYS_ADMIN, call.pids.owner);
  const isOwnUser = [credentials.uid, credentials.euid, credentials.suid].includes(uid);
  const isOwnGroup = [credentials.gid, credentials.egid, credentials.sgid].includes(gid);
  if (!mayClaimPid || !(isOwnUser || may(CAP_SETUID)) || !(isOwnGroup || may(CAP_SETGID))) fail('EPERM');
  return { pid: (call.pids.groups.get(number) ?? fail('ESRCH')).pid, uid, gid };
}

/** Control messages of a message to be sent: files and credentials. */
function readControl(call: Call, { control, controlLength }: MessageHeader, socket: Socket): Ancillary {
  const word = call.wordSize;
  const head = word + 8;
  const files: Ancillary['files'][number][] = [];
  let credentials: Ancillary['credentials'];
  for (let at = 0; control !== 0 && at + head <= controlLength; ) {
    const length = call.readWord(control + at);
    if (length < head || at + length > controlLength) fail('EINVAL');
    const [level, type] = [call.readWord(control + at + word, 4), call.readWord(control + at + word + 4, 4)];
    if (level === SOL_SOCKET && type === SCM_RIGHTS) {
      if (socket.family !== AF_UNIX) fail('EINVAL');
      for (let n = 0; n < (length - head) / 4; n++)
        files.push(call.task.files.get(call.readWord(control + at + head + 4 * n, 4) | 0));
    } else if (level === SOL_SOCKET && type === SCM_CREDENTIALS)
      credentials = claimed(call, control + at + head, length - head);
    else fail('EINVAL');
    at += Math.ceil(length / word) * word;
  }
  if (files.length > MOST_FILES) fail('EINVAL');
  return { files, credentials };
}

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
  const received = socket.receive(length, { peek: (flags & MSG_PEEK) !== 0 });
  if (!(received instanceof WouldBlock)) return received;
  return isNonBlocking(socket, flags) ? EAGAIN : waitFor(call, received, socket.receiveTimeout);
}

const isReceived = (value: Received | CallResult): value is Received => typeof value === 'object';

function recvfrom(call: Call): CallResult {
  const socket = socketArgument(call);
  const [address, length, flags] = [call.arg(1), call.arg(2), call.arg(3)];
  if (flags & MSG_WAITALL && socket.kind === SOCK_STREAM) return receiveAll(call, socket, address, length, flags);
  const received = receive(call, socket, length, flags);
  if (!isReceived(received)) return received;
  for (const file of received.ancillary.files) release(file);
  call.write(address, received.bytes);
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

/** struct ucred as the caller's namespaces have it. */
function credentialWords(call: Call, { pid, uid, gid }: PeerCredentials): number[] {
  return [call.number(pid), call.shownId('uid', uid), call.shownId('gid', gid)];
}

/** Writes control messages of what was received; files get descriptors. Returns the length and what did not fit. */
function writeControl(
  call: Call,
  header: MessageHeader,
  { ancillary }: Received,
  socket: Socket,
  flags: number,
): { length: number; truncated: boolean } {
  const word = call.wordSize;
  const head = word + 8;
  let at = 0;
  let truncated = false;
  const put = (type: number, values: readonly number[]) => {
    const length = head + 4 * values.length;
    call.writeWord(header.control + at, length);
    call.writeWord(header.control + at + word, SOL_SOCKET, 4);
    call.writeWord(header.control + at + word + 4, type, 4);
    values.forEach((value, n) => {
      call.writeWord(header.control + at + head + 4 * n, value, 4);
    });
    at += Math.min(Math.ceil(length / word) * word, header.controlLength - at);
  };
  const room = () => (header.control === 0 ? 0 : header.controlLength - at);
  const { credentials, files } = ancillary;
  if (socket.passesCredentials && credentials !== undefined) {
    if (room() >= head + 12) put(SCM_CREDENTIALS, credentialWords(call, credentials));
    else truncated = true;
  }
  if (files.length > 0) {
    const fitting = Math.max(0, Math.floor((room() - head) / 4));
    const given = files.slice(0, fitting);
    for (const file of files.slice(fitting)) release(file);
    truncated ||= given.length < files.length;
    const numbers = given.map((file) =>
      call.task.files.install(file, (flags & MSG_CMSG_CLOEXEC) !== 0, openFilesLimit(call)),
    );
    if (numbers.length > 0) put(SCM_RIGHTS, numbers);
  }
  return { length: at, truncated };
}

function recvmsg(call: Call, socket: Socket, address: number, flags: number): CallResult {
  const word = call.wordSize;
  const header = readHeader(call, address);
  const total = header.buffers.reduce((sum, { length }) => sum + length, 0);
  const received = receive(call, socket, total, flags);
  if (!isReceived(received)) return received;
  let done = 0;
  for (const buffer of header.buffers) {
    const part = received.bytes.subarray(done, done + buffer.length);
    if (part.length > 0) call.write(buffer.address, part);
    done += part.length;
  }
  if (header.name !== 0) {
    call.write(header.name, received.from.subarray(0, header.nameLength));
    call.writeWord(address + word, received.from.length, 4);
  }
  const control = writeControl(call, header, received, socket, flags);
  call.writeWord(address + 5 * word, control.length);
  const isCut = received.length > received.bytes.length;
  call.writeWord(address + 6 * word, (isCut ? MSG_TRUNC : 0) | (control.truncated ? MSG_CTRUNC : 0), 4);
  return flags & MSG_TRUNC ? received.length : received.bytes.length;
}

function getsockopt(call: Call): number {
  const socket = socketArgument(call);
  const [level, name, address, lengthAddress] = [call.arg(1), call.arg(2), call.arg(3), call.arg(4)];
  const room = call.readWord(lengthAddress, 4) | 0;
  if (room < 0) fail('EINVAL');
  const put = (words: readonly number[]) => {
    const bytes = new Uint8Array(Int32Array.from(words).buffer).subarray(0, room);
    call.write(address, bytes);
    call.writeWord(lengthAddress, bytes.length, 4);
    return 0;
  };
  if (level !== SOL_SOCKET)
    return level === IPPROTO_TCP && socket.protocol === IPPROTO_TCP ? put([0]) : fail('ENOPROTOOPT');
  switch (name) {
    case SO_TYPE:
      return put([socket.kind]);
    case SO_DOMAIN:
      return put([socket.family]);
    case SO_PROTOCOL:
      return put([socket.protocol]);
    case SO_ERROR: {
      const { error } = socket;
      socket.error = 0;
      return put([Math.abs(error)]);
    }
    case SO_ACCEPTCONN:
      return put([socket.isListening ? 1 : 0]);
    case SO_SNDBUF:
    case SO_RCVBUF:
      return put([BUFFER_SIZE]);
    case SO_LINGER:
      return put([0, 0]);
    case SO_PASSCRED:
      return put([socket.passesCredentials ? 1 : 0]);
    case SO_PEERCRED: {
      const peer = socket.peerCredentials;
      return put(peer === undefined ? [0, -1, -1] : credentialWords(call, peer));
    }
    default:
      return put([socket.options.get(name) ?? fail('ENOPROTOOPT')]);
  }
}

function setsockopt(call: Call): number {
  const socket = socketArgument(call);
  const [level, name, address, length] = [call.arg(1), call.arg(2), call.arg(3), call.arg(4)];
  if (level !== SOL_SOCKET) return level === IPPROTO_TCP || level === 0 ? 0 : fail('ENOPROTOOPT');
  if (name === SO_RCVTIMEO || name === SO_SNDTIMEO) {
    const [seconds, microseconds] = [call.readWord(address), call.readWord(address + call.wordSize)];
    const time = BigInt(seconds) * 1_000_000_000n + BigInt(microseconds) * 1000n;
    if (name === SO_RCVTIMEO) socket.receiveTimeout = time;
    else socket.sendTimeout = time;
    return 0;
  }
  if (length < 4) fail('EINVAL');
  const value = call.readWord(address, 4) | 0;
  if (name === SO_PASSCRED) socket.passesCredentials = value !== 0;
  else if (socket.options.has(name)) socket.options.set(name, value === 0 ? 0 : 1);
  else if (![SO_SNDBUF, SO_RCVBUF, SO_LINGER].includes(name)) fail('ENOPROTOOPT');
  return 0;
}

function sendto(call: Call): CallResult {
  const socket = socketArgument(call);
  const to = call.arg(4) === 0 ? undefined : readAddress(call, call.arg(4), call.arg(5));
  return send(call, socket, oneBuffer(call), to, call.arg(3), NO_ANCILLARY);
}

/** struct mmsghdr: a msghdr and the count. */
function severalMessages(call: Call, act: (socket: Socket, address: number, flags: number) => CallResult): CallResult {
  const socket = socketArgument(call);
  const size = Math.ceil((7 * call.wordSize + 4) / call.wordSize) * call.wordSize;
  const progress = call.progress(() => ({ deadline: Number.POSITIVE_INFINITY, done: 0 }));
  for (let n = 0; n < call.arg(2); n++) {
    const address = call.arg(1) + n * size;
    const result = act(socket, address, call.arg(3) | (n > 0 ? MSG_DONTWAIT : 0));
    if (typeof result !== 'number' || result < 0) return n === 0 ? result : n;
    progress.done = 0;
    call.writeWord(address + 7 * call.wordSize, result, 4);
  }
  return call.arg(2);
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
    writeAddress(call, call.arg(1), call.arg(2), socketArgument(call).localAddress());
    return 0;
  }),
  getpeername: full((call) => {
    writeAddress(call, call.arg(1), call.arg(2), socketArgument(call).peerAddress());
    return 0;
  }),
  socketpair: full(socketpair),
  sendto: full(sendto, sent),
  recvfrom: full(recvfrom),
  sendmsg: full((call) => sendmsg(call, socketArgument(call), call.arg(1), call.arg(2)), sent),
  recvmsg: full((call) => recvmsg(call, socketArgument(call), call.arg(1), call.arg(2))),
  sendmmsg: full((call) => severalMessages(call, (socket, address, flags) => sendmsg(call, socket, address, flags))),
  recvmmsg: partial('the timeout is not looked at', (call) =>
    severalMessages(call, (socket, address, flags) => recvmsg(call, socket, address, flags)),
  ),
  shutdown: full((call) => {
    socketArgument(call).shutdown(call.arg(1));
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
  recvmmsg_time64: calls.recvmmsg,
  socketcall: full(socketcall),
};
