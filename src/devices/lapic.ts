// The local APIC: one processor's interrupt registers, its timer, and the pin on which the 8259 pair comes in.
// Truth: SDM Vol. 3 "Advanced Programmable Interrupt Controller (APIC)": "Local Vector Table", "APIC Timer", "Issuing
// Interprocessor Interrupts", "Handling Interrupts", "Spurious Interrupt", "Error Handling".

import type { AccessSize, MmioDevice } from '../machine/bus.ts';
import type { Clock } from '../machine/clock.ts';
import type { Fields, Stateful } from '../machine/stateful.ts';
import { booleanField, FieldError, fieldsField, numberField, numbersField, stringField } from '../machine/stateful.ts';
import type { Wire } from '../machine/wire.ts';
import type { ApicAgent, ApicDestination, ApicMessage } from '../machine/apic-bus.ts';
import {
  ApicBus,
  DELIVER_EXTERNAL,
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
  APIC_TMR,
  APIC_IRR,
  APIC_ESR,
  APIC_ICR_LOW,
  APIC_ICR_HIGH,
  APIC_LVT_TIMER,
  APIC_LVT_LINT0,
  APIC_LVT_ERROR,
  APIC_TIMER_INITIAL,
  APIC_TIMER_CURRENT,
  APIC_TIMER_DIVIDE,
  APIC_SELF_IPI,
  LVT_WRITABLE,
} from './lapic-registers.ts';
import { LapicTimer } from './lapic-timer.ts';
import { VectorSet } from './vector-set.ts';
import { isLegalInX2Apic, logicalX2ApicId, lvtWritable } from './x2apic.ts';

export { LAPIC_BUS_HZ } from './lapic-timer.ts';

export * from './lapic-registers.ts';

