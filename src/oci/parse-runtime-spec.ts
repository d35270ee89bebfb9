// Reading the configuration of a container (OCI runtime specification: config.md, config-linux.md): it is checked when it is read.
// Fields that mean nothing here are ignored if they only describe; those that ask for something that is not there are named to
// the user.
import { ALL_CAPABILITY_NAMES } from './capability-names.ts';
import { Fields, parseObject, present } from './json.ts';
import { OciError } from './oci-error.ts';
import {
  type RuntimeSpec,
  type ProcessSpec,
  CAPABILITY_SETS,
  type ClockOffset,
  type MountSpec,
  type NamespaceSpec,
  NAMESPACES,
  type IdMapping,
  type DeviceSpec,
  type ResourceSpec,
  type IoLimit,
  type SeccompSpec,
  SECCOMP_ACTIONS,
  type SeccompRule,
  SECCOMP_OPERATORS,
  type HookPoint,
  type Hook,
  HOOKS,
} from './runtime-spec.ts';

const MOST_ID = 0xffff_fffe;

/**
 * Reads config.json. `unsupported` is told of every field that asks for something there is not here.
 * @throws OciError with a sentence that names the field
 */
export function parseRuntimeSpec(bytes: Uint8Array, what: string, unsupported: (field: string) => void): RuntimeSpec {
  const fields = new Fields(parseObject(bytes, what), what);
  const version = fields.neededText('ociVersion');
  if (!/^1\./.test(version)) {
    throw new OciError(
      'unsupported',
      `${what} has the version ${version} of the runtime specification; versions 1.* are supported.`,
    );
  }
  const root = fields.object('root');
  const linux = fields.object('linux');
  for (const platform of ['windows', 'solaris', 'vm', 'zos']) if (fields.object(platform)) unsupported(platform);
  for (const part of ['intelRdt', 'personality']) if (linux?.object(part)) unsupported(`linux.${part}`);
  if (linux?.object('seccomp')?.text('listenerPath')) unsupported('linux.seccomp.listenerPath');
  if (linux?.text('mountLabel')) unsupported('linux.mountLabel');
  return present({
    ociVersion: version,
    root: { path: root?.text('path') ?? 'rootfs', readonly: root?.flag('readonly') ?? false },
    process: processSpec(fields.object('process') ?? new Fields({}, what, 'process'), unsupported),
    hostname: fields.text('hostname'),
    domainname: fields.text('domainname'),
    mounts: fields.objects('mounts').map((mount) => mountSpec(mount, unsupported)),
    namespaces: (linux?.objects('namespaces') ?? []).map(namespaceSpec),
    uidMappings: (linux?.objects('uidMappings') ?? []).map(idMapping),
    gidMappings: (linux?.objects('gidMappings') ?? []).map(idMapping),
    devices: (linux?.objects('devices') ?? []).map(deviceSpec),
    cgroupsPath: linux?.text('cgroupsPath'),
    resources: resourceSpec(linux?.object('resources'), unsupported),
    seccomp: seccompSpec(linux?.object('seccomp')),
    sysctl: linux?.record('sysctl') ?? {},
    maskedPaths: linux?.texts('maskedPaths') ?? [],
    readonlyPaths: linux?.texts('readonlyPaths') ?? [],
    rootfsPropagation: linux?.text('rootfsPropagation'),
    timeOffsets: timeOffsets(linux?.object('timeOffsets')),
    hooks: hooksOf(fields.object('hooks')),
    annotations: fields.record('annotations') ?? {},
  }) as RuntimeSpec;
}

function processSpec(fields: Fields, unsupported: (field: string) => void): ProcessSpec {
  for (const label of ['apparmorProfile', 'selinuxLabel']) if (fields.text(label)) unsupported(`process.${label}`);
  for (const part of ['scheduler', 'ioPriority']) if (fields.object(part)) unsupported(`process.${part}`);
  const user = fields.object('user');
  const console = fields.object('consoleSize');
  const capabilities = fields.object('capabilities');
  return present({
    terminal: fields.flag('terminal') ?? false,
    consoleSize: console && {
      height: console.integer('height', 0, 0xffff) ?? 0,
      width: console.integer('width', 0, 0xffff) ?? 0,
    },
    cwd: fields.text('cwd') ?? '/',
    env: fields.texts('env') ?? [],
    args: fields.texts('args') ?? [],
    user: present({
      uid: user?.integer('uid', 0, MOST_ID) ?? 0,
      gid: user?.integer('gid', 0, MOST_ID) ?? 0,
      umask: user?.integer('umask', 0, 0o7777),
      additionalGids: integers(user, 'additionalGids'),
    }),
    capabilities: capabilities ? capabilitySets(capabilities, unsupported) : {},
    rlimits: fields.objects('rlimits').map((limit) => ({
      type: limit.neededText('type'),
      soft: limit.integer('soft', 0, Number.MAX_VALUE) ?? 0,
      hard: limit.integer('hard', 0, Number.MAX_VALUE) ?? 0,
    })),
    noNewPrivileges: fields.flag('noNewPrivileges') ?? false,
    oomScoreAdj: fields.integer('oomScoreAdj', -1000, 1000),
  }) as ProcessSpec;
}

