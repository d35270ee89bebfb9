// A layer of an image as a file system of the kernel, to be a lower directory of an overlay. Contents of files are read from
// the data directory when a program touches them. What the archive says with names (OCI image specification, "Whiteouts")
// becomes what overlays understand: whiteout devices and opaque directories.
import { S_IFCHR, S_IFDIR, S_IFIFO, S_IFLNK, S_IFREG } from '../abi/stat.ts';
import { fail } from '../kernel/error.ts';
import { RegularFile } from '../kernel/fs/regular-file.ts';
import { openSpecial } from '../kernel/fs/special.ts';
import type { Frames } from '../kernel/mm/frames.ts';
import { PageCache, type PageSource } from '../kernel/mm/page-cache.ts';
import { PAGE_SIZE } from '../kernel/platform.ts';
import { ACL_ATTRIBUTES, type Acl, type AclKind, decodeAcl } from '../kernel/vfs/acl.ts';
import { encodeText } from '../kernel/syscalls/text.ts';
import { DirectoryFile } from '../kernel/vfs/directory-file.ts';
import type { FileDescription, WouldBlock } from '../kernel/vfs/file.ts';
import { type DirectoryEntry, type FileSystem, Inode, type Opener, type Timestamp } from '../kernel/vfs/inode.ts';
import type { OpenFile } from './data-directory.ts';
import { type LayerEntry, OPAQUE, WHITEOUT } from './layer-entries.ts';
import type { PlacedEntry } from './links-below.ts';
import { attributeBytes } from './tar-bytes.ts';

const MAGIC = 0x616e_696c;
const OPAQUE_ATTRIBUTE = 'trusted.overlay.opaque';
const YES = Uint8Array.of(0x79);

/** What a layer's file system is made of. */
export interface LayerFsOptions {
  readonly frames: Frames;
  readonly device: number;
  /** Parents before children. */
  readonly entries: readonly PlacedEntry<OpenFile>[];
  readonly content: OpenFile;
  /** It is no layer but a whole tree: a name such as `.wh.a` is that of a file. */
  readonly isTree?: boolean;
}

/** The read-only file system of one layer. */
export class LayerFs implements FileSystem {
  readonly type = 'layer';
  readonly magic = MAGIC;
  readonly device: number;
  readonly readOnly = true;
  readonly keepsAcls = true;
  readonly frames: Frames;
  readonly content: OpenFile;
  readonly root: LayerDirectory;
  readonly #isTree: boolean;
  #nextIno = 1;

  constructor({ frames, device, entries, content, isTree = false }: LayerFsOptions) {
    this.frames = frames;
    this.device = device;
    this.content = content;
    this.#isTree = isTree;
    this.root = new LayerDirectory(this, { path: '', kind: 'directory', mode: 0o755, uid: 0, gid: 0, mtime: 0 });
    this.#fill(entries);
  }

  nextIno(): number {
    return this.#nextIno++;
  }

  /** Nobody uses it any more. */
  close(): void {
    this.root.forget();
    this.content.close();
  }

  /** Nothing of a layer changes: there is no present. */
  now(): Timestamp {
    return 0n;
  }

  #fill(entries: LayerFsOptions['entries']): void {
    const directories = new Map<string, LayerDirectory>([['', this.root]]);
    const files = new Map<string, Inode>();
    const links: PlacedEntry<OpenFile>[] = [];
    for (const entry of entries) {
      if (entry.kind === 'hardlink') links.push(entry);
      else if (entry.path === '') this.root.describe(entry);
      else this.#add(directories, files, entry);
    }
    // a link may come before its file in the order of names
    for (const { path, target = '' } of links) {
      const [parent, name] = split(path);
      const file = files.get(target);
      if (file) directoryAt(this, directories, parent).link(name, file);
    }
  }

  #add(directories: Map<string, LayerDirectory>, files: Map<string, Inode>, entry: PlacedEntry<OpenFile>): void {
    const [parent, name] = split(entry.path);
    const directory = directoryAt(this, directories, parent);
    if (name === OPAQUE && !this.#isTree) {
      directory.attributes.set(OPAQUE_ATTRIBUTE, YES);
      return;
    }
    if (name.startsWith(WHITEOUT) && !this.#isTree) {
      const hidden = name.slice(WHITEOUT.length);
      if (!directory.lookup(hidden)) directory.put(hidden, new LayerSpecial(this, entry, S_IFCHR));
      return;
    }
    const inode = this.#inode(entry);
    directory.put(name, inode);
    if (inode instanceof LayerDirectory) directories.set(entry.path, inode);
    else files.set(entry.path, inode);
  }

  #inode(entry: PlacedEntry<OpenFile>): Inode {
    switch (entry.kind) {
      case 'directory':
        return new LayerDirectory(this, entry);
      case 'symlink':
        return new LayerSymlink(this, entry);
      case 'fifo':
        return new LayerSpecial(this, entry, S_IFIFO);
      default:
        return new LayerFile(this, entry);
    }
  }
}

