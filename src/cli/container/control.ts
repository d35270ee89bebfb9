// Changing containers: kill, stop, wait, pause, rm, rename (docker-stop(1) and its like).
import { rmSync } from 'node:fs';
import { SIGNAL } from '../../abi/signal.ts';
import type { ContainerRecord } from '../../oci/container-store.ts';
import { OciError } from '../../oci/oci-error.ts';
import { Places } from '../places.ts';
import { CliError } from '../errors.ts';
import { ask } from './client.ts';
import { type Limits, machineFor, mergeLimits, resources } from './limits.ts';
import { startDetached } from './run.ts';
import { signalNumber } from './signals.ts';

const STOP_SECONDS = 10;
/** A process that was killed has as long to keep what the container leaves. */
const KILL_SECONDS = 60;

function print(text: string): void {
  process.stdout.write(text);
}

/**
 * Does something to containers, one after the other, and prints the number that came of it, or the name of each. One that cannot
 * be is named, and the others are not left out, as docker does it; an error that is fine is no failure.
 * @throws OciError for the last that could not be
 */
async function toEach(
  names: readonly string[],
  work: (name: string) => Promise<unknown>,
  isFine: (error: OciError) => boolean = () => false,
): Promise<void> {
  let failure: OciError | undefined;
  for (const name of names) {
    try {
      const came = await work(name);
      print(`${typeof came === 'number' ? came : name}\n`);
    } catch (error) {
      if (!(error instanceof OciError)) throw error;
      if (isFine(error)) {
        process.stderr.write(`anillo: ${error.message}\n`);
        continue;
      }
      if (failure) process.stderr.write(`anillo: ${failure.message}\n`);
      failure = error;
    }
  }
  if (failure) throw failure;
}

/** Sends a signal to the first process of containers. */
export async function killContainers(names: readonly string[], options: { signal: string }): Promise<void> {
  const { containers } = new Places();
  const signal = signalNumber(options.signal);
  await toEach(names, (name) => send(containers.find(name), signal));
}

/** A container that is paused goes on, so that its program can act on the signal; it cannot on SIGKILL. */
async function send(record: ContainerRecord, signal: number): Promise<void> {
  await ask(record, { op: 'signal', signal });
  if (record.state === 'paused' && signal !== SIGNAL.SIGKILL) await ask(record, { op: 'unpause' });
}

/** Options of `stop` and `restart`, parsed. */
export interface StopOptions {
  readonly signal?: string;
  /** Seconds; -1 for any number. */
  readonly timeout?: number;
  /** An older name. */
  readonly time?: number;
}

/** Stops containers: their stop signal, and SIGKILL after some seconds. */
export async function stopContainers(names: readonly string[], options: StopOptions): Promise<void> {
  const places = new Places();
  await toEach(names, (name) => stopAsAsked(places, places.containers.find(name), options));
}

/** Stops containers and starts them again, each in a process of its own. */
export async function restartContainers(names: readonly string[], options: StopOptions): Promise<void> {
  const places = new Places();
  await toEach(names, async (name) => {
    const record = places.containers.find(name);
    await stopAsAsked(places, record, options);
    if (places.containers.list().some(({ id }) => id === record.id)) await startDetached(places, record);
  });
}

function stopAsAsked(places: Places, record: ContainerRecord, { signal, timeout, time }: StopOptions): Promise<void> {
  const seconds = timeout ?? time ?? record.request.stopTimeout ?? STOP_SECONDS;
  return stop(places, record, seconds < 0 ? Number.POSITIVE_INFINITY : seconds, signal);
}

async function stop(
  places: Places,
  record: ContainerRecord,
  seconds: number,
  signal: string = record.stopSignal,
): Promise<void> {
  if (!record.runner) return;
  const number = signalNumber(signal);
  try {
    await send(record, number);
  } catch (error) {
    // one that ended meanwhile needs no signal
    if (await hasEnded(places, record.id, STOP_SECONDS)) return;
    throw error;
  }
  if (await hasEnded(places, record.id, seconds)) return;
  await ask(record, { op: 'signal', signal: SIGNAL.SIGKILL }).catch(() => {});
  await hasEnded(places, record.id, KILL_SECONDS);
}

/** Waits until a container has ended and what it leaves is kept. */
export async function hasEnded({ containers }: Places, id: string, seconds: number): Promise<boolean> {
  for (const end = Date.now() + seconds * 1000; Date.now() < end; ) {
    const record = containers.list().find((other) => other.id === id);
    if (!record?.runner) return true;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return false;
}

/** Waits for containers and prints their exit statuses, also of those that are gone when they end. */
export async function waitForContainers(names: readonly string[]): Promise<void> {
  const places = new Places();
  await toEach(names, async (name) => {
    const record = places.containers.find(name);
    const told = record.runner && (await ask(record, { op: 'wait' }).catch(() => undefined));
    if (told !== undefined) return told;
    // its runner ended before it was asked, or without telling
    await hasEnded(places, record.id, Number.POSITIVE_INFINITY);
    return places.containers.find(record.id).exitCode ?? 0;
  });
}

/** Freezes containers, or lets them go on. */
export async function pauseContainers(names: readonly string[], op: 'pause' | 'unpause'): Promise<void> {
  const { containers } = new Places();
  await toEach(names, async (name) => {
    const record = containers.find(name);
    const isPaused = record.state === 'paused';
    if (record.runner && isPaused === (op === 'pause'))
      throw new OciError('bad-state', `The container ${record.name} is ${isPaused ? 'paused already' : 'not paused'}.`);
    await ask(record, { op });
  });
}

/** Removes containers. */
export async function removeContainers(names: readonly string[], options: { force?: true }): Promise<void> {
  const places = new Places();
  const remove = async (name: string): Promise<void> => {
    const record = places.containers.find(name);
    if (options.force) await stop(places, record, 0);
    await places.containers.remove(record.id);
    rmSync(places.socketOf(record.id), { force: true });
  };
  await toEach(names, remove, ({ code }) => options.force === true && code === 'not-found');
}

/** Gives a container another name. */
export async function renameContainer(name: string, next: string): Promise<void> {
  const { containers } = new Places();
  await containers.rename(containers.find(name).id, next);
}

/** Gives containers other limits. */
export async function updateContainers(names: readonly string[], options: Limits): Promise<void> {
  const { containers } = new Places();
  if (Object.keys(options).length === 0)
    throw new CliError('There is no limit to change (--memory, --cpus and so on).');
  const asked = resources(options);
  for (const name of names) {
    const record = containers.find(name);
    const merged = mergeLimits(record.spec.resources, asked);
    if (record.runner) await ask(record, { op: 'update', resources: merged });
    await containers.update(record.id, (now) => ({
      ...now,
      memory: Math.max(now.memory, machineFor(merged.memoryLimit)),
      spec: { ...now.spec, resources: merged },
    }));
    if (record.runner && (merged.memoryLimit ?? 0) > record.memory)
      process.stderr.write(`anillo: ${name} runs on a machine with less memory until it is started again.\n`);
    print(`${name}\n`);
  }
}
