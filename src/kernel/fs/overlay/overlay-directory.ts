// Directories of an overlay: names of all layers in one list, changes in the upper one (overlayfs.rst "Directories",
// "whiteouts and opaque directories", "readdir", "renaming directories").
import { S_IFCHR, S_IFMT } from '../../../abi/stat.ts';
import { fail } from '../../error.ts';
import { DirectoryFile } from '../../vfs/directory-file.ts';
import type { FileDescription } from '../../vfs/file.ts';
import type { DirectoryEntry, Inode, Owner } from '../../vfs/inode.ts';
import { MAY_EXECUTE, MAY_READ } from '../../vfs/permission.ts';
import { decodeText } from '../../syscalls/text.ts';
import { originOf } from './copy-up.ts';
import { isWhiteout, type OverlayFs } from './overlay-fs.ts';
import { OverlayFile, OverlayInode, OverlaySpecial, type Place } from './overlay-inode.ts';

interface Layered {
  readonly upper: Inode | undefined;
  /** Uppermost first: one file, or the directories that are merged. */
  readonly lowers: readonly Inode[];
}

/** A directory. */
export class OverlayDirectory extends OverlayInode {
  /** Directories of lower layers that show through, uppermost first. */
  readonly lowers: readonly Inode[];
  readonly #children = new Map<string, OverlayInode>();

  constructor(fs: OverlayFs, { upper, lowers }: Layered, place: Place | undefined) {
    super(fs, { upper, lower: lowers[0] }, place);
    this.lowers = lowers;
  }

  /** A merged directory has no count of directories below. */
  override get links(): number {
    const { length } = this.lowers;
    return (this.upper === undefined ? length > 1 : length > 0) ? 1 : this.real.links;
  }

  override open(flags: number): FileDescription {
    return new DirectoryFile(this, flags);
  }

  override lookup(name: string): OverlayInode | undefined {
    const known = this.#children.get(name);
    if (known !== undefined) return known;
    const found = this.#find(name);
    return found === undefined ? undefined : this.#adopt(name, found);
  }

  override *entries(): Iterable<DirectoryEntry> {
    const seen = new Set<string>();
    for (const layer of this.upper === undefined ? this.lowers : [this.upper, ...this.lowers])
      for (const { name } of this.#entriesOf(layer)) {
        if (seen.has(name)) continue;
        seen.add(name);
        const inode = this.lookup(name);
        if (inode !== undefined) yield { name, ino: inode.ino, type: inode.type };
      }
  }

