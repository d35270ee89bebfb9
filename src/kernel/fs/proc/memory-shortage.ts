// How a process stands when memory runs out (proc(5) /proc/PID/oom_score, oom_score_adj).
import { fail } from '../../error.ts';
import type { Kernel } from '../../kernel.ts';
import { badness, isFirst, NEVER_KILLED } from '../../mm/oom.ts';
import type { Task } from '../../task/task.ts';
import type { ThreadGroup } from '../../task/thread-group.ts';
import type { Inode } from '../../vfs/inode.ts';
import { CAP_SYS_RESOURCE, hasCapability } from '../../vfs/permission.ts';
import { type GeneratedDirectory, GeneratedFile, type GeneratedFs, type LiveOwner } from '../generated.ts';

/** Adds the files to the directory of a process. */
export function addMemoryShortageFiles(
  kernel: Kernel,
  fs: GeneratedFs,
  directory: GeneratedDirectory,
  owner: LiveOwner,
  there: () => Task,
): GeneratedDirectory {
  return directory
    .offer('oom_score', () => new GeneratedFile(fs, { read: () => `${score(kernel, there().group)}\n` }, owner))
    .offer('oom_score_adj', () => adjustment(fs, owner, there));
}

/** How likely the process is to be killed for memory. */
function score(kernel: Kernel, group: ThreadGroup): number {
  const { total } = kernel.frames;
  const points = isFirst(kernel, group) ? undefined : badness(group, total);
  return points === undefined ? 0 : Math.max(0, Math.trunc(((1000 + Math.trunc((points * 1000) / total)) * 2) / 3));
}

function adjustment(fs: GeneratedFs, owner: LiveOwner, there: () => Task): Inode {
  const write = (text: string, writer: Task) => {
    const { group } = there();
    const value = /^[+-]?\d+\n?$/.test(text.trimStart()) ? Number(text) : fail('EINVAL');
    if (Math.abs(value) > -NEVER_KILLED) fail('EINVAL');
    const isPrivileged = hasCapability(writer.credentials, CAP_SYS_RESOURCE);
    if (value < group.leastOomAdjustment && !isPrivileged) fail('EACCES');
    group.oomAdjustment = value;
    if (isPrivileged) group.leastOomAdjustment = value;
  };
  return new GeneratedFile(fs, { read: () => `${there().group.oomAdjustment}\n`, write }, owner, 0o644);
}
