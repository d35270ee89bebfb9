// The tree of control groups of a kernel: how groups are made and removed, how tasks enter, move and leave, and how
// controllers are switched on and off (cgroups(7), Documentation/admin-guide/cgroup-v2.rst "Basic Operations").
import { SI_KERNEL, SIGNAL } from '../../abi/signal.ts';
import { fail } from '../error.ts';
import type { Kernel } from '../kernel.ts';
import { sendSignalToGroup } from '../signal/send.ts';
import type { FairQueue } from '../task/fair-queue.ts';
import type { FairEntity } from '../task/run-queue.ts';
import type { Task } from '../task/task.ts';
import { Cgroup, CONTROLLERS, type ControllerName } from './cgroup.ts';
import { CgroupFs } from './cgroup-fs.ts';
import { CpuGroup } from './cpu.ts';
import { CpusetGroup } from './cpuset.ts';
import { IoGroup } from './io.ts';
import { MemoryGroup } from './memory-group.ts';
import { PidsGroup } from './pids.ts';

/** Controllers that were called otherwise in version 1. */
const NAMES_1: Partial<Record<ControllerName, string>> = { io: 'blkio' };

/** What a task counted for. */
interface Effects {
  readonly pids: PidsGroup;
  readonly queue: FairQueue<FairEntity>;
}

