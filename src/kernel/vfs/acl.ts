// POSIX access control lists (acl(5); struct posix_acl_xattr_header and posix_acl_xattr_entry of
// <linux/posix_acl_xattr.h>): who may do what with a file beyond its owner and group, and what new files in a directory get.
import { fail, SystemError } from '../error.ts';
import type { IdKind, UserNamespace } from '../ns/user-namespace.ts';
import type { Inode } from './inode.ts';
import { type Credentials, inGroup } from './permission.ts';

/** `access` says who may use a file; `default` what files made in a directory begin with. */
export type AclKind = 'access' | 'default';

/** The extended attributes they are read and set by. */
export const ACL_ATTRIBUTES = {
  access: 'system.posix_acl_access',
  default: 'system.posix_acl_default',
} as const satisfies Record<AclKind, string>;

/** Which list an attribute is; undefined for other attributes. */
export function aclKind(attribute: string): AclKind | undefined {
  if (attribute === ACL_ATTRIBUTES.access) return 'access';
  return attribute === ACL_ATTRIBUTES.default ? 'default' : undefined;
}

const VERSION = 2;
const HEADER_SIZE = 4;
const ENTRY_SIZE = 8;

export const USER_OBJ = 0x01;
export const USER = 0x02;
export const GROUP_OBJ = 0x04;
export const GROUP = 0x08;
export const MASK = 0x10;
export const OTHER = 0x20;
/** In the order lists have them. */
const TAGS: readonly number[] = [USER_OBJ, USER, GROUP_OBJ, GROUP, MASK, OTHER];
/** Those that name somebody. */
const NAMED: ReadonlyMap<number, IdKind> = new Map([
  [USER, 'uid'],
  [GROUP, 'gid'],
]);
export const NOBODY = 0xffff_ffff;
const RWX = 7;

/** What a list allows the owner, the group, somebody it names, or everybody else. */
export interface AclEntry {
  readonly tag: number;
  /** MAY_* bits. */
  readonly permissions: number;
  /** Outermost; NOBODY where the tag names nobody, or whom it names means nothing. */
  readonly id: number;
}

/** A list whose entries stand in their order. It never changes. */
export class Acl {
  readonly entries: readonly AclEntry[];

  constructor(entries: readonly AclEntry[]) {
    this.entries = entries;
  }

  /** It says more than permission bits can. */
  get isExtended(): boolean {
    return this.entries.some(({ tag }) => tag === MASK || NAMED.has(tag));
  }

  /** The permission bits of a file with the list: those of the group are the most anybody named may have. */
  get mode(): number {
    const group = this.#of(MASK) ?? this.#of(GROUP_OBJ) ?? 0;
    return ((this.#of(USER_OBJ) ?? 0) << 6) | (group << 3) | (this.#of(OTHER) ?? 0);
  }

  #of(wanted: number): number | undefined {
    return this.entries.find(({ tag }) => tag === wanted)?.permissions;
  }

  /** May somebody who is not the owner use the file in all the ways of `wanted` (acl(5) "ACCESS CHECK ALGORITHM")? */
  allows(credentials: Credentials, inode: Inode, wanted: number): boolean {
    const most = this.#of(MASK) ?? RWX;
    let isMember = false;
    for (const { tag, permissions, id } of this.entries) {
      if (tag === USER && id === credentials.fsuid) return (permissions & most & wanted) === wanted;
      if ((tag === GROUP_OBJ && inGroup(credentials, inode.gid)) || (tag === GROUP && inGroup(credentials, id))) {
        isMember = true;
        if ((permissions & wanted) === wanted) return (most & wanted) === wanted;
      }
    }
    return !isMember && ((this.#of(OTHER) ?? 0) & wanted) === wanted;
  }

  /** The same list after chmod(2): what the group's bits limit is the mask. */
  withMode(mode: number): Acl {
    const hasMask = this.#of(MASK) !== undefined;
    return this.#map(({ tag, permissions }) => {
      if (tag === USER_OBJ) return (mode >> 6) & RWX;
      if (tag === (hasMask ? MASK : GROUP_OBJ)) return (mode >> 3) & RWX;
      return tag === OTHER ? mode & RWX : permissions;
    });
  }

  /** What a file gets that is made with `mode` in a directory with this default list. */
  inherited(mode: number): { readonly mode: number; readonly acl: Acl | undefined } {
    const acl = this.withMode(this.mode & mode);
    return { mode: (mode & ~0o777) | acl.mode, acl: acl.isExtended ? acl : undefined };
  }

  #map(permissionsOf: (entry: AclEntry) => number): Acl {
    return new Acl(this.entries.map((entry) => ({ ...entry, permissions: permissionsOf(entry) })));
  }

