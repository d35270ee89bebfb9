// A container in docker's words: the answer of the Docker Engine API to "Inspect a container" (GET /containers/{id}/json, version
// 1.47), made from its record. What is always so here has the value that says so.
import type { ContainerRecord } from './container-store.ts';
import { GENERATED } from './network-files.ts';
import type { MountSpec, ResourceSpec } from './runtime-spec.ts';
import { volumeName } from './volumes.ts';

/** Go's zero time: it has not happened. */
const NEVER = '0001-01-01T00:00:00Z';

/** Where a container's files are, and what is not in its record. */
export interface ContainerSurroundings {
  /** Where its output is kept. */
  readonly logPath: string;
  /** When its changes were last kept: RFC 3339. */
  readonly changesSaved?: string | undefined;
}

/** Path and arguments, as docker shows a command in one line. */
export function commandLine({ spec }: Pick<ContainerRecord, 'spec'>): string {
  const [path, ...args] = spec.process.args;
  return [path, ...args.map((arg) => (arg.includes(' ') ? `'${arg}'` : arg))].join(' ');
}

/** Directories and files of this computer that a container has, and its own volumes. */
export function volumesOf({ spec }: Pick<ContainerRecord, 'spec'>): readonly MountSpec[] {
  return spec.mounts.filter(
    (mount) => mount.type === 'bind' && (volumeName(mount) !== undefined || !mount.source?.startsWith(GENERATED)),
  );
}

/** All that docker tells of a container; behind it, with names of our own, the configuration it is made from. */
export function describeContainer(record: ContainerRecord, around: ContainerSurroundings) {
  const { id, created, spec, image, name } = record;
  const [path = '', ...args] = spec.process.args;
  return {
    Id: id,
    Created: created,
    Path: path,
    Args: args,
    State: stateOf(record),
    Image: image.id,
    LogPath: around.logPath,
    Name: `/${name}`,
    RestartCount: 0,
    Driver: 'overlay',
    Platform: 'linux',
    MountLabel: '',
    ProcessLabel: '',
    AppArmorProfile: '',
    ExecIDs: null,
    HostConfig: hostConfig(record),
    Mounts: volumesOf(record).map(mountPoint),
    Config: configOf(record),
    NetworkSettings: { Ports: {}, Networks: {} },
    Spec: spec,
    MachineMemory: record.memory,
    ChangesSaved: around.changesSaved ?? null,
  };
}

function stateOf(record: ContainerRecord) {
  const { state, runner, startedAt, finishedAt, exitCode, oomKilled, error } = record;
  return {
    Status: state,
    Running: state === 'running' || state === 'paused',
    Paused: state === 'paused',
    Restarting: false,
    OOMKilled: oomKilled === true,
    Dead: false,
    Pid: runner?.pid ?? 0,
    ExitCode: exitCode ?? 0,
    Error: error ?? '',
    StartedAt: startedAt ?? NEVER,
    FinishedAt: finishedAt ?? NEVER,
  };
}

/** Limits and rights: what `docker run` takes beside the image and the command. */
function hostConfig({ spec, autoRemove, request }: ContainerRecord) {
  const { resources, process } = spec;
  return {
    Binds: request.binds,
    LogConfig: { Type: 'json-file', Config: {} },
    NetworkMode: 'none',
    PortBindings: {},
    RestartPolicy: { Name: 'no', MaximumRetryCount: 0 },
    AutoRemove: autoRemove,
    CapAdd: request.capAdd,
    CapDrop: request.capDrop,
    CgroupnsMode: 'private',
    ExtraHosts: request.extraHosts,
    GroupAdd: request.groups,
    IpcMode: 'private',
    PidMode: '',
    UTSMode: '',
    UsernsMode: '',
    OomScoreAdj: process.oomScoreAdj ?? 0,
    Privileged: request.privileged,
    PublishAllPorts: false,
    ReadonlyRootfs: spec.root.readonly,
    SecurityOpt: request.securityOpt,
    ShmSize: sharedMemory(spec.mounts),
    Sysctls: spec.sysctl,
    Runtime: 'anillo',
    ...limitsOf(resources),
    Ulimits: process.rlimits.map(({ type, soft, hard }) => ({
      Name: type.replace('RLIMIT_', '').toLowerCase(),
      Soft: ulimit(soft),
      Hard: ulimit(hard),
    })),
    MaskedPaths: spec.maskedPaths,
    ReadonlyPaths: spec.readonlyPaths,
  };
}

/** Bytes of /dev/shm. */
function sharedMemory(mounts: readonly MountSpec[]): number {
  const { options } = mounts.find(({ destination }) => destination === '/dev/shm') ?? { options: [] };
  return Number(options.find((option) => option.startsWith('size='))?.slice('size='.length) ?? 0);
}

/** A limit of a process; -1 for none. */
function ulimit(value: number): number {
  return value >= 2 ** 63 ? -1 : value;
}

function limitsOf({ memoryLimit, memoryReservation, memorySwap, ioWeight, unified, ...cpu }: ResourceSpec) {
  const { cpuShares, cpuQuota, cpuPeriod, pidsLimit } = cpu;
  return {
    Memory: memoryLimit ?? 0,
    MemoryReservation: memoryReservation ?? 0,
    MemorySwap: memorySwap ?? 0,
    CpuShares: cpuShares ?? 0,
    NanoCpus: cpuQuota && cpuPeriod && cpuQuota > 0 ? Math.round((cpuQuota / cpuPeriod) * 1e9) : 0,
    CpuPeriod: cpuPeriod ?? 0,
    CpuQuota: cpuQuota ?? 0,
    CpusetCpus: unified['cpuset.cpus'] ?? '',
    BlkioWeight: ioWeight ?? 0,
    PidsLimit: pidsLimit ?? null,
  };
}

/** What a volume has as its source is in no directory of this computer. */
function mountPoint(mount: MountSpec) {
  const { source, destination, options } = mount;
  const [name, isWritable] = [volumeName(mount), !options.includes('ro')];
  if (name !== undefined) {
    const Mode = isWritable ? '' : 'ro';
    return {
      Type: 'volume',
      Name: name,
      Source: '',
      Destination: destination,
      Driver: 'local',
      Mode,
      RW: isWritable,
      Propagation: '',
    };
  }
  return {
    Type: 'bind',
    Source: source ?? '',
    Destination: destination,
    Mode: options.filter((option) => option !== 'bind').join(','),
    RW: isWritable,
    Propagation: 'rprivate',
  };
}

/** What an image could have said as well. */
function configOf({ spec, user, openStdin, image, labels, stopSignal, request }: ContainerRecord) {
  const { process, hostname, domainname } = spec;
  return {
    Hostname: hostname ?? '',
    Domainname: domainname ?? '',
    User: user,
    AttachStdin: openStdin,
    AttachStdout: true,
    AttachStderr: true,
    Tty: process.terminal,
    OpenStdin: openStdin,
    StdinOnce: openStdin,
    Env: process.env,
    Cmd: request.command.length > 0 ? request.command : null,
    Image: image.name,
    Volumes: request.volumes?.length ? Object.fromEntries(request.volumes.map((path) => [path, {}])) : null,
    WorkingDir: process.cwd,
    Entrypoint: request.entrypoint.length > 0 ? request.entrypoint : null,
    Labels: labels,
    StopSignal: stopSignal,
    StopTimeout: request.stopTimeout ?? null,
  };
}
