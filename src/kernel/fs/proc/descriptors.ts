// Open files of a process in procfs: fd and fdinfo (proc_pid_fd(5), proc_pid_fdinfo(5)).
import { fail } from '../../error.ts';
import type { Kernel } from '../../kernel.ts';
import { checkMayInspect } from '../../task/inspection.ts';
import type { Task } from '../../task/task.ts';
import { EventFile } from '../anonymous/eventfd.ts';
import { EpollFile } from '../anonymous/epoll.ts';
import { InotifyFile } from '../anonymous/inotify.ts';
import { PidFile } from '../anonymous/pidfd.ts';
import { SignalFile } from '../anonymous/signalfd.ts';
import { TimerFile } from '../anonymous/timerfd.ts';
import type { FileDescription } from '../../vfs/file.ts';
import type { Inode } from '../../vfs/inode.ts';
import { isNameless, isUnlinked, namelessPath, pathName } from '../../vfs/path.ts';
import { GeneratedDirectory, GeneratedFile, type GeneratedFs, GeneratedLink, type LiveOwner } from '../generated.ts';
import { lockLines } from './locks.ts';

const ANONYMOUS = [
  [EpollFile, '[eventpoll]'],
  [EventFile, '[eventfd]'],
  [TimerFile, '[timerfd]'],
  [SignalFile, '[signalfd]'],
  [PidFile, '[pidfd]'],
  [InotifyFile, 'inotify'],
] as const;
/** File systems whose files are shown by number. */
const NUMBERED: Readonly<Record<string, string>> = { pipefs: 'pipe', sockfs: 'socket' };

/** What stands for an open file that has no path. */
function namelessText(file: FileDescription): string {
  const { inode } = file;
  const label = file.label ?? file.path?.entry.name;
  if (label) return `${label} (deleted)`;
  const kind = NUMBERED[inode.fs.type];
  if (kind !== undefined) return `${kind}:[${inode.ino}]`;
  return `anon_inode:${ANONYMOUS.find(([type]) => file instanceof type)?.[1] ?? `[${inode.ino}]`}`;
}

/** The name of an open file as a task sees it. */
function fileName(file: FileDescription, viewer: Task): string {
  if (file.path === undefined || isNameless(file.path)) return namelessText(file);
  if (file.inode.displayName !== undefined) return file.inode.displayName;
  const name = pathName(file.path, viewer.directories.root);
  return isUnlinked(file.path) ? `${name} (deleted)` : name;
}

/** /proc/PID/fd. */
export function fileDescriptors(kernel: Kernel, fs: GeneratedFs, task: () => Task, owner: LiveOwner): Inode {
  const fileAt = (name: string) => (/^\d+$/.test(name) ? task().files.entries[Number(name)]?.file : undefined);
  const check = () => checkMayInspect(kernel.current, task());
  const lookup = (name: string): Inode | undefined => {
    if (fileAt(name) === undefined) return undefined;
    const shown = () => {
      check();
      const file = fileAt(name);
      return file === undefined ? fail('ENOENT') : fileName(file, kernel.current ?? task());
    };
    const path = () => {
      check();
      const file = fileAt(name);
      return file && (file.path ?? namelessPath(file.inode, file.label));
    };
    return new GeneratedLink(fs, shown, path, owner);
  };
  return new GeneratedDirectory(fs, { lookup, names: () => [...task().files.numbers()].map(String) }, owner, 0o500);
}

/** /proc/PID/fdinfo. */
export function descriptorInformation(kernel: Kernel, fs: GeneratedFs, task: () => Task, owner: LiveOwner): Inode {
  const read = (fd: number) => {
    const { state } = task();
    if (state === 'dead' || state === 'zombie' || !task().files.has(fd)) fail('ENOENT');
    const file = task().files.any(fd);
    const closeOnExec = task().files.closeOnExec(fd) ? 0o2000000 : 0;
    const rows: [string, string | number][] = [
      ['pos', file.offset],
      ['flags', `0${(file.flags | closeOnExec).toString(8)}`],
      ['mnt_id', file.path?.mount.id ?? 0],
      ['ino', file.inode.ino],
    ];
    const head = rows.map(([name, value]) => `${name}:\t${value}\n`).join('');
    const locks = lockLines(kernel, file).map((line) => `lock:\t${line}`);
    return head + locks.join('') + (file instanceof InotifyFile ? file.describe() : '');
  };
  const lookup = (name: string): Inode | undefined =>
    /^\d+$/.test(name) && task().files.has(Number(name))
      ? new GeneratedFile(fs, { read: () => read(Number(name)) }, owner)
      : undefined;
  return new GeneratedDirectory(fs, { lookup, names: () => [...task().files.numbers()].map(String) }, owner, 0o500);
}
