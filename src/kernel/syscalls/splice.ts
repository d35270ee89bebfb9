// System calls that move data between files without the program seeing it: sendfile(2), splice(2), tee(2), vmsplice(2),
// copy_file_range(2).
import { SI_USER, SIGNAL } from '../../abi/signal.ts';
import { O_APPEND } from '../../abi/stat.ts';
import { fail } from '../error.ts';
import { isNonBlocking, PipeEnd } from '../fs/pipe.ts';
import { sendSignalToTask } from '../signal/send.ts';
import { type FileDescription, WouldBlock } from '../vfs/file.ts';
import { IN_ACCESS, IN_MODIFY, notifyFile } from '../vfs/notify.ts';
import type { Call, CallResult } from './call.ts';
import { full, type Implementations } from './table.ts';

const EAGAIN = -11;
const MOST_BYTES = 0x7fff_f000;
/** Bytes moved at a time. */
const PART = 65536;
const IOV_MAX = 1024;
const SPLICE_F_NONBLOCK = 2;
const SPLICE_KNOWN = 0xf;

function readable(call: Call, n: number): FileDescription {
  const file = call.file(n);
  return file.readable ? file : fail('EBADF');
}

function writable(call: Call, n: number): FileDescription {
  const file = call.file(n);
  return file.writable ? file : fail('EBADF');
}

/** An offset in the program's memory, or the file's own. */
interface Position {
  readonly at: number;
  advance(count: number): void;
}

function position(call: Call, file: FileDescription, address: number, size: 4 | 8 = 8): Position {
  if (address === 0)
    return {
      at: file.offset,
      advance: (count) => {
        if (file.seekable) file.offset += count;
      },
    };
  const view = call.view(address, size);
  const at = size === 4 ? view.getInt32(0, true) : Number(view.getBigInt64(0, true));
  if (at < 0) fail('EINVAL');
  return { at, advance: (count) => call.writeWord(address, at + count, size) };
}

function moved(from: FileDescription, to: FileDescription): void {
  notifyFile(from, IN_ACCESS);
  notifyFile(to, IN_MODIFY);
}

/** Waits, unless the call or its files must not; what was done so far counts. */
function blocked(call: Call, { queue, deadline }: WouldBlock, mayWait: boolean, done = 0): CallResult {
  if (done > 0) return done;
  return mayWait ? call.wait([queue], deadline) : EAGAIN;
}

/** Nobody reads the pipe any more. */
function brokenPipe(call: Call): never {
  const { group, credentials } = call.task;
  const { uid } = credentials;
  sendSignalToTask(call.kernel, call.task, { signal: SIGNAL.SIGPIPE, code: SI_USER, pid: group.pid, uid });
  return fail('EPIPE');
}

function sendfile(call: Call, offsetSize: 4 | 8): CallResult {
  const [out, from] = [writable(call, 0), readable(call, 1)];
  if (from.inode.isDirectory || out.inode.isDirectory) fail('EINVAL');
  if (!from.seekable) fail(call.arg(2) === 0 ? 'EINVAL' : 'ESPIPE');
  if (out.flags & O_APPEND) fail('EINVAL');
  const start = position(call, from, call.arg(2), offsetSize);
  const progress = call.progress(() => ({ done: 0 }));
  const wanted = Math.min(call.arg(3), MOST_BYTES);
  // the offset is moved as the data goes, so that a signal ends the call where it is
  for (let at = start.at, sent = 0; progress.done < wanted; ) {
    const bytes = new Uint8Array(Math.min(PART, wanted - progress.done));
    const count = from.readAt(at, bytes);
    if (count instanceof WouldBlock || count === 0) break;
    const taken =
      out instanceof PipeEnd && out.pipe.readers === 0 ? brokenPipe(call) : out.write(bytes.subarray(0, count));
    if (taken instanceof WouldBlock) {
      if (isNonBlocking(out)) return progress.done > 0 ? progress.done : EAGAIN;
      return call.wait([taken.queue]);
    }
    sent += taken;
    at += taken;
    progress.done += taken;
    start.advance(address(call) === 0 ? taken : sent);
  }
  // the offset is written even when nothing moved it
  if (progress.done === 0) start.advance(0);
  else moved(from, out);
  return progress.done;
}

