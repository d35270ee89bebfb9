// Looking into containers: logs, top, diff (docker-logs(1) and its like).
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ContainerRecord } from '../../oci/container-store.ts';
import { type Change, changesInLayer } from '../../oci/layer-changes.ts';
import { PLACES } from '../../oci/root-fs.ts';
import { Places } from '../places.ts';
import { ask, LocalStreams } from './client.ts';
import { processTable, type Process } from './processes.ts';

function print(text: string): void {
  process.stdout.write(text);
}

/** Prints what a container has written. */
export async function showLogs(
  name: string,
  options: { follow?: true; timestamps?: true; tail?: number },
): Promise<void> {
  const { containers, data } = new Places();
  const record = containers.find(name);
  const path = join(data.root, containers.logPath(record.id));
  const show = (text: string) => {
    const { log, stream, time } = JSON.parse(text) as { log: string; stream: string; time: string };
    const bytes = Buffer.from(options.timestamps ? `${time} ${log}` : log, 'latin1');
    (stream === 'stdout' ? process.stdout : process.stderr).write(bytes);
  };
  if (!existsSync(path)) return;
  const lines = readFileSync(path, 'utf8').split('\n').filter(Boolean);
  for (const line of options.tail === undefined ? lines : lines.slice(-options.tail)) show(line);
  if (!options.follow || !record.runner) return;
  const local = new LocalStreams({ raw: false });
  await ask(record, { op: 'attach' }, { onOutput: local.write }).catch(() => {});
}

/** Lists the processes of a container. */
export async function showProcesses(name: string): Promise<void> {
  print(processTable((await ask(new Places().containers.find(name), { op: 'top' })) as readonly Process[]));
}

/** Lists what a container changed. */
export async function showChanges(name: string): Promise<void> {
  const places = new Places();
  const record = places.containers.find(name);
  const found = record.runner
    ? ((await ask(record, { op: 'changes' })) as readonly Change[])
    : changesKept(places, record);
  const lines = found.map(({ kind, path }) => `${kind} ${path}\n`);
  print(lines.join(''));
}

/** The changes of a container that does not run. */
function changesKept({ containers, images }: Places, { id, image }: ContainerRecord): readonly Change[] {
  const kept = containers.changes(id);
  kept?.content.close();
  const below = image.diffIds.map((layer) => images.layers.entries(layer));
  return changesInLayer(kept?.entries ?? [], [...below, PLACES]);
}
