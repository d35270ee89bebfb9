// The content-addressed store (OCI image layout, "Blobs"): a blob is found under its digest, and was that when it was written.
import type { DataDirectory, OpenFile } from './data-directory.ts';
import { Digester, type Digest, digestOf, digits } from './digest.ts';
import type { ContentDescriptor } from './documents.ts';
import { LARGEST_DOCUMENT } from './json.ts';
import { OciError } from './oci-error.ts';
import { type Bytes, fileStream } from './streams.ts';

const DIRECTORY = 'blobs/sha256';
const pathOf = (digest: Digest) => `${DIRECTORY}/${digits(digest)}`;

/** What is expected of a blob that is written. */
export interface ExpectedBlob {
  readonly digest?: Digest;
  /** Bytes. */
  readonly size?: number;
  /** Bytes it may have at most. */
  readonly most?: number;
}

/** The blobs of a data directory. */
export class Blobs {
  readonly #data: DataDirectory;

  constructor(data: DataDirectory) {
    this.#data = data;
  }

  has(digest: Digest): boolean {
    return this.#data.size(pathOf(digest)) !== undefined;
  }

  /** All there are. */
  list(): readonly Digest[] {
    return this.#data.list(DIRECTORY).map((name): Digest => `sha256:${name}`);
  }

  /** Bytes in a blob; 0 when it is not there. */
  size(digest: Digest): number {
    return this.#data.size(pathOf(digest)) ?? 0;
  }

  /**
   * Writes a stream as a blob. `what` names it in messages.
   * @throws OciError when digest or size are not the expected ones; then nothing is kept
   */
  async write(stream: Bytes, expected: ExpectedBlob, what: string): Promise<{ digest: Digest; size: number }> {
    const upload = this.#data.upload();
    try {
      const digester = new Digester();
      const most = expected.size ?? expected.most ?? Number.POSITIVE_INFINITY;
      for await (const chunk of stream) {
        if (upload.size + chunk.length > most) throw tooLong(what, most);
        digester.update(chunk);
        upload.write(chunk);
      }
      const { size } = upload;
      const digest = digester.digest();
      if (expected.size !== undefined && size !== expected.size) {
        throw new OciError('truncated', `${what} is cut short: it has ${size} of ${expected.size} bytes.`);
      }
      if (expected.digest !== undefined && digest !== expected.digest) throw notItself(what, expected.digest, digest);
      upload.commit(pathOf(digest));
      return { digest, size };
    } finally {
      upload.discard();
    }
  }

  /** Writes bytes as a blob. */
  put(bytes: Uint8Array, mediaType: string): ContentDescriptor {
    const digest = digestOf(bytes);
    if (!this.has(digest)) this.#data.replace(pathOf(digest), bytes);
    return { mediaType, digest, size: bytes.length };
  }

  /**
   * A document, compared with its digest.
   * @throws OciError when it is not there, too large or damaged
   */
  document({ digest, size }: Pick<ContentDescriptor, 'digest' | 'size'>, what: string): Uint8Array {
    if (size > LARGEST_DOCUMENT) throw tooLong(what, LARGEST_DOCUMENT);
    const bytes = this.#data.read(pathOf(digest));
    if (!bytes) throw missing(what, digest);
    const actual = digestOf(bytes);
    if (actual !== digest) throw notItself(what, digest, actual);
    return bytes;
  }

  /**
   * A blob opened for reading.
   * @throws OciError when it is not there
   */
  open(digest: Digest, what: string): OpenFile {
    const file = this.#data.open(pathOf(digest));
    if (!file) throw missing(what, digest);
    return file;
  }

  /** The content of a blob; not compared with its digest again. */
  stream(digest: Digest, what: string): Bytes {
    return fileStream(this.open(digest, what));
  }

  /** Reads a blob and compares it with its digest; undefined or what is wrong. */
  async verify(digest: Digest): Promise<string | undefined> {
    const digester = new Digester();
    for await (const chunk of this.stream(digest, `The blob ${digest}`)) digester.update(chunk);
    const actual = digester.digest();
    return actual === digest ? undefined : notItself(`The blob ${digest}`, digest, actual).message;
  }

  remove(digest: Digest): void {
    this.#data.remove(pathOf(digest));
  }
}

function missing(what: string, digest: Digest): OciError {
  return new OciError('damaged-store', `${what} is missing: there is no blob ${digest}.`);
}

function notItself(what: string, expected: Digest, actual: Digest): OciError {
  return new OciError('bad-digest', `${what} is damaged: its digest is ${actual}, not ${expected}.`);
}

function tooLong(what: string, most: number): OciError {
  return new OciError('too-large', `${what} has more than ${most} bytes.`);
}
