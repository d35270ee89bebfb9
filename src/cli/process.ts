// anillo process: a Linux program on the user-space kernel; its terminal is this one. A run can be saved and gone on with,
// and recorded and replayed.
import { STATUS_LIMIT } from '../pc/exit.ts';
import { readUserFile, writeUserFile } from './assets.ts';
import { CliError, EXIT } from './errors.ts';
import type { Volume } from './options.ts';
import {
  type InputEvent,
  type ProgramOrigin,
  ProgramRun,
  type SeenVolume,
  type Surroundings,
} from './process/program-run.ts';
import { ObservedDirectory } from './recording/observed-directory.ts';
import { Recorder } from './recording/recorder.ts';
import { damagedRecording, readRecording, type Recording } from './recording/recording.ts';
import { Replay } from './recording/replay.ts';
import { SerialConsole } from './serial-console.ts';
import { openVolumes } from './volumes.ts';

/** Options of `anillo process`, parsed. */
export interface ProcessOptions {
  readonly memory: number;
  readonly strace?: true;
  readonly env?: readonly string[];
  readonly seed: number;
  readonly volume?: readonly Volume[];
  readonly maxInstructions?: number;
  readonly save?: string;
  readonly restore?: string;
  readonly record?: string;
  readonly replay?: string;
}

/** Cycles between two looks at the terminal. */
const SLICE = 50_000_000;

/** How a run came back to this command. */
type Ending = 'ended' | 'idle' | 'limit' | 'interrupted';

/** Runs a program; the exit status becomes its own, or 128 + n when signal n killed it. */
export async function runProcess(
  program: string | undefined,
  args: readonly string[],
  options: ProcessOptions,
): Promise<void> {
  checkChoices(program, options);
  if (options.replay !== undefined) return replay(options.replay, options);
  const console = new SerialConsole();
  const surroundings = {
    write: (bytes: Uint8Array) => console.writeAll(bytes),
    volumes: openVolumes(options.volume ?? []),
    strace: options.strace === true,
  };
  const origin = originOf(program, args, options, surroundings.volumes);
  const recorder =
    options.record === undefined ? undefined : new Recorder<ProgramOrigin, InputEvent>('process', origin);
  const run = ProgramRun.begin(origin, recorder === undefined ? surroundings : observed(surroundings, recorder));
  recorder?.attach(run);
  const ending = await drive(run, console, recorder, options.maxInstructions);
  await console.close();
  if (options.save !== undefined) writeUserFile(options.save, 'snapshot', run.save());
  if (options.record !== undefined && recorder !== undefined)
    writeUserFile(options.record, 'recording', recorder.finish(ending));
  process.exitCode = report(run, ending, options.maxInstructions);
}

/** @throws CliError for what does not go together */
function checkChoices(program: string | undefined, { restore, record, replay, save }: ProcessOptions): void {
  const from = [program, restore && '--restore', replay && '--replay'].filter((source) => source !== undefined);
  if (from.length === 0)
    throw new CliError('A program is missing: name one, or a file to go on from with --restore or --replay.');
  if (from.length > 1) throw new CliError(`${from[0]} and ${from[1]} do not go together: both say what is to run.`);
  if (replay !== undefined && (record !== undefined || save !== undefined))
    throw new CliError('--replay does not go together with --record and --save.');
}

function originOf(
  program: string | undefined,
  args: readonly string[],
  options: ProcessOptions,
  opened: readonly SeenVolume[],
): ProgramOrigin {
  const volumes = opened.map(({ guest, host, writable, file }) => ({ guest, host, writable, file }));
  if (options.restore !== undefined)
    return { state: Uint8Array.from(readUserFile(options.restore, 'snapshot')), volumes };
  const start = {
    name: program!,
    file: Uint8Array.from(readUserFile(program!, 'program')),
    args,
    environment: options.env ?? [],
    memory: options.memory,
    seed: options.seed,
    isPlain: !process.stdout.isTTY,
  };
  return { program: start, volumes };
}

/** The surroundings with everything that comes from them kept. */
function observed(surroundings: Surroundings, recorder: Recorder<ProgramOrigin, InputEvent>): Surroundings {
  const volumes = surroundings.volumes.map((volume) => ({
    ...volume,
    directory: new ObservedDirectory(recorder.answer, volume.directory),
  }));
  const write = (bytes: Uint8Array): void => {
    recorder.said(bytes);
    surroundings.write(bytes);
  };
  return { ...surroundings, volumes, write };
}

