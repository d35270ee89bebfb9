// Files whose meaning does not lie in their file system: FIFOs and the memory devices (fifo(7), null(4), full(4), random(4)).
import { S_IFCHR, S_IFIFO, O_ACCMODE, O_NONBLOCK, O_RDONLY, O_WRONLY } from '../../abi/stat.ts';
import { fail } from '../error.ts';
import type { Task } from '../task/task.ts';
import { FileDescription, WouldBlock } from '../vfs/file.ts';
import type { Inode } from '../vfs/inode.ts';
import { Pipe, PipeEnd } from './pipe.ts';

/** Device number of major and minor (makedev(3)), as Linux keeps it in 32 bits. */
export function makeDevice(major: number, minor: number): number {
  return ((minor & 0xff) | (major << 8) | ((minor & ~0xff) << 12)) >>> 0;
}

/** Opens a device: by whom matters for /dev/tty. */
export type DeviceOpener = (inode: Inode, flags: number, task: Task | undefined) => FileDescription;

const characterDevices = new Map<number, DeviceOpener>();

/** Makes a character device known under its number. */
export function registerCharacterDevice(device: number, open: DeviceOpener): void {
  characterDevices.set(device, open);
}

/** A FIFO's inode keeps its pipe. */
export interface FifoInode extends Inode {
  pipe?: Pipe;
}

function fifoPipe(inode: FifoInode): Pipe {
  inode.pipe ??= new Pipe();
  return inode.pipe;
}

/** Opens a special file. @throws SystemError ENXIO for what nobody serves */
export function openSpecial(inode: Inode, flags: number, task?: Task): FileDescription | WouldBlock {
  if (inode.type === S_IFIFO) return openFifo(inode, flags);
  const open = inode.type === S_IFCHR ? characterDevices.get(inode.special) : undefined;
  return open === undefined ? fail('ENXIO') : open(inode, flags, task);
}

/** A FIFO opens when both sides are there (fifo(7)); until then the end counts, but nobody has it. */
function openFifo(inode: Inode, flags: number): FileDescription | WouldBlock {
  const pipe = fifoPipe(inode);
  const access = flags & O_ACCMODE;
  if (access === O_WRONLY && pipe.readers === 0 && flags & O_NONBLOCK) fail('ENXIO');
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

class NullFile extends FileDescription {
  /** There is no place but the beginning. */
  override seek(): number {
    this.offset = 0;
    return 0;
  }

  override readAt(): number {
    return 0;
  }

  override writeAt(_offset: number, from: Uint8Array): number {
    return from.length;
  }
}

class ZeroFile extends NullFile {
  override readAt(_offset = 0, into: Uint8Array = new Uint8Array(0)): number {
    into.fill(0);
    return into.length;
  }
}

class FullFile extends ZeroFile {
  override writeAt(): number {
    return fail('ENOSPC');
  }
}

registerCharacterDevice(makeDevice(1, 3), (inode, flags) => new NullFile(inode, flags));
registerCharacterDevice(makeDevice(1, 5), (inode, flags) => new ZeroFile(inode, flags));
registerCharacterDevice(makeDevice(1, 7), (inode, flags) => new FullFile(inode, flags));
