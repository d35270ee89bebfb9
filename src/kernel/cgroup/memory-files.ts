// The files of the memory controller (Documentation/admin-guide/cgroup-v2.rst "Memory Interface Files"). There is no swap.
import { fail } from '../error.ts';
import type { Kernel } from '../kernel.ts';
import type { Cgroup } from './cgroup.ts';
import type { ControlFile } from './control-file.ts';
import { MEMORY_EVENTS, type MemoryGroup } from './memory-group.ts';
import { flatKeyed, limitText, parseBytes, parseRange } from './numbers.ts';

const where = 'below-root' as const;
const own = (cgroup: Cgroup): MemoryGroup => cgroup.states.memory!;

type Limit = 'min' | 'low' | 'high' | 'max' | 'swapHigh' | 'swapMax';

function limitFile(name: string, limit: Limit, changed: (group: MemoryGroup) => void = () => {}): ControlFile {
  return {
    name,
    where,
    read: (cgroup) => `${limitText(own(cgroup)[limit])}\n`,
    write: (cgroup, text) => {
      own(cgroup)[limit] = parseBytes(text);
      changed(own(cgroup));
    },
  };
}

function valueFile(name: string, read: (group: MemoryGroup) => string): ControlFile {
  return { name, where, read: (cgroup) => read(own(cgroup)) };
}

/** Makes the files of the controller. */
export function memoryFiles(kernel: Kernel): readonly ControlFile[] {
  const { memory } = kernel;
  return [
    valueFile('memory.current', ({ usage }) => `${usage}\n`),
    valueFile('memory.events', ({ events }) => flatKeyed(MEMORY_EVENTS.map((name) => [name, events[name]]))),
    valueFile('memory.events.local', ({ localEvents }) =>
      flatKeyed(MEMORY_EVENTS.map((name) => [name, localEvents[name]])),
    ),
    limitFile('memory.high', 'high', (group) => memory.takeBack(group, group.usage - group.high)),
    limitFile('memory.low', 'low'),
    limitFile('memory.max', 'max', (group) => memory.enforce(group)),
    limitFile('memory.min', 'min'),
    {
      name: 'memory.oom.group',
      where,
      read: (cgroup) => `${Number(own(cgroup).killsTogether)}\n`,
      write: (cgroup, text) => {
        own(cgroup).killsTogether = parseRange(text, 0, 1) === 1;
      },
    },
    valueFile('memory.peak', ({ peak }) => `${peak}\n`),
    {
      name: 'memory.reclaim',
      write: (cgroup, text) => {
        const bytes = parseBytes(text);
        if (memory.takeBack(own(cgroup), bytes) < bytes) fail('EAGAIN');
      },
    },
    { name: 'memory.stat', read: (cgroup) => statistics(own(cgroup)) },
    valueFile('memory.swap.current', () => '0\n'),
    valueFile('memory.swap.events', () => 'high 0\nmax 0\nfail 0\n'),
    limitFile('memory.swap.high', 'swapHigh'),
    limitFile('memory.swap.max', 'swapMax'),
  ];
}

/** memory.stat in the order of Linux 6.1; what this kernel never does is 0. */
function statistics({ kinds, activity }: MemoryGroup): string {
  const { anon, file, shmem, pagetables, kernel_stack, slab, sock } = kinds;
  const { pgfault, pgmajfault, pgscan, pgsteal } = activity;
  return flatKeyed([
    ['anon', anon],
    // pages of tmpfs and shared memory are pages of files too
    ['file', file + shmem],
    ['kernel', pagetables + kernel_stack + slab],
    ['kernel_stack', kernel_stack],
    ['pagetables', pagetables],
    ['sec_pagetables', 0],
    ['percpu', 0],
    ['sock', sock],
    ['vmalloc', 0],
    ['shmem', shmem],
    ['file_dirty', 0],
    ['file_writeback', 0],
    ['swapcached', 0],
    ['inactive_anon', anon + shmem],
    ['active_anon', 0],
    ['inactive_file', file],
    ['active_file', 0],
    ['unevictable', 0],
    ['slab_reclaimable', 0],
    ['slab_unreclaimable', slab],
    ['slab', slab],
    ['pgscan', pgscan],
    ['pgsteal', pgsteal],
    ['pgscan_direct', pgscan],
    ['pgsteal_direct', pgsteal],
    ['pgfault', pgfault],
    ['pgmajfault', pgmajfault],
  ]);
}
