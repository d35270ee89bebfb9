// The first process of a system: mounts, standard files, program.
import { O_RDWR, S_IFDIR } from '../abi/stat.ts';
import type { Tmpfs } from './fs/tmpfs.ts';
import { populateDevices } from './fs/devices.ts';
import { createFileSystem } from './fs/types.ts';
import type { Kernel } from './kernel.ts';
import { MountNamespace } from './ns/mount-namespace.ts';
import { encodeText } from './syscalls/text.ts';
import { execute } from './task/exec.ts';
import { spawn } from './task/spawn.ts';
import type { Task } from './task/task.ts';
import type { Terminal } from './tty/terminal.ts';
import { openTerminal, TerminalFile } from './tty/terminal-file.ts';
import { hold } from './vfs/file.ts';
import { attachTree } from './vfs/mount-tree.ts';
import { Dentry, Mount, type Path, resolve, throughMounts } from './vfs/path.ts';
import { rootCredentials } from './vfs/permission.ts';
import { rootMount } from './vfs/root-mount.ts';

/** What to start. */
export interface InitOptions {
  readonly root: Tmpfs;
  readonly path: string;
  readonly arguments: readonly string[];
  readonly environment: readonly string[];
  readonly terminal: Terminal;
  readonly directory?: string;
  /** Called when everything is there but the program: what else is mounted. */
  readonly prepare?: (task: Task) => void;
}

/** Makes the first process; it runs when the kernel does, and its end is in `group.event`. @throws SystemError when the program cannot be started */
export function startInit(kernel: Kernel, options: InitOptions): Task {
  const { bottom, root } = rootMount(kernel, { fs: options.root, root: options.root.root });
  const namespaces = {
    ...kernel.first,
    mnt: new MountNamespace(kernel.nextNamespace(), kernel.users, bottom),
    pid: kernel.pids,
    pidForChildren: kernel.pids,
    timeForChildren: kernel.first.time,
  };
  const task = spawn(kernel, { namespaces, root, credentials: rootCredentials(kernel.users) });
  const { group } = task;
  openStandardFiles(kernel, task, options);
  mountUsual(kernel, task);
  options.prepare?.(task);
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

/** The root has a /dev with the usual files; all three standard files are the console. */
function openStandardFiles(kernel: Kernel, task: Task, { root, terminal }: InitOptions): void {
  const dev = root.root.lookup('dev') ?? root.root.create('dev', S_IFDIR | 0o755, { uid: 0, gid: 0 });
  populateDevices(dev);
  const { processGroup } = task.group;
  terminal.attach(processGroup.session, processGroup);
  kernel.devices.set(terminal.device, (inode, flags, opener) => openTerminal(inode, flags, terminal, opener.task));
  const { root: at } = task.directories;
  const path = resolve({ root: at, directory: at, credentials: task.credentials }, '/dev/console');
  const file = new TerminalFile(path.entry.inode, O_RDWR, terminal);
  file.path = path;
  for (const fd of [0, 1, 2]) task.files.replace(fd, fd === 0 ? file : hold(file), false);
}
