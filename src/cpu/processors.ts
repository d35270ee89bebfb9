// Several processors in one core: one of them is in the state area and can run, the others wait in slots. This finds the
// state of each, switches between them and knows which have something to do.

import {
  ACTIVITY,
  CYCLES,
  INIT_PENDING,
  INSTRUCTIONS,
  INTR_LINE,
  MAX_PROCESSORS,
  MSR_TSC_DEADLINE,
  NMI_PENDING,
  OTHERS_TIME,
  PROCESSOR_SLOT_SIZE,
  PROCESSOR_SLOTS,
  REQUEST_YIELD,
  RFLAGS,
  SMM,
  SMI_PENDING,
  STARTUP_PENDING,
  STARTUP_VALID,
  STATE_BASE,
  STOP_REQUESTED,
  VMX_ROOT,
  WOKEN,
} from '../../asm/layout.ts';
import type { CoreExports } from './core-exports.ts';
import type { CpuFields } from './cpu-snapshot.ts';

const HIGH = 2 ** 32;
const EFLAGS_IF = 0x200;
const HALTED = 1;
const WAIT_FOR_SIPI = 3;
const VMX_ROOT_OPERATION = 1;
const VMX_NON_ROOT = 2;

/** The processors of a machine. */
export class Processors {
  readonly count: number;
  readonly #core: CoreExports;
  readonly #view: DataView;
  #selected = 0;
  /** Instructions retired by those that are not selected. */
  #restInstructions = 0;
  /** Bit n: processor n executes, or has to look at something that arrived. */
  #awake = 1;

  /** All but the first wait for start-up messages. */
  constructor(core: CoreExports, view: DataView, count: number) {
    if (count < 1 || count > MAX_PROCESSORS) throw new RangeError(`a machine cannot have ${count} processors`);
    this.#core = core;
    this.#view = view;
    this.count = count;
    for (let n = count - 1; n >= 0; n--) core.openCpu(n, count);
  }

  /** The processor in the state area. */
  get selected(): number {
    return this.#selected;
  }

