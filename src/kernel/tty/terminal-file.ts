// An open terminal: reading and writing with job control (termios(3), credentials(7), ioctl_tty(2)).
import { O_NOCTTY, S_IFCHR } from '../../abi/stat.ts';
import { SIGNAL } from '../../abi/signal.ts';
import { fail } from '../error.ts';
import type { Call, CallResult } from '../syscalls/call.ts';
import type { Task } from '../task/task.ts';
import { type AsyncReceivers, type FileOwner, ownerBy } from '../vfs/async.ts';
import { FileDescription, POLLERR, POLLHUP, POLLIN, POLLOUT, POLLRDNORM, POLLWRNORM, WouldBlock } from '../vfs/file.ts';
import type { Inode } from '../vfs/inode.ts';
import { CAP_SYS_ADMIN, hasCapability } from '../vfs/permission.ts';
import { stopInBackground } from './job-control.ts';
import type { Terminal } from './terminal.ts';
import { terminalControl, TIOCSPGRP } from './terminal-control.ts';
import { TOSTOP } from './termios.ts';

/** Opens a terminal: a session leader without one gets it as its controlling terminal. @throws SystemError EBUSY, EIO */
export function openTerminal(inode: Inode, flags: number, terminal: Terminal, task: Task | undefined): TerminalFile {
  if (terminal.isHungUp) fail('EIO');
  if (terminal.isExclusive && task !== undefined && !hasCapability(task.credentials, CAP_SYS_ADMIN)) fail('EBUSY');
  const file = new TerminalFile(inode, flags, terminal);
  if (task === undefined || flags & O_NOCTTY || inode.type !== S_IFCHR) return file;
  const { group } = task;
  const { session } = group.processGroup;
  if (session.pid === group.pid && session.terminal === undefined && terminal.session === undefined && file.readable)
    terminal.attach(session, group.processGroup);
  return file;
}

/** An open terminal. */
export class TerminalFile extends FileDescription {
  readonly terminal: Terminal;
  readonly #generation: number;

  constructor(inode: Inode, flags: number, terminal: Terminal) {
    super(inode, flags, terminal.queue);
    this.#generation = terminal.generation;
    this.terminal = terminal;
    terminal.driver.opened();
  }

  override closed(): void {
    this.terminal.driver.closed();
  }

  /** vhangup(2) has taken the terminal away. */
  get #isTaken(): boolean {
    return this.#generation !== this.terminal.generation;
  }

  override get asyncReceivers(): AsyncReceivers[] {
    return [this.terminal.async];
  }

  override firstOwner(task: Task): FileOwner {
    const { foreground } = this.terminal;
    return foreground === undefined ? ownerBy(task, 'process', task.group.pid) : ownerBy(task, 'group', foreground.pid);
  }

  override get seekable(): boolean {
    return false;
  }

  override read(into: Uint8Array): number | WouldBlock {
    const { terminal } = this;
    const { kernel } = terminal;
    if (this.#isTaken) return 0;
    const task = kernel.current!;
    if (!terminal.isHungUp && stopInBackground(terminal, task, SIGNAL.SIGTTIN))
      return new WouldBlock(this.queue, { signalled: true });
    // VTIME counts from the beginning of the call
    const call = task.call!;
    call.progress ??= { since: kernel.platform.cycles };
    const { since } = call.progress as { since: number };
    const got = terminal.read(into, since);
    return typeof got === 'number' ? got : new WouldBlock(this.queue, { deadline: got.until });
  }

  override write(from: Uint8Array): number | WouldBlock {
    const { terminal } = this;
    if (this.#isTaken) fail('EIO');
    const isStopping = (terminal.termios.local & TOSTOP) !== 0;
    if (isStopping && !terminal.isHungUp && stopInBackground(terminal, terminal.kernel.current!, SIGNAL.SIGTTOU))
      return new WouldBlock(this.queue, { signalled: true });
    const count = terminal.write(from);
    return count === 0 && from.length > 0 ? new WouldBlock(this.queue) : count;
  }

  override poll(): number {
    const { terminal } = this;
    if (terminal.isHungUp || this.#isTaken) return POLLIN | POLLOUT | POLLERR | POLLHUP | POLLRDNORM | POLLWRNORM;
    const isWritable = !terminal.isStopped && terminal.driver.room > 0;
    return (isWritable ? POLLOUT | POLLWRNORM : 0) | (terminal.isReadable ? POLLIN | POLLRDNORM : 0);
  }

  override ioctl(call: Call, request: number, argument: number): CallResult {
    if (this.#isTaken) return fail(request === TIOCSPGRP ? 'ENOTTY' : 'EIO');
    return terminalControl(call, this.terminal, this.queue, request, argument);
  }
}
