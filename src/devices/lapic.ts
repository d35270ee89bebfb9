// The local APIC: one processor's interrupt registers, and the pin on which the 8259 pair comes in. Its timer, its local vectors
// and its commands are in files of their own.
// Truth: SDM Vol. 3 "Advanced Programmable Interrupt Controller (APIC)": "Handling Interrupts", "Spurious Interrupt", "Error
// Handling".

import type { AccessSize, MmioDevice } from '../machine/bus.ts';
import type { Clock } from '../machine/clock.ts';
import type { Fields, Stateful } from '../machine/stateful.ts';
import { booleanField, FieldError, fieldsField, numberField, numbersField, stringField } from '../machine/stateful.ts';
import type { Wire } from '../machine/wire.ts';
import type { ApicAgent, ApicDestination, ApicMessage } from '../machine/apic-bus.ts';
import {
  ApicBus,
  DELIVER_FIXED,
  DELIVER_INIT,
  DELIVER_LOWEST,
  DELIVER_NMI,
  DELIVER_SMI,
  DELIVER_STARTUP,
} from '../machine/apic-bus.ts';
import {
  APIC_ID,
  APIC_VERSION,
  APIC_TPR,
  APIC_APR,
  APIC_PPR,
  APIC_EOI,
  APIC_LDR,
  APIC_DFR,
  APIC_SVR,
  APIC_ISR,
  APIC_ESR,
  APIC_ICR_LOW,
  APIC_ICR_HIGH,
  APIC_TIMER_INITIAL,
  APIC_TIMER_CURRENT,
  APIC_TIMER_DIVIDE,
  APIC_SELF_IPI,
} from './lapic-registers.ts';
import { AcceptedInterrupts } from './accepted-interrupts.ts';
import { LapicTimer } from './lapic-timer.ts';
import { commandDestination, commandMessage, commandShorthand, hasIllegalVector } from './lapic-command.ts';
import { deliveryMode, LocalVectors } from './local-vectors.ts';
import { isLegalInX2Apic, logicalX2ApicId } from './x2apic.ts';

export { LAPIC_BUS_HZ } from './lapic-timer.ts';

export * from './lapic-registers.ts';

/** Six LVT entries, the version of a Pentium 4. */
const VERSION = 0x00050014;
const SVR_ENABLE = 0x100;
/** Model in the destination format register: one bit a processor; the other is clusters of four. */
const FLAT_MODEL = 0xf;
const ERROR_SEND_ACCEPT = 0x04;
const ERROR_SEND_VECTOR = 0x20;
const ERROR_RECEIVE_VECTOR = 0x40;
const ERROR_REGISTER = 0x80;

/** Modes of IA32_APIC_BASE. */
const MODES = ['disabled', 'xapic', 'x2apic'] as const;
export type LapicMode = (typeof MODES)[number];

/** How the APIC is tied to processor and machine. */
export interface LapicOptions {
  readonly clock: Clock;
  /** INTR of the processor core. */
  readonly interrupt: Wire;
  /** An NMI was delivered. */
  readonly nmi: () => void;
  /** A system-management interrupt was delivered. */
  readonly smi?: () => void;
  /** INIT was delivered; `reset` has to follow if the processor takes it. */
  readonly init?: () => void;
  /** A start-up message was delivered. */
  readonly startUp?: (vector: number) => void;
  /** The timer waits for no cycle count any more; without it the timer has no TSC-deadline mode. */
  readonly deadlineOver?: () => void;
  /** The other APICs; alone without. */
  readonly bus?: ApicBus;
  /** Number of the processor, which is the APIC ID after reset. */
  readonly processor?: number;
}

/** One local APIC, 4 KiB of registers. */
export class Lapic implements MmioDevice, ApicAgent, Stateful {
  readonly name: string;
  readonly version = 4;
  /** INTA cycle of the 8259 pair, for LINT0 in ExtINT mode. */
  externalAcknowledge: () => number = () => this.#spurious & 0xff;
  readonly #options: LapicOptions;
  readonly #bus: ApicBus;
  readonly #timer: LapicTimer;
  readonly #accepted = new AcceptedInterrupts();
  #mode: LapicMode = 'xapic';
  #id = 0;
  #logicalDestination = 0;
  #destinationFormat = 0xffffffff;
  #spurious = 0xff;
  #errorStatus = 0;
  #errors = 0;
  #commandLow = 0;
  #commandHigh = 0;
  readonly #vectors: LocalVectors;
  #lint0 = false;
  /** The 8259 pair as an ExtINT entry of the I/O APIC passes it on. */
  #external = false;
  #outputLevel = false;

