// The files every control group has (Documentation/admin-guide/cgroup-v2.rst "Core Interface Files").
import { fail } from '../error.ts';
import type { Kernel } from '../kernel.ts';
import type { Task } from '../task/task.ts';
import { MAY_WRITE, mayAccess } from '../vfs/permission.ts';
import { type Cgroup, CONTROLLERS, type ControllerName } from './cgroup.ts';
import type { ControlFile } from './control-file.ts';
import { flatKeyed, limitText, parseInteger, parseRange } from './numbers.ts';

const MOST_INT = 0x7fff_ffff;

/** Makes the list of files. */
export function coreFiles(kernel: Kernel): readonly ControlFile[] {
  const below = 'below-root' as const;
  return [
    { name: 'cgroup.controllers', read: (cgroup) => words(CONTROLLERS.filter((name) => cgroup.available.has(name))) },
    {
      name: 'cgroup.events',
      where: below,
      read: (cgroup) =>
        flatKeyed([
          ['populated', Number(cgroup.isPopulated)],
          ['frozen', Number(cgroup.isFrozen)],
        ]),
    },
    {
      name: 'cgroup.freeze',
      where: below,
      read: (cgroup) => `${Number(cgroup.freezes)}\n`,
      write: (cgroup, text) => kernel.cgroups.freeze(cgroup, parseRange(text, 0, 1) === 1),
    },
    {
      name: 'cgroup.kill',
      where: below,
      write: (cgroup, text) => {
        if (cgroup.isThreaded) fail('EOPNOTSUPP');
        parseRange(text, 1, 1);
        kernel.cgroups.kill(cgroup);
      },
    },
    limitFile('cgroup.max.depth', 'maxDepth'),
    limitFile('cgroup.max.descendants', 'maxDescendants'),
    {
      name: 'cgroup.procs',
      read: (cgroup, opener) => {
        if (cgroup.isThreaded) fail('EOPNOTSUPP');
        return numbers([...cgroup.processes()].map(({ pid }) => pid.in(opener.namespaces.pid)));
      },
      write: (cgroup, text, writer) => moveProcess(kernel, cgroup, findTask(text, writer), writer),
    },
    {
      name: 'cgroup.stat',
      read: (cgroup) =>
        flatKeyed([
          ['nr_descendants', cgroup.descendants],
          ['nr_dying_descendants', kernel.cgroups.dyingBelow(cgroup)],
        ]),
    },
    {
      name: 'cgroup.subtree_control',
      read: (cgroup) => words(CONTROLLERS.filter((name) => cgroup.subtreeControl.has(name))),
      write: (cgroup, text) => control(kernel, cgroup, text),
    },
    {
      name: 'cgroup.threads',
      read: (cgroup, opener) => numbers([...cgroup.tasks].map(({ pid }) => pid.in(opener.namespaces.pid))),
      write: (cgroup, text, writer) => moveThread(kernel, cgroup, findTask(text, writer), writer),
    },
    {
      name: 'cgroup.type',
      where: below,
      read: (cgroup) => `${cgroup.type}\n`,
      write: (cgroup, text) => {
        if (text.trim() !== 'threaded') fail('EINVAL');
        if (cgroup.isThreaded) return;
        cgroup.checkThreaded();
        cgroup.isThreaded = true;
      },
    },
  ];
}

const words = (names: readonly string[]): string => `${names.join(' ')}\n`;

function numbers(pids: readonly number[]): string {
  return [...pids]
    .sort((a, b) => a - b)
    .map((pid) => `${pid}\n`)
    .join('');
}

function limitFile(name: string, limit: 'maxDepth' | 'maxDescendants'): ControlFile {
  return {
    name,
    read: (cgroup) => `${limitText(cgroup[limit])}\n`,
    write: (cgroup, text) => {
      cgroup[limit] = text.trim() === 'max' ? Number.POSITIVE_INFINITY : parseRange(text, 0, MOST_INT);
    },
  };
}

/** Words of +name and -name; the last one counts for each name. */
function control(kernel: Kernel, cgroup: Cgroup, text: string): void {
  const wanted = new Map<ControllerName, boolean>();
  for (const word of text.trim().split(' ')) {
    if (word === '') continue;
    const name = CONTROLLERS.find((known) => known === word.slice(1));
    const named = name ?? fail('EINVAL');
    if (!/^[+-]/.test(word)) fail('EINVAL');
    wanted.set(named, word.startsWith('+'));
  }
  const those = (on: boolean) => [...wanted].filter(([, value]) => value === on).map(([name]) => name);
  kernel.cgroups.control(cgroup, those(true), those(false));
}

/** The task a number means for the writer; 0 is the writer itself. */
function findTask(text: string, writer: Task): Task {
  const number = parseInteger(text);
  if (number < 0) fail('EINVAL');
  const task = number === 0 ? writer : writer.namespaces.pid.tasks.get(number);
  return task === undefined || task.cgroup === undefined ? fail('ESRCH') : task;
}

/**
 * Who moves a task needs to be allowed to write cgroup.procs of the nearest group above source and target, which keeps tasks
 * from leaving what was delegated.
 * @throws SystemError EACCES, ENOENT
 */
export function checkMove(kernel: Kernel, source: Cgroup, target: Cgroup, mover: Task): void {
  let common = target;
  while (!source.isWithin(common)) common = common.parent!;
  const { fs } = kernel.cgroups;
  if (!mayAccess(mover.credentials, fs.directoryOf(common).fileNamed('cgroup.procs'), MAY_WRITE)) fail('EACCES');
  const root = fs.visibleRoot(mover);
  if (fs.delegatesToNamespaces && !(source.isWithin(root) && target.isWithin(root))) fail('ENOENT');
}

function moveProcess(kernel: Kernel, target: Cgroup, task: Task, writer: Task): void {
  checkMove(kernel, task.cgroup!, target, writer);
  kernel.cgroups.move(task.group.tasks, target);
}

function moveThread(kernel: Kernel, target: Cgroup, task: Task, writer: Task): void {
  checkMove(kernel, task.cgroup!, target, writer);
  target.checkTarget();
  if (task.cgroup!.domain !== target.domain) fail('EOPNOTSUPP');
  kernel.cgroups.move([task], target);
}
