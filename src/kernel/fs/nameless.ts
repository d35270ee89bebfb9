// File systems whose files have no names: pipefs, sockfs and anon_inodefs. All there is to them is what fstat(2) shows, and
// that a pipe can be opened again by way of /proc/PID/fd.
import { fail } from '../error.ts';
import type { FileDescription } from '../vfs/file.ts';
import { type FileSystem, Inode, type Owner, type Timestamp } from '../vfs/inode.ts';
import { type Pipe, PipeEnd } from './pipe.ts';

const ROOT: Owner = { uid: 0, gid: 0 };

class NamelessInode extends Inode {
  /** Of a pipe. */
  readonly #pipe: Pipe | undefined;

  constructor(fs: NamelessFs, ino: number, mode: number, owner: Owner, pipe: Pipe | undefined) {
    super(fs, ino, mode, owner);
    this.#pipe = pipe;
  }

  override get size(): number {
    return 0;
  }

  /** One more end of a pipe; it waits for no other side. */
  override open(flags: number): FileDescription {
    return this.#pipe === undefined ? fail('ENXIO') : new PipeEnd(this, flags, this.#pipe);
  }
}

/** A file system of inodes that open files stand on. */
export class NamelessFs implements FileSystem {
  readonly type: string;
  readonly magic: number;
  readonly readOnly = false;
  readonly device: number;
  readonly now: () => Timestamp;
  readonly #mode: number;
  #nextIno = 1;

  /** `mode` is what all its inodes have, type and permissions. */
  constructor(type: string, magic: number, mode: number, device: number, now: () => Timestamp) {
    this.type = type;
    this.magic = magic;
    this.#mode = mode;
    this.device = device;
    this.now = now;
  }

  newInode(owner = ROOT, pipe?: Pipe): Inode {
    return new NamelessInode(this, this.#nextIno++, this.#mode, owner, pipe);
  }
}