/** Six LVT entries, the version of a Pentium 4. */
const VERSION = 0x00050014;
const SVR_ENABLE = 0x100;
const LVT_MASKED = 0x10000;
const LVT_PERIODIC = 0x20000;
const LVT_DEADLINE = 0x40000;
const LEVEL_TRIGGERED = 0x8000;
const LEVEL_ASSERT = 0x4000;
const LOGICAL_DESTINATION = 0x800;
/** Model in the destination format register: one bit a processor; the other is clusters of four. */
const FLAT_MODEL = 0xf;
const TO_SELF = 1;
const TO_ALL = 2;
const TO_OTHERS = 3;
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
  readonly #requests = new VectorSet();
  readonly #inService = new VectorSet();
  readonly #triggerMode = new VectorSet();
  #mode: LapicMode = 'xapic';
  #id = 0;
  #taskPriority = 0;
  #logicalDestination = 0;
  #destinationFormat = 0xffffffff;
  #spurious = 0xff;
  #errorStatus = 0;
  #errors = 0;
  #commandLow = 0;
  #commandHigh = 0;
  readonly #lvt = new Map<number, number>();
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
    this.#bus = options.bus ?? new ApicBus();
    this.#bus.attach(this);
    this.#timer = new LapicTimer(options.clock, {
      name: `lapic timer${suffix}`,
      expired: () => this.#timerExpired(),
      deadlineOver: () => options.deadlineOver?.(),
    });
    this.#timer.isPeriodic = () => (this.#lvt.get(APIC_LVT_TIMER)! & LVT_PERIODIC) !== 0;
    for (const offset of Object.keys(LVT_WRITABLE)) this.#lvt.set(Number(offset), LVT_MASKED);
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

  get #isDeadlineMode(): boolean {
    return (this.#lvt.get(APIC_LVT_TIMER)! & LVT_DEADLINE) !== 0;
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
    return this.#isDeadlineMode && this.#timer.setDeadline(cycles);
  }

  /** Level of the pin the 8259 pair drives. */
  setLint0(level: boolean): void {
    const isRising = level && !this.#lint0;
    this.#lint0 = level;
    const entry = this.#lvt.get(APIC_LVT_LINT0)!;
    if (isRising && (entry & LVT_MASKED) === 0 && deliveryMode(entry) !== DELIVER_EXTERNAL) this.#deliverLocal(entry);
    this.#update();
  }

  /** INTR: there is something to acknowledge. */
  get output(): boolean {
    return this.#deliverable() !== undefined || this.#isExternalPending;
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
    for (const set of [this.#requests, this.#inService, this.#triggerMode]) set.clear();
    this.#taskPriority = 0;
    this.#logicalDestination = 0;
    this.#destinationFormat = 0xffffffff;
    this.#spurious = 0xff;
    this.#errorStatus = 0;
    this.#errors = 0;
    this.#commandLow = 0;
    this.#commandHigh = 0;
    for (const offset of this.#lvt.keys()) this.#lvt.set(offset, LVT_MASKED);
    this.#timer.setDivide(0);
    this.#timer.stop();
    this.#update();
  }

  /** The 8259 pair's interrupts arrive as NMI (a watchdog's wiring). */
  get passesNmi(): boolean {
    const entry = this.#lvt.get(APIC_LVT_LINT0)!;
    return (entry & LVT_MASKED) === 0 && deliveryMode(entry) === DELIVER_NMI;
  }

  /** INTA cycle: the vector now in service, or the 8259 pair's, or the spurious one. */
  acknowledge(): number {
    const vector = this.#deliverable();
    if (vector === undefined) {
      const answer = this.#isExternalPending ? this.externalAcknowledge() : this.#spurious & 0xff;
      this.#update();
      return answer;
    }
    this.#requests.delete(vector);
    this.#inService.add(vector);
    this.#update();
    return vector;
  }

  /** A fixed interrupt arrives over the bus. */
  accept(vector: number, isLevel = false): void {
    if (vector < 16) {
      this.#error(ERROR_RECEIVE_VECTOR);
    } else {
      this.#requests.add(vector);
      if (isLevel) this.#triggerMode.add(vector);
      else this.#triggerMode.delete(vector);
    }
    this.#update();
  }

  /** The task-priority register, for a VMM's TPR shadow. */
  get taskPriority(): number {
    return this.#taskPriority;
  }

  /** Processor priority: the higher of task priority and what is in service. */
  get processorPriority(): number {
    const serviced = this.#inService.highest() & 0xf0;
    return (this.#taskPriority & 0xf0) >= serviced ? this.#taskPriority : serviced;
  }

  save(): Fields {
    return {
      requests: this.#requests.save(),
      inService: this.#inService.save(),
      triggerMode: this.#triggerMode.save(),
      mode: this.#mode,
      id: this.#id,
      taskPriority: this.#taskPriority,
      logicalDestination: this.#logicalDestination,
      destinationFormat: this.#destinationFormat,
      spurious: this.#spurious,
      errorStatus: this.#errorStatus,
      errors: this.#errors,
      commandLow: this.#commandLow,
      commandHigh: this.#commandHigh,
      lvt: [...this.#lvt.values()],
      timer: this.#timer.save(),
      lint0: this.#lint0,
      external: this.#external,
      outputLevel: this.#outputLevel,
    };
  }

  load(fields: Fields): void {
    this.#requests.load(numbersField(fields, 'requests'));
    this.#inService.load(numbersField(fields, 'inService'));
    this.#triggerMode.load(numbersField(fields, 'triggerMode'));
    this.#mode = modeField(fields);
    this.#id = numberField(fields, 'id');
    this.#taskPriority = numberField(fields, 'taskPriority');
    this.#logicalDestination = numberField(fields, 'logicalDestination');
    this.#destinationFormat = numberField(fields, 'destinationFormat');
    this.#spurious = numberField(fields, 'spurious');
    this.#errorStatus = numberField(fields, 'errorStatus');
    this.#errors = numberField(fields, 'errors');
    this.#commandLow = numberField(fields, 'commandLow');
    this.#commandHigh = numberField(fields, 'commandHigh');
    const entries = numbersField(fields, 'lvt');
    [...this.#lvt.keys()].forEach((offset, index) => {
      this.#lvt.set(offset, entries[index] ?? LVT_MASKED);
    });
    this.#timer.load(fieldsField(fields, 'timer'));
    this.#lint0 = booleanField(fields, 'lint0');
    this.#external = booleanField(fields, 'external');
    this.#outputLevel = booleanField(fields, 'outputLevel');
  }

  #readRegister(register: number): number {
    if (register >= APIC_ISR && register < APIC_TMR) return this.#inService.word((register - APIC_ISR) >> 4);
    if (register >= APIC_TMR && register < APIC_IRR) return this.#triggerMode.word((register - APIC_TMR) >> 4);
    if (register >= APIC_IRR && register < APIC_ESR) return this.#requests.word((register - APIC_IRR) >> 4);
    const entry = this.#lvt.get(register);
    if (entry !== undefined) return entry;
    switch (register) {
      case APIC_ID:
        return this.#mode === 'x2apic' ? this.#number : this.#id;
      case APIC_VERSION:
        return VERSION;
      case APIC_TPR:
        return this.#taskPriority;
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
    if (this.#lvt.has(register)) {
      this.#writeLvt(register, value);
      return;
    }
    switch (register) {
      case APIC_ID:
        this.#id = (value & 0xff000000) >>> 0;
        break;
      case APIC_TPR:
        this.#taskPriority = value & 0xff;
        break;
      case APIC_EOI: {
        const vector = this.#inService.highest();
        if (vector === 0) break;
        this.#inService.delete(vector);
        if (this.#triggerMode.has(vector)) this.#bus.onEndOfInterrupt(vector);
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
        if ((value & SVR_ENABLE) === 0)
          for (const [offset, entry] of this.#lvt) this.#lvt.set(offset, entry | LVT_MASKED);
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
        if (!this.#isDeadlineMode) this.#timer.start(value);
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

  #writeLvt(register: number, value: number): void {
    const isForcedMasked = (this.#spurious & SVR_ENABLE) === 0;
    const wasDeadlineMode = this.#isDeadlineMode;
    const writable = lvtWritable(register, this.#hasDeadline)!;
    this.#lvt.set(register, (value & writable) | (isForcedMasked ? LVT_MASKED : 0));
    // a change between TSC-deadline mode and the others disarms the timer
    if (this.#isDeadlineMode !== wasDeadlineMode) this.#timer.stop();
  }

  /** The fixed interrupt that may be delivered now. */
  #deliverable(): number | undefined {
    const vector = this.#requests.highest();
    return vector !== 0 && (vector & 0xf0) > (this.processorPriority & 0xf0) ? vector : undefined;
  }

  get #isExternalPending(): boolean {
    if (this.#mode === 'disabled') return this.#lint0;
    if (this.#external) return true;
    const entry = this.#lvt.get(APIC_LVT_LINT0)!;
    return this.#lint0 && (entry & LVT_MASKED) === 0 && deliveryMode(entry) === DELIVER_EXTERNAL;
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
    const entry = this.#lvt.get(APIC_LVT_ERROR)!;
    // An illegal vector in the error entry itself must not report itself for ever.
    if (isNew && (entry & LVT_MASKED) === 0 && (entry & 0xff) >= 16) this.accept(entry & 0xff);
  }

  /** Sends the interprocessor interrupt in the command register. */
  #send(): void {
    const low = this.#commandLow;
    const message = { mode: deliveryMode(low), vector: low & 0xff, isLevel: (low & LEVEL_TRIGGERED) !== 0 };
    const isFixed = message.mode === DELIVER_FIXED || message.mode === DELIVER_LOWEST;
    // the end of a level-triggered INIT only matters to processors before the Pentium 4
    if (message.mode === DELIVER_INIT && message.isLevel && (low & LEVEL_ASSERT) === 0) return;
    if (message.mode === DELIVER_EXTERNAL) return;
    if (isFixed && message.vector < 16) {
      this.#error(ERROR_SEND_VECTOR);
      return;
    }
    switch ((low >> 18) & 3) {
      case TO_SELF:
        this.receive(message);
        break;
      case TO_ALL:
        this.#bus.broadcast(message);
        break;
      case TO_OTHERS:
        this.#bus.broadcast(message, this);
        break;
      default:
        if (!this.#bus.send(this.#commandDestination, message)) this.#error(ERROR_SEND_ACCEPT);
    }
  }

  /** The SELF IPI register: fixed, edge triggered. */
  #sendToSelf(vector: number): void {
    if (vector < 16) this.#error(ERROR_SEND_VECTOR);
    else this.accept(vector);
  }

  get #commandDestination(): ApicDestination {
    const isExtended = this.#mode === 'x2apic';
    return {
      destination: isExtended ? this.#commandHigh : this.#commandHigh >>> 24,
      isLogical: (this.#commandLow & LOGICAL_DESTINATION) !== 0,
      isExtended,
    };
  }

  #timerExpired(): void {
    const entry = this.#lvt.get(APIC_LVT_TIMER)!;
    if ((entry & LVT_MASKED) === 0) this.accept(entry & 0xff);
  }
}

function modeField(fields: Fields): LapicMode {
  const name = stringField(fields, 'mode');
  const mode = MODES.find((known) => known === name);
  if (mode === undefined) throw new FieldError(`a local APIC cannot be in the mode "${name}"`);
  return mode;
}

function deliveryMode(entry: number): number {
  return (entry >> 8) & 7;
}
