// Waiting for several files: poll(2), select(2).
import { fail } from '../error.ts';
import { UNBLOCKABLE } from '../signal/signal-set.ts';
import type { WaitQueue } from '../task/wait-queue.ts';
import {
  POLLERR,
  POLLHUP,
  POLLIN,
  POLLNVAL,
  POLLOUT,
  POLLPRI,
  POLLRDBAND,
  POLLRDNORM,
  POLLWRBAND,
  POLLWRNORM,
} from '../vfs/file.ts';
import type { Call, CallResult } from './call.ts';
import { full, type Implementations } from './table.ts';
import { readTimespec, readTimeval, type TimeFormat } from './time.ts';

const POLLFD_SIZE = 8;
const MOST_FILES = 65536;

interface Waiting {
  readonly deadline: number;
}

/** The deadline, fixed at the first try, and the signal mask while waiting. */
function begin(call: Call, timeout: () => bigint | undefined, mask: () => bigint | undefined): number {
  return call.progress<Waiting>(() => {
    const time = timeout();
    const set = mask();
    if (set !== undefined) {
      call.task.savedMask = call.task.blocked;
      call.task.blocked = set & ~UNBLOCKABLE;
    }
    return {
      deadline: time === undefined ? Number.POSITIVE_INFINITY : call.kernel.cyclesAt(call.kernel.monotonic + time),
    };
  }).deadline;
}

/** The mask of before comes back when nothing was delivered. */
function end<T>(call: Call, result: T): T {
  const { task } = call;
  if (task.savedMask !== undefined) {
    task.blocked = task.savedMask;
    task.savedMask = undefined;
  }
  return result;
}

function pollOnce(call: Call, address: number, count: number, queues: WaitQueue[]): number {
  const view = call.view(address, count * POLLFD_SIZE);
  let ready = 0;
  for (let n = 0; n < count; n++) {
    const fd = view.getInt32(n * POLLFD_SIZE, true);
    const events = view.getUint16(n * POLLFD_SIZE + 4, true);
    let found = 0;
    if (fd >= 0 && !call.task.files.has(fd)) found = POLLNVAL;
    else if (fd >= 0) {
      const file = call.task.files.get(fd);
      found = file.poll() & (events | POLLERR | POLLHUP);
      queues.push(file.queue);
    }
    view.setUint16(n * POLLFD_SIZE + 6, found, true);
    if (found !== 0) ready++;
  }
  call.write(address, new Uint8Array(view.buffer, view.byteOffset, view.byteLength));
  return ready;
}

function poll(call: Call, timeout: () => bigint | undefined, mask: () => bigint | undefined): CallResult {
  const count = call.arg(1);
  if (count > MOST_FILES) fail('EINVAL');
  const deadline = begin(call, timeout, mask);
  const queues: WaitQueue[] = [];
  const ready = pollOnce(call, call.arg(0), count, queues);
  if (ready > 0 || call.kernel.platform.cycles >= deadline) return end(call, ready);
  return call.wait(queues, deadline);
}

/** What each of select's three sets asks for. */
const SELECT_EVENTS = [
  POLLRDNORM | POLLRDBAND | POLLIN | POLLHUP | POLLERR,
  POLLWRBAND | POLLWRNORM | POLLOUT | POLLERR,
  POLLPRI,
] as const;

function select(
  call: Call,
  args: readonly number[],
  timeout: () => bigint | undefined,
  mask: () => bigint | undefined,
): CallResult {
  const [count, ...addresses] = args as [number, ...number[]];
  if (count < 0 || count > MOST_FILES) fail('EINVAL');
  const deadline = begin(call, timeout, mask);
  const bytes = Math.ceil(count / (8 * call.wordSize)) * call.wordSize;
  const queues: WaitQueue[] = [];
  const asked = addresses.map((address) => (address === 0 ? undefined : call.read(address, bytes)));
  let ready = 0;
  const results = asked.map((set, n) => {
    if (set === undefined) return undefined;
    const result = new Uint8Array(bytes);
    for (let fd = 0; fd < count; fd++) {
      if (!((set[fd >> 3]! >> (fd & 7)) & 1)) continue;
      const file = call.task.files.get(fd);
      queues.push(file.queue);
      if (!(file.poll() & SELECT_EVENTS[n]!)) continue;
      result[fd >> 3]! |= 1 << (fd & 7);
      ready++;
    }
    return result;
  });
  if (ready === 0 && call.kernel.platform.cycles < deadline) return call.wait(queues, deadline);
  results.forEach((result, n) => {
    if (result !== undefined) call.write(addresses[n]!, result);
  });
  return end(call, ready);
}

const milliseconds = (call: Call, n: number) => () => (call.arg(n) < 0 ? undefined : BigInt(call.arg(n)) * 1_000_000n);
const none = () => undefined;
const timespec = (call: Call, n: number, format: TimeFormat) => () =>
  call.arg(n) === 0 ? undefined : readTimespec(call, call.arg(n), format);
const maskAt = (call: Call, address: () => number) => () => {
  const at = address();
  return at === 0 ? undefined : call.view(at, 8).getBigUint64(0, true);
};
const timeval = (call: Call, address: number) => () => (address === 0 ? undefined : readTimeval(call, address));
const sets = (call: Call) => [call.arg(0), call.arg(1), call.arg(2), call.arg(3)];

function pselect(format: TimeFormat): (call: Call) => CallResult {
  return (call) => {
    // the sixth argument points to the mask's address and size
    const mask = maskAt(call, () => (call.arg(5) === 0 ? 0 : call.readWord(call.arg(5))));
    return select(call, sets(call), timespec(call, 4, format), mask);
  };
}

function ppoll(format: TimeFormat): (call: Call) => CallResult {
  return (call) =>
    poll(
      call,
      timespec(call, 2, format),
      maskAt(call, () => call.arg(3)),
    );
}

/** i386's first select takes a pointer to its arguments. */
function oldSelect(call: Call): CallResult {
  // declared as an int, which other ABIs pass here
  const block = Number(call.arg64(0));
  const word = (n: number) => call.readWord(block + 4 * n, 4);
  return select(call, [word(0) | 0, word(1), word(2), word(3)], timeval(call, word(4)), none);
}

const newSelect = (call: Call): CallResult => select(call, sets(call), timeval(call, call.arg(4)), none);
const interruption = 'no-handler';

export const pollCalls: Implementations = {
  poll: full((call) => poll(call, milliseconds(call, 2), none), { interruption }),
  ppoll: full(ppoll('native'), { interruption }),
  ppoll_time64: full(ppoll('wide'), { interruption }),
  select: full((call) => (call.is32 ? oldSelect(call) : newSelect(call)), { interruption }),
  _newselect: full(newSelect, { interruption }),
  pselect6: full(pselect('native'), { interruption }),
  pselect6_time64: full(pselect('wide'), { interruption }),
};
