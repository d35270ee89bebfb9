// A container: processes of the kernel in namespaces and a control group of their own (OCI runtime specification, "Lifecycle").
// Made with everything but its program, started, told signals, paused, and at its end nothing of it is left in the kernel.
import { O_RDONLY, O_WRONLY } from '../abi/stat.ts';
import { SI_KERNEL } from '../abi/signal.ts';
import type { Cgroup } from '../kernel/cgroup/cgroup.ts';
import { SystemError } from '../kernel/error.ts';
import type { MountedFileSystem } from '../kernel/fs/mount-request.ts';
import { Pipe, PipeEnd } from '../kernel/fs/pipe.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { CgroupNamespace } from '../kernel/ns/cgroup-namespace.ts';
import { IpcNamespace } from '../kernel/ns/ipc-namespace.ts';
import { MountNamespace } from '../kernel/ns/mount-namespace.ts';
import type { Namespaces } from '../kernel/ns/namespaces.ts';
import { PidNamespace } from '../kernel/ns/pid-namespace.ts';
import { TimeNamespace } from '../kernel/ns/time-namespace.ts';
import { UserNamespace } from '../kernel/ns/user-namespace.ts';
import { UtsNamespace } from '../kernel/ns/uts-namespace.ts';
import { NetNamespace } from '../kernel/net/namespace.ts';
import { NO_SECCOMP, SECCOMP_MODE_FILTER, type Seccomp } from '../kernel/seccomp/state.ts';
import { sendSignalToGroup } from '../kernel/signal/send.ts';
import { encodeText } from '../kernel/syscalls/text.ts';
import { execute } from '../kernel/task/exec.ts';
import { spawn } from '../kernel/task/spawn.ts';
import type { Task } from '../kernel/task/task.ts';
import type { ChildEvent } from '../kernel/task/thread-group.ts';
import type { Terminal } from '../kernel/tty/terminal.ts';
import { TerminalFile } from '../kernel/tty/terminal-file.ts';
import { hold } from '../kernel/vfs/file.ts';
import { type Path, resolve } from '../kernel/vfs/path.ts';
import { rootCredentials } from '../kernel/vfs/permission.ts';
import { rootMount } from '../kernel/vfs/root-mount.ts';
import { credentialsFor } from './container-credentials.ts';
import { type BindSource, ContainerMounts } from './container-mounts.ts';
import { applyResources } from './container-resources.ts';
import { OciError } from './oci-error.ts';
import { compileSeccomp } from './seccomp-program.ts';
import type { IdMapping, NamespaceKind, ProcessSpec, RuntimeSpec } from './runtime-spec.ts';

/** Where the standard files of a process lead. */
export type StandardFiles =
  | { readonly kind: 'terminal'; readonly terminal: Terminal }
  | {
      readonly kind: 'pipes';
      readonly stdin: HostPipe;
      readonly stdout: HostPipe;
      readonly stderr: HostPipe;
    };

/** A pipe whose other end is outside the kernel. */
export class HostPipe {
  readonly pipe = new Pipe();
  #hasEnded = false;

  /** `toProgram`: what is put in outside is read by the program; else the other way. */
  constructor(toProgram: boolean) {
    if (toProgram) this.pipe.writers++;
    else this.pipe.readers++;
  }

  /** Puts bytes in; gives how many there was room for. */
  put(bytes: Uint8Array): number {
    const count = Math.min(bytes.length, this.pipe.room);
    this.pipe.put(bytes.subarray(0, count));
    this.pipe.queue.wake();
    return count;
  }

  /** Nothing more will be put in: the program reads the end of the file. */
  end(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.pipe.writers--;
    this.pipe.queue.wake();
  }

  /** All bytes the program has written since last time. */
  take(): Uint8Array {
    const bytes = new Uint8Array(this.pipe.length);
    this.pipe.take(bytes);
    if (bytes.length > 0) this.pipe.queue.wake();
    return bytes;
  }
}

/** What a container is made of besides its configuration. */
export interface ContainerParts {
  readonly id: string;
  readonly root: MountedFileSystem;
  readonly bindSource: BindSource;
}

/** A container in a kernel. */
export class Container {
  readonly id: string;
  readonly spec: RuntimeSpec;
  readonly cgroup: Cgroup;
  /** Its first process; it has no program before `start`. */
  readonly init: Task;
  readonly #kernel: Kernel;
  readonly #bottom: Path;
  readonly #seccomp: Seccomp;
  #isStarted = false;

