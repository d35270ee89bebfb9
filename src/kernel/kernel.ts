// The kernel: what it consists of, its clock and its numbers. Linux's behaviour as programs see it (man-pages sections 2 and 7);
// what it runs on is behind platform.ts, the loop that runs tasks in run-loop.ts.
import { SIGNAL } from '../abi/signal.ts';
import { S_IFIFO, S_IFREG, S_IFSOCK } from '../abi/stat.ts';
import { ClockDiscipline } from './clock-discipline.ts';
import type { Cgroup } from './cgroup/cgroup.ts';
import { KernelObject } from './cgroup/kernel-object.ts';
import { MemoryController } from './cgroup/memory.ts';
import { CgroupHierarchy } from './cgroup/hierarchy.ts';
import type { EventBudget } from './fs/aio-context.ts';
import { type DeviceOpener, memoryDevices } from './fs/devices.ts';
import { NamelessFs } from './fs/nameless.ts';
import type { Pipe } from './fs/pipe.ts';
import { Tmpfs } from './fs/tmpfs.ts';
import { Frames } from './mm/frames.ts';
import { Vdso } from './mm/vdso.ts';
import type { SocketHost } from './net/socket.ts';
import { NetNamespace } from './net/namespace.ts';
import { CgroupNamespace } from './ns/cgroup-namespace.ts';
import { IpcNamespace } from './ns/ipc-namespace.ts';
import type { Namespaces } from './ns/namespaces.ts';
import { PidNamespace } from './ns/pid-namespace.ts';
import { TimeNamespace } from './ns/time-namespace.ts';
import { UserNamespace } from './ns/user-namespace.ts';
import { UtsNamespace } from './ns/uts-namespace.ts';
import { NsFs } from './fs/nsfs.ts';
import type { Platform } from './platform.ts';
import { type Call, NO_RESULT } from './syscalls/call.ts';
import { type Syscall, SyscallTable } from './syscalls/table.ts';
import { implementations } from './syscalls/index.ts';
import { type KernelStop, RunLoop, type RunLimits } from './run-loop.ts';
import { RunQueue } from './task/run-queue.ts';
import type { Task } from './task/task.ts';
import { Futexes } from './task/futexes.ts';
import { RandomSource } from './random.ts';
import { endProcess } from './task/exit.ts';
import { Timers } from './timers.ts';
import { UserCounts } from './user-counts.ts';
import { Keys } from './keys/keys.ts';
import { NamespaceCounts } from './ns/user-limits.ts';
import { PipePages } from './fs/pipe-pages.ts';
import { LockTable } from './vfs/file-locks.ts';
import type { Inode, Owner } from './vfs/inode.ts';

/** Nanoseconds since the epoch at which the machine was switched on, unless told otherwise. */
const DEFAULT_EPOCH = 1_700_000_000_000_000_000n;
/** f_type of statfs(2). */
const PIPEFS_MAGIC = 0x5049_5045;
const MQUEUE_MAGIC = 0x1980_0202;
const SOCKFS_MAGIC = 0x534f_434b;
const ANON_INODE_FS_MAGIC = 0x0904_1934;
/** One for all kernels: it never changes. */
const SYSCALL_TABLE = new SyscallTable(implementations);
/** Inode number of the first namespace. */
const FIRST_NAMESPACE = 0xf000_0000;
/** In a second. */
const NANOSECONDS = 1_000_000_000;
/** Calls with numbers that Linux does not know are told as long as no more were told: a program can try them all. */
const MOST_TOLD = 64;

/** What a kernel is made of. */
export interface KernelOptions {
  readonly platform: Platform;
  /** Nanoseconds since the epoch at cycle 0. */
  readonly epoch?: bigint;
  /** Of getrandom(2), AT_RANDOM and /dev/urandom. */
  readonly seed?: number;
  /** A call that does not exist here was made; told once for each. */
  readonly onUnsupported?: (name: string, task: Task) => void;
  /** Every call that ended, for traces. */
  readonly onCall?: (call: Call, row: Syscall, result: number | bigint | undefined) => void;
}

