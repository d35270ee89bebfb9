// procfs (proc(5)): the tasks of a PID namespace and facts of the system as text.
import type { Kernel } from '../../kernel.ts';
import type { PidNamespace } from '../../ns/pid-namespace.ts';
import type { ThreadGroup } from '../../task/thread-group.ts';
import { GeneratedDirectory, GeneratedFile, GeneratedFs, GeneratedLink } from '../generated.ts';
import type { Inode } from '../../vfs/inode.ts';
import { systemControls } from './controls.ts';
import { keysText, keyUsersText } from './keys.ts';
import { processDirectory } from './process.ts';
import { systemFiles } from './system.ts';
import { ipcTables } from './sysvipc.ts';

const PROC_MAGIC = 0x9fa0;

/** A procfs for a PID namespace. */
export function createProcFs(kernel: Kernel, pids: PidNamespace): { fs: GeneratedFs; root: Inode } {
  const fs = new GeneratedFs('proc', PROC_MAGIC, kernel.nextDevice(), () => kernel.realtime);
  const directories = new WeakMap<ThreadGroup, Inode>();
  const directoryOf = (group: ThreadGroup): Inode => {
    let directory = directories.get(group);
    if (directory === undefined) {
      directory = processDirectory(kernel, fs, pids, group);
      directories.set(group, directory);
    }
    return directory;
  };
  const root = new GeneratedDirectory(fs, {
    lookup: (name) => {
      const group = /^[1-9]\d*$/.test(name) ? pids.groups.get(Number(name)) : undefined;
      return group === undefined ? undefined : directoryOf(group);
    },
    names: () => [...pids.groups.keys()].sort((a, b) => a - b).map(String),
  });
  root
    .add('self', new GeneratedLink(fs, () => String(kernel.current?.group.pid.in(pids) ?? '')))
    .add('thread-self', new GeneratedLink(fs, () => threadSelf(kernel, pids)))
    .add('mounts', new GeneratedLink(fs, () => 'self/mounts'))
    .add('net', new GeneratedLink(fs, () => 'self/net'))
    .add('sys', systemControls(kernel, fs));
  root
    .add('keys', new GeneratedFile(fs, { read: (reader) => keysText(kernel, reader) }))
    .add('key-users', new GeneratedFile(fs, { read: (reader) => keyUsersText(kernel, reader) }));
  const ipc = new GeneratedDirectory(fs);
  for (const [name, read] of Object.entries(ipcTables(pids))) ipc.add(name, new GeneratedFile(fs, { read }));
  root.add('sysvipc', ipc);
  for (const [name, read] of Object.entries(systemFiles(kernel, pids))) root.add(name, new GeneratedFile(fs, { read }));
  return { fs, root };
}

function threadSelf(kernel: Kernel, pids: PidNamespace): string {
  const task = kernel.current;
  return task === undefined ? '' : `${task.group.pid.in(pids)}/task/${task.pid.in(pids)}`;
}
