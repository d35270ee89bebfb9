// Moving bytes between the memory of tasks and open files (read(2), write(2), readv(2)): in parts, so that a length a program
// gives never becomes one of the host's.
import { RLIMIT_FSIZE } from '../../abi/resource.ts';
import { O_APPEND } from '../../abi/stat.ts';
import { SI_USER, SIGNAL } from '../../abi/signal.ts';
import { fail, SystemError } from '../error.ts';
import { isNonBlocking } from '../fs/pipe.ts';
import type { AddressSpace } from '../mm/address-space.ts';
import { readAsFarAs, writeAsFarAs } from '../mm/user-memory.ts';
import { sendSignalToTask } from '../signal/send.ts';
import { type FileDescription, WouldBlock } from '../vfs/file.ts';
import { IN_ACCESS, IN_MODIFY, notifyFile } from '../vfs/notify.ts';
import { dropPrivilege } from '../vfs/permission.ts';
import type { Call, CallResult } from './call.ts';
import { limitOf } from './limits.ts';
import { failTooBig } from './file-size.ts';
import { checkSealsForWrite } from './seals.ts';

const EAGAIN = -11;
/** Most bytes one call moves. */
export const MOST_BYTES = 0x7fff_f000;
const IOV_MAX = 1024;
/** Bytes moved at once: more than any pipe holds and than any message has. */
export const PART = 1 << 22;

/** A range of a task's memory. */
export interface Buffer {
  readonly address: number;
  readonly length: number;
}

/** All bytes of the buffers. */
export function totalOf(list: readonly Buffer[]): number {
  let total = 0;
  for (const { length } of list) total += length;
  return total;
}

/** The struct iovecs at an address. @throws SystemError EINVAL, BadAddress */
export function buffers(call: Call, address: number, count: number): Buffer[] {
  if (count < 0 || count > IOV_MAX) fail('EINVAL');
  const size = call.wordSize;
  let total = 0;
  return Array.from({ length: count }, (_, n) => {
    const given = call.readWord(address + (2 * n + 1) * size);
    if ((size === 4 ? given | 0 : given) < 0) fail('EINVAL');
    const length = Math.min(given, MOST_BYTES - total);
    total += length;
    return { address: call.readWord(address + 2 * n * size), length };
  });
}

/** The buffer of read(2) and write(2). */
export const oneBuffer = (call: Call): Buffer[] => [
  { address: call.arg(1), length: Math.min(call.arg(2), MOST_BYTES) },
];

/** What is left of buffers behind `skip` bytes. */
function* behind(list: readonly Buffer[], skip: number): Iterable<Buffer> {
  let before = skip;
  for (const { address, length } of list) {
    if (before < length) yield { address: address + before, length: length - before };
    before = Math.max(0, before - length);
  }
}

/** Where bytes are on their way between a task and a file that copies them. */
const ON_THE_WAY = new Uint8Array(1 << 16);
/** Arrays of up to so many bytes are cheap: the host keeps them with their object. */
const FEW_BYTES = 64;

/** Room for so many bytes, for a moment. */
function room(length: number): Uint8Array {
  const isOwn = length <= FEW_BYTES || length > ON_THE_WAY.length;
  return isOwn ? new Uint8Array(length) : ON_THE_WAY.subarray(0, length);
}

/** At most `most` bytes behind `skip` of the buffers, as far as the memory goes. */
export function gather(memory: AddressSpace, from: readonly Buffer[], skip = 0, most = PART): Uint8Array {
  return gatherInto(new Uint8Array(Math.min(most, totalOf(from) - skip)), memory, from, skip);
}

function gatherInto(bytes: Uint8Array, memory: AddressSpace, from: readonly Buffer[], skip: number): Uint8Array {
  let at = 0;
  for (const { address, length } of skip === 0 ? from : behind(from, skip)) {
    const wanted = Math.min(length, bytes.length - at);
    const copied = readAsFarAs(memory, address, wanted === bytes.length ? bytes : bytes.subarray(at, at + wanted));
    at += copied;
    if (copied < wanted || at === bytes.length) break;
  }
  return at === bytes.length ? bytes : bytes.subarray(0, at);
}

/** Copies bytes into the buffers behind `skip` as far as the memory goes; how many. */
export function scatter(memory: AddressSpace, into: readonly Buffer[], bytes: Uint8Array, skip = 0): number {
  let done = 0;
  for (const { address, length } of skip === 0 ? into : behind(into, skip)) {
    if (length === 0) continue;
    const part = done === 0 && length >= bytes.length ? bytes : bytes.subarray(done, done + length);
    if (part.length === 0) break;
    const copied = writeAsFarAs(memory, address, part);
    done += copied;
    if (copied < part.length) break;
  }
  return done;
}

