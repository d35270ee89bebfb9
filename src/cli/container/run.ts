// Running containers: in the process of the command, or in one of its own that is left behind (docker-run(1), docker-start(1)).
import { join, resolve } from 'node:path';
import { errnoText } from '../../abi/errno.ts';
import { SIGNAL } from '../../abi/signal.ts';
import type { ContainerRecord } from '../../oci/container-store.ts';
import { OciError } from '../../oci/oci-error.ts';
import { CliError, RUN_FAILED } from '../errors.ts';
import { Places, thisRunner } from '../places.ts';
import { isReaderBehind, onRead, withoutReader } from '../reader.ts';
import { OWNERS } from '../volumes.ts';
import { leaveBehind, workBehind } from './background.ts';
import { LocalStreams, windowSize } from './client.ts';
import { type CheckpointOptions, type CheckpointPlace, keepCheckpoint, loadCheckpoint, placeOf } from './checkpoint.ts';
import { findAgain, imageFiles, savedFiles } from './container-files.ts';
import { ContainerTape, replayContainer } from './container-tape.ts';
import { type CreateOptions, make } from './create.ts';
import { HostShare } from './host-share.ts';
import type { Input } from './protocol.ts';
import { ContainerRunner } from './runner.ts';
import { type LiveContainer, makeContainer, resumeContainer } from './saved-container.ts';

/** Statuses of a program that cannot be run, or is not there. */
const CANNOT_RUN = 126;
const NOT_FOUND = 127;
/** What a container says of a program that it cannot run. */
const NO_PROGRAM = /cannot be (?:run in the container|entered): (.*)\.$/;

/** Options of `start`, parsed. */
export interface StartOptions extends CheckpointOptions {
  readonly record?: string;
}

/** Options of `run`, parsed. */
export interface RunOptions extends CreateOptions {
  readonly record?: string;
  readonly replay?: string;
}

/** Makes a container and runs it, or runs a recording again; the exit status becomes its own. @throws CliError */
export async function runContainer(
  image: string | undefined,
  command: readonly string[],
  { replay, ...options }: RunOptions,
): Promise<void> {
  if (replay !== undefined) {
    if (image !== undefined || options.record !== undefined)
      throw new CliError('--replay takes neither an image nor --record: the recording says what is to run.');
    return replayContainer(replay);
  }
  try {
    await makeAndRun(image, command, options);
  } catch (error) {
    if (!(error instanceof OciError || error instanceof CliError)) throw error;
    const isOfProgram = error instanceof CliError && [CANNOT_RUN, NOT_FOUND].includes(error.exitStatus);
    throw isOfProgram ? error : new CliError(error.message, RUN_FAILED);
  }
}

async function makeAndRun(
  image: string | undefined,
  command: readonly string[],
  { record: tape, ...options }: Omit<RunOptions, 'replay'>,
): Promise<void> {
  if (image === undefined) throw new CliError('An image is missing: name one, or a recording to run again (--replay).');
  const origin = originOf(tape === undefined ? {} : { record: tape });
  const places = new Places();
  const record = await make(places, image, command, options);
  if (options.detach) {
    await startDetached(places, record, origin);
    process.stdout.write(`${record.id}\n`);
    return;
  }
  await runHere(places, record, origin);
}

/** The container runs in this process, its standard files are those of this command. */
async function runHere(places: Places, made: ContainerRecord, origin: Origin): Promise<void> {
  const { terminal } = made.spec.process;
  const runner = await claim(places, made, { paced: terminal || process.stdout.isTTY === true, ...origin });
  await withThisTerminal(runner, { terminal, interactive: made.openStdin }, async () => {
    process.exitCode = await run(places, made, runner);
  });
}

/** The standard files of a container are those of this process, and signals go to its program. */
export async function withThisTerminal(
  runner: ContainerRunner,
  { terminal, interactive }: { readonly terminal: boolean; readonly interactive: boolean },
  work: () => Promise<void>,
): Promise<void> {
  const local = new LocalStreams({ raw: terminal });
  const { streams } = runner;
  streams.listeners.add(local.write);
  streams.brakes.add(isReaderBehind);
  const stopWaking = onRead(() => runner.wake());
  if (terminal && process.stdout.isTTY) streams.resize(windowSize());
  const send = (input: Input) => {
    runner.wake();
    if ('data' in input) streams.type(new Uint8Array(Buffer.from(input.data, 'base64')));
    else if ('end' in input) streams.end();
    else if ('size' in input) streams.resize(input.size);
  };
  const stop = () => runner.interrupt();
  const terminate = () => runner.kill(SIGNAL.SIGTERM);
  process.on('SIGINT', stop).on('SIGTERM', terminate);
  local.open(send, { interactive });
  if (!interactive) streams.end();
  try {
    // whatever it says from now on is lost
    await withoutReader(() => runner.kill(SIGNAL.SIGKILL), work);
  } finally {
    stopWaking();
    local.close();
    process.off('SIGINT', stop).off('SIGTERM', terminate);
  }
}

