// The directory of one process in procfs (proc(5) "/proc/pid").
import { RLIMIT_SIGPENDING } from '../../../abi/resource.ts';
import { fail } from '../../error.ts';
import type { Kernel } from '../../kernel.ts';
import { queuedSignals } from '../../signal/send.ts';
import type { AddressSpace } from '../../mm/address-space.ts';
import { BadAddress, readUser } from '../../mm/user-memory.ts';
import type { PidNamespace } from '../../ns/pid-namespace.ts';
import type { IdKind, UserNamespace } from '../../ns/user-namespace.ts';
import { ALL_SIGNALS, type SignalSet, signalBit } from '../../signal/signal-set.ts';
import { SIG_DFL, SIG_IGN } from '../../../abi/signal.ts';
import { DUMPABLE } from '../../task/credentials.ts';
import { checkMayInspect } from '../../task/inspection.ts';
import { isRealtime, POLICY_NUMBERS } from '../../task/scheduling.ts';
import type { Task, TaskState } from '../../task/task.ts';
import type { ThreadGroup } from '../../task/thread-group.ts';
import type { Inode, Owner } from '../../vfs/inode.ts';
import { type Path, pathName } from '../../vfs/path.ts';
import { GeneratedDirectory, GeneratedFile, type GeneratedFs, GeneratedLink } from '../generated.ts';
import { coreFilter } from './core-filter.ts';
import { descriptorInformation, fileDescriptors } from './descriptors.ts';
import { MemoryFile } from './memory-file.ts';
import { maps, smaps, smapsRollup, statm, statusRows } from './memory.ts';
import { mountFile, mountInfo, mountStatistics, mountTable } from './mounts.ts';
import { networkDirectory } from './net.ts';
import { addLoginFiles } from './login.ts';
import { addNamespaceFiles } from './namespaces.ts';
import { addMemoryShortageFiles } from './memory-shortage.ts';

const STATE_LETTERS: Readonly<Record<TaskState, string>> = {
  running: 'R',
  sleeping: 'S',
  stopped: 'T',
  traced: 't',
  zombie: 'Z',
  dead: 'Z',
};
const STATE_WORDS: Readonly<Record<string, string>> = {
  R: 'running',
  S: 'sleeping',
  T: 'stopped',
  t: 'tracing stop',
  Z: 'zombie',
};
const LIMIT_NAMES = [
  ['Max cpu time', 'seconds'],
  ['Max file size', 'bytes'],
  ['Max data size', 'bytes'],
  ['Max stack size', 'bytes'],
  ['Max core file size', 'bytes'],
  ['Max resident set', 'bytes'],
  ['Max processes', 'processes'],
  ['Max open files', 'files'],
  ['Max locked memory', 'bytes'],
  ['Max address space', 'bytes'],
  ['Max file locks', 'locks'],
  ['Max pending signals', 'signals'],
  ['Max msgqueue size', 'bytes'],
  ['Max nice priority', ''],
  ['Max realtime priority', ''],
  ['Max realtime timeout', 'us'],
] as const;

/** The task that stands for a process: its leader, or another when the leader has ended. */
function representative(group: ThreadGroup): Task {
  return group.tasks.has(group.leader) ? group.leader : ([...group.tasks][0] ?? group.leader);
}

function letter(group: ThreadGroup, task: Task): string {
  if (group.isZombie) return 'Z';
  return task.isFrozen && task.state === 'running' ? 'S' : STATE_LETTERS[task.state];
}

/** Makes /proc/PID. */
export function processDirectory(kernel: Kernel, fs: GeneratedFs, pids: PidNamespace, group: ThreadGroup): Inode {
  const directory = taskDirectory(kernel, fs, pids, group, () => representative(group));
  directory.process = group;
  const tasks = new WeakMap<Task, Inode>();
  return directory.offerDirectory(
    'task',
    () =>
      new GeneratedDirectory(fs, {
        lookup: (name) => {
          const task = pids.tasks.get(Number(name));
          if (task === undefined || task.group !== group) return undefined;
          let inode = tasks.get(task);
          if (inode === undefined) {
            inode = taskDirectory(kernel, fs, pids, group, () => task);
            tasks.set(task, inode);
          }
          return inode;
        },
        names: () => [...group.tasks].map((task) => String(task.pid.in(pids))),
      }),
  );
}

/** Files belong to the user of the task; those of a task that hides its memory to the superuser of its namespace. */
function ownerOf(task: () => Task): () => Owner {
  return () => {
    const { credentials, memory } = task();
    const isHidden = memory !== undefined && memory.dumpable !== DUMPABLE;
    if (!isHidden) return { uid: credentials.euid, gid: credentials.egid };
    const root = (kind: IdKind) => credentials.user.outside(kind, 0) ?? 0;
    return { uid: root('uid'), gid: root('gid') };
  };
}

