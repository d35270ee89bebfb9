// ptrace(2): watching another task, its memory and its registers.
import { SI_USER, SIGNAL, SIGNAL_COUNT } from '../../abi/signal.ts';
import { fail } from '../error.ts';
import { readForced, writeForced } from '../mm/forced-access.ts';
import { type Context, RSP } from '../platform.ts';
import { floatingPointFromUser, floatingPointToUser, FXSAVE_SIZE } from '../signal/floating-point.ts';
import { sendSignalToGroup, sendSignalToTask } from '../signal/send.ts';
import { encodeSignalInfo, decodeSignalInfo, SIGINFO_SIZE } from '../signal/siginfo.ts';
import { ALL_SIGNALS, UNBLOCKABLE } from '../signal/signal-set.ts';
import { mayInspect } from '../task/inspection.ts';
import type { Task } from '../task/task.ts';
import { type Layout, peekUser, pokeUser, readRegisters, sizeOfRegisters, writeRegisters } from '../trace/registers.ts';
import { beginTracing, endTracing, EVENT_STOP, goOn, planEvent, stand, type Tracing } from '../trace/tracing.ts';
import type { Call } from './call.ts';
import { readArguments } from './convention.ts';
import { full, type Implementations } from './table.ts';

const PTRACE_TRACEME = 0;
const PTRACE_ATTACH = 16;
const PTRACE_KILL = 8;
const PTRACE_SEIZE = 0x4206;
const PTRACE_INTERRUPT = 0x4207;
/** All options there are, and those that are not supported. */
const OPTIONS = 0x30_00ff;
const SUSPEND_SECCOMP = 0x20_0000;
const NT_PRSTATUS = 1;
const NT_PRFPREG = 2;
/** Size of struct user. */
const USER_SIZE = { amd64: 928, i386: 284 } as const;
const ARCHITECTURE = { amd64: 0xc000_003e, i386: 0x4000_0003 } as const;
const ERROR_RANGE = 4096n;

/** A request on a task that stands still. */
type Request = (call: Call, task: Task, tracing: Tracing) => number;

const layoutOf = (call: Call): Layout => (call.is32 ? 'i386' : 'amd64');

/** A signal to go on with. @throws SystemError EIO */
function signalArgument(call: Call): number {
  const signal = call.arg(3);
  return signal >= 0 && signal <= SIGNAL_COUNT ? signal : fail('EIO');
}

const going =
  (mode: Tracing['mode']): Request =>
  (call, task) => {
    goOn(call.kernel, task, mode, signalArgument(call));
    return 0;
  };

const peekMemory: Request = (call, task) => {
  const bytes = new Uint8Array(call.wordSize);
  if (task.memory === undefined || readForced(task.memory, call.arg(2), bytes) < bytes.length) fail('EIO');
  call.write(call.arg(3), bytes);
  return 0;
};

const pokeMemory: Request = (call, task) => {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt.asUintN(64, call.arg64(3)), true);
  const word = bytes.subarray(0, call.wordSize);
  if (task.memory === undefined || writeForced(task.memory, call.arg(2), word) < word.length) fail('EIO');
  return 0;
};

const peekUserArea: Request = (call, task) => {
  const layout = layoutOf(call);
  call.writeWord(call.arg(3), peekUser(task, layout, call.arg(2), USER_SIZE[layout]));
  return 0;
};

const pokeUserArea: Request = (call, task) => {
  const layout = layoutOf(call);
  pokeUser(task, layout, call.arg(2), BigInt.asUintN(call.is32 ? 32 : 64, call.arg64(3)));
  return 0;
};

const getRegisters: Request = (call, task) => {
  call.write(call.arg(3), readRegisters(task, layoutOf(call)));
  return 0;
};

const setRegisters: Request = (call, task) => {
  const layout = layoutOf(call);
  writeRegisters(task, layout, call.read(call.arg(3), sizeOfRegisters(layout)));
  return 0;
};

const getFloatingPoint: Request = (call, task) => {
  call.write(call.arg(3), floatingPointToUser(task.context.floatingPoint));
  return 0;
};

function takeFloatingPoint(context: Context, image: Uint8Array): void {
  if (image.length < FXSAVE_SIZE) fail('EINVAL');
  floatingPointFromUser(context, image);
}

const setFloatingPoint: Request = (call, task) => {
  takeFloatingPoint(task.context, call.read(call.arg(3), FXSAVE_SIZE));
  return 0;
};

