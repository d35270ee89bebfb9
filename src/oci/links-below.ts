// Layers as they lie one on another. What a layer says of files below it is completed from there, as an overlay does it when a
// layer is unpacked on the others (OCI image specification, "Image Layer Filesystem Changeset"; Linux's Documentation/
// filesystems/overlayfs.rst, "Non-directories"): the file of a hard link is copied up, so that both names are one file of the
// layer, and directories on the way to an entry that the layer does not describe stay what they were.
import { above, inOrder, isHidden, type LayerEntry } from './layer-entries.ts';
import { OciError } from './oci-error.ts';

/** An entry whose bytes may be in the content of a layer below. */
export interface PlacedEntry<Content> extends LayerEntry {
  readonly content?: Content;
}

/** The entries of a layer, parents before children, and where the bytes of its files are. */
export interface PlacedLayer<Content> {
  readonly entries: readonly PlacedEntry<Content>[];
  readonly content: Content;
}

/**
 * Completes layers, lowest first. `what` names one by its number in messages.
 * @throws OciError when a file that a layer links to is not there, or a directory
 */
export function completed<Content>(
  layers: readonly PlacedLayer<Content>[],
  what: (layer: number) => string,
): readonly PlacedLayer<Content>[] {
  const stack: Layer<Content>[] = [];
  for (const [n, { entries, content }] of layers.entries()) {
    const layer = new Layer(entries, content);
    layer.complete(stack, what(n));
    stack.push(layer);
  }
  return stack.map((layer) => ({ entries: layer.entries, content: layer.content }));
}

class Layer<Content> {
  entries: readonly PlacedEntry<Content>[];
  readonly content: Content;
  /** By path; made when somebody asks. */
  #index: Map<string, PlacedEntry<Content>> | undefined;

  constructor(entries: readonly PlacedEntry<Content>[], content: Content) {
    this.entries = entries;
    this.content = content;
  }

  /** Directories that are not described are there nevertheless. */
  get #byPath(): Map<string, PlacedEntry<Content>> {
    if (this.#index) return this.#index;
    this.#index = new Map(this.entries.map((entry) => [entry.path, entry]));
    for (const { path } of this.entries)
      for (const directory of above(path))
        if (!this.#index.has(directory)) this.#index.set(directory, plain(directory));
    return this.#index;
  }

  /** What it has at a path, a name of a file with several names being the file. */
  at(path: string): PlacedEntry<Content> | undefined {
    const entry = this.#byPath.get(path);
    return entry?.kind === 'hardlink' ? this.#byPath.get(entry.target ?? '') : entry;
  }

  /** Does it hide what those below have at a path? */
  hides(path: string): boolean {
    for (const directory of above(path)) {
      const there = this.#byPath.get(directory);
      if (there && there.kind !== 'directory') return true;
    }
    return isHidden(path, (name) => this.#byPath.has(name));
  }

  complete(below: readonly Layer<Content>[], what: string): void {
    const links = this.entries.filter(({ below: isBelow }) => isBelow);
    const isWhole = below.length === 0 || describesDirectories(this.entries);
    if (links.length === 0 && isWhole) return;
    const entries = new Map(this.entries.map((entry) => [entry.path, entry]));
    const places = new Map<string, string>();
    for (const link of links) this.#copyUp({ entries, places, below }, link, what);
    const directories = new Set(['']);
    for (const path of entries.keys()) for (const directory of above(path)) directories.add(directory);
    for (const directory of directories) {
      if (entries.has(directory)) continue;
      const there = this.hides(directory) ? undefined : find(below, directory);
      entries.set(directory, there?.kind === 'directory' ? { ...there, path: directory } : plain(directory));
    }
    this.entries = inOrder(entries.values());
    this.#index = undefined;
  }

  /** Puts the file of a link into the layer: under its own name, or that of the link if the layer hides it or has another. */
  #copyUp({ entries, places, below }: CopyUp<Content>, link: PlacedEntry<Content>, what: string): void {
    const { below: _, path, target = '', ...rest } = link;
    let place = places.get(target);
    if (place === undefined) {
      const file = find(below, target);
      const why = !file ? `${target}, which the layers below do not have` : `the directory ${target}`;
      if (!file || file.kind === 'directory')
        throw new OciError('unsafe-archive', `${what} is refused: ${path} is a link to ${why}.`);
      place = this.#byPath.has(target) || this.hides(target) ? path : target;
      places.set(target, place);
      entries.set(place, { ...file, path: place });
    }
    if (path !== place) entries.set(path, { ...rest, path, target: place });
  }
}

/** What a layer is completed with. */
interface CopyUp<Content> {
  readonly entries: Map<string, PlacedEntry<Content>>;
  /** Where files were put, by their paths below. */
  readonly places: Map<string, string>;
  readonly below: readonly Layer<Content>[];
}

/** What the layers have at a path, the topmost last. */
function find<Content>(layers: readonly Layer<Content>[], path: string): PlacedEntry<Content> | undefined {
  for (const layer of [...layers].reverse()) {
    const entry = layer.at(path);
    if (entry) return entry.kind === 'file' ? { content: layer.content, ...entry } : entry;
    if (layer.hides(path)) return undefined;
  }
  return undefined;
}

/** Are the root and the directories of all entries, which come before them, among the entries? Most are in that of the one before. */
function describesDirectories(entries: readonly LayerEntry[]): boolean {
  const described = new Set<string>();
  let last: string | undefined;
  for (const { path, kind } of entries) {
    const slash = path.lastIndexOf('/');
    if (path !== '' && !(last !== undefined && Math.max(slash, 0) === last.length && path.startsWith(last))) {
      last = path.slice(0, Math.max(slash, 0));
      if (!described.has(last)) return false;
    }
    if (kind === 'directory') described.add(path);
  }
  return described.has('');
}

const plain = (path: string): LayerEntry => ({ path, kind: 'directory', mode: 0o755, uid: 0, gid: 0, mtime: 0 });
