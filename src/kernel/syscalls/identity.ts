// User and group IDs: setuid(2), setresuid(2), setfsuid(2), getgroups(2), … (credentials(7), user_namespaces(7)).
import { fail } from '../error.ts';
import { type IdKind, NO_ID } from '../ns/user-namespace.ts';
import { commitCredentials, followFileUserId, followUserIds } from '../task/credentials.ts';
import { CAP_SETGID, CAP_SETUID, type Credentials, hasCapability } from '../vfs/permission.ts';
import type { Call } from './call.ts';
import { full, type Implementation, type Implementations, shortIds } from './table.ts';

type IdField = 'uid' | 'euid' | 'suid' | 'fsuid' | 'gid' | 'egid' | 'sgid' | 'fsgid';

const FIELDS: Readonly<Record<IdKind, readonly [real: IdField, effective: IdField, saved: IdField, file: IdField]>> = {
  uid: ['uid', 'euid', 'suid', 'fsuid'],
  gid: ['gid', 'egid', 'sgid', 'fsgid'],
};

const mayChange = (credentials: Credentials, kind: IdKind) =>
  hasCapability(credentials, kind === 'uid' ? CAP_SETUID : CAP_SETGID, credentials.user);

/** Sets IDs; leaving the superuser drops capabilities. */
function setIds(call: Call, kind: IdKind, ids: readonly number[], allowed: readonly (readonly IdField[])[]): number {
  const old = call.task.credentials;
  const fields = FIELDS[kind];
  const next = { ...old };
  ids.forEach((id, n) => {
    if (id === NO_ID) return;
    if (!mayChange(old, kind) && !allowed[n]!.some((field) => old[field] === id)) fail('EPERM');
    next[fields[n]!] = id;
  });
  next[fields[3]] = next[fields[1]];
  if (kind === 'uid') followUserIds(old, next);
  commitCredentials(call.task, next);
  return 0;
}

function setId(kind: IdKind): Implementation {
  return full((call) => {
    const id = call.id(0, kind);
    if (id === NO_ID) fail('EINVAL');
    const [real, , saved] = FIELDS[kind];
    return mayChange(call.task.credentials, kind)
      ? setIds(call, kind, [id, id, id], [])
      : setIds(call, kind, [NO_ID, id, NO_ID], [[], [real, saved], []]);
  });
}

function setReal(kind: IdKind): Implementation {
  return full((call) => {
    const [real, effective] = [call.id(0, kind), call.id(1, kind)];
    const old = call.task.credentials;
    const [r, e, s] = FIELDS[kind];
    const keepsSaved = real === NO_ID && (effective === NO_ID || effective === old[r]);
    const saved = keepsSaved ? NO_ID : effective === NO_ID ? old[e] : effective;
    return setIds(
      call,
      kind,
      [real, effective, saved],
      [
        [r, e],
        [r, e, s],
        [r, e, s],
      ],
    );
  });
}

function setAll(kind: IdKind): Implementation {
  const known = FIELDS[kind].slice(0, 3);
  return full((call) =>
    setIds(call, kind, [call.id(0, kind), call.id(1, kind), call.id(2, kind)], [known, known, known]),
  );
}

function getAll(kind: IdKind): Implementation {
  return full((call) => {
    FIELDS[kind].slice(0, 3).forEach((field, n) => {
      const id = call.shownId(kind, call.task.credentials[field]);
      if (call.hasShortIds) call.write(call.arg(n), Uint8Array.of(id & 0xff, id >> 8));
      else call.writeWord(call.arg(n), id, 4);
    });
    return 0;
  });
}

const get = (kind: IdKind, field: IdField) => full((call) => call.shownId(kind, call.task.credentials[field]));

/** setfsuid(2) tells the old ID whatever happens. */
function setFile(kind: IdKind): Implementation {
  return full((call) => {
    const old = call.task.credentials;
    const field = FIELDS[kind][3];
    const id = call.users.outside(kind, call.arg(0));
    const isKnown = FIELDS[kind].some((name) => old[name] === id);
    if (id !== undefined && id !== old[field] && (isKnown || mayChange(old, kind))) {
      const next = { ...old, [field]: id };
      if (kind === 'uid') followFileUserId(old, next);
      commitCredentials(call.task, next);
    }
    return call.shownId(kind, old[field]);
  });
}

const MOST_GROUPS = 65536;

const getgroups = full((call) => {
  const { groups } = call.task.credentials;
  const [size, list] = [call.arg(0), call.arg(1)];
  if (size < 0 || (size > 0 && size < groups.length)) fail('EINVAL');
  if (size === 0) return groups.length;
  const shown = groups.map((gid) => call.shownId('gid', gid));
  const words = call.hasShortIds ? Uint16Array.from(shown) : Uint32Array.from(shown);
  call.write(list, new Uint8Array(words.buffer));
  return groups.length;
});

const setgroups = full((call) => {
  const { user } = call.task.credentials;
  // without a map, or when denied, a group that is only there to exclude could be dropped
  if (!mayChange(call.task.credentials, 'gid') || user.maps.gid.length === 0 || !user.mayHaveSetgroups) fail('EPERM');
  const count = call.arg(0);
  if (count > MOST_GROUPS) fail('EINVAL');
  const size = call.hasShortIds ? 2 : 4;
  const view = call.view(call.arg(1), count * size);
  const groups = Array.from({ length: count }, (_, n) =>
    user.fromProgram('gid', size === 2 ? view.getUint16(2 * n, true) : view.getUint32(4 * n, true)),
  );
  commitCredentials(call.task, { ...call.task.credentials, groups: groups.sort((a, b) => a - b) });
  return 0;
});

/** The calls of 32-bit IDs: on amd64 all of them, on i386 those with 32 at the end of their names. */
const wide: Implementations = {
  getuid: get('uid', 'uid'),
  geteuid: get('uid', 'euid'),
  getgid: get('gid', 'gid'),
  getegid: get('gid', 'egid'),
  setuid: setId('uid'),
  setgid: setId('gid'),
  setreuid: setReal('uid'),
  setregid: setReal('gid'),
  setresuid: setAll('uid'),
  setresgid: setAll('gid'),
  getresuid: getAll('uid'),
  getresgid: getAll('gid'),
  setfsuid: setFile('uid'),
  setfsgid: setFile('gid'),
  getgroups: getgroups,
  setgroups: setgroups,
};

export const identityCalls: Implementations = Object.fromEntries(
  Object.entries(wide).flatMap(([name, implementation]) => [
    [name, shortIds(implementation)],
    [`${name}32`, implementation],
  ]),
);
