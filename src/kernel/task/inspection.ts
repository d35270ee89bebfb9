// Who may look into another process (ptrace(2) "Ptrace access mode checking").
import { fail } from '../error.ts';
import { comesFrom } from '../landlock/domain.ts';
import { CAP_SYS_PTRACE, hasCapability } from '../vfs/permission.ts';
import { DUMPABLE } from './credentials.ts';
import type { Task } from './task.ts';

/** With the file-system IDs, as /proc is looked at, or with the real ones, as ptrace(2) and its like attach. */
export type InspectionMode = 'file-ids' | 'real-ids';

/** May the task look into the target? */
export function mayInspect(task: Task, target: Task, mode: InspectionMode = 'file-ids'): boolean {
  if (task.group === target.group) return true;
  const { credentials: own } = task;
  const { credentials: other } = target;
  if (!comesFrom(other.landlock, own.landlock)) return false;
  const [uid, gid] = mode === 'file-ids' ? [own.fsuid, own.fsgid] : [own.uid, own.gid];
  const isSame =
    [other.uid, other.euid, other.suid].every((id) => id === uid) &&
    [other.gid, other.egid, other.sgid].every((id) => id === gid);
  const mayTrace = hasCapability(own, CAP_SYS_PTRACE, other.user);
  if (!isSame && !mayTrace) return false;
  const { memory } = target;
  if (memory !== undefined && memory.dumpable !== DUMPABLE) {
    // one that hides itself stays hidden when it enters a namespace where others have rights
    if (!hasCapability(own, CAP_SYS_PTRACE, memory.owner ?? other.user)) return false;
  }
  const capabilities = mode === 'file-ids' ? own.effective : own.permitted;
  const isSubset = own.user === other.user && (other.permitted & ~capabilities) === 0n;
  return isSubset || mayTrace;
}

/** @throws SystemError EACCES when the task may not look into the target */
export function checkMayInspect(task: Task | undefined, target: Task): void {
  if (task !== undefined && !mayInspect(task, target)) fail('EACCES');
}
