// An image of a container (docker-commit(1)).
import { commitImage, packEntries } from '../../oci/commit.ts';
import type { ContainerRecord } from '../../oci/container-store.ts';
import type { Bytes } from '../../oci/streams.ts';
import { Places } from '../places.ts';
import { ask } from './client.ts';

/** The changes of a container as a tar archive, whether it runs or not. */
async function changesOf({ containers }: Places, record: ContainerRecord, pauses: boolean): Promise<Bytes> {
  if (!record.runner) {
    const kept = containers.changes(record.id);
    return kept ? packEntries(kept.entries, kept.content) : packEntries([], NOTHING);
  }
  const { readable, writable } = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>();
  const writer = writable.getWriter();
  const onOutput = (bytes: Uint8Array) => void writer.write(Uint8Array.from(bytes));
  void ask(record, { op: 'archive', pauses }, { onOutput }).then(
    () => writer.close(),
    (error: unknown) => writer.abort(error),
  );
  return readable;
}

const NOTHING = { size: 0, readAt: () => 0, close: () => {} };

/** Makes an image of a container. */
export async function commitContainer(
  name: string,
  image: string | undefined,
  options: { author?: string; message?: string; pause: boolean },
): Promise<void> {
  const places = new Places();
  const record = places.containers.find(name);
  const { author, message } = options;
  const base = places.images.find(record.image.id);
  const id = await commitImage(places.images, base, await changesOf(places, record, options.pause), {
    command: record.spec.process.args.join(' '),
    config: { Cmd: record.spec.process.args },
    created: new Date().toISOString(),
    ...(image === undefined ? {} : { name: image }),
    ...(author === undefined ? {} : { author }),
    ...(message === undefined ? {} : { message }),
  });
  process.stdout.write(`${id}\n`);
}
