// What a layer holds: the entries of its tar archive, checked one by one before anything is kept (OCI image specification,
// "Image Layer Filesystem Changeset"). A layer is data of strangers: whatever leads out of the root is refused.
import type { ParsedTarEntry } from 'modern-tar';
import { ACL_ATTRIBUTES, type AclKind, aclKind, isStoredAcl } from '../kernel/vfs/acl.ts';
import { type ArchiveAccounts, parseAcl } from './acl-text.ts';
import { OciError } from './oci-error.ts';
import { attributeBytes, attributeText, nameOf } from './tar-bytes.ts';

/** Kinds of entry a layer may have. Device nodes are refused: a container gets its devices from the runtime. */
export type EntryKind = 'file' | 'directory' | 'symlink' | 'hardlink' | 'fifo';

/** One entry of a layer. */
export interface LayerEntry {
  /** Names from the root, without a slash in front or behind; the root itself is empty. */
  readonly path: string;
  readonly kind: EntryKind;
  /** Permission bits with setuid, setgid and sticky. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Modification time in seconds since 1970, with fraction. */
  readonly mtime: number;
  /** Bytes of a file, and where they begin in the layer's content. */
  readonly size?: number;
  readonly offset?: number;
  /** Target of a symbolic link as it is; path of a hard link's file. */
  readonly target?: string;
  /** The file of a hard link is one of the layers below (links-below.ts). */
  readonly below?: true;
  /** Values have one character a byte (tar-bytes.ts). */
  readonly xattrs?: Readonly<Record<string, string>>;
}

/** Limits of a layer. */
export const MOST_ENTRIES = 1_000_000;
export const MOST_CONTENT = 16 * 2 ** 30;
const LONGEST_PATH = 4096;
const LONGEST_NAME = 255;
const LONGEST_TARGET = 4095;

const KINDS: Readonly<Record<string, EntryKind>> = {
  file: 'file',
  directory: 'directory',
  symlink: 'symlink',
  link: 'hardlink',
  fifo: 'fifo',
};
const XATTR = 'SCHILY.xattr.';
const ACL = 'SCHILY.acl.';

/** Names of the specification: `.wh.NAME` removes NAME of the layers below, the other all they have in its directory. */
export const WHITEOUT = '.wh.';
export const OPAQUE = '.wh..wh..opq';

/** Parents before children. */
export const inOrder = (entries: Iterable<LayerEntry>): readonly LayerEntry[] =>
  [...entries].sort((a, b) => (a.path < b.path ? -1 : 1));

/** An entry whose access control lists are text yet. */
interface ReadEntry extends LayerEntry {
  readonly acls?: Readonly<Partial<Record<AclKind, string>>>;
}

/** What is known of an archive besides its entries. */
export interface LayerOptions {
  /** There are layers below, to files of which hard links may be. */
  readonly hasBelow?: boolean;
  /** Whom access control lists name; all entries have to come before any is looked at. */
  readonly accounts?: ArchiveAccounts;
}

/** A file with several names; those that are left when one of them is replaced. */
interface Linked {
  readonly file: ReadEntry;
  readonly names: Set<string>;
}

/** Collects the entries of a layer. A later entry replaces an earlier one with the same path. */
export class LayerEntries {
  readonly #what: string;
  readonly #hasBelow: boolean;
  readonly #accounts: ArchiveAccounts | undefined;
  readonly #entries = new Map<string, ReadEntry>();
  /** By each of the names. */
  readonly #linked = new Map<string, Linked>();
  #count = 0;
  #content = 0;

  /** `what` names the layer in messages. */
  constructor(what: string, { hasBelow = false, accounts }: LayerOptions = {}) {
    this.#what = what;
    this.#hasBelow = hasBelow;
    this.#accounts = accounts;
  }