/** What cannot be granted is named, and the container runs without it (config.md, "Linux Process"). */
function capabilitySets(fields: Fields, unsupported: (field: string) => void): ProcessSpec['capabilities'] {
  const known = (name: string) => ALL_CAPABILITY_NAMES.includes(name);
  const sets = CAPABILITY_SETS.map((set) => [set, fields.texts(set)] as const);
  const unknown = sets.flatMap(([, names = []]) => names.filter((name) => !known(name)));
  for (const name of new Set(unknown)) unsupported(`process.capabilities (${name})`);
  return present(Object.fromEntries(sets.map(([set, names]) => [set, names?.filter(known)])));
}

function integers(fields: Fields | undefined, name: string): readonly number[] {
  return fields?.integers(name, 0, MOST_ID) ?? [];
}

function timeOffsets(fields: Fields | undefined): RuntimeSpec['timeOffsets'] {
  if (!fields) return undefined;
  const offset = (name: string): ClockOffset => {
    const clock = fields.object(name);
    return { seconds: clock?.integer('secs') ?? 0, nanoseconds: clock?.integer('nanosecs', 0, 999_999_999) ?? 0 };
  };
  return { monotonic: offset('monotonic'), boottime: offset('boottime') };
}

function mountSpec(fields: Fields, unsupported: (field: string) => void): MountSpec {
  for (const part of ['uidMappings', 'gidMappings']) if (fields.objects(part).length) unsupported(`mounts.${part}`);
  return present({
    destination: fields.neededText('destination'),
    type: fields.text('type'),
    source: fields.text('source'),
    options: fields.texts('options') ?? [],
  }) as MountSpec;
}

function namespaceSpec(fields: Fields): NamespaceSpec {
  fields.neededText('type');
  return present({ type: fields.choice('type', NAMESPACES)!, path: fields.text('path') || undefined }) as NamespaceSpec;
}

function idMapping(fields: Fields): IdMapping {
  return {
    containerID: fields.integer('containerID', 0, MOST_ID) ?? 0,
    hostID: fields.integer('hostID', 0, MOST_ID) ?? 0,
    size: fields.integer('size', 0, MOST_ID + 1) ?? 0,
  };
}

function deviceSpec(fields: Fields): DeviceSpec {
  return {
    path: fields.neededText('path'),
    type: fields.choice('type', ['c', 'b', 'u', 'p'] as const) ?? 'c',
    major: fields.integer('major', 0, 0xfff) ?? 0,
    minor: fields.integer('minor', 0, 0xfffff) ?? 0,
    fileMode: (fields.integer('fileMode', 0, 0xffff) ?? 0o666) & 0o7777,
    uid: fields.integer('uid', 0, MOST_ID) ?? 0,
    gid: fields.integer('gid', 0, MOST_ID) ?? 0,
  };
}

/**
 * All devices of the kernel are those that every container has (config-linux.md, "Default Devices"), so that rules which deny
 * all others change nothing; those that deny one of these would.
 */
function nameDeniedDevice(rule: Fields, unsupported: (field: string) => void): void {
  const [type, major, minor] = [rule.text('type') ?? 'a', rule.integer('major', -1), rule.integer('minor', -1)];
  if (rule.flag('allow') || type === 'a' || ((major ?? -1) < 0 && (minor ?? -1) < 0)) return;
  unsupported(`linux.resources.devices (denying ${type} ${major ?? '*'}:${minor ?? '*'})`);
}

