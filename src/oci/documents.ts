// The JSON documents of an image (OCI image specification: "Descriptors", "Image Manifest", "Image Index", "Image
// Configuration"), checked when they are read: what comes from outside is never trusted to have a shape.
import { type Digest, parseDigest } from './digest.ts';
import { badDocument, Fields, parseObject, present, writeDocument } from './json.ts';

const MOST_LAYERS = 127;

export const MEDIA = {
  index: 'application/vnd.oci.image.index.v1+json',
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
  layer: 'application/vnd.oci.image.layer.v1.tar',
  layerGzip: 'application/vnd.oci.image.layer.v1.tar+gzip',
  layerZstd: 'application/vnd.oci.image.layer.v1.tar+zstd',
  dockerList: 'application/vnd.docker.distribution.manifest.list.v2+json',
  dockerManifest: 'application/vnd.docker.distribution.manifest.v2+json',
} as const;

/** The processors whose programs run here, by the names images use. */
export const ARCHITECTURES = ['amd64', '386'] as const;
/** One of them. */
export type Architecture = (typeof ARCHITECTURES)[number];

/** What an image is for. */
export interface ImagePlatform {
  readonly os: string;
  readonly architecture: string;
}

/** Points at a blob. */
export interface ContentDescriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
  readonly platform?: ImagePlatform;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** What an image consists of. */
export interface ImageManifest {
  readonly config: ContentDescriptor;
  readonly layers: readonly ContentDescriptor[];
}

/** One step an image was made in. */
export interface HistoryEntry {
  readonly created?: string;
  readonly created_by?: string;
  readonly author?: string;
  readonly comment?: string;
  /** It made no layer. */
  readonly empty_layer?: boolean;
}

/** How a container of the image runs unless it is told otherwise. */
export interface ImageRunConfig {
  readonly User?: string;
  readonly Env?: readonly string[];
  readonly Entrypoint?: readonly string[];
  readonly Cmd?: readonly string[];
  readonly WorkingDir?: string;
  readonly Labels?: Readonly<Record<string, string>>;
  readonly StopSignal?: string;
  readonly ExposedPorts?: Readonly<Record<string, object>>;
  readonly Volumes?: Readonly<Record<string, object>>;
}

/** What an image is and how it came about. */
export interface ImageConfig {
  readonly created?: string;
  readonly author?: string;
  readonly architecture: string;
  readonly os: string;
  readonly config: ImageRunConfig;
  /** Digests of the layers when they are not compressed, lowest first. */
  readonly diffIds: readonly Digest[];
  readonly history: readonly HistoryEntry[];
}

function descriptor(fields: Fields, what: string): ContentDescriptor {
  const platform = fields.object('platform');
  return present({
    mediaType: fields.text('mediaType') ?? '',
    digest: parseDigest(fields.neededText('digest'), what),
    size: fields.integer('size', 0) ?? fail(what, 'a descriptor has no size'),
    platform: platform && { os: platform.text('os') ?? '', architecture: platform.text('architecture') ?? '' },
    annotations: fields.record('annotations'),
  }) as ContentDescriptor;
}

function fail(what: string, why: string): never {
  throw badDocument(what, why);
}

/** The descriptors of an image index. `what` names the document in messages, here and below. @throws OciError */
export function parseIndex(bytes: Uint8Array, what: string): readonly ContentDescriptor[] {
  return new Fields(parseObject(bytes, what), what).objects('manifests').map((fields) => descriptor(fields, what));
}

/** A manifest. @throws OciError */
export function parseManifest(bytes: Uint8Array, what: string): ImageManifest {
  const fields = new Fields(parseObject(bytes, what), what);
  const layers = fields.objects('layers');
  if (layers.length > MOST_LAYERS) fail(what, `it has more than ${MOST_LAYERS} layers`);
  return {
    config: descriptor(fields.object('config') ?? fail(what, 'config is missing'), what),
    layers: layers.map((layer) => descriptor(layer, what)),
  };
}

/** An image configuration. @throws OciError */
export function parseConfig(bytes: Uint8Array, what: string): ImageConfig {
  const fields = new Fields(parseObject(bytes, what), what);
  const diffIds =
    fields.object('rootfs')?.texts('diff_ids') ?? fail(what, 'it does not list its layers (rootfs.diff_ids)');
  return present({
    created: fields.text('created'),
    author: fields.text('author'),
    architecture: fields.text('architecture') ?? '',
    os: fields.text('os') ?? '',
    config: runConfig(fields.object('config')),
    diffIds: diffIds.map((id) => parseDigest(id, what)),
    history: fields.objects('history').map(historyEntry),
  }) as ImageConfig;
}

function historyEntry(fields: Fields): HistoryEntry {
  return present({
    created: fields.text('created'),
    created_by: fields.text('created_by'),
    author: fields.text('author'),
    comment: fields.text('comment'),
    empty_layer: fields.flag('empty_layer') || undefined,
  }) as HistoryEntry;
}

function runConfig(fields: Fields | undefined): ImageRunConfig {
  if (!fields) return {};
  return present({
    User: fields.text('User') || undefined,
    Env: fields.texts('Env'),
    Entrypoint: fields.texts('Entrypoint'),
    Cmd: fields.texts('Cmd'),
    WorkingDir: fields.text('WorkingDir') || undefined,
    Labels: fields.record('Labels'),
    StopSignal: fields.text('StopSignal') || undefined,
    ExposedPorts: fields.keys('ExposedPorts'),
    Volumes: fields.keys('Volumes'),
  }) as ImageRunConfig;
}

/** The bytes of a configuration, as the specification writes it. */
export function writeConfig({ diffIds, ...config }: ImageConfig): Uint8Array<ArrayBuffer> {
  return writeDocument({ ...config, rootfs: { type: 'layers', diff_ids: diffIds } });
}

/** The bytes of a manifest. */
export function writeManifest(manifest: ImageManifest): Uint8Array<ArrayBuffer> {
  return writeDocument({ schemaVersion: 2, mediaType: MEDIA.manifest, ...manifest });
}
