// Layers unpacked once: the entries as JSON, and the contents of all files one behind the other in a file of which programs'
// pages are read when they are touched. A layer is found by its diff ID, the digest of its tar archive when not compressed.
import { createTarDecoder } from 'modern-tar';
import { ArchiveAccounts } from './acl-text.ts';
import type { DataDirectory, OpenFile, Upload } from './data-directory.ts';
import { Digester, type Digest, digits, short } from './digest.ts';
import { writeDocument } from './json.ts';
import { LayerEntries, type LayerEntry } from './layer-entries.ts';
import { completed, type PlacedLayer } from './links-below.ts';
import { OciError } from './oci-error.ts';
import { type Bytes, decompressed } from './streams.ts';
import { readableArchive } from './tar-bytes.ts';

const DIRECTORY = 'layers';
const contentPath = (id: Digest) => `${DIRECTORY}/${digits(id)}/content`;
/** Written last: a layer with entries is whole. */
const entriesPath = (id: Digest) => `${DIRECTORY}/${digits(id)}/entries.json`;

/** The unpacked layers of a data directory. */
export class Layers {
  readonly #data: DataDirectory;

  constructor(data: DataDirectory) {
    this.#data = data;
  }

  has(diffId: Digest): boolean {
    return this.#data.size(entriesPath(diffId)) !== undefined;
  }

  /** All there are, also those whose unpacking was interrupted. */
  list(): readonly Digest[] {
    return this.#data.list(DIRECTORY).map((name): Digest => `sha256:${name}`);
  }

  /** Bytes of the files in it. */
  size(diffId: Digest): number {
    return this.#data.size(contentPath(diffId)) ?? 0;
  }

  /**
   * Unpacks a tar archive, compressed or not. `what` names it in messages.
   * @throws OciError when it is damaged, refused, or its diff ID is not the expected one; then nothing is kept
   */
  async unpack(
    archive: Bytes,
    what: string,
    { expected, hasBelow = false }: { readonly expected?: Digest; readonly hasBelow?: boolean } = {},
  ): Promise<Digest> {
    const upload = this.#data.upload();
    try {
      const { entries, digest: diffId } = await readLayer(archive, upload, what, hasBelow);
      if (expected !== undefined && diffId !== expected) {
        throw new OciError('bad-digest', `${what} is damaged: unpacked its digest is ${diffId}, not ${expected}.`);
      }
      upload.commit(contentPath(diffId));
      this.#data.replace(entriesPath(diffId), writeDocument(entries));
      return diffId;
    } finally {
      upload.discard();
    }
  }

  /**
   * The entries of a layer, parents before children.
   * @throws OciError when it is not there
   */
  entries(diffId: Digest): readonly LayerEntry[] {
    const bytes = this.#data.read(entriesPath(diffId));
    if (!bytes) throw new OciError('damaged-store', `The layer ${diffId} is missing.`);
    return JSON.parse(new TextDecoder().decode(bytes)) as LayerEntry[];
  }

  /**
   * The contents of its files.
   * @throws OciError when it is not there
   */
  content(diffId: Digest): OpenFile {
    const file = this.#data.open(contentPath(diffId));
    if (!file) throw new OciError('damaged-store', `The layer ${diffId} is missing.`);
    return file;
  }

  /**
   * Layers that lie one on another, lowest first, opened: each with all it takes from those below. `open` opens the contents.
   * @throws OciError when one is not there, or links to what those below do not have
   */
  stack(
    diffIds: readonly Digest[],
    open = (id: Digest): OpenFile => this.content(id),
  ): readonly PlacedLayer<OpenFile>[] {
    const layers = diffIds.map((id) => ({ entries: this.entries(id), content: open(id) }));
    return completed(layers, (n) => `The layer ${short(diffIds[n]!)}`);
  }

  /** Layers have to go together. `what` names one by its number in messages. @throws OciError */
  check(diffIds: readonly Digest[], what: (layer: number) => string): void {
    completed(
      diffIds.map((id) => ({ entries: this.entries(id), content: undefined })),
      what,
    );
  }

  remove(diffId: Digest): void {
    this.#data.remove(`${DIRECTORY}/${digits(diffId)}`);
  }
}

/**
 * Reads a tar archive, compressed or not: the contents of its files go into `upload`. The digest is that of the archive when
 * not compressed. With layers below, it may link to files of theirs.
 * @throws OciError when it is damaged or refused
 */
export async function readLayer(
  archive: Bytes,
  upload: Upload,
  what: string,
  hasBelow = false,
): Promise<{ entries: readonly LayerEntry[]; digest: Digest }> {
  const digester = new Digester();
  const plain = (await decompressed(archive, what)).pipeThrough(
    new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
      transform(chunk, controller) {
        digester.update(chunk);
        controller.enqueue(chunk);
      },
    }),
  );
  const accounts = new ArchiveAccounts();
  const entries = new LayerEntries(what, { hasBelow, accounts });
  try {
    for await (const { header, body } of plain
      .pipeThrough(readableArchive())
      .pipeThrough(createTarDecoder({ strict: true }))) {
      const entry = entries.add(header);
      if (entry.kind !== 'file') {
        await body.cancel();
        continue;
      }
      const hasAccounts = accounts.begins(entry.path);
      for await (const chunk of body) {
        upload.write(chunk);
        if (hasAccounts) accounts.take(entry.path, chunk);
      }
    }
  } catch (error) {
    throw tarError(error, what);
  }
  return { entries: entries.list(), digest: digester.digest() };
}

/** What the tar reader throws has no sentence for users; what files and our own checks throw has. */
export function tarError(error: unknown, what: string): unknown {
  const isKnown = error instanceof OciError || (error instanceof Error && 'code' in error);
  return isKnown ? error : new OciError('bad-archive', `${what} is no tar archive, or it is damaged or cut short.`);
}