  constructor(options: LapicOptions) {
    const processor = options.processor ?? 0;
    const suffix = processor === 0 ? '' : ` ${processor}`;
    this.name = `lapic${suffix}`;
    this.#options = options;
    this.#id = this.#initialId;
    this.#vectors = new LocalVectors(this.#hasDeadline);
    this.#bus = options.bus ?? new ApicBus();
    this.#bus.attach(this);
    this.#timer = new LapicTimer(options.clock, {
      name: `lapic timer${suffix}`,
      expired: () => this.#timerExpired(),
      deadlineOver: () => options.deadlineOver?.(),
    });
    this.#timer.isPeriodic = () => this.#vectors.isPeriodic;
  }

  get #number(): number {
    return this.#options.processor ?? 0;
  }

  get #initialId(): number {
    return (this.#number << 24) >>> 0;
  }

  get #hasDeadline(): boolean {
    return this.#options.deadlineOver !== undefined;
  }

  read(offset: number, size: AccessSize): number {
    const register = offset & ~0xf;
    const shift = 8 * (offset & 3);
    const value = (offset & 0xf) < 4 ? this.#readRegister(register) : 0;
    return size === 4 ? value : (value >>> shift) & (size === 2 ? 0xffff : 0xff);
  }

  /** Registers are written with aligned 32-bit stores; the SDM leaves everything else undefined, here it has no effect. */
  write(offset: number, size: AccessSize, value: number): void {
    if (size !== 4 || (offset & 0xf) !== 0) return;
    this.#writeRegister(offset, value >>> 0);
    this.#update();
  }

  /** WRMSR in x2APIC mode; false when a reserved bit is set or the register is read only. */
  writeExtended(register: number, low: number, high: number): boolean {
    if (!isLegalInX2Apic(register, low, high, this.#hasDeadline)) return false;
    if (register === APIC_ICR_LOW) this.#commandHigh = high;
    if (register === APIC_SELF_IPI) this.#sendToSelf(low);
    else this.#writeRegister(register, low);
    this.#update();
    return true;
  }

  /** The timer is to fire at a cycle count, or at none; true when it waits for it. */
  setDeadline(cycles: number | undefined): boolean {
    return this.#vectors.isDeadline && this.#timer.setDeadline(cycles);
  }

  /** Level of the pin the 8259 pair drives. */
  setLint0(level: boolean): void {
    const isRising = level && !this.#lint0;
    this.#lint0 = level;
    const { lint0, isLint0External } = this.#vectors;
    if (isRising && lint0 !== undefined && !isLint0External) this.#deliverLocal(lint0);
    this.#update();
  }

  /** INTR: there is something to acknowledge. */
  get output(): boolean {
    return this.#accepted.deliverable !== undefined || this.#isExternalPending;
  }

  isAddressed({ destination, isLogical, isExtended }: ApicDestination): boolean {
    if (this.#mode === 'disabled') return false;
    if (destination === (isExtended ? 0xffffffff : 0xff)) return true;
    if (this.#mode === 'x2apic') {
      const own = logicalX2ApicId(this.#number);
      if (!isLogical) return destination === this.#number;
      return destination >>> 16 === own >>> 16 && (destination & own & 0xffff) !== 0;
    }
    if (!isLogical) return destination === this.#id >>> 24;
    const logical = this.#logicalDestination >>> 24;
    if (this.#destinationFormat >>> 28 === FLAT_MODEL) return (destination & logical) !== 0;
    return destination >> 4 === logical >> 4 && (destination & logical & 0xf) !== 0;
  }

  get acceptsFixed(): boolean {
    return (this.#spurious & SVR_ENABLE) !== 0;
  }

  receive({ mode, vector, isLevel }: ApicMessage): void {
    if (this.#mode === 'disabled') return;
    if (mode === DELIVER_FIXED || mode === DELIVER_LOWEST) this.accept(vector, isLevel);
    else if (mode === DELIVER_NMI) this.#options.nmi();
    else if (mode === DELIVER_SMI) this.#options.smi?.();
    else if (mode === DELIVER_INIT) this.#options.init?.();
    else if (mode === DELIVER_STARTUP) this.#options.startUp?.(vector);
  }

  setExternal(level: boolean): void {
    this.#external = level;
    this.#update();
  }

  /**
   * IA32_APIC_BASE changed (SDM Vol. 3 "Enabling or Disabling the Local APIC", "x2APIC State Transitions"). Disabled, the
   * processor is one without local APIC, whose INTR pin is LINT0; enabled again, everything is as after power-up. x2APIC
   * mode keeps the registers and has IDs of its own.
   */
  setMode(mode: LapicMode): void {
    this.#mode = mode;
    this.#id = this.#initialId;
    if (mode !== 'x2apic') this.reset();
  }

  /** The processor took an INIT: everything but the APIC ID is as after power-up. */
  reset(): void {
    this.#accepted.reset();
    this.#logicalDestination = 0;
    this.#destinationFormat = 0xffffffff;
    this.#spurious = 0xff;
    this.#errorStatus = 0;
    this.#errors = 0;
    this.#commandLow = 0;
    this.#commandHigh = 0;
    this.#vectors.reset();
    this.#timer.setDivide(0);
    this.#timer.stop();
    this.#update();
  }

  /** The 8259 pair's interrupts arrive as NMI (a watchdog's wiring). */
  get passesNmi(): boolean {
    return this.#vectors.isLint0Nmi;
  }

  /** INTA cycle: the vector now in service, or the 8259 pair's, or the spurious one. */
  acknowledge(): number {
    const vector = this.#accepted.deliverable;
    if (vector === undefined) {
      const answer = this.#isExternalPending ? this.externalAcknowledge() : this.#spurious & 0xff;
      this.#update();
      return answer;
    }
    this.#accepted.take(vector);
    this.#update();
    return vector;
  }

  /** A fixed interrupt arrives over the bus. */
  accept(vector: number, isLevel = false): void {
    if (vector < 16) {
      this.#error(ERROR_RECEIVE_VECTOR);
    } else {
      this.#accepted.add(vector, isLevel);
    }
    this.#update();
  }

  /** The task-priority register, for a VMM's TPR shadow. */
  get taskPriority(): number {
    return this.#accepted.taskPriority;
  }

  /** Processor priority: the higher of task priority and what is in service. */
  get processorPriority(): number {
    return this.#accepted.processorPriority;
  }

  save(): Fields {
    return {
      ...this.#accepted.save(),
      mode: this.#mode,
      id: this.#id,
      logicalDestination: this.#logicalDestination,
      destinationFormat: this.#destinationFormat,
      spurious: this.#spurious,
      errorStatus: this.#errorStatus,
      errors: this.#errors,
      commandLow: this.#commandLow,
      commandHigh: this.#commandHigh,
      lvt: this.#vectors.save(),
      timer: this.#timer.save(),
      lint0: this.#lint0,
      external: this.#external,
      outputLevel: this.#outputLevel,
    };
  }

  load(fields: Fields): void {
    this.#accepted.load(fields);
    this.#mode = modeField(fields);
    this.#id = numberField(fields, 'id');
    this.#logicalDestination = numberField(fields, 'logicalDestination');
    this.#destinationFormat = numberField(fields, 'destinationFormat');
    this.#spurious = numberField(fields, 'spurious');
    this.#errorStatus = numberField(fields, 'errorStatus');
    this.#errors = numberField(fields, 'errors');
    this.#commandLow = numberField(fields, 'commandLow');
    this.#commandHigh = numberField(fields, 'commandHigh');
    this.#vectors.load(numbersField(fields, 'lvt'));
    this.#timer.load(fieldsField(fields, 'timer'));
    this.#lint0 = booleanField(fields, 'lint0');
    this.#external = booleanField(fields, 'external');
    this.#outputLevel = booleanField(fields, 'outputLevel');
  }

  #readRegister(register: number): number {
    const known = this.#accepted.read(register) ?? this.#vectors.read(register);
    if (known !== undefined) return known;
    switch (register) {
      case APIC_ID:
        return this.#mode === 'x2apic' ? this.#number : this.#id;
      case APIC_VERSION:
        return VERSION;
      case APIC_TPR:
        return this.#accepted.taskPriority;
      case APIC_APR:
      case APIC_PPR:
        return this.processorPriority;
      case APIC_EOI:
        return 0;
      case APIC_LDR:
        return this.#mode === 'x2apic' ? logicalX2ApicId(this.#number) : this.#logicalDestination;
      case APIC_DFR:
        return this.#destinationFormat;
      case APIC_SVR:
        return this.#spurious;
      case APIC_ESR:
        return this.#errorStatus;
      case APIC_ICR_LOW:
        return this.#commandLow;
      case APIC_ICR_HIGH:
        return this.#commandHigh;
      case APIC_TIMER_INITIAL:
        return this.#timer.initialCount;
      case APIC_TIMER_CURRENT:
        return this.#timer.currentCount;
      case APIC_TIMER_DIVIDE:
        return this.#timer.divide;
      default:
        this.#error(ERROR_REGISTER);
        return 0;
    }
  }

  #writeRegister(register: number, value: number): void {
    if (this.#vectors.read(register) !== undefined) {
      this.#writeVector(register, value);
      return;
    }
    switch (register) {
      case APIC_ID:
        this.#id = (value & 0xff000000) >>> 0;
        break;
      case APIC_TPR:
        this.#accepted.taskPriority = value & 0xff;
        break;
      case APIC_EOI: {
        const level = this.#accepted.end();
        if (level !== undefined) this.#bus.onEndOfInterrupt(level);
        break;
      }
      case APIC_LDR:
        this.#logicalDestination = (value & 0xff000000) >>> 0;
        break;
      case APIC_DFR:
        this.#destinationFormat = (value | 0x0fffffff) >>> 0;
        break;
      case APIC_SVR:
        this.#spurious = value & 0x3ff;
        if ((value & SVR_ENABLE) === 0) this.#vectors.mask();
        break;
      case APIC_ESR:
        this.#errorStatus = this.#errors;
        this.#errors = 0;
        break;
      case APIC_ICR_LOW:
        this.#commandLow = value & 0x000ccfff;
        this.#send();
        break;
      case APIC_ICR_HIGH:
        this.#commandHigh = (value & 0xff000000) >>> 0;
        break;
      case APIC_TIMER_INITIAL:
        if (!this.#vectors.isDeadline) this.#timer.start(value);
        break;
      case APIC_TIMER_DIVIDE:
        this.#timer.setDivide(value & 0xb);
        break;
      case APIC_VERSION:
      case APIC_APR:
      case APIC_PPR:
      case APIC_TIMER_CURRENT:
        break; // read only
      default:
        if (register < APIC_ISR || register >= APIC_ESR) this.#error(ERROR_REGISTER);
    }
  }

  #writeVector(register: number, value: number): void {
    const wasDeadline = this.#vectors.isDeadline;
    this.#vectors.write(register, value, this.acceptsFixed);
    // a change between TSC-deadline mode and the others disarms the timer
    if (this.#vectors.isDeadline !== wasDeadline) this.#timer.stop();
  }

  get #isExternalPending(): boolean {
    if (this.#mode === 'disabled') return this.#lint0;
    if (this.#external) return true;
    return this.#lint0 && this.#vectors.isLint0External;
  }

  #update(): void {
    const level = this.output;
    if (level === this.#outputLevel) return;
    this.#outputLevel = level;
    this.#options.interrupt(level);
  }

  /** A local source fires through its LVT entry. */
  #deliverLocal(entry: number): void {
    if (deliveryMode(entry) === DELIVER_NMI) this.#options.nmi();
    else if (deliveryMode(entry) === DELIVER_SMI) this.#options.smi?.();
    else if (deliveryMode(entry) === DELIVER_FIXED) this.accept(entry & 0xff);
  }

  /** Records an error; the first one raises the error interrupt. */
  #error(bit: number): void {
    const isNew = (this.#errors & bit) === 0;
    this.#errors |= bit;
    const { error } = this.#vectors;
    // An illegal vector in the error entry itself must not report itself for ever.
    if (isNew && error !== undefined && (error & 0xff) >= 16) this.accept(error & 0xff);
  }

  /** Sends the interprocessor interrupt in the command register. */
  #send(): void {
    const command = { low: this.#commandLow, high: this.#commandHigh, isExtended: this.#mode === 'x2apic' };
    const message = commandMessage(command);
    if (message === undefined) return;
    if (hasIllegalVector(message)) {
      this.#error(ERROR_SEND_VECTOR);
      return;
    }
    switch (commandShorthand(command)) {
      case 'self':
        this.receive(message);
        break;
      case 'all':
        this.#bus.broadcast(message);
        break;
      case 'others':
        this.#bus.broadcast(message, this);
        break;
      case 'address':
        if (!this.#bus.send(commandDestination(command), message)) this.#error(ERROR_SEND_ACCEPT);
    }
  }

  /** The SELF IPI register: fixed, edge triggered. */
  #sendToSelf(vector: number): void {
    if (vector < 16) this.#error(ERROR_SEND_VECTOR);
    else this.accept(vector);
  }

  #timerExpired(): void {
    const { timer } = this.#vectors;
    if (timer !== undefined) this.accept(timer & 0xff);
  }
}

function modeField(fields: Fields): LapicMode {
  const name = stringField(fields, 'mode');
  const mode = MODES.find((known) => known === name);
  if (mode === undefined) throw new FieldError(`a local APIC cannot be in the mode "${name}"`);
  return mode;
}
