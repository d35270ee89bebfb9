// All keys of the kernel: their numbers, what users may have of them, and how long they live (keyrings(7)).
import type { ErrnoName } from '../../abi/errno.ts';
import { fail } from '../error.ts';
import type { Kernel } from '../kernel.ts';
import { NO_ID, type UserNamespace } from '../ns/user-namespace.ts';
import type { Task } from '../task/task.ts';
import type { Credentials } from '../vfs/permission.ts';
import { KEY_ALL, KEY_READ, KEY_SETATTR, KEY_VIEW, Key, type KeyOptions, owner, possessor } from './key.ts';
import { checkNoCircle, type Found, searchAll, type Wanted } from './search.ts';

/** Memory of a key besides its contents, about. */
const KEY_BYTES = 512;
const SECOND = 1_000_000_000n;
/** Numbers below mean something. */
const FIRST_SERIAL = 3;

/** The keyrings of a task besides that of its process. It never changes. */
export interface TaskKeyrings {
  readonly thread?: Key | undefined;
  readonly session?: Key | undefined;
  /** Where request_key(2) puts what it gets (KEYCTL_SET_REQKEY_KEYRING). */
  readonly forRequests: number;
}

export const NO_KEYRINGS: TaskKeyrings = { forRequests: 0 };

/** Kinds of keyrings that users have. */
export type UserKeyringKind = '_uid' | '_uid_ses' | '_persistent';

/** What users have of keys (/proc/key-users). */
export interface KeyUse {
  keys: number;
  countedKeys: number;
  bytes: number;
}

/** It has the ID as the namespace knows it, -1 for somebody unknown. */
const userKeyringName = (kind: UserKeyringKind, user: UserNamespace, uid: number): string =>
  `${kind}.${user.inside('uid', uid) ?? NO_ID}`;

/** The keys of a kernel. */
export class Keys {
  /** /proc/sys/kernel/keys. */
  readonly limits = {
    gc_delay: 300,
    maxbytes: 20000,
    maxkeys: 200,
    persistent_keyring_expiry: 259200,
    root_maxbytes: 25_000_000,
    root_maxkeys: 1_000_000,
  };
  readonly #kernel: Kernel;
  readonly #keys = new Map<number, Key>();
  /** Keyrings of users, each with its name and namespace. */
  readonly #ofUsers = new Map<string, Key>();

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  get now(): bigint {
    return this.#kernel.monotonic;
  }