/** Where a run begins, and whether it is recorded. */
interface Origin {
  /** Where it goes on from. */
  readonly checkpoint?: CheckpointPlace | undefined;
  /** The file for a recording: an absolute path. */
  readonly record?: string | undefined;
}

/** How a container is run. */
interface Run extends Origin {
  readonly paced: boolean;
}

const originOf = ({ record, ...options }: StartOptions): Origin => ({
  checkpoint: placeOf(options),
  record: record === undefined ? undefined : resolve(record),
});

/** Takes a container for this process. One that cannot go on from a checkpoint stays as it is. */
async function claim(places: Places, made: ContainerRecord, options: Run): Promise<ContainerRunner> {
  const { containers, data } = places;
  const tape = options.record === undefined ? undefined : new ContainerTape(options.record);
  const share = new HostShare(OWNERS, tape?.observe);
  const restored = options.checkpoint && restore(places, made, options.checkpoint, share);
  const record = await containers.claim(made.id, thisRunner(data, made.id));
  try {
    const live = restored ?? makeContainer(record, (kernel) => imageFiles(kernel, places, record, share));
    return new ContainerRunner({
      record,
      containers,
      live,
      tape,
      isRestored: restored !== undefined,
      keep: (request, checkpoint) => keepCheckpoint(places, record, request, checkpoint),
      user: record.user,
      groups: record.request.groups,
      log: join(data.root, containers.logPath(record.id)),
      paced: options.paced,
    });
  } catch (error) {
    await giveUp(places, record, RUN_FAILED);
    throw error;
  }
}

/** A container as it was at a checkpoint. @throws OciError, SnapshotError when it cannot go on */
function restore(places: Places, record: ContainerRecord, place: CheckpointPlace, share: HostShare): LiveContainer {
  if (record.runner) throw new OciError('bad-state', `The container ${record.name} is running already.`);
  const checkpoint = loadCheckpoint(places, record, place);
  findAgain(places, record, checkpoint, share);
  return resumeContainer(record, checkpoint, share, (roots) => savedFiles(places, record, share, roots));
}

async function run(
  places: Places,
  record: ContainerRecord,
  runner: ContainerRunner,
  started = () => {},
): Promise<number> {
  try {
    return await runner.run(started);
  } catch (error) {
    if (!(error instanceof OciError)) throw error;
    const code = exitCodeFor(error);
    await giveUp(places, record, code);
    throw new CliError(error.message, code);
  }
}

/** Exit status for a program that could not be started. */
export function exitCodeFor({ message }: OciError): number {
  const why = NO_PROGRAM.exec(message)?.[1];
  return why === undefined ? RUN_FAILED : why === errnoText('ENOENT') ? NOT_FOUND : CANNOT_RUN;
}

/** The container could not be started. */
async function giveUp({ containers }: Places, { id, autoRemove }: ContainerRecord, exitCode: number): Promise<void> {
  await containers.note(id, { state: 'exited', runner: undefined, exitCode });
  if (autoRemove) await containers.remove(id);
}

/** Runs a container in a process of its own that this one leaves behind. */
export async function startDetached(
  { data }: Places,
  { id }: ContainerRecord,
  { checkpoint, record }: Origin = {},
): Promise<void> {
  const env = { ...process.env, ANILLO_DATA: data.root };
  const options = { '--checkpoint': checkpoint?.name, '--checkpoint-dir': checkpoint?.directory, '--record': record };
  const from = Object.entries(options).flatMap(([option, value]) => (value === undefined ? [] : [option, value]));
  await leaveBehind(['container', 'supervise', id, ...from], { stdio: ['ignore', 'ignore', 'ignore'], env });
}

/** The process left behind: runs a container and tells whoever started it once its program runs. */
export async function superviseContainer(id: string, options: StartOptions): Promise<void> {
  await workBehind(async (ready) => {
    const places = new Places();
    const record = places.containers.find(id);
    const runner = await claim(places, record, { paced: true, ...originOf(options) });
    if (!record.openStdin) runner.streams.end();
    process.on('SIGTERM', () => runner.kill(SIGNAL.SIGTERM)).on('SIGHUP', () => {});
    await run(places, record, runner, ready);
  });
}

/** Starts containers that were made or have ended, or lets one go on from a checkpoint. */
export async function startContainers(
  names: readonly string[],
  {
    attach: isAttached,
    interactive,
    ...options
  }: StartOptions & { readonly attach?: true; readonly interactive?: true },
): Promise<void> {
  const attach = isAttached ?? interactive;
  const places = new Places();
  const origin = originOf(options);
  const alone = Object.entries({ '--checkpoint': origin.checkpoint, '--record': origin.record, '--attach': attach });
  for (const [option, value] of alone)
    if (value !== undefined && names.length !== 1) throw new CliError(`${option} takes one container.`);
  if (attach) {
    await runHere(places, places.containers.find(names[0]!), origin);
    return;
  }
  for (const name of names) {
    await startDetached(places, places.containers.find(name), origin);
    process.stdout.write(`${name}\n`);
  }
}
