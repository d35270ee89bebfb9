// The keyboard controller of a PC with its keyboard: A20 gate, processor reset, scan codes from the input queue.
// There is no auxiliary (mouse) port: the commands for it do nothing.
// Truth: IBM PC AT Technical Reference, "Keyboard Controller"; IBM PS/2 "Keyboard and Auxiliary Device Controller".

import type { AccessSize, PortDevice } from '../machine/bus.ts';
import type { InputChannel } from '../machine/input-queue.ts';
import type { Fields, Stateful } from '../machine/stateful.ts';
import { booleanField, fieldsField, numberField, numbersField } from '../machine/stateful.ts';
import type { Wire } from '../machine/wire.ts';
import { Keyboard } from './keyboard.ts';
import { ScanCodeTranslator } from './scan-codes.ts';

const STATUS_OUTPUT_FULL = 0x01;
const STATUS_SYSTEM = 0x04;
const STATUS_COMMAND = 0x08;
const STATUS_UNLOCKED = 0x10;
const MODE_INTERRUPT = 0x01;
const MODE_SYSTEM = 0x04;
const MODE_KEYBOARD_OFF = 0x10;
const MODE_TRANSLATE = 0x40;
const OUTPUT_RUNNING = 0x01;
const OUTPUT_A20 = 0x02;
const NO_COMMAND = 0;

/** How the controller is tied to the machine. */
export interface I8042Options {
  readonly irq1: Wire;
  /** Scan codes, set 2 as a keyboard sends them. */
  readonly input: InputChannel;
  readonly a20: (open: boolean) => void;
  /** Pulse on the processor's RESET. */
  readonly reset: () => void;
}

/** Data port 0x60, command and status port 0x64, and port 0x92 (fast A20 and reset). */
export class I8042 implements Stateful {
  readonly name = 'i8042';
  readonly version = 1;
  readonly data: PortDevice;
  readonly control: PortDevice;
  readonly systemControlA: PortDevice;
  readonly #options: I8042Options;
  readonly #keyboard = new Keyboard();
  readonly #translator = new ScanCodeTranslator();
  /** Byte 0 is the mode byte; the rest is memory. */
  readonly #memory = new Uint8Array(32);
  /** The output buffer and what the controller itself wants to send after it. */
  #output: number[] = [];
  #lastOutput = 0;
  /** Controller command that waits for its data byte. */
  #command = NO_COMMAND;
  #wasCommand = false;
  #outputPort = OUTPUT_RUNNING | OUTPUT_A20;
  #irqLevel = false;

