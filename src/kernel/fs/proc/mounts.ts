// The mounts a process sees, as /proc/PID/mounts and mountinfo print them (proc(5), fstab(5)).
import type { Task } from '../../task/task.ts';
import { type Mount, MS_NODEV, MS_NOEXEC, MS_NOSUID, type Path, pathName } from '../../vfs/path.ts';

/** Spaces and the like as octal escapes. */
function octalEscaped(text: string): string {
  return text.replace(/[ \t\n\\]/g, (character) => `\\${character.charCodeAt(0).toString(8).padStart(3, '0')}`);
}

function options(mount: Mount): string {
  const words = [mount.isReadOnly ? 'ro' : 'rw'];
  if (mount.flags & MS_NOSUID) words.push('nosuid');
  if (mount.flags & MS_NODEV) words.push('nodev');
  if (mount.flags & MS_NOEXEC) words.push('noexec');
  return [...words, 'relatime'].join(',');
}

/** Where a mount is seen from a root; undefined when it lies outside. */
function place(mount: Mount, root: Path): string | undefined {
  if (mount.parent === undefined) return mount === root.mount ? '/' : undefined;
  const name = pathName({ mount, entry: mount.root }, root);
  return name.startsWith('(unreachable)') ? undefined : name;
}

function visible(task: Task, viewer: Task): { mount: Mount; at: string }[] {
  const { root } = viewer.directories;
  return [...task.namespaces.mnt.mounts()].flatMap((mount) => {
    const at = place(mount, root);
    return at === undefined ? [] : [{ mount, at }];
  });
}

/** /proc/PID/mounts. */
export function mountTable(task: Task, viewer: Task): string {
  return visible(task, viewer)
    .map(
      ({ mount, at }) => `${octalEscaped(mount.source)} ${octalEscaped(at)} ${mount.fs.type} ${options(mount)} 0 0\n`,
    )
    .join('');
}

/** /proc/PID/mountinfo. */
export function mountInfo(task: Task, viewer: Task): string {
  return visible(task, viewer)
    .map(({ mount, at }) => {
      const parent = mount.parent?.mount.id ?? mount.id;
      const device = `${(mount.fs.device >>> 8) & 0xfff}:${mount.fs.device & 0xff}`;
      const superOptions = mount.fs.readOnly ? 'ro' : 'rw';
      return `${mount.id} ${parent} ${device} / ${octalEscaped(at)} ${options(mount)} - ${mount.fs.type} ${octalEscaped(mount.source)} ${superOptions}\n`;
    })
    .join('');
}
