// Keeps what reaches a run from outside, and marks of what it says.
import { SystemError } from '../../kernel/error.ts';
import type { Answer } from './observed-directory.ts';
import {
  type HostResult,
  type OutputMark,
  outputHash,
  type Recordable,
  type Recording,
  type RecordingKind,
  stateHash,
  writeRecording,
} from './recording.ts';

/** Records one run. */
export class Recorder<Start, Event> {
  readonly #kind: RecordingKind;
  readonly #start: Start;
  readonly #inputs: Recording<Start, Event>['inputs'][number][] = [];
  readonly #results: HostResult[] = [];
  readonly #outputs: OutputMark[] = [];
  #run: Recordable<Event> | undefined;

  /** `start` is plain data from which the run begins again. */
  constructor(kind: RecordingKind, start: Start) {
    this.#kind = kind;
    this.#start = start;
  }

  /** The run that is recorded; what it said and asked before belongs to its start. */
  attach(run: Recordable<Event>): void {
    this.#run = run;
  }

  /** Something is about to reach the run. */
  input(event: Event): void {
    const { instructions, cycles } = this.#run!.kernel.platform;
    this.#inputs.push({ instructions, cycles, event });
  }

  /** The run says something; `channel` tells where, if there is more than one place. */
  said(bytes: Uint8Array, channel = ''): void {
    const instructions = this.#run?.kernel.platform.instructions ?? 0;
    const hash = outputHash(this.#outputs.at(-1)?.hash ?? '', bytes, channel);
    this.#outputs.push({ instructions, bytes: bytes.length, hash });
  }

  /** Makes a call on a directory of this computer, and keeps its answer. */
  readonly answer: Answer = (call, make) => {
    try {
      const value = make();
      this.#results.push({ call, value });
      return value;
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      this.#results.push({ call, errno: error.errno });
      throw error;
    }
  };

  /** The run is over, or was stopped: the recording as a file. */
  finish(reason: string): Uint8Array {
    const run = this.#run!;
    const { instructions, cycles } = run.kernel.platform;
    return writeRecording({
      kind: this.#kind,
      start: this.#start,
      inputs: this.#inputs,
      results: this.#results,
      outputs: this.#outputs,
      end: { instructions, cycles, reason, state: stateHash(run) },
    });
  }
}
