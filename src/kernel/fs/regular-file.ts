// Open regular files of any file system whose inodes read and write at offsets (read(2), write(2), lseek(2)).
import { O_APPEND, SEEK_DATA, SEEK_HOLE } from '../../abi/stat.ts';
import { fail } from '../error.ts';
import { FileDescription } from '../vfs/file.ts';
import type { Inode } from '../vfs/inode.ts';

/** An open regular file. */
export class RegularFile extends FileDescription {
  declare readonly inode: Inode & {
    read(offset: number, into: Uint8Array): number;
    write(offset: number, from: Uint8Array): number;
  };

  override get copiesWrites(): boolean {
    return true;
  }

  override readAt(offset: number, into: Uint8Array): number {
    return this.inode.read(offset, into);
  }

  override writeAt(offset: number, from: Uint8Array): number {
    return this.inode.write(this.flags & O_APPEND ? this.inode.size : offset, from);
  }

  override write(from: Uint8Array): number {
    if (this.flags & O_APPEND) this.offset = this.inode.size;
    const count = this.inode.write(this.offset, from);
    this.offset += count;
    return count;
  }

  override seek(offset: number, whence: number): number {
    if (whence !== SEEK_DATA && whence !== SEEK_HOLE) return super.seek(offset, whence);
    if (offset < 0) return fail('ENXIO');
    this.offset = this.inode.seekData(offset, whence === SEEK_HOLE) ?? fail('ENXIO');
    return this.offset;
  }
}
