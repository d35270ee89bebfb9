// The guest's stack: pushes that commit ESP only when all of them succeeded (SDM Vol. 1 "Stacks").

import { RIGHTS_DB, SS, type VirtualSegment } from '../vcpu.ts';
import type { GuestContext } from './context.ts';
import { segmentLinear } from './segments.ts';
import { GuestFault } from '../host-access.ts';

const ESP = 4;

/** Pushes and pops against the current or a given stack; `commit` makes the new ESP visible. */
export class GuestStack {
  readonly #context: GuestContext;
  readonly #segment: VirtualSegment | undefined;
  readonly #mask: number;
  #pointer: number;
  readonly #vector: number;
  /** The pushes and pops of ring 3 are user accesses; those to a stack of an inner ring are not. */
  readonly #user: boolean;

  /** Without `segment` the stack is SS:ESP; faults beyond a given one have `vector`. */
  constructor(context: GuestContext, segment?: VirtualSegment, pointer?: number, vector = 12) {
    this.#context = context;
    this.#segment = segment;
    const wide = (segment ?? context.segment(SS)).rights & RIGHTS_DB;
    this.#mask = wide ? 0xffff_ffff : 0xffff;
    this.#pointer = pointer ?? context.reg(ESP);
    this.#vector = vector;
    this.#user = segment === undefined && context.vcpu.cpl === 3;
  }

  get pointer(): number {
    return this.#pointer;
  }

  push(size: 2 | 4, value: number): void {
    const offset = ((this.#pointer - size) & this.#mask) >>> 0;
    this.#context.memory.write(this.#linear(offset, size, true), size, value, this.#user);
    this.#move(offset);
  }

  pop(size: 2 | 4): number {
    const offset = (this.#pointer & this.#mask) >>> 0;
    const value = this.#context.memory.read(this.#linear(offset, size, false), size, this.#user);
    this.#move(((offset + size) & this.#mask) >>> 0);
    return value;
  }

  /** Skips bytes. */
  release(bytes: number): void {
    this.#move(((this.#pointer + bytes) & this.#mask) >>> 0);
  }

  commit(): void {
    this.#context.setReg(ESP, this.#pointer);
  }

  #move(offset: number): void {
    this.#pointer = this.#mask === 0xffff ? ((this.#pointer & 0xffff_0000) | offset) >>> 0 : offset;
  }

  #linear(offset: number, size: number, write: boolean): number {
    const segment = this.#segment;
    if (!segment) return segmentLinear(this.#context, SS, offset, size, write);
    const expandsDown = (segment.rights & 4) !== 0;
    const outside = expandsDown ? offset <= segment.limit : offset + size - 1 > segment.limit;
    if (outside) throw new GuestFault(this.#vector, this.#vector === 12 ? segment.selector & 0xfffc : 0);
    return (segment.base + offset) >>> 0;
  }
}
