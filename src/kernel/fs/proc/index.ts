// procfs (proc(5)): the tasks of a PID namespace and facts of the system as text.
import { fail } from '../../error.ts';
import type { Kernel } from '../../kernel.ts';
import type { PidNamespace } from '../../ns/pid-namespace.ts';
import { OVERFLOW_ID } from '../../ns/user-namespace.ts';
import { RELEASE } from '../../syscalls/system.ts';
import type { Task } from '../../task/task.ts';
import type { ThreadGroup } from '../../task/thread-group.ts';
import { GeneratedDirectory, GeneratedFile, GeneratedFs, GeneratedLink } from '../generated.ts';
import { FILE_SYSTEM_TYPES } from '../type-names.ts';
import type { Inode } from '../../vfs/inode.ts';
import { CAP_COUNT, CAP_SYS_ADMIN, hasCapability } from '../../vfs/permission.ts';
import { processDirectory } from './process.ts';

const PROC_MAGIC = 0x9fa0;
const PAGE_KIB = 4;

/** A procfs for a PID namespace. */
export function createProcFs(kernel: Kernel, pids: PidNamespace): { fs: GeneratedFs; root: Inode } {
  const fs = new GeneratedFs('proc', PROC_MAGIC, kernel.nextDevice(), () => kernel.realtime);
  const directories = new WeakMap<ThreadGroup, Inode>();
  const directoryOf = (group: ThreadGroup): Inode => {
    let directory = directories.get(group);
    if (directory === undefined) {
      directory = processDirectory(kernel, fs, pids, group);
      directories.set(group, directory);
    }
    return directory;
  };
  const root = new GeneratedDirectory(fs, {
    lookup: (name) => {
      const group = /^[1-9]\d*$/.test(name) ? pids.groups.get(Number(name)) : undefined;
      return group === undefined ? undefined : directoryOf(group);
    },
    names: () => [...pids.groups.keys()].sort((a, b) => a - b).map(String),
  });
  const text = (read: () => string) => new GeneratedFile(fs, { read });
  root
    .add('self', new GeneratedLink(fs, () => String(kernel.current?.group.pid.in(pids) ?? '')))
    .add('thread-self', new GeneratedLink(fs, () => threadSelf(kernel, pids)))
    .add('mounts', new GeneratedLink(fs, () => 'self/mounts'))
    .add('net', new GeneratedLink(fs, () => 'self/net'))
    .add(
      'meminfo',
      text(() => memoryInfo(kernel)),
    )
    .add('uptime', new GeneratedFile(fs, { read: (opener) => uptime(kernel, opener) }))
    .add(
      'loadavg',
      text(() => `0.00 0.00 0.00 1/${pids.tasks.size} ${pids.last}\n`),
    )
    .add(
      'version',
      text(() => `Linux version ${RELEASE} (anillo) #1 SMP\n`),
    )
    .add(
      'cmdline',
      text(() => '\n'),
    )
    .add(
      'filesystems',
      text(() => FILE_SYSTEM_TYPES.map((type) => `nodev\t${type}\n`).join('')),
    )
    .add(
      'cgroups',
      text(() => kernel.cgroups.table()),
    )
    .add(
      'stat',
      text(() => systemStat(kernel, pids)),
    )
    .add(
      'cpuinfo',
      text(() => CPU_INFO),
    )
    .add('sys', systemControls(kernel, fs));
  return { fs, root };
}

const CPU_INFO = [
  ['processor', '0'],
  ['vendor_id', 'GenuineIntel'],
  ['model name', 'anillo x86 processor'],
  ['cpu MHz', '1000.000'],
  ['flags', 'fpu de pse tsc msr pae cx8 apic sep cmov pat clflush mmx fxsr sse sse2 syscall nx lm'],
]
  .map(([name, value]) => `${name}\t: ${value}\n`)
  .join('')
  .concat('\n');

function threadSelf(kernel: Kernel, pids: PidNamespace): string {
  const task = kernel.current;
  return task === undefined ? '' : `${task.group.pid.in(pids)}/task/${task.pid.in(pids)}`;
}

