// A port that ends the run with a status: guests that test themselves say how it went. No chip of a PC does this; the
// convention (status (value << 1) | 1, so never 0) is that of QEMU's "isa-debug-exit" device and kvm-unit-tests.

import type { AccessSize, PortDevice } from '../machine/bus.ts';

/** Writing `value` ends the run with exit status (value << 1) | 1. */
export class DebugExit implements PortDevice {
  readonly #exit: (status: number) => void;

  constructor(exit: (status: number) => void) {
    this.#exit = exit;
  }

  read(_offset: number, _size: AccessSize): number {
    return 0;
  }

  write(_offset: number, _size: AccessSize, value: number): void {
    this.#exit(((value << 1) | 1) & 0xff);
  }
}
