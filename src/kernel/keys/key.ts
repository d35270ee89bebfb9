// A key of the kernel (keyrings(7)): something a program keeps where others cannot read it, or a keyring that has links to keys.
import type { HeldObject } from '../mm/frames.ts';
import { NO_ID, type UserNamespace } from '../ns/user-namespace.ts';
import { encodeText } from '../syscalls/text.ts';
import { type Credentials, inGroup } from '../vfs/permission.ts';

/** `user` and `big_key` can be read, `logon` cannot. */
export type KeyType = 'keyring' | 'user' | 'logon' | 'big_key';

/** Rights (keyctl_setperm(3)): of who possesses a key, its owner, its group and others, in a byte each. */
export const KEY_VIEW = 0x01;
export const KEY_READ = 0x02;
export const KEY_WRITE = 0x04;
export const KEY_SEARCH = 0x08;
export const KEY_LINK = 0x10;
export const KEY_SETATTR = 0x20;
export const KEY_ALL = 0x3f;
const POSSESSOR = 24;
const USER = 16;
const GROUP = 8;
export const possessor = (rights: number): number => rights << POSSESSOR;
export const owner = (rights: number): number => rights << USER;

/** What a link in a keyring and the contents of a large key count in a quota. */
const LINK_BYTES = 4;
const BIG_KEY_BYTES = 16;

/** What a key is made of. */
export interface KeyOptions {
  readonly type: KeyType;
  readonly description: string;
  readonly permissions: number;
  readonly uid: number;
  readonly gid: number;
  /** The user namespace it is made in: names of keyrings are its own. */
  readonly home: UserNamespace;
  /** It counts in the quota of its owner. */
  readonly isCounted?: boolean;
  /** The keyring of a user. */
  readonly isOfUser?: boolean;
}

/** A key. */
export class Key {
  readonly serial: number;
  readonly type: KeyType;
  readonly description: string;
  readonly home: UserNamespace;
  readonly isCounted: boolean;
  readonly isOfUser: boolean;
  uid: number;
  gid: number;
  permissions: number;
  payload = new Uint8Array(0);
  /** Of a keyring: keys by type and description. */
  readonly links = new Map<string, Key>();
  /** Nothing can be linked to it (KEYCTL_RESTRICT_KEYRING). */
  isRestricted = false;
  /** CLOCK_MONOTONIC at which it stops counting; for one that was revoked, when that was. */
  expires: bigint | undefined;
  isRevoked = false;
  isInvalid = false;
  /** Memory of it. */
  held: HeldObject | undefined;

  constructor(serial: number, options: KeyOptions) {
    this.serial = serial;
    this.type = options.type;
    this.description = options.description;
    this.permissions = options.permissions;
    this.uid = options.uid;
    this.gid = options.gid;
    this.home = options.home;
    this.isCounted = options.isCounted ?? true;
    this.isOfUser = options.isOfUser ?? false;
  }

  /** Its place in keyrings: a key of the same type and description takes it over. */
  get place(): string {
    return `${this.type}:${this.description}`;
  }

  get isKeyring(): boolean {
    return this.type === 'keyring';
  }

  /** What it counts in a quota. */
  get bytes(): number {
    const name = encodeText(this.description).length + 1;
    if (this.isKeyring) return name + LINK_BYTES * this.links.size;
    return name + (this.type === 'big_key' && this.payload.length > 0 ? BIG_KEY_BYTES : this.payload.length);
  }
}

/** A key, and whether whoever found it possesses it: it is in a keyring of theirs (keyrings(7) "Possession"). */
export interface KeyReference {
  readonly key: Key;
  readonly isPossessed: boolean;
}

/** Do the rights of a key allow somebody all of `wanted`? */
export function permits(credentials: Credentials, { key, isPossessed }: KeyReference, wanted: number): boolean {
  const { permissions, uid, gid } = key;
  const isMember = gid !== NO_ID && (permissions >> GROUP) & KEY_ALL && inGroup(credentials, gid);
  const shift = uid === credentials.fsuid ? USER : isMember ? GROUP : 0;
  const rights = (permissions >> shift) | (isPossessed ? permissions >> POSSESSOR : 0);
  return (rights & wanted) === wanted;
}
