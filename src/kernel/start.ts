// The first process of a system: mounts, standard files, program.
import { O_RDWR, S_IFCHR, S_IFDIR } from '../abi/stat.ts';
import { SIGNAL } from '../abi/signal.ts';
import { fail } from './error.ts';
import { createProcFs } from './fs/proc/index.ts';
import { createSysFs } from './fs/sysfs.ts';
import { makeDevice, registerCharacterDevice } from './fs/special.ts';
import { Tmpfs } from './fs/tmpfs.ts';
import type { Kernel } from './kernel.ts';
import { MountNamespace } from './ns/mount-namespace.ts';
import { Pid } from './ns/pid-namespace.ts';
import { Context } from './platform.ts';
import { NO_SIGNALS, PendingSignals } from './signal/signal-set.ts';
import { encodeText } from './syscalls/text.ts';
import { defaultLimits } from './syscalls/resources.ts';
import { execute } from './task/exec.ts';
import { Task } from './task/task.ts';
import { DEFAULT_ACTION, type Session, ThreadGroup } from './task/thread-group.ts';
import { type Terminal, TerminalFile } from './tty/terminal.ts';
import { FdTable } from './vfs/fd-table.ts';
import { hold } from './vfs/file.ts';
import { attachTree } from './vfs/mount-tree.ts';
import { Dentry, Mount, type Path, resolve } from './vfs/path.ts';
import type { FileSystem, Inode } from './vfs/inode.ts';
import { rootCredentials } from './vfs/permission.ts';

/** What to start. */
export interface InitOptions {
  readonly root: Tmpfs;
  readonly path: string;
  readonly arguments: readonly string[];
  readonly environment: readonly string[];
  readonly terminal: Terminal;
  readonly directory?: string;
}

const SIGNAL_SLOTS = 65;

/** Makes the first process; it runs when the kernel does. @throws SystemError when the program cannot be started */
export function startInit(kernel: Kernel, options: InitOptions): Task {
  const root: Path = mountRoot(kernel, options.root);
  const group = firstGroup(kernel, options.terminal);
  const task = new Task({
    pid: group.pid,
    namespaces: {
      ...kernel.first,
      mnt: new MountNamespace(kernel.nextNamespace(), kernel.users, root.mount.parent!.mount),
      pid: kernel.pids,
      pidForChildren: kernel.pids,
      timeForChildren: kernel.first.time,
    },
    group,
    context: new Context(),
    files: new FdTable(),
    directories: { root, directory: root, umask: 0o022, users: 1 },
    credentials: rootCredentials(kernel.users),
    blocked: NO_SIGNALS,
    pending: new PendingSignals(),
    onWake: (woken) => kernel.runQueue.add(woken),
  });
  group.leader = task;
  group.tasks.add(task);
  openStandardFiles(task, options);
  mountSystem(kernel, task);
  const context = { root, directory: root, credentials: task.credentials };
  if (options.directory !== undefined) task.directories.directory = resolve(context, options.directory);
  const args = options.arguments.map(encodeText);
  execute(kernel, task, resolve(context, options.path), options.path, args, options.environment.map(encodeText));
  group.executed = true;
  kernel.addTask(task, kernel.cgroups.root);
  return task;
}

/** Programs expect /proc, /sys and the control groups; they are mounted where the root has the directories. */
function mountSystem(kernel: Kernel, task: Task): void {
  const { root } = task.directories;
  const { pid } = task.namespaces;
  const attach = (at: Path, name: string, { fs, root: top }: { fs: FileSystem; root: Inode }): Path | undefined => {
    const entry = at.entry.child(name);
    if (entry === undefined || !entry.inode.isDirectory) return undefined;
    const mount = new Mount(kernel.nextMountId(), fs, new Dentry('', undefined, top), fs.type);
    attachTree(kernel, mount, { mount: at.mount, entry });
    return { mount, entry: mount.root };
  };
  attach(root, 'proc', createProcFs(kernel, pid));
  const sys = attach(root, 'sys', createSysFs(kernel));
  if (sys === undefined) return;
  const parent = { mount: sys.mount, entry: sys.entry.child('fs')! };
  attach(parent, 'cgroup', kernel.cgroups.fs.mount(task, 'nsdelegate,memory_recursiveprot'));
}

/** The root lies on another one that is empty and hidden, so that it can be exchanged (pivot_root(2)). */
function mountRoot(kernel: Kernel, fs: Tmpfs): Path {
  const now = () => kernel.realtime;
  const hidden = new Tmpfs({ frames: kernel.frames, device: kernel.nextDevice(), now, mode: 0o755 });
  const bottom = new Mount(kernel.nextMountId(), hidden, new Dentry('', undefined, hidden.root), 'rootfs');
  const mount = new Mount(kernel.nextMountId(), fs, new Dentry('', undefined, fs.root), 'rootfs');
  attachTree(kernel, mount, { mount: bottom, entry: bottom.root });
  return { mount, entry: mount.root };
}

function firstGroup(kernel: Kernel, terminal: Terminal): ThreadGroup {
  const pid = Pid.allocate(kernel.pids);
  const session: Session = { pid: pid.hold(), groups: new Set(), terminal };
  const processGroup = { pid: pid.hold(), session, members: new Set<ThreadGroup>() };
  session.groups.add(processGroup);
  terminal.session = session;
  terminal.foreground = processGroup;
  const actions = new Array(SIGNAL_SLOTS).fill(DEFAULT_ACTION);
  const group = new ThreadGroup(pid, processGroup, actions, defaultLimits(), SIGNAL.SIGCHLD);
  return group;
}

function openStandardFiles(task: Task, { root, terminal }: InitOptions): void {
  const dev = root.root.lookup('dev') ?? root.root.create('dev', S_IFDIR | 0o755, { uid: 0, gid: 0 });
  const nodes = [
    ['console', 0o600, makeDevice(5, 1)],
    ['tty', 0o666, makeDevice(5, 0)],
    ['null', 0o666, makeDevice(1, 3)],
    ['zero', 0o666, makeDevice(1, 5)],
    ['full', 0o666, makeDevice(1, 7)],
  ] as const;
  for (const [name, mode, device] of nodes)
    if (dev.lookup(name) === undefined) dev.create(name, S_IFCHR | mode, { uid: 0, gid: 0 }, device);
  registerCharacterDevice(makeDevice(5, 1), (inode, flags) => new TerminalFile(inode, flags, terminal));
  registerCharacterDevice(makeDevice(5, 0), (inode, flags, opener) => {
    const current = opener?.group.processGroup.session.terminal;
    return current === terminal ? new TerminalFile(inode, flags, terminal) : fail('ENXIO');
  });
  const { root: at } = task.directories;
  const path = resolve({ root: at, directory: at, credentials: task.credentials }, '/dev/console');
  const file = new TerminalFile(path.entry.inode, O_RDWR, terminal);
  file.path = path;
  for (const fd of [0, 1, 2]) task.files.replace(fd, fd === 0 ? file : hold(file), false);
}
