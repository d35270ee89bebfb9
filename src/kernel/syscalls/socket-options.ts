// Options of sockets: getsockopt(2), setsockopt(2), socket(7) "Socket options".
import {
  AF_INET,
  AF_INET6,
  AF_UNIX,
  IPPROTO_IP,
  IPPROTO_IPV6,
  IPPROTO_TCP,
  IPV6_ADDRFORM,
  IPV6_V6ONLY,
  SO_ACCEPTCONN,
  SO_DOMAIN,
  SO_ERROR,
  SO_LINGER,
  SO_PASSCRED,
  SO_PEERCRED,
  SO_PROTOCOL,
  SO_RCVBUF,
  SO_RCVTIMEO,
  SO_RCVBUFFORCE,
  SO_SNDBUF,
  SO_SNDBUFFORCE,
  SO_SNDTIMEO,
  SO_TYPE,
  SOL_SOCKET,
} from '../../abi/socket.ts';
import { fail } from '../error.ts';
import { InetSocket } from '../net/inet.ts';
import { UdpSocket } from '../net/udp.ts';
import { IPV6_PKTINFO, PKTINFO6_SIZE } from '../net/packet-info.ts';
import { accepted, optionKey, optionsOf, UDP_CORK_KEY } from '../net/protocol-options.ts';
import { DEFAULT_BUFFER, type Socket } from '../net/socket.ts';
import { CAP_NET_ADMIN, hasCapability } from '../vfs/permission.ts';
import type { Call } from './call.ts';
import { credentialWords } from './socket-messages.ts';
import { socketArgument } from './socket-arguments.ts';
import { writeTimeval } from './time.ts';

/** Least sizes of buffers, and the most that may be asked for (net.core.wmem_max); the kernel doubles what it is asked for. */
const LEAST_SEND_BUFFER = 4608;
const LEAST_RECEIVE_BUFFER = 2304;
const MOST_BUFFER = DEFAULT_BUFFER;
const MOST_FORCED = 0x3fff_ffff;

const bufferSize = (asked: number, least: number): number => Math.max(2 * Math.min(asked >>> 0, MOST_BUFFER), least);

/** What CAP_NET_ADMIN sets binds nobody: SO_SNDBUFFORCE and SO_RCVBUFFORCE (socket(7)). */
function setForcedBuffer(call: Call, socket: Socket, name: number, value: number): void {
  if (!hasCapability(call.task.credentials, CAP_NET_ADMIN)) fail('EPERM');
  const size = 2 * Math.min(Math.max(value, 0), MOST_FORCED);
  if (name === SO_SNDBUFFORCE) socket.sendBuffer = Math.max(size, LEAST_SEND_BUFFER);
  else socket.receiveBuffer = Math.max(size, LEAST_RECEIVE_BUFFER);
}

/** IPV6_ADDRFORM can only be asked for AF_INET. */
function setAddressForm(socket: InetSocket, value: number): void {
  if (value !== AF_INET) fail('EINVAL');
  socket.becomeVersion4();
}

const TCP_INFO = 11;
const TCP_INFO_WORDS = 26;
const TCP_ESTABLISHED = 1;
const TCP_CLOSE = 7;
const TCP_LISTEN = 10;

const isAddressForm = (socket: Socket, level: number, name: number): socket is InetSocket =>
  socket instanceof InetSocket && level === IPPROTO_IPV6 && name === IPV6_ADDRFORM && socket.family === AF_INET6;

const isVersion6Only = (level: number, name: number): boolean => level === IPPROTO_IPV6 && name === IPV6_V6ONLY;

/** An option of the socket's protocol. @throws SystemError EOPNOTSUPP, ENOPROTOOPT */
function protocolOption(socket: Socket, level: number, name: number): number {
  if (socket instanceof InetSocket && isVersion6Only(level, name) && socket.family === AF_INET6)
    return socket.isOnly6 ? 1 : 0;
  if (isAddressForm(socket, level, name)) return socket.isConnected ? socket.family : fail('ENOTCONN');
  const option = findOption(socket, level, name, 'EOPNOTSUPP');
  return socket.options.get(optionKey(level, name)) ?? option.initial;
}

function findOption(socket: Socket, level: number, name: number, withoutLevel: 'EOPNOTSUPP' | 'ENOPROTOOPT') {
  const options = optionsOf(level, socket) ?? fail(socket.family === AF_UNIX ? 'EOPNOTSUPP' : withoutLevel);
  return options[name] ?? fail('ENOPROTOOPT');
}

const isCorkTaken = (level: number, name: number, value: number): boolean =>
  optionKey(level, name) === UDP_CORK_KEY && value === 0;

const isPacketInfo = (socket: Socket, level: number, name: number): boolean =>
  level === IPPROTO_IPV6 && name === IPV6_PKTINFO && socket.family === AF_INET6;

