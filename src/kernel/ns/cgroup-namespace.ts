// Which control group a task takes for the root (cgroup_namespaces(7)).
import type { Cgroup } from '../cgroup/cgroup.ts';
import { Namespace } from './namespace.ts';
import type { UserNamespace } from './user-namespace.ts';

/** A view of the hierarchy of control groups from one of them. */
export class CgroupNamespace extends Namespace {
  readonly kind = 'cgroup';
  readonly owner: UserNamespace;
  /** What is "/" here. */
  readonly root: Cgroup;

  constructor(number: number, owner: UserNamespace, root: Cgroup) {
    super(number);
    this.owner = owner;
    this.root = root;
  }
}
