// Changing containers: kill, stop, wait, pause, rm, rename (docker-stop(1) and its like).
import { rmSync } from 'node:fs';
import { SIGNAL } from '../../abi/signal.ts';
import type { ContainerRecord } from '../../oci/container-store.ts';
import { Places } from '../places.ts';
import { CliError } from '../errors.ts';
import { ask } from './client.ts';
import { type Limits, resources } from './create.ts';
import { signalNumber } from './signals.ts';

const STOP_SECONDS = 10;

function print(text: string): void {
  process.stdout.write(text);
}

/** Sends a signal to the first process of containers. */
export async function killContainers(names: readonly string[], options: { signal: string }): Promise<void> {
  const { containers } = new Places();
  const signal = signalNumber(options.signal);
  for (const name of names) {
    await ask(containers.find(name), { op: 'signal', signal });
    print(`${name}\n`);
  }
}

/** Stops containers: their stop signal, and SIGKILL after some seconds. */
export async function stopContainers(names: readonly string[], options: { time?: number }): Promise<void> {
  const places = new Places();
  for (const name of names) {
    await stop(places, places.containers.find(name), options.time ?? STOP_SECONDS);
    print(`${name}\n`);
  }
}

async function stop(places: Places, record: ContainerRecord, seconds: number): Promise<void> {
  if (!record.runner) return;
  await ask(record, { op: 'signal', signal: signalNumber(record.stopSignal) });
  if (await hasEnded(places, record.id, seconds)) return;
  await ask(record, { op: 'signal', signal: SIGNAL.SIGKILL }).catch(() => {});
  await hasEnded(places, record.id, STOP_SECONDS);
}

/** Waits until a container has ended and what it leaves is kept. */
async function hasEnded({ containers }: Places, id: string, seconds: number): Promise<boolean> {
  for (const end = Date.now() + seconds * 1000; Date.now() < end; ) {
    const record = containers.list().find((other) => other.id === id);
    if (!record?.runner) return true;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return false;
}

/** Waits for containers and prints their exit statuses. */
export async function waitForContainers(names: readonly string[]): Promise<void> {
  const places = new Places();
  for (const { id } of names.map((name) => places.containers.find(name))) {
    await hasEnded(places, id, Number.POSITIVE_INFINITY);
    print(`${places.containers.find(id).exitCode ?? 0}\n`);
  }
}

/** Freezes containers, or lets them go on. */
export async function pauseContainers(names: readonly string[], op: 'pause' | 'unpause'): Promise<void> {
  const { containers } = new Places();
  for (const name of names) {
    await ask(containers.find(name), { op });
    print(`${name}\n`);
  }
}

/** Removes containers. */
export async function removeContainers(names: readonly string[], options: { force?: true }): Promise<void> {
  const places = new Places();
  for (const name of names) {
    const record = places.containers.find(name);
    if (options.force) await stop(places, record, 0);
    await places.containers.remove(record.id);
    rmSync(places.socketOf(record.id), { force: true });
    print(`${name}\n`);
  }
}

/** Gives a container another name. */
export async function renameContainer(name: string, next: string): Promise<void> {
  const { containers } = new Places();
  await containers.rename(containers.find(name).id, next);
}

/** Gives containers other limits. */
export async function updateContainers(names: readonly string[], options: Limits): Promise<void> {
  const { containers } = new Places();
  const { unified: _, ...asked } = resources(options);
  if (Object.keys(asked).length === 0) throw new CliError('There is no limit to change (--memory, --cpus and so on).');
  for (const name of names) {
    const record = containers.find(name);
    if (record.runner) await ask(record, { op: 'update', resources: { ...asked, unified: {} } });
    await containers.update(record.id, (now) => ({
      ...now,
      spec: { ...now.spec, resources: { ...now.spec.resources, ...asked } },
    }));
    print(`${name}\n`);
  }
}
