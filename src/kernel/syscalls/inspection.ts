// System calls that look into other processes: process_vm_readv(2), process_madvise(2), kcmp(2).
import { fail } from '../error.ts';
import type { Kernel } from '../kernel.ts';
import type { AddressSpace } from '../mm/address-space.ts';
import { readAsFarAs, writeAsFarAs } from '../mm/user-memory.ts';
import { mayInspect } from '../task/inspection.ts';
import type { Task } from '../task/task.ts';
import type { Call } from './call.ts';
import { advise } from './memory.ts';
import { pidFile } from './pidfds.ts';
import { full, type Implementations } from './table.ts';

const IOV_MAX = 1024;

interface Range {
  readonly address: number;
  readonly length: number;
}

function ranges(call: Call, address: number, count: number): Range[] {
  if (count > IOV_MAX) fail('EINVAL');
  const word = call.wordSize;
  return Array.from({ length: count }, (_, n) => ({
    address: call.readWord(address + 2 * n * word),
    length: call.readWord(address + (2 * n + 1) * word),
  }));
}

/** A process that may be looked into. @throws SystemError ESRCH, EPERM */
function inspected(call: Call, pid: number): Task {
  const task = call.pids.tasks.get(pid) ?? fail('ESRCH');
  return mayInspect(call.task, task, 'real-ids') ? task : fail('EPERM');
}

/** Copies bytes between two lists of ranges until one ends or is not accessible. */
function copyBetween(from: AddressSpace, source: readonly Range[], to: AddressSpace, target: readonly Range[]): number {
  const parts: Uint8Array[] = [];
  for (const { address, length } of source) {
    const bytes = new Uint8Array(length);
    const count = readAsFarAs(from, address, bytes);
    parts.push(bytes.subarray(0, count));
    if (count < length) break;
  }
  const bytes = join(parts);
  let done = 0;
  for (const { address, length } of target) {
    const part = bytes.subarray(done, done + length);
    const count = writeAsFarAs(to, address, part);
    done += count;
    if (count < part.length || part.length < length) break;
  }
  return done;
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

function processVm(call: Call, isWrite: boolean): number {
  if (call.arg(5) !== 0) fail('EINVAL');
  const local = ranges(call, call.arg(1), call.arg(2));
  const remote = ranges(call, call.arg(3), call.arg(4));
  const total = (list: readonly Range[]) => list.reduce((sum, { length }) => sum + length, 0);
  if (total(local) === 0 || total(remote) === 0) return 0;
  const { memory } = inspected(call, call.arg(0));
  if (memory === undefined) return fail('ESRCH');
  const count = isWrite
    ? copyBetween(call.memory, local, memory, remote)
    : copyBetween(memory, remote, call.memory, local);
  return count > 0 ? count : fail('EFAULT');
}

function processMadvise(call: Call): number {
  if (call.arg(4) !== 0) fail('EINVAL');
  const list = ranges(call, call.arg(1), call.arg(2));
  const { group } = pidFile(call, call.arg(0));
  const target = [...group.tasks][0] ?? fail('ESRCH');
  if (!mayInspect(call.task, target, 'real-ids')) fail('EPERM');
  const advice = call.arg(3);
  // only advices that cannot destroy contents (process_madvise(2))
  if (![3, 20, 21, 25].includes(advice)) fail('EINVAL');
  let done = 0;
  for (const { address, length } of list) {
    advise(target.memory ?? fail('ESRCH'), address, length, advice);
    done += length;
  }
  return done;
}

const KCMP_TYPES = 8;

/** Objects in the order in which they were first compared: what kcmp(2) sorts by. */
const orders = new WeakMap<Kernel, { readonly places: WeakMap<object, number>; compared: number }>();

function orderOf(kernel: Kernel, object: object): number {
  const order = orders.get(kernel) ?? { places: new WeakMap<object, number>(), compared: 0 };
  orders.set(kernel, order);
  const place = order.places.get(object) ?? order.compared++;
  order.places.set(object, place);
  return place;
}

function kcmp(call: Call): number {
  const type = call.arg(2);
  const tasks = [inspected(call, call.arg(0)), inspected(call, call.arg(1))] as const;
  if (type < 0 || type >= KCMP_TYPES) fail('EINVAL');
  const object = (task: Task, n: number): object => {
    const objects = [
      () => task.files.get(call.arg(n)),
      () => task.memory ?? task,
      () => task.files,
      () => task.directories,
      () => task.group.actions,
      () => task,
      () => task.group,
      () => fail('EINVAL'),
    ];
    return objects[type]!();
  };
  const [first, second] = [object(tasks[0], 3), object(tasks[1], 4)];
  if (first === second) return 0;
  return orderOf(call.kernel, first) < orderOf(call.kernel, second) ? 1 : 2;
}

export const inspectionCalls: Implementations = {
  process_vm_readv: full((call) => processVm(call, false)),
  process_vm_writev: full((call) => processVm(call, true)),
  process_madvise: full(processMadvise),
  kcmp: full(kcmp),
};
