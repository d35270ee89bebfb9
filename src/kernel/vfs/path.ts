// Mounts, and how a path name leads to a file (path_resolution(7)).
import { MS_RDONLY, MS_NOSYMFOLLOW, MS_RELATIME } from '../../abi/mount.ts';
import { NAME_MAX, PATH_MAX } from '../../abi/stat.ts';
import { fail } from '../error.ts';
import { MAY_EXECUTE, type Credentials, mayAccess } from './permission.ts';
import { countMounts, type FileSystem, type Inode } from './inode.ts';
import type { MountNamespace } from '../ns/mount-namespace.ts';
import { isLongerThan } from '../syscalls/text.ts';

/** A name in a file system. It keeps its place when the file behind it is renamed or unlinked while in use. */
export class Dentry {
  name: string;
  parent: Dentry | undefined;
  readonly inode: Inode;
  readonly children = new Map<string, Dentry>();
  /** What is mounted here, in all trees. */
  readonly mounts = new Set<Mount>();

  constructor(name: string, parent: Dentry | undefined, inode: Inode) {
    this.name = name;
    this.parent = parent;
    this.inode = inode;
  }

  /** Entry of a name in this directory; undefined when there is none. */
  child(name: string): Dentry | undefined {
    const inode = this.inode.lookup(name);
    const known = this.children.get(name);
    if (inode === undefined) {
      if (known !== undefined) this.children.delete(name);
      return undefined;
    }
    if (known !== undefined && known.inode === inode) return known;
    const entry = new Dentry(name, this, inode);
    this.children.set(name, entry);
    return entry;
  }
}

/** Mounts that see each other's changes (mount_namespaces(7) "Shared subtrees"). */
export class PeerGroup {
  readonly id: number;
  readonly members = new Set<Mount>();
  /** Mounts that get changes from here, but give none back. */
  readonly slaves = new Set<Mount>();

  constructor(id: number) {
    this.id = id;
  }
}

/** A file system in the tree of a mount namespace. */
export class Mount {
  readonly fs: FileSystem;
  readonly root: Dentry;
  /** Where it is mounted; undefined for the root of the namespace. */
  parent: { readonly mount: Mount; readonly entry: Dentry } | undefined;
  flags: number;
  readonly id: number;
  readonly source: string;
  /** Renames so far: what inotify tells to know one from another. */
  moves = 0;
  /** Mounts on entries of this one. What lies on top of another is mounted on the other's root. */
  readonly mounted = new Map<Dentry, Mount>();
  /** Undefined when it is not in a tree: not attached yet, unmounted, or the kernel's own. */
  namespace: MountNamespace | undefined;
  /** Shared: changes go to the peers and come from them. */
  peers: PeerGroup | undefined;
  /** Slave: changes come from there. */
  master: PeerGroup | undefined;
  isUnbindable = false;
  /** The top of a tree that is nowhere yet: open_tree(2) or fsmount(2) made it, and move_mount(2) may attach it. */
  isDetached = false;
  /** Marked by umount2(2) with MNT_EXPIRE and not opened since. */
  isExpiring = false;
  /** It came from a more privileged namespace as part of a tree: what it hides stays hidden. */
  isLocked = false;
  /** Flags that the more privileged namespace set and that cannot be taken back. */
  lockedFlags = 0;

  constructor(id: number, fs: FileSystem, root: Dentry, source: string, flags = MS_RELATIME) {
    this.id = id;
    this.fs = fs;
    this.root = root;
    this.source = source;
    this.flags = flags;
    countMounts(fs, 1);
    root.inode.mountedTimes(1);
  }

  /** Other flags, which those hear of who watch the mounts. */
  change(flags: number): void {
    this.flags = flags;
    this.namespace?.changes.notify();
  }

  get isReadOnly(): boolean {
    return (this.flags & MS_RDONLY) !== 0 || this.fs.readOnly;
  }
}

/** A place in the tree of mounts. */
export interface Path {
  readonly mount: Mount;
  readonly entry: Dentry;
}

/** From where and for whom a path is resolved. */
export interface PathContext {
  readonly root: Path;
  readonly directory: Path;
  readonly credentials: Credentials;
  /** Permissions that new files do not get, where no access control list decides (umask(2)). */
  readonly umask?: number;
  /** RESOLVE_* bits of openat2(2). */
  readonly restrictions?: number;
}

/** A path name with the directory it starts from. */
export interface Name {
  readonly from: PathContext;
  readonly text: string;
}

export const RESOLVE_NO_XDEV = 1;
export const RESOLVE_NO_MAGICLINKS = 2;
export const RESOLVE_NO_SYMLINKS = 4;
export const RESOLVE_BENEATH = 8;
export const RESOLVE_IN_ROOT = 16;

