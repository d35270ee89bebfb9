// Which task runs next, and for how long (sched(7)): real-time tasks by priority, then the others fairly, by weight within
// their control group, and the groups among each other by theirs. Everything is decided by counted cycles, so that the same
// programs are always scheduled the same way.
import type { CpuGroup } from '../cgroup/cpu.ts';
import { isKilled } from '../signal/signal-set.ts';
import { charge, type FairQueue } from './fair-queue.ts';
import { type RealtimeHost, RealtimeQueue } from './realtime-queue.ts';
import { isRealtime, NORMAL_WEIGHT } from './scheduling.ts';
import { Task } from './task.ts';

/** A task or a group of tasks. */
export type FairEntity = Task | CpuGroup;

/** Parts of a second: how long a task runs while others wait, what sleeping earns at most, a turn of SCHED_RR. */
const SLICES = 500;
const CREDITS = 333;
const TURNS = 10;
/** Who wakes up takes the processor from a task that is so much ahead. */
const GRANULARITIES = 1000;

/** Tasks that could run. */
export class RunQueue {
  readonly #host: RealtimeHost;
  readonly #root: () => CpuGroup;
  readonly #realtime: RealtimeQueue;
  #running: Task | undefined;
  #since = 0;
  #mustLeave = false;
  #yields = false;

  /** `root` is the group of all groups. */
  constructor(host: RealtimeHost, root: () => CpuGroup) {
    this.#host = host;
    this.#root = root;
    this.#realtime = new RealtimeQueue(host);
  }

  /** Cycles of a slice of SCHED_OTHER and of a turn of SCHED_RR. */
  get slice(): number {
    return this.#cycles(SLICES);
  }

  get turn(): number {
    return this.#cycles(TURNS);
  }

  /** The task that runs has to make room for another one. */
  get mustLeave(): boolean {
    return this.#mustLeave;
  }

