// What travels beside the bytes of a message (cmsg(3), unix(7) "Ancillary messages"), and struct msghdr itself.
import { AF_UNIX, MSG_CMSG_CLOEXEC, SCM_CREDENTIALS, SCM_RIGHTS, SOL_SOCKET } from '../../abi/socket.ts';
import { fail } from '../error.ts';
import { RawSocket } from '../net/raw.ts';
import type { Ancillary, ControlRecord, PeerCredentials, Received, Socket } from '../net/socket.ts';
import { release } from '../vfs/file.ts';
import { CAP_SETGID, CAP_SETUID, CAP_SYS_ADMIN, hasCapability } from '../vfs/permission.ts';
import type { Call } from './call.ts';
import { openFilesLimit } from './limits.ts';
import { type Buffer, buffers } from './transfer.ts';

const MOST_FILES = 253;

/** struct msghdr, read. */
export interface MessageHeader {
  readonly name: number;
  readonly nameLength: number;
  readonly buffers: readonly Buffer[];
  readonly control: number;
  readonly controlLength: number;
}

/** Reads a struct msghdr. @throws SystemError EMSGSIZE */
export function readHeader(call: Call, address: number): MessageHeader {
  const word = call.wordSize;
  const at = (n: number) => call.readWord(address + n * word);
  const count = at(3);
  if (count < 0 || count > 1024) fail('EMSGSIZE');
  return {
    name: at(0),
    nameLength: call.readWord(address + word, 4) | 0,
    buffers: buffers(call, at(2), count),
    control: at(4),
    controlLength: at(5),
  };
}

/** The struct ucred a sender claims: its own IDs, or any with the capabilities to take them. */
function claimed(call: Call, address: number, length: number): PeerCredentials {
  if (length !== 12) return fail('EINVAL');
  const { credentials, group } = call.task;
  const [number, ...ids] = [0, 4, 8].map((at) => call.readWord(address + at, 4)) as [number, number, number];
  const [uid, gid] = [call.users.fromProgram('uid', ids[0]!), call.users.fromProgram('gid', ids[1]!)];
  const may = (capability: number) => hasCapability(credentials, capability, credentials.user);
  const mayClaimPid = number === call.number(group.pid) || hasCapability(credentials, CAP_SYS_ADMIN, call.pids.owner);
  const isOwnUser = [credentials.uid, credentials.euid, credentials.suid].includes(uid);
  const isOwnGroup = [credentials.gid, credentials.egid, credentials.sgid].includes(gid);
  if (!mayClaimPid || !(isOwnUser || may(CAP_SETUID)) || !(isOwnGroup || may(CAP_SETGID))) fail('EPERM');
  return { pid: (call.pids.groups.get(number) ?? fail('ESRCH')).pid, uid, gid };
}

/** Control messages of a message to be sent: files, credentials, and those of protocols, which look at what is theirs. */
export function readControl(call: Call, { control, controlLength }: MessageHeader, socket: Socket): Ancillary {
  const word = call.wordSize;
  const head = word + 8;
  const files: Ancillary['files'][number][] = [];
  const records: ControlRecord[] = [];
  let credentials: Ancillary['credentials'];
  for (let at = 0; control !== 0 && at + head <= controlLength; ) {
    const length = call.readWord(control + at);
    if (length < head || at + length > controlLength) fail('EINVAL');
    const [level, type] = [call.readWord(control + at + word, 4), call.readWord(control + at + word + 4, 4)];
    if (level === SOL_SOCKET && type === SCM_RIGHTS) {
      if (socket.family !== AF_UNIX) fail('EINVAL');
      for (let n = 0; n < (length - head) / 4; n++)
        files.push(call.task.files.any(call.readWord(control + at + head + 4 * n, 4) | 0));
    } else if (level === SOL_SOCKET && type === SCM_CREDENTIALS)
      credentials = claimed(call, control + at + head, length - head);
    else if (level === SOL_SOCKET || socket instanceof RawSocket) fail('EINVAL');
    else if (socket.family !== AF_UNIX)
      records.push({ level, type, bytes: call.read(control + at + head, length - head) });
    at += Math.ceil(length / word) * word;
  }
  if (files.length > MOST_FILES) fail('EINVAL');
  return { files, credentials, records };
}

/** struct ucred as the caller's namespaces have it. */
export function credentialWords(call: Call, { pid, uid, gid }: PeerCredentials): number[] {
  return [call.number(pid), call.shownId('uid', uid), call.shownId('gid', gid)];
}

/** Writes control messages of what was received; files get descriptors. Returns the length and what did not fit. */
export function writeControl(
  call: Call,
  header: MessageHeader,
  { ancillary }: Received,
  socket: Socket,
  flags: number,
): { length: number; truncated: boolean } {
  const word = call.wordSize;
  const head = word + 8;
  let at = 0;
  let truncated = false;
  const put = (type: number, values: readonly number[]) => {
    const length = head + 4 * values.length;
    call.writeWord(header.control + at, length);
    call.writeWord(header.control + at + word, SOL_SOCKET, 4);
    call.writeWord(header.control + at + word + 4, type, 4);
    values.forEach((value, n) => {
      call.writeWord(header.control + at + head + 4 * n, value, 4);
    });
    at += Math.min(Math.ceil(length / word) * word, header.controlLength - at);
  };
  const room = () => (header.control === 0 ? 0 : header.controlLength - at);
  const { credentials, files } = ancillary;
  if (socket.passesCredentials && credentials !== undefined) {
    if (room() >= head + 12) put(SCM_CREDENTIALS, credentialWords(call, credentials));
    else truncated = true;
  }
  if (files.length > 0) {
    const fitting = Math.max(0, Math.floor((room() - head) / 4));
    const given = files.slice(0, fitting);
    for (const file of files.slice(fitting)) release(file);
    truncated ||= given.length < files.length;
    const numbers = given.map((file) =>
      call.task.files.install(file, (flags & MSG_CMSG_CLOEXEC) !== 0, openFilesLimit(call)),
    );
    if (numbers.length > 0) put(SCM_RIGHTS, numbers);
  }
  for (const { level, type, bytes } of ancillary.records ?? []) {
    const length = Math.min(head + bytes.length, room());
    truncated ||= length < head + bytes.length;
    if (length < head) break;
    call.writeWord(header.control + at, length);
    call.writeWord(header.control + at + word, level, 4);
    call.writeWord(header.control + at + word + 4, type, 4);
    if (length > head) call.write(header.control + at + head, bytes.subarray(0, length - head));
    at += Math.min(Math.ceil(length / word) * word, room());
  }
  return { length: at, truncated };
}
