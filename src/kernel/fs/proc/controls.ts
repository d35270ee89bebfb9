// /proc/sys: what of sysctl(8) programs look at. Values that change nothing here can be read only; those that name the
// system or a limit of it are what the kernel goes by (proc_sys_kernel(5), proc_sys_vm(5), proc_sys_fs(5), proc_sys_net(5)).
import { fail } from '../../error.ts';
import type { Kernel } from '../../kernel.ts';
import type { IpcControls } from '../../ipc/controls.ts';
import type { NextIdentifier } from '../../ipc/objects.ts';
import type { NetControls } from '../../net/controls.ts';
import { OVERFLOW_ID, type UserNamespace } from '../../ns/user-namespace.ts';
import { MOST_THREADS, USER_LIMITS, type UserLimitName } from '../../ns/user-limits.ts';
import { RELEASE } from '../../syscalls/system.ts';
import type { Task } from '../../task/task.ts';
import type { Inode } from '../../vfs/inode.ts';
import { CAP_COUNT, CAP_SYS_ADMIN, CAP_SYS_RESOURCE, type Credentials, hasCapability } from '../../vfs/permission.ts';
import { MOST_EVENTS } from '../aio-context.ts';
import { MOST_AREAS } from '../../mm/address-space.ts';
import { MOST_WATCHED } from '../anonymous/epoll.ts';
import { MOST_QUEUED } from '../anonymous/inotify.ts';
import { type FileContent, GeneratedDirectory, GeneratedFile, type GeneratedFs } from '../generated.ts';

const MOST_INT = 0x7fff_ffff;
const MOST_PORT = 65535;
/** Slots of System V IPC. */
const MOST_OBJECTS = 32768;
const NO_LIMIT = '18446744073692774399';

/** A directory of values and directories. */
interface Controls {
  readonly [name: string]: string | number | (() => string) | Inode | Controls;
}

/** A name of the system; the one of the task that looks. */
function utsName(fs: GeneratedFs, field: 'hostname' | 'domainname'): Inode {
  return new GeneratedFile(fs, {
    read: ({ namespaces }) => `${namespaces.uts[field]}\n`,
    write: (text, { namespaces, credentials }) => {
      if (!hasCapability(credentials, CAP_SYS_ADMIN, namespaces.uts.owner)) fail('EPERM');
      namespaces.uts[field] = text.replace(/\n.*$/s, '').slice(0, 64);
    },
  });
}

