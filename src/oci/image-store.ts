// Images in an OCI image layout (OCI image specification, "Image Layout"): index.json names manifests, manifests name blobs. The
// layers of every image are unpacked as well.
import { Blobs } from './blobs.ts';
import { type DataDirectory, locked } from './data-directory.ts';
import { type Digest, digits, short } from './digest.ts';
import {
  type ContentDescriptor,
  type ImageConfig,
  type ImageManifest,
  MEDIA,
  parseConfig,
  parseIndex,
  parseManifest,
} from './documents.ts';
import { writeDocument } from './json.ts';
import { Layers } from './layers.ts';
import { OciError } from './oci-error.ts';
import { familiarName, parseReference, type Reference, tagged } from './reference.ts';

const LAYOUT = 'oci-layout';
const INDEX = 'index.json';
/** The annotation with `name:tag`. */
const NAME = 'org.opencontainers.image.ref.name';

/** An image of the store. */
export interface StoredImage {
  /** Digest of its configuration: what docker(1) calls the image ID. */
  readonly id: Digest;
  /** `name:tag` each; none for an image that lost its name. */
  readonly names: readonly string[];
  readonly manifest: ContentDescriptor;
  readonly layers: readonly ContentDescriptor[];
  readonly config: ImageConfig;
  /** Bytes of its unpacked files. */
  readonly size: number;
}

/** What removing an image did. */
export interface Removal {
  readonly untagged: readonly string[];
  readonly deleted: readonly Digest[];
}

/** The images of a data directory. */
export class ImageStore {
  readonly blobs: Blobs;
  readonly layers: Layers;
  readonly #data: DataDirectory;
  readonly #layersInUse: () => Iterable<Digest>;

  /** `layersInUse` gives the layers that stay whatever images there are: those of containers. */
  constructor(data: DataDirectory, layersInUse: () => Iterable<Digest> = () => []) {
    this.#data = data;
    this.#layersInUse = layersInUse;
    this.blobs = new Blobs(data);
    this.layers = new Layers(data);
  }

