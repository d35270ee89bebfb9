// System calls that make sockets, name and connect them: socket(2), bind(2), connect(2), accept(2), …; i386 has them, and
// transfers, behind socketcall(2) too.
import {
  AF_INET,
  AF_INET6,
  AF_NETLINK,
  AF_UNIX,
  IPPROTO_TCP,
  IPPROTO_UDP,
  IPPROTO_UDPLITE,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_RAW,
  SOCK_NONBLOCK,
  SOCK_SEQPACKET,
  SOCK_STREAM,
  SOCK_TYPE,
} from '../../abi/socket.ts';
import { O_NONBLOCK, O_RDWR } from '../../abi/stat.ts';
import { fail } from '../error.ts';
import type { InetType } from '../net/inet.ts';
import { NetlinkSocket } from '../net/netlink.ts';
import { IPPROTO_ICMP, IPPROTO_RAW, RawSocket } from '../net/raw.ts';
import type { Socket } from '../net/socket.ts';
import { TcpSocket } from '../net/tcp.ts';
import { UdpSocket } from '../net/udp.ts';
import { UnixSocket } from '../net/unix.ts';
import { WouldBlock } from '../vfs/file.ts';
import { CAP_NET_RAW, hasCapability } from '../vfs/permission.ts';
import { Call, type CallResult } from './call.ts';
import { openFilesLimit } from './limits.ts';
import { getsockopt, setsockopt } from './socket-options.ts';
import { done, full, type Implementation, type Implementations } from './table.ts';
import {
  socketArgument,
  readAddress,
  isNonBlocking,
  EAGAIN,
  waitFor,
  writeAddress,
  writeName,
} from './socket-arguments.ts';
import { transferCalls } from './socket-transfers.ts';

const IPPROTO_MAX = 263;

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

const calls = {
  ...transferCalls,
  socket: full(create),
  bind: done((call) => {
    socketArgument(call).bind(readAddress(call, call.arg(1), call.arg(2)), call.task);
  }),
  connect: full(connect),
  listen: done((call) => {
    const socket = socketArgument(call);
    if (socket instanceof UnixSocket) socket.listenedBy(call.task);
    socket.listen(call.arg(1));
  }),
  accept: full((call) => accept(call, 0)),
  accept4: full((call) => accept(call, call.arg(3))),
  getsockname: done((call) => {
    writeName(call, call.arg(1), call.arg(2), socketArgument(call).localAddress());
  }),
  getpeername: done((call) => {
    writeName(call, call.arg(1), call.arg(2), socketArgument(call).peerAddress());
  }),
  socketpair: full(socketpair),
  shutdown: done((call) => {
    const socket = socketArgument(call);
    if (call.arg(1) < 0 || call.arg(1) > 2) fail('EINVAL');
    socket.shutdown(call.arg(1));
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
  socketcall: full(socketcall),
};
