// `--user` looked up in the files of a container (docker-run(1) "USER", passwd(5), group(5)).
import type { ProcessUser } from './runtime-spec.ts';
import { OciError } from './oci-error.ts';

const NUMBER = /^\d+$/;

/** What users and groups have in common. */
export interface Account {
  readonly name: string;
  readonly id: number;
  /** Group of a user; members of a group. */
  readonly rest: readonly string[];
}

/** The lines of a file such as passwd(5). */
export function accounts(file: string): readonly Account[] {
  return file.split('\n').flatMap((line) => {
    const [name, , id, ...rest] = line.split(':');
    return name && id !== undefined && NUMBER.test(id) ? [{ name, id: Number(id), rest }] : [];
  });
}

/** Who a process is, and the home directory for HOME. */
export interface FoundUser extends ProcessUser {
  readonly home: string;
}

/**
 * Looks up `user[:group]` and more groups, names or numbers. Empty: the superuser.
 * @param read gives a file of the container as text, empty when there is none
 * @throws OciError for a name that is not there
 */
export function findUser(text: string, read: (path: string) => string, more: readonly string[] = []): FoundUser {
  const [user = '', group] = text.split(':');
  const users = accounts(read('/etc/passwd'));
  const groups = accounts(read('/etc/group'));
  const account = users.find(({ name, id }) => (NUMBER.test(user) ? id === Number(user) : name === (user || 'root')));
  if (!account && user !== '' && !NUMBER.test(user)) throw missing('user', user, '/etc/passwd');
  const uid = account?.id ?? Number(user || 0);
  const gid = group === undefined ? Number(account?.rest[0] ?? 0) : groupId(groups, group);
  const member = account ? groups.filter(({ rest: [members = ''] }) => members.split(',').includes(account.name)) : [];
  // a group that was asked for is the only one
  const own = group === undefined ? member.map(({ id }) => id).filter((id) => id !== gid) : [];
  const additionalGids = [...new Set([...own, ...more.map((name) => groupId(groups, name))])];
  return { uid, gid, additionalGids, home: account?.rest[2] || '/' };
}

function groupId(groups: readonly Account[], group: string): number {
  if (NUMBER.test(group)) return Number(group);
  return (groups.find(({ name }) => name === group) ?? fail(group)).id;
}

function fail(group: string): never {
  throw missing('group', group, '/etc/group');
}

function missing(kind: string, name: string, file: string): OciError {
  return new OciError('not-found', `There is no ${kind} ${name} in ${file} of the container.`);
}
