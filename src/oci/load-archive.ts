// Images out of an archive: an OCI image layout or what `docker save` writes, as a tar file, compressed or not.
import { createTarDecoder, type ParsedTarEntry } from 'modern-tar';
import { digits, type Digest, isDigest } from './digest.ts';
import {
  ARCHITECTURES,
  type Architecture,
  type ContentDescriptor,
  type ImageManifest,
  MEDIA,
  parseConfig,
  parseIndex,
  parseManifest,
  writeManifest,
} from './documents.ts';
import type { ImageStore } from './image-store.ts';
import { LARGEST_DOCUMENT, parseJson } from './json.ts';
import { MOST_CONTENT } from './layer-entries.ts';
import { tarError } from './layers.ts';
import { OciError } from './oci-error.ts';
import { parseReference, tagged } from './reference.ts';
import { type Bytes, compressionOf, decompressed } from './streams.ts';

/** An image that was loaded. */
export interface LoadedImage {
  readonly id: Digest;
  readonly names: readonly string[];
}

/** Options of loading. */
export interface LoadOptions {
  /** Which of an image's platforms to take; the first of amd64 and 386 it has if not given. */
  readonly architecture?: Architecture;
}

const MOST_FILES = 100_000;
/** Indexes of indexes, so deep. */
const DEEPEST_INDEX = 4;
const MOST_LINKS = 8;

/**
 * Loads all images of an archive. `what` names it in messages.
 * @throws OciError when it cannot be used; then nothing is kept
 */
export function loadArchive(
  store: ImageStore,
  archive: Bytes,
  what: string,
  options: LoadOptions = {},
): Promise<readonly LoadedImage[]> {
  return store.change(async () => {
    const files = await ArchiveFiles.read(store, archive, what);
    const found = files.has('manifest.json') ? dockerImages(files) : ociImages(files, options);
    if (found.length === 0) throw new OciError('bad-archive', `${what} has no image in it.`);
    const loaded: LoadedImage[] = [];
    for (const image of found) loaded.push(await addImage(store, image, what));
    return loaded;
  });
}

/** An image in an archive: blobs that are in the store by now, and its names. */
interface FoundImage {
  readonly manifest: ImageManifest;
  readonly names: readonly string[];
  /** The bytes of the manifest, when the archive has it. */
  readonly document?: Uint8Array;
}

/** The files of an archive: all of them are blobs of the store until the archive has been read. */
class ArchiveFiles {
  readonly #store: ImageStore;
  readonly #files = new Map<string, { digest: Digest; size: number }>();
  readonly #links = new Map<string, string>();
  readonly what: string;

  private constructor(store: ImageStore, what: string) {
    this.#store = store;
    this.what = what;
  }

  static async read(store: ImageStore, archive: Bytes, what: string): Promise<ArchiveFiles> {
    const files = new ArchiveFiles(store, what);
    try {
      const plain = await decompressed(archive, what);
      for await (const entry of plain.pipeThrough(createTarDecoder({ strict: true }))) await files.#take(entry);
    } catch (error) {
      throw tarError(error, what);
    }
    return files;
  }

  async #take({ header, body }: ParsedTarEntry): Promise<void> {
    const name = normal(header.name);
    if (this.#files.size + this.#links.size > MOST_FILES) throw this.#refused(`it has more than ${MOST_FILES} files`);
    if (name.split('/').includes('..')) throw this.#refused(`${header.name} leads out of it`);
    if (header.type === 'symlink' || header.type === 'link') {
      const from = header.type === 'link' ? '' : name.slice(0, name.lastIndexOf('/') + 1);
      this.#links.set(name, normal(`${from}${header.linkname ?? ''}`));
    } else if (header.type !== 'file' && header.type !== 'directory') {
      throw this.#refused(`${header.name} is a ${header.type}`);
    }
    if (header.type !== 'file') {
      await body.cancel();
      return;
    }
    const [, hex] = /^blobs\/sha256\/([0-9a-f]{64})$/.exec(name) ?? [];
    const expected: { digest?: Digest } = hex === undefined ? {} : { digest: `sha256:${hex}` };
    const blob = await this.#store.blobs.write(
      body as Bytes,
      { ...expected, most: MOST_CONTENT },
      `The file ${name} of ${this.what}`,
    );
    this.#files.set(name, blob);
  }

  #refused(why: string): OciError {
    return new OciError('unsafe-archive', `${this.what} is refused: ${why}.`);
  }

  #resolve(name: string): { digest: Digest; size: number } | undefined {
    let at = normal(name);
    for (let links = 0; links < MOST_LINKS; links++) {
      const file = this.#files.get(at);
      if (file) return file;
      const target = this.#links.get(at);
      if (target === undefined) return undefined;
      at = target;
    }
    return undefined;
  }

  has(name: string): boolean {
    return this.#resolve(name) !== undefined;
  }

  /** @throws OciError when the archive lacks it */
  file(name: string): { digest: Digest; size: number } {
    const file = this.#resolve(name);
    if (!file) throw new OciError('truncated', `${this.what} lacks ${name}, which it refers to.`);
    return file;
  }

  document(name: string): Uint8Array {
    const file = this.file(name);
    if (file.size > LARGEST_DOCUMENT) throw this.#refused(`${name} has ${file.size} bytes`);
    return this.#store.blobs.document(file, `${name} of ${this.what}`);
  }

  compression(digest: Digest): string {
    const file = this.#store.blobs.open(digest, `A layer of ${this.what}`);
    const start = new Uint8Array(4);
    const read = file.readAt(0, start);
    file.close();
    const compression = compressionOf(start.subarray(0, read));
    return compression === 'gzip' ? MEDIA.layerGzip : compression === 'zstd' ? MEDIA.layerZstd : MEDIA.layer;
  }
}

