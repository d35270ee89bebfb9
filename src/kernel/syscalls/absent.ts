// Calls for what this system does not have, with the answers Linux gives: calls that left Linux long ago, devices to swap
// to, quotas, ports, modules (the man page of each; unimplemented(2)).
import { fail } from '../error.ts';
import {
  CAP_SYS_ADMIN,
  CAP_SYS_BOOT,
  CAP_SYS_PACCT,
  CAP_SYS_PTRACE,
  CAP_SYS_RAWIO,
  CAP_SYSLOG,
  hasCapability,
} from '../vfs/permission.ts';
import { resolve } from '../vfs/path.ts';
import type { Call, CallResult } from './call.ts';
import { nameArgument } from './path-arguments.ts';
import { full, type Implementation, type Implementations, partial } from './table.ts';

/** A call Linux no longer has, or has not for these machines. */
const gone: Implementation = {
  run: () => fail('ENOSYS'),
  support: 'error',
  note: 'no longer in Linux',
  interruption: 'restart',
};

const GONE = (
  'uselib create_module get_kernel_syms query_module nfsservctl getpmsg putpmsg afs_syscall tuxcall security ' +
  'epoll_ctl_old epoll_wait_old vserver _sysctl lookup_dcookie break stty gtty ftime prof lock mpx ulimit profil ' +
  'idle bdflush'
).split(' ');

function need(call: Call, capability: number): void {
  if (!hasCapability(call.task.credentials, capability)) fail('EPERM');
}

/** The file a name argument leads to. */
function named(call: Call, n: number) {
  const name = nameArgument(call, n);
  return resolve(name.from, name.text);
}

function swapon(call: Call): number {
  if (call.arg(1) & ~0x7_ffff) fail('EINVAL');
  need(call, CAP_SYS_ADMIN);
  named(call, 0);
  // no file holds a swap area that could be used
  return fail('EINVAL');
}

function swapoff(call: Call): number {
  need(call, CAP_SYS_ADMIN);
  named(call, 0);
  return fail('EINVAL');
}

function acct(call: Call): number {
  need(call, CAP_SYS_PACCT);
  if (call.arg(0) === 0) return 0;
  return named(call, 0).entry.inode.isRegular ? fail('ENOSYS') : fail('EACCES');
}

function quotactl(call: Call): number {
  if (call.arg(1) !== 0) {
    const { inode } = named(call, 1).entry;
    if ((inode.mode & 0o170000) !== 0o060000) fail('ENOTBLK');
  }
  return fail('ENODEV');
}

const QUOTA_TYPES = 3;

/** The same for the file system of an open file. */
function quotactlFd(call: Call): number {
  call.file(0);
  return (call.arg(1) & 0xff) >= QUOTA_TYPES ? fail('EINVAL') : fail('ENOSYS');
}

const REBOOT_MAGIC = 0xfee1_dead;
const REBOOT_MAGICS = [672_274_793, 85_072_278, 369_367_448, 537_993_216];
const CAD_OFF = 0;
const CAD_ON = 0x89ab_cdef;
/** RESTART, RESTART2, HALT, POWER_OFF. */
const ENDINGS = [0x0123_4567, 0xa1b2_c3d4, 0xcdef_0123, 0x4321_fedc];

function reboot(call: Call): CallResult {
  need(call, CAP_SYS_BOOT);
  if (call.arg(0) !== REBOOT_MAGIC || !REBOOT_MAGICS.includes(call.arg(1))) fail('EINVAL');
  const operation = call.arg(2);
  if (operation === CAD_OFF || operation === CAD_ON) return 0;
  if (!ENDINGS.includes(operation)) fail('EINVAL');
  return call.kernel.powerOff(call.task);
}

/** Ports belong to nobody here. */
function ports(call: Call, isValid: boolean, isRequest: boolean): number {
  if (!isValid) fail('EINVAL');
  if (!isRequest) return 0;
  need(call, CAP_SYS_RAWIO);
  return fail('EPERM');
}