  /** All of them, parents before children. @throws OciError for an access control list of somebody who is not known */
  list(): readonly LayerEntry[] {
    return inOrder([...this.#entries.values()].map((entry) => this.#withAcls(this.#asLinked(entry))));
  }

  /** A file with several names is described under the first, and the others are links to that. */
  #asLinked(entry: ReadEntry): ReadEntry {
    const linked = this.#linked.get(entry.path);
    if (!linked) return entry;
    const [first = entry.path] = linked.names;
    return entry.path === first ? { ...linked.file, path: first } : { ...entry, target: first };
  }

  /**
   * Takes an entry that came by readableArchive; gives it with the offset of its content.
   * @throws OciError with a sentence when it cannot be kept safely
   */
  add(archived: ParsedTarEntry['header']): LayerEntry {
    const { name, linkname } = archived;
    const header = { ...archived, name: nameOf(name), linkname: linkname && nameOf(linkname) };
    if (++this.#count > MOST_ENTRIES) throw this.#tooLarge(`more than ${MOST_ENTRIES} entries`);
    const path = this.#path(header.name, header.name);
    const kind = KINDS[header.type ?? 'file'];
    if (kind === undefined) {
      throw this.#refused(`${header.name} is a ${header.type ?? 'thing'}, which an image may not bring along`);
    }
    this.#checkParents(path);
    const read: ReadEntry = {
      path,
      kind,
      mode: (header.mode ?? (kind === 'directory' ? 0o755 : 0o644)) & 0o7777,
      uid: this.#id(header.uid, path),
      gid: this.#id(header.gid, path),
      mtime: (header.mtime?.getTime() ?? 0) / 1000,
      ...this.#place(kind, header.size),
      ...this.#target(path, kind, header),
      ...this.#attributes(path, kind, header.pax),
    };
    const entry = this.#accounts ? read : this.#withAcls(read);
    if (path === '' && kind !== 'directory') throw this.#refused('the root is no directory');
    const before = this.#entries.get(path);
    if (before?.kind === 'directory' && kind !== 'directory') this.#dropBelow(path);
    this.#drop(path);
    this.#entries.set(path, entry);
    if (kind === 'hardlink' && !entry.below) this.#link(entry);
    return entry;
  }

  #link({ path, target = '' }: LayerEntry): void {
    const linked = this.#linked.get(target) ?? { file: this.#entries.get(target)!, names: new Set([target]) };
    linked.names.add(path);
    for (const name of [target, path]) this.#linked.set(name, linked);
  }

  #drop(path: string): void {
    this.#linked.get(path)?.names.delete(path);
    this.#linked.delete(path);
    this.#entries.delete(path);
  }

  #place(kind: EntryKind, size: number): { size?: number; offset?: number } {
    if (kind !== 'file') return {};
    const offset = this.#content;
    this.#content += size;
    if (this.#content > MOST_CONTENT) throw this.#tooLarge(`more than ${MOST_CONTENT} bytes of files`);
    return { size, offset };
  }