const address = (call: Call): number => call.arg(2);

/** A call that a signal ends reports what it moved. */
const counted = {
  interrupted: (call: Call) => {
    const { done } = call.pending.progress as { done: number };
    return done > 0 ? done : undefined;
  },
};

function splice(call: Call): CallResult {
  const [length, flags] = [Math.min(call.arg(4), MOST_BYTES), call.arg(5)];
  if (flags & ~SPLICE_KNOWN) fail('EINVAL');
  if (length === 0) return 0;
  const [from, to] = [readable(call, 0), writable(call, 2)];
  const [fromPipe, toPipe] = [from instanceof PipeEnd, to instanceof PipeEnd];
  if ((fromPipe && call.arg(1) !== 0) || (toPipe && call.arg(3) !== 0)) fail('ESPIPE');
  if (!fromPipe && !toPipe) fail('EINVAL');
  if (from instanceof PipeEnd && to instanceof PipeEnd && from.pipe === to.pipe) fail('EINVAL');
  if ((call.arg(1) !== 0 && !from.seekable) || (call.arg(3) !== 0 && !to.seekable)) fail('EINVAL');
  if (!toPipe && to.flags & O_APPEND) fail('EINVAL');
  const mayWait = !(flags & SPLICE_F_NONBLOCK);
  return from instanceof PipeEnd
    ? fromPipeTo(call, from, to, length, mayWait)
    : intoPipe(call, from, to as PipeEnd, length, mayWait);
}

/** What a pipe has for the next read; or how to wait for it; undefined at its end. */
function waiting(end: PipeEnd, length: number): Uint8Array | WouldBlock | undefined {
  const { pipe } = end;
  if (pipe.length === 0) return pipe.writers === 0 ? undefined : new WouldBlock(pipe.queue);
  return pipe.peek(Math.min(length, pipe.packets[0] ?? length));
}

function fromPipeTo(call: Call, from: PipeEnd, to: FileDescription, length: number, mayWait: boolean): CallResult {
  const bytes = waiting(from, length);
  if (bytes === undefined) return 0;
  if (bytes instanceof WouldBlock) return blocked(call, bytes, mayWait && !isNonBlocking(from));
  const target = to instanceof PipeEnd ? undefined : position(call, to, call.arg(3));
  if (to instanceof PipeEnd && to.pipe.readers === 0) brokenPipe(call);
  const count = to.seekable && target !== undefined ? to.writeAt(target.at, bytes) : writeSome(to, bytes);
  if (count instanceof WouldBlock) return blocked(call, count, mayWait && !isNonBlocking(to));
  from.read(new Uint8Array(count));
  if (to.seekable) target?.advance(count);
  moved(from, to);
  return count;
}

/** To a pipe goes what there is room for, however small. */
function writeSome(to: FileDescription, bytes: Uint8Array): number | WouldBlock {
  const room = to instanceof PipeEnd ? to.pipe.room : bytes.length;
  return room === 0 ? new WouldBlock(to.queue) : to.write(bytes.subarray(0, room));
}

function intoPipe(call: Call, from: FileDescription, to: PipeEnd, length: number, mayWait: boolean): CallResult {
  const { pipe } = to;
  if (pipe.readers === 0) brokenPipe(call);
  if (from.inode.isDirectory) fail('EINVAL');
  if (pipe.room === 0) return blocked(call, new WouldBlock(pipe.queue), mayWait && !isNonBlocking(to));
  const bytes = new Uint8Array(Math.min(length, pipe.room));
  const source = position(call, from, call.arg(1));
  const count = from.seekable ? from.readAt(source.at, bytes) : from.read(bytes);
  if (count instanceof WouldBlock) return blocked(call, count, mayWait && !isNonBlocking(from));
  if (count === 0) return 0;
  to.write(bytes.subarray(0, count));
  if (from.seekable) source.advance(count);
  moved(from, to);
  return count;
}

