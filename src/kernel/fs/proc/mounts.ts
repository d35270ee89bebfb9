// The mounts a process sees, as /proc/PID/mounts and mountinfo print them (proc(5), fstab(5)).
import { MOUNT_FLAGS, MS_RDONLY } from '../../../abi/mount.ts';
import { fail } from '../../error.ts';
import type { MountNamespace } from '../../ns/mount-namespace.ts';
import type { Task } from '../../task/task.ts';
import { type Mount, type Path, shownName } from '../../vfs/path.ts';
import type { FileContent, OpenText } from '../generated.ts';

/** Spaces and the like as octal escapes. */
function octalEscaped(text: string): string {
  return text.replace(/[ \t\n\\]/g, (character) => `\\${character.charCodeAt(0).toString(8).padStart(3, '0')}`);
}

/** Options of mount(8) for the flags of a mount, but for the one that says whether it can be written. */
const words = ({ flags }: Mount) =>
  MOUNT_FLAGS.filter(({ flag }) => flag !== MS_RDONLY && flags & flag).map(({ word }) => word);
const access = (isReadOnly: boolean) => (isReadOnly ? 'ro' : 'rw');

/** Those of the file system itself. */
function ownOptions({ fs: { options = '' } }: Mount): string[] {
  return options === '' ? [] : [octalEscaped(options)];
}

/** Whose mounts are shown, and from where. */
interface Seen {
  readonly mnt: MountNamespace;
  readonly root: Path;
}

/** A file that tells of the mounts as the task sees them when it is opened. @throws SystemError EINVAL when it has ended */
export function mountFile(table: (seen: Seen) => string, task: () => Task, isWatched = true): FileContent {
  const open = (): OpenText => {
    const { namespaces, directories, state } = task();
    if (state === 'dead' || state === 'zombie') fail('EINVAL');
    const seen = { mnt: namespaces.mnt, root: directories.root };
    const read = () => table(seen);
    return isWatched ? { read, changes: seen.mnt.changes } : { read };
  };
  return { open };
}

/** Mounts with the places where they are seen from the root of a task; those outside are not shown. */
function visible({ mnt, root }: Seen): { mount: Mount; at: string }[] {
  return [...mnt.mounts()].flatMap((mount) => {
    const { name: at, isReachable } = shownName({ mount, entry: mount.root }, root);
    return isReachable ? [{ mount, at }] : [];
  });
}

/** /proc/PID/mounts. */
export function mountTable(seen: Seen): string {
  return visible(seen)
    .map(({ mount, at }) => {
      const options = [access(mount.isReadOnly), ...words(mount), ...ownOptions(mount)].join(',');
      return `${octalEscaped(mount.source)} ${octalEscaped(at)} ${mount.fs.type} ${options} 0 0\n`;
    })
    .join('');
}

/** The directory of its file system that a mount shows. */
function shownDirectory({ root }: Mount): string {
  if (root.inode.displayName !== undefined) return root.inode.displayName;
  const names: string[] = [];
  for (let entry = root; entry.parent !== undefined; entry = entry.parent) names.unshift(entry.name);
  return `/${names.join('/')}`;
}

/** The optional fields: how changes spread. */
function propagation({ peers, master, isUnbindable }: Mount): string {
  const shared = peers === undefined ? '' : `shared:${peers.id} `;
  const slave = master === undefined ? '' : `master:${master.id} `;
  return `${shared}${slave}${isUnbindable ? 'unbindable ' : ''}`;
}

/** /proc/PID/mountinfo. */
export function mountInfo(seen: Seen): string {
  return visible(seen)
    .map(({ mount, at }) => {
      const parent = mount.parent?.mount.id ?? mount.id;
      const device = `${(mount.fs.device >>> 8) & 0xfff}:${mount.fs.device & 0xff}`;
      const own = [access((mount.flags & MS_RDONLY) !== 0), ...words(mount)].join(',');
      const places = `${octalEscaped(shownDirectory(mount))} ${octalEscaped(at)}`;
      const type = `${mount.fs.type} ${octalEscaped(mount.source)} ${[access(mount.fs.readOnly), ...ownOptions(mount)].join(',')}`;
      return `${mount.id} ${parent} ${device} ${places} ${own} ${propagation(mount)}- ${type}\n`;
    })
    .join('');
}

/** /proc/PID/mountstats. */
export function mountStatistics(seen: Seen): string {
  return visible(seen)
    .map(({ mount, at }) => {
      const what = mount.source === '' ? 'no device' : `device ${octalEscaped(mount.source)}`;
      return `${what} mounted on ${octalEscaped(at)} with fstype ${mount.fs.type}\n`;
    })
    .join('');
}
