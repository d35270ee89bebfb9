// Pseudoterminals: a terminal whose other side is a file, the master (pty(7), ioctl_tty(2) "Packet mode").
import { FIONREAD } from '../../abi/ioctl.ts';
import { O_ACCMODE, O_CLOEXEC, O_NOCTTY } from '../../abi/stat.ts';
import { fail } from '../error.ts';
import type { Kernel } from '../kernel.ts';
import type { Call, CallResult } from '../syscalls/call.ts';
import { openFilesLimit } from '../syscalls/limits.ts';
import type { Task } from '../task/task.ts';
import { WaitQueue } from '../task/wait-queue.ts';
import { AsyncReceivers, type FileOwner, ownerBy, POLL_IN } from '../vfs/async.ts';
import { FileDescription, POLLHUP, POLLIN, POLLOUT, POLLPRI, POLLRDNORM, POLLWRNORM, WouldBlock } from '../vfs/file.ts';
import type { Inode } from '../vfs/inode.ts';
import type { Path } from '../vfs/path.ts';
import { terminalControl } from './terminal-control.ts';
import { openTerminal, type TerminalFile } from './terminal-file.ts';
import { Terminal, type TerminalChange, type TerminalDriver } from './terminal.ts';
import { EXTPROC, IXON, type Termios, VSTART, VSTOP } from './termios.ts';

const TIOCOUTQ = 0x5411;
const TIOCPKT = 0x5420;
const TIOCGPTPEER = 0x5441;
const TIOCSPTLCK = 0x4004_5431;
const TIOCSIG = 0x4004_5436;
const TIOCGPTN = 0x8004_5430;
const TIOCGPKT = 0x8004_5438;
const TIOCGPTLCK = 0x8004_5439;
/** Output of the slave that is kept until the master reads it. */
const MOST_OUTPUT = 65536;
const MAJOR = 136;
const HIGHEST_SIGNAL = 64;

const TIOCPKT_FLUSHREAD = 1;
const TIOCPKT_FLUSHWRITE = 2;
const TIOCPKT_STOP = 4;
const TIOCPKT_START = 8;
const TIOCPKT_NOSTOP = 16;
const TIOCPKT_DOSTOP = 32;
const TIOCPKT_IOCTL = 64;

/** Output flow control works with the usual keys. */
const usesFlowKeys = ({ input, characters }: Termios): boolean =>
  (input & IXON) !== 0 && characters[VSTART] === 0x11 && characters[VSTOP] === 0x13;

/** Device number of a slave. */
export const slaveDevice = (number: number): number => (MAJOR << 8) | number;

/** A master and its slave. */
export class Pseudoterminal implements TerminalDriver {
  readonly number: number;
  readonly slave: Terminal;
  /** Woken for the master. */
  readonly queue = new WaitQueue();
  readonly async = new AsyncReceivers();
  isLocked = true;
  packetMode = false;
  /** What packet mode has to tell. */
  status = 0;
  /** Open slaves; undefined before the first. */
  slaves: number | undefined;
  #output: number[] = [];

  constructor(kernel: Kernel, number: number) {
    this.number = number;
    this.slave = new Terminal(kernel, this);
    this.slave.size = { rows: 0, columns: 0, width: 0, height: 0 };
  }

  get device(): number {
    return slaveDevice(this.number);
  }

  write(bytes: Uint8Array): void {
    for (const byte of bytes) this.#output.push(byte);
    this.queue.wake();
    if (bytes.length > 0) this.async.signal(POLL_IN);
  }

