// The memory controller: charging, limits, and its files (Documentation/admin-guide/cgroup-v2.rst "Memory").
import type { Kernel } from '../kernel.ts';
import type { FaultOutcome } from '../mm/address-space.ts';
import { type FrameAccount, type FrameAccounts, type FrameKind, OutOfFrames } from '../mm/frames.ts';
import { killForMemory } from '../mm/oom.ts';
import { reclaim } from '../mm/reclaim.ts';
import { PAGE_SIZE } from '../platform.ts';
import { isKilled } from '../signal/signal-set.ts';
import type { Task } from '../task/task.ts';
import { countTransfer, type Direction } from './io.ts';
import { FixedObject, KernelObject } from './kernel-object.ts';
import type { MemoryGroup, MemoryKind } from './memory-group.ts';

/** What the kernel keeps for each task besides its pages: its stack, and its own structures. */
const STACK_BYTES = 16384;
const TASK_BYTES = 12288;
/** Over memory.high a task waits after each batch of pages. */
const BATCH = 64;
/** Seconds, times the square of how far above the limit the use is, and the longest wait. */
const WAIT = 64;
const LONGEST_WAIT = 2;
/** Shorter waits are left out. */
const SHORTEST_WAIT = 0.01;

/** Memory of kernel objects, to be given back when they end. */
export interface KernelCharge {
  readonly group: MemoryGroup;
  readonly bytes: Partial<Record<MemoryKind, number>>;
}

function rows(bytes: KernelCharge['bytes']): [MemoryKind, number][] {
  return Object.entries(bytes) as [MemoryKind, number][];
}

