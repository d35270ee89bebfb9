// The configuration of a container (OCI runtime specification: config.md, config-linux.md), as far as it means something here.

/** Kinds of namespace, by the names of the specification. */
export const NAMESPACES = ['pid', 'network', 'mount', 'ipc', 'uts', 'user', 'cgroup', 'time'] as const;
/** One of them. */
export type NamespaceKind = (typeof NAMESPACES)[number];

export const CAPABILITY_SETS = ['bounding', 'effective', 'inheritable', 'permitted', 'ambient'] as const;
/** A set of capabilities of a thread (capabilities(7)). */
export type CapabilitySet = (typeof CAPABILITY_SETS)[number];

export const SECCOMP_ACTIONS = [
  'SCMP_ACT_KILL',
  'SCMP_ACT_KILL_PROCESS',
  'SCMP_ACT_KILL_THREAD',
  'SCMP_ACT_TRAP',
  'SCMP_ACT_ERRNO',
  'SCMP_ACT_TRACE',
  'SCMP_ACT_ALLOW',
  'SCMP_ACT_LOG',
  'SCMP_ACT_NOTIFY',
] as const;
/** What a filter does with a call (config-linux.md, "Seccomp"). */
export type SeccompAction = (typeof SECCOMP_ACTIONS)[number];

export const SECCOMP_OPERATORS = [
  'SCMP_CMP_NE',
  'SCMP_CMP_LT',
  'SCMP_CMP_LE',
  'SCMP_CMP_EQ',
  'SCMP_CMP_GE',
  'SCMP_CMP_GT',
  'SCMP_CMP_MASKED_EQ',
] as const;
/** How a filter compares an argument. */
export type SeccompOperator = (typeof SECCOMP_OPERATORS)[number];

/** Whose rights a program has, by the IDs inside the container. */
export interface ProcessUser {
  readonly uid: number;
  readonly gid: number;
  readonly umask?: number;
  readonly additionalGids: readonly number[];
}

/** One limit of setrlimit(2). */
export interface ResourceLimit {
  /** Such as RLIMIT_NOFILE. */
  readonly type: string;
  readonly soft: number;
  readonly hard: number;
}

/** The program of a container. */
export interface ProcessSpec {
  readonly terminal: boolean;
  readonly consoleSize?: { readonly height: number; readonly width: number };
  readonly cwd: string;
  readonly env: readonly string[];
  readonly args: readonly string[];
  readonly user: ProcessUser;
  readonly capabilities: Readonly<Partial<Record<CapabilitySet, readonly string[]>>>;
  readonly rlimits: readonly ResourceLimit[];
  readonly noNewPrivileges: boolean;
  readonly oomScoreAdj?: number;
}

/** One mount (config.md, "Mounts"). */
export interface MountSpec {
  readonly destination: string;
  readonly type?: string;
  readonly source?: string;
  readonly options: readonly string[];
}

/** IDs from `containerID` on inside are those from `hostID` on outside (user_namespaces(7)). */
export interface IdMapping {
  readonly containerID: number;
  readonly hostID: number;
  readonly size: number;
}

/** A namespace the container has for itself. */
export interface NamespaceSpec {
  readonly type: NamespaceKind;
  /** Join this one instead of a new one. */
  readonly path?: string;
}

/** Nanoseconds are added to seconds that may be negative. */
export interface ClockOffset {
  readonly seconds: number;
  readonly nanoseconds: number;
}

/** Limits, in the terms of cgroup v2. */
export interface ResourceSpec {
  /** Bytes; -1 for none. */
  readonly memoryLimit?: number;
  readonly memoryReservation?: number;
  readonly memorySwap?: number;
  readonly cpuShares?: number;
  /** Microseconds of each period. */
  readonly cpuQuota?: number;
  readonly cpuPeriod?: number;
  readonly cpuBurst?: number;
  /** 1 for as little as there is. */
  readonly cpuIdle?: number;
  readonly pidsLimit?: number;
  /** 10 to 1000. */
  readonly ioWeight?: number;
  /** Rates by the keys of io.max. */
  readonly ioLimits?: readonly IoLimit[];
  /** Files of cgroup v2 and what is written to them. */
  readonly unified: Readonly<Record<string, string>>;
}

/** One limit of a disk. */
export interface IoLimit {
  readonly key: 'rbps' | 'wbps' | 'riops' | 'wiops';
  readonly major: number;
  readonly minor: number;
  readonly rate: number;
}

/** What has to hold of the argument number `index`; `valueTwo` is for SCMP_CMP_MASKED_EQ. */
export interface SeccompCondition {
  readonly index: number;
  readonly value: number;
  readonly valueTwo: number;
  readonly op: SeccompOperator;
}

/** What happens to calls of these names whose arguments are as all of `args` say. */
export interface SeccompRule {
  readonly names: readonly string[];
  readonly action: SeccompAction;
  readonly errnoRet?: number;
  readonly args: readonly SeccompCondition[];
}

/** A filter of system calls. */
export interface SeccompSpec {
  readonly defaultAction: SeccompAction;
  readonly defaultErrnoRet?: number;
  readonly architectures: readonly string[];
  readonly syscalls: readonly SeccompRule[];
}

/** A device file to be made (config-linux.md, "Devices"). */
export interface DeviceSpec {
  readonly path: string;
  readonly type: string;
  readonly major: number;
  readonly minor: number;
  readonly fileMode: number;
  readonly uid: number;
  readonly gid: number;
}

/** A program that runs at some point of a container's life (config.md, "POSIX-platform Hooks"). */
export interface Hook {
  readonly path: string;
  readonly args: readonly string[];
  readonly env: readonly string[];
  /** Seconds. */
  readonly timeout?: number;
}

export const HOOKS = [
  'prestart',
  'createRuntime',
  'createContainer',
  'startContainer',
  'poststart',
  'poststop',
] as const;
/** When it runs. */
export type HookPoint = (typeof HOOKS)[number];

/** config.json of a bundle. */
export interface RuntimeSpec {
  readonly ociVersion: string;
  readonly root: { readonly path: string; readonly readonly: boolean };
  readonly process: ProcessSpec;
  readonly hostname?: string;
  readonly domainname?: string;
  readonly mounts: readonly MountSpec[];
  readonly namespaces: readonly NamespaceSpec[];
  readonly uidMappings: readonly IdMapping[];
  readonly gidMappings: readonly IdMapping[];
  readonly devices: readonly DeviceSpec[];
  readonly cgroupsPath?: string;
  readonly resources: ResourceSpec;
  readonly seccomp?: SeccompSpec;
  readonly sysctl: Readonly<Record<string, string>>;
  readonly maskedPaths: readonly string[];
  readonly readonlyPaths: readonly string[];
  readonly rootfsPropagation?: string;
  /** Offsets of clocks in a new time namespace. */
  readonly timeOffsets?: { readonly monotonic: ClockOffset; readonly boottime: ClockOffset };
  readonly hooks: Readonly<Partial<Record<HookPoint, readonly Hook[]>>>;
  readonly annotations: Readonly<Record<string, string>>;
}
