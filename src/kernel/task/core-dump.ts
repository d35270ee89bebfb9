// Core files: what a process was when a signal ended it (core(5)), as an ELF file with notes about its threads and the pages of
// its memory (elf(5); the structures of <sys/procfs.h>).
import { PROT_EXEC, PROT_READ, PROT_WRITE } from '../../abi/mman.ts';
import { RLIMIT_CORE } from '../../abi/resource.ts';
import { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } from '../../abi/stat.ts';
import { SystemError } from '../error.ts';
import type { Kernel } from '../kernel.ts';
import { OutOfFrames } from '../mm/frames.ts';
import { VDSO } from '../mm/vdso.ts';
import type { AddressSpace } from '../mm/address-space.ts';
import type { FileSource, MemoryArea } from '../mm/memory-area.ts';
import { type Frame, PAGE_SIZE } from '../platform.ts';
import type { SignalInfo } from '../signal/signal-set.ts';
import { type FileDescription, release, WouldBlock } from '../vfs/file.ts';
import { openFile } from '../vfs/open.ts';
import { unlink } from '../vfs/remove.ts';
import { isUnlinked } from '../vfs/path.ts';
import { coreHeaders } from './core-notes.ts';
import type { Task } from './task.ts';

/** core_pattern of /proc/sys/kernel: in the working directory. */
const NAME = 'core';
/** With less there is no core file. */
const LEAST = PAGE_SIZE;

/** A part of memory as the core file has it. */
export interface CoreSegment {
  readonly area: MemoryArea;
  /** Bytes that are in the file: all of them or the first ones. */
  readonly size: number;
}

/** The process would leave a core file if a signal ended it that does so. */
export function wouldDump({ group, memory }: Task): boolean {
  return memory !== undefined && memory.dumpable !== 0 && group.limits[RLIMIT_CORE]!.soft >= LEAST;
}

/** Writes the core file of a process that a signal ends; whether there is one now. */
export function dumpCore(kernel: Kernel, task: Task, info: SignalInfo): boolean {
  if (!wouldDump(task)) return false;
  try {
    const file = openCore(kernel, task);
    if (file === undefined) return false;
    try {
      writeCore(kernel, task, info, file);
    } finally {
      release(file);
    }
    return true;
  } catch (failure) {
    // no right to the directory, or no room
    if (failure instanceof SystemError || failure instanceof OutOfFrames) return false;
    throw failure;
  }
}

/** A new file in place of an old one. */
function openCore(kernel: Kernel, task: Task): FileDescription | undefined {
  const { credentials, directories } = task;
  const name = { from: { root: directories.root, directory: directories.directory, credentials }, text: NAME };
  try {
    unlink(name);
  } catch (failure) {
    if (!(failure instanceof SystemError)) throw failure;
  }
  const mode = 0o600 & ~directories.umask;
  const file = openFile({ kernel, task }, name, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW, mode);
  return file instanceof WouldBlock ? undefined : file;
}

function writeCore(kernel: Kernel, task: Task, info: SignalInfo, file: FileDescription): void {
  const memory = task.memory!;
  const segments = memory.areas.map((area) => ({ area, size: sizeInCore(task, area) }));
  const headers = coreHeaders(kernel, task, info, segments);
  const limit = task.group.limits[RLIMIT_CORE]!.soft;
  const put = (at: number, bytes: Uint8Array) => {
    const part = bytes.subarray(0, Math.max(0, limit - at));
    if (part.length > 0) file.writeAt(at, part);
  };
  put(0, headers);
  let at = headers.length;
  for (const { area, size } of segments) {
    const offset = at - area.start;
    // pages that were never touched stay holes
    memory.table.forEach(area.start, area.start + size, (address, { frame }) => {
      if (frame !== memory.frames.zero) put(address + offset, memory.frames.bytes(frame));
    });
    at += size;
  }
  const end = Math.min(at, limit);
  if (file.inode.size < end) file.inode.truncate(end);
}

/** Kinds of memory, as the bits of /proc/PID/coredump_filter (core(5) "Controlling which mappings are written"). */
const ANONYMOUS_PRIVATE = 1;
const ANONYMOUS_SHARED = 2;
const FILE_PRIVATE = 4;
const FILE_SHARED = 8;
const ELF_HEADERS = 16;

/** How much of an area is worth keeping: what the program wrote, and of files the page by which they are known. */
function sizeInCore({ memory }: Task, area: MemoryArea): number {
  const { start, end, file, shared, protection } = area;
  const { dumped } = memory!;
  const size = end - start;
  const sizeOf = (kind: number) => (dumped & kind ? size : 0);
  if (file?.label === VDSO) return size;
  if (area.notDumped) return 0;
  if (file === undefined) return protection === 0 ? 0 : sizeOf(ANONYMOUS_PRIVATE);
  // memory that is shared and has no name
  if (shared) return sizeOf(file.at === undefined || isUnlinked(file.at) ? ANONYMOUS_SHARED : FILE_SHARED);
  if (dumped & FILE_PRIVATE || (dumped & ANONYMOUS_PRIVATE && isChanged(memory!, area, file))) return size;
  const isProgram = file.page === 0 && (protection & PROT_READ) !== 0 && !(protection & (PROT_WRITE | PROT_EXEC));
  return isProgram && dumped & ELF_HEADERS ? PAGE_SIZE : 0;
}

/** The program wrote to its private pages of a file. */
function isChanged(memory: AddressSpace, { start, end }: MemoryArea, { cache, page }: FileSource): boolean {
  let found = false;
  memory.table.forEach(start, end, (address: number, { frame }: { frame: Frame }) => {
    if (cache.pages.get(page + (address - start) / PAGE_SIZE) !== frame) found = true;
  });
  return found;
}
