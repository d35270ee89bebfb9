// The default filter of containers: calls that reach beyond a container or are there for administrators fail with EPERM, unless
// the container has the capability they are about. The list is that of the Docker documentation, "Significant syscalls blocked
// by the default profile", but where Docker's profile lets more through: clock_adjtime, which only tells without the capability,
// and the personalities of Linux.
import type { SeccompRule, SeccompSpec } from './runtime-spec.ts';

const words = (text: string) => text.split(/\s+/);

/** Blocked whatever the container may do. */
const BLOCKED =
  words(`add_key create_module get_kernel_syms io_uring_enter io_uring_register io_uring_setup kexec_file_load
  kexec_load keyctl lookup_dcookie nfsservctl pivot_root query_module request_key swapoff swapon sysfs uselib
  userfaultfd ustat vm86 vm86old`);

/** Blocked without the capability. */
const NEEDS: Readonly<Record<string, readonly string[]>> = {
  CAP_SYS_ADMIN: words(
    'fsconfig fsmount fsopen fspick mount mount_setattr move_mount open_tree quotactl setns umount umount2 unshare',
  ),
  CAP_SYS_BOOT: ['reboot'],
  CAP_SYS_MODULE: words('delete_module finit_module init_module'),
  CAP_SYS_PACCT: ['acct'],
  CAP_SYS_PTRACE: words('kcmp process_vm_readv process_vm_writev'),
  CAP_SYS_RAWIO: words('ioperm iopl'),
  CAP_SYS_TIME: words('clock_settime settimeofday stime'),
  CAP_SYS_NICE: words('get_mempolicy mbind move_pages set_mempolicy'),
  CAP_DAC_READ_SEARCH: ['open_by_handle_at'],
  CAP_PERFMON: ['perf_event_open'],
  CAP_BPF: ['bpf'],
  CAP_SYSLOG: ['syslog'],
};

/** PER_LINUX and PER_LINUX32, both also with UNAME26, and what asks for the present one. */
const PERSONALITIES = [0, 8, 0x2_0000, 0x2_0008, 0xffff_ffff];

/** Bits of the flags of clone(2) that make namespaces: mnt, cgroup, uts, ipc, user, pid, net. */
const CLONE_NEW_BITS = [17, 25, 26, 27, 28, 29, 30];
const EPERM = 1;
const ENOSYS = 38;

function refuse(names: readonly string[], errnoRet: number, args: SeccompRule['args'] = []): SeccompRule {
  return { names, action: 'SCMP_ACT_ERRNO', errnoRet, args };
}

/** The filter of a container with these capabilities. */
export function defaultSeccomp(capabilities: readonly string[]): SeccompSpec {
  const lacking = Object.entries(NEEDS).filter(([capability]) => !capabilities.includes(capability));
  const blocked = [...BLOCKED, ...lacking.flatMap(([, names]) => names)];
  const namespaces = CLONE_NEW_BITS.map((bit) =>
    refuse(['clone'], EPERM, [{ index: 0, value: 2 ** bit, valueTwo: 2 ** bit, op: 'SCMP_CMP_MASKED_EQ' }]),
  );
  const personality = refuse(
    ['personality'],
    EPERM,
    PERSONALITIES.map((value) => ({ index: 0, value, valueTwo: 0, op: 'SCMP_CMP_NE' })),
  );
  // the flags of clone3 lie in memory, where a filter cannot look: programs fall back to clone
  const clone = capabilities.includes('CAP_SYS_ADMIN') ? [] : [refuse(['clone3'], ENOSYS), ...namespaces];
  return {
    defaultAction: 'SCMP_ACT_ALLOW',
    architectures: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86'],
    syscalls: [refuse(blocked, EPERM), personality, ...clone],
  };
}
