// Path names as system calls take them (path_resolution(7), open(2) "openat"): from where they are looked up, and what is there.
import { AT_EMPTY_PATH, AT_FDCWD, AT_SYMLINK_NOFOLLOW } from '../../abi/stat.ts';
import { fail } from '../error.ts';
import type { Inode } from '../vfs/inode.ts';
import { type Name, namelessPath, type Path, type PathContext, resolve } from '../vfs/path.ts';
import type { Call } from './call.ts';

/** From where and for whom the task resolves names; `directoryArgument` is a dirfd. */
export function pathContext(call: Call, directoryArgument?: number): PathContext {
  const { root, directory, umask } = call.task.directories;
  const { credentials } = call.task;
  const fd = directoryArgument === undefined ? AT_FDCWD : call.arg(directoryArgument);
  if (fd === AT_FDCWD) return { root, directory, credentials, umask };
  const file = call.task.files.any(fd);
  return { root, directory: file.path ?? fail('ENOTDIR'), credentials, umask };
}

/** The name of argument n. A dirfd is only looked at when the name is relative. */
export function nameArgument(call: Call, n: number, directoryArgument?: number): Name {
  const text = call.path(n);
  return { text, from: pathContext(call, text.startsWith('/') ? undefined : directoryArgument) };
}

/** What the name of argument n stands for. */
export function namedPath(call: Call, n: number, follow = true): Path {
  const name = nameArgument(call, n);
  return resolve(name.from, name.text, { follow });
}

/** The file of the name in the first argument. */
export function statPath(call: Call, follow: boolean): Inode {
  return namedPath(call, 0, follow).entry.inode;
}

/** The flags in argument n. @throws SystemError EINVAL when there are others than `known` */
export function flagsArgument(call: Call, n: number, known: number): number {
  const flags = call.arg(n);
  return flags & ~known ? fail('EINVAL') : flags;
}

/** The file of a name, or of the dirfd itself with AT_EMPTY_PATH. */
export function pathArgument(call: Call, directoryArgument: number, n: number, flags: number): Path {
  const follow = !(flags & AT_SYMLINK_NOFOLLOW);
  const text = call.path(n);
  if (text === '' && flags & AT_EMPTY_PATH) {
    const fd = call.arg(directoryArgument);
    return fd === AT_FDCWD ? call.task.directories.directory : (call.task.files.any(fd).path ?? fail('ENOENT'));
  }
  const name = { text, from: pathContext(call, text.startsWith('/') ? undefined : directoryArgument) };
  return resolve(name.from, name.text, { follow });
}

/** Where the open file of argument n is. */
export function filePath(call: Call, n: number): Path {
  const file = call.file(n);
  return file.path ?? namelessPath(file.inode);
}
