// The processes of a container as `ps -ef` lists them, which is what docker-top(1) and runc-ps(8) show (ps(1), "STANDARD FORMAT
// SPECIFIERS").
import { argumentsOf } from '../../kernel/fs/proc/process.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import type { PidNamespace } from '../../kernel/ns/pid-namespace.ts';
import type { ThreadGroup } from '../../kernel/task/thread-group.ts';
import { columns } from '../columns.ts';

/** Major number of the devices in /dev/pts. */
const SCREENS = 136;

/** One process, as a runner tells it; numbers are those inside the container. */
export interface Process {
  readonly pid: number;
  readonly parent: number;
  readonly uid: number;
  /** Of processor time. */
  readonly milliseconds: number;
  /** Since the Epoch. */
  readonly startedAt: number;
  /** How much of its life it computed, 0 to 100. */
  readonly percent: number;
  /** Such as pts/0. */
  readonly terminal?: string;
  readonly command: string;
}

/** What `container top` shows of a process. */
export function processOf(kernel: Kernel, group: ThreadGroup, pids: PidNamespace): Process {
  const { leader, userCycles, systemCycles } = group;
  const milliseconds = (cycles: number) => Number(kernel.nanoseconds(cycles)) / 1e6;
  const age = kernel.platform.cycles - group.startTime;
  const used = userCycles + systemCycles;
  const device = group.processGroup.session.terminal?.device;
  return {
    pid: group.pid.in(pids),
    parent: group.parent?.pid.in(pids) ?? 0,
    uid: leader.credentials.uid,
    milliseconds: Math.floor(milliseconds(used)),
    startedAt: Math.floor(Number(kernel.realtime) / 1e6 - milliseconds(age)),
    percent: age > 0 ? Math.floor((100 * used) / age) : 0,
    ...(device === undefined ? {} : { terminal: device >> 8 === SCREENS ? `pts/${device & 0xff}` : 'console' }),
    command: commandOf(group),
  };
}

/** Its arguments; a process that has none, such as one that is ending, is shown by name in brackets. */
function commandOf({ leader }: ThreadGroup): string {
  const bytes = argumentsOf(leader);
  const text = typeof bytes === 'string' ? bytes : new TextDecoder().decode(bytes);
  return text.replace(/\0+$/, '').replaceAll(/[\0\n]/g, ' ') || `[${leader.name}]`;
}

const DAY = 86_400_000;

/** The time of day, or the day when it was another. */
function started(time: number, now: number): string {
  const at = new Date(time);
  if (Math.floor(time / DAY) === Math.floor(now / DAY)) return at.toISOString().slice(11, 16);
  return `${at.toLocaleString('en', { month: 'short', timeZone: 'UTC' })}${String(at.getUTCDate()).padStart(2, '0')}`;
}

/** Processes as a table. */
export function processTable(processes: readonly Process[], now: number = Date.now()): string {
  const time = (ms: number) => new Date(ms).toISOString().slice(11, 19);
  const rows = processes.map(({ uid, pid, parent, percent, startedAt, terminal = '?', milliseconds, command }) => [
    String(uid),
    String(pid),
    String(parent),
    String(percent),
    started(startedAt, now),
    terminal,
    time(milliseconds),
    command,
  ]);
  return columns(['UID', 'PID', 'PPID', 'C', 'STIME', 'TTY', 'TIME', 'CMD'], rows);
}
