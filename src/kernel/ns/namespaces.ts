// What a task sees of the system (namespaces(7)): one namespace of each kind.
import type { NetNamespace } from '../net/namespace.ts';
import type { CgroupNamespace } from './cgroup-namespace.ts';
import type { IpcNamespace } from './ipc-namespace.ts';
import type { MountNamespace } from './mount-namespace.ts';
import type { Namespace, NamespaceKind } from './namespace.ts';
import type { PidNamespace } from './pid-namespace.ts';
import type { TimeNamespace } from './time-namespace.ts';
import type { UtsNamespace } from './uts-namespace.ts';

/** The namespaces of a task. Immutable: a change makes a new set. That of users belongs to the credentials. */
export interface Namespaces {
  readonly mnt: MountNamespace;
  /** That of the task itself; its children are made in `pidForChildren`. */
  readonly pid: PidNamespace;
  readonly pidForChildren: PidNamespace;
  readonly uts: UtsNamespace;
  readonly net: NetNamespace;
  readonly ipc: IpcNamespace;
  readonly cgroup: CgroupNamespace;
  readonly time: TimeNamespace;
  readonly timeForChildren: TimeNamespace;
}

/** One more user for each of a set. */
export function holdNamespaces(set: Namespaces): Namespaces {
  for (const namespace of Object.values(set) as Namespace[]) namespace.hold();
  return set;
}

/** One user less for each of a set. */
export function releaseNamespaces(set: Namespaces): void {
  for (const namespace of Object.values(set) as Namespace[]) namespace.release();
}

/** Names of the links in /proc/PID/ns, each with what it leads to. */
export type NamespaceLink = NamespaceKind | 'pid_for_children' | 'time_for_children';
