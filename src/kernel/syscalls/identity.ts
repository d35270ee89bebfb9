// User and group IDs, capabilities, prctl(2): credentials(7), capabilities(7).
import { fail } from '../error.ts';
import {
  ALL_CAPABILITIES,
  CAP_SETGID,
  CAP_SETPCAP,
  CAP_SETUID,
  type Credentials,
  hasCapability,
} from '../vfs/permission.ts';
import { CAP_COUNT } from '../vfs/permission.ts';
import type { Call } from './call.ts';
import { encodeText } from './text.ts';
import { full, type Implementation, type Implementations, partial } from './table.ts';

const UNCHANGED = 0xffff_ffff;
type Id = 'uid' | 'gid';
type IdField = 'uid' | 'euid' | 'suid' | 'fsuid' | 'gid' | 'egid' | 'sgid' | 'fsgid';

const FIELDS: Readonly<Record<Id, readonly [real: IdField, effective: IdField, saved: IdField, file: IdField]>> = {
  uid: ['uid', 'euid', 'suid', 'fsuid'],
  gid: ['gid', 'egid', 'sgid', 'fsgid'],
};

const mayChange = (credentials: Credentials, kind: Id) =>
  hasCapability(credentials, kind === 'uid' ? CAP_SETUID : CAP_SETGID);

/** Sets IDs; leaving user 0 drops capabilities (capabilities(7) "Effect of user ID changes on capabilities"). */
function setIds(call: Call, kind: Id, ids: readonly [real: number, effective: number, saved: number]): number {
  const old = call.task.credentials;
  const fields = FIELDS[kind];
  const next = { ...old };
  const known = fields.slice(0, 3).map((field) => old[field]);
  ids.forEach((id, n) => {
    if (id === UNCHANGED) return;
    if (!mayChange(old, kind) && !known.includes(id)) fail('EPERM');
    next[fields[n]!] = id;
  });
  next[fields[3]] = next[fields[1]];
  if (kind === 'uid') adjustCapabilities(old, next);
  call.task.credentials = next;
  return 0;
}

function adjustCapabilities(old: Credentials, next: Credentials): void {
  const hadRoot = [old.uid, old.euid, old.suid].includes(0);
  const hasRoot = [next.uid, next.euid, next.suid].includes(0);
  if (hadRoot && !hasRoot) {
    next.permitted = 0n;
    next.ambient = 0n;
  }
  if (old.euid === 0 && next.euid !== 0) next.effective = 0n;
  if (old.euid !== 0 && next.euid === 0) next.effective = next.permitted;
  if (!hasRoot && hadRoot) next.effective = 0n;
}

function setId(kind: Id): Implementation {
  return full((call) => {
    const id = call.arg(0);
    return mayChange(call.task.credentials, kind)
      ? setIds(call, kind, [id, id, id])
      : setIds(call, kind, [UNCHANGED, id, UNCHANGED]);
  });
}

function setReal(kind: Id): Implementation {
  return full((call) => {
    const [real, effective] = [call.arg(0), call.arg(1)];
    const old = call.task.credentials;
    const oldReal = old[FIELDS[kind][0]];
    const keepsSaved = real === UNCHANGED && (effective === UNCHANGED || effective === oldReal);
    const saved = keepsSaved ? UNCHANGED : effective === UNCHANGED ? old[FIELDS[kind][1]] : effective;
    return setIds(call, kind, [real, effective, saved]);
  });
}

const setAll = (kind: Id) => full((call) => setIds(call, kind, [call.arg(0), call.arg(1), call.arg(2)]));

function getAll(kind: Id): Implementation {
  return full((call) => {
    FIELDS[kind].slice(0, 3).forEach((field, n) => {
      call.writeWord(call.arg(n), call.task.credentials[field], 4);
    });
    return 0;
  });
}

const get = (field: IdField) => full((call) => call.task.credentials[field]);

function setFile(kind: Id): Implementation {
  return full((call) => {
    const old = call.task.credentials;
    const field = FIELDS[kind][3];
    const known = FIELDS[kind].map((name) => old[name]);
    const id = call.arg(0);
    if (known.includes(id) || mayChange(old, kind)) call.task.credentials = { ...old, [field]: id };
    return old[field];
  });
}

const MOST_GROUPS = 65536;

const getgroups = full((call) => {
  const { groups } = call.task.credentials;
  const size = call.arg(0);
  if (size < 0 || (size > 0 && size < groups.length)) fail('EINVAL');
  if (size > 0) for (const [n, gid] of groups.entries()) call.writeWord(call.arg(1) + 4 * n, gid, 4);
  return groups.length;
});

const setgroups = full((call) => {
  if (!mayChange(call.task.credentials, 'gid')) fail('EPERM');
  const count = call.arg(0);
  if (count > MOST_GROUPS) fail('EINVAL');
  const groups = Array.from({ length: count }, (_, n) => call.readWord(call.arg(1) + 4 * n, 4));
  call.task.credentials = { ...call.task.credentials, groups };
  return 0;
});

const CAPABILITY_VERSION_1 = 0x1998_0330;
const CAPABILITY_VERSION_3 = 0x2008_0522;

/** Words of a capability set the header's version has; the preferred version is written back for an unknown one. */
function capabilityWords(call: Call): number {
  const version = call.readWord(call.arg(0), 4);
  if (version === CAPABILITY_VERSION_1) return 1;
  if (version === CAPABILITY_VERSION_3 || version === 0x2007_1026) return 2;
  call.writeWord(call.arg(0), CAPABILITY_VERSION_3, 4);
  return fail('EINVAL');
}

