// System calls for signals: sigaction(2), sigprocmask(2), kill(2), sigaltstack(2), sigsuspend(2), sigreturn(2), …
import {
  MINSIGSTKSZ,
  SI_TKILL,
  SI_USER,
  SA_NODEFER,
  SA_RESETHAND,
  SIG_BLOCK,
  SIG_IGN,
  SIG_SETMASK,
  SIG_UNBLOCK,
  SIGNAL,
  SIGNAL_COUNT,
  SS_DISABLE,
  SS_ONSTACK,
  defaultAction,
} from '../../abi/signal.ts';
import { fail } from '../error.ts';
import { OVERFLOW_ID } from '../ns/user-namespace.ts';
import { RSP } from '../platform.ts';
import { return386, returnAmd64, returnRt386 } from '../signal/frame.ts';
import { checkQueueRoom, sendSignalToGroup, sendSignalToTask } from '../signal/send.ts';
import { encodeSignalInfo } from '../signal/siginfo.ts';
import { hasSignal, type SignalInfo, type SignalSet, signalBit, UNBLOCKABLE } from '../signal/signal-set.ts';
import type { Task } from '../task/task.ts';
import type { SignalAction, ThreadGroup } from '../task/thread-group.ts';
import { CAP_KILL, hasCapability } from '../vfs/permission.ts';
import { type Call, type CallResult, NO_RESULT } from './call.ts';
import { full, type Implementations } from './table.ts';
import { readTimespec, type TimeFormat } from './time.ts';

const SET_SIZE = 8;
/** The signals i386's first calls knew. */
const LOW_SIGNALS = 0xffff_ffffn;

function readSet(call: Call, address: number): SignalSet {
  return call.view(address, SET_SIZE).getBigUint64(0, true);
}

function checkSize(call: Call, n: number): void {
  if (call.arg(n) !== SET_SIZE) fail('EINVAL');
}

function checkSignal(signal: number): void {
  if (signal < 1 || signal > SIGNAL_COUNT) fail('EINVAL');
}

/** struct sigaction of the kernel's ABI: handler, flags, restorer, mask, each a word but the mask. */
function readAction(call: Call, address: number): SignalAction {
  const word = call.wordSize;
  const at = (n: number) => call.readWord(address + n * word);
  return {
    handler: at(0),
    flags: at(1) & 0xffff_ffff,
    restorer: at(2),
    mask: readSet(call, address + 3 * word) & ~UNBLOCKABLE,
  };
}

function writeAction(call: Call, address: number, action: SignalAction): void {
  const word = call.wordSize;
  [action.handler, action.flags >>> 0, action.restorer].forEach((value, n) => {
    call.writeWord(address + n * word, value);
  });
  call.writeWord(address + 3 * word, action.mask, 8);
}

/** Setting a signal to be ignored drops those that are pending. */
function setAction(group: ThreadGroup, signal: number, action: SignalAction): void {
  group.actions[signal] = action;
  const ignored = action.handler === SIG_IGN || (action.handler === 0 && defaultAction(signal) === 'ignore');
  if (!ignored) return;
  group.pending.remove(signalBit(signal));
  for (const task of group.tasks) task.pending.remove(signalBit(signal));
}

function rtSigaction(call: Call): number {
  const signal = call.arg(0);
  checkSize(call, 3);
  checkSignal(signal);
  const { group } = call.task;
  const old = group.actions[signal]!;
  if (call.arg(1) !== 0) {
    if (hasSignal(UNBLOCKABLE, signal)) fail('EINVAL');
    setAction(group, signal, readAction(call, call.arg(1)));
  }
  if (call.arg(2) !== 0) writeAction(call, call.arg(2), old);
  return 0;
}

/** i386's first sigaction: handler, 32-bit mask, flags, restorer. */
function sigaction(call: Call): number {
  const signal = call.arg(0);
  checkSignal(signal);
  const { group } = call.task;
  const old = group.actions[signal]!;
  if (call.arg(1) !== 0) {
    if (hasSignal(UNBLOCKABLE, signal)) fail('EINVAL');
    const at = (n: number) => call.readWord(call.arg(1) + 4 * n, 4);
    setAction(group, signal, { handler: at(0), mask: BigInt(at(1)) & ~UNBLOCKABLE, flags: at(2), restorer: at(3) });
  }
  if (call.arg(2) !== 0) {
    const words = [old.handler, Number(old.mask & 0xffff_ffffn), old.flags >>> 0, old.restorer];
    words.forEach((value, n) => {
      call.writeWord(call.arg(2) + 4 * n, value, 4);
    });
  }
  return 0;
}

