// Where tasks wait for futexes (futex(2)): by physical word for shared memory, by address space and address for private.
import type { AddressSpace } from '../mm/address-space.ts';
import type { Task } from './task.ts';
import { WaitQueue } from './wait-queue.ts';

/** A task that waits for a word. */
export interface FutexWaiter {
  readonly task: Task;
  readonly bits: number;
  key: string;
  woken: boolean;
  readonly queue: WaitQueue;
}

/** All futexes somebody waits for. */
export class Futexes {
  readonly #waiters = new Map<string, FutexWaiter[]>();
  readonly #spaces = new WeakMap<AddressSpace, number>();
  #nextSpace = 1;

  /** What identifies the word at an address: the frame of a shared page, else the address space. */
  key(space: AddressSpace, address: number): string {
    const area = space.areaAt(address);
    if (area?.shared) {
      const mapping = space.table.lookup(address - (address % 4096));
      if (mapping !== undefined) return `f${mapping.frame}:${address % 4096}`;
    }
    let id = this.#spaces.get(space);
    if (id === undefined) {
      id = this.#nextSpace++;
      this.#spaces.set(space, id);
    }
    return `${id}:${address}`;
  }

  wait(task: Task, key: string, bits: number): FutexWaiter {
    const waiter = { task, bits, key, woken: false, queue: new WaitQueue() };
    this.#waiters.set(key, [...(this.#waiters.get(key) ?? []), waiter]);
    return waiter;
  }

  /** A waiter gives up. */
  leave(waiter: FutexWaiter): void {
    const left = (this.#waiters.get(waiter.key) ?? []).filter((other) => other !== waiter);
    if (left.length > 0) this.#waiters.set(waiter.key, left);
    else this.#waiters.delete(waiter.key);
  }

  /** Wakes up to `count` waiters that share a bit; how many there were. */
  wake(key: string, count: number, bits = 0xffff_ffff): number {
    const chosen = (this.#waiters.get(key) ?? []).filter((waiter) => (waiter.bits & bits) !== 0).slice(0, count);
    for (const waiter of chosen) this.wakeOne(waiter);
    return chosen.length;
  }

  /** Who waits, longest first. */
  waiters(key: string): readonly FutexWaiter[] {
    return this.#waiters.get(key) ?? [];
  }

  wakeOne(waiter: FutexWaiter): void {
    this.leave(waiter);
    waiter.woken = true;
    waiter.queue.wake();
  }

  /** Lets a waiter wait for another word. */
  move(waiter: FutexWaiter, to: string): void {
    this.leave(waiter);
    waiter.key = to;
    this.#waiters.set(to, [...(this.#waiters.get(to) ?? []), waiter]);
  }

  /** Lets up to `count` waiters of one word wait for another. */
  requeue(from: string, to: string, count: number): number {
    const moved = (this.#waiters.get(from) ?? []).slice(0, count);
    for (const waiter of moved) this.move(waiter, to);
    return moved.length;
  }
}
