// A port whose bytes go to the host's console: test ROMs and firmware print there before any chip is set up. No chip of a PC
// does this; the convention, and the value it reads as, is that of the port 0xe9 of Bochs and of QEMU's "isa-debugcon" device.

import type { AccessSize, PortDevice } from '../machine/bus.ts';

/** Software recognizes the port by reading its usual number. */
const PRESENT = 0xe9;

/** Passes every byte on. */
export class DebugConsole implements PortDevice {
  readonly #write: (byte: number) => void;

  constructor(write: (byte: number) => void) {
    this.#write = write;
  }

  read(_offset: number, _size: AccessSize): number {
    return PRESENT;
  }

  write(_offset: number, _size: AccessSize, value: number): void {
    this.#write(value & 0xff);
  }
}
