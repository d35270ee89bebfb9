// How the identity of a task changes: what user IDs do to capabilities, and what a change does to the process
// (capabilities(7) "Effect of user ID changes on capabilities", prctl(2) PR_SET_DUMPABLE).
import type { UserNamespace } from '../ns/user-namespace.ts';
import {
  CAP_CHOWN,
  CAP_DAC_OVERRIDE,
  CAP_DAC_READ_SEARCH,
  CAP_FOWNER,
  CAP_FSETID,
  CAP_LINUX_IMMUTABLE,
  CAP_MAC_OVERRIDE,
  CAP_MKNOD,
  type Credentials,
} from '../vfs/permission.ts';
import type { Task } from './task.ts';

/** Bits of the securebits flags; each but the last two has its lock in the bit above. */
export const SECBIT_NOROOT = 1 << 0;
export const SECBIT_NO_SETUID_FIXUP = 1 << 2;
export const SECBIT_KEEP_CAPS = 1 << 4;
export const SECBIT_KEEP_CAPS_LOCKED = 1 << 5;
export const SECBIT_NO_CAP_AMBIENT_RAISE = 1 << 6;
export const ALL_SECUREBITS = SECBIT_NOROOT | SECBIT_NO_SETUID_FIXUP | SECBIT_KEEP_CAPS | SECBIT_NO_CAP_AMBIENT_RAISE;
export const ALL_SECUREBIT_LOCKS = ALL_SECUREBITS << 1;

/** Values of "dumpable". */
export const NOT_DUMPABLE = 0;
export const DUMPABLE = 1;

const bits = (...capabilities: number[]) => capabilities.reduce((set, n) => set | (1n << BigInt(n)), 0n);
/** Capabilities that come and go with the file-system user ID. */
const FILE_CAPABILITIES = bits(
  CAP_CHOWN,
  CAP_DAC_OVERRIDE,
  CAP_DAC_READ_SEARCH,
  CAP_FOWNER,
  CAP_FSETID,
  CAP_LINUX_IMMUTABLE,
  CAP_MKNOD,
  CAP_MAC_OVERRIDE,
);

/** The task becomes somebody else; more rights than before hide its memory from those who could look into it. */
export function commitCredentials(task: Task, next: Credentials): void {
  const old = task.credentials;
  task.credentials = next;
  const { thread } = task.keyrings;
  if (thread !== undefined) Object.assign(thread, { uid: next.fsuid, gid: next.fsgid });
  const isSame =
    old.euid === next.euid && old.egid === next.egid && old.fsuid === next.fsuid && old.fsgid === next.fsgid;
  if (isSame && !gainsCapabilities(old, next)) return;
  if (task.memory !== undefined) task.memory.dumpable = NOT_DUMPABLE;
  task.parentDeathSignal = 0;
}

/** The capabilities of `next` are not a subset of those of `old`, or count in a namespace that is none of old's. */
function gainsCapabilities(old: Credentials, next: Credentials): boolean {
  if (old.user === next.user) return (next.permitted & ~old.permitted) !== 0n;
  for (let ns: UserNamespace | undefined = next.user; ns !== undefined; ns = ns.parent)
    if (ns.parent === old.user && ns.maker.uid === old.euid) return false;
  return true;
}

/** Adjusts capabilities after a change of real, effective or saved user ID. */
export function followUserIds(old: Credentials, next: Credentials): void {
  const { root } = old.user;
  if (old.securebits & SECBIT_NO_SETUID_FIXUP) return;
  const hadRoot = [old.uid, old.euid, old.suid].some((id) => id === root);
  const hasRoot = [next.uid, next.euid, next.suid].some((id) => id === root);
  if (hadRoot && !hasRoot) {
    if (!(old.securebits & SECBIT_KEEP_CAPS)) {
      next.permitted = 0n;
      next.effective = 0n;
    }
    next.ambient = 0n;
  }
  if (old.euid === root && next.euid !== root) next.effective = 0n;
  if (old.euid !== root && next.euid === root) next.effective = next.permitted;
}

/** Adjusts capabilities after setfsuid(2). */
export function followFileUserId(old: Credentials, next: Credentials): void {
  const { root } = old.user;
  if (old.securebits & SECBIT_NO_SETUID_FIXUP) return;
  if (old.fsuid === root && next.fsuid !== root) next.effective &= ~FILE_CAPABILITIES;
  if (old.fsuid !== root && next.fsuid === root) next.effective |= next.permitted & FILE_CAPABILITIES;
}