  #target(
    path: string,
    kind: EntryKind,
    { name, linkname }: ParsedTarEntry['header'],
  ): Pick<LayerEntry, 'target' | 'below'> {
    if (kind === 'symlink') {
      // it is followed inside the container's root only, wherever it points
      if (!linkname || linkname.length > LONGEST_TARGET) throw this.#refused(`${name} is a symbolic link to nothing`);
      return { target: linkname };
    }
    if (kind !== 'hardlink') return {};
    const target = this.#path(linkname ?? '', name);
    if (target === path || target.startsWith(`${path}/`)) throw this.#refused(`${name} is a link to itself`);
    if (nameIn(target).startsWith(WHITEOUT)) throw this.#refused(`${name} is a link to ${linkname}, which is no file`);
    const file = this.#entries.get(target);
    if (!file) return this.#targetBelow(target, `${name} is a link to ${linkname}`);
    if (file.kind === 'directory') throw this.#refused(`${name} is a link to the directory ${linkname}`);
    return file.below ? { target: file.target!, below: true } : { target };
  }

  /** A file that the layers below may have, if what has come of this one has left it there. */
  #targetBelow(target: string, link: string): Pick<LayerEntry, 'target' | 'below'> {
    if (!this.#hasBelow) throw this.#refused(`${link}, which this layer does not have`);
    this.#checkParents(target);
    if (isHidden(target, (path) => this.#entries.has(path))) throw this.#refused(`${link}, which this layer removes`);
    return { target, below: true };
  }

  /** The path of an entry from its root. */
  #path(name: string, entry: string): string {
    if (name.includes('\0')) throw this.#refused('a name has a zero byte');
    const parts = name.split('/').filter((part) => part !== '' && part !== '.');
    if (parts.includes('..')) throw this.#refused(`${entry} leads out of the root (${name})`);
    const path = parts.join('/');
    if (path.length > LONGEST_PATH || parts.some((part) => part.length > LONGEST_NAME)) {
      throw this.#refused(`the name ${path.slice(0, 40)}… is too long`);
    }
    return path;
  }

  /** What lies above an entry in this layer has to be directories: nothing is put behind a link. */
  #checkParents(path: string): void {
    for (let slash = path.indexOf('/'); slash > 0; slash = path.indexOf('/', slash + 1)) {
      const above = this.#entries.get(path.slice(0, slash));
      if (above && above.kind !== 'directory') {
        throw this.#refused(`${path} lies behind ${above.path}, which is a ${above.kind}`);
      }
    }
  }

  /** A directory is replaced by something else: what was in it goes too. */
  #dropBelow(path: string): void {
    for (const other of [...this.#entries.keys()]) if (other.startsWith(`${path}/`)) this.#drop(other);
  }

  #id(id: number | undefined, path: string): number {
    if (id === undefined) return 0;
    if (!Number.isInteger(id) || id < 0 || id > 0xffff_fffe) throw this.#refused(`${path} has an owner that cannot be`);
    return id;
  }

  /** Access control lists have to be some: the kernel goes by them. */
  #attributes(
    path: string,
    kind: EntryKind,
    pax: ParsedTarEntry['header']['pax'] = {},
  ): Pick<ReadEntry, 'xattrs' | 'acls'> {
    const of = (prefix: string) => {
      const found = Object.entries(pax).filter(([key]) => key.startsWith(prefix));
      return found.length === 0 ? undefined : found.map(([key, value]) => [key.slice(prefix.length), value] as const);
    };
    const [xattrs, acls] = [of(XATTR), of(ACL)];
    for (const [name, value] of xattrs ?? []) {
      const list = aclKind(name);
      if (list !== undefined && !(canHave(kind, list) && isStoredAcl(attributeBytes(value)))) throw this.#noAcl(path);
    }
    return {
      ...(xattrs && { xattrs: Object.fromEntries(xattrs) }),
      ...(acls && { acls: Object.fromEntries(acls) as NonNullable<ReadEntry['acls']> }),
    };
  }

  /** Lists that are text become what the kernel has; the attribute is more exact. */
  #withAcls({ acls, ...entry }: ReadEntry): LayerEntry {
    if (!acls) return entry;
    const { path, kind } = entry;
    let { mode } = entry;
    const lists: [string, string][] = [];
    for (const list of ['access', 'default'] as const) {
      const text = acls[list]?.trim();
      if (!text || Object.hasOwn(entry.xattrs ?? {}, ACL_ATTRIBUTES[list])) continue;
      const acl = parseAcl(
        text,
        (who, name) => this.#accounts?.idOf(who, name) ?? this.#unknown(path, `${who} ${name}`),
      );
      if (!acl || !canHave(kind, list)) throw this.#noAcl(path);
      if (list === 'access') mode = (mode & ~0o777) | acl.mode;
      if (list === 'default' || acl.isExtended) lists.push([ACL_ATTRIBUTES[list], attributeText(acl.encode())]);
    }
    const more = lists.length === 0 ? {} : { xattrs: { ...entry.xattrs, ...Object.fromEntries(lists) } };
    return { ...entry, mode, ...more };
  }

  #unknown(path: string, who: string): never {
    const why = `${path} has an access control list for the ${who}, who is not in the archive's own /etc`;
    throw this.#refused(`${why} (tar --numeric-owner writes numbers)`);
  }

  #noAcl(path: string): OciError {
    return this.#refused(`${path} has an access control list that cannot be`);
  }

  #refused(why: string): OciError {
    return new OciError('unsafe-archive', `${this.#what} is refused: ${why}.`);
  }

  #tooLarge(why: string): OciError {
    return new OciError('too-large', `${this.#what} is refused: it has ${why}.`);
  }
}

const canHave = (kind: EntryKind, list: AclKind): boolean =>
  list === 'access' ? kind !== 'symlink' : kind === 'directory';

/** The last name of a path. */
export const nameIn = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

/** What a path lies in, the root first, without itself. */
export function* above(path: string): Iterable<string> {
  if (path === '') return;
  yield '';
  for (let slash = path.indexOf('/'); slash > 0; slash = path.indexOf('/', slash + 1)) yield path.slice(0, slash);
}

/** Does a layer hide what those below have at a path? It does not where it has something itself. */
export function isHidden(path: string, has: (path: string) => boolean): boolean {
  const below = (directory: string, name: string) => (directory === '' ? name : `${directory}/${name}`);
  let directory: string | undefined;
  for (const next of [...above(path), path]) {
    if (directory !== undefined) {
      if (has(below(directory, OPAQUE))) return true;
      if (!has(next) && has(below(directory, WHITEOUT + nameIn(next)))) return true;
    }
    directory = next;
  }
  return false;
}
