// The configuration of a container made from an image: what docker(1) gives a container unless it is told otherwise, as a
// configuration of the OCI runtime specification (its "Conversion to OCI Runtime Configuration" of the image specification).
import { ALL_CAPABILITY_NAMES } from './capability-names.ts';
import { defaultSeccomp } from './default-seccomp.ts';
import type { ImageConfig } from './documents.ts';
import { OciError } from './oci-error.ts';
import type { MountSpec, NamespaceKind, ProcessSpec, ResourceSpec, RuntimeSpec, SeccompSpec } from './runtime-spec.ts';

/** What a user asked for; the rest comes from the image. */
export interface ContainerOptions {
  /** Replaces the image's entry point; one empty text removes it. */
  readonly entrypoint?: string;
  /** Replaces the image's command. */
  readonly command: readonly string[];
  readonly env: readonly string[];
  readonly hostname: string;
  readonly domainname?: string;
  readonly workdir?: string;
  /** Numbers or names; names are looked up in the container's files. */
  readonly user?: string;
  readonly terminal: boolean;
  readonly readOnly: boolean;
  readonly mounts: readonly MountSpec[];
  /** All capabilities, no filter, nothing hidden or read-only. */
  readonly privileged?: boolean;
  readonly capAdd: readonly string[];
  readonly capDrop: readonly string[];
  readonly noNewPrivileges: boolean;
  /** Undefined: the default filter. */
  readonly seccomp?: SeccompSpec | 'unconfined';
  readonly resources: ResourceSpec;
  /** Kernel parameters. */
  readonly sysctl?: Readonly<Record<string, string>>;
  readonly oomScoreAdj?: number;
  readonly rlimits?: ProcessSpec['rlimits'];
  /** Bytes of /dev/shm. */
  readonly shmSize?: number;
}

/** Capabilities of a container's root (docker-run(1) "Runtime privilege and Linux capabilities"). */
export const CONTAINER_CAPABILITIES = [
  'CAP_AUDIT_WRITE',
  'CAP_CHOWN',
  'CAP_DAC_OVERRIDE',
  'CAP_FOWNER',
  'CAP_FSETID',
  'CAP_KILL',
  'CAP_MKNOD',
  'CAP_NET_BIND_SERVICE',
  'CAP_NET_RAW',
  'CAP_SETFCAP',
  'CAP_SETGID',
  'CAP_SETPCAP',
  'CAP_SETUID',
  'CAP_SYS_CHROOT',
];

const KERNEL_MOUNTS: readonly MountSpec[] = [
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
  { destination: '/dev/mqueue', type: 'mqueue', source: 'mqueue', options: ['nosuid', 'noexec', 'nodev'] },
  { destination: '/sys', type: 'sysfs', source: 'sysfs', options: ['nosuid', 'noexec', 'nodev', 'ro'] },
  {
    destination: '/sys/fs/cgroup',
    type: 'cgroup2',
    source: 'cgroup',
    options: ['nosuid', 'noexec', 'nodev', 'ro'],
  },
];
const SHM_BYTES = 64 << 20;

function sharedMemory(size = SHM_BYTES): MountSpec {
  const options = ['nosuid', 'noexec', 'nodev', 'mode=1777', `size=${size}`];
  return { destination: '/dev/shm', type: 'tmpfs', source: 'shm', options };
}

const MASKED = ['/proc/kcore', '/proc/keys', '/proc/timer_list', '/proc/sched_debug', '/proc/scsi', '/sys/firmware'];
const READ_ONLY = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'];
const KINDS: readonly NamespaceKind[] = ['mount', 'uts', 'ipc', 'pid', 'network', 'cgroup'];
const PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/**
 * The configuration of a container of an image. Its user is left to the start: names are in files of the image.
 * @throws OciError when there is nothing to run, or a capability is unknown
 */