/** Charges memory to the group of the task that runs, and finds more when a limit is reached. */
export class MemoryController implements FrameAccounts {
  readonly #kernel: Kernel;
  #pagesRead = 0;

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  /** Who pays for what is allocated now. */
  get #payer(): MemoryGroup {
    const { current, cgroups } = this.#kernel;
    return (current?.cgroup ?? cgroups.root).effective('memory');
  }

  /** One frame more. @throws OutOfFrames */
  charge(kind: FrameKind): FrameAccount {
    const group = this.#payer;
    this.#makeRoom(group, PAGE_SIZE);
    group.charge(kind, PAGE_SIZE);
    this.#noteHigh(group, PAGE_SIZE);
    return group;
  }

  /** The machine has no free frame: true when some were found. */
  exhausted(): boolean {
    const root = this.#kernel.cgroups.root.effective('memory');
    if (reclaim(this.#kernel.frames, root, BATCH * PAGE_SIZE) > 0) return true;
    return !this.#isEnding && killForMemory(this.#kernel, root) && !this.#isEnding;
  }

  /** A page was read or written: a fault that needs one is a major one, and it counts as input and output. */
  transferred(direction: Direction, bytes: number): void {
    const { current } = this.#kernel;
    // a task that was not started yet counts nowhere
    if (current?.cgroup === undefined) return;
    if (direction === 'read') {
      this.#pagesRead++;
      current.usage.bytesRead += bytes;
    } else current.usage.bytesWritten += bytes;
    countTransfer(this.#kernel, current, direction, bytes);
  }

  /** Memory of a new task. @throws OutOfFrames */
  chargeTask(): KernelCharge {
    const bytes = { kernel_stack: STACK_BYTES, slab: TASK_BYTES };
    const group = this.#reserve(STACK_BYTES + TASK_BYTES);
    for (const [kind, count] of rows(bytes)) group.charge(kind, count);
    return { group, bytes };
  }

  /** Memory of one kind for objects of the kernel. @throws OutOfFrames */
  chargeKind(kind: MemoryKind, bytes: number): MemoryGroup {
    const group = this.#reserve(bytes);
    group.charge(kind, bytes);
    return group;
  }

  unchargeKind(group: MemoryGroup, kind: MemoryKind, bytes: number): void {
    this.#kernel.frames.unreserve(bytes);
    group.uncharge(kind, bytes);
  }

  object(bytes: number): FixedObject {
    return new FixedObject(this, bytes);
  }

  store(): KernelObject {
    return new KernelObject(this, 'slab');
  }

  uncharge({ group, bytes }: KernelCharge): void {
    for (const [kind, count] of rows(bytes)) {
      this.#kernel.frames.unreserve(count);
      group.uncharge(kind, count);
    }
  }

  /** Room for the kernel itself; who pays for it. @throws OutOfFrames */
  #reserve(bytes: number): MemoryGroup {
    const group = this.#payer;
    this.#makeRoom(group, bytes);
    this.#kernel.frames.reserve(bytes);
    return group;
  }

  /** Deals with a page fault, and counts it. */
  fault(task: Task, address: number, error: number): FaultOutcome {
    const before = this.#pagesRead;
    const outcome = task.memory!.fault(address, error);
    this.#countFault(task, this.#pagesRead !== before);
    return outcome;
  }

  #countFault(task: Task, isMajor: boolean): void {
    const group = task.cgroup!.effective('memory');
    group.count('pgfault');
    if (isMajor) {
      group.count('pgmajfault');
      task.usage.majorFaults++;
    } else task.usage.minorFaults++;
  }

  /** Cycles the task has to wait because its group is above memory.high. */
  waitAboveHigh(task: Task): number {
    if (task.bytesAboveHigh < BATCH * PAGE_SIZE) return 0;
    task.bytesAboveHigh = 0;
    let seconds = 0;
    for (const group of task.cgroup!.effective('memory').ancestry()) {
      if (group.usage <= group.high) continue;
      group.tell('high');
      reclaim(this.#kernel.frames, group, group.usage - group.high);
      const above = Math.max(0, group.usage - group.high) / Math.max(PAGE_SIZE, group.high);
      seconds = Math.max(seconds, WAIT * above * above);
    }
    seconds = Math.min(LONGEST_WAIT, seconds);
    return seconds <= SHORTEST_WAIT ? 0 : Math.ceil(seconds * this.#kernel.platform.frequencyHz);
  }

  /** A new limit: memory above it is taken away, and who uses most is killed if that is not enough. */
  enforce(group: MemoryGroup): void {
    while (group.usage > group.max) {
      if (reclaim(this.#kernel.frames, group, group.usage - group.max) > 0) continue;
      group.tell('oom');
      if (!killForMemory(this.#kernel, group)) return;
    }
  }

  /** Drops what can be dropped of a group's memory; how many bytes. */
  takeBack(group: MemoryGroup, bytes: number): number {
    return reclaim(this.#kernel.frames, group, bytes);
  }

  /** The task that runs ends: nobody needs to be killed for it. */
  get #isEnding(): boolean {
    const { current } = this.#kernel;
    return current !== undefined && current.state === 'running' && isKilled(current);
  }

  /** @throws OutOfFrames when the group's limit, or that of one above, leaves no room and nobody else can be killed */
  #makeRoom(group: MemoryGroup, bytes: number): void {
    // what a dead task still needs to leave in order is little
    if (this.#kernel.current?.state === 'dead') return;
    for (let over = group.overLimit(bytes); over !== undefined; over = group.overLimit(bytes)) {
      over.tell('max');
      if (reclaim(this.#kernel.frames, over, over.usage + bytes - over.max) > 0) continue;
      if (this.#isEnding) throw new OutOfFrames('the task has been killed');
      over.tell('oom');
      if (!killForMemory(this.#kernel, over) || this.#isEnding)
        throw new OutOfFrames('the limit of the control group is reached');
    }
  }

  #noteHigh(group: MemoryGroup, bytes: number): void {
    const { current } = this.#kernel;
    if (current === undefined) return;
    let above: MemoryGroup | undefined = group;
    while (above !== undefined && above.usage <= above.high) above = above.parent;
    if (above !== undefined) current.bytesAboveHigh += bytes;
  }
}