/** A path without `.`, empty parts, and `x/..`. */
function normal(path: string): string {
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue;
    if (part === '..' && parts.length > 0 && parts.at(-1) !== '..') parts.pop();
    else parts.push(part);
  }
  return parts.join('/');
}

/** The images that manifest.json of `docker save` lists. */
function dockerImages(files: ArchiveFiles): readonly FoundImage[] {
  const what = `manifest.json of ${files.what}`;
  const list = parseJson(files.document('manifest.json'), what);
  if (!Array.isArray(list)) throw new OciError('bad-document', `${what} is no list.`);
  return list.map((item: { Config?: unknown; Layers?: unknown; RepoTags?: unknown }) => {
    const { Config, Layers, RepoTags } = item ?? {};
    if (typeof Config !== 'string' || !Array.isArray(Layers)) {
      throw new OciError('bad-document', `${what} has an image without Config or Layers.`);
    }
    const layers = Layers.map((name): ContentDescriptor => {
      const file = files.file(String(name));
      return { mediaType: files.compression(file.digest), ...file };
    });
    const names = Array.isArray(RepoTags) ? RepoTags.map((name) => tagged(parseReference(String(name)))) : [];
    return { manifest: { config: { mediaType: MEDIA.config, ...files.file(Config) }, layers }, names };
  });
}

/** The images that index.json of an OCI image layout names. */
function ociImages(files: ArchiveFiles, options: LoadOptions): readonly FoundImage[] {
  if (!files.has('index.json')) {
    throw new OciError(
      'bad-archive',
      `${files.what} has neither index.json nor manifest.json: it is no archive of images.`,
    );
  }
  const index = parseIndex(files.document('index.json'), `index.json of ${files.what}`);
  return index.map((entry) => {
    const manifest = chooseManifest(files, entry, options, 0);
    const document = files.document(`blobs/sha256/${digits(manifest.digest)}`);
    return { manifest: parseManifest(document, `A manifest of ${files.what}`), names: namesOf(entry), document };
  });
}

function namesOf({ annotations }: ContentDescriptor): readonly string[] {
  const name = annotations?.['io.containerd.image.name'] ?? annotations?.['org.opencontainers.image.ref.name'];
  // a layout may give the tag alone: then the image has no name
  return name === undefined || !/[:/]/.test(name) ? [] : [tagged(parseReference(name))];
}

/** Follows an index to the manifest for a processor there is here. */
function chooseManifest(
  files: ArchiveFiles,
  entry: ContentDescriptor,
  options: LoadOptions,
  depth: number,
): ContentDescriptor {
  const { mediaType } = entry;
  if (mediaType === MEDIA.manifest || mediaType === MEDIA.dockerManifest) return entry;
  if (mediaType !== MEDIA.index && mediaType !== MEDIA.dockerList) {
    throw new OciError(
      'unsupported',
      `${files.what} has something of type ${mediaType || '(none)'} in place of an image.`,
    );
  }
  if (depth === DEEPEST_INDEX) throw new OciError('bad-archive', `${files.what} has indexes in indexes without end.`);
  const choices = parseIndex(files.document(`blobs/sha256/${digits(entry.digest)}`), `An index of ${files.what}`);
  const wanted: readonly string[] = options.architecture === undefined ? ARCHITECTURES : [options.architecture];
  for (const architecture of wanted) {
    const choice = choices.find(({ platform }) => platform?.os === 'linux' && platform.architecture === architecture);
    if (choice) return chooseManifest(files, choice, options, depth + 1);
  }
  const there = choices.flatMap(({ platform }) => (platform ? [`${platform.os}/${platform.architecture}`] : []));
  throw new OciError(
    'unsupported',
    `${files.what} has no image for linux/${wanted.join(' or linux/')}, only for ${there.join(', ')}.`,
  );
}

/** Unpacks the layers of an image and names it. */
async function addImage(
  store: ImageStore,
  { manifest, names, document }: FoundImage,
  what: string,
): Promise<LoadedImage> {
  const config = parseConfig(
    store.blobs.document(manifest.config, `The configuration in ${what}`),
    `The configuration in ${what}`,
  );
  checkPlatform(config.os, config.architecture, what);
  if (config.diffIds.length !== manifest.layers.length) {
    throw new OciError(
      'bad-document',
      `${what} has ${manifest.layers.length} layers where its configuration lists ${config.diffIds.length}.`,
    );
  }
  const nameOf = (n: number) => `Layer ${n + 1} of ${what}`;
  for (const [n, layer] of manifest.layers.entries()) {
    const expected = config.diffIds[n]!;
    if (!isDigest(expected) || store.layers.has(expected)) continue;
    await store.layers.unpack(store.blobs.stream(layer.digest, nameOf(n)), nameOf(n), { expected, hasBelow: n > 0 });
  }
  store.layers.check(config.diffIds, nameOf);
  store.add(store.blobs.put(document ?? writeManifest(manifest), MEDIA.manifest), names);
  return { id: manifest.config.digest, names };
}

function checkPlatform(os: string, architecture: string, what: string): void {
  if (os === 'linux' && (ARCHITECTURES as readonly string[]).includes(architecture)) return;
  throw new OciError(
    'unsupported',
    `${what} is for ${os}/${architecture}; programs for linux/amd64 and linux/386 run here.`,
  );
}