function changeMask(task: Task, how: number, set: SignalSet): void {
  if (how === SIG_BLOCK) task.blocked |= set;
  else if (how === SIG_UNBLOCK) task.blocked &= ~set;
  else if (how === SIG_SETMASK) task.blocked = set;
  else fail('EINVAL');
  task.blocked &= ~UNBLOCKABLE;
}

function rtSigprocmask(call: Call): number {
  checkSize(call, 3);
  const old = call.task.blocked;
  if (call.arg(1) !== 0) changeMask(call.task, call.arg(0), readSet(call, call.arg(1)));
  if (call.arg(2) !== 0) call.writeWord(call.arg(2), old, 8);
  return 0;
}

/** May the caller send signals to the process? (kill(2) "permission"). */
export function maySignal(call: Call, group: ThreadGroup, signal: number): boolean {
  const { credentials } = call.task;
  const target = group.leader.credentials;
  if ([target.uid, target.suid].some((uid) => uid === credentials.uid || uid === credentials.euid)) return true;
  if (signal === SIGNAL.SIGCONT && group.processGroup.session === call.task.group.processGroup.session) return true;
  return hasCapability(credentials, CAP_KILL, target.user);
}

const sender = (call: Call, signal: number, code = SI_USER): SignalInfo => ({
  signal,
  code,
  pid: call.task.group.pid,
  uid: call.task.credentials.uid,
});

function kill(call: Call): number {
  const [pid, signal] = [call.arg(0), call.arg(1)];
  if (signal < 0 || signal > SIGNAL_COUNT) fail('EINVAL');
  const groups = killTargets(call, pid);
  if (groups.length === 0) fail('ESRCH');
  const allowed = groups.filter((group) => maySignal(call, group, signal));
  if (allowed.length === 0) fail('EPERM');
  if (signal !== 0) for (const group of allowed) sendSignalToGroup(call.kernel, group, sender(call, signal));
  return 0;
}

/** The process of a number: that of any of its threads will do. */
const groupOf = ({ pids }: Call, pid: number): ThreadGroup | undefined =>
  pids.groups.get(pid) ?? pids.tasks.get(pid)?.group;

function killTargets(call: Call, pid: number): ThreadGroup[] {
  const { groups } = call.pids;
  if (pid > 0) {
    const group = groupOf(call, pid);
    return group === undefined ? [] : [group];
  }
  if (pid === -1) return [...groups.values()].filter((group) => group !== call.pids.init && group !== call.task.group);
  const wanted = pid === 0 ? call.number(call.task.group.processGroup.pid) : -pid;
  return [...groups.values()].filter(({ processGroup }) => call.number(processGroup.pid) === wanted);
}

function tkill(call: Call, tgid: number | undefined, tid: number, signal: number): number {
  if (tid <= 0 || signal < 0 || signal > SIGNAL_COUNT) fail('EINVAL');
  const task = call.pids.tasks.get(tid);
  if (task === undefined || (tgid !== undefined && call.number(task.group.pid) !== tgid)) return fail('ESRCH');
  if (!maySignal(call, task.group, signal)) fail('EPERM');
  if (signal !== 0) sendSignalToTask(call.kernel, task, sender(call, signal, SI_TKILL));
  return 0;
}

/** The siginfo of sigqueue(3): only codes below 0 may be sent to others, so that nobody claims to be the kernel. */
export function queuedSignal(call: Call, signal: number, address: number, target: ThreadGroup): SignalInfo {
  const view = call.view(address, 48);
  const code = view.getInt32(8, true);
  if ((code >= 0 || code === SI_TKILL) && target !== call.task.group) fail('EPERM');
  const at = call.is32 ? 12 : 16;
  const value = call.is32 ? BigInt(view.getUint32(at + 8, true)) : view.getBigUint64(at + 8, true);
  const uid = call.users.outside('uid', view.getUint32(at + 4, true)) ?? OVERFLOW_ID;
  return { signal, code, pid: call.task.group.pid, uid, value };
}

