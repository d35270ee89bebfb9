// The configuration that `anillo oci spec` writes to begin with: that of runc-spec(8), in the file's own shape.
import { ALL_CAPABILITY_NAMES } from './capability-names.ts';
import { OCI_VERSION } from './bundle-state.ts';

/** Capabilities of the example. */
const CAPABILITIES = ALL_CAPABILITY_NAMES.filter((name) =>
  ['CAP_AUDIT_WRITE', 'CAP_KILL', 'CAP_NET_BIND_SERVICE'].includes(name),
);
const NAMESPACES = ['pid', 'network', 'ipc', 'uts', 'mount', 'cgroup'];

const mount = (destination: string, type: string, source: string, options: readonly string[]) => ({
  destination,
  type,
  source,
  ...(options.length > 0 ? { options } : {}),
});

/** `ids`: the user that root of the container is outside, in a user namespace. */
export function specTemplate(ids?: { readonly uid: number; readonly gid: number }): object {
  const namespaces = [...NAMESPACES, ...(ids ? ['user'] : [])];
  const mapping = (hostID: number) => [{ containerID: 0, hostID, size: 1 }];
  return {
    ociVersion: OCI_VERSION,
    process: {
      terminal: true,
      user: { uid: 0, gid: 0 },
      args: ['sh'],
      env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'TERM=xterm'],
      cwd: '/',
      capabilities: { bounding: CAPABILITIES, effective: CAPABILITIES, permitted: CAPABILITIES },
      rlimits: [{ type: 'RLIMIT_NOFILE', hard: 1024, soft: 1024 }],
      noNewPrivileges: true,
    },
    root: { path: 'rootfs', readonly: true },
    hostname: 'anillo',
    mounts: [
      mount('/proc', 'proc', 'proc', []),
      mount('/dev', 'tmpfs', 'tmpfs', ['nosuid', 'strictatime', 'mode=755', 'size=65536k']),
      mount('/dev/pts', 'devpts', 'devpts', ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620']),
      mount('/dev/shm', 'tmpfs', 'shm', ['nosuid', 'noexec', 'nodev', 'mode=1777', 'size=65536k']),
      mount('/dev/mqueue', 'mqueue', 'mqueue', ['nosuid', 'noexec', 'nodev']),
      mount('/sys', 'sysfs', 'sysfs', ['nosuid', 'noexec', 'nodev', 'ro']),
      mount('/sys/fs/cgroup', 'cgroup', 'cgroup', ['nosuid', 'noexec', 'nodev', 'relatime', 'ro']),
    ],
    linux: {
      ...(ids ? { uidMappings: mapping(ids.uid), gidMappings: mapping(ids.gid) } : {}),
      namespaces: namespaces.map((type) => ({ type })),
      maskedPaths: [
        '/proc/acpi',
        '/proc/asound',
        '/proc/kcore',
        '/proc/keys',
        '/proc/latency_stats',
        '/proc/timer_list',
        '/proc/timer_stats',
        '/proc/sched_debug',
        '/sys/firmware',
        '/proc/scsi',
      ],
      readonlyPaths: ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'],
    },
  };
}
