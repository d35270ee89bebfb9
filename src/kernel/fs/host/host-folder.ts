// A directory of a shared directory, in which files are looked up, made and removed at the host.
import { S_IFDIR, S_IFMT, S_IFREG } from '../../../abi/stat.ts';
import { fail } from '../../error.ts';
import { DirectoryFile } from '../../vfs/directory-file.ts';
import type { FileDescription } from '../../vfs/file.ts';
import type { DirectoryEntry, Inode, Owner } from '../../vfs/inode.ts';
import type { HostPath } from './host-directory.ts';
import { HostInode } from './host-inode.ts';

/** A directory. */
export class HostFolder extends HostInode {
  override open(flags: number): FileDescription {
    return new DirectoryFile(this, flags);
  }

  override lookup(name: string): HostInode | undefined {
    const status = this.fs.directory.status([...this.path, name]);
    return status === undefined ? undefined : this.fs.inode(status, { parent: this, name });
  }

  override *entries(): Iterable<DirectoryEntry> {
    for (const name of this.fs.directory.names(this.path)) {
      const status = this.fs.directory.status([...this.path, name]);
      if (status !== undefined) yield { name, ino: status.ino, type: status.mode & S_IFMT };
    }
  }

  override create(name: string, mode: number, owner: Owner): Inode {
    const path = this.#newPath(name);
    const type = mode & S_IFMT;
    if (type === S_IFDIR) this.fs.directory.createDirectory(path, mode & 0o7777);
    else if (type === S_IFREG) this.fs.directory.createFile(path, mode & 0o7777);
    else fail('EPERM');
    return this.#made(name, owner);
  }

  override symlink(name: string, target: string, owner: Owner): Inode {
    this.fs.directory.createSymlink(this.#newPath(name), target);
    return this.#made(name, owner);
  }

  override link(name: string, inode: HostInode): void {
    this.fs.directory.link(inode.path, this.#newPath(name));
    inode.forget();
    this.forget();
  }

  override unlink(name: string): void {
    const inode = this.lookup(name);
    this.fs.directory.unlink(this.#newPath(name));
    inode?.forget();
    this.forget();
  }

  override rmdir(name: string): void {
    const inode = this.lookup(name);
    this.fs.directory.rmdir(this.#newPath(name));
    inode?.forget();
    this.forget();
  }

  override rename(name: string, target: HostFolder, newName: string): void {
    const moved = this.lookup(name)!;
    this.fs.directory.rename(this.#newPath(name), target.#newPath(newName));
    moved.moveTo({ parent: target, name: newName });
    this.forget();
    target.forget();
  }

  #newPath(name: string): HostPath {
    if (this.fs.readOnly) fail('EROFS');
    return [...this.path, name];
  }

  /** A new file belongs to whoever made it, as far as the host can say so. */
  #made(name: string, { uid, gid }: Owner): Inode {
    this.forget();
    const inode = this.lookup(name) ?? fail('ESTALE');
    const { owners } = this.fs;
    const { shown } = inode;
    const [hostUid, hostGid] = [owners.hostUid(uid), owners.hostGid(gid)];
    if (hostUid !== undefined && hostUid !== shown.uid) inode.change({ uid: hostUid });
    if (hostGid !== undefined && hostGid !== shown.gid) inode.change({ gid: hostGid });
    return inode;
  }
}
