// Virtual time beside real time, for a container that runs in this process: it goes no faster, and while nobody in the
// container wants the processor this process sleeps until the next timer or until something comes from outside.
import type { Kernel } from '../../kernel/kernel.ts';

/** Time by which virtual time may be ahead, and the longest wait between two looks at the outside. */
const LEAST_AHEAD_NS = 1e6;
const LONGEST_WAIT_MS = 50;
/** What a timer of this computer takes at most. */
const LONGEST_SLEEP_MS = 2 ** 30;

/** The clock of one container. */
export class Pace {
  readonly #kernel: Kernel;
  readonly #isPaced: boolean;
  readonly #isRecorded: boolean;
  #realStart = 0n;
  #virtualStart = 0n;
  #wake: (() => void) | undefined;
  /** Virtual time stands still, and is to be where real time is when something comes. */
  #isIdle = false;
  /** Something has come since the kernel was asked last what there is to do. */
  #hasNews = false;
  /** How often the process came back from sleep. */
  wakeUps = 0;

  /**
   * `isPaced`: virtual time passes no faster than real time; else time in which nobody wants the processor takes none.
   * `isRecorded`: nothing inside may notice how time is cut.
   */
  constructor(kernel: Kernel, isPaced: boolean, isRecorded: boolean) {
    this.#kernel = kernel;
    this.#isPaced = isPaced;
    this.#isRecorded = isRecorded;
  }

  /** From now on virtual and real time go side by side. */
  start(): void {
    this.#realStart = process.hrtime.bigint();
    this.#virtualStart = this.#kernel.monotonic;
  }

  /** Nanoseconds of CLOCK_MONOTONIC in the container that real time has come to. */
  get #now(): bigint {
    return this.#virtualStart + process.hrtime.bigint() - this.#realStart;
  }

  /** Virtual time waits for real time. */
  async holdBack(): Promise<void> {
    if (!this.#isPaced) return;
    const ahead = Number(this.#kernel.monotonic - this.#now);
    if (ahead > LEAST_AHEAD_NS) await this.sleep(Math.min(LONGEST_WAIT_MS, ahead / 1e6));
  }

  /** Nobody wants the processor: time passes until a timer runs out, something comes, or `longest` milliseconds have passed. */
  async idle(longest = LONGEST_SLEEP_MS): Promise<void> {
    const { next } = this.#kernel.timers;
    if (this.#hasNews) {
      this.#hasNews = false;
      return;
    }
    if (!this.#isPaced && next !== Number.POSITIVE_INFINITY) {
      this.#passTo(next);
      return;
    }
    const ahead = next === Number.POSITIVE_INFINITY ? next : Number(this.#kernel.nanoseconds(next) - this.#now) / 1e6;
    this.#isIdle = this.#isPaced;
    if (ahead > 0) await this.sleep(Math.min(longest, Math.ceil(ahead)));
    this.#catchUp();
    this.#hasNews = false;
  }

  /** Sleeps until `wake` is called, or some milliseconds have passed. */
  sleep(milliseconds = LONGEST_SLEEP_MS): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#wake?.(), Math.min(LONGEST_SLEEP_MS, milliseconds));
      this.#wake = () => {
        clearTimeout(timer);
        this.#wake = undefined;
        this.wakeUps++;
        resolve();
      };
    });
  }

  /** Something comes from outside; the time until then has passed. */
  wake(): void {
    this.#hasNews = true;
    this.#catchUp();
    this.#wake?.();
  }

  #catchUp(): void {
    if (!this.#isIdle) return;
    this.#isIdle = false;
    this.#passTo(Math.min(this.#kernel.timers.next, this.#kernel.cyclesAt(this.#now)));
  }

  #passTo(cycles: number): void {
    if (cycles > this.#kernel.platform.cycles) this.#kernel.run(this.#isRecorded ? { pause: { cycles } } : { cycles });
  }
}
