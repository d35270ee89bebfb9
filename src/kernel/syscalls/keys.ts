// System calls on keys: add_key(2), request_key(2), keyctl(2).
import { fail } from '../error.ts';

import {
  type Key,
  KEY_ALL,
  KEY_LINK,
  KEY_READ,
  KEY_SEARCH,
  KEY_SETATTR,
  KEY_VIEW,
  KEY_WRITE,
  type KeyType,
  owner,
  permits,
  possessor,
} from '../keys/key.ts';
import { type LookupOptions, lookUpKey, startSession } from '../keys/lookup.ts';
import { type Found, searchKeyring } from '../keys/search.ts';
import type { Task } from '../task/task.ts';
import { CAP_SETUID, CAP_SYS_ADMIN, hasCapability, inGroup } from '../vfs/permission.ts';
import { NO_ID } from '../ns/user-namespace.ts';
import type { Call } from './call.ts';
import { type Implementations, partial } from './table.ts';
import { encodeText } from './text.ts';

const LONGEST_TYPE = 32;
const LONGEST_DESCRIPTION = 4096;
const LONGEST_PAYLOAD = (1 << 20) - 1;
const LONGEST_USER_PAYLOAD = 32767;
const PAGE = 4096;
const TYPES: readonly string[] = ['keyring', 'user', 'logon', 'big_key'] satisfies readonly KeyType[];
/** KEY_SPEC_USER_SESSION_KEYRING. */
const LAST_KEYRING = -5;
const SECOND = 1_000_000_000n;

/** A number of a key, whatever the width of the argument. */
const idArgument = (call: Call, n: number): number => Number(BigInt.asIntN(32, call.arg64(n)));

const keyArgument = (call: Call, n: number, rights: number, options?: LookupOptions) =>
  lookUpKey(call.kernel, call.task, idArgument(call, n), rights, options);

function typeArgument(call: Call, n: number): string {
  const type = call.string(call.arg(n), LONGEST_TYPE, 'EINVAL');
  if (type === '') fail('EINVAL');
  return type.startsWith('.') ? fail('EPERM') : type;
}

const descriptionArgument = (call: Call, n: number) => call.string(call.arg(n), LONGEST_DESCRIPTION, 'EINVAL');

const isType = (type: string): type is KeyType => TYPES.includes(type);

/** What a search gave. @throws SystemError */
const foundKey = (found: Found): Key =>
  typeof found === 'string' ? fail(found === 'EAGAIN' ? 'ENOKEY' : found) : found;

function checkPayload(type: KeyType, payload: Uint8Array): void {
  if (type === 'keyring' ? payload.length > 0 : payload.length === 0) fail('EINVAL');
  if ((type === 'user' || type === 'logon') && payload.length > LONGEST_USER_PAYLOAD) fail('EINVAL');
}

/** logon keys belong to a service, which their description begins with. */
function checkDescription(type: KeyType, description: string): void {
  if (description === '') fail('EINVAL');
  if (type === 'logon' && description.indexOf(':') < 1) fail('EINVAL');
}

function addKey(call: Call): number {
  const { keys } = call.kernel;
  const length = call.arg(3);
  if (length > LONGEST_PAYLOAD) fail('EINVAL');
  const type = typeArgument(call, 0);
  const description = call.arg(1) === 0 ? '' : descriptionArgument(call, 1);
  if (description.startsWith('.') && type === 'keyring') fail('EPERM');
  const payload = length === 0 ? new Uint8Array(0) : call.read(call.arg(2), length).slice();
  const { key: keyring } = keyArgument(call, 4, KEY_WRITE, { creates: true });
  if (!isType(type)) return fail('ENODEV');
  if (!keyring.isKeyring) fail('ENOTDIR');
  checkPayload(type, payload);
  if (description === '') fail('EINVAL');
  const { fsuid: uid, fsgid: gid, user: home } = call.task.credentials;
  const known = type === 'keyring' ? undefined : keyring.links.get(`${type}:${description}`);
  if (known !== undefined && !known.isRevoked && !known.isInvalid) {
    if (!permits(call.task.credentials, { key: known, isPossessed: true }, KEY_WRITE)) fail('EACCES');
    keys.update(known, payload);
    return known.serial;
  }
  checkDescription(type, description);
  // what cannot be read by anybody is not readable by who possesses it either
  const permissions = possessor(type === 'logon' ? KEY_ALL & ~KEY_READ : KEY_ALL) | owner(KEY_VIEW);
  const key = keys.create({ type, description, permissions, uid, gid, home }, payload);
  keys.link(keyring, key);
  return key.serial;
}