export function defaultSpec({ config }: Pick<ImageConfig, 'config'>, options: ContainerOptions): RuntimeSpec {
  const capabilities = capabilitiesOf(options);
  const seccomp = options.seccomp ?? (options.privileged ? 'unconfined' : defaultSeccomp(capabilities));
  return {
    ociVersion: '1.2.0',
    root: { path: 'rootfs', readonly: options.readOnly },
    process: {
      terminal: options.terminal,
      cwd: options.workdir ?? config.WorkingDir ?? '/',
      env: environment(config.Env ?? [], options),
      args: argumentsOf(config, options),
      user: { uid: 0, gid: 0, additionalGids: [] },
      capabilities: { bounding: capabilities, effective: capabilities, permitted: capabilities },
      rlimits: options.rlimits ?? [],
      noNewPrivileges: options.noNewPrivileges,
      ...(options.oomScoreAdj === undefined ? {} : { oomScoreAdj: options.oomScoreAdj }),
    },
    hostname: options.hostname,
    ...(options.domainname === undefined ? {} : { domainname: options.domainname }),
    mounts: mountsOf(options),
    namespaces: KINDS.map((type) => ({ type })),
    uidMappings: [],
    gidMappings: [],
    devices: [],
    resources: options.resources,
    ...(seccomp === 'unconfined' ? {} : { seccomp }),
    sysctl: options.sysctl ?? {},
    maskedPaths: options.privileged ? [] : MASKED,
    readonlyPaths: options.privileged ? [] : READ_ONLY,
    hooks: {},
    annotations: {},
  };
}

/** A mount that a user asked for takes the place of one that would be there anyway. */
function mountsOf({ mounts, shmSize, privileged }: ContainerOptions): readonly MountSpec[] {
  const replaced = new Set(mounts.map(({ destination }) => destination));
  const usual = [...KERNEL_MOUNTS, sharedMemory(shmSize)].filter(({ destination }) => !replaced.has(destination));
  const writable = (mount: MountSpec) => ({ ...mount, options: mount.options.filter((option) => option !== 'ro') });
  return [...(privileged === true ? usual.map(writable) : usual), ...mounts];
}

/** The program of a container in the two parts that images have it in: entry point, and command or arguments. */
export function programOf(
  config: ImageConfig['config'],
  { entrypoint, command }: Pick<ContainerOptions, 'entrypoint' | 'command'>,
): { readonly entrypoint: readonly string[]; readonly command: readonly string[] } {
  const replaced = entrypoint === undefined ? undefined : entrypoint === '' ? [] : [entrypoint];
  // a new entry point has other arguments than the one of the image
  const usual = replaced === undefined ? (config.Cmd ?? []) : [];
  return { entrypoint: replaced ?? config.Entrypoint ?? [], command: command.length > 0 ? command : usual };
}

function argumentsOf(config: ImageConfig['config'], options: ContainerOptions): readonly string[] {
  const { entrypoint, command } = programOf(config, options);
  const args = [...entrypoint, ...command];
  if (args.length === 0) throw new OciError('nothing-to-run', 'The image names no command: give one behind its name.');
  return args;
}

/** Later settings of a variable replace earlier ones. */
function environment(ofImage: readonly string[], { env, hostname, terminal }: ContainerOptions): readonly string[] {
  const all = [PATH, `HOSTNAME=${hostname}`, ...(terminal ? ['TERM=xterm'] : []), ...ofImage, ...env];
  const byName = new Map(all.map((setting) => [setting.split('=', 1)[0]!, setting]));
  return [...byName.values()];
}

function capabilitiesOf({ capAdd, capDrop, privileged }: ContainerOptions): readonly string[] {
  const added = [...capAdd, ...(privileged ? ['ALL'] : [])].map(capabilityName);
  const dropped = capDrop.map(capabilityName);
  const base = dropped.includes('CAP_ALL')
    ? []
    : added.includes('CAP_ALL')
      ? ALL_CAPABILITY_NAMES
      : CONTAINER_CAPABILITIES;
  const all = [...base, ...added.filter((name) => name !== 'CAP_ALL')];
  return [...new Set(all)].filter((name) => !dropped.includes(name));
}

/** `net_admin`, `NET_ADMIN` and `CAP_NET_ADMIN` are the same. */
function capabilityName(text: string): string {
  const name = text.toUpperCase().replace(/^(CAP_)?/, 'CAP_');
  if (name === 'CAP_ALL' || ALL_CAPABILITY_NAMES.includes(name)) return name;
  throw new OciError('bad-option', `There is no capability ${text} (capabilities(7) lists them).`);
}
