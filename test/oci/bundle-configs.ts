// Configurations of bundles in the shapes that other tools write them: umoci unpack --rootless and podman.

interface Config {
  process: Record<string, unknown>;
  linux: Record<string, unknown>;
  [field: string]: unknown;
}

const KERNEL_MOUNTS = [
  { destination: '/proc', type: 'proc', source: 'proc', options: ['nosuid', 'noexec', 'nodev'] },
  {
    destination: '/dev',
    type: 'tmpfs',
    source: 'tmpfs',
    options: ['nosuid', 'strictatime', 'mode=755', 'size=65536k'],
  },
  {
    destination: '/dev/pts',
    type: 'devpts',
    source: 'devpts',
    options: ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', 'gid=5'],
  },
  { destination: '/dev/shm', type: 'tmpfs', source: 'shm', options: ['nosuid', 'nodev', 'mode=1777', 'size=65536k'] },
  { destination: '/dev/mqueue', type: 'mqueue', source: 'mqueue', options: ['nosuid', 'noexec', 'nodev'] },
];

/** As umoci writes it for a user who is not root: one mapping, /sys bound from the host. */
export function umociConfig(args: readonly string[]): Config {
  const uid = process.getuid?.() ?? 0;
  const gid = process.getgid?.() ?? 0;
  return {
    ociVersion: '1.0.2',
    process: {
      user: { uid: 0, gid: 0, additionalGids: [] },
      args,
      env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'TERM=xterm', 'HOME=/root'],
      cwd: '/',
      capabilities: {
        bounding: ['CAP_AUDIT_WRITE', 'CAP_KILL', 'CAP_NET_BIND_SERVICE'],
        effective: ['CAP_AUDIT_WRITE', 'CAP_KILL', 'CAP_NET_BIND_SERVICE'],
        inheritable: [],
        permitted: ['CAP_AUDIT_WRITE', 'CAP_KILL', 'CAP_NET_BIND_SERVICE'],
        ambient: ['CAP_AUDIT_WRITE', 'CAP_KILL', 'CAP_NET_BIND_SERVICE'],
      },
      rlimits: [{ type: 'RLIMIT_NOFILE', hard: 1024, soft: 1024 }],
      noNewPrivileges: true,
    },
    root: { path: 'rootfs' },
    hostname: 'umoci-default',
    mounts: [
      ...KERNEL_MOUNTS,
      {
        destination: '/sys',
        type: 'none',
        source: '/sys',
        options: ['rbind', 'nosuid', 'noexec', 'nodev', 'ro'],
      },
    ],
    annotations: {
      'org.opencontainers.image.architecture': 'amd64',
      'org.opencontainers.image.author': '',
      'org.opencontainers.image.created': '2024-01-02T03:04:05.000000006Z',
      'org.opencontainers.image.exposedPorts': '',
      'org.opencontainers.image.os': 'linux',
      'org.opencontainers.image.stopSignal': '',
    },
    linux: {
      uidMappings: [{ containerID: 0, hostID: uid, size: 1 }],
      gidMappings: [{ containerID: 0, hostID: gid, size: 1 }],
      namespaces: ['pid', 'ipc', 'uts', 'mount', 'user'].map((type) => ({ type })),
      maskedPaths: ['/proc/kcore', '/proc/latency_stats', '/proc/timer_list', '/sys/firmware', '/proc/scsi'],
      readonlyPaths: ['/proc/asound', '/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'],
    },
  };
}

/** As podman writes it: absolute paths, a filter, limits, a directory of its own bound on files. */
export function podmanConfig(args: readonly string[], rootfs: string, userdata: string): Config {
  return {
    ociVersion: '1.2.0',
    process: {
      user: { uid: 0, gid: 0, umask: 0o22 },
      args,
      env: ['PATH=/usr/local/bin:/usr/bin:/bin', 'container=podman', 'HOSTNAME=pod'],
      cwd: '/',
      capabilities: { bounding: ['CAP_CHOWN', 'CAP_KILL'], effective: ['CAP_CHOWN'], permitted: ['CAP_CHOWN'] },
      rlimits: [{ type: 'RLIMIT_NPROC', hard: 100, soft: 100 }],
      oomScoreAdj: 300,
    },
    root: { path: rootfs },
    hostname: 'pod',
    mounts: [
      ...KERNEL_MOUNTS,
      { destination: '/sys', type: 'sysfs', source: 'sysfs', options: ['nosuid', 'noexec', 'nodev', 'ro', 'private'] },
      {
        destination: '/sys/fs/cgroup',
        type: 'cgroup',
        source: 'cgroup',
        options: ['rprivate', 'nosuid', 'noexec', 'nodev', 'relatime', 'ro'],
      },
      { destination: '/etc/hosts', type: 'bind', source: `${userdata}/hosts`, options: ['bind', 'rprivate'] },
    ],
    annotations: { 'io.container.manager': 'libpod', 'io.podman.annotations.autoremove': 'FALSE' },
    linux: {
      sysctl: { 'kernel.domainname': 'pods' },
      resources: {
        devices: [{ allow: false, access: 'rwm' }],
        memory: { limit: 64 << 20, swap: 128 << 20 },
        cpu: { shares: 512, quota: 50_000, period: 100_000 },
        pids: { limit: 20 },
        blockIO: { weight: 500 },
      },
      cgroupsPath: '/libpod_parent/libpod-0123456789',
      namespaces: ['pid', 'network', 'ipc', 'uts', 'mount', 'cgroup'].map((type) => ({ type })),
      seccomp: {
        defaultAction: 'SCMP_ACT_ALLOW',
        architectures: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X32'],
        syscalls: [{ names: ['fchownat', 'chown', 'lchown'], action: 'SCMP_ACT_ERRNO', errnoRet: 38 }],
      },
      maskedPaths: ['/proc/acpi', '/proc/kcore', '/sys/firmware', '/sys/dev/block'],
      readonlyPaths: ['/proc/asound', '/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'],
      rootfsPropagation: 'rprivate',
    },
  };
}