/** Nothing outside is asked for keys: one that is not there is not made. */
function requestKey(call: Call): number {
  const { keys } = call.kernel;
  const type = typeArgument(call, 0);
  const description = descriptionArgument(call, 1);
  if (call.arg(2) !== 0) call.string(call.arg(2), PAGE, 'EINVAL');
  const destination = idArgument(call, 3) === 0 ? undefined : keyArgument(call, 3, KEY_WRITE, { creates: true }).key;
  if (!isType(type)) return fail('ENOKEY');
  const matches = (key: Key) => key.description === description;
  const key = foundKey(keys.searchFor(call.task, { type, matches, now: keys.now }));
  if (destination !== undefined) {
    if (!permits(call.task.credentials, { key, isPossessed: true }, KEY_LINK)) fail('EACCES');
    keys.link(destination, key);
  }
  return key.serial;
}

function joinSession(call: Call): number {
  const { keys } = call.kernel;
  const { task } = call;
  if (call.arg(1) === 0) return startSession(call.kernel, task).serial;
  const name = descriptionArgument(call, 1);
  if (name.startsWith('.')) fail('EPERM');
  const { credentials } = task;
  const may = (key: Key) => permits(credentials, { key, isPossessed: false }, KEY_SEARCH);
  const known = keys.named(name, credentials, may);
  if (known === task.keyrings.session) return 0;
  const { uid, gid, user: home } = credentials;
  const permissions = possessor(KEY_ALL) | owner(KEY_VIEW | KEY_READ | KEY_LINK);
  const session =
    typeof known === 'string'
      ? keys.create({ type: 'keyring', description: name, permissions, uid, gid, home })
      : known;
  task.keyrings = { ...task.keyrings, session };
  return session.serial;
}

function update(call: Call): number {
  const length = call.arg(3);
  if (length > PAGE) fail('EINVAL');
  const payload = length === 0 ? new Uint8Array(0) : call.read(call.arg(2), length).slice();
  const { key } = keyArgument(call, 1, KEY_WRITE);
  if (key.isKeyring) fail('EOPNOTSUPP');
  checkPayload(key.type, payload);
  call.kernel.keys.update(key, payload);
  return 0;
}

/** Whoever may change a key or its rights may revoke it. */
function revoke(call: Call): number {
  const { key, isPossessed } = keyArgument(call, 1, 0);
  const may = [KEY_WRITE, KEY_SETATTR].some((right) => permits(call.task.credentials, { key, isPossessed }, right));
  if (!may) fail('EACCES');
  call.kernel.keys.revoke(key);
  return 0;
}

function changeOwner(call: Call): number {
  const { credentials } = call.task;
  const [uid, gid] = (['uid', 'gid'] as const).map((kind, n) => {
    const id = idArgument(call, 2 + n) >>> 0;
    return id === NO_ID ? NO_ID : call.users.fromProgram(kind, id);
  }) as [number, number];
  if (uid === NO_ID && gid === NO_ID) return 0;
  const { key } = keyArgument(call, 1, KEY_SETATTR, { creates: true });
  const isOther =
    (uid !== NO_ID && uid !== key.uid) || (gid !== NO_ID && gid !== key.gid && !inGroup(credentials, gid));
  if (isOther && !hasCapability(credentials, CAP_SYS_ADMIN)) fail('EACCES');
  if (uid !== NO_ID && uid !== key.uid) call.kernel.keys.giveTo(key, uid);
  if (gid !== NO_ID) key.gid = gid;
  return 0;
}

function setPermissions(call: Call): number {
  const permissions = idArgument(call, 2);
  if (permissions & ~0x3f3f3f3f) fail('EINVAL');
  const { key } = keyArgument(call, 1, KEY_SETATTR, { creates: true });
  const { credentials } = call.task;
  if (key.uid !== credentials.fsuid && !hasCapability(credentials, CAP_SYS_ADMIN)) fail('EACCES');
  key.permissions = permissions;
  return 0;
}

/** Writes bytes where argument 2 says, if argument 3 has room for all of them; gives how many there are. */
function answer(call: Call, bytes: Uint8Array): number {
  if (call.arg(2) !== 0 && call.arg(3) >= bytes.length) call.write(call.arg(2), bytes);
  return bytes.length;
}

function describe(call: Call): number {
  const { key } = keyArgument(call, 1, KEY_VIEW);
  const { type, uid, gid, permissions, description } = key;
  const ids = `${call.users.shown('uid', uid)};${call.users.shown('gid', gid)}`;
  return answer(call, encodeText(`${type};${ids};${permissions.toString(16).padStart(8, '0')};${description}\0`));
}

