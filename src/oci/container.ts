// A container: processes of the kernel in namespaces and a control group of their own (OCI runtime specification, "Lifecycle").
// Made with everything but its program, started, told signals, paused, and at its end nothing of it is left in the kernel.
import { errnoText } from '../abi/errno.ts';
import { SI_KERNEL, SIG_DFL, SIGNAL } from '../abi/signal.ts';
import { CONTROLLERS, type Cgroup } from '../kernel/cgroup/cgroup.ts';
import { SystemError } from '../kernel/error.ts';
import type { MountedFileSystem } from '../kernel/fs/mount-request.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { MountNamespace } from '../kernel/ns/mount-namespace.ts';
import { NO_SECCOMP, SECCOMP_MODE_FILTER, type Seccomp } from '../kernel/seccomp/state.ts';
import { sendSignalToGroup } from '../kernel/signal/send.ts';
import { encodeText } from '../kernel/syscalls/text.ts';
import { execute } from '../kernel/task/exec.ts';
import { endProcess } from '../kernel/task/exit.ts';
import { spawn } from '../kernel/task/spawn.ts';
import type { Task } from '../kernel/task/task.ts';
import type { ChildEvent } from '../kernel/task/thread-group.ts';
import { CONSOLE_DEVICE } from '../kernel/tty/terminal.ts';
import { openTerminal } from '../kernel/tty/terminal-file.ts';
import type { Inode } from '../kernel/vfs/inode.ts';
import { type Path, resolve } from '../kernel/vfs/path.ts';
import { rootMount } from '../kernel/vfs/root-mount.ts';
import type { CopyPlace } from './container-copy.ts';
import { credentialsFor, superuserOf } from './container-credentials.ts';
import { type BindSource, ContainerMounts } from './container-mounts.ts';
import { checkNamespaces, namespacesFor, userNamespace } from './container-namespaces.ts';
import { applyLimits, findProgram } from './container-program.ts';
import { applyResources } from './container-resources.ts';
import { applySysctl } from './container-sysctl.ts';
import { OciError } from './oci-error.ts';
import { compileSeccomp } from './seccomp-program.ts';
import type { ProcessSpec, ResourceSpec, RuntimeSpec } from './runtime-spec.ts';
import { openStandardFiles, type StandardFiles } from './standard-files.ts';

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
  #killedBy: number | undefined;

  /**
   * Makes everything but the program.
   * @throws OciError when the configuration asks for what cannot be, SystemError
   */
  constructor(kernel: Kernel, spec: RuntimeSpec, { id, root, bindSource }: ContainerParts) {
    this.id = id;
    this.spec = spec;
    this.#kernel = kernel;
    checkNamespaces(spec);
    this.#seccomp = spec.seccomp ? { mode: SECCOMP_MODE_FILTER, filters: [compileSeccomp(spec.seccomp)] } : NO_SECCOMP;
    // number 1 outside all containers would be the system's first process, which is never killed: here it is nobody
    if (kernel.pids.last === 0) kernel.pids.allocate();
    this.cgroup = makeCgroup(kernel, spec.cgroupsPath ?? id);
    try {
      applyResources(kernel, this.cgroup, spec.resources);
      const { bottom, root: top } = rootMount(kernel, root);
      this.#bottom = top;
      const user = userNamespace(kernel, spec);
      const mnt = new MountNamespace(kernel.nextNamespace(), user, bottom);
      const namespaces = namespacesFor(kernel, spec, { mnt, user, cgroup: this.cgroup });
      this.init = spawn(kernel, { namespaces, root: top, credentials: superuserOf(user) });
      // whoever looks into /proc from outside sees what its first process does
      kernel.current ??= this.init;
      new ContainerMounts(kernel, this.init, bindSource).build(spec);
      applySysctl(kernel, this.init, spec.sysctl);
    } catch (error) {
      kernel.cgroups.remove(this.cgroup);
      throw error;
    }
  }

  /** Where its files are looked up from outside. */
  get copyPlace(): CopyPlace {
    const credentials = superuserOf(this.init.credentials.user);
    return {
      kernel: this.#kernel,
      task: this.init,
      context: { root: this.#bottom, directory: this.#bottom, credentials },
    };
  }

  /** The root file system, without what is mounted in it. */
  get root(): Inode {
    return this.#bottom.entry.inode;
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

  get isStarted(): boolean {
    return this.#isStarted;
  }

  /** Starts the program. @throws OciError when it cannot be */
  start(process: ProcessSpec, files: StandardFiles): void {
    if (this.#isStarted) throw new OciError('bad-state', `The container ${this.id.slice(0, 12)} was started already.`);
    if (files.kind === 'terminal') {
      const { terminal } = files;
      this.#kernel.devices.set(CONSOLE_DEVICE, (inode, flags, { task }) => openTerminal(inode, flags, terminal, task));
    }
    this.#run(this.init, process, files, this.#seccomp);
    this.#isStarted = true;
  }

  /** Starts one more process. @throws OciError when it cannot be */
  exec(process: ProcessSpec, files: StandardFiles): Task {
    return this.#spawn(process, files, this.#seccomp);
  }

  /** Starts a program of the runtime in the container: its filter does not count. @throws OciError when it cannot be */
  hook(process: ProcessSpec, files: StandardFiles): Task {
    return this.#spawn(process, files, NO_SECCOMP);
  }

  #spawn(process: ProcessSpec, files: StandardFiles, seccomp: Seccomp): Task {
    const { namespaces, directories, credentials } = this.init;
    const { user } = credentials;
    const task = spawn(this.#kernel, { namespaces, root: directories.root, credentials: superuserOf(user) });
    this.#run(task, process, files, seccomp);
    return task;
  }

  #run(task: Task, spec: ProcessSpec, files: StandardFiles, seccomp: Seccomp): void {
    const [program = ''] = spec.args;
    let what = `The program ${program} cannot be run in the container`;
    try {
      applyLimits(task, spec);
      if (spec.oomScoreAdj !== undefined) {
        task.group.oomAdjustment = spec.oomScoreAdj;
        task.group.leastOomAdjustment = spec.oomScoreAdj;
      }
      if (spec.user.umask !== undefined) task.directories.umask = spec.user.umask;
      task.credentials = credentialsFor(spec, task.credentials.user);
      openStandardFiles(this.#kernel, task, files);
      const context = () => ({ ...task.directories, credentials: task.credentials });
      const tried = what;
      what = `The working directory ${spec.cwd} cannot be entered`;
      task.directories.directory = this.#workingDirectory(task, spec.cwd);
      what = tried;
      const path = findProgram(program, spec.env, (name) => resolve(context(), name));
      const environment = spec.env.map(encodeText);
      execute(this.#kernel, task, path.path, path.name, spec.args.map(encodeText), environment);
      task.group.executed = true;
      task.seccomp = seccomp;
      this.#kernel.addTask(task, this.cgroup);
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      throw new OciError('cannot-run', `${what}: ${errnoText(error.errno)}.`);
    }
  }

  #workingDirectory(task: Task, cwd: string): Path {
    const context = { ...task.directories, credentials: task.credentials };
    const path = resolve(context, cwd);
    if (!path.entry.inode.isDirectory) throw new SystemError('ENOTDIR');
    return path;
  }

  /** How the first process ended; undefined while it lives, or waits for its program. */
  get end(): ChildEvent | undefined {
    if (this.#killedBy !== undefined) return { kind: 'killed', signal: this.#killedBy, core: false };
    const { event } = this.init.group;
    return event?.kind === 'exited' || event?.kind === 'killed' ? event : undefined;
  }

  /** Sends a signal to the first process. Before it has a program every signal ends it. */
  kill(signal: number): void {
    if (this.#isStarted) sendSignalToGroup(this.#kernel, this.init.group, { signal, code: SI_KERNEL });
    else if (signal !== 0) this.#killedBy ??= signal;
  }

  /** Ctrl-C outside: SIGINT, which ends a first process that has no handler, too, though nothing inside could. */
  interrupt(): void {
    const { group } = this.init;
    if (!this.#isStarted || group.isZombie || group.actions[SIGNAL.SIGINT]!.handler !== SIG_DFL)
      this.kill(SIGNAL.SIGINT);
    else endProcess(this.#kernel, group, { kind: 'killed', signal: SIGNAL.SIGINT, core: false });
  }

  /** Sends a signal to all processes in its control group. */
  killAll(signal: number): void {
    if (!this.#isStarted) this.kill(signal);
    for (const group of new Set(
      [...this.cgroup.subtree()].flatMap(({ tasks }) => [...tasks].map((task) => task.group)),
    ))
      sendSignalToGroup(this.#kernel, group, { signal, code: SI_KERNEL });
  }

  pause(): void {
    this.#kernel.cgroups.freeze(this.cgroup, true);
  }

  unpause(): void {
    this.#kernel.cgroups.freeze(this.cgroup, false);
  }

  /** Changes limits. @throws OciError for one that cannot be */
  limit(resources: ResourceSpec): void {
    applyResources(this.#kernel, this.cgroup, resources);
  }
}

/** The control group of a path (OCI runtime specification, "Cgroups Path"), with all controllers. @throws OciError */
function makeCgroup(kernel: Kernel, path: string): Cgroup {
  // systemd's way: slice:prefix:name
  const [slice, prefix, name] = path.split(':');
  const plain = name === undefined ? path : `${slice || 'system.slice'}/${prefix}-${name}.scope`;
  const parts = plain.split('/').filter((part) => part !== '' && part !== '.');
  const isName = (part: string) => part !== '..' && part.length <= 255 && !part.includes('\n') && !part.includes('\0');
  if (parts.length === 0 || parts.length > 32 || !parts.every(isName))
    throw new OciError('bad-option', `linux.cgroupsPath ${JSON.stringify(path.slice(0, 80))} names no control group.`);
  let cgroup = kernel.cgroups.root;
  for (const part of parts) {
    kernel.cgroups.control(cgroup, CONTROLLERS, []);
    cgroup = cgroup.children.get(part) ?? kernel.cgroups.make(cgroup, part);
  }
  return cgroup;
}