  #entriesOf(layer: Inode): Iterable<DirectoryEntry> {
    this.fs.checkMounter(layer, MAY_READ);
    return layer.entries();
  }

  #inLayer(layer: Inode, name: string): Inode | undefined {
    this.fs.checkMounter(layer, MAY_EXECUTE);
    return layer.lookup(name);
  }

  override create(name: string, mode: number, owner: Owner, special = 0): Inode {
    if ((mode & S_IFMT) === S_IFCHR && special === 0) fail('EPERM');
    return this.#make(name, (upper) => upper.create(name, mode, owner, special));
  }

  override symlink(name: string, target: string, owner: Owner): Inode {
    return this.#make(name, (upper) => upper.symlink(name, target, owner));
  }

  override createNameless(mode: number, owner: Owner): Inode {
    const upper = this.copyUp().createNameless(mode, owner);
    const inode = new OverlayFile(this.fs, { upper }, undefined);
    this.fs.byUpper.set(upper, inode);
    return inode;
  }

  override link(name: string, inode: OverlayInode): void {
    const source = inode.copyUp();
    this.#make(name, (upper) => {
      upper.link(name, source);
      return source;
    });
  }

  override unlink(name: string): void {
    const child = this.lookup(name)!;
    this.#remove(name, child, (upper) => upper.unlink(name));
  }

  override rmdir(name: string): void {
    const child = this.lookup(name) as OverlayDirectory;
    child.#checkEmpty();
    this.#remove(name, child, (upper) => {
      child.#clearWhiteouts();
      upper.rmdir(name);
    });
  }

  override rename(name: string, target: OverlayDirectory, newName: string): void {
    const moved = this.lookup(name)!;
    const replaced = target.lookup(newName);
    checkMovable(moved);
    if (replaced instanceof OverlayDirectory) replaced.#checkEmpty();
    moved.copyUp();
    const [from, to] = [this.copyUp(), target.copyUp()];
    const isCovered = this.#showsBelow(name);
    const covers = target.#showsBelow(newName);
    if (replaced instanceof OverlayDirectory) replaced.#clearWhiteouts();
    if (moved.isDirectory && covers) this.fs.setOpaque(moved.upper!);
    // what is in the way in the upper layer, if only a whiteout, is replaced; a directory by nothing else
    const inTheWay = to.lookup(newName);
    if (inTheWay !== undefined && inTheWay.isDirectory !== moved.isDirectory) to.unlink(newName);
    from.rename(name, to, newName);
    if (isCovered) from.create(name, S_IFCHR, { uid: 0, gid: 0 });
    if (replaced !== undefined) replaced.isUnlinked = true;
    this.#children.delete(name);
    target.#children.set(newName, moved);
  }

  override exchange(name: string, target: OverlayDirectory, newName: string): void {
    const [a, b] = [this.lookup(name)!, target.lookup(newName)!];
    checkMovable(a);
    checkMovable(b);
    const [upperA, upperB] = [a.copyUp(), b.copyUp()];
    if (a.isDirectory && target.#showsBelow(newName)) this.fs.setOpaque(upperA);
    if (b.isDirectory && this.#showsBelow(name)) this.fs.setOpaque(upperB);
    this.copyUp().exchange(name, target.copyUp(), newName);
    this.#children.set(name, b);
    target.#children.set(newName, a);
  }

  #make(name: string, make: (upper: Inode) => Inode): Inode {
    const upper = this.copyUp();
    const hidden = upper.lookup(name);
    if (hidden !== undefined) upper.unlink(name);
    let inode: Inode;
    try {
      inode = make(upper);
    } catch (failure) {
      if (hidden !== undefined) this.fs.putWhiteout(upper, name);
      throw failure;
    }
    if (hidden !== undefined && inode.isDirectory) this.fs.setOpaque(inode);
    return this.#adopt(name, { upper: inode, lowers: [] });
  }

  #remove(name: string, child: OverlayInode, remove: (upper: Inode) => void): void {
    const upper = this.copyUp();
    const isCovered = this.#showsBelow(name);
    if (child.upper !== undefined) remove(upper);
    if (isCovered) this.fs.putWhiteout(upper, name);
    child.isUnlinked = true;
    this.#children.delete(name);
  }

  /** A lower layer has a file of this name that a whiteout has to hide. */
  #showsBelow(name: string): boolean {
    for (const lower of this.lowers) {
      const inode = lower.lookup(name);
      if (inode !== undefined) return !isWhiteout(inode);
    }
    return false;
  }

  #checkEmpty(): void {
    for (const _ of this.entries()) fail('ENOTEMPTY');
  }

  /** An empty directory may have whiteouts in the upper layer; without them it can be removed. */
  #clearWhiteouts(): void {
    const { upper } = this;
    if (upper === undefined) return;
    for (const { name } of [...upper.entries()]) upper.unlink(name);
  }

  #find(name: string): Layered | undefined {
    const { fs } = this;
    const upper = this.upper && this.#inLayer(this.upper, name);
    if (upper !== undefined && isWhiteout(upper)) return undefined;
    if (upper !== undefined && !upper.isDirectory) return { upper, lowers: this.#origin(name, upper) };
    const lowers: Inode[] = [];
    if (upper === undefined || !fs.isOpaque(upper))
      for (const layer of this.lowers) {
        const lower = this.#inLayer(layer, name);
        if (lower === undefined) continue;
        const isFirst = upper === undefined && lowers.length === 0;
        if (isWhiteout(lower) || (!lower.isDirectory && !isFirst)) break;
        lowers.push(lower);
        if (!lower.isDirectory || fs.isOpaque(lower)) break;
      }
    return upper === undefined && lowers.length === 0 ? undefined : { upper, lowers };
  }

  /** The file that one of the upper layer was copied from, if it still is where it was. */
  #origin(name: string, upper: Inode): readonly Inode[] {
    const origin = this.fs.ownAttribute(upper, 'origin');
    if (origin === undefined) return [];
    for (const layer of this.lowers) {
      const lower = layer.lookup(name);
      if (lower !== undefined) return decodeText(originOf(lower)) === decodeText(origin) ? [lower] : [];
    }
    return [];
  }

  #adopt(name: string, { upper, lowers }: Layered): OverlayInode {
    const known = upper === undefined ? undefined : this.fs.byUpper.get(upper);
    const inode = known ?? newInode(this.fs, { upper, lowers }, { parent: this, name });
    if (upper !== undefined) this.fs.byUpper.set(upper, inode);
    this.#children.set(name, inode);
    return inode;
  }
}

/** A directory with parts in lower layers stays where it is: programs that see EXDEV copy it. */
function checkMovable(inode: OverlayInode): void {
  if (inode instanceof OverlayDirectory && inode.lowers.length > 0) fail('EXDEV');
}

function newInode(fs: OverlayFs, found: Layered, place: Place): OverlayInode {
  const real = found.upper ?? found.lowers[0]!;
  if (real.isDirectory) return new OverlayDirectory(fs, found, place);
  const one = { upper: found.upper, lower: found.lowers[0] };
  return real.isRegular ? new OverlayFile(fs, one, place) : new OverlaySpecial(fs, one, place);
}
