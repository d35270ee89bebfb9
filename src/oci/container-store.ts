// Containers as the data directory keeps them: one directory each, with a record that is replaced as a whole, the changes of
// its file system as a layer, and its output.
import type { DataDirectory, OpenFile } from './data-directory.ts';
import { locked } from './data-directory.ts';
import { digestOf, type Digest, digits } from './digest.ts';
import { isObject, parseObject, present, writeDocument } from './json.ts';
import type { StoredImage } from './image-store.ts';
import type { LayerEntry } from './layer-entries.ts';
import { readLayer } from './layers.ts';
import { OciError } from './oci-error.ts';
import type { RuntimeSpec } from './runtime-spec.ts';
import type { Bytes } from './streams.ts';

const DIRECTORY = 'containers';
const VERSION = 2;

/** What a container does, in docker's words; one of a bundle that is being made is `creating`. */
export type ContainerState = 'creating' | 'created' | 'running' | 'paused' | 'exited';

/** The process of the computer that runs a container. */
export interface Runner {
  readonly pid: number;
  /** Tells it apart from a later process with the same number. */
  readonly started: string;
  /** Where it takes commands. */
  readonly socket: string;
}

/** How far a container has come. */
export interface Progress {
  readonly state: ContainerState;
  readonly runner?: Runner;
  /** Times are RFC 3339. */
  readonly startedAt?: string;
  readonly finishedAt?: string;
  readonly exitCode?: number;
  readonly oomKilled?: boolean;
  /** Why it has ended when no program said so. */
  readonly error?: string;
}

interface KeptChanges {
  /** Where the contents of the files are. */
  readonly content: string;
  readonly entries: LayerEntry[];
  /** RFC 3339. */
  readonly saved?: string;
}

/** Progress that was made; what is undefined is over. */
export type Step = { readonly [K in keyof Progress]?: Progress[K] | undefined };

/** All that is known of a container while it does not run, whatever it was made from. */
export interface StoredContainer extends Progress {
  readonly version: typeof VERSION;
  readonly id: string;
  readonly name: string;
  readonly created: string;
  readonly spec: RuntimeSpec;
  /** Bytes of the machine it runs on. */
  readonly memory: number;
  readonly autoRemove: boolean;
}

/** What a user asked for, where the configuration does not show it. */
export interface ContainerRequest {
  /** The program and arguments, in the two parts that images have them in. */
  readonly entrypoint: readonly string[];
  readonly command: readonly string[];
  /** `NAME=VALUE` each. */
  readonly env: readonly string[];
  readonly capAdd: readonly string[];
  readonly capDrop: readonly string[];
  readonly securityOpt: readonly string[];
  readonly binds: readonly string[];
  /** Paths that the image or the user wants a volume for; those of records before there were volumes have none. */
  readonly volumes?: readonly string[];
  readonly privileged: boolean;
  /** `NAME:ADDRESS` each. */
  readonly extraHosts: readonly string[];
  /** Names or numbers. */
  readonly groups: readonly string[];
  /** Seconds between the stop signal and SIGKILL. */
  readonly stopTimeout?: number;
}

/** A container of an image; its ID has 64 hexadecimal digits. */
export interface ContainerRecord extends StoredContainer {
  readonly image: { readonly id: Digest; readonly name: string; readonly diffIds: readonly Digest[] };
  /** `--user` as it was given. */
  readonly user: string;
  readonly openStdin: boolean;
  readonly stopSignal: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly request: ContainerRequest;
}

/** A container of a bundle; its ID is its name. */
export interface BundleRecord extends StoredContainer {
  /** The bundle's directory, absolute. */
  readonly bundle: string;
  /** Its root file system, absolute. */
  readonly rootfs: string;
  /** Host directories outside the bundle that it may have. */
  readonly allowed: readonly string[];
  /** Its hooks may be programs of this computer. */
  readonly allowsHooks: boolean;
  /** Who made it. */
  readonly owner: string;
}

/** What containers of a kind are called, and which command lists them. */
export interface ContainerNaming {
  readonly pattern: RegExp;
  readonly rule: string;
  readonly listedBy: string;
}

/** As docker names them. */
export const CONTAINER_NAMING: ContainerNaming = {
  pattern: /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/,
  rule: 'letters, digits and _ . - behind a letter or digit',
  listedBy: 'anillo container ps -a',
};

/** As runc names them. */
export const BUNDLE_NAMING: ContainerNaming = {
  pattern: /^(?!\.{1,2}$)[\w+.-]{1,200}$/,
  rule: 'at most 200 letters, digits and _ + . -',
  listedBy: 'anillo oci list',
};

/** The containers of a data directory. */
export class ContainerStore<R extends StoredContainer = ContainerRecord> {
  readonly #data: DataDirectory;
  readonly #isAlive: (runner: Runner) => boolean;
  readonly #naming: ContainerNaming;

