// Processes that no process makes: the first one of a system, and what is started in a container from outside.
import { SIGNAL } from '../../abi/signal.ts';
import type { Kernel } from '../kernel.ts';
import type { Namespaces } from '../ns/namespaces.ts';
import { Pid } from '../ns/pid-namespace.ts';
import { Context } from '../platform.ts';
import { NO_SIGNALS, PendingSignals } from '../signal/signal-set.ts';
import { defaultLimits } from '../syscalls/resources.ts';
import { FdTable } from '../vfs/fd-table.ts';
import type { Path } from '../vfs/path.ts';
import type { Credentials } from '../vfs/permission.ts';
import { Task } from './task.ts';
import { DEFAULT_ACTION, type Session, ThreadGroup } from './thread-group.ts';

const SIGNAL_SLOTS = 65;

/** What a process without a parent starts with. */
export interface SpawnOptions {
  readonly namespaces: Namespaces;
  readonly root: Path;
  readonly credentials: Credentials;
}

/**
 * Makes a process in a session of its own, with no program and no files yet; its end is in `group.event`.
 * @throws SystemError EAGAIN when there is no process ID
 */
export function spawn(kernel: Kernel, { namespaces, root, credentials }: SpawnOptions): Task {
  const pid = Pid.allocate(namespaces.pid);
  const session: Session = { pid: pid.hold(), groups: new Set(), terminal: undefined };
  const processGroup = { pid: pid.hold(), session, members: new Set<ThreadGroup>() };
  session.groups.add(processGroup);
  const actions = new Array(SIGNAL_SLOTS).fill(DEFAULT_ACTION);
  const group = new ThreadGroup(pid, processGroup, actions, defaultLimits(), SIGNAL.SIGCHLD);
  group.startTime = kernel.platform.cycles;
  const task = new Task({
    pid,
    namespaces,
    group,
    context: new Context(),
    files: new FdTable(kernel.memory),
    directories: { root, directory: root, umask: 0o022, users: 1 },
    credentials,
    blocked: NO_SIGNALS,
    pending: new PendingSignals(),
    onWake: (woken) => kernel.runQueue.add(woken),
  });
  group.leader = task;
  group.tasks.add(task);
  return task;
}
