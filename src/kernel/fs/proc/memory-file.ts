// /proc/PID/mem: the memory of a process as a file (proc_pid_mem(5)), for those who may trace it; offsets are addresses.
import { S_IFREG } from '../../../abi/stat.ts';
import { fail } from '../../error.ts';
import type { AddressSpace } from '../../mm/address-space.ts';
import { readForced, writeForced } from '../../mm/forced-access.ts';
import { mayInspect } from '../../task/inspection.ts';
import type { Task } from '../../task/task.ts';
import { FileDescription } from '../../vfs/file.ts';
import type { Opener } from '../../vfs/inode.ts';
import { type GeneratedFs, type LiveOwner, OwnedInode } from '../generated.ts';

/** The file. */
export class MemoryFile extends OwnedInode {
  readonly #task: () => Task;

  constructor(fs: GeneratedFs, task: () => Task, owner: LiveOwner) {
    super(fs, S_IFREG | 0o600, owner);
    this.#task = task;
  }

  override get size(): number {
    return 0;
  }

  override open(flags: number, opener?: Opener): FileDescription {
    const task = this.#task();
    if (!mayInspect(opener!.task, task)) fail('EACCES');
    return new MemoryDescription(this, flags, task.memory);
  }

  override truncate(): void {}
}

class MemoryDescription extends FileDescription {
  readonly #memory: AddressSpace | undefined;

  constructor(inode: MemoryFile, flags: number, memory: AddressSpace | undefined) {
    super(inode, flags);
    this.#memory = memory;
  }

  override readAt(offset: number, into: Uint8Array): number {
    return this.#move(into.length, (memory) => readForced(memory, offset, into));
  }

  override writeAt(offset: number, from: Uint8Array): number {
    return this.#move(from.length, (memory) => writeForced(memory, offset, from));
  }

  /** The memory of a program that has ended is empty. */
  #move(length: number, move: (memory: AddressSpace) => number): number {
    if (this.#memory === undefined || this.#memory.users === 0 || length === 0) return 0;
    return move(this.#memory) || fail('EIO');
  }
}
