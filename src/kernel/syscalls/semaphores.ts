// System calls on System V semaphores: semget(2), semop(2), semctl(2).
import { fail } from '../error.ts';
import {
  checkAccess,
  controlObject,
  IPC_INFO,
  Layout,
  MAY_READ_OBJECT,
  MAY_WRITE_OBJECT,
  type ObjectKind,
  seconds,
  setPermissions,
} from '../ipc/objects.ts';
import {
  SEMMNI,
  SEMMSL,
  SEMOPM,
  SEMVMX,
  type SemaphoreOperation,
  SemaphoreSet,
  SemaphoreSets,
} from '../ipc/semaphores.ts';
import type { Call, CallResult } from './call.ts';
import { full, type Implementations } from './table.ts';
import { readTimespec, type TimeFormat } from './time.ts';

const GETPID = 11;
const GETVAL = 12;
const GETALL = 13;
const GETNCNT = 14;
const GETZCNT = 15;
const SETVAL = 16;
const SETALL = 17;
const SEM_STAT = 18;
const SEM_INFO = 19;
const SEM_STAT_ANY = 20;
const SEMBUF_SIZE = 6;
const EAGAIN = -11;

const sets = (call: Call) => call.task.namespaces.ipc.table(SemaphoreSets);

/** semget(2). */
export function getSet(call: Call, key: number, count: number, flags: number): number {
  if (count < 0 || count > SEMMSL) fail('EINVAL');
  return sets(call).get(
    call,
    key,
    flags,
    () => (count === 0 ? fail('EINVAL') : new SemaphoreSet(call, key, flags, count)),
    ({ semaphores }) => {
      if (count > semaphores.length) fail('EINVAL');
    },
  );
}

interface Waiting {
  readonly set: SemaphoreSet;
  readonly deadline: number;
  readonly operations: readonly SemaphoreOperation[];
}

function readOperations(call: Call, address: number, count: number): SemaphoreOperation[] {
  const view = call.view(address, count * SEMBUF_SIZE);
  return Array.from({ length: count }, (_, n) => ({
    number: view.getUint16(n * SEMBUF_SIZE, true),
    change: view.getInt16(n * SEMBUF_SIZE + 2, true),
    flags: view.getUint16(n * SEMBUF_SIZE + 4, true),
  }));
}

function begin(call: Call, id: number, address: number, count: number, timeout: number, format: TimeFormat): Waiting {
  if (count < 1 || id < 0) fail('EINVAL');
  if (count > SEMOPM) fail('E2BIG');
  const time = timeout === 0 ? undefined : readTimespec(call, timeout, format);
  const operations = readOperations(call, address, count);
  const set = sets(call).find(id);
  if (operations.some(({ number }) => number >= set.semaphores.length)) fail('EFBIG');
  const changes = operations.some(({ change }) => change !== 0);
  checkAccess(call.task.credentials, set, changes ? MAY_WRITE_OBJECT : MAY_READ_OBJECT);
  const deadline = time === undefined ? Number.POSITIVE_INFINITY : call.kernel.cyclesAt(call.kernel.monotonic + time);
  return { set, deadline, operations };
}

/** semop(2) and semtimedop(2). */
export function operate(
  call: Call,
  id: number,
  address: number,
  count: number,
  timeout = 0,
  format: TimeFormat = 'native',
): CallResult {
  const { task } = call;
  const { set, deadline, operations } = call.progress(() => begin(call, id, address, count, timeout, format));
  set.waiting.delete(task);
  if (set.isRemoved) fail('EIDRM');
  const blocked = set.operate(operations, task);
  if (blocked === undefined) {
    set.operated = seconds(call);
    return 0;
  }
  if (call.kernel.platform.cycles >= deadline) return EAGAIN;
  set.waiting.set(task, { number: blocked.number, forZero: blocked.change === 0 });
  return call.wait([set.queue], deadline);
}

/** A signal ends the wait. */
export function stopWaiting(call: Call): undefined {
  (call.pending.progress as Waiting | undefined)?.set?.waiting?.delete(call.task);
}

function status(call: Call, set: SemaphoreSet): Uint8Array {
  return new Layout(call.is32, 64, 104)
    .permissions(call, set)
    .word(36, 48, set.operated)
    .word(44, 64, set.changed)
    .word(52, 80, set.semaphores.length).bytes;
}