  /** The attribute's value, with IDs as `viewer` has them; without one, as file systems keep it. */
  encode(viewer?: UserNamespace): Uint8Array {
    const view = new DataView(new ArrayBuffer(HEADER_SIZE + ENTRY_SIZE * this.entries.length));
    view.setUint32(0, VERSION, true);
    this.entries.forEach(({ tag, permissions, id }, n) => {
      const at = HEADER_SIZE + ENTRY_SIZE * n;
      const kind = NAMED.get(tag);
      view.setUint16(at, tag, true);
      view.setUint16(at + 2, permissions, true);
      view.setUint32(
        at + 4,
        kind === undefined || viewer === undefined ? id : (viewer.inside(kind, id) ?? NOBODY),
        true,
      );
    });
    return new Uint8Array(view.buffer);
  }
}

/**
 * The list a value stands for, with IDs as `from` has them or as file systems keep it; undefined for an empty one.
 * @throws SystemError EOPNOTSUPP, EINVAL
 */
export function decodeAcl(bytes: Uint8Array, from?: UserNamespace): Acl | undefined {
  if (bytes.length < HEADER_SIZE) fail('EINVAL');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (view.getUint32(0, true) !== VERSION) fail('EOPNOTSUPP');
  if ((bytes.length - HEADER_SIZE) % ENTRY_SIZE !== 0) fail('EINVAL');
  const entries: AclEntry[] = [];
  for (let at = HEADER_SIZE; at < bytes.length; at += ENTRY_SIZE) {
    const tag = view.getUint16(at, true);
    if (!TAGS.includes(tag)) fail('EINVAL');
    const kind = NAMED.get(tag);
    const id = view.getUint32(at + 4, true);
    const outermost = from === undefined || kind === undefined ? id : (from.outside(kind, id) ?? NOBODY);
    entries.push({ tag, permissions: view.getUint16(at + 2, true), id: kind === undefined ? NOBODY : outermost });
  }
  return entries.length === 0 ? undefined : new Acl(entries);
}

/** Is this what a file system keeps for a list? */
export function isStoredAcl(bytes: Uint8Array): boolean {
  try {
    const acl = decodeAcl(bytes);
    if (acl !== undefined) checkAcl(acl);
    return acl !== undefined;
  } catch (failure) {
    if (failure instanceof SystemError) return false;
    throw failure;
  }
}

/**
 * A list has each kind of entry in its order and place, and names only whom files of `owner` can belong to.
 * @throws SystemError EINVAL
 */
export function checkAcl({ entries }: Acl, owner?: UserNamespace): void {
  let last = -1;
  for (const { tag, permissions, id } of entries) {
    const place = TAGS.indexOf(tag);
    const kind = NAMED.get(tag);
    if (permissions & ~RWX || place < last || (place === last && kind === undefined)) fail('EINVAL');
    if (kind !== undefined && (id === NOBODY || owner?.has(kind, id) === false)) fail('EINVAL');
    last = place;
  }
  const has = (wanted: number) => entries.some(({ tag }) => tag === wanted);
  const needsMask = has(USER) || has(GROUP);
  if (![USER_OBJ, GROUP_OBJ, OTHER, ...(needsMask ? [MASK] : [])].every(has)) fail('EINVAL');
}
