// The manufacturing test port: firmware and tests write a byte a stage, and a card would show it.
// Truth: IBM PC AT Technical Reference, "I/O Address Map" (port 80).

import type { AccessSize, PortDevice } from '../machine/bus.ts';
import type { Fields, Stateful } from '../machine/stateful.ts';
import { numberField } from '../machine/stateful.ts';

/** Keeps the last code written and passes each on. */
export class PostPort implements PortDevice, Stateful {
  readonly name = 'post-port';
  readonly version = 1;
  /** The last code written. */
  code = 0;
  readonly #listener: ((code: number) => void) | undefined;

  constructor(listener?: (code: number) => void) {
    this.#listener = listener;
  }

  read(_offset: number, _size: AccessSize): number {
    return this.code;
  }

  write(_offset: number, _size: AccessSize, value: number): void {
    this.code = value & 0xff;
    this.#listener?.(this.code);
  }

  save(): Fields {
    return { code: this.code };
  }

  load(fields: Fields): void {
    this.code = numberField(fields, 'code');
  }
}
