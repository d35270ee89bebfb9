// Options of sockets: getsockopt(2), setsockopt(2), socket(7) "Socket options".
import {
  AF_INET,
  AF_UNIX,
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
  SOL_SOCKET,
} from '../../abi/socket.ts';
import { fail } from '../error.ts';
import { DEFAULT_BUFFER, type Socket } from '../net/socket.ts';
import type { Call } from './call.ts';
import { credentialWords } from './socket-messages.ts';
import { socketArgument } from './sockets.ts';
import { writeTimeval } from './time.ts';

const IPPROTO_TCP = 6;
/** Least sizes of buffers, and the most that may be asked for (net.core.wmem_max); the kernel doubles what it is asked for. */
const LEAST_SEND_BUFFER = 4608;
const LEAST_RECEIVE_BUFFER = 2304;
const MOST_BUFFER = DEFAULT_BUFFER;

const bufferSize = (asked: number, least: number): number => Math.max(2 * Math.min(asked >>> 0, MOST_BUFFER), least);

const isTcp = (level: number, { protocol }: Socket): boolean => level === IPPROTO_TCP && protocol === IPPROTO_TCP;

function noSuchLevel({ family }: Socket): never {
  return fail(family === AF_UNIX ? 'EOPNOTSUPP' : 'ENOPROTOOPT');
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
  if (level !== SOL_SOCKET) return isTcp(level, socket) ? put([0]) : noSuchLevel(socket);
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
  if (level !== SOL_SOCKET)
    return socket.family === AF_INET && (isTcp(level, socket) || level === 0) ? 0 : noSuchLevel(socket);
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
  else if (name === SO_LINGER) {
    if (length < 8) fail('EINVAL');
    socket.linger = { on: value === 0 ? 0 : 1, seconds: call.readWord(address + 4, 4) | 0 };
  } else fail('ENOPROTOOPT');
  return 0;
}
