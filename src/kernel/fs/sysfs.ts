// sysfs(5): the part of the machine that programs look for under /sys, and the place where control groups are mounted.
import type { Kernel } from '../kernel.ts';
import type { Inode } from '../vfs/inode.ts';
import { GeneratedDirectory, GeneratedFile, GeneratedFs } from './generated.ts';

const SYSFS_MAGIC = 0x6265_6572;
/** The one processor, as lists of processors are printed. */
const PROCESSORS = '0\n';

/** Makes a sysfs. */
export function createSysFs(kernel: Kernel): { fs: GeneratedFs; root: Inode } {
  const fs = new GeneratedFs('sysfs', SYSFS_MAGIC, kernel.nextDevice(), () => kernel.realtime);
  const directory = (entries: Readonly<Record<string, Inode>>) => {
    const made = new GeneratedDirectory(fs, undefined, undefined, 0o755);
    for (const [name, inode] of Object.entries(entries)) made.add(name, inode);
    return made;
  };
  const text = (value: string) => new GeneratedFile(fs, { read: () => value });
  const cpu = directory({
    cpu0: directory({}),
    kernel_max: text('8191\n'),
    offline: text('\n'),
    online: text(PROCESSORS),
    possible: text(PROCESSORS),
    present: text(PROCESSORS),
  });
  const root = directory({
    block: directory({}),
    bus: directory({}),
    class: directory({}),
    dev: directory({}),
    devices: directory({ system: directory({ cpu }) }),
    firmware: directory({}),
    fs: directory({ cgroup: directory({}) }),
    kernel: directory({ cgroup: directory({ delegate: text(DELEGATE), features: text(FEATURES) }) }),
    module: directory({}),
    power: directory({}),
  });
  return { fs, root };
}

/** Files that are to be given to whom a control group is delegated, and what options the file system knows. */
const DELEGATE = ['cgroup.procs', 'cgroup.threads', 'cgroup.subtree_control', 'memory.oom.group', 'memory.reclaim']
  .map((name) => `${name}\n`)
  .join('');
const FEATURES = ['nsdelegate', 'favordynmods', 'memory_localevents', 'memory_recursiveprot']
  .map((name) => `${name}\n`)
  .join('');
