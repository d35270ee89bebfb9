// Which key an argument of a call means: a number, or one of the keyrings every task has (keyctl(2) "The following special
// key values", keyrings(7) "Anchoring keys").
import { fail } from '../error.ts';
import type { Kernel } from '../kernel.ts';
import type { Task } from '../task/task.ts';
import type { Credentials } from '../vfs/permission.ts';
import { type Key, KEY_ALL, KEY_READ, KEY_VIEW, type KeyReference, owner, permits, possessor } from './key.ts';
import { trouble } from './search.ts';

const THREAD = -1;
const PROCESS = -2;
const SESSION = -3;
const USER = -4;
const USER_SESSION = -5;
const GROUP = -6;

/** How a key is looked for. */
export interface LookupOptions {
  /** Keyrings of the task that are not there are made. */
  readonly creates?: boolean;
  /** It is only named: what is past its time does, and nobody has to allow anything. */
  readonly isOnlyNamed?: boolean;
}

/** The keyring of a task that lasts as long as its kind says. @throws SystemError OutOfFrames */
function ownKeyring(kernel: Kernel, { uid, gid, user }: Credentials, description: string, rights: number): Key {
  const permissions = possessor(KEY_ALL) | owner(rights);
  return kernel.keys.create({ type: 'keyring', description, permissions, uid, gid, home: user }, undefined, true);
}

/** A new session keyring without a name, for a task. */
export function startSession(kernel: Kernel, task: Task): Key {
  const session = ownKeyring(kernel, task.credentials, '_ses', KEY_VIEW | KEY_READ);
  task.keyrings = { ...task.keyrings, session };
  return session;
}

function threadKeyring(kernel: Kernel, task: Task, creates: boolean): Key {
  const { thread } = task.keyrings;
  if (thread !== undefined) return thread;
  if (!creates) fail('ENOKEY');
  const made = ownKeyring(kernel, task.credentials, '_tid', KEY_VIEW);
  task.keyrings = { ...task.keyrings, thread: made };
  return made;
}

function processKeyring(kernel: Kernel, task: Task, creates: boolean): Key {
  if (task.group.keyring === undefined && !creates) fail('ENOKEY');
  task.group.keyring ??= ownKeyring(kernel, task.credentials, '_pid', KEY_VIEW);
  return task.group.keyring;
}

/** A task without a session is in that of its user, unless it is about to change it. */
function sessionKeyring(kernel: Kernel, task: Task, creates: boolean): Key {
  const { session } = task.keyrings;
  if (session !== undefined && !(session.isOfUser && creates)) return session;
  const { user, uid } = task.credentials;
  const ofUser = kernel.keys.ofUser('_uid_ses', user, uid);
  if (creates) return startSession(kernel, task);
  task.keyrings = { ...task.keyrings, session: ofUser };
  return ofUser;
}

function special(kernel: Kernel, task: Task, id: number, creates: boolean): Key {
  const { user, uid } = task.credentials;
  switch (id) {
    case THREAD:
      return threadKeyring(kernel, task, creates);
    case PROCESS:
      return processKeyring(kernel, task, creates);
    case SESSION:
      return sessionKeyring(kernel, task, creates);
    case USER:
    case USER_SESSION: {
      const session = kernel.keys.ofUser('_uid_ses', user, uid);
      return id === USER ? kernel.keys.ofUser('_uid', user, uid) : session;
    }
    case GROUP:
      return fail('EINVAL');
    default:
      // nobody asks programs to make keys: there is no authorization for one
      return id === -7 || id === -8 ? fail('ENOKEY') : fail('EINVAL');
  }
}

/** Is the key in a keyring of the task? */
export function possesses(kernel: Kernel, task: Task, key: Key): boolean {
  return kernel.keys.searchFor(task, { matches: (other) => other === key }) === key;
}

/** The key of an argument, which allows all of `rights`. @throws SystemError ENOKEY, EKEYREVOKED, EKEYEXPIRED, EACCES, EINVAL */
export function lookUpKey(
  kernel: Kernel,
  task: Task,
  id: number,
  rights: number,
  { creates = false, isOnlyNamed = false }: LookupOptions = {},
): KeyReference {
  const found = id > 0 ? (kernel.keys.get(id) ?? fail('ENOKEY')) : special(kernel, task, id, creates);
  const reference = { key: found, isPossessed: id < 0 || possesses(kernel, task, found) };
  if (isOnlyNamed) return reference;
  const why = trouble(found, kernel.keys.now);
  if (why !== undefined) fail(why);
  return permits(task.credentials, reference, rights) ? reference : fail('EACCES');
}