function clear(call: Call): number {
  const { key } = keyArgument(call, 1, KEY_WRITE, { creates: true });
  if (!key.isKeyring) fail('ENOTDIR');
  key.links.clear();
  return 0;
}

function link(call: Call): number {
  const { key: keyring } = keyArgument(call, 2, KEY_WRITE, { creates: true });
  const { key } = keyArgument(call, 1, KEY_LINK, { creates: true });
  call.kernel.keys.link(keyring, key);
  return 0;
}

function unlink(call: Call): number {
  const { key: keyring } = keyArgument(call, 2, KEY_WRITE);
  const { key } = keyArgument(call, 1, 0, { isOnlyNamed: true });
  if (!keyring.isKeyring) fail('ENOTDIR');
  // whatever key has its place there: that is what a keyring goes by
  if (!keyring.links.has(key.place)) fail('ENOENT');
  keyring.links.delete(key.place);
  return 0;
}

const MOVE_EXCLUSIVELY = 1;

function move(call: Call): number {
  const flags = call.arg(4);
  if (flags & ~MOVE_EXCLUSIVELY) fail('EINVAL');
  const { key } = keyArgument(call, 1, KEY_LINK, { creates: true });
  const { key: from } = keyArgument(call, 2, KEY_WRITE);
  const { key: to } = keyArgument(call, 3, KEY_WRITE, { creates: true });
  if (!from.isKeyring || !to.isKeyring) fail('ENOTDIR');
  if (from === to) return 0;
  if (!from.links.has(key.place)) fail('ENOENT');
  if (flags & MOVE_EXCLUSIVELY && to.links.has(key.place)) fail('EEXIST');
  call.kernel.keys.link(to, key);
  from.links.delete(key.place);
  return 0;
}

function search(call: Call): number {
  const type = typeArgument(call, 2);
  const description = descriptionArgument(call, 3);
  const { keys } = call.kernel;
  const top = keyArgument(call, 1, KEY_SEARCH);
  const destination = idArgument(call, 4) === 0 ? undefined : keyArgument(call, 4, KEY_WRITE, { creates: true }).key;
  if (!isType(type)) return fail('ENOKEY');
  const matches = (key: Key) => key.description === description;
  const key = foundKey(searchKeyring(top, call.task.credentials, { type, matches, now: keys.now }));
  if (destination !== undefined) {
    if (!permits(call.task.credentials, { key, isPossessed: top.isPossessed }, KEY_LINK)) fail('EACCES');
    keys.link(destination, key);
  }
  return key.serial;
}

/** A number of a key, or one of the keyrings there are. */
const isKey = (id: number) => id > 0 || (id < 0 && id >= LAST_KEYRING);

/** Whoever has a key in a keyring that may be searched may read it. */
function read(call: Call): number {
  if (!isKey(idArgument(call, 1))) fail('ENOKEY');
  const reference = keyArgument(call, 1, 0);
  const { key } = reference;
  if (!permits(call.task.credentials, reference, KEY_READ) && !reference.isPossessed) fail('EACCES');
  if (key.type === 'logon') fail('EOPNOTSUPP');
  if (!key.isKeyring) return answer(call, key.payload);
  const numbers = Uint32Array.from(key.links.values(), ({ serial }) => serial);
  return answer(call, new Uint8Array(numbers.buffer));
}

const REQUEST_THREAD = 1;
const REQUEST_PROCESS = 2;
/** Those that request_key(2) may put keys into by default; 6 is that of a group, which there is not. */
const REQUEST_KEYRINGS = [-1, 0, 1, 2, 3, 4, 5, 7];

function setRequestKeyring(call: Call): number {
  const wanted = idArgument(call, 1);
  if (!REQUEST_KEYRINGS.includes(wanted)) fail('EINVAL');
  const { task, kernel } = call;
  const { forRequests } = task.keyrings;
  if (wanted === REQUEST_THREAD || wanted === REQUEST_PROCESS) lookUpKey(kernel, task, -wanted, 0, { creates: true });
  if (wanted !== -1) task.keyrings = { ...task.keyrings, forRequests: wanted };
  return forRequests;
}

function setTimeout(call: Call): number {
  const seconds = idArgument(call, 2) >>> 0;
  const { key } = keyArgument(call, 1, KEY_SETATTR, { creates: true });
  key.expires = seconds === 0 ? undefined : call.kernel.keys.now + BigInt(seconds) * SECOND;
  return 0;
}

function invalidate(call: Call): number {
  const { key } = keyArgument(call, 1, KEY_SEARCH);
  call.kernel.keys.invalidate(key);
  return 0;
}

/** No security module labels keys. */
function getSecurity(call: Call): number {
  keyArgument(call, 1, KEY_VIEW);
  return answer(call, new Uint8Array(1));
}

