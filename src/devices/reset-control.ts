// Reset control register: a rising bit 2 resets the machine.
// Truth: Intel 82371SB (PIIX3) data sheet, "RC - Reset Control Register"; Intel 82441FX (PMC) data sheet, "CONFADD -
// Configuration Address Register".

import type { AccessSize, PortDevice } from '../machine/bus.ts';
import type { Fields, Stateful } from '../machine/stateful.ts';
import { numberField } from '../machine/stateful.ts';

const RESET_CPU = 0x04;
/** Of the register among the ports. */
const REGISTER = 1;

/**
 * Ports 0xcf8 to 0xcfb. The register is the byte at 0xcf9; a doubleword at 0xcf8 is the address of a PCI configuration cycle
 * and does not reach it, though there is no PCI bus to answer.
 */
export class ResetControl implements PortDevice, Stateful {
  readonly name = 'reset-control';
  readonly version = 1;
  readonly #reset: () => void;
  #value = 0;

  constructor(reset: () => void) {
    this.#reset = reset;
  }

  read(offset: number, size: AccessSize): number {
    return offset === REGISTER && size === 1 ? this.#value : 0xffffffff;
  }

  write(offset: number, size: AccessSize, value: number): void {
    if (offset !== REGISTER || size !== 1) return;
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
