// Looking into containers: top, diff (docker-top(1), docker-diff(1)).
import type { ContainerRecord } from '../../oci/container-store.ts';
import { type Change, changesInLayer } from '../../oci/layer-changes.ts';
import { PLACES } from '../../oci/root-fs.ts';
import { Places } from '../places.ts';
import { ask } from './client.ts';
import { processTable, type Process } from './processes.ts';

function print(text: string): void {
  process.stdout.write(text);
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