/** What the files of a task's directory are made of. */
interface TaskFiles {
  readonly kernel: Kernel;
  readonly fs: GeneratedFs;
  readonly pids: PidNamespace;
  readonly group: ThreadGroup;
  readonly task: () => Task;
  /** The same for texts of a process that is there: a file may be open for longer. @throws SystemError ESRCH */
  readonly there: () => Task;
  readonly owner: () => Owner;
  /** A file that is only read. */
  readonly text: (read: (opener: Task) => string | Uint8Array, mode?: number) => GeneratedFile;
  /** A link to a place that only those may follow who might trace the task. */
  readonly link: (find: () => Path | undefined) => GeneratedLink;
}

function taskDirectory(
  kernel: Kernel,
  fs: GeneratedFs,
  pids: PidNamespace,
  group: ThreadGroup,
  task: () => Task,
): GeneratedDirectory {
  const owner = ownerOf(task);
  const identity = () => ({ uid: task().credentials.euid, gid: task().credentials.egid });
  const there = () => {
    const found = task();
    const isGone = found === group.leader ? pids.groups.get(group.pid.in(pids)) !== group : found.state === 'dead';
    return isGone ? fail('ESRCH') : found;
  };
  const text = (read: (opener: Task) => string | Uint8Array, mode = 0o444) =>
    new GeneratedFile(fs, { read }, owner, mode);
  const link = (find: () => Path | undefined) => {
    const path = () => {
      checkMayInspect(kernel.current, task());
      return find();
    };
    const target = () => {
      const found = path();
      return found === undefined ? '' : pathName(found, (kernel.current ?? task()).directories.root);
    };
    return new GeneratedLink(fs, target, path, owner);
  };
  const directory = addNamespaceFiles(kernel, fs, new GeneratedDirectory(fs, undefined, identity), task, owner);
  addLoginFiles(kernel, fs, directory, there, owner);
  addMemoryShortageFiles(kernel, fs, directory, owner, there);
  const files = { kernel, fs, pids, group, task, there, owner, text, link };
  addStatusFiles(directory, files);
  addMemoryFiles(directory, files);
  addUsageFiles(directory, files);
  addPlaceFiles(directory, files);
  return directory;
}

/** Who the task is, and what it was started with. */
function addStatusFiles(
  directory: GeneratedDirectory,
  { kernel, fs, pids, group, task, there, owner, text }: TaskFiles,
): void {
  directory
    .offer('status', () => text((opener) => status(kernel, pids, group, there(), opener.credentials.user)))
    .offer('stat', () => text(() => stat(kernel, pids, group, there())))
    .offer('statm', () => text(() => statm(there())))
    .offer('cmdline', () => text(() => argumentsOf(there())))
    .offer(
      'comm',
      () =>
        new GeneratedFile(
          fs,
          {
            read: () => `${there().name}\n`,
            write: (name, writer) => {
              if (task().group !== (kernel.current ?? writer).group) fail('EINVAL');
              task().name = name.replace(/\n$/, '').slice(0, 15);
            },
          },
          owner,
          0o644,
        ),
    );
}

/** What it keeps in memory: who may look is asked at opening, and it is the memory of then that is told of. */
function addMemoryFiles(directory: GeneratedDirectory, { fs, task, there, owner }: TaskFiles): void {
  const ofMemory = (read: (memory: AddressSpace | undefined) => string | Uint8Array, mode?: number) => {
    const open = (opener: Task) => {
      checkMayInspect(opener, task());
      const { memory } = task();
      return { read: () => read(memory) };
    };
    return new GeneratedFile(fs, { open }, owner, mode);
  };
  const isStill = (memory: AddressSpace | undefined) => memory !== undefined && task().memory === memory;
  const areas = (read: (task: Task) => string) =>
    ofMemory((memory) => (there().memory !== undefined && isStill(memory) ? read(task()) : ''));
  directory
    .offer('environ', () =>
      ofMemory((memory) => (isStill(memory) ? memoryRange(task(), 'environmentStart', 'environmentEnd') : ''), 0o400),
    )
    .offer('auxv', () => ofMemory((memory) => memory?.auxiliary ?? '', 0o400))
    .offer('maps', () => areas(maps))
    .offer('smaps', () => areas(smaps))
    .offer('smaps_rollup', () => ofMemory((memory) => (isStill(memory) ? smapsRollup(task()) : fail('ESRCH'))))
    .offer('coredump_filter', () => coreFilter(fs, there, owner));
}