/** A struct iovec: where the registers go, and how much room there is. */
function registerSet(call: Call, use: (address: number, room: number) => number): number {
  const vector = call.arg(3);
  const [address, room] = [call.readWord(vector), call.readWord(vector + call.wordSize)];
  call.writeWord(vector + call.wordSize, use(address, room));
  return 0;
}

const getRegisterSet: Request = (call, task) => {
  const type = call.arg(2);
  return registerSet(call, (address, room) => {
    if (type !== NT_PRSTATUS && type !== NT_PRFPREG) fail('EINVAL');
    const bytes =
      type === NT_PRSTATUS ? readRegisters(task, task.context.abi) : floatingPointToUser(task.context.floatingPoint);
    const part = bytes.subarray(0, room);
    call.write(address, part);
    return part.length;
  });
};

const setRegisterSet: Request = (call, task) => {
  const type = call.arg(2);
  const { abi } = task.context;
  const word = abi === 'amd64' ? 8 : 4;
  return registerSet(call, (address, room) => {
    if (type === NT_PRSTATUS) {
      if (room % word !== 0) fail('EINVAL');
      const size = Math.min(room, sizeOfRegisters(abi));
      writeRegisters(task, abi, call.read(address, size));
      return size;
    }
    if (type !== NT_PRFPREG || room % word !== 0) fail('EINVAL');
    takeFloatingPoint(task.context, call.read(address, Math.min(room, FXSAVE_SIZE)));
    return FXSAVE_SIZE;
  });
};

const setOptions: Request = (call, _task, tracing) => {
  tracing.options = optionsArgument(call);
  return 0;
};

function optionsArgument(call: Call): number {
  const options = call.arg(3);
  if (options & ~OPTIONS) fail('EINVAL');
  if (options & SUSPEND_SECCOMP) fail('EPERM');
  return options;
}

const getMessage: Request = (call, _task, { message }) => {
  call.writeWord(call.arg(3), message);
  return 0;
};

const getSignalInfo: Request = (call, _task, { stop }) => {
  call.write(call.arg(3), encodeSignalInfo(stop?.info ?? fail('EINVAL'), call.task));
  return 0;
};

const setSignalInfo: Request = (call, _task, { stop }) => {
  if (stop?.info === undefined) fail('EINVAL');
  else stop.info = decodeSignalInfo(call.read(call.arg(3), SIGINFO_SIZE), call);
  return 0;
};

/** PTRACE_PEEKSIGINFO: offset, flags (1: of the process) and count lie at addr. */
const peekSignals: Request = (call, task) => {
  const view = call.view(call.arg(2), 16);
  const [offset, flags, count] = [Number(view.getBigUint64(0, true)), view.getUint32(8, true), view.getInt32(12, true)];
  if (flags & ~1 || count < 0) fail('EINVAL');
  const { queue } = flags & 1 ? task.group.pending : task.pending;
  const wanted = queue.slice(offset, offset + count);
  wanted.forEach((info, n) => {
    call.write(call.arg(3) + n * SIGINFO_SIZE, encodeSignalInfo(info, call.task));
  });
  return wanted.length;
};

const getMask: Request = (call, task) => {
  if (call.arg(2) !== 8) fail('EINVAL');
  call.writeWord(call.arg(3), task.savedMask ?? task.blocked, 8);
  return 0;
};

const setMask: Request = (call, task) => {
  if (call.arg(2) !== 8) fail('EINVAL');
  task.blocked = call.view(call.arg(3), 8).getBigUint64(0, true) & ALL_SIGNALS & ~UNBLOCKABLE;
  return 0;
};

const detach: Request = (call, task) => {
  endTracing(task, signalArgument(call));
  return 0;
};

const listen: Request = (_call, _task, tracing) => {
  if (!tracing.isSeized || tracing.stop!.code >> 8 !== EVENT_STOP) return fail('EIO');
  tracing.isListening = true;
  return 0;
};

const OPS = { entry: 1, exit: 2, seccomp: 3 } as const;

