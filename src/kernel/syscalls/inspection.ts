// System calls that look into other processes: process_vm_readv(2), process_madvise(2), kcmp(2).
import { fail } from '../error.ts';
import type { Kernel } from '../kernel.ts';
import type { AddressSpace } from '../mm/address-space.ts';
import { mayInspect } from '../task/inspection.ts';
import type { Task } from '../task/task.ts';
import type { Call } from './call.ts';
import { advise } from './memory-advice.ts';
import { pidFile } from './pidfds.ts';
import { full, type Implementations } from './table.ts';
import { type Buffer, buffers, gather, PART, scatter, totalOf } from './transfer.ts';

/** A process that may be looked into. @throws SystemError ESRCH, EPERM */
function inspected(call: Call, pid: number): Task {
  const task = call.pids.tasks.get(pid) ?? fail('ESRCH');
  return mayInspect(call.task, task, 'real-ids') ? task : fail('EPERM');
}

/** Copies bytes between two lists of ranges until one ends or is not accessible. */
function copyBetween(
  from: AddressSpace,
  source: readonly Buffer[],
  to: AddressSpace,
  target: readonly Buffer[],
): number {
  const most = Math.min(totalOf(source), totalOf(target));
  let done = 0;
  while (done < most) {
    const part = Math.min(PART, most - done);
    const bytes = gather(from, source, done, part);
    const copied = scatter(to, target, bytes, done);
    done += copied;
    if (copied < part) break;
  }
  return done;
}

function processVm(call: Call, isWrite: boolean): number {
  if (call.arg(5) !== 0) fail('EINVAL');
  const local = buffers(call, call.arg(1), call.arg(2));
  const remote = buffers(call, call.arg(3), call.arg(4));
  if (totalOf(local) === 0 || totalOf(remote) === 0) return 0;
  const { memory } = inspected(call, call.arg(0));
  if (memory === undefined) return fail('ESRCH');
  const count = isWrite
    ? copyBetween(call.memory, local, memory, remote)
    : copyBetween(memory, remote, call.memory, local);
  return count > 0 ? count : fail('EFAULT');
}

function processMadvise(call: Call): number {
  if (call.arg(4) !== 0) fail('EINVAL');
  const list = buffers(call, call.arg(1), call.arg(2));
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

/** What tasks have that have none: no context of input and output, nothing to undo. */
const NOTHING = {};

function kcmp(call: Call): number {
  const type = call.arg(2);
  const tasks = [inspected(call, call.arg(0)), inspected(call, call.arg(1))] as const;
  if (type < 0 || type >= KCMP_TYPES) fail('EINVAL');
  const object = (task: Task, n: number): object => {
    const objects = [
      () => task.files.any(call.arg(n)),
      () => task.memory ?? task,
      () => task.files,
      () => task.directories,
      () => task.group.actions,
      () => (task.ioPriority.value === 0 ? NOTHING : task.ioPriority),
      () => (task.semaphoreUndo.isMade ? task.semaphoreUndo : NOTHING),
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