  /**
   * Makes everything but the program.
   * @throws OciError when the configuration asks for what cannot be, SystemError
   */
  constructor(kernel: Kernel, spec: RuntimeSpec, { id, root, bindSource }: ContainerParts) {
    this.id = id;
    this.spec = spec;
    this.#kernel = kernel;
    this.#seccomp = spec.seccomp ? { mode: SECCOMP_MODE_FILTER, filters: [compileSeccomp(spec.seccomp)] } : NO_SECCOMP;
    // number 1 outside all containers would be the system's first process, which is never killed: here it is nobody
    if (kernel.pids.last === 0) kernel.pids.allocate();
    this.cgroup = kernel.cgroups.make(kernel.cgroups.root, id);
    try {
      applyResources(kernel, this.cgroup, spec.resources);
      const { bottom, root: top } = rootMount(kernel, root);
      this.#bottom = top;
      const user = userNamespace(kernel, spec);
      const namespaces = this.#namespaces(new MountNamespace(kernel.nextNamespace(), user, bottom), user);
      this.init = spawn(kernel, { namespaces, root: top, credentials: rootCredentials(user) });
      new ContainerMounts(kernel, this.init, bindSource).build(spec);
    } catch (error) {
      kernel.cgroups.remove(this.cgroup);
      throw error;
    }
  }

