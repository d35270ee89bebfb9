// Files whose meaning does not lie in their file system: FIFOs and device files (fifo(7), inode(7)).
import { S_IFCHR, S_IFIFO, O_ACCMODE, O_NONBLOCK, O_RDONLY, O_WRONLY } from '../../abi/stat.ts';
import { KernelObject } from '../cgroup/kernel-object.ts';
import { fail } from '../error.ts';
import { type FileDescription, WouldBlock } from '../vfs/file.ts';
import type { Inode, Opener } from '../vfs/inode.ts';
import { Pipe, PipeEnd } from './pipe.ts';

/** Device number of major and minor (makedev(3)), as Linux keeps it in 32 bits. */
export function makeDevice(major: number, minor: number): number {
  return ((minor & 0xff) | (major << 8) | ((minor & ~0xff) << 12)) >>> 0;
}

/** A FIFO's inode keeps its pipe. */
export interface FifoInode extends Inode {
  pipe?: Pipe;
}

function fifoPipe(inode: FifoInode, opener: Opener | undefined): Pipe {
  inode.pipe ??= new Pipe(opener === undefined ? undefined : new KernelObject(opener.kernel.memory, 'slab'));
  return inode.pipe;
}

/** Opens a special file. @throws SystemError ENXIO for what nobody serves */
export function openSpecial(inode: Inode, flags: number, opener?: Opener): FileDescription | WouldBlock {
  if (inode.type === S_IFIFO) return openFifo(inode, flags, opener);
  if (inode.type !== S_IFCHR || opener === undefined) return fail('ENXIO');
  const open = opener.kernel.devices.get(inode.special) ?? fail('ENXIO');
  return open(inode, flags, opener);
}

/** A FIFO opens when both sides are there (fifo(7)); until then the end counts, but nobody has it. */
function openFifo(inode: Inode, flags: number, opener: Opener | undefined): FileDescription | WouldBlock {
  const pipe = fifoPipe(inode, opener);
  const access = flags & O_ACCMODE;
  if (access === O_WRONLY && pipe.readers === 0 && flags & O_NONBLOCK) fail('ENXIO');
  if (opener !== undefined) pipe.begin(opener.kernel.pipePages, opener.task.credentials);
  const end = new PipeEnd(inode, flags, pipe);
  const waits = (access === O_RDONLY && pipe.writers === 0) || (access === O_WRONLY && pipe.readers === 0);
  if (!waits || flags & O_NONBLOCK) return end;
  return new Opening(end, access === O_RDONLY ? pipe.writersSoFar : pipe.readersSoFar);
}

/** A FIFO that waits for its other side. */
export class Opening extends WouldBlock {
  readonly file: PipeEnd;
  /** Openings of the other side when the wait began. */
  readonly before: number;

  constructor(file: PipeEnd, before: number) {
    super(file.pipe.queue);
    this.file = file;
    this.before = before;
  }

  /** The other side has come, and perhaps gone again. */
  get isOpen(): boolean {
    const { pipe, readable } = this.file;
    return (readable ? pipe.writersSoFar : pipe.readersSoFar) !== this.before;
  }
}
