// Kernel parameters of a container (OCI runtime specification, "Sysctl"; sysctl(8)): what is written to /proc/sys before its
// program starts. Parameters that cannot be changed may be asked for with the value they have.
import { SystemError } from '../kernel/error.ts';
import { GeneratedFile, GeneratedFs } from '../kernel/fs/generated.ts';
import { systemControls } from '../kernel/fs/proc/controls.ts';
import type { Kernel } from '../kernel/kernel.ts';
import type { Task } from '../kernel/task/task.ts';
import type { Inode } from '../kernel/vfs/inode.ts';
import { OciError } from './oci-error.ts';

/** Sets parameters, as a task sees them. @throws OciError for one there is not, or a value it does not take */
export function applySysctl(kernel: Kernel, task: Task, parameters: Readonly<Record<string, string>>): void {
  const wanted = Object.entries(parameters);
  if (wanted.length === 0) return;
  const controls = systemControls(kernel, new GeneratedFs('proc', 0, kernel.nextDevice(), () => kernel.realtime));
  for (const [name, value] of wanted) setParameter(find(controls, name), task, name, value);
}

/** `kernel.msgmax` and `net/ipv4/conf/eth0.1` alike: the first separator says which of the two it is. */
function find(controls: Inode, name: string): GeneratedFile {
  const separator = /[./]/.exec(name)?.[0] ?? '.';
  let at: Inode | undefined = controls;
  for (const part of name.split(separator)) at = at?.isDirectory ? at.lookup(part) : undefined;
  if (at instanceof GeneratedFile) return at;
  throw new OciError('unsupported', `There is no kernel parameter ${name} (/proc/sys of a container shows them).`);
}

function setParameter({ content }: GeneratedFile, task: Task, name: string, value: string): void {
  const words = (text: string) => text.trim().split(/\s+/).join(' ');
  const now = words(String(content.read?.(task) ?? ''));
  if (now === words(value)) return;
  if (!content.write)
    throw new OciError('unsupported', `The kernel parameter ${name} is ${now} and cannot be changed to ${value}.`);
  try {
    content.write(value, task, { credentials: task.credentials, offset: 0 });
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    throw new OciError('bad-option', `The kernel parameter ${name} does not take ${value} (${error.errno}).`);
  }
}
