// The seccomp mode of a task, as plain data (seccomp(2)).
import type { Instruction } from './bpf.ts';
import type { Listener } from './notify.ts';

export const SECCOMP_MODE_DISABLED = 0;
export const SECCOMP_MODE_STRICT = 1;
export const SECCOMP_MODE_FILTER = 2;

/** Mode and filters of a task, the newest last. Immutable; children inherit it. */
export interface Seccomp {
  readonly mode: number;
  readonly filters: readonly (readonly Instruction[])[];
  /** Who hears of calls that one of the filters hands on. */
  readonly listener?: { readonly filter: readonly Instruction[]; readonly file: Listener };
}

export const NO_SECCOMP: Seccomp = { mode: SECCOMP_MODE_DISABLED, filters: [] };
