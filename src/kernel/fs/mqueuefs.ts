// The file system of POSIX message queues (mq_overview(7) "Mounting the message queue filesystem"): a directory of the queues of
// the IPC namespace it was mounted in; they are made by mq_open(3) only.
import { O_RDONLY, S_IFDIR } from '../../abi/stat.ts';
import { fail } from '../error.ts';
import { type PosixQueue, PosixQueues, queueText } from '../ipc/posix-queues.ts';
import type { IpcNamespace } from '../ns/ipc-namespace.ts';
import { DirectoryFile } from '../vfs/directory-file.ts';
import type { FileDescription } from '../vfs/file.ts';
import { type DirectoryEntry, Inode } from '../vfs/inode.ts';
import { GeneratedFile, GeneratedFs } from './generated.ts';
import type { FileSystemType } from './mount-request.ts';

const MQUEUE_MAGIC = 0x1980_0202;
const ROOT = { uid: 0, gid: 0 };

class QueueDirectory extends Inode {
  declare readonly fs: GeneratedFs;
  readonly #namespace: IpcNamespace;
  readonly #files = new WeakMap<PosixQueue, Inode>();

  constructor(fs: GeneratedFs, namespace: IpcNamespace) {
    super(fs, fs.nextIno(), S_IFDIR | 0o1777, ROOT);
    this.links = 2;
    this.#namespace = namespace;
  }

  get #queues(): PosixQueues {
    return this.#namespace.table(PosixQueues);
  }

  override get size(): number {
    return 40;
  }

  override open(flags: number): FileDescription {
    return new DirectoryFile(this, flags | O_RDONLY);
  }

  override lookup(name: string): Inode | undefined {
    const queue = this.#queues.byName.get(name);
    return queue && (this.#files.get(queue) ?? this.#fileOf(queue));
  }

  #fileOf(queue: PosixQueue): Inode {
    const { mode } = queue.inode;
    const owner = () => ({ uid: queue.inode.uid, gid: queue.inode.gid });
    const file = new GeneratedFile(this.fs, { read: () => queueText(queue) }, owner, mode & 0o7777);
    this.#files.set(queue, file);
    return file;
  }

  override *entries(): Iterable<DirectoryEntry> {
    for (const name of this.#queues.byName.keys()) {
      const { ino, type } = this.lookup(name)!;
      yield { name, ino, type };
    }
  }

  override create(): Inode {
    return fail('EACCES');
  }

  override unlink(name: string): void {
    this.#queues.remove(name);
  }
}

/** Mounts the queues of a task's IPC namespace. */
export const createMqueueFs: FileSystemType = ({ kernel, task }) => {
  const fs = new GeneratedFs('mqueue', MQUEUE_MAGIC, kernel.nextDevice(), () => kernel.realtime);
  return { fs, root: new QueueDirectory(fs, task.namespaces.ipc) };
};
