// System calls of asynchronous input and output: io_setup(2), io_submit(2), io_getevents(2), io_cancel(2), io_destroy(2). As on
// Linux without O_DIRECT, a read or write is done while it is submitted; only waiting for a file goes on meanwhile.
import { ERRNO } from '../../abi/errno.ts';
import { fail, SystemError } from '../error.ts';
import { AioContext, EVENT_SIZE, MOST_EVENTS, type Request } from '../fs/aio-context.ts';
import { EventFile } from '../fs/anonymous/eventfd.ts';
import { BadAddress } from '../mm/user-memory.ts';
import { DirectoryFile } from '../vfs/directory-file.ts';
import { type FileDescription, hold, POLLERR, POLLHUP } from '../vfs/file.ts';
import { BLOCKED, type Call, type CallResult } from './call.ts';
import { full, type Implementations } from './table.ts';
import type { TimeFormat } from './time.ts';
import { type Buffer, buffers, MOST_BYTES, readFrom, writeTo } from './transfer.ts';
import { beginWait, endWait, readMask } from './waiting.ts';

/** What a ring of Linux may hold at most. */
const MOST_RING_EVENTS = 0x1000_0000 / EVENT_SIZE;
/** struct iocb. */
const IOCB_SIZE = 64;
const IOCB_FLAG_RESFD = 1;
const RWF_KNOWN = 31;
const RWF_NOWAIT = 8;
const RWF_APPEND = 16;

const [PREAD, PWRITE, FSYNC, FDSYNC, POLL, PREADV, PWRITEV] = [0, 1, 2, 3, 5, 7, 8];

function setup(call: Call): number {
  const [wanted, address] = [call.arg(0), call.arg(1)];
  const before = call.readWord(address);
  if (before !== 0 || wanted === 0 || wanted > MOST_RING_EVENTS) fail('EINVAL');
  const { aio, shared } = call.kernel;
  if (aio.reserved + wanted > MOST_EVENTS) fail('EAGAIN');
  const context = AioContext.create(call.memory, shared, wanted, aio) ?? fail('ENOMEM');
  try {
    call.writeWord(address, context.address);
  } catch (failure) {
    end(context);
    throw failure;
  }
  return 0;
}

function contextOf(call: Call): AioContext {
  return call.memory.aioContexts.get(call.arg(0)) ?? fail('EINVAL');
}

function end(context: AioContext): void {
  context.destroy();
  context.unmap();
}

/** A struct iocb. */
interface ControlBlock {
  readonly address: number;
  readonly data: bigint;
  readonly rwFlags: number;
  readonly operation: number;
  readonly file: FileDescription;
  readonly buffer: number;
  readonly length: number;
  readonly offset: number;
  readonly bell: EventFile | undefined;
}

/** @throws SystemError EINVAL, EBADF, BadAddress */
function readControlBlock(call: Call, address: number): ControlBlock {
  const view = call.view(address, IOCB_SIZE);
  const big = (at: number) => Number(view.getBigInt64(at, true));
  const [flags, resultFd] = [view.getUint32(56, true), view.getInt32(60, true)];
  const length = big(32);
  if (view.getBigUint64(48, true) !== 0n || length < 0) fail('EINVAL');
  const file = call.task.files.get(view.getUint32(20, true) | 0);
  const bell = flags & IOCB_FLAG_RESFD ? call.task.files.get(resultFd) : undefined;
  if (bell !== undefined && !(bell instanceof EventFile)) return fail('EINVAL');
  // aio_key, by which io_cancel knows that this is one
  call.writeWord(address + 8, 0, 4);
  return {
    address,
    data: view.getBigUint64(0, true),
    rwFlags: view.getUint32(12, true),
    operation: view.getUint16(16, true),
    file,
    buffer: Number(view.getBigUint64(24, true)),
    length,
    offset: big(40),
    bell,
  };
}

/** What a read or write moves, from which offset on; undefined for files without one. */
function transferOf(call: Call, block: ControlBlock): { list: Buffer[]; offset: number | undefined } {
  const { operation, file, rwFlags } = block;
  const isWrite = operation === PWRITE || operation === PWRITEV;
  if (rwFlags & ~RWF_KNOWN || (!isWrite && rwFlags & RWF_APPEND)) fail('EOPNOTSUPP');
  if (isWrite ? !file.writable : !file.readable) fail('EBADF');
  if (file instanceof DirectoryFile) fail('EINVAL');
  const isVector = operation === PREADV || operation === PWRITEV;
  const list = isVector
    ? buffers(call, block.buffer, block.length)
    : [{ address: block.buffer, length: Math.min(block.length, MOST_BYTES) }];
  if (file.seekable && block.offset < 0) fail('EINVAL');
  if (!file.seekable) return { list, offset: undefined };
  return { list, offset: rwFlags & RWF_APPEND ? file.inode.size : block.offset };
}

/** Reads or writes; a wrong address of data or a failure of the file is told by the event. */
function transfer(call: Call, block: ControlBlock): CallResult {
  const { list, offset } = transferOf(call, block);
  const isWrite = block.operation === PWRITE || block.operation === PWRITEV;
  try {
    const isPatient = (block.rwFlags & RWF_NOWAIT) === 0;
    return (isWrite ? writeTo : readFrom)(call, block.file, list, offset, isPatient);
  } catch (failure) {
    if (failure instanceof SystemError) return failure.result;
    if (failure instanceof BadAddress) return -ERRNO.EFAULT;
    throw failure;
  }
}

