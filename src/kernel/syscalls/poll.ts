// Waiting for several files: poll(2), select(2).
import { ERRNO } from '../../abi/errno.ts';
import { fail } from '../error.ts';
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
import { BLOCKED, type Call, type CallResult } from './call.ts';
import { full, type Implementation, type Implementations } from './table.ts';
import { readTimeval, type TimeFormat, writeTimeval } from './time.ts';
import { beginWait, endWait, milliseconds, readMask, timespec, writeTimeLeft, writeTimespecLeft } from './waiting.ts';

const POLLFD_SIZE = 8;
const MOST_FILES = 65536;
const interruption = 'no-handler';

function pollOnce(call: Call, address: number, count: number, queues: WaitQueue[]): number {
  const view = call.view(address, count * POLLFD_SIZE);
  let ready = 0;
  for (let n = 0; n < count; n++) {
    const fd = view.getInt32(n * POLLFD_SIZE, true);
    const events = view.getUint16(n * POLLFD_SIZE + 4, true);
    let found = 0;
    if (fd >= 0 && !call.task.files.has(fd)) found = POLLNVAL;
    else if (fd >= 0) {
      const file = call.task.files.any(fd);
      found = file.poll() & (events | POLLERR | POLLHUP | POLLNVAL);
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
  const deadline = beginWait(call, timeout, mask);
  const queues: WaitQueue[] = [];
  const ready = pollOnce(call, call.arg(0), count, queues);
  if (ready > 0 || call.kernel.platform.cycles >= deadline) return endWait(call, ready);
  return call.wait(queues, deadline);
}

/** What each of select's three sets asks for. */
const SELECT_EVENTS = [
  POLLRDNORM | POLLRDBAND | POLLIN | POLLHUP | POLLERR | POLLNVAL,
  POLLWRBAND | POLLWRNORM | POLLOUT | POLLERR | POLLNVAL,
  POLLPRI | POLLNVAL,
] as const;

function select(
  call: Call,
  args: readonly number[],
  timeout: () => bigint | undefined,
  mask: () => bigint | undefined,
): CallResult {
  const [count, ...addresses] = args as [number, ...number[]];
  if (count < 0 || count > MOST_FILES) fail('EINVAL');
  const deadline = beginWait(call, timeout, mask);
  const bytes = Math.ceil(count / (8 * call.wordSize)) * call.wordSize;
  const queues: WaitQueue[] = [];
  const asked = addresses.map((address) => (address === 0 ? undefined : call.read(address, bytes)));
  let ready = 0;
  const results = asked.map((set) => set && new Uint8Array(bytes));
  for (let fd = 0; fd < count; fd++) {
    const bit = 1 << (fd & 7);
    const isAsked = (set: Uint8Array | undefined) => set !== undefined && (set[fd >> 3]! & bit) !== 0;
    if (!asked.some(isAsked)) continue;
    // what is told once is told here for all three
    const file = call.task.files.any(fd);
    queues.push(file.queue);
    const events = file.poll();
    for (const [n, set] of asked.entries()) {
      if (!isAsked(set) || !(events & SELECT_EVENTS[n]!)) continue;
      results[n]![fd >> 3]! |= bit;
      ready++;
    }
  }
  if (ready === 0 && call.kernel.platform.cycles < deadline) return call.wait(queues, deadline);
  results.forEach((result, n) => {
    if (result !== undefined) call.write(addresses[n]!, result);
  });
  return endWait(call, ready);
}

const none = () => undefined;
const timeval = (call: Call, address: number) => () => (address === 0 ? undefined : readTimeval(call, address));
const sets = (call: Call) => [call.arg(0), call.arg(1), call.arg(2), call.arg(3)];

/** The sixth argument points to the mask's address and size. */
function pselectMask(call: Call): bigint | undefined {
  const at = call.arg(5);
  return at === 0 ? undefined : readMask(call, call.readWord(at), call.readWord(at + call.wordSize));
}

/** A call whose timeout says afterwards what was left of it. */
function telling(run: (call: Call) => CallResult, tellLeft: (call: Call) => void): Implementation {
  return full(
    (call) => {
      const result = run(call);
      if (result !== BLOCKED) tellLeft(call);
      return result;
    },
    {
      interruption,
      interrupted: (call) => {
        tellLeft(call);
        return undefined;
      },
    },
  );
}

const pselect = (format: TimeFormat): Implementation =>
  telling(
    (call) => select(call, sets(call), timespec(call, 4, format), () => pselectMask(call)),
    (call) => writeTimespecLeft(call, call.arg(4), format),
  );

const ppoll = (format: TimeFormat): Implementation =>
  telling(
    (call) => poll(call, timespec(call, 2, format), () => readMask(call, call.arg(3), call.arg(4))),
    (call) => writeTimespecLeft(call, call.arg(2), format),
  );

const tellTimeval = (call: Call, address: number): void =>
  writeTimeLeft(call, address, (left) => writeTimeval(call, address, left));

/** Where it lies: the argument is declared as an int, which other ABIs pass here. */
const oldBlock = (call: Call): number => Number(call.arg64(0));

/** i386's first select takes a pointer to its arguments. */
function oldSelect(call: Call): CallResult {
  const block = oldBlock(call);
  const word = (n: number) => call.readWord(block + 4 * n, 4);
  return select(call, [word(0) | 0, word(1), word(2), word(3)], timeval(call, word(4)), none);
}

const newSelect = telling(
  (call) => select(call, sets(call), timeval(call, call.arg(4)), none),
  (call) => tellTimeval(call, call.arg(4)),
);

export const pollCalls: Implementations = {
  poll: full((call) => poll(call, milliseconds(call, 2), none), {
    interruption: 'resume',
    interrupted: () => -ERRNO.EINTR,
  }),
  ppoll: ppoll('native'),
  ppoll_time64: ppoll('wide'),
  select: telling(
    (call) => (call.is32 ? oldSelect(call) : newSelect.run(call)),
    (call) => tellTimeval(call, call.is32 ? call.readWord(oldBlock(call) + 16, 4) : call.arg(4)),
  ),
  _newselect: newSelect,
  pselect6: pselect('native'),
  pselect6_time64: pselect('wide'),
};