/** Reads into the buffers; `offset` undefined: at the file's own. */
export function readFrom(
  call: Call,
  file: FileDescription,
  into: readonly Buffer[],
  offset?: number,
  isPatient = true,
): CallResult {
  const wanted = totalOf(into);
  const bytes = room(Math.min(wanted, PART));
  const { io } = call.task.group;
  io.reads++;
  let done = 0;
  do {
    const most = Math.min(PART, wanted - done);
    const part = most === bytes.length ? bytes : bytes.subarray(0, most);
    const count = readPart(file, part, offset === undefined ? undefined : offset + done, done > 0);
    if (count instanceof WouldBlock) {
      io.reads--;
      const mayWait = isPatient && (count.signalled || !isNonBlocking(file));
      return mayWait ? waitFor(call, count) : EAGAIN;
    }
    if (count > 0) notifyFile(file, IN_ACCESS);
    io.bytesRead += count;
    const copied = scatter(call.memory, into, count === bytes.length ? bytes : bytes.subarray(0, count), done);
    done += copied;
    if (copied < count) {
      if (offset === undefined && file.seekable) file.offset += copied - count;
      return done > 0 ? done : fail('EFAULT');
    }
    // what is not like a file on a disk gives what there is at once
    if (count < most || !file.seekable) break;
  } while (done < wanted);
  return done;
}

/** When a call that waits for a file gives up. */
function deadlineOf({ kernel }: Call, { deadline, timeout }: WouldBlock): number {
  return timeout === 0n ? deadline : kernel.cyclesAt(kernel.monotonic + timeout);
}

function waitFor(call: Call, blocked: WouldBlock): CallResult {
  if (blocked.timeout === 0n) return call.wait([blocked.queue], blocked.deadline);
  const { deadline } = call.progress(() => ({ deadline: deadlineOf(call, blocked) }));
  return call.kernel.platform.cycles >= deadline ? EAGAIN : call.wait([blocked.queue], deadline);
}

/** A part that fails behind others ends the call. */
function readPart(file: FileDescription, into: Uint8Array, offset: number | undefined, isLater: boolean) {
  try {
    const count = offset === undefined ? file.read(into) : file.readAt(offset, into);
    return isLater && count instanceof WouldBlock ? 0 : count;
  } catch (failure) {
    if (isLater && failure instanceof SystemError) return 0;
    throw failure;
  }
}

/** How far a write has come: a call that waits goes on where it stopped. */
interface Progress {
  done: number;
  /** Bytes that may be written. */
  readonly most: number;
  /** In cycles, once the call waits. */
  deadline?: number;
}

/** Writes the buffers. */
export function writeTo(
  call: Call,
  file: FileDescription,
  from: readonly Buffer[],
  offset?: number,
  isPatient = true,
): CallResult {
  const total = totalOf(from);
  call.pending.progress ??= { done: 0, most: withinFileSizeLimit(call, file, total, offset) } satisfies Progress;
  const progress = call.pending.progress as Progress;
  try {
    do {
      const { done, most } = progress;
      const wanted = Math.min(PART, total - done, most - done);
      const bytes = gatherInto(file.copiesWrites ? room(wanted) : new Uint8Array(wanted), call.memory, from, done);
      if (bytes.length === 0 && most > 0) {
        if (done === 0) fail('EFAULT');
        break;
      }
      const at = offset === undefined ? undefined : offset + done;
      if (file.inode.seals !== undefined && bytes.length > 0)
        checkSealsForWrite(file.inode, positionOf(file, at) + bytes.length);
      const count = at === undefined ? file.write(bytes) : file.writeAt(at, bytes);
      if (count instanceof WouldBlock) {
        if (!isPatient || (isNonBlocking(file) && !count.signalled)) return done > 0 ? done : EAGAIN;
        progress.deadline ??= deadlineOf(call, count);
        if (call.kernel.platform.cycles >= progress.deadline) return done > 0 ? done : EAGAIN;
        return call.wait([count.queue], progress.deadline);
      }
      progress.done += count;
      if (count === 0) break;
    } while (progress.done < progress.most);
    if (progress.done > 0) notifyFile(file, IN_MODIFY);
    const { io } = call.task.group;
    io.writes++;
    io.bytesWritten += progress.done;
    dropPrivilege(file.inode, call.task.credentials);
  } catch (failure) {
    if (!(failure instanceof SystemError)) throw failure;
    if (failure.errno === 'EPIPE') sendBrokenPipe(call);
    if (progress.done > 0) return progress.done;
    throw failure;
  }
  return progress.done;
}

/** SIGPIPE to a writer whom nobody reads. */
export function sendBrokenPipe({ kernel, task }: Call): void {
  const { group, credentials } = task;
  const signal = SIGNAL.SIGPIPE;
  sendSignalToTask(kernel, task, { signal, code: SI_USER, pid: group.pid, uid: credentials.uid });
}

const positionOf = (file: FileDescription, offset: number | undefined) =>
  file.flags & O_APPEND ? file.inode.size : (offset ?? file.offset);

/** RLIMIT_FSIZE: a write that begins within it is cut, one beyond it fails with SIGXFSZ. */
function withinFileSizeLimit(call: Call, file: FileDescription, total: number, offset?: number): number {
  const limit = limitOf(call, RLIMIT_FSIZE);
  if (limit === Number.POSITIVE_INFINITY || !file.inode.isRegular || total === 0) return total;
  const at = positionOf(file, offset);
  if (at >= limit) failTooBig(call);
  return Math.min(total, limit - at);
}

/** A write that a signal ends reports what it wrote. */
export const written = {
  interrupted: (call: Call): number | undefined => {
    const { done } = call.pending.progress as Progress;
    return done > 0 ? done : undefined;
  },
};