/** A random UUID of version 4 (RFC 9562). */
function uuid(kernel: Kernel): string {
  const bytes = new Uint8Array(16);
  kernel.random.fill(bytes);
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

/** A value of a namespace: a number, or several in one line; each is at least 0 and at most `most`. */
function valueFile(
  fs: GeneratedFs,
  most: number,
  owner: (task: Task) => UserNamespace,
  get: (task: Task) => readonly number[],
  set: (task: Task, values: readonly number[]) => void,
): Inode {
  const write = (text: string, task: Task) => {
    if (!hasCapability(task.credentials, CAP_SYS_ADMIN, owner(task))) fail('EPERM');
    const words = text.trim().split(/\s+/);
    const isRight = words.length === get(task).length && words.every((word) => /^\d+$/.test(word));
    if (!isRight || words.some((word) => Number(word) > most)) fail('EINVAL');
    set(task, words.map(Number));
  };
  return new GeneratedFile(fs, { read: (task) => `${get(task).join('\t')}\n`, write });
}

function ipcValue(fs: GeneratedFs, field: keyof IpcControls, most: number): Inode {
  const owner = ({ namespaces }: Task) => namespaces.ipc.owner;
  return valueFile(
    fs,
    most,
    owner,
    ({ namespaces }) => [namespaces.ipc.controls[field]],
    ({ namespaces }, [value]) => {
      namespaces.ipc.controls[field] = value!;
    },
  );
}

/** Who sets it needs the capability, whatever the permission bits say (ipc_namespaces(7)). */
function nextIdentifier(fs: GeneratedFs, field: NextIdentifier): Inode {
  return new GeneratedFile(fs, (ipcValue(fs, field, MOST_INT) as GeneratedFile).content, undefined, 0o444);
}

/** Bytes of a segment; more than can be counted is no limit. */
function shmmax(fs: GeneratedFs): Inode {
  const inner = ipcValue(fs, 'mostSegment', Number.MAX_SAFE_INTEGER) as GeneratedFile;
  const read = (task: Task) => {
    const { mostSegment } = task.namespaces.ipc.controls;
    return `${mostSegment === Number.MAX_SAFE_INTEGER ? NO_LIMIT : mostSegment}\n`;
  };
  const write: FileContent['write'] = (text, task, how) =>
    inner.content.write!(text.trim() === NO_LIMIT ? String(Number.MAX_SAFE_INTEGER) : text, task, how);
  return new GeneratedFile(fs, { read, write });
}

function netValue(fs: GeneratedFs, most: number, ...fields: readonly (keyof NetControls)[]): Inode {
  const owner = ({ namespaces }: Task) => namespaces.net.owner;
  return valueFile(
    fs,
    most,
    owner,
    ({ namespaces }) => fields.map((field) => namespaces.net.controls[field]),
    ({ namespaces }, values) => {
      // of a range the first is not behind the last
      if (values.some((value, n) => n > 0 && value < values[n - 1]!)) fail('EINVAL');
      for (const [n, field] of fields.entries()) namespaces.net.controls[field] = values[n]!;
    },
  );
}

/** Quotas of keys (keyrings(7) "/proc files"). */
const keyControls = ({ keys: { limits }, users }: Kernel, fs: GeneratedFs): Controls =>
  Object.fromEntries(
    (Object.keys(limits) as (keyof typeof limits)[]).map((name) => {
      const set = (_: Task, [value]: readonly number[]) => {
        limits[name] = value!;
      };
      const file = valueFile(
        fs,
        MOST_INT,
        () => users,
        () => [limits[name]],
        set,
      );
      return [name, file];
    }),
  );

function kernelControls(kernel: Kernel, fs: GeneratedFs): Controls {
  const boot = uuid(kernel);
  return {
    cap_last_cap: CAP_COUNT - 1,
    core_pattern: 'core',
    core_uses_pid: 0,
    domainname: utsName(fs, 'domainname'),
    dmesg_restrict: 0,
    hostname: utsName(fs, 'hostname'),
    keys: keyControls(kernel, fs),
    kptr_restrict: 0,
    msg_next_id: nextIdentifier(fs, 'nextQueue'),
    msgmax: ipcValue(fs, 'mostMessage', MOST_INT),
    msgmnb: ipcValue(fs, 'mostQueue', MOST_INT),
    msgmni: ipcValue(fs, 'queues', MOST_OBJECTS),
    ngroups_max: 65536,
    osrelease: RELEASE,
    ostype: 'Linux',
    overflowgid: OVERFLOW_ID,
    overflowuid: OVERFLOW_ID,
    panic: 0,
    pid_max: 32768,
    printk: '7\t4\t1\t7',
    pty: { max: 1 << 20, nr: 0, reserve: 1024 },
    random: {
      boot_id: boot,
      entropy_avail: 256,
      poolsize: 256,
      uuid: () => uuid(kernel),
    },
    randomize_va_space: 0,
    sched_rr_timeslice_ms: 100,
    sem: '32000\t1024000000\t500\t32000',
    sem_next_id: nextIdentifier(fs, 'nextSet'),
    shm_next_id: nextIdentifier(fs, 'nextSegment'),
    shmall: '18446744073692774399',
    shmmax: shmmax(fs),
    shmmni: ipcValue(fs, 'segments', MOST_OBJECTS),
    tainted: 0,
    'threads-max': MOST_THREADS,
    unprivileged_bpf_disabled: 2,
    version: '#1 SMP',
    yama: { ptrace_scope: 0 },
  };
}

const VM: Controls = {
  dirty_background_ratio: 10,
  dirty_ratio: 20,
  max_map_count: MOST_AREAS,
  min_free_kbytes: 0,
  mmap_min_addr: 65536,
  nr_hugepages: 0,
  overcommit_kbytes: 0,
  overcommit_memory: 1,
  overcommit_ratio: 50,
  'page-cluster': 3,
  panic_on_oom: 0,
  swappiness: 60,
  vfs_cache_pressure: 100,
};

const fsControls = (kernel: Kernel, fs: GeneratedFs): Controls => ({
  'aio-max-nr': MOST_EVENTS,
  'aio-nr': () => String(kernel.aio.reserved),
  epoll: { max_user_watches: MOST_WATCHED },
  'file-max': '9223372036854775807',
  'file-nr': '0\t0\t9223372036854775807',
  'inode-nr': '0\t0',
  inotify: {
    max_queued_events: MOST_QUEUED,
    max_user_instances: outermostLimit(kernel, fs, 'max_inotify_instances'),
    max_user_watches: outermostLimit(kernel, fs, 'max_inotify_watches'),
  },
  'lease-break-time': 45,
  'leases-enable': 1,
  'mount-max': 100000,
  nr_open: 1048576,
  overflowgid: OVERFLOW_ID,
  overflowuid: OVERFLOW_ID,
  'pipe-max-size': pipeLimit(kernel, fs, 'mostSize'),
  'pipe-user-pages-hard': pipeLimit(kernel, fs, 'hard'),
  'pipe-user-pages-soft': pipeLimit(kernel, fs, 'soft'),
  protected_fifos: 0,
  protected_hardlinks: 0,
  protected_regular: 0,
  protected_symlinks: 0,
  suid_dumpable: 0,
});

/** Rounded up to what a pipe can hold where it is a size. */
const pipeLimit = ({ pipePages, users }: Kernel, fs: GeneratedFs, field: 'mostSize' | 'soft' | 'hard'): Inode =>
  valueFile(
    fs,
    MOST_INT,
    () => users,
    () => [pipePages[field]],
    (_, [value]) => {
      pipePages[field] = field === 'mostSize' ? Math.max(4096, 2 ** Math.ceil(Math.log2(value!))) : value!;
    },
  );

const outermostLimit = ({ users }: Kernel, fs: GeneratedFs, name: UserLimitName): Inode =>
  valueFile(
    fs,
    MOST_INT,
    () => users,
    () => [users.limits[name]],
    (_, [value]) => {
      users.limits[name] = value!;
    },
  );

/** The limits of the user namespace of whoever looks (namespaces(7) "The /proc/sys/user directory"). */
function userControls(fs: GeneratedFs): Controls {
  const limitFile = (name: UserLimitName) => {
    const write: FileContent['write'] = (text, { credentials: { user } }) => {
      const word = text.trim();
      if (!/^\d+$/.test(word) || Number(word) > MOST_INT) fail('EINVAL');
      user.limits[name] = Number(word);
    };
    const read = ({ credentials }: Task) => `${credentials.user.limits[name]}\n`;
    return new GeneratedFile(fs, { read, write, mayWrite: mayLimit }, undefined, 0o666);
  };
  return Object.fromEntries(USER_LIMITS.map((name) => [name, limitFile(name)]));
}

const mayLimit = (credentials: Credentials) => hasCapability(credentials, CAP_SYS_RESOURCE, credentials.user);

const netControls = (fs: GeneratedFs): Controls => ({
  core: {
    rmem_default: 212992,
    rmem_max: 212992,
    somaxconn: netValue(fs, MOST_PORT, 'mostWaiting'),
    wmem_default: 212992,
    wmem_max: 212992,
  },
  ipv4: {
    ip_forward: 0,
    ip_local_port_range: netValue(fs, MOST_PORT, 'firstPort', 'lastPort'),
    ip_unprivileged_port_start: netValue(fs, MOST_PORT, 'firstUnprivileged'),
    ping_group_range: '1\t0',
    tcp_keepalive_time: 7200,
    tcp_rmem: '4096\t131072\t6291456',
    tcp_wmem: '4096\t16384\t4194304',
  },
  unix: { max_dgram_qlen: netValue(fs, MOST_INT, 'mostDatagrams') },
});

function directoryOf(fs: GeneratedFs, controls: Controls): GeneratedDirectory {
  const directory = new GeneratedDirectory(fs);
  for (const [name, value] of Object.entries(controls)) {
    if (typeof value === 'function') directory.add(name, new GeneratedFile(fs, { read: () => `${value()}\n` }));
    else if (typeof value !== 'object') directory.add(name, new GeneratedFile(fs, { read: () => `${value}\n` }));
    else directory.add(name, isInode(value) ? value : directoryOf(fs, value));
  }
  return directory;
}

const isInode = (value: Inode | Controls): value is Inode => value instanceof GeneratedFile;

/** Makes /proc/sys. */
export function systemControls(kernel: Kernel, fs: GeneratedFs): Inode {
  return directoryOf(fs, {
    fs: fsControls(kernel, fs),
    kernel: kernelControls(kernel, fs),
    net: netControls(fs),
    user: userControls(fs),
    vm: VM,
  });
}
