// 16550A UART. Sending takes no time (the holding register is always empty again). Receiving takes a character time a
// byte; what finds no room waits in the input queue, as behind a modem with flow control, so only loopback can overrun.
// Truth: National Semiconductor PC16550D data sheet, "Registers" and "FIFO Interrupt Mode Operation".

import type { AccessSize, PortDevice } from '../machine/bus.ts';
import type { Clock, ClockEvent } from '../machine/clock.ts';
import type { InputChannel } from '../machine/input-queue.ts';
import type { Fields, Stateful } from '../machine/stateful.ts';
import { booleanField, numberField, numbersField } from '../machine/stateful.ts';
import type { Wire } from '../machine/wire.ts';

const INPUT_HZ = 1_843_200;
const FIFO_SIZE = 16;
const TRIGGER_LEVELS = [1, 4, 8, 14] as const;

const IER_RECEIVED = 0x01;
const IER_TRANSMIT = 0x02;
const IER_LINE_STATUS = 0x04;
const IER_MODEM_STATUS = 0x08;
const IIR_NONE = 0x01;
const IIR_MODEM_STATUS = 0x00;
const IIR_TRANSMIT = 0x02;
const IIR_RECEIVED = 0x04;
const IIR_LINE_STATUS = 0x06;
const IIR_TIMEOUT = 0x0c;
const FCR_ENABLE = 0x01;
const FCR_RESET_RECEIVE = 0x02;
const LCR_BREAK = 0x40;
const LCR_DLAB = 0x80;
const MCR_DTR = 0x01;
const MCR_RTS = 0x02;
const MCR_OUT1 = 0x04;
const MCR_OUT2 = 0x08;
const MCR_LOOP = 0x10;
const LSR_DATA = 0x01;
const LSR_OVERRUN = 0x02;
const LSR_BREAK = 0x10;
const LSR_THRE = 0x20;
const LSR_IDLE = 0x40;
const LSR_FIFO_ERROR = 0x80;
const LSR_ERRORS = 0x1e;
/** CTS, DSR and DCD are on: the cable is plugged in. */
const MSR_CONNECTED = 0xb0;

/** How the port is tied to the machine. */
export interface Uart16550Options {
  readonly clock: Clock;
  readonly irq: Wire;
  /** A byte leaves on the serial line. */
  readonly transmit: (byte: number) => void;
  /** Bytes from the serial line. */
  readonly input: InputChannel;
}

/** One serial port: eight ports. */
export class Uart16550 implements PortDevice, Stateful {
  readonly name = 'uart16550';
  readonly version = 1;
  readonly #clock: Clock;
  readonly #irq: Wire;
  readonly #transmit: (byte: number) => void;
  readonly #input: InputChannel;
  readonly #receiveEvent: ClockEvent;
  readonly #timeoutEvent: ClockEvent;
  #interruptEnable = 0;
  #fifoControl = 0;
  #lineControl = 0;
  #modemControl = 0;
  #scratch = 0;
  #divisor = 12;
  /** Receiver FIFO; without FIFO mode the receiver buffer register. */
  #received: number[] = [];
  /** Overrun and break, until the line status is read. */
  #errors = 0;
  #transmitPending = false;
  #timeout = false;
  #modemLines = MSR_CONNECTED;
  #modemDeltas = 0;
  #irqLevel = false;

