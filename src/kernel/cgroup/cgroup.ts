// One group of the tree of control groups (cgroups(7) "CGROUPS VERSION 2", Documentation/admin-guide/cgroup-v2.rst "Core
// Interface Files"): its tasks, its children and the controllers that are on for it.
import { fail } from '../error.ts';
import type { Task } from '../task/task.ts';
import type { ThreadGroup } from '../task/thread-group.ts';
import type { CpuGroup } from './cpu.ts';
import type { CpusetGroup } from './cpuset.ts';
import type { IoGroup } from './io.ts';
import type { MemoryGroup } from './memory-group.ts';
import type { PidsGroup } from './pids.ts';

/** What controllers keep for each group they are on for. */
export interface ControllerStates {
  cpuset: CpusetGroup;
  cpu: CpuGroup;
  io: IoGroup;
  memory: MemoryGroup;
  pids: PidsGroup;
}

/** A controller, as cgroup.controllers names it. */
export type ControllerName = keyof ControllerStates;

/** All controllers, in the order in which files name them. */
export const CONTROLLERS: readonly ControllerName[] = ['cpuset', 'cpu', 'io', 'memory', 'pids'];
/** Those that can tell the threads of one process apart. */
const THREADED: ReadonlySet<ControllerName> = new Set<ControllerName>(['cpuset', 'cpu', 'pids']);

/** What cgroup.type says. */
export type CgroupType = 'domain' | 'domain threaded' | 'domain invalid' | 'threaded';

/** A control group. */
export class Cgroup {
  readonly id: number;
  readonly name: string;
  readonly parent: Cgroup | undefined;
  readonly children = new Map<string, Cgroup>();
  readonly tasks = new Set<Task>();
  /** Controllers that are on for the children. */
  readonly subtreeControl = new Set<ControllerName>();
  /** What the controllers keep that are on for this group. */
  readonly states: Partial<ControllerStates> = {};
  isThreaded = false;
  isRemoved = false;
  /** What cgroup.freeze asks for. */
  freezes = false;
  /** Tasks in the group and below. */
  population = 0;
  /** What cgroup.events last said of being frozen. */
  isFrozen = false;
  maxDepth = Number.POSITIVE_INFINITY;
  maxDescendants = Number.POSITIVE_INFINITY;
  /** Cycles its tasks and those of its descendants have used. */
  userCycles = 0;
  systemCycles = 0;

  constructor(id: number, name: string, parent: Cgroup | undefined) {
    this.id = id;
    this.name = name;
    this.parent = parent;
  }

  get isRoot(): boolean {
    return this.parent === undefined;
  }

  /** The group and those above it, the root last. */
  *ancestry(): Iterable<Cgroup> {
    for (let group: Cgroup | undefined = this; group !== undefined; group = group.parent) yield group;
  }

  /** The group and all below it, parents first. */
  *subtree(): Iterable<Cgroup> {
    yield this;
    for (const child of this.children.values()) yield* child.subtree();
  }

  isWithin(other: Cgroup): boolean {
    for (const group of this.ancestry()) if (group === other) return true;
    return false;
  }

  /** Groups above. */
  get depth(): number {
    return this.parent === undefined ? 0 : this.parent.depth + 1;
  }

  get descendants(): number {
    let count = -1;
    for (const _ of this.subtree()) count++;
    return count;
  }

  /** Some task lives in the group or below. */
  get isPopulated(): boolean {
    return this.population > 0;
  }

  /** The group or one above is to be frozen. */
  get isFreezing(): boolean {
    for (const { freezes } of this.ancestry()) if (freezes) return true;
    return false;
  }

  /** Controllers that can be switched on for the children. */
  get available(): ReadonlySet<ControllerName> {
    return this.parent === undefined ? new Set(CONTROLLERS) : this.parent.subtreeControl;
  }