function split(path: string): readonly [parent: string, name: string] {
  const slash = path.lastIndexOf('/');
  return slash < 0 ? ['', path] : [path.slice(0, slash), path.slice(slash + 1)];
}

/** The directory of a path; one that the layer does not describe is made as any. */
function directoryAt(fs: LayerFs, directories: Map<string, LayerDirectory>, path: string): LayerDirectory {
  const known = directories.get(path);
  if (known) return known;
  const [parent, name] = split(path);
  const made = new LayerDirectory(fs, { path, kind: 'directory', mode: 0o755, uid: 0, gid: 0, mtime: 0 });
  directoryAt(fs, directories, parent).put(name, made);
  directories.set(path, made);
  return made;
}

/** What all files of a layer have. */
abstract class LayerInode extends Inode {
  declare readonly fs: LayerFs;
  readonly attributes = new Map<string, Uint8Array>();

  constructor(fs: LayerFs, entry: LayerEntry, type: number) {
    super(fs, fs.nextIno(), type, { uid: 0, gid: 0 });
    this.describe(entry);
  }

  /** Takes over what an entry says of the file. */
  describe({ mode, uid, gid, mtime, xattrs }: LayerEntry): void {
    this.mode = this.type | mode;
    this.uid = uid;
    this.gid = gid;
    const time = BigInt(Math.round(mtime * 1e6)) * 1000n;
    this.accessed = time;
    this.modified = time;
    this.changed = time;
    this.born = time;
    for (const [name, value] of Object.entries(xattrs ?? {})) this.attributes.set(name, attributeBytes(value));
  }

  override acl(kind: AclKind): Acl | undefined {
    const value = this.attributes.get(ACL_ATTRIBUTES[kind]);
    return value && decodeAcl(value);
  }

  override getAttribute(name: string): Uint8Array | undefined {
    return this.attributes.get(name);
  }

  override attributeNames(): readonly string[] {
    return [...this.attributes.keys()];
  }
}

class LayerDirectory extends LayerInode {
  readonly #children = new Map<string, Inode>();

  constructor(fs: LayerFs, entry: LayerEntry) {
    super(fs, entry, S_IFDIR);
    this.links = 2;
  }

  override get size(): number {
    return PAGE_SIZE;
  }

  put(name: string, inode: Inode): void {
    this.#children.set(name, inode);
    if (inode.isDirectory) this.links++;
  }

  override link(name: string, inode: Inode): void {
    inode.links++;
    this.#children.set(name, inode);
  }

  /** Gives the memory of what was read below it back. */
  forget(): void {
    for (const inode of this.#children.values()) {
      if (inode instanceof LayerDirectory) inode.forget();
      else if (inode instanceof LayerFile) inode.cache.destroy();
    }
  }

  override open(flags: number): FileDescription {
    return new DirectoryFile(this, flags);
  }

  override lookup(name: string): Inode | undefined {
    return this.#children.get(name);
  }

  override *entries(): Iterable<DirectoryEntry> {
    for (const [name, { ino, type }] of this.#children) yield { name, ino, type };
  }
}

class LayerFile extends LayerInode implements PageSource {
  readonly cache: PageCache;
  readonly #content: OpenFile;
  readonly #offset: number;
  readonly #size: number;

  constructor(fs: LayerFs, entry: PlacedEntry<OpenFile>) {
    super(fs, entry, S_IFREG);
    this.#content = entry.content ?? fs.content;
    this.#offset = entry.offset ?? 0;
    this.#size = entry.size ?? 0;
    this.cache = new PageCache(fs.frames, this, this);
  }

  override get size(): number {
    return this.#size;
  }

  readPage(index: number, into: Uint8Array): void {
    const at = index * PAGE_SIZE;
    const wanted = Math.min(into.length, this.#size - at);
    let read = 0;
    try {
      read = this.#content.readAt(this.#offset + at, into.subarray(0, wanted));
    } catch {
      // the disk failed: so does the program's access
    }
    if (read < wanted) fail('EIO');
  }

  read(offset: number, into: Uint8Array): number {
    const count = Math.max(0, Math.min(into.length, this.#size - offset));
    this.cache.read(offset, into.subarray(0, count));
    return count;
  }

  write(): number {
    return fail('EROFS');
  }

  override open(flags: number): FileDescription {
    return new RegularFile(this, flags);
  }
}

class LayerSymlink extends LayerInode {
  readonly #target: string;

  constructor(fs: LayerFs, entry: LayerEntry) {
    super(fs, entry, S_IFLNK);
    this.#target = entry.target ?? '';
  }

  override get size(): number {
    return encodeText(this.#target).length;
  }

  override open(): FileDescription {
    return fail('ELOOP');
  }

  override readlink(): string {
    return this.#target;
  }
}

/** A FIFO, or a whiteout: a character device 0/0. */
class LayerSpecial extends LayerInode {
  override get size(): number {
    return 0;
  }

  override open(flags: number, opener?: Opener): FileDescription | WouldBlock {
    return openSpecial(this, flags, opener);
  }
}
