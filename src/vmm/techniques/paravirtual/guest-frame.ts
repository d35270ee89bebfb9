// The interrupted guest's EIP, CS, EFLAGS, ESP and SS, where the CPU pushed them: the top of the ring-0 stack. Reading
// and changing them are charged memory accesses; a real IRET takes them from there.

import type { HostCpu } from './host-cpu.ts';
import { FRAME_CS, FRAME_EFLAGS, FRAME_EIP, FRAME_ERROR, FRAME_ESP, FRAME_SS } from './layout.ts';

/** The frame of the guest. */
export class GuestFrame {
  readonly #cpu: HostCpu;

  constructor(cpu: HostCpu) {
    this.#cpu = cpu;
  }

  get eip(): number {
    return this.#load(FRAME_EIP);
  }
  set eip(value: number) {
    this.#cpu.tryStore(FRAME_EIP, 4, value >>> 0);
  }
  get cs(): number {
    return this.#load(FRAME_CS) & 0xffff;
  }
  set cs(value: number) {
    this.#cpu.tryStore(FRAME_CS, 4, value & 0xffff);
  }
  get eflags(): number {
    return this.#load(FRAME_EFLAGS);
  }
  set eflags(value: number) {
    this.#cpu.tryStore(FRAME_EFLAGS, 4, value >>> 0);
  }
  get esp(): number {
    return this.#load(FRAME_ESP);
  }
  set esp(value: number) {
    this.#cpu.tryStore(FRAME_ESP, 4, value >>> 0);
  }
  get ss(): number {
    return this.#load(FRAME_SS) & 0xffff;
  }
  set ss(value: number) {
    this.#cpu.tryStore(FRAME_SS, 4, value & 0xffff);
  }
  /** The error code below the frame, where the exception pushed one. */
  get error(): number {
    return this.#load(FRAME_ERROR);
  }

  #load(at: number): number {
    return this.#cpu.tryLoad(at, 4)!;
  }
}