  constructor(options: I8042Options) {
    this.#options = options;
    this.#memory[0] = MODE_TRANSLATE | MODE_SYSTEM;
    this.data = { read: () => this.#readData(), write: (_offset, _size, value) => this.#writeData(value & 0xff) };
    this.control = { read: () => this.#status(), write: (_offset, _size, value) => this.#writeCommand(value & 0xff) };
    this.systemControlA = {
      read: () => this.#outputPort & OUTPUT_A20,
      write: (_offset: number, _size: AccessSize, value: number) => {
        this.#setA20((value & OUTPUT_A20) !== 0);
        if ((value & 1) !== 0) options.reset();
      },
    };
    options.input.onArrival = () => this.#update();
  }

  save(): Fields {
    return {
      memory: [...this.#memory],
      output: [...this.#output],
      lastOutput: this.#lastOutput,
      command: this.#command,
      wasCommand: this.#wasCommand,
      outputPort: this.#outputPort,
      irqLevel: this.#irqLevel,
      afterBreak: this.#translator.isAfterBreak,
      keyboard: this.#keyboard.save(),
    };
  }

  load(fields: Fields): void {
    this.#memory.set(numbersField(fields, 'memory'));
    this.#output = numbersField(fields, 'output');
    this.#lastOutput = numberField(fields, 'lastOutput');
    this.#command = numberField(fields, 'command');
    this.#wasCommand = booleanField(fields, 'wasCommand');
    this.#outputPort = numberField(fields, 'outputPort');
    this.#irqLevel = booleanField(fields, 'irqLevel');
    this.#translator.isAfterBreak = booleanField(fields, 'afterBreak');
    this.#keyboard.load(fieldsField(fields, 'keyboard'));
  }

  get #mode(): number {
    return this.#memory[0]!;
  }

  #status(): number {
    return (
      (this.#output.length > 0 ? STATUS_OUTPUT_FULL : 0) |
      ((this.#mode & MODE_SYSTEM) !== 0 ? STATUS_SYSTEM : 0) |
      (this.#wasCommand ? STATUS_COMMAND : 0) |
      STATUS_UNLOCKED
    );
  }

  #readData(): number {
    this.#lastOutput = this.#output.shift() ?? this.#lastOutput;
    this.#drive(false); // the line falls with the buffer empty, and rises again for the next byte
    this.#update();
    return this.#lastOutput;
  }

  #writeData(byte: number): void {
    this.#wasCommand = false;
    const command = this.#command;
    this.#command = NO_COMMAND;
    if (command === NO_COMMAND) {
      this.#memory[0] = this.#mode & ~MODE_KEYBOARD_OFF; // a byte for the keyboard switches its line on
      this.#keyboard.receive(byte);
    } else if (command >= 0x60 && command < 0x80) {
      this.#memory[command & 0x1f] = byte;
    } else if (command === 0xd1) {
      this.#setA20((byte & OUTPUT_A20) !== 0);
      if ((byte & OUTPUT_RUNNING) === 0) this.#options.reset();
    } else if (command === 0xd2) {
      this.#output.push(byte);
    }
    this.#update();
  }

  #writeCommand(command: number): void {
    this.#wasCommand = true;
    this.#command = NO_COMMAND;
    if (command >= 0x20 && command < 0x40) this.#output.push(this.#memory[command & 0x1f]!);
    else if (command >= 0x60 && command < 0x80) this.#command = command;
    else if (command >= 0xf0) this.#pulse(command);
    else this.#controllerCommand(command);
    this.#update();
  }

  #controllerCommand(command: number): void {
    switch (command) {
      case 0xaa: // self test
        this.#memory[0] = this.#mode | MODE_SYSTEM;
        this.#output.push(0x55);
        break;
      case 0xab: // keyboard interface test
        this.#output.push(0x00);
        break;
      case 0xad:
        this.#memory[0] = this.#mode | MODE_KEYBOARD_OFF;
        break;
      case 0xae:
        this.#memory[0] = this.#mode & ~MODE_KEYBOARD_OFF;
        break;
      case 0xc0: // input port: keyboard not inhibited, colour display, 640 KiB
        this.#output.push(0x80);
        break;
      case 0xd0:
        this.#output.push(this.#outputPort | (this.#output.length > 0 ? 0x10 : 0));
        break;
      case 0xd1:
      case 0xd2:
      case 0xd3:
      case 0xd4:
        this.#command = command;
        break;
      case 0xdd:
        this.#setA20(false);
        break;
      case 0xdf:
        this.#setA20(true);
        break;
      case 0xe0: // test inputs: clock and data high
        this.#output.push(0x03);
        break;
    }
  }

  /** Pulses the output-port bits whose command bit is 0; bit 0 is RESET. */
  #pulse(command: number): void {
    if ((command & 1) === 0) this.#options.reset();
  }

  #setA20(open: boolean): void {
    const isOpen = (this.#outputPort & OUTPUT_A20) !== 0;
    if (open === isOpen) return;
    this.#outputPort = open ? this.#outputPort | OUTPUT_A20 : this.#outputPort & ~OUTPUT_A20;
    this.#options.a20(open);
  }

  /** Moves the keyboard's next byte into an empty output buffer and drives IRQ 1. */
  #update(): void {
    while (this.#output.length === 0 && (this.#mode & MODE_KEYBOARD_OFF) === 0) {
      const byte = this.#keyboard.send(this.#options.input);
      if (byte === undefined) break;
      const code = (this.#mode & MODE_TRANSLATE) !== 0 ? this.#translator.translate(byte) : byte;
      if (code !== undefined) this.#output.push(code);
    }
    this.#drive(this.#output.length > 0 && (this.#mode & MODE_INTERRUPT) !== 0);
  }

  #drive(level: boolean): void {
    if (level === this.#irqLevel) return;
    this.#irqLevel = level;
    this.#options.irq1(level);
  }
}
