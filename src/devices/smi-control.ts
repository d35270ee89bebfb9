// Where software asks for a system-management interrupt: the APM control port, and the registers that let it through.
// Truth: Intel 82801 (ICH) data sheet, "APM I/O Decode" (ports 0xb2 and 0xb3), "SMI_EN—SMI Control and Enable Register",
// "SMI_STS—SMI Status Register" (offsets 30H and 34H of the power-management block).

import type { AccessSize, PortDevice } from '../machine/bus.ts';
import type { Fields, Stateful } from '../machine/stateful.ts';
import { numberField } from '../machine/stateful.ts';

/** SMI_EN: all SMIs, and that of the APM control port. */
const GLOBAL_ENABLE = 0x01;
const APM_ENABLE = 0x20;
const ENABLE_WRITABLE = GLOBAL_ENABLE | APM_ENABLE;
/** SMI_STS: the APM control port was written. */
const APM_STATUS = 0x20;

/** The two APM ports, and SMI_EN and SMI_STS as eight ports of their own. */
export class SmiControl implements Stateful {
  readonly name = 'smi-control';
  readonly version = 1;
  readonly apm: PortDevice;
  readonly registers: PortDevice;
  readonly #smi: () => void;
  #control = 0;
  #scratch = 0;
  #enable = 0;
  #status = 0;

  /** `smi` is the pin of the processor. */
  constructor(smi: () => void) {
    this.#smi = smi;
    this.apm = {
      read: (offset) => (offset === 0 ? this.#control : this.#scratch),
      write: (offset, size, value) => {
        for (let byte = 0; byte < size; byte++) this.#writeApm(offset + byte, (value >>> (8 * byte)) & 0xff);
      },
    };
    this.registers = {
      read: (offset, size) => this.#readRegister(offset, size),
      write: (offset, size, value) => {
        for (let byte = 0; byte < size; byte++) this.#writeRegister(offset + byte, (value >>> (8 * byte)) & 0xff);
      },
    };
  }

  save(): Fields {
    return { control: this.#control, scratch: this.#scratch, enable: this.#enable, status: this.#status };
  }

  load(fields: Fields): void {
    this.#control = numberField(fields, 'control');
    this.#scratch = numberField(fields, 'scratch');
    this.#enable = numberField(fields, 'enable');
    this.#status = numberField(fields, 'status');
  }

  #writeApm(offset: number, value: number): void {
    if (offset !== 0) {
      this.#scratch = value;
      return;
    }
    this.#control = value;
    if ((this.#enable & APM_ENABLE) === 0) return;
    this.#status |= APM_STATUS;
    if ((this.#enable & GLOBAL_ENABLE) !== 0) this.#smi();
  }

  #readRegister(offset: number, size: AccessSize): number {
    const value = (offset < 4 ? this.#enable : this.#status) >>> (8 * (offset & 3));
    return size === 4 ? value : value & (size === 2 ? 0xffff : 0xff);
  }

  #writeRegister(offset: number, value: number): void {
    if (offset === 0) this.#enable = value & ENABLE_WRITABLE;
    // a one clears
    else if (offset === 4) this.#status &= ~value;
  }
}
