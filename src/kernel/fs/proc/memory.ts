// The memory of a process in procfs: maps, smaps, smaps_rollup, statm and the Vm lines of status (proc_pid_maps(5),
// proc_pid_smaps(5), proc_pid_statm(5), proc_pid_status(5)).
import { PROT_EXEC, PROT_READ, PROT_WRITE } from '../../../abi/mman.ts';
import type { AddressSpace } from '../../mm/address-space.ts';
import { type MemoryArea, nameOfSource } from '../../mm/memory-area.ts';
import type { Task } from '../../task/task.ts';

const PAGE_KIB = 4;
const NAME_COLUMN = 73;

/** Pages of an area that are there. */
interface Resident {
  /** Of the file or shared memory itself. */
  readonly file: number;
  /** Copies, and memory that is no file's. */
  readonly anonymous: number;
  /** Of both, those that somebody else has as well. */
  readonly shared: number;
  /** Share of this process in what is there, in pages. */
  readonly proportional: number;
  /** The same of what may not be taken away (mlock(2)). */
  readonly locked: number;
}

function residentIn(memory: AddressSpace, area: MemoryArea): Resident {
  const { frames, table } = memory;
  const counts = { file: 0, anonymous: 0, shared: 0, proportional: 0 };
  table.forEach(area.start, area.end, (address, { frame }) => {
    if (frame === frames.zero) return;
    const { file } = area;
    const isFile = file?.cache.pages.get(file.page + (address - area.start) / 4096) === frame;
    // the page cache holds its pages as well
    const users = Math.max(1, frames.references(frame) - (isFile ? 1 : 0));
    if (isFile) counts.file++;
    else counts.anonymous++;
    if (users > 1) counts.shared++;
    counts.proportional += 1 / users;
  });
  return { ...counts, locked: area.locked ? counts.proportional : 0 };
}

function rights({ protection, shared }: MemoryArea): string {
  const letter = (bit: number, name: string) => (protection & bit ? name : '-');
  return `${letter(PROT_READ, 'r')}${letter(PROT_WRITE, 'w')}${letter(PROT_EXEC, 'x')}${shared ? 's' : 'p'}`;
}

function deviceText(device: number): string {
  const hex = (value: number) => value.toString(16).padStart(2, '0');
  return `${hex((device >>> 8) & 0xfff)}:${hex((device & 0xff) | ((device >>> 12) & 0xfff00))}`;
}

/** The line of an area in maps, without its end. */
function areaLine(task: Task, area: MemoryArea): string {
  const width = task.context.abi === 'i386' ? 8 : 12;
  const hex = (value: number) => value.toString(16).padStart(width, '0');
  const { start, end, file, name } = area;
  const offset = ((file?.page ?? 0) * 4096).toString(16).padStart(8, '0');
  const { device = 0, ino = 0 } = file?.cache.file ?? {};
  const head = `${hex(start)}-${hex(end)} ${rights(area)} ${offset} ${deviceText(device)} ${ino} `;
  const label = file === undefined ? (name ?? '') : nameOfSource(file, task.directories.root);
  return label === '' ? head : `${head.padEnd(NAME_COLUMN)}${label}`;
}

const areasOf = (task: Task): readonly MemoryArea[] => task.memory?.areas ?? [];
const pages = ({ start, end }: MemoryArea): number => (end - start) / 4096;

/** /proc/PID/maps. */
export function maps(task: Task): string {
  return areasOf(task)
    .map((area) => `${areaLine(task, area)}\n`)
    .join('');
}

const kib = (name: string, count: number): string =>
  `${`${name}:`.padEnd(16)}${String(Math.round(count * PAGE_KIB)).padStart(8)} kB\n`;

function rssLines({ file, anonymous, shared, proportional, locked }: Resident): string {
  const all = file + anonymous;
  const isPrivate = all - shared;
  const dirty = Math.min(isPrivate, anonymous);
  return [
    kib('Rss', all),
    kib('Pss', proportional),
    kib('Shared_Clean', shared),
    kib('Shared_Dirty', 0),
    kib('Private_Clean', isPrivate - dirty),
    kib('Private_Dirty', dirty),
    kib('Referenced', all),
    kib('Anonymous', anonymous),
    kib('LazyFree', 0),
    kib('AnonHugePages', 0),
    kib('Swap', 0),
    kib('SwapPss', 0),
    kib('Locked', locked),
  ].join('');
}