/** What it uses: input and output, the processor. */
function addUsageFiles(directory: GeneratedDirectory, { kernel, group, there, text }: TaskFiles): void {
  directory
    .offer('io', () => text((opener) => inspected(opener, there(), () => inputAndOutput(group)), 0o400))
    .offer('wchan', () => text(() => waitChannel(there())))
    .offer('schedstat', () => text(() => `${kernel.nanoseconds(there().userCycles + there().systemCycles)} 0 0\n`))
    .offer('personality', () =>
      text(
        (opener) => inspected(opener, there(), ({ personality }) => `${personality.toString(16).padStart(8, '0')}\n`),
        0o400,
      ),
    );
}

/** Its limits, and what it sees of the system: mounts, control groups, files. */
function addPlaceFiles(directory: GeneratedDirectory, { kernel, fs, task, there, owner, text, link }: TaskFiles): void {
  directory
    .offer('limits', () => text(() => limits(there().group)))
    .offer('mounts', () => new GeneratedFile(fs, mountFile(mountTable, task), owner))
    .offer('mountinfo', () => new GeneratedFile(fs, mountFile(mountInfo, task), owner))
    .offer('cgroup', () => text((opener) => kernel.cgroups.lineOf(there(), opener)))
    .offer('exe', () => link(() => task().executable))
    .offer('cwd', () => link(() => task().directories.directory))
    .offer('root', () => link(() => task().directories.root))
    .offer('mem', () => new MemoryFile(fs, task, owner))
    .offerDirectory('net', () => networkDirectory(fs, task, owner))
    .offerDirectory('fd', () => fileDescriptors(kernel, fs, task, owner))
    .offerDirectory('fdinfo', () => descriptorInformation(kernel, fs, task, owner))
    .offer('mountstats', () => new GeneratedFile(fs, mountFile(mountStatistics, task, false), owner, 0o400));
}

/** Where in the kernel it sleeps is not told. */
const waitChannel = (_: Task) => '0';

/** What only those may read who might trace the task. */
function inspected(opener: Task, task: Task, read: (task: Task) => string): string {
  checkMayInspect(opener, task);
  return read(task);
}

/** What the process has read and written (proc_pid_io(5)); nothing goes to a disk. */
function inputAndOutput({ io }: ThreadGroup): string {
  const rows = { rchar: io.bytesRead, wchar: io.bytesWritten, syscr: io.reads, syscw: io.writes };
  const text = Object.entries(rows).map(([name, value]) => `${name}: ${value}\n`);
  return `${text.join('')}read_bytes: 0\nwrite_bytes: 0\ncancelled_write_bytes: 0\n`;
}

/** The arguments of a program, a NUL behind each. */
export const argumentsOf = (task: Task) => memoryRange(task, 'start', 'end');

function memoryRange(
  task: Task,
  from: 'start' | 'environmentStart',
  to: 'end' | 'environmentEnd',
): Uint8Array | string {
  const { memory } = task;
  if (memory === undefined) return '';
  const [start, end] = [memory.arguments[from], memory.arguments[to]];
  try {
    return readUser(memory, start, end - start);
  } catch (failure) {
    if (!(failure instanceof BadAddress)) throw failure;
    return '';
  }
}

const setText = (set: SignalSet) => (set & ALL_SIGNALS).toString(16).padStart(16, '0');
const capText = (set: bigint) => set.toString(16).padStart(16, '0');

function actionSet(group: ThreadGroup, wanted: (handler: number) => boolean): SignalSet {
  return group.actions.reduce((set, { handler }, n) => (n > 0 && wanted(handler) ? set | signalBit(n) : set), 0n);
}