const MOST_LINKS = 40;

/** The components of path names that were used lately. */
const COMPONENTS = new Map<string, readonly string[]>();
const MOST_REMEMBERED = 1024;

function componentsOf(name: string): readonly string[] {
  let parts = COMPONENTS.get(name);
  if (parts === undefined) {
    parts = name.split('/').filter((part) => part !== '');
    if (COMPONENTS.size === MOST_REMEMBERED) COMPONENTS.clear();
    COMPONENTS.set(name, parts);
  }
  return parts;
}

/** How resolution ends. */
export interface ResolveOptions {
  /** Follow a symbolic link at the end. */
  readonly follow?: boolean;
  /** The name itself is meant, whatever it is, even with a slash behind it: it is to be made, removed or renamed. */
  readonly nameItself?: boolean;
}

/** Where a file is or would be made: its directory and its name there. */
export interface Location {
  readonly directory: Path;
  readonly name: string;
  /** The file, if there is one. */
  readonly target: Path | undefined;
  /** The path ended with a slash: it names a directory. */
  readonly mustBeDirectory: boolean;
}

/** The same name in the same mount. */
export function samePath(a: Path, b: Path): boolean {
  return a.mount === b.mount && a.entry === b.entry;
}

/** True for a name itself and for those below it. */
export function isBelow(entry: Dentry, root: Dentry): boolean {
  for (let at: Dentry | undefined = entry; at !== undefined; at = at.parent) if (at === root) return true;
  return false;
}

/** What is above a name in its mount: a directory that was moved out of what is mounted has nothing above. */
function above({ mount, entry: { parent } }: Path): Dentry {
  const isInside = parent !== undefined && (mount.root.parent === undefined || isBelow(parent, mount.root));
  return isInside ? parent : fail('ENOENT');
}

/** The directory above, through mount points; the root is its own. @throws SystemError ENOENT */
function parentPath(path: Path, root: Path): Path {
  let { mount, entry } = path;
  for (;;) {
    if (samePath({ mount, entry }, root)) return root;
    if (entry !== mount.root) return { mount, entry: above({ mount, entry }) };
    if (mount.parent === undefined) return { mount, entry };
    ({ mount, entry } = mount.parent);
  }
}

/** What is seen at a path: the root of the topmost mount there. */
export function throughMounts(path: Path): Path {
  let current = path;
  for (;;) {
    const mount = current.mount.mounted.get(current.entry);
    if (mount === undefined) return current;
    current = { mount, entry: mount.root };
  }
}

/** Finds the file a path names. @throws SystemError as path_resolution(7) says */
export function resolve(context: PathContext, name: string, options: ResolveOptions = {}): Path {
  const location = locate(context, name, options);
  if (location.target === undefined) fail('ENOENT');
  return location.target;
}

/** Finds the directory and the last name of a path; what the name stands for may not exist. @throws SystemError */
export function locate(context: PathContext, name: string, options: ResolveOptions = {}): Location {
  if (name === '') fail('ENOENT');
  if (name.length >= PATH_MAX) fail('ENAMETOOLONG');
  return new Resolution(context).walk(name, options);
}

class Resolution {
  readonly #context: PathContext;
  #links = 0;

  constructor(context: PathContext) {
    this.#context = context;
  }

  walk(name: string, options: ResolveOptions, from = this.#context.directory): Location {
    let directory = name.startsWith('/') ? this.#root() : from;
    const parts = componentsOf(name);
    const mustBeDirectory = name.endsWith('/');
    for (let n = 0; n < parts.length - 1; n++) {
      const next = this.#step(directory, parts[n]!);
      if (next === undefined) fail('ENOENT');
      directory = this.#follow(directory, next);
      if (!directory.entry.inode.isDirectory) fail('ENOTDIR');
    }
    const last = parts.at(-1) ?? '.';
    const found = this.#step(directory, last);
    if (found === undefined) return { directory, name: last, target: undefined, mustBeDirectory };
    if (options.nameItself) return { directory, name: last, target: found, mustBeDirectory };
    if (found.entry.inode.isSymlink && ((options.follow ?? true) || mustBeDirectory))
      return this.#lastLink(directory, found, mustBeDirectory);
    if (mustBeDirectory && !found.entry.inode.isDirectory) fail('ENOTDIR');
    return { directory, name: last, target: found, mustBeDirectory };
  }