  get room(): number {
    return Math.max(0, MOST_OUTPUT - this.#output.length);
  }

  get pending(): number {
    return this.#output.length;
  }

  /** What was written is with the master already. */
  flush(): void {}

  drained(): void {
    this.queue.wake();
  }

  changed(change: TerminalChange, old: Termios | undefined): void {
    if (!this.packetMode) return;
    const { termios } = this.slave;
    if (change === 'flush-read') this.status |= TIOCPKT_FLUSHREAD;
    else if (change === 'flush-write') this.status |= TIOCPKT_FLUSHWRITE;
    else if (change === 'stop') this.status = (this.status & ~TIOCPKT_START) | TIOCPKT_STOP;
    else if (change === 'start') this.status = (this.status & ~TIOCPKT_STOP) | TIOCPKT_START;
    else {
      if (old !== undefined && usesFlowKeys(old) !== usesFlowKeys(termios))
        this.status |= usesFlowKeys(termios) ? TIOCPKT_DOSTOP : TIOCPKT_NOSTOP;
      if ((old?.local ?? 0) & EXTPROC || termios.local & EXTPROC) this.status |= TIOCPKT_IOCTL;
    }
    this.queue.wake();
  }

  opened(): void {
    this.slaves = (this.slaves ?? 0) + 1;
  }

  closed(): void {
    this.slaves = this.slaves! - 1;
    this.queue.wake();
  }

  /** Output for the master. */
  take(into: Uint8Array): number {
    const count = Math.min(into.length, this.#output.length);
    into.set(this.#output.splice(0, count));
    if (count > 0) this.slave.queue.wake();
    return count;
  }

  /** Opens the slave. @throws SystemError EIO while it is locked or when the master is gone */
  openSlave(inode: Inode, flags: number, task: Task | undefined): TerminalFile {
    return this.isLocked ? fail('EIO') : openTerminal(inode, flags, this.slave, task);
  }
}

/** An open master. */
export class MasterFile extends FileDescription {
  readonly #pair: Pseudoterminal;
  /** Where the slave is. */
  readonly #slavePath: () => Path;
  readonly #onClose: () => void;

  constructor(inode: Inode, flags: number, pair: Pseudoterminal, slavePath: () => Path, onClose: () => void) {
    super(inode, flags, pair.queue);
    this.#pair = pair;
    this.#slavePath = slavePath;
    this.#onClose = onClose;
  }

  override get asyncReceivers(): AsyncReceivers[] {
    return [this.#pair.async];
  }

  override firstOwner(task: Task): FileOwner {
    return ownerBy(task, 'process', task.group.pid);
  }

  override get seekable(): boolean {
    return false;
  }

  override read(into: Uint8Array): number | WouldBlock {
    const pair = this.#pair;
    if (into.length === 0) return 0;
    if (!pair.packetMode) return this.#data(into);
    if (pair.status !== 0) {
      into[0] = pair.status;
      pair.status = 0;
      return 1;
    }
    const count = this.#data(into.subarray(1));
    if (typeof count !== 'number') return count;
    into[0] = 0;
    return count + 1;
  }

  #data(into: Uint8Array): number | WouldBlock {
    const pair = this.#pair;
    if (pair.pending === 0) return pair.slaves === 0 ? fail('EIO') : new WouldBlock(this.queue);
    return pair.take(into);
  }

  override write(from: Uint8Array): number | WouldBlock {
    const { slave } = this.#pair;
    const count = Math.min(from.length, slave.inputRoom);
    if (count === 0 && from.length > 0) return new WouldBlock(this.queue);
    slave.type(from.slice(0, count));
    return count;
  }

  override poll(): number {
    const pair = this.#pair;
    let ready = pair.slave.inputRoom > 0 ? POLLOUT | POLLWRNORM : 0;
    if (pair.pending > 0 || pair.status !== 0) ready |= POLLIN | POLLRDNORM;
    if (pair.packetMode && pair.status !== 0) ready |= POLLPRI;
    return pair.slaves === 0 ? ready | POLLHUP : ready;
  }

  override ioctl(call: Call, request: number, argument: number): CallResult {
    const pair = this.#pair;
    const give = (value: number) => {
      call.writeWord(argument, value, 4);
      return 0;
    };
    switch (request) {
      case TIOCGPTN:
        return give(pair.number);
      case TIOCSPTLCK:
        pair.isLocked = call.readWord(argument, 4) !== 0;
        return 0;
      case TIOCGPTLCK:
        return give(pair.isLocked ? 1 : 0);
      case TIOCPKT:
        pair.packetMode = call.readWord(argument, 4) !== 0;
        if (!pair.packetMode) pair.status = 0;
        return 0;
      case TIOCGPKT:
        return give(pair.packetMode ? 1 : 0);
      case TIOCSIG:
        if (argument < 1 || argument > HIGHEST_SIGNAL) fail('EINVAL');
        pair.slave.signalForeground(argument);
        return 0;
      case TIOCGPTPEER:
        return this.#peer(call, argument);
      case FIONREAD:
        return give(pair.pending);
      case TIOCOUTQ:
        return give(0);
      default:
        return terminalControl(call, pair.slave, this.queue, request, argument);
    }
  }

  /** Opens the slave without its name being looked up. */
  #peer(call: Call, flags: number): number {
    if (flags & ~(O_ACCMODE | O_NOCTTY | O_CLOEXEC)) fail('EINVAL');
    const path = this.#slavePath();
    const file = this.#pair.openSlave(path.entry.inode, flags & ~O_CLOEXEC, call.task);
    file.path = path;
    return call.task.files.install(file, (flags & O_CLOEXEC) !== 0, openFilesLimit(call));
  }

  override closed(): void {
    this.#pair.slave.disconnect();
    this.#onClose();
  }
}