/** /proc/PID/smaps. */
export function smaps(task: Task): string {
  const { memory } = task;
  if (memory === undefined) return '';
  return areasOf(task)
    .map((area) => {
      const sizes = kib('Size', pages(area)) + kib('KernelPageSize', 1) + kib('MMUPageSize', 1);
      const flags = [PROT_READ, PROT_WRITE, PROT_EXEC].flatMap((bit, n) =>
        area.protection & bit ? [['rd', 'wr', 'ex'][n]!] : [],
      );
      if (area.shared) flags.push('sh');
      if (area.growsDown) flags.push('gd');
      const words = [...flags, 'mr', 'mw', 'me'].join(' ');
      return `${areaLine(task, area)}\n${sizes}${rssLines(residentIn(memory, area))}VmFlags: ${words} \n`;
    })
    .join('');
}

/** /proc/PID/smaps_rollup. */
export function smapsRollup(task: Task): string {
  const { memory } = task;
  if (memory === undefined || memory.areas.length === 0) return '';
  const sum = { file: 0, anonymous: 0, shared: 0, proportional: 0, locked: 0 };
  for (const area of memory.areas) {
    const found = residentIn(memory, area);
    for (const key of ['file', 'anonymous', 'shared', 'proportional', 'locked'] as const) sum[key] += found[key];
  }
  const whole: MemoryArea = {
    start: memory.areas[0]!.start,
    end: memory.areas.at(-1)!.end,
    protection: 0,
    shared: false,
  };
  return `${areaLine(task, { ...whole, name: '[rollup]' })}\n${rssLines(sum)}`;
}

/** What a process has mapped, in pages. */
interface Sizes {
  readonly total: number;
  readonly locked: number;
  readonly data: number;
  readonly stack: number;
  readonly code: number;
  readonly libraries: number;
  readonly anonymous: number;
  readonly file: number;
  readonly sharedMemory: number;
}

/** Pages of a process by kind. */
function sizesOf(task: Task): Sizes {
  const sizes = {
    total: 0,
    locked: 0,
    data: 0,
    stack: 0,
    code: 0,
    libraries: 0,
    anonymous: 0,
    file: 0,
    sharedMemory: 0,
  };
  const { memory } = task;
  if (memory === undefined) return sizes;
  const program = task.executable?.entry.inode;
  for (const area of memory.areas) {
    const count = pages(area);
    const { file, protection, shared, growsDown } = area;
    sizes.total += count;
    if (area.locked) sizes.locked += count;
    if (growsDown) sizes.stack += count;
    else if (!shared && protection & PROT_WRITE) sizes.data += count;
    if (protection & PROT_EXEC && !(protection & PROT_WRITE) && file !== undefined) {
      const isProgram = program !== undefined && file.cache.file.ino === program.ino;
      if (isProgram) sizes.code += count;
      else sizes.libraries += count;
    }
    const resident = residentIn(memory, area);
    sizes.anonymous += resident.anonymous;
    if (shared && file?.label.startsWith('/dev/zero')) sizes.sharedMemory += resident.file;
    else sizes.file += resident.file;
  }
  return sizes;
}

/** /proc/PID/statm. */
export function statm(task: Task): string {
  const { total, data, stack, code, anonymous, file, sharedMemory } = sizesOf(task);
  const shown = file + sharedMemory;
  return `${[total, anonymous + shown, shown, code, 0, data + stack, 0].join(' ')}\n`;
}

/** The lines of status about memory. */
export function statusRows(task: Task): [string, string][] {
  if (task.memory === undefined) return [];
  const { total, locked, data, stack, code, libraries, anonymous, file, sharedMemory } = sizesOf(task);
  const resident = anonymous + file + sharedMemory;
  const rows: [string, number][] = [
    ['VmPeak', total],
    ['VmSize', total],
    ['VmLck', locked],
    ['VmPin', 0],
    ['VmHWM', Math.max(resident, task.memory.peakPages)],
    ['VmRSS', resident],
    ['RssAnon', anonymous],
    ['RssFile', file],
    ['RssShmem', sharedMemory],
    ['VmData', data],
    ['VmStk', stack],
    ['VmExe', code],
    ['VmLib', libraries],
    ['VmPTE', Math.ceil(total / 512)],
    ['VmSwap', 0],
  ];
  return rows.map(([name, count]) => [name, `${String(count * PAGE_KIB).padStart(8)} kB`]);
}