/** struct ptrace_syscall_info: how much of it there is, written as far as there is room. */
const getCallInfo: Request = (call, task, { stop, message }) => {
  const bytes = new Uint8Array(88);
  const view = new DataView(bytes.buffer);
  const kind = stop?.kind;
  const { context } = task;
  const op = kind === 'entry' || kind === 'exit' || kind === 'seccomp' ? OPS[kind] : 0;
  view.setUint8(0, op);
  view.setUint32(4, ARCHITECTURE[task.call?.abi ?? context.abi], true);
  view.setBigUint64(8, context.rip, true);
  view.setBigUint64(16, context.reg64(RSP), true);
  let size = 24;
  if (task.call !== undefined && (kind === 'entry' || kind === 'seccomp')) {
    view.setBigInt64(24, BigInt(task.call.number), true);
    readArguments(context, task.call.abi).forEach((value, n) => {
      view.setBigUint64(32 + 8 * n, BigInt(value), true);
    });
    size = kind === 'entry' ? 80 : 84;
    if (kind === 'seccomp') view.setUint32(80, message, true);
  } else if (kind === 'exit') {
    const raw = BigInt.asIntN(context.abi === 'amd64' ? 64 : 32, BigInt(context.reg64(0)));
    view.setBigInt64(24, raw, true);
    view.setUint8(32, raw < 0n && raw > -ERROR_RANGE ? 1 : 0);
    size = 33;
  }
  call.write(call.arg(3), bytes.subarray(0, Math.min(size, call.arg(2))));
  return size;
};

const REQUESTS: ReadonlyMap<number, Request> = new Map([
  [1, peekMemory],
  [2, peekMemory],
  [3, peekUserArea],
  [4, pokeMemory],
  [5, pokeMemory],
  [6, pokeUserArea],
  [7, going('continue')],
  [9, going('steps')],
  [12, getRegisters],
  [13, setRegisters],
  [14, getFloatingPoint],
  [15, setFloatingPoint],
  [17, detach],
  [24, going('calls')],
  [0x4200, setOptions],
  [0x4201, getMessage],
  [0x4202, getSignalInfo],
  [0x4203, setSignalInfo],
  [0x4204, getRegisterSet],
  [0x4205, setRegisterSet],
  [0x4208, listen],
  [0x4209, peekSignals],
  [0x420a, getMask],
  [0x420b, setMask],
  [0x420e, getCallInfo],
]);

function traceMe(call: Call): number {
  const { task } = call;
  const { parent } = task.group;
  if (task.tracing !== undefined) fail('EPERM');
  // outside all namespaces a first process has nobody to trace it
  const { credentials } = task;
  if (parent !== undefined) beginTracing(task, { tracer: parent.leader, credentials, isSeized: false, options: 0 });
  return 0;
}

function attach(call: Call, isSeized: boolean): number {
  const options = isSeized ? optionsArgument(call) : 0;
  if (isSeized && call.arg(2) !== 0) fail('EIO');
  const task = target(call);
  if (task.group === call.task.group || !mayInspect(call.task, task, 'real-ids')) fail('EPERM');
  if (task.tracing !== undefined) fail('EPERM');
  beginTracing(task, { tracer: call.task, credentials: call.task.credentials, isSeized, options });
  if (isSeized) return 0;
  // one that is stopped stands still at once, for its tracer instead
  if (task.state === 'stopped') stand(call.kernel, task, { kind: 'group', code: SIGNAL.SIGSTOP, info: undefined });
  sendSignalToTask(call.kernel, task, { signal: SIGNAL.SIGSTOP, code: SI_USER });
  return 0;
}

function target(call: Call): Task {
  return call.pids.tasks.get(call.arg(1)) ?? fail('ESRCH');
}

function traced(call: Call): { task: Task; tracing: Tracing } {
  const task = target(call);
  const { tracing } = task;
  return tracing?.tracer === call.task ? { task, tracing } : fail('ESRCH');
}

/** The task stops as soon as it can. */
function interrupt(call: Call): number {
  const { task, tracing } = traced(call);
  if (!tracing.isSeized) fail('EIO');
  if (tracing.stop !== undefined && !tracing.isListening) return 0;
  planEvent(task, EVENT_STOP, 0);
  if (tracing.stop === undefined) task.wake();
  else task.leaveTraceStop();
  return 0;
}

function ptrace(call: Call): number {
  const request = call.arg(0);
  switch (request) {
    case PTRACE_TRACEME:
      return traceMe(call);
    case PTRACE_ATTACH:
    case PTRACE_SEIZE:
      return attach(call, request === PTRACE_SEIZE);
    case PTRACE_INTERRUPT:
      return interrupt(call);
  }
  const { task, tracing } = traced(call);
  if (request === PTRACE_KILL) {
    sendSignalToGroup(call.kernel, task.group, { signal: SIGNAL.SIGKILL, code: SI_USER });
    return 0;
  }
  if (tracing.stop === undefined || tracing.isListening) return fail('ESRCH');
  return (REQUESTS.get(request) ?? (() => fail('EIO')))(call, task, tracing);
}

export const traceCalls: Implementations = { ptrace: full(ptrace) };
