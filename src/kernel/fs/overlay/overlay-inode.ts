// Files of an overlay: each stands for one of a layer, and is copied to the upper layer before it changes
// (overlayfs.rst "Non-directories", "Inode properties").
import { fail } from '../../error.ts';
import type { PageCache } from '../../mm/page-cache.ts';
import type { Acl, AclKind } from '../../vfs/acl.ts';
import type { FileDescription, WouldBlock } from '../../vfs/file.ts';
import { Inode, type Opener, type Status } from '../../vfs/inode.ts';
import { RegularFile } from '../regular-file.ts';
import { openSpecial } from '../special.ts';
import { copyContents, copyStatus, originOf } from './copy-up.ts';
import type { OverlayDirectory } from './overlay-directory.ts';
import type { OverlayFs } from './overlay-fs.ts';

const ACCESS_WRITES = 3;

/** What a file of an overlay stands for. At least one of the two is there. */
export interface Found {
  readonly upper?: Inode | undefined;
  /** What is shown without an upper one, or what the upper one was copied from. */
  readonly lower?: Inode | undefined;
}

/** Where a file was found: its copy goes to the same name in the upper layer. */
export interface Place {
  readonly parent: OverlayDirectory;
  readonly name: string;
}

/** A file of any type. */
export abstract class OverlayInode extends Inode {
  declare readonly fs: OverlayFs;
  override readonly special: number;
  readonly #place: Place | undefined;
  readonly #lower: Inode | undefined;
  readonly #ownIno: number;
  #upper: Inode | undefined;
  #holds = 0;
  /** The name was removed: a copy has none. */
  isUnlinked = false;

  constructor(fs: OverlayFs, { upper, lower }: Found, place: Place | undefined) {
    const real = upper ?? lower!;
    const ino = fs.nextIno();
    super(fs, ino, real.mode, real);
    this.#ownIno = ino;
    this.special = real.special;
    this.#upper = upper;
    this.#lower = lower;
    this.#place = place;
  }

  /** What it stands for in the upper layer, once it was changed. */
  get upper(): Inode | undefined {
    return this.#upper;
  }

  get lower(): Inode | undefined {
    return this.#lower;
  }

  /** The file that is shown. */
  get real(): Inode {
    return this.#upper ?? this.#lower!;
  }

  /** The file whose number is shown: that of before the copy, unless its other names were left behind. */
  get #numbered(): Inode {
    const lower = this.#lower;
    if (this.#upper === undefined) return lower!;
    return lower !== undefined && (lower.isDirectory || lower.links === 1) ? lower : this.#upper;
  }

  override get ino(): number {
    return this.isDirectory && !this.fs.isUniform ? this.#ownIno : this.#numbered.ino;
  }

  override get device(): number {
    const { fs } = this;
    return this.isDirectory || fs.isUniform ? fs.device : fs.layerDevice(this.#numbered.fs);
  }

  protected override get status(): Status {
    return this.real;
  }

  protected override get changing(): Status {
    return this.copyUp();
  }

  override get size(): number {
    return this.real.size;
  }

  override get blocks(): number {
    return this.real.blocks;
  }

  /** Whoever has it open has the file of the layer open. */
  override get opens(): number {
    return this.#holds;
  }

  override set opens(value: number) {
    this.real.opens += value - this.#holds;
    this.#holds = value;
  }

  override unused(): void {
    this.real.unused();
  }

  /** The file in the upper layer, copied there if need be. @throws SystemError EROFS, ENOSPC, EACCES, EOVERFLOW */
  copyUp(): Inode {
    if (this.#upper !== undefined) return this.#upper;
    const lower = this.#lower!;
    const { fs } = this;
    const place = this.#place ?? fail('EROFS');
    if (fs.readOnly) fail('EROFS');
    fs.checkMayCopy(lower);
    const upper = this.isUnlinked ? this.#namelessCopy(lower) : this.#copyTo(place, lower);
    lower.opens -= this.#holds;
    upper.opens += this.#holds;
    this.#upper = upper;
    fs.byUpper.set(upper, this);
    return upper;
  }

  #namelessCopy(lower: Inode): Inode {
    if (!lower.isRegular) return fail('ENOENT');
    const copy = this.fs.layers.work!.createNameless(lower.mode, lower);
    copyContents(lower, copy);
    copyStatus(lower, copy, this.fs.attributePrefix);
    return copy;
  }

  #copyTo({ parent, name }: Place, lower: Inode): Inode {
    const directory = parent.copyUp();
    const { accessed, modified } = directory;
    const copy = lower.isSymlink
      ? directory.symlink(name, lower.readlink(), lower)
      : directory.create(name, lower.mode, lower, lower.special);
    try {
      copyContents(lower, copy);
      copyStatus(lower, copy, this.fs.attributePrefix);
      copy.setAttribute(`${this.fs.attributePrefix}origin`, originOf(lower));
      copy.modified = lower.modified;
    } catch (failure) {
      if (copy.isDirectory) directory.rmdir(name);
      else directory.unlink(name);
      throw failure;
    } finally {
      directory.accessed = accessed;
      directory.modified = modified;
    }
    return copy;
  }