  /** `isAlive` tells whether a runner is still there. */
  constructor(data: DataDirectory, isAlive: (runner: Runner) => boolean, naming: ContainerNaming) {
    this.#data = data;
    this.#isAlive = isAlive;
    this.#naming = naming;
  }

  /** All containers, the newest first. */
  list(): readonly R[] {
    const records = this.#data.list(DIRECTORY).flatMap((id) => this.#read(id) ?? []);
    return records.sort((a, b) => b.created.localeCompare(a.created));
  }

  /** A container whose runner was killed has ended as if by SIGKILL. */
  #read(id: string): R | undefined {
    let known = this.#stored(id);
    for (let gone: Runner | undefined; known?.runner && !this.#isAlive(known.runner); known = this.#stored(id)) {
      const { pid, started } = known.runner;
      if (gone?.pid === pid && gone.started === started) return this.#killed(known);
      // a runner notes how the container ended before it ends itself: the record may be of before that
      gone = known.runner;
    }
    return known;
  }

  #killed(known: R): R {
    const error = `The process that ran the container was killed${this.#lossOf(known)}.`;
    return withProgress(known, { state: 'exited', runner: undefined, exitCode: known.exitCode ?? 137, error });
  }

  /** The record as it was written last. */
  #stored(id: string): R | undefined {
    const bytes = this.#data.read(`${DIRECTORY}/${id}/record.json`);
    if (!bytes) return undefined;
    const what = `The record of the container ${id.slice(0, 12)}`;
    const record = parseObject(bytes, what);
    if (record.version !== VERSION || !isObject(record.spec)) {
      throw new OciError(
        'damaged-store',
        `${what} has the format ${record.version}; this version of anillo reads ${VERSION}.`,
      );
    }
    return record as unknown as R;
  }

  /** What is left of a container whose runner was killed; what one of a bundle changes is on the disk at once. */
  #lossOf(record: R): string {
    if (!('image' in record)) return '';
    const saved = this.changesSaved(record.id);
    const isLost = saved === undefined || saved < (record.startedAt ?? '');
    return isLost ? ': what it changed is lost' : `: changes up to ${saved} are kept`;
  }

  /**
   * The container that a user means: its name, its ID or the beginning of it.
   * @throws OciError when there is none, or more than one
   */
  find(text: string): R {
    const all = this.list();
    const named = all.find(({ name, id }) => name === text || id === text);
    if (named) return named;
    const found = /^[0-9a-f]+$/.test(text) ? all.filter(({ id }) => id.startsWith(text)) : [];
    if (found.length > 1)
      throw new OciError('ambiguous', `The container ID ${text} is the beginning of more than one.`);
    return found[0] ?? this.#missing(text);
  }

  /** The container of exactly this name. @throws OciError when there is none */
  named(text: string): R {
    return this.list().find(({ name }) => name === text) ?? this.#missing(text);
  }

  #missing(text: string): never {
    throw new OciError('not-found', `There is no container ${text} (${this.#naming.listedBy} lists those there are).`);
  }

  /**
   * Adds a container; `check` may refuse it while nobody else changes anything.
   * @throws OciError when its name is taken or cannot be one
   */
  async create(record: R, check = () => {}): Promise<void> {
    this.#checkName(record.name);
    await locked(this.#data, () => {
      check();
      this.#sweep();
      const taken = this.list().find(({ name }) => name === record.name);
      if (taken)
        throw new OciError('in-use', `The name ${record.name} is in use by the container ${taken.id.slice(0, 12)}.`);
      this.#write(record);
    });
  }

  /** Removes directories whose making was interrupted. */
  #sweep(): void {
    for (const id of this.#data.list(DIRECTORY))
      if (this.#data.size(`${DIRECTORY}/${id}/record.json`) === undefined) this.#data.remove(`${DIRECTORY}/${id}`);
  }

  #write(record: R): void {
    this.#data.replace(`${DIRECTORY}/${record.id}/record.json`, writeDocument(record));
  }

  /** Changes a record; `change` sees it as it is now, and may throw to leave it so. */
  async update(id: string, change: (record: R) => R): Promise<R> {
    return locked(this.#data, () => {
      const record = this.#read(id);
      if (!record) throw new OciError('not-found', `The container ${id.slice(0, 12)} is gone.`);
      const changed = change(record);
      this.#write(changed);
      return changed;
    });
  }

  /** Notes how far a container has come. */
  async note(id: string, progress: Step): Promise<void> {
    await this.update(id, (record) => withProgress(record, progress));
  }

  /** Keeps others from a container that does not run, until the runner is taken from its record. @throws OciError */
  async hold(id: string, runner: Runner): Promise<void> {
    await this.update(id, (record) => {
      if (record.runner) throw new OciError('bad-state', `The container ${record.name} was started meanwhile.`);
      return { ...record, runner };
    });
  }

  /** Takes a container for a process. @throws OciError when one has it already */
  async claim(id: string, runner: Runner): Promise<R> {
    return this.update(id, (record) => {
      if (record.runner) throw new OciError('bad-state', `The container ${record.name} is running already.`);
      return withProgress(record, { runner, exitCode: undefined, finishedAt: undefined, error: undefined });
    });
  }

  /** Gives a container another name. @throws OciError when it is taken */
  async rename(id: string, name: string): Promise<void> {
    this.#checkName(name);
    await this.update(id, (record) => {
      if (this.list().some((other) => other.name === name)) throw new OciError('in-use', `The name ${name} is in use.`);
      return { ...record, name };
    });
  }

  /** Removes a container that does not run. @throws OciError when it does */
  async remove(id: string): Promise<void> {
    await locked(this.#data, () => {
      const record = this.#read(id);
      if (record?.runner)
        throw new OciError('in-use', `The container ${record.name} is running: stop it first, or use --force.`);
      this.#data.remove(`${DIRECTORY}/${id}`);
    });
  }

  /** Keeps the changes of a container's file system, or all that is in a volume of it: a tar archive. */
  async saveChanges(id: string, archive: Bytes, volume?: string): Promise<void> {
    const what = keptName(volume);
    const upload = this.#data.upload();
    try {
      const entries = await readLayer(archive, upload, 'The changes of a container');
      const place = `${DIRECTORY}/${id}/${what}-${entries.digest.slice(7, 19)}`;
      upload.commit(`${place}.content`);
      this.#data.replace(
        `${DIRECTORY}/${id}/${what}.json`,
        writeDocument({ content: `${place}.content`, entries: entries.entries, saved: new Date().toISOString() }),
      );
      for (const name of this.#data.list(`${DIRECTORY}/${id}`)) {
        if (
          name.startsWith(`${what}-`) &&
          name.endsWith('.content') &&
          `${DIRECTORY}/${id}/${name}` !== `${place}.content`
        )
          this.#data.remove(`${DIRECTORY}/${id}/${name}`);
      }
    } finally {
      upload.discard();
    }
  }

  /** The changes kept, or what was in a volume; undefined for a container that never ran. */
  changes(id: string, volume?: string): { entries: readonly LayerEntry[]; content: OpenFile } | undefined {
    for (;;) {
      const kept = this.#changes(id, volume);
      if (!kept) return undefined;
      const { content, entries } = kept;
      const file = this.#data.open(content);
      if (file) return { entries, content: file };
      // the runner of a container that runs removes them when it has kept newer ones
      if (this.#changes(id, volume)?.content === content)
        throw new OciError('damaged-store', `The changes of the container ${id.slice(0, 12)} are missing.`);
    }
  }

  /** When its changes were last kept: RFC 3339. */
  changesSaved(id: string): string | undefined {
    return this.#changes(id)?.saved;
  }

  #changes(id: string, volume?: string): KeptChanges | undefined {
    const bytes = this.#data.read(`${DIRECTORY}/${id}/${keptName(volume)}.json`);
    return bytes && (JSON.parse(new TextDecoder().decode(bytes)) as KeptChanges);
  }

  /** Where its output is kept, as a path in the data directory. */
  logPath(id: string): string {
    return `${DIRECTORY}/${id}/log.jsonl`;
  }

  /** Where its checkpoints are kept, as a path in the data directory. */
  checkpointsPath(id: string): string {
    return `${DIRECTORY}/${id}/checkpoints`;
  }

  #checkName(name: string): void {
    const { pattern, rule } = this.#naming;
    if (!pattern.test(name))
      throw new OciError('bad-reference', `${JSON.stringify(name)} cannot be the name of a container: ${rule}.`);
  }
}

/** What the files are called that have the changes, or what is in the volume at a path. */
function keptName(volume: string | undefined): string {
  return volume === undefined ? 'changes' : `volume-${digits(digestOf(new TextEncoder().encode(volume))).slice(0, 12)}`;
}

/** A record with other progress; what is undefined goes. */
function withProgress<R extends StoredContainer>(record: R, progress: Step): R {
  return present({ ...record, ...progress }) as R;
}

/** Names of the containers that need an image. */
export function usersOf(containers: ContainerStore, { id }: StoredImage): readonly string[] {
  return containers
    .list()
    .filter(({ image }) => image.id === id)
    .map(({ name }) => name);
}

/** Layers that containers stand on. */
export function* layersInUse(containers: ContainerStore): Iterable<Digest> {
  for (const { image } of containers.list()) yield* image.diffIds;
}
