// What the three kinds of System V IPC objects share: keys, identifiers, permissions (sysvipc(7), <linux/ipc.h>).
import { fail } from '../error.ts';
import type { UserNamespace } from '../ns/user-namespace.ts';
import type { Call } from '../syscalls/call.ts';
import type { IpcControls } from './controls.ts';
import { CAP_IPC_OWNER, CAP_SYS_ADMIN, type Credentials, hasCapability } from '../vfs/permission.ts';

export const IPC_PRIVATE = 0;
export const IPC_CREAT = 0o1000;
export const IPC_EXCL = 0o2000;
export const IPC_NOWAIT = 0o4000;
export const IPC_RMID = 0;
export const IPC_SET = 1;
export const IPC_STAT = 2;
export const IPC_INFO = 3;

export const MAY_READ_OBJECT = 0o444;
export const MAY_WRITE_OBJECT = 0o222;
/** Identifiers are a slot and how often it was used. */
const SLOTS = 32768;
/** Memory of an object with nothing in it, about. */
export const IPC_OBJECT_BYTES = 512;
const SEQUENCES = 32768;

/** Seconds since the epoch. */
export const seconds = (call: Call): number => Number(call.kernel.realtime / 1_000_000_000n);

/** An object with a key. */
export abstract class IpcObject {
  id = 0;
  key: number;
  uid: number;
  gid: number;
  readonly creatorUid: number;
  readonly creatorGid: number;
  mode: number;
  /** Capabilities over the object count there. */
  readonly owner: UserNamespace;
  sequence = 0;
  isRemoved = false;
  changed: number;

  constructor(call: Call, key: number, mode: number) {
    const { euid, egid } = call.task.credentials;
    this.key = key;
    this.owner = call.task.namespaces.ipc.owner;
    this.uid = euid;
    this.gid = egid;
    this.creatorUid = euid;
    this.creatorGid = egid;
    this.mode = mode & 0o777;
    this.changed = seconds(call);
  }

  /** It is taken away: whoever waits for it hears of it. */
  abstract removed(): void;
}

/** May the object be used so? `wanted` is like a file's mode. @throws SystemError EACCES */
export function checkAccess(credentials: Credentials, object: IpcObject, wanted: number): void {
  const asked = (wanted >> 6) | (wanted >> 3) | wanted;
  let granted = object.mode;
  const { euid, egid, groups } = credentials;
  if (euid === object.creatorUid || euid === object.uid) granted >>= 6;
  else if ([object.creatorGid, object.gid].some((gid) => gid === egid || groups.includes(gid))) granted >>= 3;
  if (asked & ~granted & 7 && !hasCapability(credentials, CAP_IPC_OWNER, object.owner)) fail('EACCES');
}

/** Only owner and creator change an object. @throws SystemError EPERM */
export function checkOwner({ task }: Call, object: IpcObject): void {
  const { credentials } = task;
  const { euid } = credentials;
  if (euid !== object.creatorUid && euid !== object.uid && !hasCapability(credentials, CAP_SYS_ADMIN, object.owner))
    fail('EPERM');
}

/** Where it is kept which identifier a kind gives out next. */
export type NextIdentifier = 'nextQueue' | 'nextSet' | 'nextSegment';

/** The objects of one kind in a namespace. */
export abstract class IpcObjects<T extends IpcObject> {
  readonly #slots: (T | undefined)[] = [];
  readonly #byKey = new Map<number, T>();
  #sequence = 0;

  protected readonly controls: IpcControls;
  readonly #next: NextIdentifier;

  constructor(controls: IpcControls, next: NextIdentifier) {
    this.controls = controls;
    this.#next = next;
  }

  /** How many there may be. */
  protected abstract get most(): number;

  get count(): number {
    return this.#slots.filter((object) => object !== undefined).length;
  }

  /** Highest slot in use, which the INFO operations tell; 0 when there is none. */
  get highest(): number {
    return Math.max(
      0,
      this.#slots.findLastIndex((object) => object !== undefined),
    );
  }

  [Symbol.iterator](): Iterator<T> {
    return this.#slots.filter((object) => object !== undefined)[Symbol.iterator]();
  }

  /** semget, msgget and shmget: the object of a key, or a new one. @throws SystemError */
  get(call: Call, key: number, flags: number, make: () => T, check: (object: T) => void): number {
    const found = key === IPC_PRIVATE ? undefined : this.#byKey.get(key);
    if (found === undefined) {
      if (key !== IPC_PRIVATE && !(flags & IPC_CREAT)) fail('ENOENT');
      return this.#add(make());
    }
    if (flags & IPC_CREAT && flags & IPC_EXCL) fail('EEXIST');
    check(found);
    checkAccess(call.task.credentials, found, flags & 0o777);
    return found.id;
  }

