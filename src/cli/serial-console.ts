// Ties the guest's serial port to standard input and output. On a terminal the keyboard goes to the guest byte by byte,
// virtual time is held to real time, and Ctrl-C ends the run; a file on standard input arrives whole at the start, so
// that such a run is deterministic.
import { fstatSync, readFileSync } from 'node:fs';
import { CliError, EXIT } from './errors.ts';
import { hostReason } from './assets.ts';

const CTRL_C = 3;
/** Without a terminal, a guest that did next to nothing for so long in virtual time waits for input. */
const PATIENCE_NANOSECONDS = 20e9;
/** Instructions per virtual second below which a guest counts as waiting. */
const WAITING_RATE = 20_000_000;
const LONGEST_SLEEP_MS = 20;

/** Standard input and output as a serial line. */
export class SerialConsole {
  /** Set by Ctrl-C. */
  interrupted = false;
  #pending: number[] = [];
  #ended = false;
  #failure: Error | undefined;
  #deliver: (byte: number) => void = () => {};
  #wake: (() => void) | undefined;
  /** Something arrived, or input ended, since the guest was last looked at: its patience starts anew. */
  #arrived = false;
  #quietSince = 0;
  #quietInstructions = 0;
  #realStart = 0n;
  #virtualStart: number | undefined;
  readonly #paced = process.stdin.isTTY === true;
  readonly #interrupt = (): void => {
    this.interrupted = true;
    this.#wake?.();
  };

  /** The window has another size. */
  readonly #resized = (): void => this.#wake?.();

  /** Begins to listen; every byte typed goes to `deliver`. */
  start(deliver: (byte: number) => void): void {
    this.#deliver = deliver;
    this.#realStart = process.hrtime.bigint();
    process.on('SIGINT', this.#interrupt);
    process.on('SIGTERM', this.#interrupt);
    process.stdout.on('resize', this.#resized);
    process.stdout.on('error', (error) => {
      this.#failure = error;
    });
    if (isFile(0)) {
      for (const byte of readFileSync(0)) deliver(byte);
      this.#ended = true;
      return;
    }
    if (this.#paced) process.stdin.setRawMode(true);
    process.stdin.on('data', (chunk: Buffer) => this.#input(chunk));
    process.stdin.on('end', () => {
      this.#ended = true;
      this.#arrived = true;
      this.#wake?.();
    });
    process.stdin.on('error', () => {
      this.#ended = true;
    });
  }

  /** A byte from the guest. */
  write(byte: number): void {
    this.#pending.push(byte);
  }

  /** Bytes from the guest. */
  writeAll(bytes: Uint8Array): void {
    for (const byte of bytes) this.#pending.push(byte);
  }

  /** Writes what the guest said, lets input arrive, and holds virtual time to real time on a terminal. */
  async pump(virtualNanoseconds: number): Promise<void> {
    const wrote = await this.flush();
    if (wrote) this.#quiet(virtualNanoseconds);
    await new Promise((resolve) => setImmediate(resolve));
    if (!this.#paced) return;
    this.#virtualStart ??= virtualNanoseconds;
    const ahead = virtualNanoseconds - this.#virtualStart - Number(process.hrtime.bigint() - this.#realStart);
    if (ahead > 1e6) await this.#sleep(Math.min(LONGEST_SLEEP_MS, ahead / 1e6));
  }

  /** Waits until something is typed. @returns false when nothing can come any more */
  async waitForInput(): Promise<boolean> {
    if (this.#ended || this.interrupted) return false;
    await this.#sleep(undefined);
    return !this.interrupted && !this.#ended;
  }

  /** True when input has ended and the guest has only been idling for a long (virtual) time. */
  guestWaitsInVain(instructions: number, virtualNanoseconds: number): boolean {
    if (this.#arrived) {
      this.#arrived = false;
      this.#quiet(virtualNanoseconds);
    }
    if (!this.#ended) return false;
    this.#quietInstructions += instructions;
    const elapsed = virtualNanoseconds - this.#quietSince;
    if (elapsed < PATIENCE_NANOSECONDS) return false;
    const waiting = this.#quietInstructions / (elapsed / 1e9) < WAITING_RATE;
    this.#quiet(virtualNanoseconds);
    return waiting;
  }

  /** Gives the terminal back. @throws CliError when standard output could not take what the guest said */
  async close(): Promise<void> {
    await this.flush();
    process.off('SIGINT', this.#interrupt);
    process.off('SIGTERM', this.#interrupt);
    process.stdout.off('resize', this.#resized);
    if (this.#paced) process.stdin.setRawMode(false);
    process.stdin.pause();
    process.stdin.unref?.();
  }

  #input(chunk: Buffer): void {
    this.#arrived = true;
    for (const byte of chunk) {
      if (this.#paced && byte === CTRL_C) this.interrupted = true;
      else this.#deliver(byte);
    }
    this.#wake?.();
  }

  #quiet(virtualNanoseconds: number): void {
    this.#quietSince = virtualNanoseconds;
    this.#quietInstructions = 0;
  }

  /** Writes what the guest said. True if it said anything. */
  async flush(): Promise<boolean> {
    const bytes = this.#pending;
    this.#pending = [];
    if (bytes.length > 0 && !process.stdout.write(Uint8Array.from(bytes))) {
      await new Promise<void>((resolve) => {
        process.stdout.once('drain', resolve);
        process.stdout.once('error', () => resolve());
      });
    }
    if (this.#failure) this.#outputFailed(this.#failure);
    return bytes.length > 0;
  }

  #outputFailed(error: Error): never {
    // A reader that has seen enough (`| head`) is no failure.
    if ('code' in error && error.code === 'EPIPE') process.exit(EXIT.ok);
    throw new CliError(`What the guest says cannot be written: ${hostReason(error)}.`, EXIT.failure);
  }

  #sleep(milliseconds: number | undefined): Promise<void> {
    return new Promise((resolve) => {
      const keepAlive = setTimeout(() => this.#wake?.(), milliseconds ?? 2 ** 30);
      this.#wake = () => {
        clearTimeout(keepAlive);
        this.#wake = undefined;
        resolve();
      };
    });
  }
}

function isFile(descriptor: number): boolean {
  try {
    return fstatSync(descriptor).isFile();
  } catch {
    return false;
  }
}
