// The JSON documents of an image (OCI image specification: "Descriptors", "Image Manifest", "Image Index", "Image
// Configuration"), checked when they are read: what comes from outside is never trusted to have a shape.
import { type Digest, parseDigest } from './digest.ts';
import { OciError } from './oci-error.ts';

/** No document of an image is larger. */
export const LARGEST_DOCUMENT = 4 << 20;
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

/** The processors whose programs run here, by the names images use, and their names in ELF's terms. */
export const ARCHITECTURES = ['amd64', '386'] as const;
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

type Json = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * A JSON object from bytes. `what` names the document in messages.
 * @throws OciError when it is too large or no JSON object
 */
export function parseObject(bytes: Uint8Array, what: string): Json {
  const value = parseJson(bytes, what);
  if (!isObject(value)) throw bad(what, 'it is no JSON object');
  return value;
}

/** Any JSON value from bytes. */
export function parseJson(bytes: Uint8Array, what: string): unknown {
  if (bytes.length > LARGEST_DOCUMENT) {
    throw new OciError('too-large', `${what} has ${bytes.length} bytes; documents have at most ${LARGEST_DOCUMENT}.`);
  }
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw bad(what, 'it is no JSON');
  }
}

function bad(what: string, why: string): OciError {
  return new OciError('bad-document', `${what} cannot be used: ${why}.`);
}

function optionalText(value: unknown, what: string, field: string): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'string') throw bad(what, `${field} is no text`);
  return value;
}

function optionalTexts(value: unknown, what: string, field: string): readonly string[] | undefined {
  if (value === undefined || value === null) return undefined;
  if (!Array.isArray(value) || value.some((item) => typeof item !== 'string')) {
    throw bad(what, `${field} is no list of texts`);
  }
  return value as string[];
}

function optionalRecord(value: unknown, what: string, field: string): Readonly<Record<string, string>> | undefined {
  if (value === undefined || value === null) return undefined;
  if (!isObject(value) || Object.values(value).some((item) => typeof item !== 'string')) {
    throw bad(what, `${field} does not give texts for names`);
  }
  return value as Record<string, string>;
}

function optionalKeys(value: unknown, what: string, field: string): Readonly<Record<string, object>> | undefined {
  if (value === undefined || value === null) return undefined;
  if (!isObject(value)) throw bad(what, `${field} is no JSON object`);
  return Object.fromEntries(Object.keys(value).map((key) => [key, {}]));
}

/** Without the fields that are undefined. */
function present<T extends object>(fields: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
}

/** A descriptor out of a document. */
export function parseDescriptor(value: unknown, what: string): ContentDescriptor {
  if (!isObject(value)) throw bad(what, 'a descriptor is missing');
  const { size, mediaType } = value;
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) throw bad(what, 'a descriptor has no size');
  const platform = isObject(value.platform)
    ? { os: String(value.platform.os), architecture: String(value.platform.architecture) }
    : undefined;
  return present({
    mediaType: optionalText(mediaType, what, 'mediaType') ?? '',
    digest: parseDigest(value.digest, what),
    size,
    platform,
    annotations: optionalRecord(value.annotations, what, 'annotations'),
  }) as ContentDescriptor;
}

/** The descriptors of an image index. */
export function parseIndex(bytes: Uint8Array, what: string): readonly ContentDescriptor[] {
  const { manifests } = parseObject(bytes, what);
  if (!Array.isArray(manifests)) throw bad(what, 'it lists no manifests');
  return manifests.map((manifest) => parseDescriptor(manifest, what));
}

/** A manifest. */
export function parseManifest(bytes: Uint8Array, what: string): ImageManifest {
  const document = parseObject(bytes, what);
  if (!Array.isArray(document.layers)) throw bad(what, 'it lists no layers');
  if (document.layers.length > MOST_LAYERS) throw bad(what, `it has more than ${MOST_LAYERS} layers`);
  return {
    config: parseDescriptor(document.config, what),
    layers: document.layers.map((layer) => parseDescriptor(layer, what)),
  };
}

/** An image configuration. */
export function parseConfig(bytes: Uint8Array, what: string): ImageConfig {
  const document = parseObject(bytes, what);
  const { rootfs, history } = document;
  if (!isObject(rootfs) || !Array.isArray(rootfs.diff_ids))
    throw bad(what, 'it does not list its layers (rootfs.diff_ids)');
  if (history !== undefined && history !== null && !Array.isArray(history)) throw bad(what, 'its history is no list');
  return present({
    created: optionalText(document.created, what, 'created'),
    author: optionalText(document.author, what, 'author'),
    architecture: optionalText(document.architecture, what, 'architecture') ?? '',
    os: optionalText(document.os, what, 'os') ?? '',
    config: parseRunConfig(document.config, what),
    diffIds: rootfs.diff_ids.map((id) => parseDigest(id, what)),
    history: (history ?? []).map((entry) => parseHistory(entry, what)),
  }) as ImageConfig;
}

function parseHistory(value: unknown, what: string): HistoryEntry {
  if (!isObject(value)) throw bad(what, 'its history has a step that is no JSON object');
  return present({
    created: optionalText(value.created, what, 'created'),
    created_by: optionalText(value.created_by, what, 'created_by'),
    author: optionalText(value.author, what, 'author'),
    comment: optionalText(value.comment, what, 'comment'),
    empty_layer: value.empty_layer === true ? true : undefined,
  }) as HistoryEntry;
}

function parseRunConfig(value: unknown, what: string): ImageRunConfig {
  if (value === undefined || value === null) return {};
  if (!isObject(value)) throw bad(what, 'config is no JSON object');
  const text = (field: string) => optionalText(value[field], what, field) || undefined;
  const texts = (field: string) => optionalTexts(value[field], what, field);
  return present({
    User: text('User'),
    Env: texts('Env'),
    Entrypoint: texts('Entrypoint'),
    Cmd: texts('Cmd'),
    WorkingDir: text('WorkingDir'),
    Labels: optionalRecord(value.Labels, what, 'Labels'),
    StopSignal: text('StopSignal'),
    ExposedPorts: optionalKeys(value.ExposedPorts, what, 'ExposedPorts'),
    Volumes: optionalKeys(value.Volumes, what, 'Volumes'),
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

/** The bytes of any document. */
export function writeDocument(document: object): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(`${JSON.stringify(document)}\n`);
}
