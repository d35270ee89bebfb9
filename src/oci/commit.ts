// A container's changes as one more layer of its image (docker-commit(1)).
import { createTarPacker } from 'modern-tar';
import type { OpenFile } from './data-directory.ts';
import type { Digest } from './digest.ts';
import { type ImageRunConfig, MEDIA, writeConfig, writeManifest } from './documents.ts';
import type { ImageStore, StoredImage } from './image-store.ts';
import type { EntryKind, LayerEntry } from './layer-entries.ts';
import { parseReference, tagged } from './reference.ts';
import type { Bytes } from './streams.ts';
import { archivedName, writtenArchive } from './tar-bytes.ts';

const CHUNK = 1 << 20;
const TYPES = {
  file: 'file',
  directory: 'directory',
  symlink: 'symlink',
  hardlink: 'link',
  fifo: 'fifo',
} as const satisfies Record<EntryKind, string>;

/** What to write into the new image. */
export interface CommitOptions {
  readonly name?: string;
  readonly author?: string;
  readonly message?: string;
  /** What the container ran, for the history. */
  readonly command: string;
  /** How containers of it run. */
  readonly config: ImageRunConfig;
  /** Time, RFC 3339. */
  readonly created: string;
}

/** Makes an image of another one and a tar archive of changes to it; gives its ID. @throws OciError */
export function commitImage(
  store: ImageStore,
  base: StoredImage,
  changes: Bytes,
  options: CommitOptions,
): Promise<Digest> {
  const { name, author, message, command, config, created } = options;
  const names = name === undefined ? [] : [tagged(parseReference(name))];
  return store.change(async () => {
    const what = 'The layer of the changes';
    const packed = changes.pipeThrough<Uint8Array<ArrayBuffer>>(new CompressionStream('gzip'));
    const blob = await store.blobs.write(packed, {}, what);
    const diffId = await store.layers.unpack(store.blobs.stream(blob.digest, what), what);
    const step = {
      created,
      created_by: command,
      ...(author ? { author } : {}),
      ...(message ? { comment: message } : {}),
    };
    const document = writeConfig({
      ...base.config,
      created,
      ...(author ? { author } : {}),
      config,
      diffIds: [...base.config.diffIds, diffId],
      history: [...base.config.history, step],
    });
    const descriptor = store.blobs.put(document, MEDIA.config);
    const layers = [...base.layers, { mediaType: MEDIA.layerGzip, ...blob }];
    store.add(store.blobs.put(writeManifest({ config: descriptor, layers }), MEDIA.manifest), names);
    return descriptor.digest;
  });
}

/** Entries of a layer and the contents of its files as a tar archive again. */
export function packEntries(entries: readonly LayerEntry[], content: OpenFile): Bytes {
  const { readable, controller } = createTarPacker();
  const pack = async () => {
    // links behind what they link to
    const inOrder = [...entries].sort((a, b) => Number(a.kind === 'hardlink') - Number(b.kind === 'hardlink'));
    for (const entry of inOrder) await packEntry(controller, entry, content);
    content.close();
  };
  void pack().then(
    () => controller.finalize(),
    (error: unknown) => controller.error(error),
  );
  return readable.pipeThrough(writtenArchive());
}

type Packer = ReturnType<typeof createTarPacker>['controller'];

async function packEntry(packer: Packer, entry: LayerEntry, content: OpenFile): Promise<void> {
  const { path, kind, mode, uid, gid, mtime, size = 0, offset = 0, target, xattrs } = entry;
  const pax = Object.fromEntries(Object.entries(xattrs ?? {}).map(([name, value]) => [`SCHILY.xattr.${name}`, value]));
  const writer = packer
    .add({
      name: archivedName(kind === 'directory' ? `${path}/` : path),
      type: TYPES[kind],
      mode,
      uid,
      gid,
      mtime: new Date(mtime * 1000),
      size,
      ...(target === undefined ? {} : { linkname: archivedName(target) }),
      ...(xattrs ? { pax } : {}),
    })
    .getWriter();
  for (let at = 0; at < size; at += CHUNK) {
    const chunk = new Uint8Array(Math.min(CHUNK, size - at));
    content.readAt(offset + at, chunk);
    await writer.write(chunk);
  }
  await writer.close();
}
