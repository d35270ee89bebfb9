// What a PC does with the processor's FERR# pin: it latches IRQ 13; a write to port F0 clears the latch and asserts IGNNE#
// until FERR# goes away, so that the handler may use the x87 unit (SDM Vol. 1, appendix on x87 exception handlers, figure
// "Recommended Circuit for MS-DOS Compatibility x87 FPU Exception Handling"; PIIX3 "FERR#/IGNNE# Control").

import type { AccessSize, PortDevice } from '../machine/bus.ts';
import type { Fields, Stateful } from '../machine/stateful.ts';
import { booleanField } from '../machine/stateful.ts';
import type { Wire } from '../machine/wire.ts';

/** Where the pins lead. */
export interface CoprocessorErrorOptions {
  readonly irq13: Wire;
  /** Level of IGNNE#: the processor goes on in spite of the error. */
  readonly ignoreError: Wire;
}

/** Port F0 and the latch behind IRQ 13. */
export class CoprocessorError implements PortDevice, Stateful {
  readonly name = 'coprocessor-error';
  readonly version = 1;
  readonly #options: CoprocessorErrorOptions;
  #error = false;
  #latched = false;
  #ignored = false;

  constructor(options: CoprocessorErrorOptions) {
    this.#options = options;
  }

  /** Level of FERR#. */
  setError(level: boolean): void {
    this.#error = level;
    if (level) this.#latch(true);
    else this.#ignore(false);
  }

  read(_offset: number, size: AccessSize): number {
    return 2 ** (8 * size) - 1;
  }

  write(_offset: number, _size: AccessSize, _value: number): void {
    this.#latch(false);
    if (this.#error) this.#ignore(true);
  }

  #latch(level: boolean): void {
    this.#latched = level;
    this.#options.irq13(level);
  }

  #ignore(level: boolean): void {
    this.#ignored = level;
    this.#options.ignoreError(level);
  }

  save(): Fields {
    return { error: this.#error, latched: this.#latched, ignored: this.#ignored };
  }

  load(fields: Fields): void {
    this.#error = booleanField(fields, 'error');
    this.#latched = booleanField(fields, 'latched');
    this.#ignored = booleanField(fields, 'ignored');
  }
}
