// Running containers: in the process of the command, or in one of its own that is left behind (docker-run(1), docker-start(1)).
import { join } from 'node:path';
import { SIGNAL } from '../../abi/signal.ts';
import type { ContainerRecord } from '../../oci/container-store.ts';
import { OciError } from '../../oci/oci-error.ts';
import { CliError } from '../errors.ts';
import { Places, thisRunner } from '../places.ts';
import { leaveBehind, workBehind } from './background.ts';
import { LocalStreams, windowSize } from './client.ts';
import { type CheckpointOptions, type CheckpointPlace, keepCheckpoint, loadCheckpoint, placeOf } from './checkpoint.ts';
import { imageFiles, imageShare, savedFiles } from './container-files.ts';
import { type CreateOptions, make } from './create.ts';
import type { Input } from './protocol.ts';
import { ContainerRunner } from './runner.ts';
import { type LiveContainer, loadContainer, makeContainer } from './saved-container.ts';

/** Statuses of a program that cannot be run, or is not there. */
export const CANNOT_RUN = 126;
const NOT_FOUND = 127;

/** Makes a container and runs it; the exit status becomes its own. */
export async function runContainer(image: string, command: readonly string[], options: CreateOptions): Promise<void> {
  const places = new Places();
  const record = await make(places, image, command, options);
  if (options.detach) {
    await startDetached(places, record);
    process.stdout.write(`${record.id}\n`);
    return;
  }
  await runHere(places, record);
}

/** The container runs in this process, its standard files are those of this command. */
async function runHere(places: Places, made: ContainerRecord, checkpoint?: CheckpointPlace): Promise<void> {
  const { terminal } = made.spec.process;
  const runner = await claim(places, made, { paced: terminal || process.stdout.isTTY === true, checkpoint });
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
  if (terminal && process.stdout.isTTY) streams.resize(windowSize());
  const send = (input: Input) => {
    runner.wake();
    if ('data' in input) streams.type(new Uint8Array(Buffer.from(input.data, 'base64')));
    else if ('end' in input) streams.end();
    else if ('size' in input) streams.resize(input.size);
  };
  const stop = () => runner.kill(SIGNAL.SIGINT);
  const terminate = () => runner.kill(SIGNAL.SIGTERM);
  process.on('SIGINT', stop).on('SIGTERM', terminate);
  local.open(send, { interactive });
  if (!interactive) streams.end();
  try {
    await work();
  } finally {
    local.close();
    process.off('SIGINT', stop).off('SIGTERM', terminate);
  }
}

/** How a container is run. */
interface RunOptions {
  readonly paced: boolean;
  /** Where it goes on from. */
  readonly checkpoint: CheckpointPlace | undefined;
}

/** Takes a container for this process. One that cannot go on from a checkpoint stays as it is. */
async function claim(places: Places, made: ContainerRecord, options: RunOptions): Promise<ContainerRunner> {
  const { containers, data } = places;
  const restored = options.checkpoint && restore(places, made, options.checkpoint);
  const record = await containers.claim(made.id, thisRunner(data, made.id));
  try {
    const live = restored ?? makeContainer(record, (kernel) => imageFiles(kernel, places, record));
    return new ContainerRunner({
      record,
      containers,
      live,
      isRestored: restored !== undefined,
      keep: (request, checkpoint) => keepCheckpoint(places, record, request, checkpoint),
      user: record.user,
      groups: record.request.groups,
      log: join(data.root, containers.logPath(record.id)),
      paced: options.paced,
    });
  } catch (error) {
    await giveUp(places, record, CANNOT_RUN);
    throw error;
  }
}

/** A container as it was at a checkpoint. @throws OciError, SnapshotError when it cannot go on */
function restore(places: Places, record: ContainerRecord, place: CheckpointPlace): LiveContainer {
  if (record.runner) throw new OciError('bad-state', `The container ${record.name} is running already.`);
  const checkpoint = loadCheckpoint(places, record, place);
  const share = imageShare(places, record, checkpoint);
  return loadContainer(record, checkpoint, share, (roots) => savedFiles(places, record, share, roots));
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
export const exitCodeFor = ({ message }: OciError): number => (message.includes('ENOENT') ? NOT_FOUND : CANNOT_RUN);

/** The container could not be started. */
async function giveUp({ containers }: Places, { id, autoRemove }: ContainerRecord, exitCode: number): Promise<void> {
  await containers.note(id, { state: 'exited', runner: undefined, exitCode });
  if (autoRemove) await containers.remove(id);
}

/** Runs a container in a process of its own that this one leaves behind. */
async function startDetached({ data }: Places, { id }: ContainerRecord, checkpoint?: CheckpointPlace): Promise<void> {
  const env = { ...process.env, ANILLO_DATA: data.root };
  const { name, directory } = checkpoint ?? {};
  const from = [
    ...(name === undefined ? [] : ['--checkpoint', name]),
    ...(directory === undefined ? [] : ['--checkpoint-dir', directory]),
  ];
  await leaveBehind(['container', 'supervise', id, ...from], { stdio: ['ignore', 'ignore', 'ignore'], env });
}

/** The process left behind: runs a container and tells whoever started it once its program runs. */
export async function superviseContainer(id: string, options: CheckpointOptions): Promise<void> {
  await workBehind(async (ready) => {
    const places = new Places();
    const record = places.containers.find(id);
    const runner = await claim(places, record, { paced: true, checkpoint: placeOf(options) });
    if (!record.openStdin) runner.streams.end();
    process.on('SIGTERM', () => runner.kill(SIGNAL.SIGTERM)).on('SIGHUP', () => {});
    await run(places, record, runner, ready);
  });
}

/** Starts containers that were made or have ended, or lets one go on from a checkpoint. */
export async function startContainers(
  names: readonly string[],
  options: { readonly attach?: true } & CheckpointOptions,
): Promise<void> {
  const places = new Places();
  const checkpoint = placeOf(options);
  if (checkpoint !== undefined && names.length !== 1) throw new CliError('--checkpoint takes one container.');
  if (options.attach) {
    if (names.length !== 1) throw new CliError('--attach takes one container.');
    await runHere(places, places.containers.find(names[0]!), checkpoint);
    return;
  }
  for (const name of names) {
    await startDetached(places, places.containers.find(name), checkpoint);
    process.stdout.write(`${name}\n`);
  }
}