function resourceSpec(fields: Fields | undefined, unsupported: (field: string) => void): ResourceSpec {
  for (const part of ['network', 'rdma']) if (fields?.object(part)) unsupported(`linux.resources.${part}`);
  for (const rule of fields?.objects('devices') ?? []) nameDeniedDevice(rule, unsupported);
  if (fields?.objects('hugepageLimits').length) unsupported('linux.resources.hugepageLimits');
  const memory = fields?.object('memory');
  const cpu = fields?.object('cpu');
  for (const part of ['cpus', 'mems']) if (cpu?.text(part)) unsupported(`linux.resources.cpu.${part}`);
  const io = fields?.object('blockIO');
  if (io?.objects('weightDevice').length) unsupported('linux.resources.blockIO.weightDevice');
  return present({
    memoryLimit: memory?.integer('limit', -1),
    memoryReservation: memory?.integer('reservation', -1),
    memorySwap: memory?.integer('swap', -1),
    cpuShares: cpu?.integer('shares', 0),
    cpuQuota: cpu?.integer('quota', -1),
    cpuPeriod: cpu?.integer('period', 0),
    cpuBurst: cpu?.integer('burst', 0),
    cpuIdle: cpu?.integer('idle', 0, 1),
    pidsLimit: fields?.object('pids')?.integer('limit', -1),
    ioWeight: io?.integer('weight', 0, 1000) || undefined,
    ioLimits: io && ioLimits(io),
    unified: fields?.record('unified') ?? {},
  }) as ResourceSpec;
}

const IO_LIMITS = {
  rbps: 'throttleReadBpsDevice',
  wbps: 'throttleWriteBpsDevice',
  riops: 'throttleReadIOPSDevice',
  wiops: 'throttleWriteIOPSDevice',
} as const satisfies Record<IoLimit['key'], string>;

function ioLimits(fields: Fields): readonly IoLimit[] {
  return (Object.keys(IO_LIMITS) as IoLimit['key'][]).flatMap((key) =>
    fields.objects(IO_LIMITS[key]).map((limit) => ({
      key,
      major: limit.integer('major', 0, 0xfff) ?? 0,
      minor: limit.integer('minor', 0, 0xfffff) ?? 0,
      rate: limit.integer('rate', 0) ?? 0,
    })),
  );
}

/** Resources alone, as `anillo oci update` reads them. @throws OciError */
export function parseResources(bytes: Uint8Array, what: string, unsupported: (field: string) => void): ResourceSpec {
  return resourceSpec(new Fields(parseObject(bytes, what), what), unsupported);
}

/** A process alone, as `anillo oci exec --process` reads it. @throws OciError */
export function parseProcess(bytes: Uint8Array, what: string, unsupported: (field: string) => void): ProcessSpec {
  return processSpec(new Fields(parseObject(bytes, what), what), unsupported);
}

/** A filter in a file of its own, as docker-run(1) takes it with `--security-opt seccomp=`. @throws OciError */
export function parseSeccomp(bytes: Uint8Array, what: string): SeccompSpec {
  return seccompSpec(new Fields(parseObject(bytes, what), what))!;
}

function seccompSpec(fields: Fields | undefined): SeccompSpec | undefined {
  if (!fields) return undefined;
  fields.neededText('defaultAction');
  return present({
    defaultAction: fields.choice('defaultAction', SECCOMP_ACTIONS)!,
    defaultErrnoRet: fields.integer('defaultErrnoRet', 0, 4095),
    architectures: fields.texts('architectures') ?? [],
    syscalls: fields.objects('syscalls').map(seccompRule),
  }) as SeccompSpec;
}

function seccompRule(fields: Fields): SeccompRule {
  fields.neededText('action');
  return present({
    names: fields.texts('names') ?? [],
    action: fields.choice('action', SECCOMP_ACTIONS)!,
    errnoRet: fields.integer('errnoRet', 0, 4095),
    args: fields.objects('args').map((arg) => {
      arg.neededText('op');
      return {
        index: arg.integer('index', 0, 5) ?? 0,
        value: arg.integer('value', 0, Number.MAX_VALUE) ?? 0,
        valueTwo: arg.integer('valueTwo', 0, Number.MAX_VALUE) ?? 0,
        op: arg.choice('op', SECCOMP_OPERATORS)!,
      };
    }),
  }) as SeccompRule;
}

function hooksOf(fields: Fields | undefined): Partial<Record<HookPoint, readonly Hook[]>> {
  if (!fields) return {};
  return Object.fromEntries(
    HOOKS.map((point) => [
      point,
      fields.objects(point).map((hook) =>
        present({
          path: hook.neededText('path'),
          args: hook.texts('args') ?? [],
          env: hook.texts('env') ?? [],
          timeout: hook.integer('timeout', 1),
        }),
      ),
    ]),
  ) as Partial<Record<HookPoint, readonly Hook[]>>;
}