  /** The object of an identifier. @throws SystemError EINVAL */
  find(id: number): T {
    const object = id < 0 ? undefined : this.#slots[id % SLOTS];
    return object === undefined || object.id !== id ? fail('EINVAL') : object;
  }

  /** The object in a slot, for the STAT operations of ipcs(1). @throws SystemError EINVAL */
  inSlot(slot: number): T {
    return this.#slots[slot] ?? fail('EINVAL');
  }

  remove(object: T): void {
    this.forgetKey(object);
    this.#slots[object.id % SLOTS] = undefined;
    object.isRemoved = true;
    object.removed();
  }

  /** Nobody finds the object by its key any more, and it shows none. */
  forgetKey(object: T): void {
    if (this.#byKey.get(object.key) === object) this.#byKey.delete(object.key);
    object.key = IPC_PRIVATE;
  }

  #add(object: T): number {
    const wanted = this.controls[this.#next];
    let slot = wanted < 0 ? 0 : wanted % SLOTS;
    while (this.#slots[slot] !== undefined) slot++;
    if (this.count >= this.most || slot >= SLOTS) fail('ENOSPC');
    this.controls[this.#next] = -1;
    object.sequence = wanted < 0 ? this.#sequence : Math.floor(wanted / SLOTS);
    object.id = object.sequence * SLOTS + slot;
    if (wanted < 0) this.#sequence = (this.#sequence + (slot === 0 ? 1 : 0)) % SEQUENCES;
    this.#slots[slot] = object;
    if (object.key !== IPC_PRIVATE) this.#byKey.set(object.key, object);
    return object.id;
  }
}

/** Writes the fields of a structure one after the other, as the ABI has them. */
export class Layout {
  readonly #view: DataView;
  readonly #is32: boolean;

  constructor(is32: boolean, size32: number, size64: number) {
    this.#is32 = is32;
    this.#view = new DataView(new ArrayBuffer(is32 ? size32 : size64));
  }

  get bytes(): Uint8Array {
    return new Uint8Array(this.#view.buffer);
  }

  int(at32: number, at64: number, value: number): this {
    this.#view.setUint32(this.#is32 ? at32 : at64, value >>> 0, true);
    return this;
  }

  word(at32: number, at64: number, value: number): this {
    if (this.#is32) this.#view.setUint32(at32, value >>> 0, true);
    else this.#view.setBigInt64(at64, BigInt(value), true);
    return this;
  }

  /** struct ipc64_perm, which all three structures begin with. */
  permissions(call: Call, object: IpcObject): this {
    const shown = (kind: 'uid' | 'gid', id: number) => call.users.shown(kind, id);
    this.int(0, 0, object.key).int(4, 4, shown('uid', object.uid)).int(8, 8, shown('gid', object.gid));
    this.int(12, 12, shown('uid', object.creatorUid)).int(16, 16, shown('gid', object.creatorGid));
    return this.int(20, 20, object.mode).int(24, 24, object.sequence);
  }
}

/** IPC_SET: owner, group and permissions from the structure at `address`. */
export function setPermissions(call: Call, object: IpcObject, address: number): void {
  const view = call.view(address, 24);
  const uid = call.users.fromProgram('uid', view.getUint32(4, true));
  const gid = call.users.fromProgram('gid', view.getUint32(8, true));
  const mode = call.is32 ? view.getUint16(20, true) : view.getUint32(20, true);
  object.uid = uid;
  object.gid = gid;
  object.mode = (object.mode & ~0o777) | (mode & 0o777);
  object.changed = seconds(call);
}

/** What tells the kinds apart where msgctl, semctl and shmctl do the same. */
export interface ObjectKind<T extends IpcObject> {
  readonly objects: IpcObjects<T>;
  /** The operations of ipcs(1): by the slot, with and without leave to read. */
  readonly stat: number;
  readonly statAny: number;
  /** The structure that describes an object. */
  status(call: Call, object: T): Uint8Array;
  /** IPC_SET, from the structure at an address. */
  set(call: Call, object: T, address: number): void;
  remove(call: Call, object: T): void;
}

/** What msgctl, semctl and shmctl do alike; undefined for an operation of one of them. @throws SystemError */
export function controlObject<T extends IpcObject>(
  call: Call,
  { objects, stat, statAny, status, set, remove }: ObjectKind<T>,
  id: number,
  operation: number,
  address: number,
): number | undefined {
  const { credentials } = call.task;
  if (operation === stat || operation === statAny || operation === IPC_STAT) {
    const object = operation === IPC_STAT ? objects.find(id) : objects.inSlot(id);
    if (operation !== statAny) checkAccess(credentials, object, MAY_READ_OBJECT);
    call.write(address, status(call, object));
    return operation === IPC_STAT ? 0 : object.id;
  }
  if (operation !== IPC_SET && operation !== IPC_RMID) return undefined;
  const object = objects.find(id);
  checkOwner(call, object);
  if (operation === IPC_SET) set(call, object, address);
  else remove(call, object);
  return 0;
}
