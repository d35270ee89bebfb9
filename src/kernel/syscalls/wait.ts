// System calls that await children and those that are traced: wait4(2), waitpid(2), waitid(2).
import { O_NONBLOCK } from '../../abi/stat.ts';
import {
  CLD_CONTINUED,
  CLD_DUMPED,
  CLD_EXITED,
  CLD_KILLED,
  CLD_STOPPED,
  CLD_TRAPPED,
  SIGNAL,
} from '../../abi/signal.ts';
import { fail } from '../error.ts';
import { encodeSignalInfo } from '../signal/siginfo.ts';
import { reap } from '../task/exit.ts';
import type { ChildEvent, ThreadGroup } from '../task/thread-group.ts';
import type { Pid } from '../ns/pid-namespace.ts';
import type { Call, CallResult } from './call.ts';
import { pidFile } from './pidfds.ts';
import { usedByAll, writeResourceUsage } from './resources.ts';
import { full, type Implementations } from './table.ts';

const WNOHANG = 1;
const WUNTRACED = 2;
const WEXITED = 4;
const WCONTINUED = 8;
const WNOWAIT = 0x0100_0000;
const WNOTHREAD = 0x2000_0000;
const WALL = 0x4000_0000;
const WCLONE = 0x8000_0000;

/** Which children are meant. */
type Selection = (child: Pick<ThreadGroup, 'pid' | 'processGroup'>) => boolean;

/** What wait(2) tells of. */
interface News {
  readonly pid: Pid;
  /** The process; undefined when its end was told before. */
  readonly group: ThreadGroup | undefined;
  readonly event: ChildEvent | { readonly kind: 'trapped'; readonly code: number };
  readonly uid: number;
  /** It has been told. */
  readonly taken: () => void;
}

/** A child with news of a wanted kind. */
function findNews(parent: ThreadGroup, selected: Selection, options: number): News | undefined {
  for (const child of parent.children) {
    const { event } = child;
    if (event === undefined || !hasKind(child, options) || !selected(child)) continue;
    const isEnd = event.kind === 'exited' || event.kind === 'killed';
    if (!(options & (isEnd ? WEXITED : event.kind === 'stopped' ? WUNTRACED : WCONTINUED))) continue;
    const taken = () => {
      if (isEnd) reap(child);
      else child.event = undefined;
    };
    return { pid: child.pid, group: child, event, uid: child.leader.credentials.uid, taken };
  }
  return findTraceNews(parent, selected);
}

/** A traced task that stands still or has ended. */
function findTraceNews(tracer: ThreadGroup, selected: Selection): News | undefined {
  for (const task of tracer.tracees) {
    const tracing = task.tracing!;
    if (tracing.stop === undefined || tracing.isReported || !selected(task.asChild)) continue;
    const taken = () => {
      tracing.isReported = true;
    };
    const { pid, group, credentials } = task;
    return { pid, group, event: { kind: 'trapped', code: tracing.stop.code }, uid: credentials.uid, taken };
  }
  const end = tracer.tracedEnds.find(({ pid, processGroup }) => selected({ pid, processGroup }));
  if (end === undefined) return undefined;
  const taken = () => {
    tracer.tracedEnds.splice(tracer.tracedEnds.indexOf(end), 1);
    end.pid.release();
  };
  return { pid: end.pid, group: undefined, event: end.event, uid: 0, taken };
}

/** True when there is somebody to wait for. */
function hasAny({ children, tracees, tracedEnds }: ThreadGroup, selected: Selection, options: number): boolean {
  if ([...children].some((child) => hasKind(child, options) && selected(child))) return true;
  return [...tracees].some((task) => selected(task.asChild)) || tracedEnds.some(selected);
}

/** Children that send another signal than SIGCHLD when they end are waited for with __WCLONE or __WALL. */
function hasKind({ exitSignal }: ThreadGroup, options: number): boolean {
  if (options & WALL) return true;
  return (exitSignal !== SIGNAL.SIGCHLD) === ((options & WCLONE) !== 0);
}

/** The status word of wait(2). */
export function waitStatus(event: News['event']): number {
  switch (event.kind) {
    case 'exited':
      return (event.status & 0xff) << 8;
    case 'killed':
      return event.signal | (event.core ? 0x80 : 0);
    case 'stopped':
      return 0x7f | (event.signal << 8);
    case 'trapped':
      return 0x7f | (event.code << 8);
    case 'continued':
      return 0xffff;
  }
}

