// Names of images: `name[:tag][@digest]` as docker(1) writes them (distribution/reference grammar). Like docker's they are kept
// short: its own registry and the library in it go without saying.
import { type Digest, isDigest } from './digest.ts';
import { OciError } from './oci-error.ts';

/** A parsed name. */
export interface Reference {
  readonly name: string;
  /** `latest` when neither tag nor digest was given. */
  readonly tag: string | undefined;
  readonly digest: Digest | undefined;
}

const DOMAIN = String.raw`(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*(?::[0-9]+)?)`;
const COMPONENT = '[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*';
const NAME = new RegExp(`^(?:${DOMAIN}/)?${COMPONENT}(?:/${COMPONENT})*$`);
const TAG = /^[\w][\w.-]{0,127}$/;
const LONGEST_NAME = 255;

/** A name as docker shows it: `docker.io/library/x` is `x`, and `docker.io/foo/bar` is `foo/bar`. */
export function familiarName(name: string): string {
  return name.replace(/^(?:index\.)?docker\.io\/(?=.)/, '').replace(/^library\/(?=[^/]+$)/, '');
}

/** A name as tools write it that take nothing for granted: `x` is `docker.io/library/x`, and `foo/bar` is `docker.io/foo/bar`. */
export function canonicalName(name: string): string {
  const slash = name.indexOf('/');
  if (slash < 0) return `docker.io/library/${name}`;
  const first = name.slice(0, slash);
  return first === 'localhost' || /[.:A-Z]/.test(first) ? name : `docker.io/${name}`;
}

/**
 * Parses the name of an image.
 * @throws OciError with a sentence when it is none
 */
export function parseReference(text: string): Reference {
  const at = text.indexOf('@');
  const digest = at < 0 ? undefined : text.slice(at + 1);
  if (digest !== undefined && !isDigest(digest)) throw bad(text, `${digest} is no sha256 digest`);
  const rest = at < 0 ? text : text.slice(0, at);
  const colon = rest.lastIndexOf(':');
  const hasTag = colon > rest.lastIndexOf('/');
  const name = hasTag ? rest.slice(0, colon) : rest;
  const tag = hasTag ? rest.slice(colon + 1) : undefined;
  if (tag !== undefined && !TAG.test(tag)) throw bad(text, 'a tag has 1 to 128 letters, digits and the signs _ . -');
  if (name.length > LONGEST_NAME || !NAME.test(name)) {
    throw bad(text, 'a name has lower-case letters and digits, separated by single . _ - or /');
  }
  return { name: familiarName(name), tag: tag ?? (digest === undefined ? 'latest' : undefined), digest };
}

/** `name:tag`, the key of an image in the store. */
export function tagged({ name, tag }: Reference): string {
  return `${name}:${tag ?? 'latest'}`;
}

function bad(text: string, why: string): OciError {
  return new OciError('bad-reference', `${JSON.stringify(text)} cannot be the name of an image: ${why}.`);
}
