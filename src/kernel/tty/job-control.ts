// Processes in the background of a terminal (credentials(7) "Sessions", termios(3) TOSTOP).
import { SI_KERNEL, SIG_IGN, SIGNAL } from '../../abi/signal.ts';
import { fail } from '../error.ts';
import { sendSignalToProcessGroup } from '../signal/send.ts';
import { hasSignal } from '../signal/signal-set.ts';
import type { Task } from '../task/task.ts';
import type { ProcessGroup } from '../task/thread-group.ts';
import type { Terminal } from './terminal.ts';

/** Nobody outside the group but in its session could continue it. */
function isOrphaned(group: ProcessGroup): boolean {
  return [...group.members].every(({ parent }) => {
    if (parent === undefined || parent.parent === undefined) return true;
    return parent.processGroup === group || parent.processGroup.session !== group.session;
  });
}

/**
 * A process in the background wants the terminal: its group is stopped, unless it does not care.
 * True when the caller has to wait for that. @throws SystemError EIO when nobody could continue it
 */
export function stopInBackground(terminal: Terminal, task: Task, signal: number): boolean {
  const { group } = task;
  const { processGroup } = group;
  if (processGroup.session.terminal !== terminal || terminal.foreground === undefined) return false;
  if (processGroup === terminal.foreground) return false;
  const isUnheard = hasSignal(task.blocked, signal) || group.actions[signal]!.handler === SIG_IGN;
  if (isUnheard) return signal === SIGNAL.SIGTTIN ? fail('EIO') : false;
  if (isOrphaned(processGroup)) return fail('EIO');
  sendSignalToProcessGroup(terminal.kernel, processGroup, { signal, code: SI_KERNEL });
  return true;
}