/** A Linux. */
export class Kernel {
  readonly platform: Platform;
  readonly frames: Frames;
  readonly syscalls = SYSCALL_TABLE;
  #nextNamespace = FIRST_NAMESPACE;
  /** The outermost user namespace: whose IDs the kernel uses. */
  readonly users = new UserNamespace(this.nextNamespace());
  /** The outermost PID namespace: all tasks. */
  readonly pids = new PidNamespace(this.nextNamespace(), this.users);
  /** The namespaces of the first process besides those two and that of mounts. */
  readonly first: Pick<Namespaces, 'uts' | 'ipc' | 'net' | 'cgroup' | 'time'>;
  /** The files of namespaces. */
  readonly nsfs: NsFs;
  readonly futexes = new Futexes();
  /** Events that contexts of asynchronous input and output have room for. */
  readonly aio: EventBudget = { reserved: 0 };
  readonly random: RandomSource;
  /** Where shared anonymous memory and memfd files live. */
  readonly shared: Tmpfs;
  /** Where eventfd, epoll and their like live. */
  readonly anonymous: Inode;
  /** Where POSIX message queues live. */
  readonly messageQueues: NamelessFs;
  readonly #pipes: NamelessFs;
  /** The page of code that i386 programs find mapped. */
  readonly vdso: Vdso;
  /** What sockets need. */
  readonly sockets: SocketHost;
  /** The task that runs or whose system call is being served. */
  current: Task | undefined;
  /** Character devices by number. */
  readonly devices: Map<number, DeviceOpener>;
  readonly #loop = new RunLoop(this);
  readonly runQueue = new RunQueue(this, () => this.cgroups.root.effective('cpu'));
  readonly locks = new LockTable(() => this.memory.store());
  /** Cycles by what the processor did, and how often a task got it. */
  readonly processorTime = { user: 0, system: 0, idle: 0, turns: 0 };
  readonly timers = new Timers();
  readonly userCounts = new UserCounts();
  readonly keys = new Keys(this);
  readonly namespaceCounts = new NamespaceCounts(this);
  /** Room that the pipes of each user take. */
  readonly pipePages = new PipePages();
  readonly cgroups: CgroupHierarchy;
  readonly memory: MemoryController;
  /** Nanoseconds since the epoch at cycle 0, if the clock were never steered. */
  #epoch: bigint;
  readonly discipline = new ClockDiscipline();
  /** What file systems stamp files with. */
  readonly clock = (): bigint => this.realtime;
  onCall: KernelOptions['onCall'];
  onUnsupported: KernelOptions['onUnsupported'];
  /** Those who look on are not part of the state. */
  static readonly unsaved = ['onCall', 'onUnsupported'];
  readonly #unsupported = new Set<string>();
  #nextDevice = 1;
  #nextMountId = 1;
  #nextPeerGroup = 1;
  #nextLoginSession = 1;

  constructor(options: KernelOptions) {
    this.platform = options.platform;
    this.frames = new Frames(options.platform.memory);
    this.#epoch = options.epoch ?? DEFAULT_EPOCH;
    this.random = new RandomSource(options.seed ?? 0);
    const now = this.clock;
    this.vdso = new Vdso(this.frames);
    this.shared = new Tmpfs({ frames: this.frames, device: this.nextDevice(), now });
    this.nsfs = new NsFs(this.nextMountId(), this.nextDevice(), now);
    this.anonymous = new NamelessFs('anon_inodefs', ANON_INODE_FS_MAGIC, 0o600, this.nextDevice(), now).newInode();
    const sockets = new NamelessFs('sockfs', SOCKFS_MAGIC, S_IFSOCK | 0o777, this.nextDevice(), now);
    this.sockets = {
      newInode: () => sockets.newInode(),
      current: () => this.current!,
      store: () => new KernelObject(this.memory, 'sock'),
      object: (bytes) => this.memory.object(bytes),
    };
    this.messageQueues = new NamelessFs('mqueue', MQUEUE_MAGIC, S_IFREG | 0o600, this.nextDevice(), now);
    this.#pipes = new NamelessFs('pipefs', PIPEFS_MAGIC, S_IFIFO | 0o600, this.nextDevice(), now);
    this.memory = new MemoryController(this);
    this.cgroups = new CgroupHierarchy(this);
    this.frames.accounts = this.memory;
    this.first = {
      uts: new UtsNamespace(this.nextNamespace(), this.users).hold(),
      ipc: new IpcNamespace(this.nextNamespace(), this.users).hold(),
      net: new NetNamespace(this.nextNamespace(), this.users).hold(),
      cgroup: new CgroupNamespace(this.nextNamespace(), this.users, this.cgroups.root).hold(),
      time: new TimeNamespace(this.nextNamespace(), this.users).hold(),
    };
    this.first.net.loopback.setUp(true);
    this.devices = memoryDevices(this);
    this.onCall = options.onCall;
    this.onUnsupported = options.onUnsupported;
  }