const SYSLOG_READ_ALL = 3;
const SYSLOG_SIZE_BUFFER = 10;
const SYSLOG_BUFFER = 16384;

/** The kernel's log is empty: there is no hardware to tell about. */
function syslog(call: Call): number {
  const type = call.arg(0);
  if (type !== SYSLOG_READ_ALL && type !== SYSLOG_SIZE_BUFFER && !hasCapability(call.task.credentials, CAP_SYSLOG))
    need(call, CAP_SYS_ADMIN);
  const [buffer, length] = [call.arg(1), call.arg(2)];
  if (type >= 2 && type <= 4 && (buffer === 0 || length < 0)) fail('EINVAL');
  if (type === 8 && (length < 1 || length > 8)) fail('EINVAL');
  if (type < 0 || type > SYSLOG_SIZE_BUFFER) fail('EINVAL');
  return type === SYSLOG_SIZE_BUFFER ? SYSLOG_BUFFER : 0;
}

const FILE_SYSTEM_TYPES = ['tmpfs', 'devtmpfs', 'proc', 'sysfs', 'cgroup2', 'overlay', 'devpts', 'mqueue'];

function sysfs(call: Call): number {
  switch (call.arg(0)) {
    case 1: {
      const index = FILE_SYSTEM_TYPES.indexOf(call.path(1));
      return index < 0 ? fail('EINVAL') : index;
    }
    case 2: {
      const type = FILE_SYSTEM_TYPES[call.arg(1)] ?? fail('EINVAL');
      call.write(call.arg(2), new TextEncoder().encode(`${type}\0`));
      return 0;
    }
    case 3:
      return FILE_SYSTEM_TYPES.length;
    default:
      return fail('EINVAL');
  }
}

const USERFAULTFD_FLAGS = 0o2004001;

/** Faults cannot be handed to programs. */
function userfaultfd(call: Call): number {
  const flags = call.arg(0);
  if (!(flags & 1)) need(call, CAP_SYS_PTRACE);
  return flags & ~USERFAULTFD_FLAGS ? fail('EINVAL') : fail('ENOSYS');
}

/** Local descriptor tables: there are none, so that reading one gives nothing. */
function modifyLdt(call: Call): number | bigint {
  if (call.arg(0) === 0) return 0;
  // the call returns an int, which amd64 does not widen
  return call.is32 ? fail('ENOSYS') : 0xffff_ffdan;
}

export const absentCalls: Implementations = {
  ...Object.fromEntries(GONE.map((name) => [name, gone])),
  swapon: partial('there is nothing to swap to', swapon),
  swapoff: partial('there is nothing to swap to', swapoff),
  acct: partial('no accounting is written', acct),
  quotactl: partial('no file system has quotas', quotactl),
  quotactl_fd: partial('no file system has quotas', quotactlFd),
  // calls that are resumed go on by themselves: there is never one that waits for this
  restart_syscall: full(() => fail('EINTR')),
  reboot: partial('the system ends; it does not start again', reboot),
  iopl: partial('no program gets at ports', (call) => ports(call, call.arg(0) <= 3, call.arg(0) > 0)),
  ioperm: partial('no program gets at ports', (call) =>
    ports(call, call.arg(0) + call.arg(1) <= 65536, call.arg(2) !== 0),
  ),
  syslog: partial('the log is empty', syslog),
  sysfs: full(sysfs),
  userfaultfd: { run: userfaultfd, support: 'error', note: 'faults stay in the kernel', interruption: 'restart' },
  modify_ldt: partial('tables cannot be written', modifyLdt),
  pkey_alloc: partial('the processor has no protection keys', (call) =>
    call.arg(0) !== 0 || call.arg(1) > 3 ? fail('EINVAL') : fail('ENOSPC'),
  ),
  pkey_free: partial('the processor has no protection keys', () => fail('EINVAL')),
};