function synchronize({ file, buffer, length, offset, rwFlags }: ControlBlock): number {
  if (buffer !== 0 || length !== 0 || offset !== 0 || rwFlags !== 0) fail('EINVAL');
  return file.inode.isRegular || file.inode.isDirectory ? 0 : fail('EINVAL');
}

function poll(context: AioContext, block: ControlBlock): void {
  const { file, buffer, length, offset, rwFlags, bell } = block;
  if (buffer > 0xffff || length !== 0 || offset !== 0 || rwFlags !== 0) fail('EINVAL');
  const request: Request = { ...block, bell: bell === undefined ? undefined : hold(bell) };
  context.poll(request, file, buffer | POLLERR | POLLHUP);
}

/** How far io_submit has come; a request that waits has progress of its own. */
interface Submission {
  done: number;
  block: ControlBlock | undefined;
  inner: unknown;
}

/** Submits one request; BLOCKED when it has to wait. @throws SystemError, BadAddress */
function submitOne(call: Call, context: AioContext, submission: Submission): typeof BLOCKED | undefined {
  if (submission.block === undefined) {
    const address = call.readWord(call.arg(2) + submission.done * call.wordSize);
    if (!context.hasRoom) fail('EAGAIN');
    submission.block = readControlBlock(call, address);
  }
  const { block } = submission;
  switch (block.operation) {
    case PREAD:
    case PWRITE:
    case PREADV:
    case PWRITEV: {
      call.pending.progress = submission.inner;
      const result = transfer(call, block);
      submission.inner = call.pending.progress;
      call.pending.progress = submission;
      if (result === BLOCKED) return BLOCKED;
      context.complete(block, Number(result));
      return undefined;
    }
    case FSYNC:
    case FDSYNC:
      context.complete(block, synchronize(block));
      return undefined;
    case POLL:
      poll(context, block);
      return undefined;
    default:
      return fail('EINVAL');
  }
}

function submit(call: Call): CallResult {
  const context = contextOf(call);
  const count = call.arg(1);
  if (count < 0) fail('EINVAL');
  const submission = call.progress<Submission>(() => ({ done: 0, block: undefined, inner: undefined }));
  try {
    for (; submission.done < Math.min(count, context.capacity); submission.done++) {
      if (submitOne(call, context, submission) === BLOCKED) return BLOCKED;
      submission.block = undefined;
      submission.inner = undefined;
    }
  } catch (failure) {
    const isGuests = failure instanceof SystemError || failure instanceof BadAddress;
    if (!isGuests || submission.done === 0) throw failure;
  }
  return submission.done;
}

/** A signal ends the request that waits: its event says so. */
function submitInterrupted(call: Call): number | undefined {
  const { done, block } = call.pending.progress as Submission;
  if (block === undefined) return undefined;
  contextOf(call).complete(block, -ERRNO.EINTR);
  return done + 1;
}

/** A timeout in a struct timespec, whatever is in it; nothing to wait for below zero. */
const timeoutOf = (call: Call, format: TimeFormat) => (): bigint | undefined => {
  const address = call.arg(4);
  if (address === 0) return undefined;
  const size = format === 'wide' ? 8 : call.wordSize;
  const view = call.view(address, 2 * size);
  const word = (at: number) => (size === 8 ? view.getBigInt64(at, true) : BigInt(view.getInt32(at, true)));
  const time = word(0) * 1_000_000_000n + word(size);
  return time > 0n ? time : 0n;
};

/** struct __aio_sigset: a pointer to a mask, and its size. */
function maskOf(call: Call): bigint | undefined {
  const address = call.arg(5);
  if (address === 0) return undefined;
  return readMask(call, call.readWord(address), call.readWord(address + call.wordSize));
}

function getEvents(format: TimeFormat, mask: (call: Call) => bigint | undefined): (call: Call) => CallResult {
  return (call) => {
    const deadline = beginWait(call, timeoutOf(call, format), () => mask(call));
    const [least, most, address] = [call.arg(1), call.arg(2), call.arg(3)];
    const context = contextOf(call);
    if (least < 0 || least > most) fail('EINVAL');
    const events = context.peek(most);
    const count = events.length / EVENT_SIZE;
    if (count < least && call.kernel.platform.cycles < deadline) return call.wait([context.queue], deadline);
    if (count > 0) call.write(address, events);
    context.take(count);
    return endWait(call, count);
  };
}

/** A signal: what is there is given, if anything. */
function stopWaiting(call: Call): number | undefined {
  const context = call.memory.aioContexts.get(call.arg(0));
  const events = context?.peek(call.arg(2));
  if (context === undefined || events === undefined || events.length === 0) return undefined;
  call.write(call.arg(3), events);
  context.take(events.length / EVENT_SIZE);
  return events.length / EVENT_SIZE;
}

function cancel(call: Call): number {
  const address = call.arg(1);
  if (call.readWord(address + 8, 4) !== 0) fail('EINVAL');
  const request = contextOf(call).find(address) ?? fail('EINVAL');
  request.end(0);
  // the event tells of the end
  return fail('EINPROGRESS');
}

const withoutMask = () => undefined;
const waiting = { interruption: 'never', interrupted: stopWaiting } as const;

export const aioCalls: Implementations = {
  io_setup: full(setup),
  io_destroy: full((call) => {
    end(contextOf(call));
    return 0;
  }),
  io_submit: full(submit, { interrupted: submitInterrupted }),
  io_getevents: full(getEvents('native', withoutMask), waiting),
  io_pgetevents: full(getEvents('native', maskOf), waiting),
  io_pgetevents_time64: full(getEvents('wide', maskOf), waiting),
  io_cancel: full(cancel),
};
