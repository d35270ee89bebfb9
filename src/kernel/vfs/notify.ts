// Who wants to hear what happens to files (inotify(7)): watches hang on inodes, and hear of the names in a directory too.
import type { FileDescription } from './file.ts';
import type { Inode } from './inode.ts';
import type { Path } from './path.ts';

export const IN_ACCESS = 0x1;
export const IN_MODIFY = 0x2;
export const IN_ATTRIB = 0x4;
export const IN_CLOSE_WRITE = 0x8;
export const IN_CLOSE_NOWRITE = 0x10;
export const IN_OPEN = 0x20;
export const IN_MOVED_FROM = 0x40;
export const IN_MOVED_TO = 0x80;
export const IN_CREATE = 0x100;
export const IN_DELETE = 0x200;
export const IN_DELETE_SELF = 0x400;
export const IN_MOVE_SELF = 0x800;
export const IN_UNMOUNT = 0x2000;
export const IN_Q_OVERFLOW = 0x4000;
export const IN_IGNORED = 0x8000;
export const IN_ISDIR = 0x4000_0000;

/** Somebody who watches a file. */
export interface Watch {
  /** Something happened; `name` is that of a file in the directory that is watched, undefined for the file itself. */
  happened(event: number, name: string | undefined, cookie: number, isUnlinked: boolean): void;
  /** The file is gone, and the watch with it. */
  ended(): void;
}

function tell(inode: Inode, event: number, name?: string, cookie = 0, isUnlinked = false): void {
  if (inode.watches !== undefined)
    for (const watch of [...inode.watches]) watch.happened(event, name, cookie, isUnlinked);
}

/** Something happened to a file: those hear of it who watch it, or its directory. */
export function notify({ entry }: Path, event: number): void {
  const { inode, parent } = entry;
  if (inode.watches === undefined && parent?.inode.watches === undefined) return;
  const full = inode.isDirectory ? event | IN_ISDIR : event;
  if (parent !== undefined) tell(parent.inode, full, entry.name, 0, parent.children.get(entry.name) !== entry);
  tell(inode, full);
}

/** The same for an open file that may have no name. */
export function notifyFile(file: FileDescription, event: number): void {
  if (file.path !== undefined) notify(file.path, event);
}

/** A name came to a directory or went. */
export function notifyName(directory: Path, event: number, name: string, inode: Inode, cookie = 0): void {
  tell(directory.entry.inode, inode.isDirectory ? event | IN_ISDIR : event, name, cookie);
}

/** Something happened to a file whatever its name: it was moved, or one of its links went. */
export function notifySelf(inode: Inode, event: number): void {
  tell(inode, event);
}

/** A file whose text is made by the kernel has another text now. */
export function notifyChanged(directory: Inode, name: string, inode: Inode): void {
  tell(directory, IN_MODIFY, name);
  tell(inode, IN_MODIFY);
}

/** If neither names nor users are left, the watches end. */
export function notifyIfGone(inode: Inode): void {
  const { watches } = inode;
  if (watches === undefined || inode.links > 0 || inode.opens > 0) return;
  tell(inode, IN_DELETE_SELF);
  for (const watch of [...watches]) watch.ended();
}
