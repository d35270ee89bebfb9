// The table of system calls: the numbers and arguments of src/abi/syscalls.ts joined with what this kernel does for each.
// It drives dispatch, traces and the list of what is supported.
import { SYSCALLS } from '../../abi/syscalls.ts';
import type { Abi } from '../platform.ts';
import type { ArgumentKind, Call, CallResult } from './call.ts';

/** How far a call is supported; `note` of the row says what is missing. */
export type Support = 'full' | 'partial' | 'error' | 'none';

/** What a signal does to a call that waits (signal(7) "Interruption of system calls"). */
export type Interruption =
  /** Restarted after a handler with SA_RESTART. */
  | 'restart'
  /** Restarted unless a handler ran. */
  | 'no-handler'
  /** The same, and goes on where it was: time that has passed is not waited for again. */
  | 'resume'
  /** EINTR whenever interrupted. */
  | 'never'
  /** Signals wait until the call is done. */
  | 'uninterruptible';

/** What this kernel does for a call. */
export interface Implementation {
  readonly run: (call: Call) => CallResult;
  readonly support: Support;
  readonly note?: string;
  readonly interruption: Interruption;
  /** A signal ends the wait: what the call did is undone or accounted for. */
  readonly interrupted?: (call: Call) => number | undefined;
}

/** Implementations by name; several names may share one. */
export type Implementations = Readonly<Record<string, Implementation>>;

/** A call as the dispatcher sees it. */
export interface Syscall extends Implementation {
  readonly name: string;
  readonly i386: number;
  readonly amd64: number;
  /** As the man page declares them. */
  readonly parameters: readonly { readonly type: string; readonly name: string; readonly kind: ArgumentKind }[];
  /** Of each parameter. */
  readonly kinds: readonly ArgumentKind[];
}

/** A full implementation. */
export function full(run: Implementation['run'], options: Partial<Implementation> = {}): Implementation {
  return { run, support: 'full', interruption: 'restart', ...options };
}

/** A full implementation of a call that returns 0 unless it fails. */
export function done(act: (call: Call) => void): Implementation {
  return full((call) => {
    act(call);
    return 0;
  });
}

/** An implementation with limits that `note` names. */
export function partial(
  note: string,
  run: Implementation['run'],
  options: Partial<Implementation> = {},
): Implementation {
  return { run, support: 'partial', note, interruption: 'restart', ...options };
}

/** The same for i386's calls with user and group IDs of 16 bits. */
export function shortIds(implementation: Implementation): Implementation {
  return {
    ...implementation,
    run: (call) => {
      call.hasShortIds = call.is32;
      return implementation.run(call);
    },
  };
}

const ENOSYS = -38;
const unsupported: Implementation = { run: () => ENOSYS, support: 'none', interruption: 'restart' };

const INTS = new Set('int pid_t clockid_t key_t key_serial_t idtype_t timer_t'.split(' '));
const UINTS = new Set('unsigned_int uid_t gid_t mode_t uint32_t socklen_t id_t dev_t nfds_t'.split(' '));
const OFFSETS = new Set('loff_t off64_t'.split(' '));
const LONGS = new Set('long off_t time_t ssize_t'.split(' '));

function kindOf(type: string): ArgumentKind {
  const word = type.replace(/ /g, '_');
  if (INTS.has(word)) return 'int';
  if (UINTS.has(word)) return 'uint';
  if (OFFSETS.has(word)) return 'offset';
  return LONGS.has(word) ? 'long' : 'word';
}

function parseParameters(text: string): Syscall['parameters'] {
  if (text === '') return [];
  return text.split(', ').map((parameter) => {
    const [, type, name] = /^(.*?[ *])(\w+)$/.exec(parameter)!;
    return { type: type!.trim(), name: name!, kind: kindOf(type!.trim()) };
  });
}

/** All calls by number, for both ABIs. */
export class SyscallTable {
  readonly all: readonly Syscall[];
  readonly #byNumber: Readonly<Record<Abi, readonly (Syscall | undefined)[]>>;

  /** @throws Error when an implementation has a name that is no system call */
  constructor(implementations: Implementations) {
    const names = new Set(SYSCALLS.map(([name]) => name));
    const stray = Object.keys(implementations).find((name) => !names.has(name));
    if (stray !== undefined) throw new Error(`${stray} is no system call`);
    this.all = SYSCALLS.map(([name, i386, amd64, text = '']) => {
      const parameters = parseParameters(text);
      const kinds = parameters.map(({ kind }) => kind);
      return { ...(implementations[name] ?? unsupported), name, i386, amd64, parameters, kinds };
    });
    const index = (abi: Abi) => {
      const most = Math.max(...this.all.map((row) => row[abi]));
      const rows = Array.from({ length: most + 1 }, (): Syscall | undefined => undefined);
      for (const row of this.all) if (row[abi] >= 0) rows[row[abi]] = row;
      return rows;
    };
    this.#byNumber = { i386: index('i386'), amd64: index('amd64') };
  }

  /** The call of a name. @throws Error when there is none */
  named(name: string): Syscall {
    const row = this.all.find((candidate) => candidate.name === name);
    if (row === undefined) throw new Error(`${name} is no system call`);
    return row;
  }

  /** The call of a number, undefined when Linux has none. */
  find(abi: Abi, number: number): Syscall | undefined {
    return this.#byNumber[abi][number];
  }
}
