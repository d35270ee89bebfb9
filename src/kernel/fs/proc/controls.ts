// /proc/sys: what of sysctl(8) programs look at. Values that change nothing here can be read only; those that name the
// system or a limit of it are what the kernel goes by (proc_sys_kernel(5), proc_sys_vm(5), proc_sys_fs(5), proc_sys_net(5)).
import { fail } from '../../error.ts';
import type { Kernel } from '../../kernel.ts';
import { OVERFLOW_ID } from '../../ns/user-namespace.ts';
import { RELEASE } from '../../syscalls/system.ts';
import type { Inode } from '../../vfs/inode.ts';
import { CAP_COUNT, CAP_SYS_ADMIN, hasCapability } from '../../vfs/permission.ts';
import { MOST_QUEUED } from '../anonymous/inotify.ts';
import { GeneratedDirectory, GeneratedFile, type GeneratedFs } from '../generated.ts';

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

function kernelControls(kernel: Kernel, fs: GeneratedFs): Controls {
  const boot = uuid(kernel);
  return {
    cap_last_cap: CAP_COUNT - 1,
    core_pattern: 'core',
    core_uses_pid: 0,
    domainname: utsName(fs, 'domainname'),
    dmesg_restrict: 0,
    hostname: utsName(fs, 'hostname'),
    kptr_restrict: 0,
    msgmax: 8192,
    msgmnb: 16384,
    msgmni: 32000,
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
    shmall: '18446744073692774399',
    shmmax: '18446744073692774399',
    shmmni: 4096,
    tainted: 0,
    'threads-max': 32768,
    unprivileged_bpf_disabled: 2,
    version: '#1 SMP',
    yama: { ptrace_scope: 0 },
  };
}

const VM: Controls = {
  dirty_background_ratio: 10,
  dirty_ratio: 20,
  max_map_count: 65530,
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

const FS: Controls = {
  'aio-max-nr': 65536,
  'aio-nr': 0,
  epoll: { max_user_watches: 1 << 20 },
  'file-max': '9223372036854775807',
  'file-nr': '0\t0\t9223372036854775807',
  'inode-nr': '0\t0',
  inotify: { max_queued_events: MOST_QUEUED, max_user_instances: 128, max_user_watches: 1 << 20 },
  'lease-break-time': 45,
  'leases-enable': 1,
  'mount-max': 100000,
  nr_open: 1048576,
  overflowgid: OVERFLOW_ID,
  overflowuid: OVERFLOW_ID,
  'pipe-max-size': 1048576,
  protected_fifos: 0,
  protected_hardlinks: 0,
  protected_regular: 0,
  protected_symlinks: 0,
  suid_dumpable: 0,
};

const NET: Controls = {
  core: { rmem_default: 212992, rmem_max: 212992, somaxconn: 4096, wmem_default: 212992, wmem_max: 212992 },
  ipv4: {
    ip_forward: 0,
    ip_local_port_range: '32768\t60999',
    ip_unprivileged_port_start: 1024,
    ping_group_range: '1\t0',
    tcp_keepalive_time: 7200,
    tcp_rmem: '4096\t131072\t6291456',
    tcp_wmem: '4096\t16384\t4194304',
  },
  unix: { max_dgram_qlen: 512 },
};

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
  return directoryOf(fs, { fs: FS, kernel: kernelControls(kernel, fs), net: NET, vm: VM });
}
