// Running containers: in the process of the command, or in one of its own that is left behind (docker-run(1), docker-start(1)).
import { spawn } from 'node:child_process';
import { SIGNAL } from '../../abi/signal.ts';
import type { ContainerRecord } from '../../oci/container-store.ts';
import { OciError } from '../../oci/oci-error.ts';
import { startOf } from '../data-files.ts';
import { CliError, EXIT } from '../errors.ts';
import { Places } from '../places.ts';
import { LocalStreams, windowSize } from './client.ts';
import { type CreateOptions, make } from './create.ts';
import type { Input } from './protocol.ts';
import { ContainerRunner } from './runner.ts';

/** Statuses of a program that cannot be run, or is not there. */
const CANNOT_RUN = 126;
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

/** Takes the container for this process. @throws OciError when it runs already */
async function claim(places: Places, { id }: ContainerRecord): Promise<ContainerRecord> {
  const runner = { pid: process.pid, started: startOf(process.pid), socket: places.socketOf(id) };
  return places.containers.update(id, (record) => {
    if (record.runner) throw new OciError('bad-state', `The container ${record.name} is running already.`);
    const { exitCode: _, finishedAt: __, error: ___, ...rest } = record;
    return { ...rest, runner };
  });
}

/** The container runs in this process, its standard files are those of this command. */
async function runHere(places: Places, made: ContainerRecord): Promise<void> {
  const record = await claim(places, made);
  const { terminal } = record.spec.process;
  const runner = await prepare(places, record, terminal || process.stdout.isTTY === true);
  const local = new LocalStreams({ raw: terminal });
  const { streams } = runner;
  streams.listeners.add(local.write);
  if (terminal) streams.resize(windowSize());
  const send = (input: Input) => {
    if ('data' in input) streams.type(new Uint8Array(Buffer.from(input.data, 'base64')));
    else if ('end' in input) streams.end();
    else if ('size' in input) streams.resize(input.size);
    runner.wake();
  };
  const stop = () => runner.kill(SIGNAL.SIGINT);
  const terminate = () => runner.kill(SIGNAL.SIGTERM);
  process.on('SIGINT', stop).on('SIGTERM', terminate);
  local.open(send, { interactive: record.openStdin });
  if (!record.openStdin) streams.end();
  try {
    process.exitCode = await run(places, record, runner);
  } finally {
    local.close();
    process.off('SIGINT', stop).off('SIGTERM', terminate);
  }
}

async function prepare(places: Places, record: ContainerRecord, paced: boolean): Promise<ContainerRunner> {
  try {
    return new ContainerRunner({ ...places, record, paced, socket: record.runner!.socket });
  } catch (error) {
    await giveUp(places, record, CANNOT_RUN);
    throw error;
  }
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
    const code = error.message.includes('ENOENT') ? NOT_FOUND : CANNOT_RUN;
    await giveUp(places, record, code);
    throw new CliError(error.message, code);
  }
}

/** The container could not be started. */
async function giveUp({ containers }: Places, { id, autoRemove }: ContainerRecord, exitCode: number): Promise<void> {
  await containers.update(id, ({ runner: _, ...record }) => ({ ...record, state: 'exited', exitCode }));
  if (autoRemove) await containers.remove(id);
}

/** Runs a container in a process of its own that this one leaves behind. */
async function startDetached(places: Places, { id }: ContainerRecord): Promise<void> {
  const child = spawn(process.execPath, [process.argv[1]!, 'container', 'supervise', id], {
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    env: { ...process.env, ANILLO_DATA: places.data.root },
  });
  let complaint = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (complaint += text));
  const outcome = await new Promise<'started' | number>((resolve) => {
    child.once('message', () => resolve('started'));
    child.once('exit', (code) => resolve(code ?? EXIT.failure));
  });
  if (outcome !== 'started') throw new CliError(complaint.replace(/^anillo: /, '').trim(), outcome);
  child.stderr?.destroy();
  child.disconnect();
  child.unref();
}

/** The process left behind: runs a container and tells whoever started it once its program runs. */
export async function superviseContainer(id: string): Promise<void> {
  const places = new Places();
  const record = await claim(places, places.containers.find(id));
  const runner = await prepare(places, record, true);
  if (!record.openStdin) runner.streams.end();
  process.on('SIGTERM', () => runner.kill(SIGNAL.SIGTERM)).on('SIGHUP', () => {});
  // whoever started it listens no more
  process.stderr.on('error', () => {});
  await run(places, record, runner, () => process.send?.('started'));
}

/** Starts containers that were made or have ended. */
export async function startContainers(names: readonly string[], options: { attach?: true }): Promise<void> {
  const places = new Places();
  if (options.attach) {
    if (names.length !== 1) throw new CliError('--attach takes one container.');
    await runHere(places, places.containers.find(names[0]!));
    return;
  }
  for (const name of names) {
    await startDetached(places, places.containers.find(name));
    process.stdout.write(`${name}\n`);
  }
}
