// Reads and writes of the guest's memory at addresses the guest gave. The hypervisor works in ring 0, where neither
// segment limits nor page privilege stop it, so every address is checked against the hypervisor's part first.

import { HYPERVISOR_VIRT_START } from '../../xen/abi.ts';
import type { HostCpu } from './host-cpu.ts';

/** Guest memory by linear address; undefined or false where it is not accessible. */
export class GuestCopy {
  readonly #cpu: HostCpu;

  constructor(cpu: HostCpu) {
    this.#cpu = cpu;
  }

  /** The guest may name these bytes. */
  isGuest(linear: number, length: number): boolean {
    return linear + length <= HYPERVISOR_VIRT_START;
  }

  read(linear: number, size: 1 | 2 | 4 = 4): number | undefined {
    return this.isGuest(linear, size) ? this.#cpu.tryLoad(linear, size) : undefined;
  }

  write(linear: number, value: number, size: 1 | 2 | 4 = 4): boolean {
    return this.isGuest(linear, size) && this.#cpu.tryStore(linear, size, value >>> 0);
  }

  /** `count` words. */
  readWords(linear: number, count: number): number[] | undefined {
    const words: number[] = [];
    for (let i = 0; i < count; i++) {
      const word = this.read(linear + i * 4);
      if (word === undefined) return undefined;
      words.push(word);
    }
    return words;
  }

  writeWords(linear: number, words: readonly number[]): boolean {
    return words.every((word, i) => this.write(linear + i * 4, word));
  }

  /** Up to `count` bytes, read by words where that is possible; shorter where memory ends. */
  readBytes(linear: number, count: number): Uint8Array {
    const bytes = new Uint8Array(count);
    for (let i = 0; i < count; ) {
      const size = count - i >= 4 && ((linear + i) & 0xfff) <= 0xffc ? 4 : 1;
      const word = this.read(linear + i, size);
      if (word === undefined) return bytes.subarray(0, i);
      for (let k = 0; k < size; k++) bytes[i++] = word >>> (8 * k);
    }
    return bytes;
  }

  /** A zero-terminated string with its terminator. */
  writeString(linear: number, text: string): boolean {
    for (let i = 0; i <= text.length; i++) {
      if (!this.write(linear + i, i < text.length ? text.charCodeAt(i) : 0, 1)) return false;
    }
    return true;
  }
}
