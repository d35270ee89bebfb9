// What a task's seccomp mode makes of a system call (seccomp(2)).
import { ERRNO } from '../../abi/errno.ts';
import { SIGNAL } from '../../abi/signal.ts';
import type { Kernel } from '../kernel.ts';
import type { Abi } from '../platform.ts';
import { forceSignal } from '../signal/delivery.ts';
import type { SignalInfo } from '../signal/signal-set.ts';
import { dumpCore } from '../task/core-dump.ts';
import { endProcess, endTask } from '../task/exit.ts';
import type { PendingCall, Task } from '../task/task.ts';
import { EVENT_SECCOMP, planEvent, TRACE_SECCOMP } from '../trace/tracing.ts';
import { DATA_SIZE, type Instruction, runProgram } from './bpf.ts';
import type { Notification } from './notify.ts';
import { SECCOMP_MODE_DISABLED, SECCOMP_MODE_STRICT, type Seccomp } from './state.ts';

// What a filter returns: an action and sixteen bits of data.
const KILL_PROCESS = 0x8000_0000;
const KILL_THREAD = 0;
const TRAP = 0x3_0000;
const ERROR = 0x5_0000;
const LOG = 0x7ffc_0000;
const ALLOW = 0x7fff_0000;
const TRACE = 0x7ff0_0000;
const USER_NOTIF = 0x7fc0_0000;
const ACTION = 0xffff_0000;
const DATA = 0xffff;
const MOST_ERRNO = 4095;
const SYS_SECCOMP = 1;

/** Actions this kernel knows (SECCOMP_GET_ACTION_AVAIL). */
export const KNOWN_ACTIONS: readonly number[] = [KILL_PROCESS, KILL_THREAD, TRAP, ERROR, USER_NOTIF, TRACE, LOG, ALLOW];

/** AUDIT_ARCH_*. */
const ARCHITECTURE: Readonly<Record<Abi, number>> = { amd64: 0xc000_003e, i386: 0x4000_0003 };
/** read, write, exit, and the return from a signal handler. */
const STRICT: Readonly<Record<Abi, readonly number[]>> = { amd64: [0, 1, 60, 15], i386: [3, 4, 1, 119] };

/**
 * 'run' lets the call go on; 'traced' holds it for the tracer, a notification for whom it was sent to; a number is its result;
 * 'over' means that nothing is left to do.
 */
export type Verdict = 'run' | 'over' | 'traced' | number | Notification;

/** Decides about a call before it is made; `wasTraced`: a tracer has let it go on. */
export function judge(kernel: Kernel, task: Task, call: PendingCall, wasTraced: boolean): Verdict {
  const { mode } = task.seccomp;
  if (mode === SECCOMP_MODE_DISABLED) return 'run';
  if (mode === SECCOMP_MODE_STRICT) {
    if (STRICT[call.abi].includes(call.number)) return 'run';
    endTask(kernel, task, { kind: 'killed', signal: SIGNAL.SIGKILL, core: false });
    return 'over';
  }
  const known = ALLOWED.get(task.seccomp.filters)?.get(keyOf(call));
  if (known === undefined) return act(kernel, task, call, mostRestrictive(kernel, task, call), wasTraced);
  kernel.platform.charge(0, known);
  return 'run';
}

/**
 * Calls that filters always allow, whatever their arguments, with the instructions that takes: what they find by number and
 * architecture alone need not be found again.
 */
const ALLOWED = new WeakMap<Seccomp['filters'], Map<number, number>>();
/** Numbers of calls there may be, which are all that is remembered. */
const MOST_CALLS = 1024;

/** Numbers beyond have no key of their own, and are never remembered. */
function keyOf({ abi, number }: PendingCall): number {
  if (number >= MOST_CALLS) return -1;
  return abi === 'i386' ? number : MOST_CALLS + number;
}