/** A struct in6_pktinfo for all packets. @throws SystemError EINVAL */
function setPacketInfo(call: Call, socket: Socket): number {
  const [address, length] = [call.arg(3), call.arg(4)];
  if (length < PKTINFO6_SIZE) fail('EINVAL');
  const index = call.view(address, PKTINFO6_SIZE).getInt32(16, true);
  socket.options.set(optionKey(IPPROTO_IPV6, IPV6_PKTINFO), index);
  return 0;
}

/** @throws SystemError EOPNOTSUPP, ENOPROTOOPT, EINVAL */
function setProtocolOption(call: Call, socket: Socket, level: number, name: number): number {
  if (isPacketInfo(socket, level, name)) return setPacketInfo(call, socket);
  const [address, length] = [call.arg(3), call.arg(4)];
  const isOnly6 = socket instanceof InetSocket && isVersion6Only(level, name) && socket.family === AF_INET6;
  const isForm = isAddressForm(socket, level, name);
  const option = isOnly6 || isForm ? undefined : findOption(socket, level, name, 'ENOPROTOOPT');
  // of IPv4 a byte is enough, and nothing is 0
  if (length < 4 && level !== IPPROTO_IP) fail('EINVAL');
  const value = length >= 4 ? call.readWord(address, 4) | 0 : length > 0 ? call.view(address, 1).getUint8(0) : 0;
  if (isOnly6) {
    if (socket.isBound) fail('EINVAL');
    socket.isOnly6 = value !== 0;
  } else if (isForm) setAddressForm(socket, value);
  else socket.options.set(optionKey(level, name), accepted(option!, value) ?? fail('EINVAL'));
  if (socket instanceof UdpSocket && isCorkTaken(level, name, value)) socket.uncork();
  return 0;
}

/** A struct timeval. @throws SystemError EINVAL, EDOM */
function readTimeout(call: Call, address: number, length: number): bigint {
  const word = call.wordSize;
  if (length < 2 * word) fail('EINVAL');
  const [seconds, microseconds] = [call.readWord(address), call.readWord(address + word)];
  if (microseconds < 0 || microseconds >= 1_000_000) fail('EDOM');
  return seconds < 0 ? 0n : BigInt(seconds) * 1_000_000_000n + BigInt(microseconds) * 1000n;
}

function getTimeout(call: Call, time: bigint): number {
  const [address, lengthAddress] = [call.arg(3), call.arg(4)];
  writeTimeval(call, address, time);
  call.writeWord(lengthAddress, 2 * call.wordSize, 4);
  return 0;
}

/** getsockopt(2). */
export function getsockopt(call: Call): number {
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
  if (level === IPPROTO_TCP && socket.protocol === IPPROTO_TCP && name === TCP_INFO) {
    // struct tcp_info: the state, and numbers of packets that are never made
    const words = new Array<number>(TCP_INFO_WORDS).fill(0);
    words[0] = socket.isListening ? TCP_LISTEN : socket.connected() ? TCP_ESTABLISHED : TCP_CLOSE;
    return put(words);
  }
  if (level !== SOL_SOCKET) return put([protocolOption(socket, level, name)]);
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
      return put([error]);
    }
    case SO_ACCEPTCONN:
      return put([socket.isListening ? 1 : 0]);
    case SO_SNDBUF:
      return put([socket.sendBuffer]);
    case SO_RCVBUF:
      return put([socket.receiveBuffer]);
    case SO_SNDTIMEO:
    case SO_RCVTIMEO:
      return getTimeout(call, name === SO_SNDTIMEO ? socket.sendTimeout : socket.receiveTimeout);
    case SO_LINGER:
      return put([socket.linger.on, socket.linger.seconds]);
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

/** setsockopt(2). */
export function setsockopt(call: Call): number {
  const socket = socketArgument(call);
  const [level, name, address, length] = [call.arg(1), call.arg(2), call.arg(3), call.arg(4)];
  if (level !== SOL_SOCKET) return setProtocolOption(call, socket, level, name);
  if (name === SO_RCVTIMEO || name === SO_SNDTIMEO) {
    const time = readTimeout(call, address, length);
    if (name === SO_RCVTIMEO) socket.receiveTimeout = time;
    else socket.sendTimeout = time;
    return 0;
  }
  if (length < 4) fail('EINVAL');
  const value = call.readWord(address, 4) | 0;
  if (name === SO_PASSCRED) socket.passesCredentials = value !== 0;
  else if (socket.options.has(name)) socket.options.set(name, value === 0 ? 0 : 1);
  else if (name === SO_SNDBUF) socket.sendBuffer = bufferSize(value, LEAST_SEND_BUFFER);
  else if (name === SO_RCVBUF) socket.receiveBuffer = bufferSize(value, LEAST_RECEIVE_BUFFER);
  else if (name === SO_SNDBUFFORCE || name === SO_RCVBUFFORCE) setForcedBuffer(call, socket, name, value);
  else if (name === SO_LINGER) {
    if (length < 8) fail('EINVAL');
    socket.linger = { on: value === 0 ? 0 : 1, seconds: call.readWord(address + 4, 4) | 0 };
  } else fail('ENOPROTOOPT');
  return 0;
}
