// Who logged in: /proc/PID/loginuid and /proc/PID/sessionid, which children inherit (pam_loginuid(8), audit_getloginuid(3)).
import { fail } from '../../error.ts';
import type { Kernel } from '../../kernel.ts';
import { NOBODY_LOGGED_IN, type Task } from '../../task/task.ts';
import { CAP_AUDIT_CONTROL, hasCapability } from '../../vfs/permission.ts';
import { type GeneratedDirectory, GeneratedFile, type GeneratedFs, type LiveOwner } from '../generated.ts';

const MODE = 0o644;

/** Adds both files to the directory of a task. */
export function addLoginFiles(
  kernel: Kernel,
  fs: GeneratedFs,
  directory: GeneratedDirectory,
  task: () => Task,
  owner: LiveOwner,
): GeneratedDirectory {
  const read = ({ credentials }: Task) => {
    const { uid } = task().login;
    return String(uid === NOBODY_LOGGED_IN.uid ? uid : credentials.user.shown('uid', uid));
  };
  const write = (text: string, writer: Task) => {
    if (writer !== task()) fail('EPERM');
    logIn(kernel, writer, text);
  };
  return directory
    .offer('loginuid', () => new GeneratedFile(fs, { read, write }, owner, MODE))
    .offer('sessionid', () => new GeneratedFile(fs, { read: () => String(task().login.session) }, owner));
}

/** Once somebody is logged in, only the privileged change who. @throws SystemError EINVAL, ERANGE, EPERM */
function logIn(kernel: Kernel, task: Task, text: string): void {
  const given = /^\d+\n?$/.test(text) ? Number(text) : fail('EINVAL');
  const { credentials, login } = task;
  const isEnd = given === NOBODY_LOGGED_IN.uid;
  if (given > NOBODY_LOGGED_IN.uid) fail('ERANGE');
  const uid = isEnd ? given : credentials.user.fromProgram('uid', given);
  if (login.uid !== NOBODY_LOGGED_IN.uid && !hasCapability(credentials, CAP_AUDIT_CONTROL)) fail('EPERM');
  task.login = isEnd ? NOBODY_LOGGED_IN : { uid, session: kernel.nextLoginSession() };
}