  /** Those that live, by number. */
  get all(): readonly Key[] {
    return [...this.#keys.values()].sort((a, b) => a.serial - b.serial);
  }

  get(serial: number): Key | undefined {
    return this.#keys.get(serial);
  }

  /** Makes a key, which lives as long as something leads to it. @throws SystemError EDQUOT, OutOfFrames */
  create(options: KeyOptions, payload = new Uint8Array(0), mayExceed = false): Key {
    const key = new Key(this.#newSerial(), options);
    key.payload = payload;
    if (!mayExceed) this.#checkQuota(key.uid, key.isCounted ? 1 : 0, key.isCounted ? key.bytes : 0);
    key.held = this.#kernel.memory.object(KEY_BYTES + key.description.length + payload.length);
    this.#keys.set(key.serial, key);
    return key;
  }

  #newSerial(): number {
    const bytes = new Uint8Array(4);
    for (;;) {
      this.#kernel.random.fill(bytes);
      const serial = new DataView(bytes.buffer).getUint32(0, true) >>> 1;
      if (serial >= FIRST_SERIAL && !this.#keys.has(serial)) return serial;
    }
  }

  /** Gives a key other contents. @throws SystemError EDQUOT, OutOfFrames */
  update(key: Key, payload: Uint8Array<ArrayBuffer>): void {
    if (key.isCounted && key.type !== 'big_key') this.#checkQuota(key.uid, 0, payload.length - key.payload.length);
    const held = this.#kernel.memory.object(KEY_BYTES + key.description.length + payload.length);
    key.held?.free();
    key.held = held;
    key.payload = payload;
    key.expires = undefined;
  }

  /** A keyring leads to one key more. @throws SystemError ENOTDIR, EPERM, EDEADLK, ELOOP, EDQUOT */
  link(keyring: Key, key: Key): void {
    if (!keyring.isKeyring) fail('ENOTDIR');
    if (keyring.isRestricted) fail('EPERM');
    if (key.isKeyring) checkNoCircle(keyring, key);
    const isNew = !keyring.links.has(key.place);
    if (isNew && keyring.isCounted) this.#checkQuota(keyring.uid, 0, 4);
    keyring.links.set(key.place, key);
  }

  revoke(key: Key): void {
    key.isRevoked = true;
    key.payload = new Uint8Array(0);
    key.links.clear();
    const { now } = this;
    if (key.expires === undefined || key.expires > now) key.expires = now;
  }

  /** It is gone from everywhere at once. */
  invalidate(key: Key): void {
    key.isInvalid = true;
    this.#unlink(key);
  }

  #unlink(key: Key): void {
    for (const { links } of this.#keys.values()) if (links.get(key.place) === key) links.delete(key.place);
  }

  /** Somebody else becomes the owner. @throws SystemError EDQUOT */
  giveTo(key: Key, uid: number): void {
    if (key.isCounted) this.#checkQuota(uid, 1, key.bytes);
    key.uid = uid;
  }

  use(uid: number): KeyUse {
    const use = { keys: 0, countedKeys: 0, bytes: 0 };
    for (const key of this.#keys.values()) {
      if (key.uid !== uid) continue;
      use.keys++;
      if (!key.isCounted) continue;
      use.countedKeys++;
      use.bytes += key.bytes;
    }
    return use;
  }

  mostOf(uid: number): { readonly keys: number; readonly bytes: number } {
    const { maxkeys, maxbytes, root_maxkeys, root_maxbytes } = this.limits;
    return uid === 0 ? { keys: root_maxkeys, bytes: root_maxbytes } : { keys: maxkeys, bytes: maxbytes };
  }

  #checkQuota(uid: number, keys: number, bytes: number): void {
    if (keys <= 0 && bytes <= 0) return;
    const use = this.use(uid);
    const most = this.mostOf(uid);
    if (use.countedKeys + keys > most.keys || use.bytes + bytes > most.bytes) fail('EDQUOT');
  }

  /** A keyring of a user, who is one of a namespace; `_uid_ses` leads to `_uid`. @throws SystemError EDQUOT */
  ofUser(kind: UserKeyringKind, user: UserNamespace, uid: number): Key {
    const description = userKeyringName(kind, user, uid);
    const name = `${description}@${user.number}`;
    const known = this.#ofUsers.get(name);
    if (known !== undefined) return known;
    const isPersistent = kind === '_persistent';
    const permissions = possessor(KEY_ALL & ~KEY_SETATTR) | owner(isPersistent ? KEY_VIEW | KEY_READ : KEY_ALL);
    const key = this.create({
      type: 'keyring',
      description,
      permissions,
      uid,
      gid: NO_ID,
      home: user,
      isCounted: !isPersistent,
      isOfUser: !isPersistent,
    });
    this.#ofUsers.set(name, key);
    if (kind === '_uid_ses') this.link(key, this.ofUser('_uid', user, uid));
    return key;
  }

  /** The keyrings in which a task looks for keys. */
  ofTask({ keyrings, group, credentials }: Task): Key[] {
    const user = credentials.user;
    const named = `${userKeyringName('_uid_ses', user, credentials.uid)}@${user.number}`;
    const session = keyrings.session ?? this.#ofUsers.get(named);
    return [keyrings.thread, group.keyring, session].filter((key) => key !== undefined);
  }

  searchFor(task: Task, wanted: Wanted): Found {
    return searchAll(this.ofTask(task), task.credentials, wanted);
  }

  /** A keyring by its name in a namespace, for whoever may search it. */
  named(description: string, credentials: Credentials, may: (key: Key) => boolean): Key | ErrnoName {
    for (const key of this.#keys.values()) {
      if (!key.isKeyring || key.description !== description || key.home !== credentials.user) continue;
      if (!key.isRevoked && !key.isOfUser && may(key)) return key;
    }
    return 'ENOKEY';
  }

  /** Forgets what nothing leads to any more, and what has been of no use for a while. */
  sweep(): void {
    if (this.#keys.size === 0) return;
    const stale = this.now - BigInt(this.limits.gc_delay) * SECOND;
    for (const key of this.#keys.values()) if (key.expires !== undefined && key.expires <= stale) this.#unlink(key);
    const alive = new Set<Key>();
    const reach = (key: Key | undefined): void => {
      if (key === undefined || alive.has(key)) return;
      alive.add(key);
      for (const below of key.links.values()) reach(below);
    };
    for (const key of this.#ofUsers.values()) reach(key);
    for (const { keyrings, group, state } of this.#kernel.pids.tasks.values()) {
      if (state === 'dead' || state === 'zombie') continue;
      reach(keyrings.thread);
      reach(keyrings.session);
      reach(group.keyring);
    }
    for (const key of this.#keys.values()) if (!alive.has(key)) this.#drop(key);
  }

  #drop(key: Key): void {
    this.#keys.delete(key.serial);
    key.held?.free();
    key.held = undefined;
  }

  /** What leads to each key, for /proc/keys. */
  references(): Map<Key, number> {
    const counts = new Map<Key, number>();
    const count = (key: Key | undefined) => key !== undefined && counts.set(key, (counts.get(key) ?? 0) + 1);
    for (const { links } of this.#keys.values()) for (const key of links.values()) count(key);
    for (const key of this.#ofUsers.values()) count(key);
    const groups = new Set<Task['group']>();
    for (const { keyrings, group } of this.#kernel.pids.tasks.values()) {
      count(keyrings.thread);
      count(keyrings.session);
      groups.add(group);
    }
    for (const group of groups) count(group.keyring);
    return counts;
  }
}
