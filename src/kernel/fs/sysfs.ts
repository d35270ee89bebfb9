// sysfs(5): the part of the machine that programs look for under /sys, and the place where control groups are mounted.
import { S_IFDIR } from '../../abi/stat.ts';
import type { Kernel } from '../kernel.ts';
import type { Inode } from '../vfs/inode.ts';
import { GeneratedDirectory, GeneratedFile, GeneratedFs, GeneratedLink } from './generated.ts';

const SYSFS_MAGIC = 0x6265_6572;
/** The one processor, as lists of processors are printed. */
const PROCESSORS = '0\n';
const ONE_BIT = '1\n';

/** A directory of texts, directories and what is made otherwise. */
interface Tree {
  readonly [name: string]: string | Inode | Tree;
}

/** Processor 0: alone on its package (Documentation/ABI/stable/sysfs-devices-system-cpu). */
const CPU0: Tree = {
  topology: {
    core_cpus: ONE_BIT,
    core_cpus_list: PROCESSORS,
    core_id: '0\n',
    core_siblings: ONE_BIT,
    core_siblings_list: PROCESSORS,
    package_cpus: ONE_BIT,
    package_cpus_list: PROCESSORS,
    physical_package_id: '0\n',
    thread_siblings: ONE_BIT,
    thread_siblings_list: PROCESSORS,
  },
};

/** The loopback interface (Documentation/ABI/testing/sysfs-class-net). */
const LOOPBACK: Tree = {
  addr_len: '6\n',
  address: '00:00:00:00:00:00\n',
  broadcast: '00:00:00:00:00:00\n',
  carrier: '1\n',
  dev_id: '0x0\n',
  flags: '0x9\n',
  ifindex: '1\n',
  iflink: '1\n',
  mtu: '65536\n',
  operstate: 'unknown\n',
  tx_queue_len: '1000\n',
  type: '772\n',
};

/** /sys/devices/system/cpu. */
const CPUS: Tree = {
  cpu0: CPU0,
  isolated: '\n',
  kernel_max: '8191\n',
  offline: '\n',
  online: PROCESSORS,
  possible: PROCESSORS,
  present: PROCESSORS,
};

/** /sys/devices/system/node/node0/meminfo. */
function nodeMemory(kernel: Kernel): string {
  const { total, used } = kernel.frames;
  const row = (name: string, pages: number) => `Node 0 ${`${name}:`.padEnd(13)}${String(pages * 4).padStart(10)} kB\n`;
  return row('MemTotal', total) + row('MemFree', total - used) + row('MemUsed', used);
}

/** Makes a sysfs. */
export function createSysFs(kernel: Kernel): { fs: GeneratedFs; root: Inode } {
  const fs = new GeneratedFs('sysfs', SYSFS_MAGIC, kernel.nextDevice(), () => kernel.realtime);
  const directory = (tree: Tree): GeneratedDirectory => {
    const made = new GeneratedDirectory(fs, undefined, undefined, 0o755);
    for (const [name, value] of Object.entries(tree)) {
      if (typeof value === 'string') made.add(name, new GeneratedFile(fs, { read: () => value }));
      else if (value instanceof GeneratedLink || value instanceof GeneratedFile) made.add(name, value);
      else made.add(name, directory(value as Tree));
    }
    return made;
  };
  const link = (target: string) => new GeneratedLink(fs, () => target);
  const memory = new GeneratedFile(fs, { read: () => nodeMemory(kernel) });
  const node: Tree = {
    has_cpu: PROCESSORS,
    has_memory: PROCESSORS,
    node0: { cpulist: PROCESSORS, cpumap: ONE_BIT, distance: '10\n', meminfo: memory },
    online: PROCESSORS,
    possible: PROCESSORS,
  };
  const root = directory({
    block: {},
    bus: {},
    class: {
      block: {},
      mem: {},
      net: { lo: link('../../devices/virtual/net/lo') },
      tty: {},
    },
    dev: { block: {}, char: {} },
    devices: { system: { cpu: CPUS, node }, virtual: { net: { lo: LOOPBACK } } },
    firmware: {},
    fs: { cgroup: {} },
    hypervisor: {},
    kernel: KERNEL,
    module: {},
    power: {},
  });
  root.mode = S_IFDIR | 0o555;
  return { fs, root };
}

/** Files that are to be given to whom a control group is delegated, and what options the file system knows. */
const DELEGATE = ['cgroup.procs', 'cgroup.threads', 'cgroup.subtree_control', 'memory.oom.group', 'memory.reclaim']
  .map((name) => `${name}\n`)
  .join('');
const FEATURES = ['nsdelegate', 'favordynmods', 'memory_localevents', 'memory_recursiveprot']
  .map((name) => `${name}\n`)
  .join('');

/** /sys/kernel. */
const KERNEL: Tree = {
  address_bits: '64\n',
  cgroup: { delegate: DELEGATE, features: FEATURES },
  cpu_byteorder: 'little\n',
  fscaps: '1\n',
  mm: { transparent_hugepage: { enabled: 'always madvise [never]\n', hpage_pmd_size: '2097152\n' } },
  profiling: '0\n',
  uevent_seqnum: '0\n',
};
