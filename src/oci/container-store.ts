// Containers as the data directory keeps them: one directory each, with a record that is replaced as a whole, the changes of
// its file system as a layer, and its output.
import type { DataDirectory, OpenFile } from './data-directory.ts';
import { locked } from './data-directory.ts';
import type { Digest } from './digest.ts';
import { isObject, parseObject, writeDocument } from './json.ts';
import type { StoredImage } from './image-store.ts';
import type { LayerEntry } from './layer-entries.ts';
import { readLayer } from './layers.ts';
import { OciError } from './oci-error.ts';
import type { RuntimeSpec } from './runtime-spec.ts';
import type { Bytes } from './streams.ts';

const DIRECTORY = 'containers';
const VERSION = 1;
const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/;

/** What a container does, in docker's words. */
export type ContainerState = 'created' | 'running' | 'paused' | 'exited';

/** The process of the computer that runs a container. */
export interface Runner {
  readonly pid: number;
  /** Tells it apart from a later process with the same number. */
  readonly started: string;
  /** Where it takes commands. */
  readonly socket: string;
}

/** All that is known of a container while it does not run. */
export interface ContainerRecord {
  readonly version: typeof VERSION;
  /** 64 hexadecimal digits. */
  readonly id: string;
  readonly name: string;
  /** Times are RFC 3339. */
  readonly created: string;
  readonly image: { readonly id: Digest; readonly name: string; readonly diffIds: readonly Digest[] };
  readonly spec: RuntimeSpec;
  /** `--user` as it was given. */
  readonly user: string;
  /** Bytes of the machine it runs on. */
  readonly memory: number;
  readonly openStdin: boolean;
  readonly autoRemove: boolean;
  readonly stopSignal: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly state: ContainerState;
  readonly runner?: Runner;
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

/** The containers of a data directory. */
export class ContainerStore {
  readonly #data: DataDirectory;
  readonly #isAlive: (runner: Runner) => boolean;

  /** `isAlive` tells whether a runner is still there. */
  constructor(data: DataDirectory, isAlive: (runner: Runner) => boolean) {
    this.#data = data;
    this.#isAlive = isAlive;
  }

  /** All containers, the newest first. */
  list(): readonly ContainerRecord[] {
    const records = this.#data.list(DIRECTORY).flatMap((id) => this.#read(id) ?? []);
    return records.sort((a, b) => b.created.localeCompare(a.created));
  }

  /** A container whose runner was killed has ended as if by SIGKILL. */
  #read(id: string): ContainerRecord | undefined {
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
    const known = record as unknown as ContainerRecord;
    if (!known.runner || this.#isAlive(known.runner)) return known;
    const { runner: _, ...rest } = known;
    return { ...rest, state: 'exited', exitCode: known.exitCode ?? 137, error: this.#lossOf(known) };
  }

  /** What is left of a container whose runner was killed. */
  #lossOf({ id, startedAt = '' }: ContainerRecord): string {
    const saved = this.changesSaved(id);
    const kept =
      saved === undefined || saved < startedAt ? 'what it changed is lost' : `changes up to ${saved} are kept`;
    return `The process that ran the container was killed: ${kept}.`;
  }

  /**
   * The container that a user means: its name, its ID or the beginning of it.
   * @throws OciError when there is none, or more than one
   */
  find(text: string): ContainerRecord {
    const all = this.list();
    const named = all.find(({ name, id }) => name === text || id === text);
    if (named) return named;
    const found = /^[0-9a-f]+$/.test(text) ? all.filter(({ id }) => id.startsWith(text)) : [];
    if (found.length > 1)
      throw new OciError('ambiguous', `The container ID ${text} is the beginning of more than one.`);
    if (!found[0])
      throw new OciError('not-found', `There is no container ${text} (anillo container ps -a lists those there are).`);
    return found[0];
  }

  /**
   * Adds a container; `check` may refuse it while nobody else changes anything.
   * @throws OciError when its name is taken or cannot be one
   */
  async create(record: ContainerRecord, check = () => {}): Promise<void> {
    checkName(record.name);
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

  #write(record: ContainerRecord): void {
    this.#data.replace(`${DIRECTORY}/${record.id}/record.json`, writeDocument(record));
  }

  /** Changes a record; `change` sees it as it is now, and may throw to leave it so. */
  async update(id: string, change: (record: ContainerRecord) => ContainerRecord): Promise<ContainerRecord> {
    return locked(this.#data, () => {
      const record = this.#read(id);
      if (!record) throw new OciError('not-found', `The container ${id.slice(0, 12)} is gone.`);
      const changed = change(record);
      this.#write(changed);
      return changed;
    });
  }

  /** Gives a container another name. @throws OciError when it is taken */
  async rename(id: string, name: string): Promise<void> {
    checkName(name);
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

  /** Names of the containers that need an image. */
  users({ id }: StoredImage): readonly string[] {
    return this.list()
      .filter(({ image }) => image.id === id)
      .map(({ name }) => name);
  }

  /** Layers that containers stand on. */
  *layersInUse(): Iterable<Digest> {
    for (const { image } of this.list()) yield* image.diffIds;
  }

  /** Keeps the changes of a container's file system: a tar archive. */
  async saveChanges(id: string, archive: Bytes): Promise<void> {
    const upload = this.#data.upload();
    try {
      const entries = await readLayer(archive, upload, 'The changes of a container');
      const place = `${DIRECTORY}/${id}/changes-${entries.digest.slice(7, 19)}`;
      upload.commit(`${place}.content`);
      this.#data.replace(
        `${DIRECTORY}/${id}/changes.json`,
        writeDocument({ content: `${place}.content`, entries: entries.entries, saved: new Date().toISOString() }),
      );
      for (const name of this.#data.list(`${DIRECTORY}/${id}`)) {
        if (name.endsWith('.content') && `${DIRECTORY}/${id}/${name}` !== `${place}.content`)
          this.#data.remove(`${DIRECTORY}/${id}/${name}`);
      }
    } finally {
      upload.discard();
    }
  }

  /** The changes kept; undefined for a container that never ran. */
  changes(id: string): { entries: readonly LayerEntry[]; content: OpenFile } | undefined {
    const kept = this.#changes(id);
    if (!kept) return undefined;
    const { content, entries } = kept;
    const file = this.#data.open(content);
    if (!file) throw new OciError('damaged-store', `The changes of the container ${id.slice(0, 12)} are missing.`);
    return { entries, content: file };
  }

  /** When its changes were last kept: RFC 3339. */
  changesSaved(id: string): string | undefined {
    return this.#changes(id)?.saved;
  }

  #changes(id: string): KeptChanges | undefined {
    const bytes = this.#data.read(`${DIRECTORY}/${id}/changes.json`);
    return bytes && (JSON.parse(new TextDecoder().decode(bytes)) as KeptChanges);
  }

  /** Where its output is kept, as a path in the data directory. */
  logPath(id: string): string {
    return `${DIRECTORY}/${id}/log.jsonl`;
  }
}

function checkName(name: string): void {
  if (!NAME.test(name)) {
    throw new OciError(
      'bad-reference',
      `${JSON.stringify(name)} cannot be the name of a container: letters, digits and _ . - behind a letter or digit.`,
    );
  }
}
