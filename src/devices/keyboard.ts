// The keyboard behind the 8042: answers commands, and passes on the scan codes that arrive from outside.
// Truth: IBM PS/2 Technical Reference, "101- and 102-Key Keyboards": "Commands from the System".

import type { InputChannel } from '../machine/input-queue.ts';
import type { Fields } from '../machine/stateful.ts';
import { booleanField, numberField, numbersField } from '../machine/stateful.ts';

const ACKNOWLEDGE = 0xfa;
const RESEND = 0xfe;
const SELF_TEST_PASSED = 0xaa;
const ECHO = 0xee;
const IDENTITY = [0xab, 0x83] as const;
const SET_INDICATORS = 0xed;
const SCAN_CODE_SET = 0xf0;
const IDENTIFY = 0xf2;
const TYPEMATIC = 0xf3;
const ENABLE = 0xf4;
const DISABLE = 0xf5;
const DEFAULTS = 0xf6;
const RESET = 0xff;
const NO_COMMAND = 0;

/** A keyboard that sends scan code set 2. */
export class Keyboard {
  #answers: number[] = [];
  #isScanning = true;
  #command = NO_COMMAND;
  #last = 0;

  /** A byte from the controller. */
  receive(byte: number): void {
    const command = this.#command;
    this.#command = NO_COMMAND;
    if (command !== NO_COMMAND && byte < 0x80) {
      this.#argument(command, byte);
      return;
    }
    switch (byte) {
      case ECHO:
        this.#answers.push(ECHO);
        break;
      case SET_INDICATORS:
      case SCAN_CODE_SET:
      case TYPEMATIC:
        this.#command = byte;
        this.#answers.push(ACKNOWLEDGE);
        break;
      case IDENTIFY:
        this.#answers.push(ACKNOWLEDGE, ...IDENTITY);
        break;
      case ENABLE:
        this.#isScanning = true;
        this.#answers.push(ACKNOWLEDGE);
        break;
      case DISABLE:
        this.#isScanning = false;
        this.#answers.push(ACKNOWLEDGE);
        break;
      case DEFAULTS:
        this.#answers.push(ACKNOWLEDGE);
        break;
      case RESEND:
        this.#answers.push(this.#last);
        break;
      case RESET:
        this.#isScanning = true;
        this.#answers = [ACKNOWLEDGE, SELF_TEST_PASSED];
        break;
      default:
        this.#answers.push(RESEND);
    }
  }

  /** The next byte for the controller: answers first, then keys. */
  send(keys: InputChannel): number | undefined {
    const byte = this.#answers.shift() ?? (this.#isScanning ? keys.take() : undefined);
    if (byte !== undefined) this.#last = byte;
    return byte;
  }

  save(): Fields {
    return { answers: [...this.#answers], isScanning: this.#isScanning, command: this.#command, last: this.#last };
  }

  load(fields: Fields): void {
    this.#answers = numbersField(fields, 'answers');
    this.#isScanning = booleanField(fields, 'isScanning');
    this.#command = numberField(fields, 'command');
    this.#last = numberField(fields, 'last');
  }

  /** Only set 2 is sent, so choosing another is refused; which one is in use can be asked. */
  #argument(command: number, byte: number): void {
    if (command !== SCAN_CODE_SET || byte === 2) this.#answers.push(ACKNOWLEDGE);
    else if (byte === 0) this.#answers.push(ACKNOWLEDGE, 2);
    else this.#answers.push(RESEND);
  }
}
