// Facts of the whole system in procfs (proc(5)): cpuinfo, meminfo, stat, vmstat, uptime, loadavg and their like.
import type { Kernel } from '../../kernel.ts';
import type { PidNamespace } from '../../ns/pid-namespace.ts';
import { RELEASE } from '../../syscalls/system.ts';
import type { Task } from '../../task/task.ts';
import { FILE_SYSTEM_TYPES } from '../type-names.ts';
import { lockTable } from './locks.ts';

const PAGE_KIB = 4;
const TAB = 8;
/** Nanoseconds of a tick of USER_HZ. */
const TICK = 10_000_000n;
const CPU_FLAGS =
  'fpu de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat clflush mmx fxsr sse sse2 syscall nx lm rep_good nopl';

function cpuInfo({ platform }: Kernel): string {
  const mhz = platform.frequencyHz / 1e6;
  const rows: [string, string][] = [
    ['processor', '0'],
    ['vendor_id', 'GenuineIntel'],
    ['cpu family', '6'],
    ['model', '15'],
    ['model name', 'anillo x86 processor'],
    ['stepping', '1'],
    ['cpu MHz', mhz.toFixed(3)],
    ['physical id', '0'],
    ['siblings', '1'],
    ['core id', '0'],
    ['cpu cores', '1'],
    ['fpu', 'yes'],
    ['cpuid level', '10'],
    ['wp', 'yes'],
    ['flags', CPU_FLAGS],
    ['bogomips', (2 * mhz).toFixed(2)],
    ['clflush size', '64'],
    ['address sizes', '36 bits physical, 48 bits virtual'],
  ];
  return `${rows.map(([name, value]) => `${name}${name.length < TAB ? '\t\t' : '\t'}: ${value}\n`).join('')}\n`;
}

function memoryInfo({ frames, cgroups }: Kernel): string {
  const { kinds } = cgroups.root.effective('memory');
  const total = frames.total * PAGE_KIB;
  const free = (frames.total - frames.used) * PAGE_KIB;
  const kib = (bytes: number) => bytes / 1024;
  const rows: [string, number][] = [
    ['MemTotal', total],
    ['MemFree', free],
    ['MemAvailable', free + kib(kinds.file)],
    ['Buffers', 0],
    ['Cached', kib(kinds.file + kinds.shmem)],
    ['SwapCached', 0],
    ['Active', 0],
    ['Inactive', kib(kinds.anon + kinds.file + kinds.shmem)],
    ['Active(anon)', 0],
    ['Inactive(anon)', kib(kinds.anon + kinds.shmem)],
    ['Active(file)', 0],
    ['Inactive(file)', kib(kinds.file)],
    ['Unevictable', 0],
    ['Mlocked', 0],
    ['SwapTotal', 0],
    ['SwapFree', 0],
    ['Dirty', 0],
    ['Writeback', 0],
    ['AnonPages', kib(kinds.anon)],
    ['Mapped', kib(kinds.file)],
    ['Shmem', kib(kinds.shmem)],
    ['KReclaimable', 0],
    ['Slab', kib(kinds.slab)],
    ['SReclaimable', 0],
    ['SUnreclaim', kib(kinds.slab)],
    ['KernelStack', kib(kinds.kernel_stack)],
    ['PageTables', kib(kinds.pagetables)],
    ['CommitLimit', total],
    ['Committed_AS', kib(kinds.anon + kinds.shmem)],
    ['VmallocTotal', 0],
    ['VmallocUsed', 0],
    ['HugePages_Total', 0],
    ['Hugepagesize', 2048],
  ];
  return rows
    .map(([name, value]) => {
      const unit = name.startsWith('HugePages') ? '' : ' kB';
      return `${`${name}:`.padEnd(15)} ${String(Math.round(value)).padStart(8)}${unit}\n`;
    })
    .join('');
}

function vmstat({ frames, cgroups }: Kernel): string {
  const { kinds } = cgroups.root.effective('memory');
  const pages = (bytes: number) => Math.round(bytes / 4096);
  const rows: [string, number][] = [
    ['nr_free_pages', frames.total - frames.used],
    ['nr_inactive_anon', pages(kinds.anon)],
    ['nr_active_anon', 0],
    ['nr_inactive_file', pages(kinds.file)],
    ['nr_active_file', 0],
    ['nr_anon_pages', pages(kinds.anon)],
    ['nr_mapped', pages(kinds.file)],
    ['nr_file_pages', pages(kinds.file + kinds.shmem)],
    ['nr_dirty', 0],
    ['nr_writeback', 0],
    ['nr_shmem', pages(kinds.shmem)],
    ['nr_page_table_pages', pages(kinds.pagetables)],
    ['pgpgin', 0],
    ['pgpgout', 0],
    ['pswpin', 0],
    ['pswpout', 0],
  ];
  return rows.map(([name, value]) => `${name} ${value}\n`).join('');
}

function uptime(kernel: Kernel, { namespaces }: Task): string {
  const seconds = (time: bigint) => (Number(time) / 1e9).toFixed(2);
  const idle = kernel.nanoseconds(kernel.processorTime.idle);
  return `${seconds(kernel.monotonic + namespaces.time.boottime)} ${seconds(idle)}\n`;
}

const isRunning = ({ state }: Task): boolean => state === 'running';

function runningTasks(pids: PidNamespace): number {
  return [...pids.tasks.values()].filter(isRunning).length;
}

function systemStat(kernel: Kernel, pids: PidNamespace): string {
  const { user, system, idle } = kernel.processorTime;
  const [userTicks, systemTicks, idleTicks] = [user, system, idle].map((cycles) => kernel.nanoseconds(cycles) / TICK);
  const times = `${userTicks} 0 ${systemTicks} ${idleTicks} 0 0 0 0 0 0`;
  return [
    `cpu  ${times}`,
    `cpu0 ${times}`,
    'intr 0',
    `ctxt ${kernel.processorTime.turns}`,
    `btime ${kernel.epoch / 1_000_000_000n}`,
    `processes ${pids.last}`,
    `procs_running ${runningTasks(pids)}`,
    'procs_blocked 0',
    'softirq 0 0 0 0 0 0 0 0 0 0 0\n',
  ].join('\n');
}

const DEVICES = `Character devices:
  1 mem
  5 /dev/tty
  5 /dev/console
  5 /dev/ptmx
136 pts

Block devices:
`;

/** The files, by name: each makes its text for the task that opens it. */
export function systemFiles(kernel: Kernel, pids: PidNamespace): Record<string, (opener: Task) => string> {
  return {
    cgroups: () => kernel.cgroups.table(),
    cmdline: () => '\n',
    consoles: () => 'tty0                 -WU (EC  p  )    5:1\n',
    cpuinfo: () => cpuInfo(kernel),
    devices: () => DEVICES,
    diskstats: () => '',
    filesystems: () => FILE_SYSTEM_TYPES.map((type) => `nodev\t${type}\n`).join(''),
    interrupts: () => '           CPU0       \n',
    loadavg: () => `0.00 0.00 0.00 ${runningTasks(pids)}/${pids.tasks.size} ${pids.last}\n`,
    locks: () => lockTable(kernel),
    meminfo: () => memoryInfo(kernel),
    misc: () => '',
    modules: () => '',
    partitions: () => 'major minor  #blocks  name\n\n',
    stat: () => systemStat(kernel, pids),
    swaps: () => 'Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n',
    uptime: (opener) => uptime(kernel, opener),
    version: () => `Linux version ${RELEASE} (anillo) #1 SMP\n`,
    vmstat: () => vmstat(kernel),
  };
}
