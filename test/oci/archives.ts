// Archives for the tests of the image store, made here entry by entry.
import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { packTar, type TarEntry } from 'modern-tar';
import type { Bytes } from '../../src/oci/streams.ts';

export const TIME = new Date(1_000_000_000_000);

type Header = Partial<TarEntry['header']> & { readonly name: string };

/** A file entry. */
export function file(name: string, body: string | Uint8Array, more: Partial<Header> = {}): TarEntry {
  const bytes = typeof body === 'string' ? new TextEncoder().encode(body) : body;
  return { header: { type: 'file', size: bytes.length, mtime: TIME, mode: 0o644, ...more, name }, body: bytes };
}

/** An entry without content. */
export function entry(header: Header): TarEntry {
  return { header: { size: 0, mtime: TIME, ...header } };
}

/** A tar file. */
export async function tar(...entries: TarEntry[]): Promise<Uint8Array<ArrayBuffer>> {
  return packTar(entries);
}

export const sha256 = (bytes: Uint8Array | string) => createHash('sha256').update(bytes).digest('hex');

/** An image: its configuration and its layers, lowest first, as tar files. */
export interface TestImage {
  readonly layers: readonly Uint8Array[];
  readonly architecture?: string;
  readonly os?: string;
}

function configOf({ layers, architecture = 'amd64', os = 'linux' }: TestImage): string {
  return JSON.stringify({
    created: '2001-09-09T01:46:40Z',
    architecture,
    os,
    config: { Cmd: ['/bin/sh'], Env: ['PATH=/bin'] },
    rootfs: { type: 'layers', diff_ids: layers.map((layer) => `sha256:${sha256(layer)}`) },
    history: layers.map((_, n) => ({ created: '2001-09-09T01:46:40Z', created_by: `step ${n}` })),
  });
}

/** What older docker save writes: layers in directories, a configuration beside them. */
export async function dockerArchive(image: TestImage, tags: readonly string[]): Promise<Uint8Array<ArrayBuffer>> {
  const config = configOf(image);
  const names = image.layers.map((layer, n) => `${sha256(`${n}${sha256(layer)}`)}/layer.tar`);
  const manifest = [{ Config: `${sha256(config)}.json`, RepoTags: tags, Layers: names }];
  return tar(
    ...image.layers.map((layer, n) => file(names[n]!, layer)),
    file(`${sha256(config)}.json`, config),
    file('manifest.json', JSON.stringify(manifest)),
  );
}

/** The entries of an OCI image layout, layers packed with gzip unless they are given packed. */
export function layoutEntries(
  image: TestImage,
  name?: string,
  packed = image.layers.map((layer) => gzipSync(layer)),
): TarEntry[] {
  const config = configOf(image);
  const descriptor = (bytes: Uint8Array | string, mediaType: string) => ({
    mediaType: `application/vnd.oci.image.${mediaType}`,
    digest: `sha256:${sha256(bytes)}`,
    size: bytes.length,
  });
  const manifest = JSON.stringify({
    schemaVersion: 2,
    config: descriptor(config, 'config.v1+json'),
    layers: packed.map((layer) => descriptor(layer, 'layer.v1.tar+gzip')),
  });
  const annotations = name === undefined ? {} : { 'org.opencontainers.image.ref.name': name };
  const index = { schemaVersion: 2, manifests: [{ ...descriptor(manifest, 'manifest.v1+json'), annotations }] };
  const blobs: (string | Uint8Array)[] = [config, manifest, ...packed];
  return [
    file('oci-layout', '{"imageLayoutVersion":"1.0.0"}'),
    file('index.json', JSON.stringify(index)),
    ...blobs.map((blob) => file(`blobs/sha256/${sha256(blob)}`, blob)),
  ];
}

/** A stream of these bytes, in pieces of a length that fits nothing. */
export function inPieces(bytes: Uint8Array<ArrayBuffer>, length = 1000): Bytes {
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  for (let at = 0; at < bytes.length; at += length) pieces.push(bytes.subarray(at, at + length));
  return new ReadableStream({
    pull(controller) {
      const piece = pieces.shift();
      if (piece) controller.enqueue(piece);
      else controller.close();
    },
  });
}
