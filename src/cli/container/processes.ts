// The processes of a container as `ps -ef` lists them, which is what docker-top(1) and runc-ps(8) show (ps(1), "STANDARD FORMAT
// SPECIFIERS").
import { argumentsOf } from '../../kernel/fs/proc/process.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import type { PidNamespace } from '../../kernel/ns/pid-namespace.ts';
import type { ThreadGroup } from '../../kernel/task/thread-group.ts';
import { columns } from '../columns.ts';
import { CliError } from '../errors.ts';

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
  /** Of its first thread. */
  readonly name: string;
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
    name: leader.name,
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

type Column = readonly [title: string, value: (process: Process, now: number) => string];

const USER: Column['1'] = ({ uid }) => String(uid);
const TERMINAL: Column['1'] = ({ terminal = '?' }) => terminal;
const COMMAND: Column['1'] = ({ command }) => command;

/** What `-o` can ask for; users are numbers, their names are known inside only. */
const COLUMNS: Readonly<Record<string, Column>> = {
  uid: ['UID', USER],
  user: ['USER', USER],
  pid: ['PID', ({ pid }) => String(pid)],
  ppid: ['PPID', ({ parent }) => String(parent)],
  c: ['C', ({ percent }) => String(percent)],
  stime: ['STIME', ({ startedAt }, now) => started(startedAt, now)],
  tname: ['TTY', TERMINAL],
  tty: ['TT', TERMINAL],
  time: ['TIME', ({ milliseconds }) => new Date(milliseconds).toISOString().slice(11, 19)],
  cmd: ['CMD', COMMAND],
  args: ['COMMAND', COMMAND],
  command: ['COMMAND', COMMAND],
  comm: ['COMMAND', ({ name }) => name],
};
const FULL = ['uid', 'pid', 'ppid', 'c', 'stime', 'tname', 'time', 'cmd'];

/** Reads the options of ps: none, `-ef`, or columns with `-o`. @throws CliError for others */
export function columnsAsked(options: readonly string[]): readonly string[] {
  const left = [...options];
  const asked: string[] = [];
  while (left.length > 0) {
    const [, letters, list] = /^-([efA]*)(?:o(.*))?$/s.exec(left[0]!) ?? [];
    if (letters === undefined || left[0] === '-')
      throw new CliError(`ps ${left[0]} is not supported: choose -ef, or -o with ${Object.keys(COLUMNS).join(', ')}.`);
    left.shift();
    if (list !== undefined) asked.push(...(list || (left.shift() ?? '')).split(/[ ,]+/));
  }
  const wrong = asked.find((name) => !Object.hasOwn(COLUMNS, name));
  if (wrong !== undefined)
    throw new CliError(`ps -o ${wrong} is not supported: choose ${Object.keys(COLUMNS).join(', ')}.`);
  return asked.length === 0 ? FULL : asked;
}

/** Processes as a table. */
export function processTable(
  processes: readonly Process[],
  names: readonly string[] = FULL,
  now: number = Date.now(),
): string {
  const shown = names.map((name) => COLUMNS[name]!);
  return columns(
    shown.map(([title]) => title),
    processes.map((process) => shown.map(([, value]) => value(process, now))),
  );
}
