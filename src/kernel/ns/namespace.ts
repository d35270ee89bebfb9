// What all namespaces have (namespaces(7)): a kind, an inode number, a user namespace that owns them, and a life that ends
// with their last user.
import { fail } from '../error.ts';
import type { Dentry } from '../vfs/path.ts';
import type { UserNamespace } from './user-namespace.ts';

export const CLONE_NEWTIME = 0x80;
export const CLONE_NEWNS = 0x2_0000;
export const CLONE_NEWCGROUP = 0x200_0000;
export const CLONE_NEWUTS = 0x400_0000;
export const CLONE_NEWIPC = 0x800_0000;
export const CLONE_NEWUSER = 0x1000_0000;
export const CLONE_NEWPID = 0x2000_0000;
export const CLONE_NEWNET = 0x4000_0000;

/** Kinds by the name they have in /proc/PID/ns. */
export type NamespaceKind = 'cgroup' | 'ipc' | 'mnt' | 'net' | 'pid' | 'time' | 'user' | 'uts';

/** The clone(2) flag of each kind. */
export const NAMESPACE_FLAGS: Readonly<Record<NamespaceKind, number>> = {
  cgroup: CLONE_NEWCGROUP,
  ipc: CLONE_NEWIPC,
  mnt: CLONE_NEWNS,
  net: CLONE_NEWNET,
  pid: CLONE_NEWPID,
  time: CLONE_NEWTIME,
  user: CLONE_NEWUSER,
  uts: CLONE_NEWUTS,
};

/** All of them. */
export const ALL_NAMESPACE_FLAGS = Object.values(NAMESPACE_FLAGS).reduce((all, flag) => all | flag, 0);

/** Deepest nesting of user and of PID namespaces. */
const DEEPEST = 32;

/** One more level below a namespace of a kind that nests. @throws SystemError ENOSPC */
export function levelBelow(level: number): number {
  return level >= DEEPEST ? fail('ENOSPC') : level + 1;
}

/** A namespace of any kind. */
export abstract class Namespace {
  abstract readonly kind: NamespaceKind;
  /** Inode number of its files in nsfs. */
  readonly number: number;
  /** Capabilities over it are looked for there. */
  abstract readonly owner: UserNamespace;
  /** Tasks, open files and mounts that keep it alive. */
  users = 0;
  /** Its place in nsfs, once it was looked at. */
  entry: Dentry | undefined;

  constructor(number: number) {
    this.number = number;
  }

  /** The namespace above, for kinds that nest. */
  get above(): Namespace | undefined {
    return fail('EINVAL');
  }

  hold(): this {
    this.users++;
    return this;
  }

  release(): void {
    if (--this.users === 0) this.ended();
  }

  /** Nobody uses it any more. */
  protected ended(): void {}
}
