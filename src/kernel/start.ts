// The first process of a system: mounts, standard files, program.
import { O_RDWR, S_IFDIR } from '../abi/stat.ts';
import { SIGNAL } from '../abi/signal.ts';
import { Tmpfs } from './fs/tmpfs.ts';
import { populateDevices } from './fs/devices.ts';
import { createFileSystem } from './fs/types.ts';
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
import type { Terminal } from './tty/terminal.ts';
import { openTerminal, TerminalFile } from './tty/terminal-file.ts';
import { FdTable } from './vfs/fd-table.ts';
import { hold } from './vfs/file.ts';
import { attachTree } from './vfs/mount-tree.ts';
import { Dentry, Mount, type Path, resolve, throughMounts } from './vfs/path.ts';
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
  openStandardFiles(kernel, task, options);
  mountUsual(kernel, task);
  const context = { root, directory: root, credentials: task.credentials };
  if (options.directory !== undefined) task.directories.directory = resolve(context, options.directory);
  const args = options.arguments.map(encodeText);
  execute(kernel, task, resolve(context, options.path), options.path, args, options.environment.map(encodeText));
  group.executed = true;
  kernel.addTask(task, kernel.cgroups.root);
  return task;
}

/** What programs expect to be mounted, where the root has the directory. */
const USUAL = [
  ['proc', 'proc', ''],
  ['dev/pts', 'devpts', 'mode=620,gid=5,ptmxmode=666'],
  ['sys', 'sysfs', ''],
  ['sys/fs/cgroup', 'cgroup2', 'nsdelegate,memory_recursiveprot'],
] as const;

function mountUsual(kernel: Kernel, task: Task): void {
  const { root } = task.directories;
  for (const [name, type, data] of USUAL) {
    let at: Path | undefined = root;
    for (const part of name.split('/')) {
      const entry: Dentry | undefined = at?.entry.inode.isDirectory ? at.entry.child(part) : undefined;
      at = at === undefined || entry === undefined ? undefined : throughMounts({ mount: at.mount, entry });
    }
    if (at === undefined || !at.entry.inode.isDirectory) continue;
    const { fs, root: top } = createFileSystem(type, { kernel, task, source: type, data });
    attachTree(kernel, new Mount(kernel.nextMountId(), fs, new Dentry('', undefined, top), type), at);
  }
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
  terminal.attach(session, processGroup);
  const actions = new Array(SIGNAL_SLOTS).fill(DEFAULT_ACTION);
  const group = new ThreadGroup(pid, processGroup, actions, defaultLimits(), SIGNAL.SIGCHLD);
  return group;
}

/** The root has a /dev with the usual files; all three standard files are the console. */
function openStandardFiles(kernel: Kernel, task: Task, { root, terminal }: InitOptions): void {
  const dev = root.root.lookup('dev') ?? root.root.create('dev', S_IFDIR | 0o755, { uid: 0, gid: 0 });
  populateDevices(dev);
  kernel.devices.set(terminal.device, (inode, flags, opener) => openTerminal(inode, flags, terminal, opener.task));
  const { root: at } = task.directories;
  const path = resolve({ root: at, directory: at, credentials: task.credentials }, '/dev/console');
  const file = new TerminalFile(path.entry.inode, O_RDWR, terminal);
  file.path = path;
  for (const fd of [0, 1, 2]) task.files.replace(fd, fd === 0 ? file : hold(file), false);
}
