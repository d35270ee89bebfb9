// Making tasks: fork, vfork, clone and clone3 (clone(2)).
import { RLIMIT_NPROC } from '../../abi/resource.ts';
import { SIG_IGN, SIGNAL } from '../../abi/signal.ts';
import type { Cgroup } from '../cgroup/cgroup.ts';
import { fail } from '../error.ts';
import type { Kernel } from '../kernel.ts';
import type { KernelCharge } from '../cgroup/memory.ts';
import type { AddressSpace } from '../mm/address-space.ts';
import { BadAddress, writeUser } from '../mm/user-memory.ts';
import { moveDirectories, newNamespaces, newUserNamespace } from '../ns/create.ts';
import { CLONE_NEWIPC, CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWUSER } from '../ns/namespace.ts';
import type { Namespaces } from '../ns/namespaces.ts';
import { Pid, type PidNamespace } from '../ns/pid-namespace.ts';
import { RSP } from '../platform.ts';
import { PendingSignals } from '../signal/signal-set.ts';
import type { FdTable } from '../vfs/fd-table.ts';
import { setResult } from '../syscalls/convention.ts';
import { setThreadArea } from '../syscalls/thread-area.ts';
import { isRealtime } from './scheduling.ts';
import { CAP_CHECKPOINT_RESTORE, CAP_SYS_ADMIN, CAP_SYS_RESOURCE, hasCapability } from '../vfs/permission.ts';
import {
  EVENT_CLONE,
  EVENT_FORK,
  EVENT_VFORK,
  TRACE_CLONE,
  TRACE_FORK,
  TRACE_VFORK,
  traceChild,
} from '../trace/tracing.ts';
import { Task } from './task.ts';
import { DEFAULT_ACTION, type SignalAction, ThreadGroup } from './thread-group.ts';

export const CLONE_VM = 0x100;
export const CLONE_FS = 0x200;
export const CLONE_FILES = 0x400;
export const CLONE_SIGHAND = 0x800;
export const CLONE_PIDFD = 0x1000;
export const CLONE_PTRACE = 0x2000;
export const CLONE_VFORK = 0x4000;
export const CLONE_PARENT = 0x8000;
export const CLONE_THREAD = 0x1_0000;
const CLONE_IO = 0x8000_0000;
export const CLONE_SYSVSEM = 0x4_0000;
export const CLONE_SETTLS = 0x8_0000;
export const CLONE_PARENT_SETTID = 0x10_0000;
export const CLONE_CHILD_CLEARTID = 0x20_0000;
export const CLONE_DETACHED = 0x40_0000;
export const CLONE_UNTRACED = 0x80_0000;
export const CLONE_CHILD_SETTID = 0x100_0000;

/** What to share with the new task, and where it starts. */
export interface CloneRequest {
  readonly flags: number;
  readonly exitSignal: number;
  /** Stack pointer, 0 for the caller's. */
  readonly stack: number;
  readonly parentTid: number;
  readonly childTid: number;
  readonly tls: bigint;
  /** Where CLONE_PIDFD puts its descriptor. */
  readonly pidfd: number;
  /** CLONE_CLEAR_SIGHAND: what the parent handles the child does not. */
  readonly clearsHandlers?: boolean;
  /** Numbers the task is to have (set_tid of clone3), the innermost namespace's first. */
  readonly numbers?: readonly number[];
  /** Control group to start in (CLONE_INTO_CGROUP); undefined for the caller's. */
  readonly cgroup?: Cgroup;
}

/** Flags that do not go together. @throws SystemError EINVAL */
function checkFlags(parent: Task, { flags, exitSignal }: CloneRequest): void {
  const both = (a: number, b: number) => (flags & a) !== 0 && (flags & b) !== 0;
  const needs = (a: number, b: number) => (flags & a) !== 0 && (flags & b) === 0;
  const { pid, pidForChildren, time, timeForChildren } = parent.namespaces;
  if (needs(CLONE_SIGHAND, CLONE_VM) || needs(CLONE_THREAD, CLONE_SIGHAND)) fail('EINVAL');
  if (both(CLONE_FS, CLONE_NEWNS) || both(CLONE_FS, CLONE_NEWUSER) || both(CLONE_SYSVSEM, CLONE_NEWIPC)) fail('EINVAL');
  if (flags & CLONE_THREAD && (flags & (CLONE_NEWUSER | CLONE_NEWPID) || pid !== pidForChildren)) fail('EINVAL');
  if (flags & CLONE_VM && !(flags & CLONE_VFORK) && time !== timeForChildren) fail('EINVAL');
  // siblings of process 1 would have no parent in their namespace
  if (flags & CLONE_PARENT && parent.group === pid.reaper) fail('EINVAL');
  if (exitSignal > 64) fail('EINVAL');
}

