// Runs a recording again: everything comes from it at the same instruction and cycle counts, and whatever the run says or
// is otherwise than then is a difference.
import { ERRNO, type ErrnoName } from '../../abi/errno.ts';
import { fail } from '../../kernel/error.ts';
import { CliError, EXIT } from '../errors.ts';
import type { Answer } from './observed-directory.ts';
import { outputHash, type Recordable, type Recording, type Stamp, stateHash } from './recording.ts';

/** Instructions between two looks at the terminal, in cycles. */
const SLICE = 50_000_000;

/** What a run meets instead of this computer. */
export interface ReplayedWorld {
  /** Gives the recorded answers of directories. */
  readonly answer: Answer;
  /** Compares what is said; `channel` as it was recorded. */
  readonly said: (bytes: Uint8Array, channel?: string) => void;
}

/** Replays one recording. */
export class Replay<Event, Run extends Recordable<Event>> {
  readonly run: Run;
  readonly #recording: Recording<unknown, Event>;
  #results = 0;
  #outputs = 0;
  #hash = '';
  #inputs = 0;
  #isStarted = false;

  /** `start` makes the run as it began. @throws CliError */
  constructor(recording: Recording<unknown, Event>, start: (world: ReplayedWorld) => Run) {
    this.#recording = recording;
    this.run = start({
      answer: (call) => this.#result(call) as never,
      said: (bytes, channel = '') => this.#check(bytes, channel),
    });
    this.#isStarted = true;
  }

  /** Runs a slice. True when the end of the recording is reached. @throws CliError at a difference */
  step(): boolean {
    const { kernel } = this.run;
    const { inputs, end } = this.#recording;
    const next = inputs[this.#inputs];
    const target = next ?? end;
    if (this.#isAt(target)) {
      if (next === undefined) return true;
      this.#inputs++;
      this.run.accept(next.event);
      return false;
    }
    const { cycles } = kernel.platform;
    const stop = kernel.run({ pause: { cycles: Math.min(target.cycles, cycles + SLICE) } });
    if (kernel.platform.cycles > target.cycles) this.#differs(`it went on beyond instruction ${target.instructions}`);
    if (stop.reason !== 'limit' && !this.#isAt(target)) this.#differs('it has nothing to do, and had then');
    return false;
  }

  /** Compares the end. @throws CliError at a difference */
  finish(): void {
    const { outputs, results, end } = this.#recording;
    if (this.#outputs < outputs.length) this.#differs(`it has said less: ${this.#outputs} of ${outputs.length} times`);
    if (this.#results < results.length) this.#differs('it has asked for less of the directories of the computer');
    if (stateHash(this.run) !== end.state) this.#differs('its memory or the state of its kernel is another');
  }

  #isAt({ instructions, cycles }: Stamp): boolean {
    const { platform } = this.run.kernel;
    if (platform.cycles !== cycles) return false;
    if (platform.instructions !== instructions)
      this.#differs(`${platform.instructions} instructions took as many cycles as ${instructions} then`);
    return true;
  }

  #check(bytes: Uint8Array, channel: string): void {
    const mark = this.#recording.outputs[this.#outputs++];
    this.#hash = outputHash(this.#hash, bytes, channel);
    if (mark === undefined) this.#differs(`it says more than then: ${JSON.stringify(textOf(bytes))}`);
    const instructions = this.#isStarted ? this.run.kernel.platform.instructions : 0;
    if (mark.instructions !== instructions) this.#differs(`it said this at instruction ${mark.instructions}`);
    if (mark.hash !== this.#hash) this.#differs(`it said something else than ${JSON.stringify(textOf(bytes))}`);
  }

  #result(call: string): unknown {
    const result = this.#recording.results[this.#results++];
    if (result?.call !== call) return this.#differs(`it asks for ${call} and asked for ${result?.call ?? 'nothing'}`);
    if ('value' in result) return result.value;
    return fail(result.errno in ERRNO ? (result.errno as ErrnoName) : 'EIO');
  }

  #differs(how: string): never {
    const at = this.#isStarted ? this.run.kernel.platform.instructions : 0;
    throw new CliError(`The replay differs from the recording at instruction ${at}: ${how}.`, EXIT.failure);
  }
}

function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes.subarray(0, 60));
}