  /** What a controller keeps for this group: its own, or that of the nearest group above for which it is on. */
  effective<N extends ControllerName>(name: N): ControllerStates[N] {
    for (let group: Cgroup | undefined = this; group !== undefined; group = group.parent) {
      const state: ControllerStates[N] | undefined = group.states[name];
      if (state !== undefined) return state;
    }
    throw new Error(`the root has no ${name} controller`);
  }

  /** The group whose resources threaded groups share. */
  get domain(): Cgroup {
    return this.isThreaded ? this.parent!.domain : this;
  }

  get type(): CgroupType {
    if (this.isThreaded) return 'threaded';
    if (!this.isValidDomain) return 'domain invalid';
    return this.isThreadRoot ? 'domain threaded' : 'domain';
  }

  /** The processes with a task in the group, each once. */
  processes(): Set<ThreadGroup> {
    const found = new Set<ThreadGroup>();
    // the tasks of threaded groups below belong to processes of their domain
    for (const group of this.threadedSubtree()) for (const task of group.tasks) found.add(task.group);
    return found;
  }

  *threadedSubtree(): Iterable<Cgroup> {
    yield this;
    for (const child of this.children.values()) if (child.isThreaded) yield* child.threadedSubtree();
  }

  /** The name as seen from another group, as /proc/PID/cgroup prints it. */
  pathFrom(root: Cgroup): string {
    const names: string[] = [];
    let common = root;
    for (; !this.isWithin(common); common = common.parent!) names.push('..');
    const below: string[] = [];
    for (let group: Cgroup = this; group !== common; group = group.parent!) below.push(group.name);
    return `/${[...names, ...below.reverse()].join('/')}`;
  }

  get #hasDomainController(): boolean {
    return [...this.subtreeControl].some((name) => !THREADED.has(name));
  }

  /** A domain with threaded children, or with tasks beside children that compete for CPU time. */
  get isThreadRoot(): boolean {
    if (this.isThreaded) return false;
    for (const child of this.children.values()) if (child.isThreaded) return true;
    return !this.isRoot && this.tasks.size > 0 && this.subtreeControl.size > 0 && !this.#hasDomainController;
  }

  /** The group may have threaded children beside its tasks. */
  get canBeThreadRoot(): boolean {
    if (this.isRoot) return true;
    if (this.isThreaded || this.#hasDomainController) return false;
    for (const child of this.children.values()) if (!child.isThreaded && child.isPopulated) return false;
    return true;
  }

  /** A domain can be used unless it lies in a threaded subtree. */
  get isValidDomain(): boolean {
    if (this.isThreaded) return false;
    for (let above = this.parent; above !== undefined; above = above.parent)
      if (above.isThreaded || (!above.isRoot && above.isThreadRoot)) return false;
    return true;
  }

  /** @throws SystemError EOPNOTSUPP when the group cannot become threaded */
  checkThreaded(): void {
    const domain = this.parent?.domain ?? fail('EOPNOTSUPP');
    if (this.isPopulated || this.#hasDomainController) fail('EOPNOTSUPP');
    if (!domain.isValidDomain || !domain.canBeThreadRoot) fail('EOPNOTSUPP');
  }

  /** The group can take tasks. @throws SystemError EOPNOTSUPP, EBUSY */
  checkTarget(): void {
    if (!this.domain.isValidDomain) fail('EOPNOTSUPP');
    if (this.canBeThreadRoot || this.isThreaded) return;
    if (this.subtreeControl.size > 0) fail('EBUSY');
  }

  /** Controllers can be switched on for the children. @throws SystemError EOPNOTSUPP, EBUSY */
  checkEnable(names: Iterable<ControllerName>): void {
    const wanted = [...names];
    if (wanted.length === 0) return;
    if (!this.domain.isValidDomain) fail('EOPNOTSUPP');
    if (this.isRoot) return;
    if (wanted.some((name) => !THREADED.has(name))) {
      if (this.isThreadRoot || this.isThreaded) fail('EOPNOTSUPP');
    } else if (this.canBeThreadRoot || this.isThreaded) return;
    if (this.tasks.size > 0) fail('EBUSY');
  }
}