function tee(call: Call): CallResult {
  const [length, flags] = [Math.min(call.arg(2), MOST_BYTES), call.arg(3)];
  if (flags & ~SPLICE_KNOWN) fail('EINVAL');
  if (length === 0) return 0;
  const [from, to] = [readable(call, 0), writable(call, 1)];
  if (!(from instanceof PipeEnd && to instanceof PipeEnd) || from.pipe === to.pipe) return fail('EINVAL');
  const mayWait = !(flags & SPLICE_F_NONBLOCK);
  const bytes = waiting(from, length);
  if (bytes === undefined) return 0;
  if (bytes instanceof WouldBlock) return blocked(call, bytes, mayWait && !isNonBlocking(from));
  if (to.pipe.readers === 0) brokenPipe(call);
  const count = writeSome(to, bytes);
  return count instanceof WouldBlock ? blocked(call, count, mayWait && !isNonBlocking(to)) : count;
}

/** Memory of the program goes into a pipe, or the other way round. */
function vmsplice(call: Call): CallResult {
  const [count, flags] = [call.arg(2), call.arg(3)];
  if (flags & ~SPLICE_KNOWN) fail('EINVAL');
  const end = call.file(0);
  if (!(end instanceof PipeEnd)) return fail('EBADF');
  if (count > IOV_MAX) fail('EINVAL');
  const word = call.wordSize;
  const mayWait = !(flags & SPLICE_F_NONBLOCK) && !isNonBlocking(end);
  let done = 0;
  for (let n = 0; n < count; n++) {
    const start = call.readWord(call.arg(1) + 2 * n * word);
    const length = call.readWord(call.arg(1) + (2 * n + 1) * word);
    if (length === 0) continue;
    const part = end.writable ? give(call, end, start, length) : take(call, end, start, length);
    if (part instanceof WouldBlock) return blocked(call, part, mayWait, done);
    done += part;
    if (part < length) break;
  }
  return done;
}

function give(call: Call, end: PipeEnd, start: number, length: number): number | WouldBlock {
  if (end.pipe.readers === 0) brokenPipe(call);
  const { room } = end.pipe;
  return room === 0 ? new WouldBlock(end.queue) : writeSome(end, call.read(start, Math.min(length, room)));
}

function take(call: Call, end: PipeEnd, start: number, length: number): number | WouldBlock {
  const bytes = new Uint8Array(Math.min(length, PART));
  const count = end.read(bytes);
  if (typeof count === 'number') call.write(start, bytes.subarray(0, count));
  return count;
}

function copyFileRange(call: Call): CallResult {
  if (call.arg(5) !== 0) fail('EINVAL');
  const [from, to] = [readable(call, 0), writable(call, 2)];
  if (to.flags & O_APPEND) fail('EBADF');
  if (from.inode.isDirectory || to.inode.isDirectory) fail('EISDIR');
  if (!from.inode.isRegular || !to.inode.isRegular) fail('EINVAL');
  if (from.inode.fs !== to.inode.fs) fail('EXDEV');
  const [source, target] = [position(call, from, call.arg(1)), position(call, to, call.arg(3))];
  const length = Math.min(call.arg(4), MOST_BYTES, Math.max(0, from.inode.size - source.at));
  const overlaps = source.at < target.at + length && target.at < source.at + length;
  if (from.inode === to.inode && overlaps && length > 0) fail('EINVAL');
  let done = 0;
  while (done < length) {
    const bytes = new Uint8Array(Math.min(PART, length - done));
    const count = from.readAt(source.at + done, bytes);
    if (count instanceof WouldBlock || count === 0) break;
    const wrote = to.writeAt(target.at + done, bytes.subarray(0, count));
    if (wrote instanceof WouldBlock) break;
    done += wrote;
    if (wrote < count) break;
  }
  source.advance(done);
  target.advance(done);
  if (done > 0) moved(from, to);
  return done;
}

export const spliceCalls: Implementations = {
  sendfile: full((call) => sendfile(call, call.wordSize), counted),
  sendfile64: full((call) => sendfile(call, 8), counted),
  splice: full(splice),
  tee: full(tee),
  vmsplice: full(vmsplice),
  copy_file_range: full(copyFileRange),
};
