// /proc/sysvipc: the System V IPC objects of the namespace of whoever looks (proc(5), sysvipc(7)).
import { MessageQueues } from '../../ipc/messages.ts';
import type { IpcObject } from '../../ipc/objects.ts';
import { SemaphoreSets } from '../../ipc/semaphores.ts';
import { Segments } from '../../ipc/shared-memory.ts';
import type { Pid, PidNamespace } from '../../ns/pid-namespace.ts';
import { PAGE_SIZE } from '../../platform.ts';
import type { Task } from '../../task/task.ts';

const MSG =
  '       key      msqid perms      cbytes       qnum lspid lrpid   uid   gid  cuid  cgid      stime      rtime      ctime';
const SEM = '       key      semid perms      nsems   uid   gid  cuid  cgid      otime      ctime';
const SHM =
  '       key      shmid perms                  size  cpid  lpid nattch   uid   gid  cuid  cgid      atime      dtime      ctime                   rss                  swap';
const NARROW = 5;
const WIDE = 10;
const WIDEST = 21;

const column = (width: number, ...values: readonly number[]): string =>
  values.map((value) => ` ${String(value).padStart(width)}`).join('');

/** Key, identifier and permissions, which all rows begin with. */
function beginning({ key, id, mode }: IpcObject): string {
  return `${String(key | 0).padStart(WIDE)}${column(WIDE, id)}  ${mode.toString(8).padStart(4)}`;
}

function owners({ credentials: { user } }: Task, object: IpcObject): string {
  const { uid, gid, creatorUid, creatorGid } = object;
  const [owner, creator] = [user.shown('uid', uid), user.shown('uid', creatorUid)];
  return column(NARROW, owner, user.shown('gid', gid), creator, user.shown('gid', creatorGid));
}

const table = (header: string, rows: readonly string[]): string => [header, ...rows, ''].join('\n');

/** The files by name; numbers of processes are those of the procfs. */
export function ipcTables(pids: PidNamespace): Record<string, (reader: Task) => string> {
  const number = (pid: Pid | undefined) => pid?.in(pids) ?? 0;
  return {
    msg: (reader) => {
      const rows = [...reader.namespaces.ipc.table(MessageQueues)].map((queue) => {
        const { size, messages, sender, receiver, sent, received, changed } = queue;
        const held = `${beginning(queue)} ${column(WIDE, size, messages.length)}`;
        const who = `${column(NARROW, number(sender), number(receiver))}${owners(reader, queue)}`;
        return `${held}${who}${column(WIDE, sent, received, changed)}`;
      });
      return table(MSG, rows);
    },
    sem: (reader) => {
      const rows = [...reader.namespaces.ipc.table(SemaphoreSets)].map((set) => {
        const held = `${beginning(set)}${column(WIDE, set.semaphores.length)}`;
        return `${held}${owners(reader, set)}${column(WIDE, set.operated, set.changed)}`;
      });
      return table(SEM, rows);
    },
    shm: (reader) => {
      const segments = reader.namespaces.ipc.table(Segments);
      segments.prune();
      const rows = [...segments].map((segment) => {
        const { size, creator, last, attachments, attached, detached, changed, file } = segment;
        const held = `${beginning(segment)}${column(WIDEST, size)}${column(NARROW, number(creator), number(last))}`;
        const who = ` ${column(NARROW, attachments)}${owners(reader, segment)}`;
        const times = column(WIDE, attached, detached, changed);
        return `${held}${who}${times}${column(WIDEST, file.cache.pages.size * PAGE_SIZE, 0)}`;
      });
      return table(SHM, rows);
    },
  };
}
