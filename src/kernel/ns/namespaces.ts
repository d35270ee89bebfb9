// What a task sees of the system (namespaces(7)): which of the clone flags asks for a new one of each kind.
import type { NetNamespace } from '../net/namespace.ts';
import type { MountNamespace } from './mount-namespace.ts';
import type { PidNamespace } from './pid-namespace.ts';

export const CLONE_NEWTIME = 0x80;
export const CLONE_NEWNS = 0x2_0000;
export const CLONE_NEWCGROUP = 0x200_0000;
export const CLONE_NEWUTS = 0x400_0000;
export const CLONE_NEWIPC = 0x800_0000;
export const CLONE_NEWUSER = 0x1000_0000;
export const CLONE_NEWPID = 0x2000_0000;
export const CLONE_NEWNET = 0x4000_0000;

/** Names of the system (uts_namespaces(7)). */
export class UtsNamespace {
  hostname: string;
  domainname: string;

  constructor(hostname = 'anillo', domainname = '(none)') {
    this.hostname = hostname;
    this.domainname = domainname;
  }
}

/** The namespaces of a task. Immutable: a change makes a new set. */
export interface Namespaces {
  readonly mnt: MountNamespace;
  /** That of the task itself; its children are made in `pidForChildren`. */
  readonly pid: PidNamespace;
  readonly pidForChildren: PidNamespace;
  readonly uts: UtsNamespace;
  readonly net: NetNamespace;
}