/** The parent goes over into the caller's session, if both are the same user. */
function sessionToParent(call: Call): number {
  const { task } = call;
  const { key: session } = lookUpKey(call.kernel, task, -3, KEY_LINK);
  const parent = task.group.parent;
  const leader = parent?.leader;
  if (parent === undefined || leader?.memory === undefined || parent.tasks.size > 1) return fail('EPERM');
  if (leader.keyrings.session === session) return 0;
  if (!isSameUser(task, leader)) fail('EPERM');
  if (session.uid !== task.credentials.euid) fail('EPERM');
  if ((leader.keyrings.session?.uid ?? session.uid) !== task.credentials.euid) fail('EPERM');
  leader.keyrings = { ...leader.keyrings, session };
  return 0;
}

function isSameUser({ credentials: { euid, egid } }: Task, { credentials: other }: Task): boolean {
  return (
    [other.uid, other.euid, other.suid].every((id) => id === euid) &&
    [other.gid, other.egid, other.sgid].every((id) => id === egid)
  );
}

/** The keyring of a user that outlives their sessions; each use starts its time anew. */
function getPersistent(call: Call): number {
  const { keys } = call.kernel;
  const { credentials } = call.task;
  const given = idArgument(call, 1) >>> 0;
  const uid = given === NO_ID ? credentials.uid : call.users.fromProgram('uid', given);
  const isOwn = uid === credentials.uid || uid === credentials.euid;
  if (!isOwn && !hasCapability(credentials, CAP_SETUID, credentials.user)) fail('EPERM');
  const { key: destination } = keyArgument(call, 2, KEY_WRITE, { creates: true });
  if (!destination.isKeyring) fail('ENOTDIR');
  const key = keys.ofUser('_persistent', credentials.user, uid);
  keys.link(destination, key);
  key.expires = keys.now + BigInt(keys.limits.persistent_keyring_expiry) * SECOND;
  return key.serial;
}

/** Without a type nothing can be linked any more; no type of key has rules of its own. */
function restrict(call: Call): number {
  const { key } = keyArgument(call, 1, KEY_SETATTR);
  if ((call.arg(2) === 0) !== (call.arg(3) === 0)) fail('EINVAL');
  if (call.arg(2) !== 0) {
    typeArgument(call, 2);
    return fail('ENOENT');
  }
  if (!key.isKeyring) fail('ENOTDIR');
  if (key.isRestricted) fail('EEXIST');
  key.isRestricted = true;
  return 0;
}

/** Persistent keyrings, large keys, invalidation, restrictions and moves; names and keys that belong to a namespace. */
const CAPABILITIES = Uint8Array.of(0x01 | 0x02 | 0x10 | 0x20 | 0x40 | 0x80, 0x01 | 0x02);

function capabilities(call: Call): number {
  const size = call.arg(2);
  const bytes = new Uint8Array(Math.min(size, PAGE));
  bytes.set(CAPABILITIES.subarray(0, bytes.length));
  if (size > 0) call.write(call.arg(1), bytes);
  return CAPABILITIES.length;
}

/** What only a program that the kernel asked to make a key may do. */
const notAuthorized = (): number => fail('EPERM');

const OPERATIONS: readonly (((call: Call) => number) | undefined)[] = [
  (call) => keyArgument(call, 1, KEY_SEARCH, { creates: call.arg(2) !== 0 }).key.serial,
  joinSession,
  update,
  revoke,
  changeOwner,
  setPermissions,
  describe,
  clear,
  link,
  unlink,
  search,
  read,
  notAuthorized,
  notAuthorized,
  setRequestKeyring,
  setTimeout,
  (call) => {
    const id = idArgument(call, 1);
    return id < 0 ? fail('EINVAL') : id === 0 ? 0 : fail('ENOKEY');
  },
  getSecurity,
  sessionToParent,
  notAuthorized,
  notAuthorized,
  invalidate,
  getPersistent,
  undefined,
  undefined,
  undefined,
  undefined,
  undefined,
  undefined,
  restrict,
  move,
  capabilities,
];

/** Keys that nothing led to since the last call are gone. */
const swept =
  (run: (call: Call) => number) =>
  (call: Call): number => {
    call.kernel.keys.sweep();
    return run(call);
  };

export const keyCalls: Implementations = {
  add_key: partial('types keyring, user, logon and big_key', swept(addKey)),
  request_key: partial('finds keys; no program is asked for others', swept(requestKey)),
  keyctl: partial(
    'no Diffie-Hellman, public-key and watch operations',
    swept((call) => (OPERATIONS[call.arg(0)] ?? (() => fail('EOPNOTSUPP')))(call)),
  ),
};
