// Keeps what reaches a run from outside, and marks of what it says.
import { SystemError } from '../../kernel/error.ts';
import type { OpenVolume } from '../volumes.ts';
import { ObservedDirectory } from './observed-directory.ts';
import type { InputEvent, ProgramRun, ProgramStart, Surroundings } from './program-run.ts';
import {
  type HostResult,
  type OutputMark,
  outputHash,
  type Recording,
  stateHash,
  writeRecording,
} from './recording.ts';

/** Records one run. */
export class Recorder {
  readonly #start: ProgramStart;
  readonly #volumes: readonly OpenVolume[];
  readonly #inputs: Recording['inputs'][number][] = [];
  readonly #results: HostResult[] = [];
  readonly #outputs: OutputMark[] = [];
  #run: ProgramRun | undefined;

  constructor(start: ProgramStart, volumes: readonly OpenVolume[]) {
    this.#start = start;
    this.#volumes = volumes;
  }

  /** The surroundings with everything that comes from them kept. */
  observe(surroundings: Surroundings): Surroundings {
    const volumes = this.#volumes.map((volume) => ({
      ...volume,
      directory: new ObservedDirectory((call, make) => this.#keep(call, make), volume.directory),
    }));
    const write = (bytes: Uint8Array): void => {
      this.#mark(bytes);
      surroundings.write(bytes);
    };
    return { ...surroundings, volumes, write };
  }

  /** The run that was made with these surroundings. */
  attach(run: ProgramRun): void {
    this.#run = run;
  }

  input(event: InputEvent, run: ProgramRun): void {
    const { instructions, cycles } = run.kernel.platform;
    this.#inputs.push({ instructions, cycles, event });
  }

  /** The run is over, or was stopped: the recording as a file. */
  finish(run: ProgramRun, reason: string): Uint8Array {
    const { instructions, cycles } = run.kernel.platform;
    return writeRecording({
      start: this.#start,
      volumes: this.#volumes.map(({ guest, host, writable, file = null }) => ({ guest, host, writable, file })),
      inputs: this.#inputs,
      results: this.#results,
      outputs: this.#outputs,
      end: { instructions, cycles, reason, state: stateHash(run) },
    });
  }

  #mark(bytes: Uint8Array): void {
    const instructions = this.#run?.kernel.platform.instructions ?? 0;
    const hash = outputHash(this.#outputs.at(-1)?.hash ?? '', bytes);
    this.#outputs.push({ instructions, bytes: bytes.length, hash });
  }

  #keep<T>(call: string, make: () => T): T {
    try {
      const value = make();
      this.#results.push({ call, value });
      return value;
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      this.#results.push({ call, errno: error.errno });
      throw error;
    }
  }
}
