// What all files of a tmpfs have in common: a place among its inodes, memory of the kernel, and extended attributes (xattr(7)).
import type { Acl, AclKind } from '../vfs/acl.ts';
import type { HeldObject } from '../mm/frames.ts';
import { Inode, type Owner } from '../vfs/inode.ts';
import { Attributes } from './attributes.ts';
import type { Tmpfs } from './tmpfs.ts';

/** Memory the kernel keeps for a file and its name, and for a further name, about. */
const FILE_BYTES = 2048;
const NAME_BYTES = 512;

/** A file of a tmpfs. */
export abstract class TmpfsInode extends Inode {
  declare readonly fs: Tmpfs;
  #attributes: Attributes | undefined;
  readonly #held: HeldObject | undefined;
  /** For names but the first. */
  readonly #names: (HeldObject | undefined)[] = [];

  constructor(fs: Tmpfs, mode: number, owner: Owner, bytes = 0) {
    const held = fs.takeFile(FILE_BYTES + bytes);
    super(fs, fs.nextIno(), mode, owner);
    this.#held = held;
  }

  /** @throws SystemError ENOSPC, OutOfFrames */
  takeName(): void {
    this.#names.push(this.fs.takeFile(NAME_BYTES));
  }

  giveName(): void {
    this.fs.giveFile(this.#names.pop());
  }

  override released(): void {
    this.#attributes?.clear();
    this.fs.giveFile(this.#held);
  }

  override getAttribute(name: string): Uint8Array | undefined {
    return this.#attributes?.get(name);
  }

  override setAttribute(name: string, value: Uint8Array): void {
    this.#attributes ??= new Attributes(this.fs.frames);
    this.#attributes.set(name, value);
    this.changed = this.fs.now();
  }

  override removeAttribute(name: string): boolean {
    const removed = this.#attributes?.remove(name) ?? false;
    if (removed) this.changed = this.fs.now();
    return removed;
  }

  override attributeNames(): readonly string[] {
    return this.#attributes?.names() ?? [];
  }

  override acl(kind: AclKind): Acl | undefined {
    return this.#attributes?.acl(kind);
  }
}