  constructor({ clock, irq, transmit, input }: Uart16550Options) {
    this.#clock = clock;
    this.#irq = irq;
    this.#transmit = transmit;
    this.#input = input;
    this.#timeoutEvent = clock.event('uart16550 character timeout', () => {
      this.#timeout = this.#received.length > 0;
      this.#update();
    });
    this.#receiveEvent = clock.event('uart16550 receiver', () => this.#receive());
    input.onArrival = () => this.#receive();
  }

  read(offset: number, _size: AccessSize): number {
    const isLatchAccess = (this.#lineControl & LCR_DLAB) !== 0;
    switch (offset) {
      case 0:
        return isLatchAccess ? this.#divisor & 0xff : this.#readBuffer();
      case 1:
        return isLatchAccess ? this.#divisor >> 8 : this.#interruptEnable;
      case 2:
        return this.#readIdentification();
      case 3:
        return this.#lineControl;
      case 4:
        return this.#modemControl;
      case 5:
        return this.#readLineStatus();
      case 6:
        return this.#readModemStatus();
      default:
        return this.#scratch;
    }
  }

  write(offset: number, _size: AccessSize, value: number): void {
    const byte = value & 0xff;
    const isLatchAccess = (this.#lineControl & LCR_DLAB) !== 0;
    switch (offset) {
      case 0:
        if (isLatchAccess) this.#divisor = (this.#divisor & 0xff00) | byte;
        else this.#send(byte);
        break;
      case 1:
        if (isLatchAccess) this.#divisor = (this.#divisor & 0xff) | (byte << 8);
        else this.#enableInterrupts(byte & 0x0f);
        break;
      case 2:
        this.#controlFifo(byte);
        break;
      case 3:
        this.#lineControl = byte;
        if (this.#isLooping && (byte & LCR_BREAK) !== 0) this.#accept(0, LSR_BREAK);
        break;
      case 4:
        this.#modemControl = byte & 0x1f;
        this.#setModemLines();
        this.#receive();
        break;
      case 7:
        this.#scratch = byte;
        break;
    }
    this.#update();
  }

  save(): Fields {
    return {
      interruptEnable: this.#interruptEnable,
      fifoControl: this.#fifoControl,
      lineControl: this.#lineControl,
      modemControl: this.#modemControl,
      scratch: this.#scratch,
      divisor: this.#divisor,
      received: [...this.#received],
      errors: this.#errors,
      transmitPending: this.#transmitPending,
      timeout: this.#timeout,
      modemLines: this.#modemLines,
      modemDeltas: this.#modemDeltas,
      irqLevel: this.#irqLevel,
    };
  }

  load(fields: Fields): void {
    this.#interruptEnable = numberField(fields, 'interruptEnable');
    this.#fifoControl = numberField(fields, 'fifoControl');
    this.#lineControl = numberField(fields, 'lineControl');
    this.#modemControl = numberField(fields, 'modemControl');
    this.#scratch = numberField(fields, 'scratch');
    this.#divisor = numberField(fields, 'divisor');
    this.#received = numbersField(fields, 'received');
    this.#errors = numberField(fields, 'errors');
    this.#transmitPending = booleanField(fields, 'transmitPending');
    this.#timeout = booleanField(fields, 'timeout');
    this.#modemLines = numberField(fields, 'modemLines');
    this.#modemDeltas = numberField(fields, 'modemDeltas');
    this.#irqLevel = booleanField(fields, 'irqLevel');
  }

  get #hasFifo(): boolean {
    return (this.#fifoControl & FCR_ENABLE) !== 0;
  }

  get #isLooping(): boolean {
    return (this.#modemControl & MCR_LOOP) !== 0;
  }

  get #capacity(): number {
    return this.#hasFifo ? FIFO_SIZE : 1;
  }

  /** The other end sends only to who is ready (RTS, DTR) or asked for receiver interrupts: nothing typed before is lost. */
  get #isListening(): boolean {
    return (this.#modemControl & (MCR_RTS | MCR_DTR)) !== 0 || (this.#interruptEnable & IER_RECEIVED) !== 0;
  }

  /** Takes a byte from the line if there is room and the last one is a character time ago. In loopback the line is cut. */
  #receive(): void {
    if (
      !this.#isListening ||
      this.#isLooping ||
      this.#receiveEvent.due !== undefined ||
      this.#received.length >= this.#capacity
    )
      return;
    const byte = this.#input.take();
    if (byte === undefined) return;
    this.#accept(byte, 0);
    this.#receiveEvent.schedule(this.#afterCharacters(1));
    this.#update();
  }

  /** When `count` characters at the programmed speed and format have passed. */
  #afterCharacters(count: number): number {
    const bits = 7 + (this.#lineControl & 3) + ((this.#lineControl >> 2) & 1) + ((this.#lineControl >> 3) & 1);
    const ticks = count * bits * 16 * Math.max(1, this.#divisor);
    return this.#clock.cyclesOfTick(INPUT_HZ, this.#clock.ticks(INPUT_HZ) + ticks);
  }

  #accept(byte: number, error: number): void {
    this.#errors |= error;
    if (this.#received.length < this.#capacity) {
      this.#received.push(byte);
    } else {
      this.#errors |= LSR_OVERRUN;
      if (!this.#hasFifo) this.#received[0] = byte; // the buffer register is overwritten, a full FIFO is not
    }
    this.#restartTimeout();
  }

  #readBuffer(): number {
    const byte = this.#received.shift() ?? 0;
    this.#timeout = false;
    this.#restartTimeout();
    // INTR falls before the next byte is there, so that an edge-triggered controller sees it.
    if (this.#input.waiting > 0 && this.#receiveEvent.due === undefined)
      this.#receiveEvent.schedule(this.#afterCharacters(1));
    this.#update();
    return byte;
  }

  /** Four character times without traffic make what is below the trigger level known. */
  #restartTimeout(): void {
    if (!this.#hasFifo || this.#received.length === 0) {
      this.#timeoutEvent.cancel();
      return;
    }
    this.#timeoutEvent.schedule(this.#afterCharacters(4));
  }

  #send(byte: number): void {
    if (this.#isLooping) this.#accept(byte, 0);
    else this.#transmit(byte);
    this.#transmitPending = true;
  }

  #enableInterrupts(byte: number): void {
    const isTransmitNew = (byte & IER_TRANSMIT) !== 0 && (this.#interruptEnable & IER_TRANSMIT) === 0;
    this.#interruptEnable = byte;
    if (isTransmitNew) this.#transmitPending = true; // the register is empty, and now that matters
    this.#receive();
  }

  #controlFifo(byte: number): void {
    const isChange = ((byte ^ this.#fifoControl) & FCR_ENABLE) !== 0;
    this.#fifoControl = byte & 0xc9;
    if (isChange || (byte & FCR_RESET_RECEIVE) !== 0) {
      this.#received = [];
      this.#timeout = false;
      this.#timeoutEvent.cancel();
    }
    this.#receive();
  }

  #identification(): number {
    const enabled = this.#interruptEnable;
    if ((enabled & IER_LINE_STATUS) !== 0 && this.#errors !== 0) return IIR_LINE_STATUS;
    if ((enabled & IER_RECEIVED) !== 0) {
      const trigger = this.#hasFifo ? TRIGGER_LEVELS[(this.#fifoControl >> 6) as 0 | 1 | 2 | 3] : 1;
      if (this.#received.length >= trigger) return IIR_RECEIVED;
      if (this.#timeout) return IIR_TIMEOUT;
    }
    if ((enabled & IER_TRANSMIT) !== 0 && this.#transmitPending) return IIR_TRANSMIT;
    if ((enabled & IER_MODEM_STATUS) !== 0 && this.#modemDeltas !== 0) return IIR_MODEM_STATUS;
    return IIR_NONE;
  }

  #readIdentification(): number {
    const identification = this.#identification();
    if (identification === IIR_TRANSMIT) {
      this.#transmitPending = false;
      this.#update();
    }
    return identification | (this.#hasFifo ? 0xc0 : 0);
  }

  #readLineStatus(): number {
    const errors = this.#errors;
    const data = this.#received.length > 0 ? LSR_DATA : 0;
    const inFifo = this.#hasFifo && (errors & LSR_ERRORS & ~LSR_OVERRUN) !== 0 ? LSR_FIFO_ERROR : 0;
    this.#errors = 0;
    this.#update();
    return data | errors | LSR_THRE | LSR_IDLE | inFifo;
  }

  #readModemStatus(): number {
    const status = this.#modemLines | this.#modemDeltas;
    this.#modemDeltas = 0;
    this.#update();
    return status;
  }

  /** In loopback the four outputs are the four inputs: DTR DSR, RTS CTS, OUT1 RI, OUT2 DCD. */
  #setModemLines(): void {
    const control = this.#modemControl;
    const looped =
      ((control & MCR_RTS) !== 0 ? 0x10 : 0) |
      ((control & MCR_DTR) !== 0 ? 0x20 : 0) |
      ((control & MCR_OUT1) !== 0 ? 0x40 : 0) |
      ((control & MCR_OUT2) !== 0 ? 0x80 : 0);
    const lines = this.#isLooping ? looped : MSR_CONNECTED;
    const changed = (lines ^ this.#modemLines) >> 4;
    const ringEnded = (this.#modemLines & 0x40) !== 0 && (lines & 0x40) === 0 ? 4 : 0;
    this.#modemDeltas |= (changed & 0x0b) | ringEnded;
    this.#modemLines = lines;
  }

  /** INTR reaches the bus through the driver that OUT2 enables; in loopback the pin is off. */
  #update(): void {
    const isGated = this.#isLooping || (this.#modemControl & MCR_OUT2) === 0;
    const level = !isGated && this.#identification() !== IIR_NONE;
    if (level === this.#irqLevel) return;
    this.#irqLevel = level;
    this.#irq(level);
  }
}
