// What a container changed in the files of its image (docker-diff(1)).
import type { ContainerRecord } from '../../oci/container-store.ts';
import { type Change, changesInLayer } from '../../oci/layer-changes.ts';
import { PLACES } from '../../oci/root-fs.ts';
import { Places } from '../places.ts';
import { ask } from './client.ts';

/** Lists what a container changed, whether it runs or not. */
export async function showChanges(name: string): Promise<void> {
  const places = new Places();
  const record = places.containers.find(name);
  const found = record.runner
    ? ((await ask(record, { op: 'changes' })) as readonly Change[])
    : changesKept(places, record);
  process.stdout.write(found.map(({ kind, path }) => `${kind} ${path}\n`).join(''));
}

/** The changes of a container that does not run. */
function changesKept({ containers, images }: Places, { id, image }: ContainerRecord): readonly Change[] {
  const kept = containers.changes(id);
  kept?.content.close();
  const below = image.diffIds.map((layer) => images.layers.entries(layer));
  return changesInLayer(kept?.entries ?? [], [...below, PLACES]);
}
