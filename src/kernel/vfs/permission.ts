// Who may do what with a file (path_resolution(7) "Permissions", acl(5), capabilities(7), credentials(7)).
import { S_IFDIR, S_IFMT, S_ISGID, S_ISUID } from '../../abi/stat.ts';
import type { Domain } from '../landlock/domain.ts';
import type { UserNamespace } from '../ns/user-namespace.ts';
import type { Inode } from './inode.ts';

export const MAY_READ = 4;
export const MAY_WRITE = 2;
export const MAY_EXECUTE = 1;

/** Capabilities by number (capabilities(7)). */
export const CAP_CHOWN = 0;
export const CAP_DAC_OVERRIDE = 1;
export const CAP_DAC_READ_SEARCH = 2;
export const CAP_FOWNER = 3;
export const CAP_FSETID = 4;
export const CAP_KILL = 5;
export const CAP_SETGID = 6;
export const CAP_SETUID = 7;
export const CAP_SETPCAP = 8;
export const CAP_LINUX_IMMUTABLE = 9;
export const CAP_NET_BIND_SERVICE = 10;
export const CAP_NET_BROADCAST = 11;
export const CAP_NET_ADMIN = 12;
export const CAP_NET_RAW = 13;
export const CAP_IPC_LOCK = 14;
export const CAP_IPC_OWNER = 15;
export const CAP_SYS_MODULE = 16;
export const CAP_SYS_RAWIO = 17;
export const CAP_SYS_CHROOT = 18;
export const CAP_SYS_PTRACE = 19;
export const CAP_SYS_PACCT = 20;
export const CAP_SYS_ADMIN = 21;
export const CAP_SYS_BOOT = 22;
export const CAP_SYS_NICE = 23;
export const CAP_SYS_RESOURCE = 24;
export const CAP_SYS_TIME = 25;
export const CAP_SYS_TTY_CONFIG = 26;
export const CAP_MKNOD = 27;
export const CAP_LEASE = 28;
export const CAP_AUDIT_WRITE = 29;
export const CAP_AUDIT_CONTROL = 30;
export const CAP_SETFCAP = 31;
export const CAP_MAC_OVERRIDE = 32;
export const CAP_MAC_ADMIN = 33;
export const CAP_SYSLOG = 34;
export const CAP_WAKE_ALARM = 35;
export const CAP_BLOCK_SUSPEND = 36;
export const CAP_AUDIT_READ = 37;
export const CAP_PERFMON = 38;
export const CAP_BPF = 39;
export const CAP_CHECKPOINT_RESTORE = 40;
/** Number of capabilities of Linux 6.1. */
export const CAP_COUNT = 41;
/** The bit of each in a set of capabilities. */
const CAPABILITY_BITS = Array.from({ length: CAP_COUNT }, (_, number) => 1n << BigInt(number));
export const ALL_CAPABILITIES = (1n << BigInt(CAP_COUNT)) - 1n;

/** Identity of a task (credentials(7), capabilities(7)). IDs are those of the outermost user namespace. */
export interface Credentials {
  /** Where the capabilities count. */
  user: UserNamespace;
  uid: number;
  euid: number;
  suid: number;
  fsuid: number;
  gid: number;
  egid: number;
  sgid: number;
  fsgid: number;
  groups: readonly number[];
  permitted: bigint;
  effective: bigint;
  inheritable: bigint;
  bounding: bigint;
  ambient: bigint;
  securebits: number;
  noNewPrivileges: boolean;
  /** What it may not do any more with files (landlock(7)). */
  landlock?: Domain;
}

/** The superuser's. */
export function rootCredentials(user: UserNamespace): Credentials {
  return {
    user,
    uid: 0,
    euid: 0,
    suid: 0,
    fsuid: 0,
    gid: 0,
    egid: 0,
    sgid: 0,
    fsgid: 0,
    groups: [],
    permitted: ALL_CAPABILITIES,
    effective: ALL_CAPABILITIES,
    inheritable: 0n,
    bounding: ALL_CAPABILITIES,
    ambient: 0n,
    securebits: 0,
    noNewPrivileges: false,
  };
}

/**
 * Does the capability count in a user namespace? Without one: for the whole system. The maker of a namespace, seen from
 * the one above, has all capabilities in it (user_namespaces(7) "Capabilities").
 */
export function hasCapability(
  credentials: Credentials,
  capability: number,
  namespace: UserNamespace = credentials.user.outermost,
): boolean {
  for (let ns = namespace; ; ns = ns.parent!) {
    if (ns === credentials.user) return (credentials.effective & CAPABILITY_BITS[capability]!) !== 0n;
    if (ns.level <= credentials.user.level) return false;
    if (ns.parent === credentials.user && ns.maker.uid === credentials.euid) return true;
  }
}

/** Does the capability count for this file? Only if its owner and group mean something where the capability does. */
export function hasCapabilityOver(credentials: Credentials, capability: number, { uid, gid }: Inode): boolean {
  const { user } = credentials;
  return hasCapability(credentials, capability, user) && user.has('uid', uid) && user.has('gid', gid);
}

/** The owner of a file, or somebody who may act as if. */
export function ownsFile(credentials: Credentials, inode: Inode): boolean {
  if (credentials.fsuid === inode.uid) return true;
  return hasCapability(credentials, CAP_FOWNER, credentials.user) && credentials.user.has('uid', inode.uid);
}

/** Is it the group of the file system, or a supplementary one (credentials(7))? */
export function inGroup(credentials: Credentials, gid: number): boolean {
  return credentials.fsgid === gid || credentials.groups.includes(gid);
}

/** By permission bits and access control list, without any capability. */
function isAllowed(credentials: Credentials, inode: Inode, mode: number, wanted: number): boolean {
  if (credentials.fsuid === inode.uid) return ((mode >> 6) & wanted) === wanted;
  // the group's bits limit everybody whom a list names: without any, there is nothing to look for
  const acl = mode & 0o070 ? inode.acl('access') : undefined;
  if (acl !== undefined) return acl.allows(credentials, inode, wanted);
  return ((inGroup(credentials, inode.gid) ? mode >> 3 : mode) & wanted) === wanted;
}

/** May the file be accessed in all the ways of `wanted` (MAY_* bits)? */
export function mayAccess(credentials: Credentials, inode: Inode, wanted: number): boolean {
  const { mode } = inode;
  if (isAllowed(credentials, inode, mode, wanted)) return true;
  const isDirectory = (mode & S_IFMT) === S_IFDIR;
  if (hasCapabilityOver(credentials, CAP_DAC_OVERRIDE, inode)) {
    // nobody may execute a file without any execute permission
    if (isDirectory || !(wanted & MAY_EXECUTE) || mode & 0o111) return true;
  }
  const search = isDirectory ? MAY_READ | MAY_EXECUTE : MAY_READ;
  return (wanted & ~search) === 0 && hasCapabilityOver(credentials, CAP_DAC_READ_SEARCH, inode);
}

/** Whoever changes a program without the capability for it takes its set-user-ID and set-group-ID bits away. */
export function dropPrivilege(inode: Inode, credentials: Credentials): void {
  const { mode } = inode;
  const bits = (mode & S_ISUID) | (mode & 0o010 ? mode & S_ISGID : 0);
  if (bits !== 0 && inode.isRegular && !hasCapabilityOver(credentials, CAP_FSETID, inode)) inode.mode = mode & ~bits;
}