  /** Puts a processor into the state area. Between runs only. */
  select(n: number): void {
    if (n === this.#selected) return;
    this.#core.selectCpu(n);
    this.#selected = n;
    this.#countRest();
  }

  /** Where the state of processor `n` lies that has its place at `address` in the state area. */
  place(n: number, address: number): number {
    return n === this.#selected ? address : PROCESSOR_SLOTS + n * PROCESSOR_SLOT_SIZE + (address - STATE_BASE);
  }

  /** A 64-bit count of processor `n`. */
  count64(n: number, address: number): number {
    const place = this.place(n, address);
    return this.#view.getUint32(place, true) + this.#view.getUint32(place + 4, true) * HIGH;
  }

  /** The sum of a 64-bit count over all processors. */
  sum(address: number): number {
    let sum = 0;
    for (let n = 0; n < this.count; n++) sum += this.count64(n, address);
    return sum;
  }

  /** Instructions retired by all processors but the selected one. */
  get restInstructions(): number {
    return this.#restInstructions;
  }

  /** Does processor `n` execute, or has something arrived that it has to look at? */
  isAwake(n: number): boolean {
    return ((this.#awake >> n) & 1) === 1;
  }

  /** Instructions retired by processor `n`. */
  instructions(n: number): number {
    return this.count64(n, INSTRUCTIONS);
  }

  /** Cycle count of processor `n`. */
  time(n: number): number {
    return this.count64(n, CYCLES);
  }

  /** Instructions and cycles of each. */
  counts(): { readonly instructions: number; readonly cycles: number }[] {
    return Array.from({ length: this.count }, (_, n) => ({ instructions: this.instructions(n), cycles: this.time(n) }));
  }

  /** The processor that is awake and furthest behind, the first of several; undefined if all sleep. */
  furthestBehind(except?: number): number | undefined {
    let found: number | undefined;
    let earliest = Number.POSITIVE_INFINITY;
    for (let n = 0; n < this.count; n++) {
      if (n === except || !this.isAwake(n)) continue;
      const time = this.time(n);
      if (time >= earliest) continue;
      earliest = time;
      found = n;
    }
    return found;
  }

  /** The processor whose cycle count is highest. */
  furthestAhead(): number {
    let found = 0;
    for (let n = 1; n < this.count; n++) if (this.time(n) > this.time(found)) found = n;
    return found;
  }

  /** The selected processor halted. */
  sleep(): void {
    this.#awake &= ~(1 << this.#selected);
  }

  /** Something arrived at processor `n`: if it slept, it goes on from the present moment, and the running one lets it. */
  wake(n: number): void {
    if (this.isAwake(n)) return;
    this.#awake |= 1 << n;
    const now = this.time(this.#selected);
    if (this.time(n) < now) this.setTime(n, now);
    if (n !== this.#selected) this.requestYield();
  }

  /** Ends the present slice after the instruction that runs now. */
  requestYield(): void {
    this.#view.setUint32(STOP_REQUESTED, this.#view.getUint32(STOP_REQUESTED, true) | REQUEST_YIELD, true);
  }

  /** Wakes those whose MWAIT was ended by a write to memory. */
  takeWoken(): void {
    const woken = this.#view.getUint32(WOKEN, true);
    if (woken === 0) return;
    this.#view.setUint32(WOKEN, 0, true);
    for (let n = 0; n < this.count; n++) if (((woken >> n) & 1) === 1) this.wake(n);
  }

  /** Tells the selected processor how far the slowest of the others has come. */
  setOthersTime(time: number): void {
    const known = Number.isFinite(time);
    this.#view.setUint32(OTHERS_TIME, known ? time % HIGH : HIGH - 1, true);
    this.#view.setUint32(OTHERS_TIME + 4, known ? Math.floor(time / HIGH) : HIGH - 1, true);
  }

  setTime(n: number, cycles: number): void {
    const place = this.place(n, CYCLES);
    this.#view.setUint32(place, cycles % HIGH, true);
    this.#view.setUint32(place + 4, Math.floor(cycles / HIGH), true);
  }

  /** Level of the INTR pin of processor `n`. */
  setIntr(n: number, level: boolean): void {
    this.#view.setUint32(this.place(n, INTR_LINE), level ? 1 : 0, true);
    if (level) this.wake(n);
  }

  /** The timer of processor `n` waits for no time-stamp any more. */
  clearTscDeadline(n: number): void {
    this.#view.setBigUint64(this.place(n, MSR_TSC_DEADLINE), 0n, true);
  }

  raiseNmi(n: number): void {
    this.#view.setUint32(this.place(n, NMI_PENDING), 1, true);
    this.wake(n);
  }

  raiseSmi(n: number): void {
    this.#view.setUint32(this.place(n, SMI_PENDING), 1, true);
    this.wake(n);
  }

  /** INIT arrives at processor `n`. False: it is in VMX operation or system-management mode, where INIT is no reset. */
  raiseInit(n: number): boolean {
    this.#view.setUint32(this.place(n, INIT_PENDING), 1, true);
    this.#view.setUint32(this.place(n, STARTUP_PENDING), 0, true);
    this.wake(n);
    return [VMX_ROOT, SMM].every((mode) => this.#view.getUint32(this.place(n, mode), true) === 0);
  }

  /** A start-up message arrives at processor `n`: nothing happens unless it waits for one. */
  startUp(n: number, vector: number): void {
    const isWaiting = this.#view.getUint32(this.place(n, ACTIVITY), true) === WAIT_FOR_SIPI;
    const isReset =
      this.#view.getUint32(this.place(n, INIT_PENDING), true) !== 0 &&
      this.#view.getUint32(this.place(n, VMX_ROOT), true) !== VMX_ROOT_OPERATION;
    if (!isWaiting && !isReset) return;
    this.#view.setUint32(this.place(n, STARTUP_PENDING), STARTUP_VALID | (vector & 0xff), true);
    this.wake(n);
  }

  /** Could INTR have an effect on a processor, none of which runs? Flags have to be synced. */
  get isInterruptible(): boolean {
    for (let n = 0; n < this.count; n++) {
      if (this.#view.getUint32(this.place(n, ACTIVITY), true) > HALTED) continue;
      if ((this.#view.getUint32(this.place(n, RFLAGS), true) & EFLAGS_IF) !== 0) return true;
      if (this.#view.getUint32(this.place(n, VMX_ROOT), true) === VMX_NON_ROOT) return true;
    }
    return false;
  }

  /** Which processor is selected, which are awake, and the state of those that are not in the state area. */
  save(): CpuFields {
    const others = this.#slots().slice();
    const own = this.#selected * PROCESSOR_SLOT_SIZE;
    if (this.count > 1) others.fill(0, own, own + PROCESSOR_SLOT_SIZE);
    return { processors: this.count, selected: this.#selected, awake: this.#awake, others };
  }

  /**
   * Before the state area is loaded.
   * @throws RangeError when the fields are those of another number of processors
   */
  load({ processors, selected, awake, others }: CpuFields): void {
    if (processors !== this.count)
      throw new RangeError(`there were ${String(processors)} processors, not ${this.count}`);
    if (typeof selected !== 'number' || typeof awake !== 'number' || !(others instanceof Uint8Array))
      throw new RangeError('the state of the processors is missing');
    this.select(selected);
    this.#awake = awake;
    this.#slots().set(others);
  }

  /** After the state of the processors was loaded. */
  loaded(): void {
    this.#countRest();
  }

  /** The slots; a processor that is alone has none. */
  #slots(): Uint8Array {
    const size = this.count > 1 ? this.count * PROCESSOR_SLOT_SIZE : 0;
    return new Uint8Array(this.#view.buffer, this.#view.byteOffset + PROCESSOR_SLOTS, size);
  }

  #countRest(): void {
    this.#restInstructions = 0;
    for (let n = 0; n < this.count; n++)
      if (n !== this.#selected) this.#restInstructions += this.count64(n, INSTRUCTIONS);
  }
}
