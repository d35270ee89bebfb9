// An image of a container (docker-commit(1)).
import { commitImage, packEntries } from '../../oci/commit.ts';
import type { ContainerRecord } from '../../oci/container-store.ts';
import type { ImageRunConfig } from '../../oci/documents.ts';
import { changeConfig } from '../../oci/image-changes.ts';
import { present } from '../../oci/json.ts';
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

/** How containers of its image will run: as it did. */
function configOf({ request, spec, user, labels, stopSignal }: ContainerRecord, of: ImageRunConfig): ImageRunConfig {
  const names = new Set(request.env.map((setting) => setting.split('=', 1)[0]!));
  return present({
    ...of,
    User: user || undefined,
    Env: [...(of.Env ?? []).filter((setting) => !names.has(setting.split('=', 1)[0]!)), ...request.env],
    Entrypoint: request.entrypoint.length > 0 ? request.entrypoint : undefined,
    Cmd: request.command,
    WorkingDir: spec.process.cwd,
    Volumes: request.volumes?.length ? Object.fromEntries(request.volumes.map((path) => [path, {}])) : of.Volumes,
    Labels: Object.keys(labels).length > 0 ? labels : undefined,
    StopSignal: stopSignal,
  });
}

/** Makes an image of a container. */
export async function commitContainer(
  name: string,
  image: string | undefined,
  options: { author?: string; message?: string; pause: boolean; change: readonly string[] },
): Promise<void> {
  const places = new Places();
  const record = places.containers.find(name);
  const { author, message } = options;
  const base = places.images.find(record.image.id);
  const id = await commitImage(places.images, base, await changesOf(places, record, options.pause), {
    command: record.spec.process.args.join(' '),
    config: changeConfig(configOf(record, base.config.config), options.change),
    created: new Date().toISOString(),
    ...(image === undefined ? {} : { name: image }),
    ...(author === undefined ? {} : { author }),
    ...(message === undefined ? {} : { message }),
  });
  process.stdout.write(`${id}\n`);
}
