// What mount(2) asks of a file system type, and what it gets.
import type { Kernel } from '../kernel.ts';
import type { Task } from '../task/task.ts';
import type { FileSystem, Inode } from '../vfs/inode.ts';

/** What mount(2) asks for. */
export interface MountRequest {
  readonly kernel: Kernel;
  readonly task: Task;
  readonly source: string;
  /** The file system's own options. */
  readonly data: string;
}

/** A file system to be mounted, and the directory that is seen. */
export interface MountedFileSystem {
  readonly fs: FileSystem;
  readonly root: Inode;
}

/** Makes an instance. @throws SystemError */
export type FileSystemType = (request: MountRequest) => MountedFileSystem;
