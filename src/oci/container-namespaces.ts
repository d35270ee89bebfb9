// The namespaces of a container (OCI runtime specification, "Namespaces", "User namespace mappings"): new ones as its
// configuration asks for, else those of the kernel it runs in, which is the container's own.
import type { Cgroup } from '../kernel/cgroup/cgroup.ts';
import { SystemError } from '../kernel/error.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { NetNamespace } from '../kernel/net/namespace.ts';
import { CgroupNamespace } from '../kernel/ns/cgroup-namespace.ts';
import { IpcNamespace } from '../kernel/ns/ipc-namespace.ts';
import type { MountNamespace } from '../kernel/ns/mount-namespace.ts';
import type { Namespaces } from '../kernel/ns/namespaces.ts';
import { PidNamespace } from '../kernel/ns/pid-namespace.ts';
import { TimeNamespace } from '../kernel/ns/time-namespace.ts';
import { UserNamespace } from '../kernel/ns/user-namespace.ts';
import { UtsNamespace } from '../kernel/ns/uts-namespace.ts';
import { encodeText } from '../kernel/syscalls/text.ts';
import { OciError } from './oci-error.ts';
import type { IdMapping, NamespaceKind, RuntimeSpec } from './runtime-spec.ts';

/** Bytes of a name of the system. */
const LONGEST_NAME = 64;

/** @throws OciError for a namespace that should be joined: there is nobody else in this kernel */
export function checkNamespaces({ namespaces, timeOffsets }: RuntimeSpec): void {
  if (timeOffsets && !namespaces.some(({ type }) => type === 'time'))
    throw new OciError('bad-option', 'linux.timeOffsets needs a new time namespace in linux.namespaces.');
  const seen = new Set<NamespaceKind>();
  for (const { type, path } of namespaces) {
    if (seen.has(type)) throw new OciError('bad-option', `The ${type} namespace is in the configuration twice.`);
    seen.add(type);
    if (path === undefined) continue;
    throw new OciError(
      'unsupported',
      `Joining the ${type} namespace ${path} is not supported: every container has a kernel of its own, and that ` +
        `namespace is on this computer or in another container's; without the path the container gets a new one.`,
    );
  }
}

/** The user namespace of a container. */
export function userNamespace(kernel: Kernel, spec: RuntimeSpec): UserNamespace {
  if (!spec.namespaces.some(({ type }) => type === 'user')) return kernel.users;
  const user = new UserNamespace(kernel.nextNamespace(), kernel.users, {
    uid: 0,
    gid: 0,
    couldSetFileCapabilities: true,
  });
  const ranges = (mappings: readonly IdMapping[]) =>
    mappings.map(({ containerID, hostID, size }) => ({ first: containerID, outside: hostID, count: size }));
  user.maps.uid = ranges(spec.uidMappings);
  user.maps.gid = ranges(spec.gidMappings);
  return user;
}

/** A network whose loopback interface is switched on, as runtimes do: programs of a container talk to each other over it. */
function newNetwork(number: number, user: UserNamespace): NetNamespace {
  const net = new NetNamespace(number, user);
  net.loopback.setUp(true);
  return net;
}

/** @throws OciError for a name that is longer than uname(2) can tell */
function checkedName(field: string, name: string): string {
  if (encodeText(name).length <= LONGEST_NAME && !name.includes('\0')) return name;
  throw new OciError('bad-option', `The ${field} ${JSON.stringify(name.slice(0, 20))}… has more than 64 bytes.`);
}

function setOffsets(kernel: Kernel, time: TimeNamespace, offsets: NonNullable<RuntimeSpec['timeOffsets']>): void {
  const line = (clock: 'monotonic' | 'boottime') => `${clock} ${offsets[clock].seconds} ${offsets[clock].nanoseconds}`;
  try {
    time.setOffsets(`${line('monotonic')}\n${line('boottime')}`, kernel.monotonic);
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    throw new OciError('bad-option', 'linux.timeOffsets moves a clock further than it can go.');
  }
}

/** All namespaces of a container. */
export function namespacesFor(
  kernel: Kernel,
  spec: RuntimeSpec,
  { mnt, user, cgroup }: { readonly mnt: MountNamespace; readonly user: UserNamespace; readonly cgroup: Cgroup },
): Namespaces {
  const { first } = kernel;
  const isNew = (kind: NamespaceKind) => spec.namespaces.some(({ type }) => type === kind);
  const number = () => kernel.nextNamespace();
  const pid = isNew('pid') ? new PidNamespace(number(), user, kernel.pids) : kernel.pids;
  const uts = isNew('uts') ? new UtsNamespace(number(), user, first.uts) : first.uts;
  if (spec.hostname !== undefined) uts.hostname = checkedName('hostname', spec.hostname);
  if (spec.domainname !== undefined) uts.domainname = checkedName('domainname', spec.domainname);
  const time = isNew('time') ? new TimeNamespace(number(), user, first.time) : first.time;
  if (spec.timeOffsets) setOffsets(kernel, time, spec.timeOffsets);
  return {
    mnt,
    pid,
    pidForChildren: pid,
    uts,
    ipc: isNew('ipc') ? new IpcNamespace(number(), user) : first.ipc,
    net: isNew('network') ? newNetwork(number(), user) : first.net,
    cgroup: isNew('cgroup') ? new CgroupNamespace(number(), user, cgroup) : first.cgroup,
    time,
    timeForChildren: time,
  };
}
