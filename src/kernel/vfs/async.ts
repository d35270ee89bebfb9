// Signals for what happens to open files (fcntl(2) "Managing signals", open(2) O_ASYNC).
import { SI_KERNEL, SI_SIGIO, SIGNAL, SIGRTMIN } from '../../abi/signal.ts';
import { O_ASYNC } from '../../abi/stat.ts';
import type { Kernel } from '../kernel.ts';
import type { HeldObject } from '../mm/frames.ts';
import type { Pid } from '../ns/pid-namespace.ts';
import { hasQueueRoom, sendSignalToGroup, sendSignalToTask } from '../signal/send.ts';
import type { SignalInfo } from '../signal/signal-set.ts';
import type { Task } from '../task/task.ts';
import type { ThreadGroup } from '../task/thread-group.ts';
import type { FileDescription } from './file.ts';

/** Memory of a file that wants signals, about. */
const ASYNC_BYTES = 48;

/** Why there is a signal: si_code, and si_band as poll(2) has it. */
export interface AsyncReason {
  readonly code: number;
  readonly band: number;
}

export const POLL_IN: AsyncReason = { code: 1, band: 0x041 };
export const POLL_OUT: AsyncReason = { code: 2, band: 0x304 };
export const POLL_MSG: AsyncReason = { code: 3, band: 0x441 };
export const POLL_ERR: AsyncReason = { code: 4, band: 0x008 };
export const POLL_HUP: AsyncReason = { code: 6, band: 0x018 };

/** Who gets the signals of a file, and whose rights count for that: those of whoever chose it. */
export interface FileOwner {
  readonly kind: 'task' | 'process' | 'group';
  readonly pid: Pid;
  readonly uid: number;
  readonly euid: number;
}

/** The owner a task chooses. */
export function ownerBy({ credentials }: Task, kind: FileOwner['kind'], pid: Pid): FileOwner {
  return { kind, pid, uid: credentials.uid, euid: credentials.euid };
}

/** The numbers somebody has in the place the task looks from; undefined for nobody. */
export function pidOf({ namespaces }: Task, number: number): Pid | undefined {
  const { tasks, groups } = namespaces.pid;
  const direct = tasks.get(number)?.pid ?? groups.get(number)?.pid;
  if (direct !== undefined) return direct;
  for (const { processGroup } of groups.values())
    for (const { pid } of [processGroup, processGroup.session]) if (pid.in(namespaces.pid) === number) return pid;
  return undefined;
}

/** The processes of an owner that are still there. */
export function ownersOf({ kind, pid }: FileOwner): ThreadGroup[] {
  const { groups, tasks } = pid.namespace;
  if (kind === 'group') return [...groups.values()].filter(({ processGroup }) => processGroup.pid === pid);
  const number = pid.in(pid.namespace);
  const group = tasks.get(number)?.group ?? groups.get(number);
  return group === undefined ? [] : [group];
}

/** Signals that have si_codes of their own, so that those of files would be taken for them. */
const OWN_CODES = new Set<number>([
  SIGNAL.SIGILL,
  SIGNAL.SIGFPE,
  SIGNAL.SIGSEGV,
  SIGNAL.SIGBUS,
  SIGNAL.SIGTRAP,
  SIGNAL.SIGCHLD,
  SIGNAL.SIGSYS,
]);

function mayTell(owner: FileOwner, { credentials }: Task): boolean {
  const { uid, suid } = credentials;
  return owner.euid === 0 || [owner.uid, owner.euid].some((id) => id === uid || id === suid);
}

/** What is sent: the signal of F_SETSIG with the file and why, or SIGIO with nothing. */
function infoFor(kernel: Kernel, file: FileDescription, fd: number, reason: AsyncReason, to: ThreadGroup): SignalInfo {
  const signal = file.signalNumber;
  const plain = { signal: SIGNAL.SIGIO, code: SI_KERNEL };
  if (signal === 0 || (signal >= SIGRTMIN && !hasQueueRoom(kernel, to, signal))) return plain;
  return { signal, code: OWN_CODES.has(signal) ? SI_SIGIO : reason.code, poll: { fd, band: reason.band } };
}

/** Tells the owner of a file. */
export function signalOwner(kernel: Kernel, file: FileDescription, fd: number, reason: AsyncReason): void {
  const { owner } = file;
  if (owner === undefined) return;
  const task = owner.kind === 'task' ? owner.pid.namespace.tasks.get(owner.pid.in(owner.pid.namespace)) : undefined;
  for (const group of ownersOf(owner)) {
    if (!mayTell(owner, task ?? group.leader)) continue;
    const info = infoFor(kernel, file, fd, reason, group);
    if (task === undefined) sendSignalToGroup(kernel, group, info);
    else sendSignalToTask(kernel, task, info);
  }
}

interface Receiver {
  readonly fd: number;
  readonly kernel: Kernel;
  readonly held: HeldObject;
}

/** The open files of one thing whose owners want a signal when it changes. Most things have none. */
export class AsyncReceivers {
  #files: Map<FileDescription, Receiver> | undefined;

  /** @throws OutOfFrames */
  add(kernel: Kernel, file: FileDescription, fd: number): void {
    const held = this.#files?.get(file)?.held ?? kernel.memory.object(ASYNC_BYTES);
    this.#files ??= new Map();
    this.#files.set(file, { fd, kernel, held });
  }

  delete(file: FileDescription): void {
    this.#files?.get(file)?.held.free();
    this.#files?.delete(file);
  }

  signal(reason: AsyncReason): void {
    if (this.#files === undefined) return;
    for (const [file, { fd, kernel }] of this.#files) signalOwner(kernel, file, fd, reason);
  }
}

/** Switches O_ASYNC; files that tell nothing stay as they are. False for those. @throws OutOfFrames */
export function setAsync(kernel: Kernel, task: Task, file: FileDescription, fd: number, isOn: boolean): boolean {
  if (isOn === ((file.flags & O_ASYNC) !== 0)) return true;
  const receivers = file.asyncReceivers;
  if (receivers.length === 0) return false;
  for (const one of receivers)
    if (isOn) one.add(kernel, file, fd);
    else one.delete(file);
  if (isOn) file.owner ??= file.firstOwner(task);
  file.flags = isOn ? file.flags | O_ASYNC : file.flags & ~O_ASYNC;
  return true;
}