/** Runs slices until all tasks have ended, feeding the terminal in between. */
async function drive(
  run: ProgramRun,
  console: SerialConsole,
  recorder: Recorder<ProgramOrigin, InputEvent> | undefined,
  maxInstructions: number | undefined,
): Promise<Ending> {
  const { kernel } = run;
  let typed: number[] = [];
  const accept = (event: InputEvent): boolean => {
    recorder?.input(event);
    return run.accept(event);
  };
  console.start((byte) => typed.push(byte));
  const window = new Window();
  // beside a person at a terminal time passes; input from elsewhere comes, or has ended, at whatever time it is
  const waits = process.stdin.isTTY ? {} : ({ stopWhenIdle: 'for-good' } as const);
  for (;;) {
    if (typed.length > 0) accept({ kind: 'typed', bytes: Uint8Array.from(typed) });
    typed = [];
    const size = window.change();
    if (size) accept({ kind: 'resized', ...size });
    const pause = { cycles: kernel.platform.cycles + SLICE, ...(maxInstructions && { instructions: maxInstructions }) };
    const stop = kernel.run({ pause, ...waits });
    await console.pump(Number(kernel.monotonic));
    if (console.interrupted) return 'interrupted';
    if (stop.reason === 'ended') return 'ended';
    if (kernel.platform.instructions >= (maxInstructions ?? Number.POSITIVE_INFINITY)) return 'limit';
    if (stop.reason !== 'idle' || typed.length > 0 || (await console.waitForInput())) continue;
    // the end of input may have come with the last of it
    if (typed.length > 0) continue;
    if (console.interrupted) return 'interrupted';
    if (!accept({ kind: 'hung-up' })) return 'idle';
  }
}

/** The terminal's size, as far as standard output is one. */
class Window {
  #rows = 0;
  #columns = 0;

  /** Its size if it is another than last time. */
  change(): { readonly rows: number; readonly columns: number } | undefined {
    const { isTTY, rows = 0, columns = 0 } = process.stdout;
    if (!isTTY || (rows === this.#rows && columns === this.#columns)) return undefined;
    this.#rows = rows;
    this.#columns = columns;
    return { rows, columns };
  }
}

/** Says why the run is over; gives the exit status. */
function report(run: ProgramRun, ending: Ending, maxInstructions: number | undefined): number {
  switch (ending) {
    case 'ended':
      return run.exitStatus;
    case 'limit':
      process.stderr.write(`anillo: stopped after ${maxInstructions} instructions, as --max-instructions says.\n`);
      return STATUS_LIMIT;
    case 'interrupted':
      process.stderr.write('anillo: interrupted.\n');
      return EXIT.interrupted;
    case 'idle':
      process.stderr.write('anillo: the program waits for something that cannot happen.\n');
      return EXIT.failure;
  }
}

/** Runs a recording again; the exit status becomes the program's. @throws CliError at the first difference */
async function replay(path: string, options: ProcessOptions): Promise<void> {
  const console = new SerialConsole();
  const recording = readRecording<InputEvent>('process', readUserFile(path, 'recording'));
  const origin = checkedOrigin(recording.start);
  const strace = options.strace === true;
  const replay = new Replay(recording, ({ answer, said }) => {
    const volumes = origin.volumes.map((volume) => ({
      ...volume,
      directory: new ObservedDirectory(answer, undefined),
    }));
    const write = (bytes: Uint8Array): void => {
      said(bytes);
      console.writeAll(bytes);
    };
    return ProgramRun.begin(origin, { write, volumes, strace });
  });
  while (!replay.step()) await console.flush();
  await console.flush();
  replay.finish();
  const { instructions } = recording.end;
  process.stderr.write(`anillo: the replay is the recorded run to the bit, over ${instructions} instructions.\n`);
  process.exitCode = recording.end.reason === 'ended' ? replay.run.exitStatus : EXIT.ok;
}

/** The start of a recording that may be anybody's. @throws SnapshotError */
function checkedOrigin(start: Recording<unknown, InputEvent>['start']): ProgramOrigin {
  const { program, state, volumes } = start as Partial<ProgramOrigin>;
  const isProgram =
    program?.file instanceof Uint8Array &&
    Array.isArray(program.args) &&
    Array.isArray(program.environment) &&
    [program.memory, program.seed].every((number) => Number.isSafeInteger(number)) &&
    typeof program.name === 'string';
  if (!Array.isArray(volumes) || !(isProgram || state instanceof Uint8Array)) throw damagedRecording();
  return start as ProgramOrigin;
}
