// seccomp(2), and prctl(2) PR_SET_SECCOMP.
import { fail } from '../error.ts';
import { DATA_SIZE, type Instruction, isValidProgram, MOST_INSTRUCTIONS } from '../seccomp/bpf.ts';
import { KNOWN_ACTIONS } from '../seccomp/seccomp.ts';
import { Listener, NOTIF_SIZE, RESPONSE_SIZE } from '../seccomp/notify.ts';
import { SECCOMP_MODE_FILTER, SECCOMP_MODE_STRICT, type Seccomp } from '../seccomp/state.ts';
import type { Task } from '../task/task.ts';
import { CAP_SYS_ADMIN, hasCapability } from '../vfs/permission.ts';
import type { Call } from './call.ts';
import { openFilesLimit } from './limits.ts';
import { full, type Implementations } from './table.ts';

const SET_MODE_STRICT = 0;
const SET_MODE_FILTER = 1;
const GET_ACTION_AVAIL = 2;
const GET_NOTIF_SIZES = 3;
const FLAG_TSYNC = 1;
const FLAG_NEW_LISTENER = 8;
const FLAG_TSYNC_ESRCH = 16;
const FLAG_WAIT_KILLABLE = 32;
const KNOWN_FLAGS = 0x3f;
/** Instructions of all filters of a task, each filter counting four more. */
const MOST_IN_ALL = 32768;
const FILTER_COST = 4;
const INSTRUCTION_SIZE = 8;
/** struct seccomp_notif, seccomp_notif_resp, seccomp_data. */
const NOTIF_SIZES = [NOTIF_SIZE, RESPONSE_SIZE, DATA_SIZE];

function setStrict(call: Call): number {
  const { task } = call;
  if (task.seccomp.mode !== 0 && task.seccomp.mode !== SECCOMP_MODE_STRICT) fail('EINVAL');
  task.seccomp = { mode: SECCOMP_MODE_STRICT, filters: [] };
  return 0;
}

/** struct sock_fprog: a length and a pointer. @throws SystemError EINVAL, EACCES */
function readFilter(call: Call, address: number): Instruction[] {
  const word = call.wordSize;
  const length = call.view(address, 2).getUint16(0, true);
  const pointer = call.readWord(address + word);
  if (length === 0 || length > MOST_INSTRUCTIONS || pointer === 0) fail('EINVAL');
  const { credentials } = call.task;
  if (!credentials.noNewPrivileges && !hasCapability(credentials, CAP_SYS_ADMIN, credentials.user)) fail('EACCES');
  const view = call.view(pointer, length * INSTRUCTION_SIZE);
  const program = Array.from({ length }, (_, n) => {
    const at = n * INSTRUCTION_SIZE;
    return {
      code: view.getUint16(at, true),
      ifTrue: view.getUint8(at + 2),
      ifFalse: view.getUint8(at + 3),
      k: view.getUint32(at + 4, true),
    };
  });
  return isValidProgram(program) ? program : fail('EINVAL');
}

/** The first thread whose filters are not part of the caller's. */
function cannotFollow({ task }: Call): Task | undefined {
  const { filters } = task.seccomp;
  for (const other of task.group.tasks) {
    if (other === task) continue;
    if (other.seccomp.mode === SECCOMP_MODE_STRICT) return other;
    if (other.seccomp.filters.some((filter, n) => filters[n] !== filter)) return other;
  }
  return undefined;
}

function setFilter(call: Call, flags: number, address: number): number {
  const { task } = call;
  if (flags & ~KNOWN_FLAGS) fail('EINVAL');
  if (flags & FLAG_TSYNC && flags & FLAG_NEW_LISTENER && !(flags & FLAG_TSYNC_ESRCH)) fail('EINVAL');
  if (flags & FLAG_WAIT_KILLABLE && !(flags & FLAG_NEW_LISTENER)) fail('EINVAL');
  const filter = readFilter(call, address);
  if (task.seccomp.mode === SECCOMP_MODE_STRICT) fail('EINVAL');
  const { filters } = task.seccomp;
  const size = filters.reduce((sum, { length }) => sum + length + FILTER_COST, filter.length);
  if (size > MOST_IN_ALL) fail('ENOMEM');
  const stray = flags & FLAG_TSYNC ? cannotFollow(call) : undefined;
  if (stray !== undefined) return flags & FLAG_TSYNC_ESRCH ? fail('ESRCH') : call.number(stray.pid);
  const listener = flags & FLAG_NEW_LISTENER ? newListener(call, flags) : undefined;
  const next: Seccomp = {
    ...task.seccomp,
    mode: SECCOMP_MODE_FILTER,
    filters: [...filters, filter],
    ...(listener === undefined ? {} : { listener: { filter, file: listener.file } }),
  };
  for (const other of flags & FLAG_TSYNC ? task.group.tasks : [task]) {
    other.seccomp = next;
    if (task.credentials.noNewPrivileges && !other.credentials.noNewPrivileges)
      other.credentials = { ...other.credentials, noNewPrivileges: true };
  }
  return listener?.fd ?? 0;
}

/** Who hears of what the new filter hands on; of all filters of a task one may have somebody. */
function newListener(call: Call, flags: number): { fd: number; file: Listener } {
  const { kernel, task } = call;
  if (task.seccomp.listener !== undefined) fail('EBUSY');
  const file = new Listener(kernel, (flags & FLAG_WAIT_KILLABLE) !== 0);
  return { file, fd: task.files.install(file, true, openFilesLimit(call)) };
}

function seccomp(call: Call): number {
  const [operation, flags, address] = [call.arg(0), call.arg(1), call.arg(2)];
  switch (operation) {
    case SET_MODE_STRICT:
      return flags !== 0 || address !== 0 ? fail('EINVAL') : setStrict(call);
    case SET_MODE_FILTER:
      return setFilter(call, flags, address);
    case GET_ACTION_AVAIL:
      if (flags !== 0) fail('EINVAL');
      return KNOWN_ACTIONS.includes(call.readWord(address, 4)) ? 0 : fail('EOPNOTSUPP');
    case GET_NOTIF_SIZES:
      if (flags !== 0) fail('EINVAL');
      call.write(address, new Uint8Array(Uint16Array.from(NOTIF_SIZES).buffer));
      return 0;
    default:
      return fail('EINVAL');
  }
}

/** prctl(PR_SET_SECCOMP). */
export function setSeccompMode(call: Call): number {
  if (call.arg(1) === SECCOMP_MODE_STRICT) return setStrict(call);
  return call.arg(1) === SECCOMP_MODE_FILTER ? setFilter(call, 0, call.arg(2)) : fail('EINVAL');
}

export const seccompCalls: Implementations = { seccomp: full(seccomp) };