function capget(call: Call): number {
  const words = capabilityWords(call);
  const pid = call.readWord(call.arg(0) + 4, 4) | 0;
  if (pid < 0) fail('EINVAL');
  const task = pid === 0 ? call.task : (call.pids.tasks.get(pid) ?? fail('ESRCH'));
  if (call.arg(1) === 0) return 0;
  const { effective, permitted, inheritable } = task.credentials;
  for (let n = 0; n < words; n++) {
    [effective, permitted, inheritable].forEach((set, m) => {
      call.writeWord(call.arg(1) + 12 * n + 4 * m, (set >> BigInt(32 * n)) & 0xffff_ffffn, 4);
    });
  }
  return 0;
}

function capset(call: Call): number {
  const words = capabilityWords(call);
  const pid = call.readWord(call.arg(0) + 4, 4) | 0;
  if (pid !== 0 && pid !== call.task.tid) fail('EPERM');
  const set = (m: number) => {
    let bits = 0n;
    for (let n = 0; n < words; n++) bits |= BigInt(call.readWord(call.arg(1) + 12 * n + 4 * m, 4)) << BigInt(32 * n);
    return bits & ALL_CAPABILITIES;
  };
  const [effective, permitted, inheritable] = [set(0), set(1), set(2)] as [bigint, bigint, bigint];
  const old = call.task.credentials;
  if (permitted & ~old.permitted || effective & ~permitted) fail('EPERM');
  if (inheritable & ~(old.inheritable | old.permitted) && !hasCapability(old, CAP_SETPCAP)) fail('EPERM');
  call.task.credentials = { ...old, effective, permitted, inheritable, ambient: old.ambient & permitted & inheritable };
  return 0;
}

const PR_SET_PDEATHSIG = 1;
const PR_GET_DUMPABLE = 3;
const PR_SET_DUMPABLE = 4;
const PR_SET_NAME = 15;
const PR_GET_NAME = 16;
const PR_CAPBSET_READ = 23;
const PR_CAPBSET_DROP = 24;
const PR_SET_CHILD_SUBREAPER = 36;
const PR_GET_CHILD_SUBREAPER = 37;
const PR_SET_NO_NEW_PRIVS = 38;
const PR_GET_NO_NEW_PRIVS = 39;
const NAME_SIZE = 16;

function prctl(call: Call): number {
  const { task } = call;
  const argument = call.arg(1);
  switch (call.arg(0)) {
    case PR_SET_NAME:
      task.name = call.string(argument, 4096, 'EINVAL').slice(0, NAME_SIZE - 1);
      return 0;
    case PR_GET_NAME: {
      const bytes = new Uint8Array(NAME_SIZE);
      bytes.set(encodeText(task.name).subarray(0, NAME_SIZE - 1));
      call.write(argument, bytes);
      return 0;
    }
    case PR_GET_DUMPABLE:
      return 1;
    case PR_SET_DUMPABLE:
    case PR_SET_PDEATHSIG:
      return 0;
    case PR_CAPBSET_READ:
      return argument < CAP_COUNT ? Number((task.credentials.bounding >> BigInt(argument)) & 1n) : fail('EINVAL');
    case PR_CAPBSET_DROP:
      if (!hasCapability(task.credentials, CAP_SETPCAP)) fail('EPERM');
      if (argument >= CAP_COUNT) fail('EINVAL');
      task.credentials = { ...task.credentials, bounding: task.credentials.bounding & ~(1n << BigInt(argument)) };
      return 0;
    case PR_SET_CHILD_SUBREAPER:
      task.group.isSubreaper = argument !== 0;
      return 0;
    case PR_GET_CHILD_SUBREAPER:
      call.writeWord(argument, task.group.isSubreaper ? 1 : 0, 4);
      return 0;
    case PR_SET_NO_NEW_PRIVS:
      if (argument !== 1) fail('EINVAL');
      task.credentials = { ...task.credentials, noNewPrivileges: true };
      return 0;
    case PR_GET_NO_NEW_PRIVS:
      return task.credentials.noNewPrivileges ? 1 : 0;
    default:
      return fail('EINVAL');
  }
}

export const identityCalls: Implementations = {
  getuid: get('uid'),
  getuid32: get('uid'),
  geteuid: get('euid'),
  geteuid32: get('euid'),
  getgid: get('gid'),
  getgid32: get('gid'),
  getegid: get('egid'),
  getegid32: get('egid'),
  setuid: setId('uid'),
  setuid32: setId('uid'),
  setgid: setId('gid'),
  setgid32: setId('gid'),
  setreuid: setReal('uid'),
  setreuid32: setReal('uid'),
  setregid: setReal('gid'),
  setregid32: setReal('gid'),
  setresuid: setAll('uid'),
  setresuid32: setAll('uid'),
  setresgid: setAll('gid'),
  setresgid32: setAll('gid'),
  getresuid: getAll('uid'),
  getresuid32: getAll('uid'),
  getresgid: getAll('gid'),
  getresgid32: getAll('gid'),
  setfsuid: setFile('uid'),
  setfsuid32: setFile('uid'),
  setfsgid: setFile('gid'),
  setfsgid32: setFile('gid'),
  getgroups,
  getgroups32: getgroups,
  setgroups,
  setgroups32: setgroups,
  capget: full(capget),
  capset: full(capset),
  prctl: partial('operations this kernel has no use for fail with EINVAL', prctl),
};