/** Who may choose numbers: whoever restores programs in each of the namespaces. @throws SystemError EPERM */
function checkMayChoose({ credentials, namespaces }: Task, { numbers = [] }: CloneRequest): void {
  let namespace: PidNamespace | undefined = namespaces.pidForChildren;
  for (const _ of numbers) {
    if (namespace === undefined) return;
    const may = [CAP_CHECKPOINT_RESTORE, CAP_SYS_ADMIN].some((one) =>
      hasCapability(credentials, one, namespace!.owner),
    );
    if (!may) fail('EPERM');
    namespace = namespace.parent;
  }
}

/** The namespaces a child is in from the start. */
function asChild(namespaces: Namespaces): Namespaces {
  const { pidForChildren, timeForChildren } = namespaces;
  timeForChildren.isEntered = true;
  return { ...namespaces, pid: pidForChildren, time: timeForChildren };
}

/** Makes a task like `parent`. @throws SystemError EINVAL for flags that do not go together, EPERM, … */
export function cloneTask(kernel: Kernel, parent: Task, request: CloneRequest): Task {
  const { flags } = request;
  checkFlags(parent, request);
  checkProcessLimit(kernel, parent);
  checkMayChoose(parent, request);
  const cgroup = request.cgroup ?? parent.cgroup!;
  kernel.cgroups.checkFork(cgroup);
  const isThread = (flags & CLONE_THREAD) !== 0;
  const credentials = flags & CLONE_NEWUSER ? newUserNamespace(kernel, parent) : parent.credentials;
  const { namespaces, moved } = newNamespaces(kernel, parent, credentials, flags);
  const pid = Pid.allocate(namespaces.pidForChildren, request.numbers);
  const { memory, files, charge } = taskMemory(kernel, parent, pid, flags);
  const group = isThread ? parent.group : newGroup(kernel, parent, pid, request);
  const context = parent.context.clone();
  const child = new Task({
    pid,
    namespaces: asChild(namespaces),
    group,
    context,
    files,
    directories: flags & CLONE_FS ? parent.directories : { ...parent.directories, users: 1 },
    credentials,
    blocked: parent.blocked,
    pending: new PendingSignals(),
    onWake: (task) => kernel.runQueue.add(task),
  });
  if (flags & CLONE_FS) parent.directories.users++;
  moveDirectories(child.directories, moved);
  child.memory = memory;
  child.kernelCharge = charge;
  child.name = parent.name;
  child.executable = parent.executable;
  inheritScheduling(child, parent);
  inheritSettings(child, parent, flags);
  if (!(flags & CLONE_VM) || flags & CLONE_VFORK) child.alternateStack = { ...parent.alternateStack };
  if (!isThread) group.leader = child;
  group.tasks.add(child);
  setResult(context, 0);
  if (request.stack !== 0) context.setReg(RSP, request.stack);
  if (flags & CLONE_SETTLS) setTls(child, parent, request.tls);
  if (flags & CLONE_PARENT_SETTID) tellNumber(parent.memory!, request.parentTid, pid.in(parent.namespaces.pid));
  if (flags & CLONE_CHILD_SETTID) tellNumber(memory, request.childTid, pid.in(child.namespaces.pid));
  if (flags & CLONE_CHILD_CLEARTID) child.clearTid = request.childTid;
  kernel.addTask(child, cgroup);
  if (!(flags & CLONE_UNTRACED)) traceChild(parent, child, ...eventOf(request));
  return child;
}

/** The event a tracer hears of, and the option that asks for it (ptrace(2) PTRACE_O_TRACECLONE). */
function eventOf({ flags, exitSignal }: CloneRequest): [event: number, option: number] {
  if (flags & CLONE_VFORK) return [EVENT_VFORK, TRACE_VFORK];
  return exitSignal === SIGNAL.SIGCHLD ? [EVENT_FORK, TRACE_FORK] : [EVENT_CLONE, TRACE_CLONE];
}