function sigqueueinfo(call: Call): number {
  const signal = call.arg(1);
  if (signal < 0 || signal > SIGNAL_COUNT) fail('EINVAL');
  const group = groupOf(call, call.arg(0)) ?? fail('ESRCH');
  if (!maySignal(call, group, signal)) fail('EPERM');
  const info = queuedSignal(call, signal, call.arg(2), group);
  checkQueueRoom(call.kernel, group, signal);
  if (signal !== 0) sendSignalToGroup(call.kernel, group, info);
  return 0;
}

function tgsigqueueinfo(call: Call): number {
  const [tgid, tid, signal] = [call.arg(0), call.arg(1), call.arg(2)];
  if (tgid <= 0 || tid <= 0 || signal < 0 || signal > SIGNAL_COUNT) fail('EINVAL');
  const task = call.pids.tasks.get(tid);
  if (task === undefined || call.number(task.group.pid) !== tgid) return fail('ESRCH');
  if (!maySignal(call, task.group, signal)) fail('EPERM');
  const info = queuedSignal(call, signal, call.arg(3), task.group);
  checkQueueRoom(call.kernel, task.group, signal);
  if (signal !== 0) sendSignalToTask(call.kernel, task, info);
  return 0;
}

function sigaltstack(call: Call): number {
  const { task } = call;
  const word = call.wordSize;
  const { alternateStack: old } = task;
  const pointer = task.context.reg(RSP);
  const isOn = old.size > 0 && pointer > old.address && pointer <= old.address + old.size;
  const [set, get] = [call.arg(0), call.arg(1)];
  if (set !== 0) {
    const flags = call.readWord(set + word, 4);
    if (isOn) fail('EPERM');
    if (flags & ~(SS_DISABLE | SS_ONSTACK | 0x8000_0000)) fail('EINVAL');
    const size = call.readWord(set + 2 * word);
    if (!(flags & SS_DISABLE) && size < MINSIGSTKSZ) fail('ENOMEM');
    task.alternateStack =
      flags & SS_DISABLE ? { address: 0, size: 0, flags: SS_DISABLE } : { address: call.readWord(set), size, flags: 0 };
  }
  if (get !== 0) {
    call.writeWord(get, old.address);
    call.writeWord(get + word, isOn ? SS_ONSTACK : old.flags, 4);
    call.writeWord(get + 2 * word, old.size);
  }
  return 0;
}

/** Waits for a signal with another mask; the old one comes back when the handler's frame is made. */
function suspend(call: Call, mask: SignalSet): CallResult {
  const { task } = call;
  if (call.pending.progress === undefined) {
    call.pending.progress = true;
    task.savedMask = task.blocked;
    task.blocked = mask & ~UNBLOCKABLE;
  }
  return call.wait([]);
}

function sigreturn(call: Call, restore: (task: Task) => SignalSet): CallResult {
  const { task } = call;
  task.blocked = restore(task) & ~UNBLOCKABLE;
  return NO_RESULT;
}

const EAGAIN = -11;

function sigtimedwait(format: TimeFormat): (call: Call) => CallResult {
  return (call) => {
    checkSize(call, 3);
    const { task } = call;
    const wanted = readSet(call, call.arg(0)) & ~UNBLOCKABLE;
    const state = call.progress(() => {
      const timeout = call.arg(2) === 0 ? undefined : readTimespec(call, call.arg(2), format);
      const deadline =
        timeout === undefined ? Number.POSITIVE_INFINITY : call.kernel.cyclesAt(call.kernel.monotonic + timeout);
      return { deadline, mask: task.blocked };
    });
    task.awaited = 0n;
    const info = task.pending.take(~wanted) ?? task.group.pending.take(~wanted);
    if (info !== undefined) {
      task.blocked = state.mask;
      if (call.arg(1) !== 0) call.write(call.arg(1), encodeSignalInfo(info, call.task));
      return info.signal;
    }
    if (call.kernel.platform.cycles >= state.deadline) {
      task.blocked = state.mask;
      return EAGAIN;
    }
    // signals that are waited for wake the task although they are blocked
    task.blocked = state.mask & ~wanted;
    task.awaited = state.mask & wanted;
    return call.wait([], state.deadline);
  };
}

