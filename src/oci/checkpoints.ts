// Checkpoints of containers: each is a directory with a description (checkpoint.json) and the saved state it names by its
// digest. The description is written last and in one step: a directory without one holds no checkpoint.
import type { DataDirectory } from './data-directory.ts';
import { type Digest, digestOf, digits, parseDigest } from './digest.ts';
import { Fields, parseObject, writeDocument } from './json.ts';
import { OciError } from './oci-error.ts';

const VERSION = 1;
const DESCRIPTION = 'checkpoint.json';
const STATE_FILE = /^state-[0-9a-f]{12}$/;
const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/;
/** More processes were never started from outside in one container. */
const MOST_PROCESSES = 1 << 16;

/** A directory or a file of this computer that a container shares, by its absolute path. */
export interface SharedPlace {
  readonly source: string;
  readonly writable: boolean;
}

/** What a checkpoint says about itself. */
export interface Checkpoint {
  /** RFC 3339. */
  readonly created: string;
  /** Name of the container. */
  readonly container: string;
  /** Layers of its image, lowest first; none for one of a bundle. */
  readonly layers: readonly Digest[];
  readonly shared: readonly SharedPlace[];
  /** Processes that were started from outside, the first one included. */
  readonly processes: number;
}

/** A checkpoint with its state. */
export interface LoadedCheckpoint extends Checkpoint {
  readonly state: Uint8Array;
}

/** The checkpoints in a directory of a data directory, by name. */
export class Checkpoints {
  readonly #data: DataDirectory;
  readonly #directory: string;

  constructor(data: DataDirectory, directory = '.') {
    this.#data = data;
    this.#directory = directory;
  }

  /** Names of all there are. */
  list(): readonly string[] {
    return this.#data.list(this.#directory).filter((name) => hasCheckpoint(this.#data, `${this.#directory}/${name}`));
  }

  has(name: string): boolean {
    return hasCheckpoint(this.#data, this.#at(name));
  }

  /** @throws OciError when this cannot be its name */
  write(name: string, checkpoint: LoadedCheckpoint): void {
    writeCheckpoint(this.#data, this.#at(name), checkpoint);
  }

  /** @throws OciError when there is none of this name, or it is damaged */
  read(name: string): LoadedCheckpoint {
    return readCheckpoint(this.#data, this.#at(name), `The checkpoint ${name}`);
  }

  remove(name: string): void {
    this.#data.remove(this.#at(name));
  }

  #at(name: string): string {
    const rule = 'letters, digits and _ . - behind a letter or digit';
    if (NAME.test(name)) return `${this.#directory}/${name}`;
    throw new OciError('bad-reference', `${JSON.stringify(name)} cannot be the name of a checkpoint: ${rule}.`);
  }
}

/** Is there a checkpoint in a directory? */
function hasCheckpoint(data: DataDirectory, at: string): boolean {
  return data.size(`${at}/${DESCRIPTION}`) !== undefined;
}

/** Writes a checkpoint into a directory, in place of one that is there: until the last step that one is whole. */
export function writeCheckpoint(data: DataDirectory, at: string, { state, ...about }: LoadedCheckpoint): void {
  const digest = digestOf(state);
  const file = `state-${digits(digest).slice(0, 12)}`;
  data.replace(`${at}/${file}`, state);
  const description = { version: VERSION, ...about, state: { file, digest, size: state.length } };
  data.replace(`${at}/${DESCRIPTION}`, writeDocument(description));
  for (const other of data.list(at)) if (STATE_FILE.test(other) && other !== file) data.remove(`${at}/${other}`);
}

/** The checkpoint in a directory; `what` names it in messages. @throws OciError when there is none, or it is damaged */
export function readCheckpoint(data: DataDirectory, at: string, what: string): LoadedCheckpoint {
  const bytes = data.read(`${at}/${DESCRIPTION}`);
  if (bytes === undefined) throw missing(what);
  const { file, digest, size, ...about } = parseDescription(bytes, what);
  const there = data.size(`${at}/${file}`);
  if (there === undefined) throw new OciError('damaged-store', `${what} is damaged: its state is missing.`);
  if (there !== size)
    throw new OciError('truncated', `${what} is damaged: its state has ${there} bytes and had ${size}.`);
  const state = data.read(`${at}/${file}`)!;
  const actual = digestOf(state);
  if (actual !== digest)
    throw new OciError('bad-digest', `${what} is damaged: the digest of its state is ${actual}, not ${digest}.`);
  return { ...about, state };
}

function missing(what: string): OciError {
  return new OciError('not-found', `${what} is not there.`);
}

interface Description extends Checkpoint {
  readonly file: string;
  readonly digest: Digest;
  readonly size: number;
}

/** A description may be anybody's. @throws OciError */
function parseDescription(bytes: Uint8Array, what: string): Description {
  const fields = new Fields(parseObject(bytes, what), what);
  const version = fields.integer('version');
  if (version !== VERSION)
    throw new OciError('unsupported', `${what} has the format ${version}; this version of anillo reads ${VERSION}.`);
  const state = fields.object('state');
  const file = state?.neededText('file') ?? '';
  const size = state?.integer('size', 0);
  const processes = fields.integer('processes', 1, MOST_PROCESSES);
  if (!STATE_FILE.test(file) || size === undefined || processes === undefined)
    throw new OciError('bad-document', `${what} cannot be used: what it says about its state is not whole.`);
  return {
    created: fields.neededText('created'),
    container: fields.neededText('container'),
    layers: (fields.texts('layers') ?? []).map((layer) => parseDigest(layer, what)),
    shared: fields
      .objects('shared')
      .map((place) => ({ source: place.neededText('source'), writable: place.flag('writable') ?? false })),
    processes,
    file,
    digest: parseDigest(state?.neededText('digest') ?? '', what),
    size,
  };
}
