// Who a process of a container is (OCI runtime specification, "Process": user, capabilities, noNewPrivileges).
import type { UserNamespace } from '../kernel/ns/user-namespace.ts';
import { type Credentials, rootCredentials } from '../kernel/vfs/permission.ts';
import { ALL_CAPABILITY_NAMES } from './capability-names.ts';
import { OciError } from './oci-error.ts';
import type { CapabilitySet, ProcessSpec } from './runtime-spec.ts';

/** The superuser of a user namespace: who makes a container ready. */
export function superuserOf(namespace: UserNamespace): Credentials {
  const uid = namespace.outside('uid', 0) ?? 0;
  const gid = namespace.outside('gid', 0) ?? 0;
  return {
    ...rootCredentials(namespace),
    ...{ uid, euid: uid, suid: uid, fsuid: uid },
    ...{ gid, egid: gid, sgid: gid, fsgid: gid },
  };
}

/**
 * Credentials of a process. IDs of the configuration are those inside the user namespace.
 * @throws OciError for an ID that is not mapped, or a capability there is not
 */
export function credentialsFor(
  { user, capabilities, noNewPrivileges }: ProcessSpec,
  namespace: UserNamespace,
): Credentials {
  const uid = outside(namespace, 'uid', user.uid);
  const gid = outside(namespace, 'gid', user.gid);
  const set = (name: CapabilitySet) => capabilityBits(capabilities[name] ?? []);
  // what is not permitted and inheritable too cannot be ambient (capabilities(7))
  const ambient = set('ambient') & set('permitted') & set('inheritable');
  // whoever is not the superuser starts with ambient capabilities only
  const own = (name: CapabilitySet) => (user.uid === 0 ? set(name) : ambient);
  return {
    ...rootCredentials(namespace),
    uid,
    euid: uid,
    suid: uid,
    fsuid: uid,
    gid,
    egid: gid,
    sgid: gid,
    fsgid: gid,
    groups: user.additionalGids.map((id) => outside(namespace, 'gid', id)),
    permitted: own('permitted'),
    effective: own('effective'),
    inheritable: set('inheritable'),
    bounding: set('bounding'),
    ambient,
    noNewPrivileges,
  };
}

function outside(namespace: UserNamespace, kind: 'uid' | 'gid', id: number): number {
  const found = namespace.outside(kind, id);
  if (found !== undefined) return found;
  throw new OciError('bad-option', `The ${kind} ${id} is not mapped in the user namespace of the container.`);
}

function capabilityBits(names: readonly string[]): bigint {
  return names.reduce((bits, name) => {
    const number = ALL_CAPABILITY_NAMES.indexOf(name);
    if (number < 0) throw new OciError('bad-option', `There is no capability ${name} (capabilities(7) lists them).`);
    return bits | (1n << BigInt(number));
  }, 0n);
}
