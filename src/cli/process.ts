// anillo process: a Linux program on the user-space kernel; its terminal is this one. A run can be saved and gone on with,
// and recorded and replayed.
import { STATUS_LIMIT } from '../pc/exit.ts';
import { readUserFile, writeUserFile } from './assets.ts';
import { CliError, EXIT } from './errors.ts';
import type { Volume } from './options.ts';
import { type InputEvent, ProgramRun, type ProgramStart, type Surroundings } from './process/program-run.ts';
import { Recorder } from './process/recorder.ts';
import { readRecording } from './process/recording.ts';
import { Replay } from './process/replay.ts';
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
  const { run, recorder } = begin(program, args, options, surroundings);
  const ending = await drive(run, console, recorder, options.maxInstructions);
  await console.close();
  if (options.save !== undefined) writeUserFile(options.save, 'snapshot', run.save());
  if (options.record !== undefined && recorder !== undefined)
    writeUserFile(options.record, 'recording', recorder.finish(run, ending));
  process.exitCode = report(run, ending, options.maxInstructions);
}

/** @throws CliError for what does not go together */
function checkChoices(program: string | undefined, { restore, record, replay, save }: ProcessOptions): void {
  const from = [program, restore && '--restore', replay && '--replay'].filter((source) => source !== undefined);
  if (from.length === 0)
    throw new CliError('A program is missing: name one, or a file to go on from with --restore or --replay.');
  if (from.length > 1) throw new CliError(`${from[0]} and ${from[1]} do not go together: both say what is to run.`);
  if (record !== undefined && restore !== undefined)
    throw new CliError('--record and --restore do not go together: a recording begins where its program does.');
  if (replay !== undefined && (record !== undefined || save !== undefined))
    throw new CliError('--replay does not go together with --record and --save.');
}

function begin(
  program: string | undefined,
  args: readonly string[],
  options: ProcessOptions,
  surroundings: Surroundings,
): { readonly run: ProgramRun; readonly recorder?: Recorder } {
  if (options.restore !== undefined)
    return { run: ProgramRun.restore(readUserFile(options.restore, 'snapshot'), surroundings) };
  const start: ProgramStart = {
    name: program!,
    file: Uint8Array.from(readUserFile(program!, 'program')),
    args,
    environment: options.env ?? [],
    memory: options.memory,
    seed: options.seed,
    isPlain: !process.stdout.isTTY,
  };
  if (options.record === undefined) return { run: ProgramRun.start(start, surroundings) };
  const recorder = new Recorder(start, surroundings.volumes);
  const run = ProgramRun.start(start, recorder.observe(surroundings));
  recorder.attach(run);
  return { run, recorder };
}

/** Runs slices until all tasks have ended, feeding the terminal in between. */
async function drive(
  run: ProgramRun,
  console: SerialConsole,
  recorder: Recorder | undefined,
  maxInstructions: number | undefined,
): Promise<Ending> {
  const { kernel } = run;
  let typed: number[] = [];
  const accept = (event: InputEvent): boolean => {
    recorder?.input(event, run);
    return run.accept(event);
  };
  console.start((byte) => typed.push(byte));
  // beside a person at a terminal time passes; input from elsewhere comes, or has ended, at whatever time it is
  const waits = process.stdin.isTTY ? {} : ({ stopWhenIdle: 'for-good' } as const);
  for (;;) {
    if (typed.length > 0) accept({ kind: 'typed', bytes: Uint8Array.from(typed) });
    typed = [];
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
  const recording = readRecording(readUserFile(path, 'recording'));
  const replay = new Replay(recording, {
    write: (bytes) => console.writeAll(bytes),
    strace: options.strace === true,
  });
  while (!replay.step()) await console.flush();
  await console.flush();
  replay.finish();
  const { instructions } = recording.end;
  process.stderr.write(`anillo: the replay is the recorded run to the bit, over ${instructions} instructions.\n`);
  process.exitCode = recording.end.reason === 'ended' ? replay.run.exitStatus : EXIT.ok;
}