const timedwaitOptions = {
  interruption: 'never',
  interrupted: (call: Call) => {
    const { mask } = call.pending.progress as { mask: SignalSet };
    const { task } = call;
    const wanted = readSet(call, call.arg(0));
    const info = task.pending.take(~wanted) ?? task.group.pending.take(~wanted);
    task.blocked = mask;
    task.awaited = 0n;
    return info?.signal;
  },
} as const;

const rtReturn = full((call) => sigreturn(call, call.is32 ? returnRt386 : returnAmd64));

export const signalCalls: Implementations = {
  rt_sigaction: full(rtSigaction),
  sigaction: full(sigaction),
  rt_sigprocmask: full(rtSigprocmask),
  sigprocmask: full((call) => {
    const old = call.task.blocked;
    const keep = old & ~0xffff_ffffn;
    if (call.arg(1) !== 0) {
      const set = BigInt(call.readWord(call.arg(1), 4));
      changeMask(call.task, call.arg(0), call.arg(0) === SIG_SETMASK ? set | keep : set);
    }
    if (call.arg(2) !== 0) call.writeWord(call.arg(2), old & 0xffff_ffffn, 4);
    return 0;
  }),
  signal: full((call) => {
    const signal = call.arg(0);
    checkSignal(signal);
    if (hasSignal(UNBLOCKABLE, signal)) fail('EINVAL');
    const { group } = call.task;
    const old = group.actions[signal]!.handler;
    setAction(group, signal, { handler: call.arg(1), flags: SA_RESETHAND | SA_NODEFER, restorer: 0, mask: 0n });
    return old;
  }),
  sgetmask: full((call) => Number(call.task.blocked & LOW_SIGNALS)),
  ssetmask: full((call) => {
    const old = call.task.blocked;
    changeMask(call.task, SIG_SETMASK, BigInt.asUintN(32, call.arg64(0)));
    return Number(old & LOW_SIGNALS);
  }),
  sigpending: full((call) => {
    const { task } = call;
    call.writeWord(call.arg(0), (task.pending.set | task.group.pending.set) & task.blocked & LOW_SIGNALS, 4);
    return 0;
  }),
  rt_sigpending: full((call) => {
    const { task } = call;
    if (call.arg(1) > SET_SIZE) fail('EINVAL');
    call.write(
      call.arg(0),
      bytesOf((task.pending.set | task.group.pending.set) & task.blocked).subarray(0, call.arg(1)),
    );
    return 0;
  }),
  rt_sigsuspend: full(
    (call) => {
      checkSize(call, 1);
      return suspend(call, readSet(call, call.arg(0)));
    },
    { interruption: 'never' },
  ),
  sigsuspend: full((call) => suspend(call, BigInt(call.arg(2))), { interruption: 'never' }),
  pause: full((call) => call.wait([]), { interruption: 'never' }),
  rt_sigtimedwait: full(sigtimedwait('native'), timedwaitOptions),
  rt_sigtimedwait_time64: full(sigtimedwait('wide'), timedwaitOptions),
  rt_sigreturn: rtReturn,
  sigreturn: full((call) => sigreturn(call, return386)),
  sigaltstack: full(sigaltstack),
  rt_sigqueueinfo: full(sigqueueinfo),
  rt_tgsigqueueinfo: full(tgsigqueueinfo),
  kill: full(kill),
  tkill: full((call) => tkill(call, undefined, call.arg(0), call.arg(1))),
  tgkill: full((call) => (call.arg(0) <= 0 ? fail('EINVAL') : tkill(call, call.arg(0), call.arg(1), call.arg(2)))),
};

function bytesOf(set: SignalSet): Uint8Array {
  const bytes = new Uint8Array(SET_SIZE);
  new DataView(bytes.buffer).setBigUint64(0, set, true);
  return bytes;
}
