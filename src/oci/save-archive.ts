// Images into an archive that both docker(1) and the tools of OCI image layouts load: a layout with a manifest.json beside it.
import { createTarPacker } from 'modern-tar';
import { type Digest, digits } from './digest.ts';
import { type ContentDescriptor, MEDIA } from './documents.ts';
import { writeDocument } from './json.ts';
import type { ImageStore, StoredImage } from './image-store.ts';
import { canonicalName } from './reference.ts';
import type { Bytes } from './streams.ts';

const EPOCH = new Date(0);
const blobName = (digest: Digest) => `blobs/sha256/${digits(digest)}`;

/** An image to save, and the names it has in the archive. */
export interface ImageToSave {
  readonly image: StoredImage;
  readonly names: readonly string[];
}

/** The archive of these images; the same images give the same bytes. */
export function saveArchive(store: ImageStore, images: readonly ImageToSave[]): Bytes {
  const { readable, controller } = createTarPacker();
  void writeAll(store, images, controller).then(
    () => controller.finalize(),
    (error: unknown) => controller.error(error),
  );
  return readable;
}

type Packer = ReturnType<typeof createTarPacker>['controller'];

async function writeAll(store: ImageStore, images: readonly ImageToSave[], packer: Packer): Promise<void> {
  await writeFile(packer, 'oci-layout', writeDocument({ imageLayoutVersion: '1.0.0' }));
  const blobs = images.flatMap(({ image }) => [
    image.manifest.digest,
    image.id,
    ...image.layers.map(({ digest }) => digest),
  ]);
  for (const digest of new Set(blobs)) await writeBlob(store, packer, digest);
  const manifests = images.flatMap(({ image, names }): ContentDescriptor[] => {
    if (names.length === 0) return [image.manifest];
    return names.map((name) => ({
      ...image.manifest,
      annotations: {
        'io.containerd.image.name': canonicalName(name),
        'org.opencontainers.image.ref.name': name,
      },
    }));
  });
  await writeFile(packer, 'index.json', writeDocument({ schemaVersion: 2, mediaType: MEDIA.index, manifests }));
  const docker = images.map(({ image, names }) => ({
    Config: blobName(image.id),
    RepoTags: names.length === 0 ? null : names,
    Layers: image.layers.map(({ digest }) => blobName(digest)),
  }));
  await writeFile(packer, 'manifest.json', writeDocument(docker));
}

async function writeFile(packer: Packer, name: string, bytes: Uint8Array): Promise<void> {
  const writer = packer.add({ name, size: bytes.length, mode: 0o644, mtime: EPOCH, type: 'file' }).getWriter();
  await writer.write(bytes);
  await writer.close();
}

async function writeBlob(store: ImageStore, packer: Packer, digest: Digest): Promise<void> {
  const name = blobName(digest);
  const header = { name, size: store.blobs.size(digest), mode: 0o644, mtime: EPOCH, type: 'file' } as const;
  await store.blobs.stream(digest, `The blob ${digest}`).pipeTo(packer.add(header));
}
