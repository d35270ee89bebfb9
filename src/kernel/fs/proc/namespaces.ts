// Namespaces in the directory of a process: ns/, uid_map, gid_map, setgroups and timens_offsets (proc(5), namespaces(7)).
import { fail } from '../../error.ts';
import type { Kernel } from '../../kernel.ts';
import { readIdMap, writeIdMap, writeSetgroups } from '../../ns/id-maps.ts';
import type { Namespace } from '../../ns/namespace.ts';
import type { NamespaceLink } from '../../ns/namespaces.ts';
import type { IdKind } from '../../ns/user-namespace.ts';
import { checkMayInspect } from '../../task/inspection.ts';
import type { Task } from '../../task/task.ts';
import { CAP_SYS_TIME, hasCapability } from '../../vfs/permission.ts';
import { GeneratedDirectory, GeneratedFile, type GeneratedFs, GeneratedLink, type LiveOwner } from '../generated.ts';

/** The namespace each link leads to. */
const LINKS: Readonly<Record<NamespaceLink, (task: Task) => Namespace>> = {
  cgroup: ({ namespaces }) => namespaces.cgroup,
  ipc: ({ namespaces }) => namespaces.ipc,
  mnt: ({ namespaces }) => namespaces.mnt,
  net: ({ namespaces }) => namespaces.net,
  pid: ({ namespaces }) => namespaces.pid,
  // a namespace that has no process 1 yet cannot be entered
  pid_for_children: ({ namespaces: { pid, pidForChildren } }) =>
    pidForChildren === pid || pidForChildren.last > 0 ? pidForChildren : fail('ENOENT'),
  time: ({ namespaces }) => namespaces.time,
  time_for_children: ({ namespaces }) => namespaces.timeForChildren,
  user: ({ credentials }) => credentials.user,
  uts: ({ namespaces }) => namespaces.uts,
};

/** Adds the files of a task's namespaces to its directory. */
export function addNamespaceFiles(
  kernel: Kernel,
  fs: GeneratedFs,
  directory: GeneratedDirectory,
  task: () => Task,
  owner: LiveOwner,
): GeneratedDirectory {
  const map = (kind: IdKind) =>
    new GeneratedFile(
      fs,
      {
        read: (opener) => readIdMap(task().credentials.user, kind, opener.credentials.user),
        write: (text, writer, { credentials, offset }) => {
          if (offset !== 0) fail('EINVAL');
          writeIdMap(task().credentials.user, kind, text, credentials, writer.credentials);
        },
      },
      owner,
      0o644,
    );
  const setgroups = () =>
    new GeneratedFile(
      fs,
      {
        read: () => (task().credentials.user.mayHaveSetgroups ? 'allow\n' : 'deny\n'),
        write: (text, _writer, { credentials, offset }) => {
          if (offset !== 0) fail('EINVAL');
          writeSetgroups(task().credentials.user, text, credentials);
        },
      },
      owner,
      0o644,
    );
  const offsets = () =>
    new GeneratedFile(
      fs,
      {
        read: () => task().namespaces.timeForChildren.offsets,
        write: (text, _writer, { credentials }) => {
          const namespace = task().namespaces.timeForChildren;
          if (!hasCapability(credentials, CAP_SYS_TIME, namespace.owner)) fail('EPERM');
          namespace.setOffsets(text, kernel.monotonic);
        },
      },
      owner,
      0o644,
    );
  return directory
    .offerDirectory('ns', () => namespaceLinks(kernel, fs, task, owner))
    .offer('uid_map', () => map('uid'))
    .offer('gid_map', () => map('gid'))
    .offer('setgroups', setgroups)
    .offer('timens_offsets', offsets);
}

function namespaceLinks(kernel: Kernel, fs: GeneratedFs, task: () => Task, owner: LiveOwner): GeneratedDirectory {
  const directory = new GeneratedDirectory(fs, undefined, owner, 0o511);
  for (const [name, find] of Object.entries(LINKS)) {
    const path = () => {
      const target = task();
      checkMayInspect(kernel.current, target);
      if (target.state === 'dead') fail('ENOENT');
      return kernel.nsfs.pathOf(find(target));
    };
    directory.add(name, new GeneratedLink(fs, () => path().entry.inode.displayName!, path, owner));
  }
  return directory;
}
