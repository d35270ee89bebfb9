// An open directory: a listing taken when reading begins, so that changes meanwhile neither repeat nor hide names
// (readdir(3), getdents64(2)).
import { S_IFDIR } from '../../abi/stat.ts';
import { fail } from '../error.ts';
import { FileDescription } from './file.ts';
import type { DirectoryEntry } from './inode.ts';

/** An open directory of any file system. */
export class DirectoryFile extends FileDescription {
  #listing: readonly DirectoryEntry[] | undefined;

  override readAt(): number {
    return fail('EISDIR');
  }

  override writeAt(): number {
    return fail('EISDIR');
  }

  /** Entries from the present offset on, each with the offset behind it. Take one by setting `offset`. */
  rest(): readonly { readonly entry: DirectoryEntry; readonly next: number }[] {
    if (this.offset === 0 || this.#listing === undefined) this.#listing = this.#list();
    return this.#listing.slice(this.offset).map((entry, n) => ({ entry, next: this.offset + n + 1 }));
  }

  #list(): DirectoryEntry[] {
    const { inode } = this;
    const parent = this.path?.entry.parent?.inode ?? inode;
    return [
      { name: '.', ino: inode.ino, type: S_IFDIR },
      { name: '..', ino: parent.ino, type: S_IFDIR },
      ...inode.entries(),
    ];
  }
}