/** Waits for a child; `report` writes what it did. */
function wait(
  call: Call,
  selected: Selection,
  options: number,
  report: (news: News | undefined) => number,
): CallResult {
  const { group } = call.task;
  if (!hasAny(group, selected, options)) fail('ECHILD');
  const news = findNews(group, selected, options);
  if (news === undefined) return options & WNOHANG ? report(undefined) : call.wait([group.childQueue]);
  try {
    return report(news);
  } finally {
    // even when the status cannot be written
    if (!(options & WNOWAIT)) news.taken();
  }
}

function selection(call: Call, pid: number): Selection {
  if (pid === -1) return () => true;
  if (pid > 0) return (child) => call.number(child.pid) === pid;
  const wanted = pid === 0 ? call.number(call.task.group.processGroup.pid) : -pid;
  return ({ processGroup }) => call.number(processGroup.pid) === wanted;
}

function wait4(call: Call, usage: number): CallResult {
  const options = call.arg(2);
  if (options & ~(WNOHANG | WUNTRACED | WCONTINUED | WALL | WNOTHREAD | WCLONE)) fail('EINVAL');
  return wait(call, selection(call, call.arg(0)), options | WEXITED, (child) => {
    if (child === undefined) return 0;
    if (call.arg(1) !== 0) call.writeWord(call.arg(1), waitStatus(child.event), 4);
    if (usage !== 0) writeResourceUsage(call, usage, usedByAll(child.group));
    return call.number(child.pid);
  });
}

const CODES: Readonly<Record<News['event']['kind'], number>> = {
  exited: CLD_EXITED,
  killed: CLD_KILLED,
  stopped: CLD_STOPPED,
  continued: CLD_CONTINUED,
  trapped: CLD_TRAPPED,
};

const P_PIDFD = 3;
const WAITID_OPTIONS = WNOHANG | WUNTRACED | WEXITED | WCONTINUED | WNOWAIT | WNOTHREAD | WALL | WCLONE;

function waitidSelection(call: Call, type: number, id: number): Selection {
  switch (type) {
    case 0:
      return () => true;
    case 1:
      return id <= 0 ? fail('EINVAL') : selection(call, id);
    case 2:
      return id < 0 ? fail('EINVAL') : selection(call, -id);
    default:
      return fail('EINVAL');
  }
}

/** si_status: how it ended, or the signal. */
function statusOf(event: News['event']): number {
  switch (event.kind) {
    case 'exited':
      return event.status;
    case 'continued':
      return SIGNAL.SIGCONT;
    case 'trapped':
      return event.code;
    default:
      return event.signal;
  }
}

function waitid(call: Call): CallResult {
  const [type, id, info, options] = [call.arg(0), call.arg(1) | 0, call.arg(2), call.arg(3)];
  if (options & ~WAITID_OPTIONS || !(options & (WEXITED | WUNTRACED | WCONTINUED))) fail('EINVAL');
  const file = type === P_PIDFD ? pidFile(call, id) : undefined;
  const selected =
    file === undefined ? waitidSelection(call, type, id) : ({ pid }: { pid: Pid }) => pid === file.group.pid;
  const mayNotWait = ((file?.flags ?? 0) & O_NONBLOCK) !== 0 && !(options & WNOHANG);
  return wait(call, selected, mayNotWait ? options | WNOHANG : options, (child) => {
    if (child === undefined && mayNotWait) fail('EAGAIN');
    if (child !== undefined && call.arg(4) !== 0) writeResourceUsage(call, call.arg(4), usedByAll(child.group));
    if (info !== 0 && child !== undefined) {
      const { event, uid } = child;
      const code = event.kind === 'killed' && event.core ? CLD_DUMPED : CODES[event.kind];
      const status = statusOf(event);
      call.write(info, encodeSignalInfo({ signal: SIGNAL.SIGCHLD, code, pid: child.pid, uid, status }, call.task));
    } else if (info !== 0) call.write(info, new Uint8Array(call.is32 ? 24 : 28));
    return 0;
  });
}

export const waitCalls: Implementations = {
  wait4: full((call) => wait4(call, call.arg(3))),
  waitpid: full((call) => wait4(call, 0)),
  waitid: full(waitid),
};
