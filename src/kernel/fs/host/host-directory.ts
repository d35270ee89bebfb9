// What a file system on directories of the computer outside needs from it. The kernel declares it and never reaches further:
// every name is one component, nothing is followed, and whoever implements it keeps all of it below one directory.
import type { Room, Timestamp } from '../../vfs/inode.ts';

/** Where a file lies below the shared directory: names without slashes, none of them `.` or `..`. */
export type HostPath = readonly string[];

/** What the host says about a file. */
export interface HostStatus {
  /** Tells one file from another, on all file systems of the host. */
  readonly identity: string;
  readonly ino: number;
  /** Type and permissions. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly links: number;
  readonly size: number;
  readonly blocks: number;
  readonly accessed: Timestamp;
  readonly modified: Timestamp;
  readonly changed: Timestamp;
  readonly born: Timestamp;
}

/** What can be changed about a file; what is not given stays. */
export interface HostChange {
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly accessed?: Timestamp;
  readonly modified?: Timestamp;
}

/** An open regular file. */
export interface HostFile {
  status(): HostStatus;
  read(offset: number, into: Uint8Array): number;
  write(offset: number, from: Uint8Array): number;
  truncate(size: number): void;
  close(): void;
}

/** A directory of the host that is shared. Its calls throw SystemError with the host's own error number. */
export interface HostDirectory {
  room(): Room;
  /** Undefined when there is no such file. A symbolic link is told about itself. */
  status(path: HostPath): HostStatus | undefined;
  names(path: HostPath): readonly string[];
  readlink(path: HostPath): string;
  /** Opens a regular file; others fail with ENXIO, so that no device of the host is touched. */
  open(path: HostPath, writable: boolean): HostFile;
  createFile(path: HostPath, mode: number): void;
  createDirectory(path: HostPath, mode: number): void;
  createSymlink(path: HostPath, target: string): void;
  link(from: HostPath, to: HostPath): void;
  unlink(path: HostPath): void;
  rmdir(path: HostPath): void;
  rename(from: HostPath, to: HostPath): void;
  change(path: HostPath, change: HostChange): void;
}

/** How owners of the host are seen inside, and back. */
export interface OwnerMap {
  /** Inside. */
  uid(host: number): number;
  gid(host: number): number;
  /** On the host; undefined for whom it does not have. */
  hostUid(inside: number): number | undefined;
  hostGid(inside: number): number | undefined;
}