  #namespaces(mnt: MountNamespace, user: UserNamespace): Namespaces {
    const { spec } = this;
    const kernel = this.#kernel;
    const { first } = kernel;
    const isNew = (kind: NamespaceKind) =>
      spec.namespaces.some(({ type, path }) => type === kind && path === undefined);
    for (const { type, path } of spec.namespaces) {
      if (path !== undefined)
        throw new OciError(
          'unsupported',
          `Joining the ${type} namespace ${path} is not supported: it is on the computer, not in this kernel.`,
        );
    }
    const number = () => kernel.nextNamespace();
    const pid = isNew('pid') ? new PidNamespace(number(), user, kernel.pids) : kernel.pids;
    const uts = isNew('uts') ? new UtsNamespace(number(), user, first.uts) : first.uts;
    if (spec.hostname !== undefined) uts.hostname = spec.hostname;
    if (spec.domainname !== undefined) uts.domainname = spec.domainname;
    const time = isNew('time') ? new TimeNamespace(number(), user, first.time) : first.time;
    return {
      mnt,
      pid,
      pidForChildren: pid,
      uts,
      ipc: isNew('ipc') ? new IpcNamespace(number(), user) : first.ipc,
      net: isNew('network') ? newNetwork(number(), user) : first.net,
      cgroup: isNew('cgroup') ? new CgroupNamespace(number(), user, this.cgroup) : first.cgroup,
      time,
      timeForChildren: time,
    };
  }

  /** A file of the container as text; empty when there is none. */
  readFile(path: string): string {
    try {
      const { inode } = resolve(
        { root: this.#bottom, directory: this.#bottom, credentials: this.init.credentials },
        path,
      ).entry;
      if (!inode.isRegular || !('read' in inode)) return '';
      const into = new Uint8Array(inode.size);
      (inode as typeof inode & { read(offset: number, into: Uint8Array): number }).read(0, into);
      return new TextDecoder().decode(into);
    } catch (error) {
      if (error instanceof SystemError) return '';
      throw error;
    }
  }

  /** Starts the program. @throws OciError when it cannot be */
  start(files: StandardFiles): void {
    if (this.#isStarted) throw new OciError('bad-state', `The container ${this.id.slice(0, 12)} was started already.`);
    this.#run(this.init, this.spec.process, files);
    this.#isStarted = true;
  }

  /** Starts one more process. @throws OciError when it cannot be */
  exec(process: ProcessSpec, files: StandardFiles): Task {
    const { namespaces, directories, credentials } = this.init;
    const { user } = credentials;
    const task = spawn(this.#kernel, { namespaces, root: directories.root, credentials: rootCredentials(user) });
    this.#run(task, process, files);
    return task;
  }

  #run(task: Task, spec: ProcessSpec, files: StandardFiles): void {
    const [program = ''] = spec.args;
    try {
      this.#openStandardFiles(task, files);
      applyLimits(task, spec);
      if (spec.user.umask !== undefined) task.directories.umask = spec.user.umask;
      task.credentials = credentialsFor(spec, task.credentials.user);
      const context = () => ({ ...task.directories, credentials: task.credentials });
      task.directories.directory = this.#workingDirectory(task, spec.cwd);
      const path = findProgram(program, spec.env, (name) => resolve(context(), name));
      const environment = spec.env.map(encodeText);
      execute(this.#kernel, task, path.path, path.name, spec.args.map(encodeText), environment);
      task.group.executed = true;
      task.seccomp = this.#seccomp;
      this.#kernel.addTask(task, this.cgroup);
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      throw new OciError('cannot-run', `The program ${program} cannot be run in the container: ${error.errno}.`);
    }
  }

  #workingDirectory(task: Task, cwd: string): Path {
    const context = { ...task.directories, credentials: task.credentials };
    const path = resolve(context, cwd);
    if (!path.entry.inode.isDirectory) throw new SystemError('ENOTDIR');
    return path;
  }

  #openStandardFiles(task: Task, files: StandardFiles): void {
    if (files.kind === 'terminal') {
      const { terminal } = files;
      const file = new TerminalFile(this.#kernel.pipeInode(), 2, terminal);
      terminal.attach(task.group.processGroup.session, task.group.processGroup);
      for (const fd of [0, 1, 2]) task.files.replace(fd, fd === 0 ? file : hold(file), false);
      return;
    }
    const { stdin, stdout, stderr } = files;
    const end = (flags: number, { pipe }: HostPipe) => new PipeEnd(this.#kernel.pipeInode(), flags, pipe);
    task.files.replace(0, end(O_RDONLY, stdin), false);
    task.files.replace(1, end(O_WRONLY, stdout), false);
    task.files.replace(2, end(O_WRONLY, stderr), false);
  }

  /** How the first process ended; undefined while it lives. */
  get end(): ChildEvent | undefined {
    const { event } = this.init.group;
    return event?.kind === 'exited' || event?.kind === 'killed' ? event : undefined;
  }

  /** Sends a signal to the first process. */
  kill(signal: number): void {
    sendSignalToGroup(this.#kernel, this.init.group, { signal, code: SI_KERNEL });
  }

  pause(): void {
    this.#kernel.cgroups.freeze(this.cgroup, true);
  }

  unpause(): void {
    this.#kernel.cgroups.freeze(this.cgroup, false);
  }
}

/** A network whose loopback interface is switched on, as runtimes do: programs of a container talk to each other over it. */
function newNetwork(number: number, user: UserNamespace): NetNamespace {
  const net = new NetNamespace(number, user);
  net.loopback.setUp(true);
  return net;
}

function userNamespace(kernel: Kernel, spec: RuntimeSpec): UserNamespace {
  if (!spec.namespaces.some(({ type }) => type === 'user')) return kernel.users;
  const user = new UserNamespace(kernel.nextNamespace(), kernel.users, {
    uid: 0,
    gid: 0,
    couldSetFileCapabilities: true,
  });
  const ranges = (mappings: readonly IdMapping[]) =>
    mappings.map(({ containerID, hostID, size }) => ({ first: containerID, outside: hostID, count: size }));
  user.maps.uid = ranges(spec.uidMappings);
  user.maps.gid = ranges(spec.gidMappings);
  return user;
}

/** Resource limits by the order of their numbers (getrlimit(2)). */
const LIMITS =
  `CPU FSIZE DATA STACK CORE RSS NPROC NOFILE MEMLOCK AS LOCKS SIGPENDING MSGQUEUE NICE RTPRIO RTTIME`.split(' ');
/** RLIM_INFINITY as JSON can say it. */
const INFINITE = 2 ** 63;

function applyLimits({ group }: Task, { rlimits }: ProcessSpec): void {
  for (const { type, soft, hard } of rlimits) {
    const number = LIMITS.indexOf(type.replace(/^RLIMIT_/, ''));
    if (number < 0) throw new OciError('bad-option', `There is no resource limit ${type} (getrlimit(2) lists them).`);
    const value = (limit: number) => (limit >= INFINITE ? Number.POSITIVE_INFINITY : limit);
    group.limits[number] = { soft: value(soft), hard: value(hard) };
  }
}

/** A program by its path, or by name in PATH (execvp(3)). @throws SystemError */
function findProgram(
  program: string,
  environment: readonly string[],
  find: (name: string) => Path,
): { path: Path; name: string } {
  if (program.includes('/')) return { path: find(program), name: program };
  const search = environment.find((setting) => setting.startsWith('PATH='))?.slice('PATH='.length) ?? '/bin:/usr/bin';
  for (const directory of search.split(':')) {
    const name = `${directory || '.'}/${program}`;
    try {
      return { path: find(name), name };
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
    }
  }
  throw new SystemError('ENOENT');
}