  /** A task wants the processor. */
  add(task: Task): void {
    if (task === this.#running) return;
    if (isRealtime(task.policy)) this.#realtime.add(task, false);
    else this.#addFair(task);
    if (this.#running !== undefined && this.#preempts(task, this.#running)) this.#mustLeave = true;
  }

  /** A group is not throttled any more. */
  addGroup(group: CpuGroup): void {
    for (let below = group; below.parent !== undefined && !below.bandwidth.isThrottled; below = below.parent)
      below.parent.queue.add(below, this.#cycles(CREDITS));
  }

  /** Takes the next task out. */
  next(): Task | undefined {
    const task = this.#realtime.next(mayRun) ?? pick(this.#root().queue);
    if (task === undefined) return undefined;
    this.#running = task;
    this.#since = this.#host.platform.cycles;
    return task;
  }

  /** Lets go of those that cannot run now, as `next` does before it finds one that can. */
  prune(): void {
    if (!this.#realtime.prune(mayRun)) prune(this.#root().queue);
  }

  /** Cycle until which the task that runs may go on. */
  get until(): number {
    const task = this.#running!;
    let most = this.slice;
    if (task.policy === 'fifo') most = this.#realtime.left;
    else if (task.policy === 'rr') most = Math.min(this.#realtime.left, this.#turnLeft(task));
    else
      for (let group: CpuGroup | undefined = groupOf(task); group !== undefined; group = group.parent)
        most = Math.min(most, group.bandwidth.left);
    return this.#since + Math.max(1, most);
  }

  /** sched_yield(2): the others come first. */
  yield(): void {
    this.#yields = true;
    this.#mustLeave = true;
  }

  /** The task leaves the processor after so many cycles; it comes back in if it still wants to run. */
  leave(task: Task, cycles: number): void {
    this.#running = undefined;
    if (isRealtime(task.policy)) this.#leaveRealtime(task, cycles);
    else this.#leaveFair(task, cycles);
    this.#mustLeave = false;
    this.#yields = false;
  }

  /** Takes a task out while its policy or group changes; `restore` gets what this returns. */
  withdraw(task: Task): FairQueue<FairEntity> {
    const { queue } = groupOf(task);
    queue.delete(task);
    this.#realtime.delete(task);
    return queue;
  }

  /** The task is in its new place: it stands there as it stood in the old one. */
  restore(task: Task, before: FairQueue<FairEntity>): void {
    const { queue } = groupOf(task);
    task.virtualTime += queue.now - before.now;
    if (task === this.#running) this.#mustLeave = true;
    else if (task.state === 'running') this.add(task);
  }

  #cycles(perSecond: number): number {
    return Math.floor(this.#host.platform.frequencyHz / perSecond);
  }

  #addFair(task: Task): void {
    const group = groupOf(task);
    group.queue.add(task, this.#cycles(CREDITS));
    this.addGroup(group);
  }

  #turnLeft(task: Task): number {
    return this.turn - task.turnUsed;
  }

  #leaveRealtime(task: Task, cycles: number): void {
    this.#realtime.consume(cycles);
    task.turnUsed += cycles;
    const isOver = task.policy === 'rr' && this.#turnLeft(task) <= 0;
    if (isOver || this.#yields || task.state !== 'running') task.turnUsed = 0;
    if (task.state === 'running') this.#realtime.add(task, !isOver && !this.#yields);
  }

  #leaveFair(task: Task, cycles: number): void {
    charge(task, cycles);
    for (let group: CpuGroup | undefined = groupOf(task); group !== undefined; group = group.parent) {
      charge(group, cycles);
      group.bandwidth.consume(cycles);
    }
    if (this.#yields) {
      const next = groupOf(task).queue.first();
      if (next !== undefined) task.virtualTime = Math.max(task.virtualTime, next.virtualTime);
    }
    if (task.state === 'running') this.#addFair(task);
  }

  /** A task that wakes up takes the processor from the one that runs. */
  #preempts(task: Task, running: Task): boolean {
    if (isRealtime(task.policy)) {
      if (this.#realtime.left === 0) return false;
      return !isRealtime(running.policy) || task.priority > running.priority;
    }
    if (isRealtime(running.policy) || task.policy === 'batch' || task.policy === 'idle') return false;
    if (running.policy === 'idle') return true;
    const [mine, theirs] = siblings(task, running);
    const had = ((this.#host.platform.cycles - this.#since) * NORMAL_WEIGHT) / theirs.weight;
    const granularity = (this.#cycles(GRANULARITIES) * NORMAL_WEIGHT) / mine.weight;
    return theirs.virtualTime + had - mine.virtualTime > granularity;
  }
}

function mayRun(task: Task): boolean {
  return task.state === 'running' && (!task.isFrozen || isKilled(task));
}

function groupOf(task: Task): CpuGroup {
  return task.cgroup!.effective('cpu');
}

/** The groups a task is in, the innermost first. */
function groupsOf(task: Task): CpuGroup[] {
  const groups: CpuGroup[] = [];
  for (let group: CpuGroup | undefined = groupOf(task); group !== undefined; group = group.parent) groups.push(group);
  return groups;
}

/** Takes out the task that has had least; groups without one leave the queue. */
function pick(queue: FairQueue<FairEntity>): Task | undefined {
  if (!prune(queue)) return undefined;
  const entity = queue.first()!;
  if (!(entity instanceof Task)) return pick(entity.queue);
  queue.delete(entity);
  return entity;
}

/** Takes out whoever stands before the first that may run; true when there is one. */
function prune(queue: FairQueue<FairEntity>): boolean {
  for (let entity = queue.first(); entity !== undefined; entity = queue.first()) {
    const may = entity instanceof Task ? mayRun(entity) : !entity.bandwidth.isThrottled && prune(entity.queue);
    if (may) return true;
    queue.delete(entity);
  }
  return false;
}

/** The two entities through which two tasks compete: themselves, or the groups of theirs with the same parent. */
function siblings(a: Task, b: Task): [FairEntity, FairEntity] {
  if (groupOf(a) === groupOf(b)) return [a, b];
  const [ofA, ofB]: [FairEntity[], FairEntity[]] = [
    [a, ...groupsOf(a)],
    [b, ...groupsOf(b)],
  ];
  while (ofA.length > 1 && ofB.length > 1 && ofA.at(-1) === ofB.at(-1)) {
    ofA.pop();
    ofB.pop();
  }
  return [ofA.at(-1)!, ofB.at(-1)!];
}
