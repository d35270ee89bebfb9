// Which supported calls the short programs of test/linux/cases make with success and which with an error. What cannot be made to
// succeed on a computer that records, or cannot fail, is listed with its reason.
import type { KernelOptions } from '../../src/kernel/kernel.ts';
import { implementations } from '../../src/kernel/syscalls/index.ts';
import { SyscallTable } from '../../src/kernel/syscalls/table.ts';
import type { Abi } from './cases.ts';

type Reasons = Readonly<Record<string, string>>;

/** Calls by reason. */
function because(...groups: readonly (readonly [reason: string, calls: string])[]): Reasons {
  return Object.fromEntries(groups.flatMap(([reason, calls]) => calls.split(' ').map((call) => [call, reason])));
}

const NEVER_SUCCEED = because(
  ['they return when a signal interrupts them, with an error', 'pause rt_sigsuspend sigsuspend'],
  ['they would set the clock of the computer that records', 'clock_settime clock_settime64 stime'],
  ['what it ends is told by an event, and the call itself fails with EINPROGRESS', 'io_cancel'],
  ['it is for the kernel itself, and has nothing to go on with', 'restart_syscall'],
  ['there is nothing to swap to', 'swapon swapoff'],
  ['no file system has quotas', 'quotactl quotactl_fd'],
  ['a process that was killed is gone before anybody can ask', 'process_mrelease'],
  ['they would end the computer that records, or change what its keys do', 'reboot'],
  ['the kernel that records was built without ports', 'iopl ioperm'],
  ['the processor has no protection keys', 'pkey_alloc pkey_free'],
);

const NEVER_FAIL = because(
  ['they tell what a process has', 'getpid getppid gettid getpgrp getuid geteuid getgid getegid sgetmask'],
  ['they tell what a process has', 'getuid32 geteuid32 getgid32 getegid32'],
  ['they return what was before, whatever is asked', 'umask personality alarm ssetmask brk'],
  ['they return what was before, whatever is asked', 'setfsuid setfsgid setfsuid32 setfsgid32'],
  ['they do not return', 'exit exit_group rt_sigreturn sigreturn'],
  ['they only do something', 'sched_yield sync munlockall set_tid_address'],
  ['amd64 returns its errors as an unsigned int', 'modify_ldt'],
  ['the kernel that records was built without ports', 'iopl ioperm'],
);

/** Those of one ABI. */
const NEVER_SUCCEED_OF: Readonly<Record<Abi, Reasons>> = {
  amd64: because(['segments of threads are for i386', 'set_thread_area get_thread_area']),
  i386: because(['segment bases are for amd64', 'arch_prctl']),
};

/** Gathers what calls are made. */
export class Coverage {
  readonly #succeeded = new Set<string>();
  readonly #failed = new Set<string>();

  readonly onCall: NonNullable<KernelOptions['onCall']> = (_call, { name }, result) => {
    const isError = result !== undefined && result < 0 && result > -4096;
    (isError ? this.#failed : this.#succeeded).add(name);
  };

  /** Supported calls that no case made with success, and those none made with an error. */
  missing(abi: Abi): { readonly success: readonly string[]; readonly error: readonly string[] } {
    const supported = new SyscallTable(implementations).all
      .filter((row) => row[abi] >= 0 && (row.support === 'full' || row.support === 'partial'))
      .map(({ name }) => name);
    const without = (made: ReadonlySet<string>, ...reasons: readonly Reasons[]) =>
      supported.filter((name) => !made.has(name) && reasons.every((never) => !(name in never)));
    return {
      success: without(this.#succeeded, NEVER_SUCCEED, NEVER_SUCCEED_OF[abi]),
      error: without(this.#failed, NEVER_FAIL),
    };
  }
}