  /** Runs `work` while no other command changes the store; what it wrote and no image uses goes away, if it fails as well. */
  async change<T>(work: () => T | Promise<T>): Promise<T> {
    return locked(this.#data, async () => {
      try {
        return await work();
      } finally {
        this.#collect();
      }
    });
  }

  /** All images, the newest first. */
  list(): readonly StoredImage[] {
    for (let index = this.#index(); ; ) {
      try {
        return this.#images(index);
      } catch (error) {
        // another command may have removed an image meanwhile: its entry goes before its blobs
        const now = this.#index();
        if (JSON.stringify(now) === JSON.stringify(index)) throw error;
        index = now;
      }
    }
  }

  #images(index: readonly ContentDescriptor[]): readonly StoredImage[] {
    const byManifest = new Map<Digest, ContentDescriptor[]>();
    for (const entry of index) byManifest.set(entry.digest, [...(byManifest.get(entry.digest) ?? []), entry]);
    const images = [...byManifest.values()].map((entries) => this.#image(entries));
    return images.sort((a, b) => (b.config.created ?? '').localeCompare(a.config.created ?? ''));
  }

  /**
   * The image that a user means: name, name@digest, or the beginning of an ID.
   * @throws OciError when there is none, or more than one
   */
  find(text: string): StoredImage {
    const images = this.list();
    const wanted = text.replace(/^sha256:/, '');
    if (/^[0-9a-f]{4,64}$/.test(wanted)) {
      const found = images.filter(({ id }) => digits(id).startsWith(wanted));
      if (new Set(found.map(({ id }) => id)).size > 1)
        throw new OciError('ambiguous', `The image ID ${text} is the beginning of more than one.`);
      if (found[0]) return found[0];
    }
    const reference = parseReference(text);
    const image = images.find((candidate) => isMeant(candidate, reference));
    if (!image) throw new OciError('not-found', `There is no image ${text} (anillo image ls lists those there are).`);
    return image;
  }

  /** Names a manifest whose blobs and layers are in the store; another image of that name loses it. Inside `change`. */
  add(manifest: ContentDescriptor, names: readonly string[]): void {
    const { mediaType, digest, size } = manifest;
    const kept = this.#index().flatMap((entry): ContentDescriptor[] => {
      const name = entry.annotations?.[NAME];
      if (name !== undefined && names.includes(name)) return entry.digest === digest ? [] : [withoutName(entry)];
      return name === undefined && entry.digest === digest ? [] : [entry];
    });
    const added = names.length === 0 ? [{}] : names.map((name) => ({ annotations: { [NAME]: name } }));
    this.#writeIndex([...withoutNameless(kept), ...added.map((more) => ({ mediaType, digest, size, ...more }))]);
  }

  /** Gives an image one more name. */
  async tag(text: string, name: string): Promise<void> {
    const reference = parseReference(name);
    if (reference.digest) throw new OciError('bad-reference', 'A new name cannot have a digest.');
    await this.change(() => {
      const { manifest } = this.find(text);
      this.add(manifest, [tagged(reference)]);
    });
  }

  /** Two archives may have the same image with layers packed differently: then it has a manifest for each. */
  #manifestsOf(id: Digest): readonly StoredImage[] {
    return this.list().filter((image) => image.id === id);
  }

  /**
   * Removes a name, and the image when it was the last; by ID, all names.
   * @throws OciError when a container uses the image or an ID has several names, unless forced
   */
  async remove(
    text: string,
    options: { force?: boolean; users: (image: StoredImage) => readonly string[] },
  ): Promise<Removal> {
    return this.change(() => {
      const image = this.find(text);
      const name = image.names.find((candidate) => isMeant({ ...image, names: [candidate] }, quietly(text)));
      const manifests = this.#manifestsOf(image.id);
      const names = manifests.flatMap((one) => one.names);
      const rest = name === undefined ? [] : names.filter((other) => other !== name);
      if (name === undefined && names.length > 1 && !options.force)
        throw new OciError('in-use', `The image ${short(image.id)} has the names ${names.join(', ')}: use --force.`);
      if (rest.length === 0) this.#refuseUsed(image, options);
      const untagged = name === undefined ? names : [name];
      const digests = new Set(manifests.map(({ manifest }) => manifest.digest));
      const entries = this.#index().filter(
        ({ digest, annotations }) => !digests.has(digest) || rest.includes(annotations?.[NAME] ?? ''),
      );
      this.#writeIndex(entries);
      return { untagged, deleted: rest.length === 0 ? [image.id] : [] };
    });
  }

  #refuseUsed(
    image: StoredImage,
    { force, users }: { force?: boolean; users: (image: StoredImage) => readonly string[] },
  ): void {
    const [user] = users(image);
    if (user === undefined || force) return;
    throw new OciError(
      'in-use',
      `The container ${user} uses the image ${short(image.id)}: remove it first, or use --force.`,
    );
  }

  /** Every blob and layer as it should be; sentences about those that are not. */
  async verify(): Promise<readonly string[]> {
    const wrong: string[] = [];
    for (const digest of this.blobs.list()) {
      const sentence = await this.blobs.verify(digest);
      if (sentence !== undefined) wrong.push(sentence);
    }
    for (const { config, layers } of this.list()) {
      for (const { digest } of layers) if (!this.blobs.has(digest)) wrong.push(`The blob ${digest} is missing.`);
      for (const id of config.diffIds) if (!this.layers.has(id)) wrong.push(`The layer ${id} is not unpacked.`);
    }
    return wrong;
  }

  #index(): readonly ContentDescriptor[] {
    const bytes = this.#data.read(INDEX);
    return bytes ? parseIndex(bytes, `${INDEX} of the data directory`).map(withFamiliarName) : [];
  }

  #writeIndex(manifests: readonly ContentDescriptor[]): void {
    if (!this.#data.read(LAYOUT)) this.#data.replace(LAYOUT, writeDocument({ imageLayoutVersion: '1.0.0' }));
    this.#data.replace(INDEX, writeDocument({ schemaVersion: 2, mediaType: MEDIA.index, manifests }));
  }

  #image(entries: readonly ContentDescriptor[]): StoredImage {
    const [entry] = entries as readonly [ContentDescriptor, ...ContentDescriptor[]];
    const { config: descriptor, layers } = this.manifest(entry);
    const what = `The configuration of the image ${short(descriptor.digest)}`;
    const config = parseConfig(this.blobs.document(descriptor, what), what);
    return {
      id: descriptor.digest,
      names: entries.flatMap(({ annotations }) => annotations?.[NAME] ?? []).sort(),
      manifest: { mediaType: entry.mediaType, digest: entry.digest, size: entry.size },
      layers,
      config,
      size: config.diffIds.reduce((sum, id) => sum + this.layers.size(id), 0),
    };
  }

  /** Reads a manifest. */
  manifest(descriptor: ContentDescriptor): ImageManifest {
    const what = `The manifest ${short(descriptor.digest)}`;
    return parseManifest(this.blobs.document(descriptor, what), what);
  }

  /** Removes blobs and layers that no image uses. */
  #collect(): void {
    const blobs = new Set<Digest>();
    const layers = new Set<Digest>(this.#layersInUse());
    for (const image of this.list()) {
      for (const { digest } of [image.manifest, ...image.layers]) blobs.add(digest);
      blobs.add(image.id);
      for (const id of image.config.diffIds) layers.add(id);
    }
    for (const digest of this.blobs.list()) if (!blobs.has(digest)) this.blobs.remove(digest);
    for (const id of this.layers.list()) if (!layers.has(id)) this.layers.remove(id);
  }
}

/** An ID is no name with a tag. */
function quietly(text: string): Reference | undefined {
  try {
    return parseReference(text);
  } catch {
    return undefined;
  }
}

function isMeant({ names, manifest }: StoredImage, reference: Reference | undefined): boolean {
  if (!reference) return false;
  if (reference.digest && reference.digest !== manifest.digest) return false;
  if (reference.tag !== undefined) return names.includes(tagged(reference));
  return names.some((name) => name.startsWith(`${reference.name}:`));
}

/** Other tools write whole names into layouts. */
function withFamiliarName(entry: ContentDescriptor): ContentDescriptor {
  const name = entry.annotations?.[NAME];
  return name === undefined ? entry : { ...entry, annotations: { ...entry.annotations, [NAME]: familiarName(name) } };
}

function withoutName({ annotations: _, ...entry }: ContentDescriptor): ContentDescriptor {
  return entry;
}

/** An entry without a name stays only for a manifest that no named entry has. */
function withoutNameless(entries: readonly ContentDescriptor[]): readonly ContentDescriptor[] {
  const named = new Set(entries.filter(({ annotations }) => annotations).map(({ digest }) => digest));
  const seen = new Set<Digest>();
  return entries.filter(({ annotations, digest }) => {
    if (annotations) return true;
    if (named.has(digest) || seen.has(digest)) return false;
    seen.add(digest);
    return true;
  });
}
