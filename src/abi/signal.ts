// Signals of Linux, the same numbers on i386 and amd64. Truth: signal(7), sigaction(2).

/** Names in the order of their numbers, from 1. */
export const SIGNAL_NAMES = [
  'SIGHUP',
  'SIGINT',
  'SIGQUIT',
  'SIGILL',
  'SIGTRAP',
  'SIGABRT',
  'SIGBUS',
  'SIGFPE',
  'SIGKILL',
  'SIGUSR1',
  'SIGSEGV',
  'SIGUSR2',
  'SIGPIPE',
  'SIGALRM',
  'SIGTERM',
  'SIGSTKFLT',
  'SIGCHLD',
  'SIGCONT',
  'SIGSTOP',
  'SIGTSTP',
  'SIGTTIN',
  'SIGTTOU',
  'SIGURG',
  'SIGXCPU',
  'SIGXFSZ',
  'SIGVTALRM',
  'SIGPROF',
  'SIGWINCH',
  'SIGIO',
  'SIGPWR',
  'SIGSYS',
] as const;

/** Name of a standard signal. */
export type SignalName = (typeof SIGNAL_NAMES)[number];

/** Number of each standard signal. */
export const SIGNAL = Object.fromEntries(SIGNAL_NAMES.map((name, n) => [name, n + 1])) as Readonly<
  Record<SignalName, number>
>;

/** Real-time signals are SIGRTMIN to SIGNAL_COUNT. */
export const SIGRTMIN = 32;
export const SIGNAL_COUNT = 64;

/** What a signal does to a process that did not say anything else (signal(7) "Standard signals"). */
export type DefaultAction = 'terminate' | 'core' | 'ignore' | 'stop' | 'continue';

const CORE = new Set([
  'SIGQUIT',
  'SIGILL',
  'SIGTRAP',
  'SIGABRT',
  'SIGBUS',
  'SIGFPE',
  'SIGSEGV',
  'SIGXCPU',
  'SIGXFSZ',
  'SIGSYS',
]);
const IGNORE = new Set(['SIGCHLD', 'SIGURG', 'SIGWINCH']);
const STOP = new Set(['SIGSTOP', 'SIGTSTP', 'SIGTTIN', 'SIGTTOU']);

/** The default action of a signal. */
export function defaultAction(signal: number): DefaultAction {
  const name = SIGNAL_NAMES[signal - 1];
  if (name === undefined) return 'terminate';
  if (name === 'SIGCONT') return 'continue';
  if (CORE.has(name)) return 'core';
  if (IGNORE.has(name)) return 'ignore';
  return STOP.has(name) ? 'stop' : 'terminate';
}

/** Name of a signal as strsignal and strace print it. */
export function signalName(signal: number): string {
  return SIGNAL_NAMES[signal - 1] ?? (signal >= SIGRTMIN ? `SIGRT_${signal - SIGRTMIN}` : `SIG_${signal}`);
}

export const SIG_DFL = 0;
export const SIG_IGN = 1;

export const SA_NOCLDSTOP = 1;
export const SA_NOCLDWAIT = 2;
export const SA_SIGINFO = 4;
export const SA_RESTORER = 0x0400_0000;
export const SA_ONSTACK = 0x0800_0000;
export const SA_RESTART = 0x1000_0000;
export const SA_NODEFER = 0x4000_0000;
export const SA_RESETHAND = 0x8000_0000;

export const SIG_BLOCK = 0;
export const SIG_UNBLOCK = 1;
export const SIG_SETMASK = 2;

export const SS_ONSTACK = 1;
export const SS_DISABLE = 2;
export const MINSIGSTKSZ = 2048;

// si_code.
export const SI_USER = 0;
export const SI_KERNEL = 0x80;
export const SI_QUEUE = -1;
export const SI_TIMER = -2;
export const SI_MESGQ = -3;
export const SI_SIGIO = -5;
export const SI_TKILL = -6;
export const ILL_ILLOPN = 2;
export const FPE_INTDIV = 1;
export const FPE_INTOVF = 2;
export const FPE_FLTDIV = 3;
export const FPE_FLTOVF = 4;
export const FPE_FLTUND = 5;
export const FPE_FLTRES = 6;
export const FPE_FLTINV = 7;
export const SEGV_MAPERR = 1;
export const SEGV_ACCERR = 2;
export const SEGV_BNDERR = 3;
export const BUS_ADRALN = 1;
export const BUS_ADRERR = 2;
export const TRAP_BRKPT = 1;
export const TRAP_TRACE = 2;
export const TRAP_HWBKPT = 4;
export const CLD_EXITED = 1;
export const CLD_KILLED = 2;
export const CLD_DUMPED = 3;
export const CLD_TRAPPED = 4;
export const CLD_STOPPED = 5;
export const CLD_CONTINUED = 6;