function memoryInfo({ frames, cgroups }: Kernel): string {
  const { kinds } = cgroups.root.effective('memory');
  const free = (frames.total - frames.used) * PAGE_KIB;
  const kib = (bytes: number) => bytes / 1024;
  const rows: [string, number][] = [
    ['MemTotal', frames.total * PAGE_KIB],
    ['MemFree', free],
    ['MemAvailable', free + kib(kinds.file)],
    ['Buffers', 0],
    ['Cached', kib(kinds.file + kinds.shmem)],
    ['SwapCached', 0],
    ['Active', 0],
    ['Inactive', kib(kinds.anon + kinds.file + kinds.shmem)],
    ['SwapTotal', 0],
    ['SwapFree', 0],
    ['Dirty', 0],
    ['Writeback', 0],
    ['AnonPages', kib(kinds.anon)],
    ['Shmem', kib(kinds.shmem)],
    ['Slab', kib(kinds.slab)],
    ['KernelStack', kib(kinds.kernel_stack)],
    ['PageTables', kib(kinds.pagetables)],
  ];
  return rows.map(([name, value]) => `${`${name}:`.padEnd(15)} ${String(value).padStart(8)} kB\n`).join('');
}

function uptime(kernel: Kernel, { namespaces }: Task): string {
  const seconds = (Number(kernel.monotonic + namespaces.time.boottime) / 1e9).toFixed(2);
  return `${seconds} ${seconds}\n`;
}

function systemStat(kernel: Kernel, pids: PidNamespace): string {
  const ticks = Number(kernel.monotonic / 10_000_000n);
  const running = [...pids.tasks.values()].filter(({ state }) => state === 'running').length;
  return [
    `cpu  ${ticks} 0 0 0 0 0 0 0 0 0`,
    `cpu0 ${ticks} 0 0 0 0 0 0 0 0 0`,
    `btime ${kernel.epoch / 1_000_000_000n}`,
    `processes ${pids.last}`,
    `procs_running ${running}`,
    'procs_blocked 0\n',
  ].join('\n');
}

/** A name of the system; the one of the task that looks. */
function utsName(fs: GeneratedFs, field: 'hostname' | 'domainname'): Inode {
  return new GeneratedFile(fs, {
    read: ({ namespaces }) => `${namespaces.uts[field]}\n`,
    write: (text, { namespaces, credentials }) => {
      if (!hasCapability(credentials, CAP_SYS_ADMIN, namespaces.uts.owner)) fail('EPERM');
      namespaces.uts[field] = text.replace(/\n.*$/s, '').slice(0, 64);
    },
  });
}

/** /proc/sys. */
function systemControls(kernel: Kernel, fs: GeneratedFs): Inode {
  const value = (read: () => string) => new GeneratedFile(fs, { read: () => `${read()}\n` });
  const uuid = () => {
    const bytes = new Uint8Array(16);
    kernel.random.fill(bytes);
    bytes[6] = (bytes[6]! & 0x0f) | 0x40;
    bytes[8] = (bytes[8]! & 0x3f) | 0x80;
    const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
    return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
  };
  const kernelDirectory = new GeneratedDirectory(fs)
    .add(
      'ostype',
      value(() => 'Linux'),
    )
    .add(
      'osrelease',
      value(() => RELEASE),
    )
    .add(
      'pid_max',
      value(() => '32768'),
    )
    .add('hostname', utsName(fs, 'hostname'))
    .add('domainname', utsName(fs, 'domainname'))
    .add(
      'overflowuid',
      value(() => String(OVERFLOW_ID)),
    )
    .add(
      'overflowgid',
      value(() => String(OVERFLOW_ID)),
    )
    .add(
      'cap_last_cap',
      value(() => String(CAP_COUNT - 1)),
    )
    .add('random', new GeneratedDirectory(fs).add('uuid', value(uuid)));
  const vm = new GeneratedDirectory(fs).add(
    'overcommit_memory',
    value(() => '1'),
  );
  return new GeneratedDirectory(fs).add('kernel', kernelDirectory).add('vm', vm);
}
