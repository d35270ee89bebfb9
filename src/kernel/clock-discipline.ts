// How CLOCK_REALTIME is steered (adjtimex(2)): it runs faster or slower than the processor's time by a frequency, and works off
// corrections slowly. Times are nanoseconds since boot.

/** What adjtimex(2) calls the limits of frequency, error and time constant. */
export const MOST_FREQUENCY = 32_768_000;
export const MOST_ERROR = 16_000_000;
export const MOST_CONSTANT = 10;
const MOST_PHASE = 500_000_000n;
/** Microseconds of a tick when the clock is exact. */
const EXACT_TICK = 10_000;
/** Frequencies are in units of 2^-16 millionths; a microsecond of a tick more is 100 millionths. */
const FREQUENCY_UNITS = 65_536_000_000n;
const UNITS_OF_TICK = 6_553_600n;
/** Corrections go in at 500 millionths: a nanosecond in each 2000. */
const SLOWNESS = 2000n;

export const STA_PLL = 1;
export const STA_UNSYNC = 0x40;
export const STA_CLOCKERR = 0x1000;
export const STA_NANO = 0x2000;
/** Bits of the status that programs cannot set. */
const STATUS_OF_KERNEL = 0xff00;

/** A correction that is being worked off. */
class Slew {
  readonly #amount: bigint;
  readonly #since: bigint;

  constructor(amount: bigint, since: bigint) {
    this.#amount = amount;
    this.#since = since;
  }

  done(now: bigint): bigint {
    const most = (now - this.#since) / SLOWNESS;
    if (this.#amount < 0n) return -most < this.#amount ? this.#amount : -most;
    return most < this.#amount ? most : this.#amount;
  }

  left(now: bigint): bigint {
    return this.#amount - this.done(now);
  }
}

/** The settings, and what they have made of the clock. */
export class ClockDiscipline {
  status = STA_UNSYNC;
  maxError = MOST_ERROR;
  estimatedError = MOST_ERROR;
  constant = 2;
  /** Seconds CLOCK_TAI is ahead. */
  tai = 0;
  #frequency = 0;
  #tick = EXACT_TICK;
  /** Corrections that are over, and since when the clock has run at its present rate. */
  #settled = 0n;
  #since = 0n;
  /** Of adjtime(3), and of the phase-locked loop. */
  #adjustment = new Slew(0n, 0n);
  #phase = new Slew(0n, 0n);
  /** Nothing was ever steered. */
  isExact = true;

  get frequency(): number {
    return this.#frequency;
  }

  get tick(): number {
    return this.#tick;
  }

  /** What is to be added to the clock as it would be by itself. */
  correction(now: bigint): bigint {
    return this.#settled + this.#drift(now) + this.#adjustment.done(now) + this.#phase.done(now);
  }

  #drift(now: bigint): bigint {
    const rate = BigInt(this.#frequency) + BigInt(this.#tick - EXACT_TICK) * UNITS_OF_TICK;
    return ((now - this.#since) * rate) / FREQUENCY_UNITS;
  }

  setRate(
    now: bigint,
    { frequency = this.#frequency, tick = this.#tick }: { frequency?: number; tick?: number },
  ): void {
    this.isExact = false;
    this.#settled += this.#drift(now);
    this.#since = now;
    this.#frequency = Math.min(Math.max(frequency, -MOST_FREQUENCY), MOST_FREQUENCY);
    this.#tick = tick;
  }

  /** What is left of the correction of adjtime(3). */
  adjustmentLeft(now: bigint): bigint {
    return this.#adjustment.left(now);
  }

  adjust(now: bigint, nanoseconds: bigint): void {
    this.isExact = false;
    this.#settled += this.#adjustment.done(now);
    this.#adjustment = new Slew(nanoseconds, now);
  }

  phaseLeft(now: bigint): bigint {
    return this.#phase.left(now);
  }

  /** ADJ_OFFSET, which only the phase-locked loop takes. */
  setPhase(now: bigint, nanoseconds: bigint): void {
    if (!(this.status & STA_PLL)) return;
    this.isExact = false;
    this.#settled += this.#phase.done(now);
    const most = nanoseconds < MOST_PHASE ? nanoseconds : MOST_PHASE;
    this.#phase = new Slew(most > -MOST_PHASE ? most : -MOST_PHASE, now);
  }

  /** ADJ_STATUS. */
  setStatus(wanted: number): void {
    const isLeft = this.status & STA_PLL && !(wanted & STA_PLL);
    const kept = isLeft ? STA_UNSYNC : this.status;
    this.status = (kept & STATUS_OF_KERNEL) | (wanted & ~STATUS_OF_KERNEL);
  }
}
