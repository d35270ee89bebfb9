// One mapping of an address space: a range of pages with the same rights and the same origin (mmap(2)).
import { PROT_WRITE } from '../../abi/mman.ts';
import { isUnlinked, type Path, pathName } from '../vfs/path.ts';
import type { PageCache } from './page-cache.ts';

/** On which nodes pages are to lie (set_mempolicy(2), mbind(2)). */
export interface MemoryPolicy {
  readonly mode: number;
  readonly nodes: bigint;
}

/** MPOL_DEFAULT: wherever there is room. */
export const NO_POLICY: MemoryPolicy = { mode: 0, nodes: 0n };

/** What an area shows: nothing (anonymous), or part of a file. */
export interface FileSource {
  readonly cache: PageCache;
  /** Page number in the file of the area's first page. */
  readonly page: number;
  /** Where the file was found: its mount is in use as long as the area is there. */
  readonly at?: Path;
  /** What /proc/PID/maps shows of a file that was found nowhere. */
  readonly label: string;
  /** PROT_WRITE may be asked for: the file was opened for writing, or the mapping is private. */
  readonly mayWrite: boolean;
}

/** A range of an address space. [start, end), whole pages. */
export interface MemoryArea {
  readonly start: number;
  readonly end: number;
  /** PROT_* bits. */
  readonly protection: number;
  readonly shared: boolean;
  readonly file?: FileSource;
  /** The stack: grows towards lower addresses when touched below its start. */
  readonly growsDown?: boolean;
  /** [heap], [stack], [vdso] in /proc/PID/maps. */
  readonly name?: string;
  /** madvise(MADV_DONTFORK). */
  readonly notInherited?: boolean;
  /** madvise(MADV_WIPEONFORK). */
  readonly wipedOnFork?: boolean;
  /** madvise(MADV_DONTDUMP): no part of a core file. */
  readonly notDumped?: boolean;
  /** mlock(2). */
  readonly locked?: boolean;
  /** mbind(2); undefined where the task's counts. */
  readonly policy?: MemoryPolicy | undefined;
}

/** The name of the file as seen from `root`. */
export function nameOfSource({ at, label }: FileSource, root: Path): string {
  if (at === undefined) return label;
  const name = pathName(at, root);
  return isUnlinked(at) ? `${name} (deleted)` : name;
}

/** What RLIMIT_DATA counts (setrlimit(2)): private memory that can be written, but for stacks. */
export function isData({ protection, shared, growsDown }: Omit<MemoryArea, 'start' | 'end'>): boolean {
  return (protection & PROT_WRITE) !== 0 && !shared && !growsDown;
}

/** The part [start, end) of an area. */
export function clip(area: MemoryArea, start: number, end: number): MemoryArea {
  if (area.file === undefined) return { ...area, start, end };
  const page = area.file.page + (start - area.start) / 4096;
  return { ...area, start, end, file: { ...area.file, page } };
}

/** True when `b` continues `a`, so that one area can stand for both. */
export function continues(a: MemoryArea, b: MemoryArea): boolean {
  if (a.end !== b.start || a.protection !== b.protection || a.shared !== b.shared) return false;
  if (a.growsDown !== b.growsDown || a.name !== b.name || a.notInherited !== b.notInherited) return false;
  if (a.wipedOnFork !== b.wipedOnFork || a.notDumped !== b.notDumped || a.locked !== b.locked) return false;
  if (a.policy?.mode !== b.policy?.mode || a.policy?.nodes !== b.policy?.nodes) return false;
  if (a.file === undefined || b.file === undefined) return a.file === b.file && !a.shared;
  return a.file.cache === b.file.cache && a.file.page + (a.end - a.start) / 4096 === b.file.page;
}
