// Content digests (OCI image specification, "Digests"): sha256 only, which every implementation must have.
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import { OciError } from './oci-error.ts';

/** `sha256:` and 64 hexadecimal digits. */
export type Digest = `sha256:${string}`;

const DIGEST = /^sha256:[0-9a-f]{64}$/;

/** Is `text` a digest that can be looked up? */
export function isDigest(text: unknown): text is Digest {
  return typeof text === 'string' && DIGEST.test(text);
}

/**
 * A digest from a document.
 * @throws OciError when it is none, or of another algorithm
 */
export function parseDigest(text: string, where: string): Digest {
  if (isDigest(text)) return text;
  if (/^[a-z0-9]+(?:[+._-][a-z0-9]+)*:/.test(text) && !text.startsWith('sha256:')) {
    throw new OciError(
      'unsupported',
      `The digest ${text} in ${where} is not of the kind sha256, the only one supported.`,
    );
  }
  throw new OciError('bad-document', `In ${where} there is no digest where one has to be (sha256: and 64 digits).`);
}

/** The 64 digits. */
export function digits(digest: Digest): string {
  return digest.slice('sha256:'.length);
}

/** The first 12 digits, as image and container names show them. */
export function short(digest: Digest): string {
  return digits(digest).slice(0, 12);
}

/** Digest of bytes that come one after the other. */
export class Digester {
  readonly #hash = sha256.create();

  update(bytes: Uint8Array): void {
    this.#hash.update(bytes);
  }

  /** Ends it. */
  digest(): Digest {
    return `sha256:${bytesToHex(this.#hash.digest())}`;
  }
}

/** Digest of `bytes`. */
export function digestOf(bytes: Uint8Array): Digest {
  return `sha256:${bytesToHex(sha256(bytes))}`;
}
