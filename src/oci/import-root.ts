// An image of a root file system that is a tar file, as docker-import(1) makes it: one layer, no history but that.
import {
  ARCHITECTURES,
  type Architecture,
  type HistoryEntry,
  type ImageRunConfig,
  MEDIA,
  writeConfig,
  writeManifest,
} from './documents.ts';
import type { Digest } from './digest.ts';
import type { ImageStore } from './image-store.ts';
import type { Layers } from './layers.ts';
import type { LoadedImage } from './load-archive.ts';
import { parseReference, tagged } from './reference.ts';
import { type Bytes, decompressed } from './streams.ts';

/** Options of importing. */
export interface ImportOptions {
  /** For which processor; what its programs are for if not given. */
  readonly architecture?: Architecture;
  readonly config?: ImageRunConfig;
  readonly message?: string;
  /** Time of creation, RFC 3339. */
  readonly created: string;
}

/**
 * Makes an image of a tar archive, compressed or not. `what` names it in messages.
 * @throws OciError when it cannot be used; then nothing is kept
 */
export function importRoot(
  store: ImageStore,
  archive: Bytes,
  name: string,
  what: string,
  options: ImportOptions,
): Promise<LoadedImage> {
  const reference = tagged(parseReference(name));
  return store.change(async () => {
    const plain = await decompressed(archive, what);
    const packed = plain.pipeThrough<Uint8Array<ArrayBuffer>>(new CompressionStream('gzip'));
    const blob = await store.blobs.write(packed, {}, what);
    const diffId = await store.layers.unpack(store.blobs.stream(blob.digest, what), what);
    const { created } = options;
    const step: HistoryEntry = { created, comment: options.message ?? `Imported from ${what}` };
    return addSingleLayer(store, { ...blob, diffId }, reference, step, {
      architecture: options.architecture ?? architectureOf(store.layers, diffId),
      config: options.config ?? {},
      created,
    });
  });
}

interface LayerBlob {
  readonly digest: Digest;
  readonly size: number;
  readonly diffId: Digest;
}

function addSingleLayer(
  store: ImageStore,
  { digest, size, diffId }: LayerBlob,
  name: string,
  step: HistoryEntry,
  image: { architecture: Architecture; config: ImageRunConfig; created: string },
): LoadedImage {
  const config = store.blobs.put(
    writeConfig({ os: 'linux', ...image, diffIds: [diffId], history: [step] }),
    MEDIA.config,
  );
  const manifest = writeManifest({ config, layers: [{ mediaType: MEDIA.layerGzip, digest, size }] });
  store.add(store.blobs.put(manifest, MEDIA.manifest), [name]);
  return { id: config.digest, names: [name] };
}

const ELF_MAGIC = 0x464c457f;
const MACHINE_386 = 3;
const MACHINE_AMD64 = 62;
/** So many programs are looked at. */
const MOST_PROGRAMS = 50;

/** The processor that the programs of a layer are for: the first ELF files that may be executed tell. */
function architectureOf(layers: Layers, diffId: Digest): Architecture {
  const content = layers.content(diffId);
  try {
    const header = new Uint8Array(20);
    const view = new DataView(header.buffer);
    const programs = layers.entries(diffId).filter(({ kind, mode }) => kind === 'file' && mode & 0o111);
    for (const { offset = 0, size = 0 } of programs.slice(0, MOST_PROGRAMS)) {
      if (size < header.length || content.readAt(offset, header) < header.length) continue;
      if (view.getUint32(0, true) !== ELF_MAGIC) continue;
      const machine = view.getUint16(18, true);
      if (machine === MACHINE_AMD64) return 'amd64';
      if (machine === MACHINE_386) return '386';
    }
    return ARCHITECTURES[0];
  } finally {
    content.close();
  }
}