function remember(filters: Seccomp['filters'], call: PendingCall, instructions: number): void {
  const key = keyOf(call);
  if (key < 0) return;
  let calls = ALLOWED.get(filters);
  if (calls === undefined) {
    calls = new Map();
    ALLOWED.set(filters, calls);
  }
  calls.set(key, instructions);
}

/** What the filters say together: the strictest action, and whose it is. */
interface Decision {
  readonly result: number;
  readonly filter: readonly Instruction[] | undefined;
  /** struct seccomp_data. */
  readonly data: DataView;
}

function mostRestrictive(kernel: Kernel, task: Task, call: PendingCall): Decision {
  const data = new DataView(new ArrayBuffer(DATA_SIZE));
  data.setInt32(0, call.number, true);
  data.setUint32(4, ARCHITECTURE[call.abi], true);
  data.setBigUint64(8, task.context.rip, true);
  call.arguments.forEach((value, n) => {
    data.setBigInt64(16 + 8 * n, BigInt(value), true);
  });
  let result = ALLOW;
  let by: Decision['filter'];
  let instructions = 0;
  let dependsOnMore = false;
  const ran = (count: number, knowsOnlyNumber: boolean) => {
    instructions += count;
    dependsOnMore ||= !knowsOnlyNumber;
  };
  for (let n = task.seccomp.filters.length - 1; n >= 0; n--) {
    const filter = task.seccomp.filters[n]!;
    const returned = runProgram(filter, data, ran);
    // actions are ordered as signed numbers; of equal ones the newest filter's counts
    if (((returned & ACTION) | 0) >= ((result & ACTION) | 0)) continue;
    result = returned;
    by = filter;
  }
  kernel.platform.charge(0, instructions);
  if (by === undefined && !dependsOnMore) remember(task.seccomp.filters, call, instructions);
  return { result, filter: by, data };
}

function act(kernel: Kernel, task: Task, call: PendingCall, decision: Decision, wasTraced: boolean): Verdict {
  const { result } = decision;
  const data = result & DATA;
  switch ((result & ACTION) >>> 0) {
    case ALLOW:
    case LOG:
      return 'run';
    case ERROR:
      return -Math.min(data, MOST_ERRNO);
    case TRACE:
      if (wasTraced) return 'run';
      return planEvent(task, EVENT_SECCOMP, data, TRACE_SECCOMP) ? 'traced' : -ERRNO.ENOSYS;
    case USER_NOTIF:
      return notify(task, decision);
    case TRAP:
      trap(kernel, task, call, data);
      return 'over';
    case KILL_THREAD:
      if (task.group.tasks.size > 1) endTask(kernel, task, { kind: 'killed', signal: SIGNAL.SIGSYS, core: false });
      else kill(kernel, task, call, data);
      return 'over';
    default:
      kill(kernel, task, call, data);
      return 'over';
  }
}

/** Whoever listens to the filter decides; without anybody the call does not exist. */
function notify(task: Task, { filter, data }: Decision): Verdict {
  const { listener } = task.seccomp;
  if (listener === undefined || listener.filter !== filter || listener.file.isClosed) return -ERRNO.ENOSYS;
  return listener.file.notify(task, new Uint8Array(data.buffer));
}

/** What SIGSYS tells: which call it was. */
function signalOf(task: Task, { abi, number }: PendingCall, errno: number): SignalInfo {
  return {
    signal: SIGNAL.SIGSYS,
    code: SYS_SECCOMP,
    errno,
    call: { address: Number(task.context.rip), number, architecture: ARCHITECTURE[abi] },
  };
}

function kill(kernel: Kernel, task: Task, call: PendingCall, errno: number): void {
  const core = dumpCore(kernel, task, signalOf(task, call, errno));
  endProcess(kernel, task.group, { kind: 'killed', signal: SIGNAL.SIGSYS, core });
}

/** The registers are as if it had not been made. */
function trap(kernel: Kernel, task: Task, call: PendingCall, errno: number): void {
  task.call = undefined;
  forceSignal(kernel, task, signalOf(task, call, errno));
}
