// What system calls on sockets have in common: the socket and the addresses they are given, and how long they wait.
import { MSG_DONTWAIT } from '../../abi/socket.ts';
import { O_NONBLOCK } from '../../abi/stat.ts';
import { fail } from '../error.ts';
import { Socket } from '../net/socket.ts';
import type { WouldBlock } from '../vfs/file.ts';
import type { Call, CallResult } from './call.ts';

export const EAGAIN = -11;
const LONGEST_ADDRESS = 128;

/** The socket of an argument. @throws SystemError EBADF, ENOTSOCK */
export function socketArgument(call: Call, n = 0): Socket {
  const file = call.file(n);
  return file instanceof Socket ? file : fail('ENOTSOCK');
}

/** A struct sockaddr as bytes. @throws SystemError EINVAL */
export function readAddress(call: Call, address: number, length: number): Uint8Array {
  if (length < 0 || length > LONGEST_ADDRESS) fail('EINVAL');
  return call.read(address, length);
}

/** Writes an address into a buffer whose size is at `lengthAddress`; the full length is put there. */
export function writeAddress(call: Call, address: number, lengthAddress: number, bytes: Uint8Array): void {
  if (address !== 0) writeName(call, address, lengthAddress, bytes);
}

/** The same where the address is what the call is for. */
export function writeName(call: Call, address: number, lengthAddress: number, bytes: Uint8Array): void {
  const room = call.readWord(lengthAddress, 4) | 0;
  if (room < 0) fail('EINVAL');
  const told = bytes.subarray(0, room);
  if (told.length > 0) call.write(address, told);
  call.writeWord(lengthAddress, bytes.length, 4);
}

/** The call does not wait. */
export const isNonBlocking = (socket: Socket, flags = 0) =>
  (socket.flags & O_NONBLOCK) !== 0 || (flags & MSG_DONTWAIT) !== 0;

/** When a wait of this call ends by the socket's timeout. */
export function deadlineOf(call: Call, timeout: bigint): number {
  if (timeout === 0n) return Number.POSITIVE_INFINITY;
  return call.kernel.cyclesAt(call.kernel.monotonic + timeout);
}

/** A call that waits, and what it has done so far. */
export interface Waiting {
  readonly deadline: number;
  done: number;
}

/** Waits for a socket, or gives up at its timeout. */
export function waitFor(call: Call, blocked: WouldBlock, timeout: bigint): CallResult {
  const { deadline } = call.progress<Waiting>(() => ({ deadline: deadlineOf(call, timeout), done: 0 }));
  return call.kernel.platform.cycles >= deadline ? EAGAIN : call.wait([blocked.queue], deadline);
}
