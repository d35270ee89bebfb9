// Sets of signals, and signals that wait to be delivered (signal(7), sigqueue(3)).
import { SIGNAL, SIGNAL_COUNT, SIGRTMIN } from '../../abi/signal.ts';
import type { Pid } from '../ns/pid-namespace.ts';

/** Bit n - 1 stands for signal n. */
export type SignalSet = bigint;

export const NO_SIGNALS: SignalSet = 0n;
export const ALL_SIGNALS: SignalSet = (1n << BigInt(SIGNAL_COUNT)) - 1n;

/** The set of one signal. */
export function signalBit(signal: number): SignalSet {
  return 1n << BigInt(signal - 1);
}

/** Is the signal in the set? */
export function hasSignal(set: SignalSet, signal: number): boolean {
  return (set & signalBit(signal)) !== 0n;
}

/** SIGKILL and SIGSTOP cannot be blocked, ignored or caught. */
export const UNBLOCKABLE: SignalSet = signalBit(SIGNAL.SIGKILL) | signalBit(SIGNAL.SIGSTOP);

/** Somebody with signals of its own and of its process. */
interface Receiver {
  readonly pending: { readonly set: SignalSet };
  readonly group: { readonly pending: { readonly set: SignalSet } };
}

/** SIGKILL waits to be delivered: nothing but the end is left. */
export function isKilled({ pending, group }: Receiver): boolean {
  return hasSignal(pending.set | group.pending.set, SIGNAL.SIGKILL);
}

/** Signals an instruction raises: delivered first, and never lost by blocking them. */
const SYNCHRONOUS: SignalSet = [
  SIGNAL.SIGSEGV,
  SIGNAL.SIGBUS,
  SIGNAL.SIGILL,
  SIGNAL.SIGTRAP,
  SIGNAL.SIGFPE,
  SIGNAL.SIGSYS,
].reduce((set, signal) => set | signalBit(signal), 0n);

/** What a handler with SA_SIGINFO is told (sigaction(2) "siginfo_t"). */
export interface SignalInfo {
  readonly signal: number;
  readonly code: number;
  readonly errno?: number;
  /** Sender, or the child. */
  readonly pid?: Pid;
  readonly uid?: number;
  /** Exit status of a child. */
  readonly status?: number;
  readonly userTime?: number;
  readonly systemTime?: number;
  /** Address of a fault. */
  readonly address?: number;
  /** sigval of sigqueue and timers. */
  readonly value?: bigint;
  readonly timerId?: number;
  readonly overrun?: number;
  /** What happened to an open file (fcntl(2) F_SETSIG): si_fd and si_band. */
  readonly poll?: { readonly fd: number; readonly band: number };
  /** SIGSYS of seccomp. */
  readonly call?: { readonly address: number; readonly number: number; readonly architecture: number };
}

/** Signals sent to a task or a thread group and not delivered yet. */
export class PendingSignals {
  /** In the order of their arrival; at most one of each standard signal. */
  queue: SignalInfo[] = [];
  #set: SignalSet = NO_SIGNALS;

  get set(): SignalSet {
    return this.#set;
  }

  /** Adds a signal; a standard one that is pending already is not queued again. */
  add(info: SignalInfo): void {
    if (info.signal < SIGRTMIN && this.queue.some(({ signal }) => signal === info.signal)) return;
    this.queue.push(info);
    this.#set |= signalBit(info.signal);
  }

  /** Removes all of these signals. */
  remove(set: SignalSet): void {
    if ((this.#set & set) === NO_SIGNALS) return;
    this.queue = this.queue.filter(({ signal }) => !hasSignal(set, signal));
    this.#set &= ~set;
  }

  /** Takes the next signal that is not blocked: SIGKILL, then synchronous ones, then by number. */
  take(blocked: SignalSet): SignalInfo | undefined {
    const candidates = this.queue.filter(({ signal }) => !hasSignal(blocked, signal));
    if (candidates.length === 0) return undefined;
    const rank = ({ signal }: SignalInfo) => {
      if (signal === SIGNAL.SIGKILL) return 0;
      return hasSignal(SYNCHRONOUS, signal) ? signal : signal + SIGNAL_COUNT;
    };
    const next = candidates.reduce((best, info) => (rank(info) < rank(best) ? info : best));
    this.queue.splice(this.queue.indexOf(next), 1);
    if (!this.queue.some(({ signal }) => signal === next.signal)) this.#set &= ~signalBit(next.signal);
    return next;
  }
}
