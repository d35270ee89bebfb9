// siginfo_t in the memory of programs, for both ABIs (<asm/siginfo.h>, sigaction(2)).
import { SI_QUEUE, SI_SIGIO, SI_TIMER, SIGNAL } from '../../abi/signal.ts';
import type { Call } from '../syscalls/call.ts';
import type { Task } from '../task/task.ts';
import type { SignalInfo } from './signal-set.ts';

export const SIGINFO_SIZE = 128;

/** Highest si_code of what happens to files (POLL_HUP). */
const MOST_POLL = 6;

const FAULTS = new Set([SIGNAL.SIGSEGV, SIGNAL.SIGBUS, SIGNAL.SIGILL, SIGNAL.SIGFPE, SIGNAL.SIGTRAP]);

/** What a program says a signal is (PTRACE_SETSIGINFO). */
export function decodeSignalInfo(bytes: Uint8Array, call: Call): SignalInfo {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const union = call.is32 ? 12 : 16;
  const [signal, errno, code] = [0, 4, 8].map((at) => view.getInt32(at, true)) as [number, number, number];
  if (FAULTS.has(signal) && code > 0) {
    const address = call.is32 ? view.getUint32(union, true) : Number(view.getBigUint64(union, true));
    return { signal, errno, code, address };
  }
  if (code === SI_SIGIO || (code > 0 && code <= MOST_POLL && signal !== SIGNAL.SIGCHLD && signal !== SIGNAL.SIGSYS)) {
    const band = call.is32 ? view.getInt32(union, true) : Number(view.getBigInt64(union, true));
    return { signal, errno, code, poll: { fd: view.getInt32(union + call.wordSize, true), band } };
  }
  const pid = call.pids.groups.get(view.getInt32(union, true))?.pid;
  const uid = view.getUint32(union + 4, true);
  const value = call.is32 ? BigInt(view.getUint32(union + 8, true)) : view.getBigUint64(union + 8, true);
  return { signal, errno, code, uid, value, ...(pid === undefined ? {} : { pid }) };
}

/** The 128 bytes a handler sees. */
export function encodeSignalInfo(info: SignalInfo, receiver: Task): Uint8Array {
  const { abi } = receiver.context;
  const bytes = new Uint8Array(SIGINFO_SIZE);
  const view = new DataView(bytes.buffer);
  view.setInt32(0, info.signal, true);
  view.setInt32(4, info.errno ?? 0, true);
  view.setInt32(8, info.code, true);
  const union = abi === 'amd64' ? 16 : 12;
  const pointer = (at: number, value: number | bigint) => {
    if (abi === 'amd64') view.setBigUint64(at, BigInt.asUintN(64, BigInt(value)), true);
    else view.setUint32(at, Number(BigInt.asUintN(32, BigInt(value))), true);
  };
  if (info.call !== undefined) {
    pointer(union, info.call.address);
    view.setInt32(union + (abi === 'amd64' ? 8 : 4), info.call.number, true);
    view.setUint32(union + (abi === 'amd64' ? 12 : 8), info.call.architecture, true);
  } else if (info.poll !== undefined) {
    pointer(union, info.poll.band);
    view.setInt32(union + (abi === 'amd64' ? 8 : 4), info.poll.fd, true);
  } else if (info.code === SI_TIMER) {
    view.setInt32(union, info.timerId ?? 0, true);
    view.setInt32(union + 4, info.overrun ?? 0, true);
    pointer(union + 8, info.value ?? 0n);
  } else if (FAULTS.has(info.signal) && info.code > 0) pointer(union, info.address ?? 0);
  else {
    view.setInt32(union, info.pid?.in(receiver.namespaces.pid) ?? 0, true);
    view.setUint32(union + 4, receiver.credentials.user.shown('uid', info.uid ?? 0), true);
    if (info.signal === SIGNAL.SIGCHLD) {
      view.setInt32(union + 8, info.status ?? 0, true);
      pointer(abi === 'amd64' ? union + 16 : union + 12, info.userTime ?? 0);
      pointer(abi === 'amd64' ? union + 24 : union + 16, info.systemTime ?? 0);
    } else if (info.code === SI_QUEUE || info.value !== undefined) pointer(union + 8, info.value ?? 0n);
  }
  return bytes;
}
