// The cpuset controller (Documentation/admin-guide/cgroup-v2.rst "Cpuset"). This machine has one processor and one memory
// node, so that all a group can ask for is those.
import { fail } from '../error.ts';
import type { Cgroup } from './cgroup.ts';
import type { ControlFile } from './control-file.ts';

/** Highest number a list may name (NR_CPUS, MAX_NUMNODES). */
const MOST = { cpus: 8192, mems: 1024 } as const;

/** What the controller keeps for a group: the lists that were written, which may be empty. */
export class CpusetGroup {
  cpus = '';
  mems = '';
}

/** A list of numbers and ranges, each with an optional stride. @throws SystemError EINVAL, ERANGE */
function parseList(text: string, most: number): Set<number> {
  const found = new Set<number>();
  for (const part of text.trim().split(',')) {
    if (part.trim() === '') continue;
    const [, first, last, , stride] = /^\s*(\d+)(?:-(\d+)(:\d+\/(\d+))?)?\s*$/.exec(part) ?? fail('EINVAL');
    const [from, to] = [Number(first), Number(last ?? first)];
    if (to < from || stride === '0') fail('EINVAL');
    if (to >= most) fail('ERANGE');
    for (let n = from; n <= to; n += stride === undefined ? 1 : Number(stride)) found.add(n);
  }
  return found;
}

const own = (cgroup: Cgroup): CpusetGroup => cgroup.states.cpuset!;

function listFile(resource: 'cpus' | 'mems'): ControlFile {
  return {
    name: `cpuset.${resource}`,
    where: 'below-root',
    read: (cgroup) => `${own(cgroup)[resource]}\n`,
    write: (cgroup, text) => {
      const wanted = parseList(text, MOST[resource]);
      if ([...wanted].some((n) => n !== 0)) fail('EINVAL');
      own(cgroup)[resource] = wanted.size === 0 ? '' : '0';
    },
  };
}

/** The files of the controller. */
export const CPUSET_FILES: readonly ControlFile[] = [
  listFile('cpus'),
  { name: 'cpuset.cpus.effective', read: () => '0\n' },
  {
    name: 'cpuset.cpus.partition',
    where: 'below-root',
    read: () => 'member\n',
    // another kind of partition would take the only processor away from everybody else
    write: (_, text) => {
      if (text.trim() !== 'member') fail('EINVAL');
    },
  },
  listFile('mems'),
  { name: 'cpuset.mems.effective', read: () => '0\n' },
];
