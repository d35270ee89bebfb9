// About the system: uname(2), sysinfo(2), getrandom(2), sethostname(2).
import { fail } from '../error.ts';
import { writeAsFarAs } from '../mm/user-memory.ts';
import { PAGE_SIZE } from '../platform.ts';
import type { Task } from '../task/task.ts';
import { CAP_SYS_ADMIN, CAP_SYS_NICE, CAP_SYS_TTY_CONFIG, hasCapability } from '../vfs/permission.ts';
import type { Call } from './call.ts';
import { encodeText } from './text.ts';
import { full, type Implementations, partial } from './table.ts';

const FIELD = 65;
/** personality(2): a version number for programs that expect 2.6, and a machine of 32 bits. */
const UNAME26 = 0x2_0000;
const PER_LINUX32 = 8;
const PER_MASK = 0xff;
export const RELEASE = '6.1.0-anillo';

/** What uname(2) tells: system, host, release, version, machine, domain. */
export function systemNames(call: Call): readonly string[] {
  const { hostname, domainname } = call.task.namespaces.uts;
  const { personality } = call.task;
  const machine = call.is32 || (personality & PER_MASK) === PER_LINUX32 ? 'i686' : 'x86_64';
  const release = personality & UNAME26 ? `2.6.60${RELEASE.slice(3)}` : RELEASE;
  return ['Linux', hostname, release, '#1 SMP', machine, domainname];
}

function uname(call: Call): number {
  const bytes = new Uint8Array(6 * FIELD);
  systemNames(call).forEach((text, n) => {
    bytes.set(encodeText(text).subarray(0, FIELD - 1), n * FIELD);
  });
  call.write(call.arg(0), bytes);
  return 0;
}

function sysinfo(call: Call): number {
  const { frames } = call.kernel;
  const { tasks } = call.pids;
  const word = call.wordSize;
  const bytes = new Uint8Array(call.is32 ? 64 : 112);
  const view = new DataView(bytes.buffer);
  const put = (n: number, value: number) => {
    if (word === 4) view.setUint32(4 * n, value, true);
    else view.setBigUint64(8 * n, BigInt(value), true);
  };
  put(0, Number((call.kernel.monotonic + call.task.namespaces.time.boottime) / 1_000_000_000n));
  put(4, frames.total * 4096);
  put(5, (frames.total - frames.used) * 4096);
  view.setUint16(word * 10, tasks.size, true);
  view.setUint32(call.is32 ? 52 : 104, 1, true);
  call.write(call.arg(0), bytes);
  return 0;
}

const QUERY = 0xffff_ffff;

function personality(call: Call): number {
  const old = call.task.personality;
  if (call.arg(0) !== QUERY) call.task.personality = call.arg(0) & 0xffff_ffff;
  return old;
}

const IOPRIO_WHO_PROCESS = 1;
const IOPRIO_WHO_USER = 3;
const CLASS_SHIFT = 13;
const CLASS_REALTIME = 1;
const CLASS_IDLE = 3;
const LEVELS = 8;

/** The tasks `which` and `who` of ioprio_get(2) mean. @throws SystemError */
function prioritized(call: Call): Task[] {
  const [which, who] = [call.arg(0), call.arg(1)];
  if (which < IOPRIO_WHO_PROCESS || which > IOPRIO_WHO_USER) fail('EINVAL');
  if (which === IOPRIO_WHO_PROCESS) {
    const task = who === 0 ? call.task : call.pids.tasks.get(who);
    return task === undefined ? fail('ESRCH') : [task];
  }
  const all = [...call.pids.tasks.values()];
  const wanted = who === 0 ? call.task.group.processGroup : undefined;
  const found = all.filter(({ group, credentials }) =>
    which === IOPRIO_WHO_USER
      ? credentials.uid === (who === 0 ? call.task.credentials.uid : call.users.outside('uid', who))
      : group.processGroup === wanted || call.number(group.processGroup.pid) === who,
  );
  return found.length > 0 ? found : fail('ESRCH');
}

function getIoPriority(call: Call): number {
  const [best] = prioritized(call)
    .map(({ ioPriority }) => ioPriority.value)
    .sort((a, b) => a - b);
  return best!;
}

function setIoPriority(call: Call): number {
  const value = call.arg(2);
  const kind = (value >> CLASS_SHIFT) & 7;
  const level = value & (LEVELS - 1);
  if (kind > CLASS_IDLE) fail('EINVAL');
  if (kind === 0 && level !== 0) fail('EINVAL');
  if (kind === CLASS_REALTIME && !hasCapability(call.task.credentials, CAP_SYS_ADMIN)) fail('EPERM');
  for (const task of prioritized(call)) {
    const { credentials } = call.task;
    const isOwn = [credentials.uid, credentials.euid].includes(task.credentials.uid);
    if (!isOwn && !hasCapability(credentials, CAP_SYS_NICE)) fail('EPERM');
    task.ioPriority.value = value;
  }
  return 0;
}

function getrandom(call: Call): number {
  if (call.arg(2) & ~7 || (call.arg(2) & 6) === 6) fail('EINVAL');
  const wanted = Math.min(call.arg(1), 0x1ff_ffff);
  const bytes = new Uint8Array(Math.min(wanted, PAGE_SIZE));
  for (let done = 0; done < wanted; ) {
    const part = bytes.subarray(0, wanted - done);
    call.kernel.random.fill(part);
    const copied = writeAsFarAs(call.memory, call.arg(0) + done, part);
    done += copied;
    if (copied < part.length) return done > 0 ? done : fail('EFAULT');
  }
  return wanted;
}

export const systemCalls: Implementations = {
  uname: full(uname),
  sysinfo: full(sysinfo),
  getrandom: full(getrandom),
  sync: full(() => 0),
  personality: full(personality),
  ioprio_get: full(getIoPriority),
  ioprio_set: partial('there are no disks to wait for', setIoPriority),
  vhangup: full((call) => {
    if (!hasCapability(call.task.credentials, CAP_SYS_TTY_CONFIG)) fail('EPERM');
    call.task.group.processGroup.session.terminal?.startOver();
    return 0;
  }),
};