/** Attributes a new task has from its parent. */
function inheritSettings(child: Task, parent: Task, flags: number): void {
  child.seccomp = parent.seccomp;
  child.memoryPolicy = parent.memoryPolicy;
  child.ioPriority = flags & CLONE_IO ? parent.ioPriority : { ...parent.ioPriority };
  child.personality = parent.personality;
  child.login = parent.login;
  child.keyrings = { session: parent.keyrings.session, forRequests: parent.keyrings.forRequests };
  child.timerSlack = parent.timerSlack;
  child.defaultTimerSlack = parent.timerSlack;
  if (flags & CLONE_SYSVSEM) {
    child.semaphoreUndo = parent.semaphoreUndo;
    parent.semaphoreUndo.users++;
    parent.semaphoreUndo.isMade = true;
  }
  if (!(flags & CLONE_VM)) child.rseq = { ...parent.rseq };
}

/** RLIMIT_NPROC counts the tasks of the user, and does not bind the privileged. @throws SystemError EAGAIN */
function checkProcessLimit(kernel: Kernel, { credentials, group }: Task): void {
  const limit = group.limits[RLIMIT_NPROC]!.soft;
  if (limit > kernel.pids.tasks.size || credentials.uid === 0) return;
  if (hasCapability(credentials, CAP_SYS_RESOURCE) || hasCapability(credentials, CAP_SYS_ADMIN)) return;
  let count = 0;
  for (const task of kernel.pids.tasks.values()) if (task.credentials.uid === credentials.uid) count++;
  if (count >= limit) fail('EAGAIN');
}

/** The memory and the descriptors of a new task, and what the kernel keeps for it. @throws OutOfFrames, with nothing taken */
function taskMemory(
  kernel: Kernel,
  parent: Task,
  pid: Pid,
  flags: number,
): { readonly memory: AddressSpace; readonly files: FdTable; readonly charge: KernelCharge } {
  let charge: KernelCharge | undefined;
  let ownFiles: FdTable | undefined;
  try {
    charge = kernel.memory.chargeTask();
    if (!(flags & CLONE_FILES)) ownFiles = parent.files.clone();
    const memory = flags & CLONE_VM ? parent.memory! : parent.memory!.fork();
    if (flags & CLONE_VM) memory.users++;
    if (flags & CLONE_FILES) parent.files.users++;
    return { memory, files: ownFiles ?? parent.files, charge };
  } catch (failure) {
    ownFiles?.closeAll();
    if (charge !== undefined) kernel.memory.uncharge(charge);
    pid.release();
    throw failure;
  }
}

/** Writes the number of a task; an address where that is not possible does not stop it. */
function tellNumber(memory: AddressSpace, address: number, number: number): void {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, number, true);
  try {
    writeUser(memory, address, bytes);
  } catch (failure) {
    if (!(failure instanceof BadAddress)) throw failure;
  }
}

function setTls(child: Task, parent: Task, tls: bigint): void {
  if (child.context.abi === 'amd64') child.context.fsBase = tls;
  else setThreadArea(child, parent.memory!, Number(tls));
}

function childActions(actions: readonly SignalAction[], { clearsHandlers }: CloneRequest): SignalAction[] {
  if (!clearsHandlers) return [...actions];
  return actions.map((action) => (action.handler === SIG_IGN ? action : DEFAULT_ACTION));
}

function newGroup(kernel: Kernel, parent: Task, pid: Pid, request: CloneRequest): ThreadGroup {
  const old = parent.group;
  const actions = request.flags & CLONE_SIGHAND ? old.actions : childActions(old.actions, request);
  const signal = request.flags & CLONE_PARENT ? old.exitSignal : request.exitSignal;
  const group = new ThreadGroup(pid, old.processGroup, actions, [...old.limits], signal);
  group.parent = request.flags & CLONE_PARENT ? old.parent : old;
  group.parent?.children.add(group);
  group.startTime = kernel.platform.cycles;
  group.oomAdjustment = old.oomAdjustment;
  group.leastOomAdjustment = old.leastOomAdjustment;
  return group;
}

/** The child is scheduled like its parent, unless that asked otherwise. */
function inheritScheduling(child: Task, parent: Task): void {
  child.virtualTime = parent.virtualTime;
  const resets = parent.resetsOnFork;
  const loses = resets && isRealtime(parent.policy);
  child.nice = loses || (resets && parent.nice < 0) ? 0 : parent.nice;
  if (loses) return;
  child.policy = parent.policy;
  child.priority = parent.priority;
}

/** fork(2). */
export const FORK: CloneRequest = {
  flags: 0,
  exitSignal: SIGNAL.SIGCHLD,
  stack: 0,
  parentTid: 0,
  childTid: 0,
  tls: 0n,
  pidfd: 0,
};