  /** Nanoseconds since boot: CLOCK_MONOTONIC. */
  get monotonic(): bigint {
    return this.nanoseconds(this.platform.cycles);
  }

  /** How far CLOCK_REALTIME is ahead of CLOCK_MONOTONIC at the moment. */
  get epoch(): bigint {
    const { discipline } = this;
    return discipline.isExact ? this.#epoch : this.#epoch + discipline.correction(this.monotonic);
  }

  set epoch(nanoseconds: bigint) {
    this.#epoch += nanoseconds - this.epoch;
  }

  /** Nanoseconds since the epoch: CLOCK_REALTIME. */
  get realtime(): bigint {
    return this.epoch + this.monotonic;
  }

  nanoseconds(cycles: number): bigint {
    const { frequencyHz } = this.platform;
    if (frequencyHz === NANOSECONDS) return BigInt(cycles);
    return (BigInt(cycles) * BigInt(NANOSECONDS)) / BigInt(frequencyHz);
  }

  /** Cycles at a moment of CLOCK_MONOTONIC, rounded up. */
  cyclesAt(nanoseconds: bigint): number {
    return Number((nanoseconds * BigInt(this.platform.frequencyHz) + 999_999_999n) / 1_000_000_000n);
  }

  /** A new task may run. */
  addTask(task: Task, cgroup: Cgroup): void {
    this.cgroups.enter(task, cgroup);
    task.pid.enter(task, task.group.leader === task ? task.group : undefined);
    this.runQueue.add(task);
  }

  /** reboot(2): process 1 of the caller's PID namespace ends, and all with it. */
  powerOff(task: Task): typeof NO_RESULT {
    const { init } = task.namespaces.pid;
    for (const group of [...task.namespaces.pid.groups.values()])
      if (group !== init) endProcess(this, group, { kind: 'killed', signal: SIGNAL.SIGKILL, core: false });
    if (init !== undefined) endProcess(this, init, { kind: 'exited', status: 0 });
    return NO_RESULT;
  }

  /** Number of a new mount (/proc/PID/mountinfo). */
  nextMountId(): number {
    return this.#nextMountId++;
  }

  /** Number of a new peer group of mounts. */
  nextPeerGroupId(): number {
    return this.#nextPeerGroup++;
  }

  /** Number of a new login (/proc/PID/sessionid). */
  nextLoginSession(): number {
    return this.#nextLoginSession++;
  }

  /** Inode number of a new namespace. */
  nextNamespace(): number {
    return this.#nextNamespace++;
  }

  /** Number of a new file system (st_dev). */
  nextDevice(): number {
    return this.#nextDevice++;
  }

  /** A file for a terminal that lies in no directory. */
  terminalInode(): Inode {
    return this.#pipes.newInode();
  }

  /** A file for the ends of a new pipe. */
  pipeInode(pipe: Pipe, owner: Owner): Inode {
    return this.#pipes.newInode(owner, pipe);
  }

  /** A call of a name or number that this kernel does not know; each is told once. */
  tellUnsupported(name: string | number, task: Task): void {
    const told = typeof name === 'string' ? name : `system call ${name}`;
    if (this.#unsupported.has(told) || (typeof name === 'number' && this.#unsupported.size >= MOST_TOLD)) return;
    this.#unsupported.add(told);
    this.onUnsupported?.(told, task);
  }

  /** Runs tasks as far as the limits say. After a pause, `settle` has to come before anything else touches the kernel. */
  run(limits: RunLimits = {}): KernelStop {
    return this.#loop.run(limits);
  }

  /** Takes the processor from a task that is paused, as an interrupt does; then the kernel may be changed from outside. */
  settle(): void {
    this.#loop.settle();
  }
}