  /** A link at the end leads to where its target is or would be. */
  #lastLink(directory: Path, link: Path, mustBeDirectory: boolean): Location {
    const target = this.#target(link);
    if (typeof target !== 'string') return { directory, name: link.entry.name, target, mustBeDirectory };
    const location = this.walk(target, {}, directory);
    if (mustBeDirectory && location.target !== undefined && !location.target.entry.inode.isDirectory) fail('ENOTDIR');
    return { ...location, mustBeDirectory: mustBeDirectory || location.mustBeDirectory };
  }

  #step(directory: Path, name: string): Path | undefined {
    const { inode } = directory.entry;
    if (!inode.isDirectory) fail('ENOTDIR');
    if (!mayAccess(this.#context.credentials, inode, MAY_EXECUTE)) fail('EACCES');
    if (name === '.') return directory;
    if (name === '..') return this.#restricted(this.#up(directory));
    if (isLongerThan(name, NAME_MAX)) fail('ENAMETOOLONG');
    const entry = directory.entry.child(name);
    return entry === undefined ? undefined : this.#restricted(throughMounts({ mount: directory.mount, entry }));
  }

  #forbids(restriction: number): boolean {
    return ((this.#context.restrictions ?? 0) & restriction) !== 0;
  }

  /** Where an absolute name starts. */
  #root(): Path {
    return this.#forbids(RESOLVE_BENEATH) ? fail('EXDEV') : this.#restricted(this.#context.root);
  }

  #up(directory: Path): Path {
    if (this.#forbids(RESOLVE_BENEATH) && samePath(directory, this.#context.directory)) fail('EXDEV');
    return throughMounts(parentPath(directory, this.#context.root));
  }

  #restricted(path: Path): Path {
    return this.#forbids(RESOLVE_NO_XDEV) && path.mount !== this.#context.directory.mount ? fail('EXDEV') : path;
  }

  /** A component in the middle of a path: links are followed. */
  #follow(directory: Path, path: Path): Path {
    if (!path.entry.inode.isSymlink) return path;
    const target = this.#target(path);
    if (typeof target !== 'string') return target;
    const location = this.walk(target, {}, directory);
    if (location.target === undefined) fail('ENOENT');
    return location.target;
  }

  #target(link: Path): string | Path {
    if (++this.#links > MOST_LINKS || link.mount.flags & MS_NOSYMFOLLOW) fail('ELOOP');
    if (this.#forbids(RESOLVE_NO_SYMLINKS)) fail('ELOOP');
    const { inode } = link.entry;
    const direct = 'magicTarget' in inode ? (inode as MagicLink).magicTarget() : undefined;
    if (direct !== undefined) {
      if (this.#forbids(RESOLVE_NO_MAGICLINKS)) fail('ELOOP');
      if (this.#forbids(RESOLVE_BENEATH | RESOLVE_IN_ROOT)) fail('EXDEV');
      return this.#restricted(direct);
    }
    const target = inode.readlink();
    if (target === '') fail('ENOENT');
    return target;
  }
}

/** A symbolic link that leads to a file without a name being resolved: those of /proc/PID/fd, exe, cwd and root. */
export interface MagicLink {
  magicTarget(): Path | undefined;
}

/** Number of the mount of files that no name leads to. */
const NO_MOUNT = 0;

/** A path for a file that no name leads to: memory files, pipes, sockets. `label` is shown in place of a name. */
export function namelessPath(inode: Inode, label = ''): Path {
  const entry = new Dentry(label, undefined, inode);
  return { mount: new Mount(NO_MOUNT, inode.fs, entry, 'none'), entry };
}

/** No name leads there. */
export function isNameless({ mount }: Path): boolean {
  return mount.id === NO_MOUNT;
}

/** The name was removed, or never was. */
export function isUnlinked({ mount, entry }: Path): boolean {
  return entry !== mount.root && entry.parent?.children.get(entry.name) !== entry;
}

/** The name of a path as seen from `root`; for one that is not below it the name in its own tree. */
export function pathName(path: Path, root: Path): string {
  return shownName(path, root).name;
}

/** The same, and whether the path is below `root` at all. */
export function shownName(path: Path, root: Path): { name: string; isReachable: boolean } {
  const shown = path.entry.inode.displayName;
  if (shown !== undefined && path.entry !== path.mount.root) return { name: shown, isReachable: true };
  const names: string[] = [];
  const found = (isReachable: boolean) => ({ name: `/${names.reverse().join('/')}`, isReachable });
  let { mount, entry } = path;
  while (!samePath({ mount, entry }, root)) {
    if (entry === mount.root) {
      if (mount.parent === undefined) return found(false);
      ({ mount, entry } = mount.parent);
    } else {
      if (entry.parent === undefined) return found(false);
      names.push(entry.name);
      entry = entry.parent;
    }
  }
  return found(true);
}

/** The file of a name for a call that changes its attributes. @throws SystemError EROFS */
export function changeable(name: Name, follow: boolean): Path {
  const path = resolve(name.from, name.text, { follow });
  return path.mount.isReadOnly ? fail('EROFS') : path;
}