function information(call: Call, operation: number): Uint8Array {
  const all = [...sets(call)];
  const used = operation === SEM_INFO;
  const semaphores = all.reduce((sum, set) => sum + set.semaphores.length, 0);
  const values = [
    SEMMNI * SEMMSL,
    SEMMNI,
    SEMMNI * SEMMSL,
    SEMMNI * SEMMSL,
    SEMMSL,
    SEMOPM,
    SEMOPM,
    used ? all.length : 20,
    SEMVMX,
    used ? semaphores : SEMVMX,
  ];
  return new Uint8Array(Int32Array.from(values).buffer);
}

function waiters(set: SemaphoreSet, number: number, forZero: boolean): number {
  return [...set.waiting.values()].filter((wait) => wait.number === number && wait.forZero === forZero).length;
}

function setAll(call: Call, set: SemaphoreSet, address: number): number {
  const view = call.view(address, 2 * set.semaphores.length);
  const values = set.semaphores.map((_, n) => view.getUint16(2 * n, true));
  if (values.some((value) => value > SEMVMX)) fail('ERANGE');
  for (const [n, value] of values.entries()) setValue(call, set, n, value);
  return 0;
}

function setValue(call: Call, set: SemaphoreSet, number: number, value: number): number {
  set.semaphores[number] = { value, pid: call.task.group.pid };
  for (const { semaphoreUndo } of call.pids.tasks.values()) {
    const adjustments = semaphoreUndo.adjustments.get(set);
    if (adjustments !== undefined) adjustments.values[number] = 0;
  }
  set.changed = seconds(call);
  set.queue.wake();
  return 0;
}

/** semctl(2); `argument` is the union semun. */
export function control(call: Call, id: number, number: number, operation: number, argument: number): number {
  if (id < 0) fail('EINVAL');
  if (operation === IPC_INFO || operation === SEM_INFO) {
    call.write(argument, information(call, operation));
    return sets(call).highest;
  }
  const done = controlObject(call, kind(call), id, operation, argument);
  return done ?? controlValues(call, sets(call), { id, number, operation, argument });
}

const kind = (call: Call): ObjectKind<SemaphoreSet> => ({
  objects: sets(call),
  stat: SEM_STAT,
  statAny: SEM_STAT_ANY,
  status,
  set: setPermissions,
  remove: (_call, set) => sets(call).remove(set),
});

function controlValues(
  call: Call,
  table: SemaphoreSets,
  request: { id: number; number: number; operation: number; argument: number },
): number {
  const { id, number, operation, argument } = request;
  if (operation < GETPID || operation > SETALL) fail('EINVAL');
  const set = table.find(id);
  const changes = operation === SETVAL || operation === SETALL;
  if (operation === SETVAL && ((argument | 0) < 0 || (argument | 0) > SEMVMX)) fail('ERANGE');
  const isSingle = operation !== GETALL && operation !== SETALL;
  if (isSingle && operation === SETVAL && (number < 0 || number >= set.semaphores.length)) fail('EINVAL');
  checkAccess(call.task.credentials, set, changes ? MAY_WRITE_OBJECT : MAY_READ_OBJECT);
  if (isSingle && (number < 0 || number >= set.semaphores.length)) fail('EINVAL');
  const semaphore = set.semaphores[isSingle ? number : 0]!;
  switch (operation) {
    case GETVAL:
      return semaphore.value;
    case GETPID:
      return semaphore.pid === undefined ? 0 : call.number(semaphore.pid);
    case GETNCNT:
      return waiters(set, number, false);
    case GETZCNT:
      return waiters(set, number, true);
    case SETVAL:
      return setValue(call, set, number, argument | 0);
    case SETALL:
      return setAll(call, set, argument);
    default:
      call.write(argument, new Uint8Array(Uint16Array.from(set.semaphores, ({ value }) => value).buffer));
      return 0;
  }
}

const options = { interruption: 'never', interrupted: stopWaiting } as const;

export const semaphoreCalls: Implementations = {
  semget: full((call) => getSet(call, call.arg(0), call.arg(1), call.arg(2))),
  semop: full((call) => operate(call, call.arg(0), call.arg(1), call.arg(2)), options),
  semtimedop: full((call) => operate(call, call.arg(0), call.arg(1), call.arg(2), call.arg(3)), options),
  semtimedop_time64: full((call) => operate(call, call.arg(0), call.arg(1), call.arg(2), call.arg(3), 'wide'), options),
  semctl: full((call) => control(call, call.arg(0), call.arg(1), call.arg(2) & ~0x100, call.arg(3))),
};