  override readlink(): string {
    return this.real.readlink();
  }

  override getAttribute(name: string): Uint8Array | undefined {
    return this.real.getAttribute(this.#escaped(name));
  }

  override setAttribute(name: string, value: Uint8Array): void {
    this.copyUp().setAttribute(this.#escaped(name), value);
  }

  override removeAttribute(name: string): boolean {
    if (this.getAttribute(name) === undefined) return false;
    return this.copyUp().removeAttribute(this.#escaped(name));
  }

  override attributeNames(): readonly string[] {
    const { attributePrefix } = this.fs;
    const nested = `${attributePrefix}overlay.`;
    return this.real.attributeNames().flatMap((name) => {
      if (name.startsWith(nested)) return [attributePrefix + name.slice(nested.length)];
      return name.startsWith(attributePrefix) ? [] : [name];
    });
  }

  override acl(kind: AclKind): Acl | undefined {
    return this.real.acl(kind);
  }

  /** Attributes of an overlay inside this one: its own are not theirs (overlayfs.rst "Nesting overlayfs mounts"). */
  #escaped(name: string): string {
    const { attributePrefix } = this.fs;
    return name.startsWith(attributePrefix) ? `${attributePrefix}overlay.${name.slice(attributePrefix.length)}` : name;
  }
}

type Readable = Inode & {
  read(offset: number, into: Uint8Array): number;
  write(offset: number, from: Uint8Array): number;
  readonly cache?: PageCache;
};

/** A regular file. Open files follow it to its copy; mappings made before keep showing the original. */
export class OverlayFile extends OverlayInode {
  override open(flags: number): FileDescription {
    if (flags & ACCESS_WRITES) this.copyUp();
    return new RegularFile(this, flags);
  }

  get cache(): PageCache {
    return (this.real as Readable).cache ?? fail('ENODEV');
  }

  /** The access time of a lower layer stays as it is: others may use it. */
  read(offset: number, into: Uint8Array): number {
    const real = this.real as Readable;
    const { accessed } = real;
    const count = real.read(offset, into);
    if (this.upper === undefined && !real.fs.readOnly) real.accessed = accessed;
    return count;
  }

  write(offset: number, from: Uint8Array): number {
    return (this.copyUp() as Readable).write(offset, from);
  }

  override truncate(size: number): void {
    this.copyUp().truncate(size);
  }

  override allocate(mode: number, offset: number, length: number): void {
    this.copyUp().allocate(mode, offset, length);
  }

  override seekData(offset: number, hole: boolean): number | undefined {
    return this.real.seekData(offset, hole);
  }
}

/** A symbolic link, device, FIFO or socket: what opens is of the overlay's own inode. */
export class OverlaySpecial extends OverlayInode {
  override open(flags: number, opener?: Opener): FileDescription | WouldBlock {
    return this.isSymlink ? fail('ELOOP') : openSpecial(this, flags, opener);
  }
}