function status(kernel: Kernel, pids: PidNamespace, group: ThreadGroup, task: Task, viewer: UserNamespace): string {
  const { credentials: c } = task;
  const state = letter(group, task);
  const rows: [string, string][] = [
    ['Name', task.name],
    ['Umask', task.directories.umask.toString(8).padStart(4, '0')],
    ['State', `${state} (${STATE_WORDS[state]})`],
    ['Tgid', String(group.pid.in(pids))],
    ['Ngid', '0'],
    ['Pid', String(task.pid.in(pids))],
    ['PPid', String(group.parent?.pid.in(pids) ?? 0)],
    ['TracerPid', String(task.tracing?.tracer.pid.in(pids) ?? 0)],
    ['Uid', [c.uid, c.euid, c.suid, c.fsuid].map((id) => viewer.shown('uid', id)).join('\t')],
    ['Gid', [c.gid, c.egid, c.sgid, c.fsgid].map((id) => viewer.shown('gid', id)).join('\t')],
    ['FDSize', String(Math.max(64, task.files.entries.length))],
    ['Groups', `${c.groups.map((id) => viewer.shown('gid', id)).join(' ')} `],
    ...nested(pids, group, task),
    ...statusRows(task),
    ['CoreDumping', '0'],
    ['Threads', String(group.tasks.size)],
    ['SigQ', `${queuedSignals(kernel, group)}/${group.limits[RLIMIT_SIGPENDING]!.soft}`],
    ['SigPnd', setText(task.pending.set)],
    ['ShdPnd', setText(group.pending.set)],
    ['SigBlk', setText(task.blocked)],
    ['SigIgn', setText(actionSet(group, (handler) => handler === SIG_IGN))],
    ['SigCgt', setText(actionSet(group, (handler) => handler !== SIG_IGN && handler !== SIG_DFL))],
    ['CapInh', capText(c.inheritable)],
    ['CapPrm', capText(c.permitted)],
    ['CapEff', capText(c.effective)],
    ['CapBnd', capText(c.bounding)],
    ['CapAmb', capText(c.ambient)],
    ['NoNewPrivs', c.noNewPrivileges ? '1' : '0'],
    ['Seccomp', String(task.seccomp.mode)],
    ['Seccomp_filters', String(task.seccomp.filters.length)],
    ['Cpus_allowed', '1'],
    ['Cpus_allowed_list', '0'],
    ['Mems_allowed', '1'],
    ['Mems_allowed_list', '0'],
    ['voluntary_ctxt_switches', String(task.usage.waits)],
    ['nonvoluntary_ctxt_switches', String(task.usage.preemptions)],
  ];
  return rows.map(([name, value]) => `${name}:\t${value}\n`).join('');
}

/** The numbers of a task in its namespaces, outermost of the viewer's first. */
function nested(pids: PidNamespace, group: ThreadGroup, task: Task): [string, string][] {
  const { processGroup } = group;
  const rows = { NStgid: group.pid, NSpid: task.pid, NSpgid: processGroup.pid, NSsid: processGroup.session.pid };
  const levels = [...task.pid.namespaces].filter((namespace) => pids.contains(namespace)).reverse();
  return Object.entries(rows).map(([name, pid]) => [name, levels.map((namespace) => pid.in(namespace)).join('\t')]);
}

/** The 52 fields of /proc/PID/stat; what is not kept is 0. */
function stat(kernel: Kernel, pids: PidNamespace, group: ThreadGroup, task: Task): string {
  const ticks = (cycles: number) => Number(kernel.nanoseconds(cycles) / 10_000_000n);
  const memory = task.memory;
  const size = memory === undefined ? 0 : memory.areas.reduce((sum, { start, end }) => sum + end - start, 0);
  const { processGroup } = group;
  const fields = new Array<number | string>(52).fill(0);
  const set = (first: number, ...values: (number | string)[]) => {
    values.forEach((value, n) => {
      fields[first - 1 + n] = value;
    });
  };
  set(1, task.pid.in(pids), `(${task.name})`, letter(group, task), group.parent?.pid.in(pids) ?? 0);
  set(5, processGroup.pid.in(pids), processGroup.session.pid.in(pids));
  set(7, processGroup.session.terminal?.device ?? 0);
  set(8, processGroup.session.terminal?.foreground?.pid.in(pids) ?? -1);
  const { usage, childUsage } = group;
  set(10, usage.minorFaults, childUsage.minorFaults, usage.majorFaults, childUsage.majorFaults);
  set(
    14,
    ticks(group.userCycles),
    ticks(group.systemCycles),
    ticks(group.childUserCycles),
    ticks(group.childSystemCycles),
  );
  set(
    18,
    isRealtime(task.policy) ? -1 - task.priority : 20 + task.nice,
    task.nice,
    group.tasks.size,
    0,
    ticks(group.startTime),
    size,
    memory?.residentPages() ?? 0,
  );
  set(25, '18446744073709551615');
  set(38, group.exitSignal);
  set(40, task.priority, POLICY_NUMBERS[task.policy]);
  return `${fields.join(' ')}\n`;
}

function limits(group: ThreadGroup): string {
  const value = (limit: number) => (limit === Number.POSITIVE_INFINITY ? 'unlimited' : String(limit));
  const head = `${'Limit'.padEnd(25)} ${'Soft Limit'.padEnd(20)} ${'Hard Limit'.padEnd(20)} Units     \n`;
  const rows = LIMIT_NAMES.map(([name, unit], n) => {
    const { soft, hard } = group.limits[n]!;
    return `${name.padEnd(25)} ${value(soft).padEnd(20)} ${value(hard).padEnd(20)} ${unit.padEnd(10)}\n`;
  });
  return head + rows.join('');
}
