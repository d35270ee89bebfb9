// Reset control register: a rising bit 2 resets the machine.
// Truth: Intel 82371SB (PIIX3) data sheet, "RC - Reset Control Register".

import type { AccessSize, PortDevice } from '../machine/bus.ts';
import type { Fields, Stateful } from '../machine/stateful.ts';
import { numberField } from '../machine/stateful.ts';

const RESET_CPU = 0x04;

/** Port 0xcf9. */
export class ResetControl implements PortDevice, Stateful {
  readonly name = 'reset-control';
  readonly version = 1;
  readonly #reset: () => void;
  #value = 0;

  constructor(reset: () => void) {
    this.#reset = reset;
  }

  read(_offset: number, _size: AccessSize): number {
    return this.#value;
  }

  write(_offset: number, _size: AccessSize, value: number): void {
    const isRising = (value & ~this.#value & RESET_CPU) !== 0;
    this.#value = value & 0x06;
    if (isRising) this.#reset();
  }

  save(): Fields {
    return { value: this.#value };
  }

  load(fields: Fields): void {
    this.#value = numberField(fields, 'value');
  }
}