/** All control groups. */
export class CgroupHierarchy {
  readonly root = new Cgroup(1, '', undefined);
  readonly fs: CgroupFs;
  /** Groups there are, the root among them. */
  count = 1;
  readonly #kernel: Kernel;
  #nextId = 2;
  /** Removed groups whose memory may still be in use. */
  readonly #dying = new Set<Cgroup>();

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
    this.fs = new CgroupFs(this, kernel);
    for (const name of CONTROLLERS) this.#switchOn(this.root, name);
  }

  /** Makes a child. @throws SystemError EAGAIN when a limit of the groups above is reached */
  make(parent: Cgroup, name: string): Cgroup {
    if (parent.isRemoved) fail('ENODEV');
    if (name.includes('\n')) fail('EINVAL');
    let level = 1;
    for (const above of parent.ancestry()) {
      if (above.descendants >= above.maxDescendants || level > above.maxDepth) fail('EAGAIN');
      level++;
    }
    const cgroup = new Cgroup(this.#nextId++, name, parent);
    parent.children.set(name, cgroup);
    this.count++;
    for (const controller of parent.subtreeControl) this.#switchOn(cgroup, controller);
    this.#updateFrozen(cgroup);
    return cgroup;
  }

  /** Removes a group without tasks and children. @throws SystemError EBUSY */
  remove(cgroup: Cgroup): void {
    if (cgroup.isPopulated || cgroup.children.size > 0) fail('EBUSY');
    cgroup.isRemoved = true;
    cgroup.states.cpu?.bandwidth.stop();
    cgroup.states.memory?.remove();
    this.#dying.add(cgroup);
    cgroup.parent!.children.delete(cgroup.name);
    this.count--;
    this.#updateFrozen(cgroup.parent!);
  }

  /** Removed groups below one whose memory is still in use. */
  dyingBelow(cgroup: Cgroup): number {
    let count = 0;
    for (const dead of this.#dying) {
      if (!dead.states.memory?.usage) this.#dying.delete(dead);
      else if (dead.isWithin(cgroup)) count++;
    }
    return count;
  }

  /** A new task can be made in a group. @throws SystemError EAGAIN */
  checkFork(cgroup: Cgroup): void {
    if (cgroup.isRemoved) fail('ENODEV');
    cgroup.effective('pids').checkFork();
  }

  /** A new task starts in a group. */
  enter(task: Task, cgroup: Cgroup): void {
    this.#join(task, cgroup);
    cgroup.effective('pids').add(1);
  }

  /** A task has ended; it still tells where it was. */
  leave(task: Task): void {
    const { cgroup } = task;
    if (cgroup === undefined || !cgroup.tasks.has(task)) return;
    cgroup.effective('pids').add(-1);
    this.#part(task, cgroup);
  }

  /** A task has had the processor. */
  account(task: Task, userCycles: number, allCycles: number): void {
    for (let group = task.cgroup; group !== undefined; group = group.parent) {
      group.userCycles += userCycles;
      group.systemCycles += allCycles - userCycles;
    }
  }

  /** Moves tasks; the caller has checked that it may. @throws SystemError EOPNOTSUPP, EBUSY */
  move(tasks: Iterable<Task>, target: Cgroup): void {
    target.checkTarget();
    for (const task of [...tasks]) {
      const source = task.cgroup!;
      if (source === target) continue;
      const before = this.#effects(task);
      this.#part(task, source);
      this.#join(task, target);
      this.#moved(task, before);
    }
  }

  /** Switches controllers on and off for the children of a group. @throws SystemError ENOENT, EBUSY, EOPNOTSUPP */
  control(cgroup: Cgroup, enable: Iterable<ControllerName>, disable: Iterable<ControllerName>): void {
    const on = [...enable].filter((name) => !cgroup.subtreeControl.has(name));
    const off = [...disable].filter((name) => cgroup.subtreeControl.has(name));
    if (on.some((name) => !cgroup.available.has(name))) fail('ENOENT');
    for (const child of cgroup.children.values()) if (off.some((name) => child.subtreeControl.has(name))) fail('EBUSY');
    cgroup.checkEnable(on);
    const tasks = [...cgroup.subtree()].flatMap((group) => [...group.tasks]);
    const before = tasks.map((task) => this.#effects(task));
    for (const name of on) cgroup.subtreeControl.add(name);
    for (const name of off) cgroup.subtreeControl.delete(name);
    for (const child of cgroup.children.values()) {
      for (const name of on) this.#switchOn(child, name);
      for (const name of off) this.#switchOff(child, name);
    }
    tasks.forEach((task, n) => {
      this.#moved(task, before[n]!);
    });
  }

  /** cgroup.freeze: tasks of the subtree stop, or go on. */
  freeze(cgroup: Cgroup, freezes: boolean): void {
    cgroup.freezes = freezes;
    for (const group of cgroup.subtree()) for (const task of group.tasks) this.#setFrozen(task);
    for (const group of cgroup.subtree()) this.#updateFrozen(group);
  }

  /** cgroup.kill: every process of the subtree ends. */
  kill(cgroup: Cgroup): void {
    const processes = new Set([...cgroup.subtree()].flatMap((group) => [...group.processes()]));
    for (const group of processes) sendSignalToGroup(this.#kernel, group, { signal: SIGNAL.SIGKILL, code: SI_KERNEL });
  }

  /** A task that is to be frozen has left the processor. */
  stopped(task: Task): void {
    if (task.cgroup !== undefined) this.#updateFrozen(task.cgroup);
  }

  /** /proc/PID/cgroup. */
  lineOf(task: Task, viewer: Task): string {
    const cgroup = task.cgroup ?? this.root;
    return `0::${cgroup.pathFrom(this.fs.visibleRoot(viewer))}${cgroup.isRemoved ? ' (deleted)' : ''}\n`;
  }

  /** /proc/cgroups: controllers by the names they had in version 1; all are in the one hierarchy of version 2. */
  table(): string {
    const rows = CONTROLLERS.map((name) => `${NAMES_1[name] ?? name}\t0\t${this.count}\t1\n`);
    return `#subsys_name\thierarchy\tnum_cgroups\tenabled\n${rows.join('')}`;
  }

  /** The text of a file has changed. */
  notify(cgroup: Cgroup, file: string): void {
    if (cgroup.isRemoved) return;
    this.fs.directoryOf(cgroup).notify(file);
  }

  #switchOn(cgroup: Cgroup, name: ControllerName): void {
    const above = cgroup.parent;
    switch (name) {
      case 'cpuset':
        cgroup.states.cpuset = new CpusetGroup();
        return;
      case 'cpu':
        cgroup.states.cpu = new CpuGroup(above?.effective('cpu'), this.#kernel);
        return;
      case 'io':
        cgroup.states.io = new IoGroup(above?.effective('io'));
        return;
      case 'memory':
        cgroup.states.memory = new MemoryGroup(above?.effective('memory'), (isLocal) => {
          this.notify(cgroup, 'memory.events');
          if (isLocal) this.notify(cgroup, 'memory.events.local');
        });
        return;
      case 'pids':
        cgroup.states.pids = new PidsGroup(above?.effective('pids'), () => this.notify(cgroup, 'pids.events'));
    }
  }

  #switchOff(cgroup: Cgroup, name: ControllerName): void {
    if (name === 'cpu') cgroup.states.cpu?.bandwidth.stop();
    if (name === 'memory') cgroup.states.memory?.remove();
    delete cgroup.states[name];
  }

  /** What controllers count a task for; it leaves the scheduler's queues until it is moved. */
  #effects(task: Task): Effects {
    return { pids: task.cgroup!.effective('pids'), queue: this.#kernel.runQueue.withdraw(task) };
  }

  /** The task counts for other groups than before. */
  #moved(task: Task, before: Effects): void {
    this.#kernel.runQueue.restore(task, before.queue);
    const pids = task.cgroup!.effective('pids');
    if (pids === before.pids) return;
    before.pids.add(-1);
    pids.add(1);
  }

  #join(task: Task, cgroup: Cgroup): void {
    task.cgroup = cgroup;
    cgroup.tasks.add(task);
    for (const group of cgroup.ancestry()) if (group.population++ === 0) this.notify(group, 'cgroup.events');
    this.#setFrozen(task);
    this.#updateFrozen(cgroup);
  }

  #part(task: Task, cgroup: Cgroup): void {
    cgroup.tasks.delete(task);
    for (const group of cgroup.ancestry()) if (--group.population === 0) this.notify(group, 'cgroup.events');
    this.#updateFrozen(cgroup);
  }

  #setFrozen(task: Task): void {
    const freezes = task.cgroup!.isFreezing;
    if (task.isFrozen === freezes) return;
    task.isFrozen = freezes;
    if (!freezes) task.reconsider();
  }

  /** A group is frozen when it is to be and none of its tasks runs; what has changed is told. */
  #updateFrozen(cgroup: Cgroup): void {
    for (const group of cgroup.ancestry()) {
      if (group.isRoot) return;
      const isFrozen = group.isFreezing && this.#noneRuns(group);
      if (isFrozen === group.isFrozen) continue;
      group.isFrozen = isFrozen;
      this.notify(group, 'cgroup.events');
    }
  }

  #noneRuns(cgroup: Cgroup): boolean {
    const { current } = this.#kernel;
    return current?.cgroup === undefined || current.state !== 'running' || !current.cgroup.isWithin(cgroup);
  }
}
