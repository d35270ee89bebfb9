// A terminal: typed bytes go through the line discipline to the program, what the program writes goes out, and keys and
// hang-ups become signals of the session's processes (termios(3), ioctl_tty(2), credentials(7)).
import { SI_KERNEL, SIGNAL } from '../../abi/signal.ts';
import { fail } from '../error.ts';
import type { Kernel } from '../kernel.ts';
import { sendSignalToGroup, sendSignalToProcessGroup } from '../signal/send.ts';
import type { ProcessGroup, Session, ThreadGroup } from '../task/thread-group.ts';
import { WaitQueue } from '../task/wait-queue.ts';
import { AsyncReceivers, POLL_IN } from '../vfs/async.ts';
import { type DisciplineTerminal, LineDiscipline, type SignalKey } from './line-discipline.ts';
import {
  ICANON,
  IUTF8,
  OCRNL,
  OLCUC,
  ONLCR,
  ONLRET,
  ONOCR,
  OPOST,
  saneTermios,
  TABDLY,
  type Termios,
  VMIN,
  VTIME,
  XTABS,
} from './termios.ts';

const BACKSPACE = 0x08;
const TAB = 0x09;
const NEWLINE = 0x0a;
const RETURN = 0x0d;
const SPACE = 0x20;
/** Tenths of a second, the unit of VTIME. */
const TENTH = 100_000_000n;
/** Device number of /dev/console. */
export const CONSOLE_DEVICE = 0x501;

const KEY_SIGNALS = {
  interrupt: SIGNAL.SIGINT,
  quit: SIGNAL.SIGQUIT,
  suspend: SIGNAL.SIGTSTP,
} as const satisfies Record<SignalKey, number>;

/** What a terminal hears of, besides bytes, when a program changes it. */
export type TerminalChange = 'flush-read' | 'flush-write' | 'stop' | 'start' | 'settings';

/** The other side of a terminal: a screen, or the master of a pseudoterminal. */
export interface TerminalDriver {
  readonly device: number;
  write(bytes: Uint8Array): void;
  /** Bytes that can be written now. */
  readonly room: number;
  /** Bytes that were written and not yet taken. */
  readonly pending: number;
  flush(): void;
  changed(change: TerminalChange, old: Termios | undefined): void;
  /** There was input and now there is room for more. */
  drained(): void;
  /** A program opened the terminal, or closed it. */
  opened(): void;
  closed(): void;
}

/** What is outside the kernel: a screen, which takes everything at once. */
export class Screen implements TerminalDriver {
  readonly room = Number.POSITIVE_INFINITY;
  readonly pending = 0;
  readonly write: (bytes: Uint8Array) => void;
  /** Where programs find it, if that is not the console. */
  place: { readonly device: number; remove(): void } | undefined;
  #users = 0;

  constructor(output: (bytes: Uint8Array) => void) {
    this.write = output;
  }

  get device(): number {
    return this.place?.device ?? CONSOLE_DEVICE;
  }

  flush(): void {}
  changed(): void {}
  drained(): void {}

  opened(): void {
    this.#users++;
  }

  closed(): void {
    if (--this.#users === 0) this.place?.remove();
  }
}

/** A terminal and its line discipline. */
export class Terminal implements DisciplineTerminal {
  termios = saneTermios();
  size = { rows: 24, columns: 80, width: 0, height: 0 };
  session: Session | undefined;
  foreground: ProcessGroup | undefined;
  /** TIOCEXCL: only administrators may open it. */
  isExclusive = false;
  column = 0;
  isStopped = false;
  /** Stopped by a program (TCXONC): keys do not start it. */
  #isHeld = false;
  readonly queue = new WaitQueue();
  readonly async = new AsyncReceivers();
  readonly kernel: Kernel;
  readonly driver: TerminalDriver;
  readonly #input = new LineDiscipline(this);
  #lastInput = 0;
  #hungUp = false;
  /** Files that were opened before the last vhangup(2) are hung up. */
  generation = 0;
  #ended = false;

  constructor(kernel: Kernel, output: ((bytes: Uint8Array) => void) | TerminalDriver) {
    this.kernel = kernel;
    if (typeof output !== 'function') {
      this.driver = output;
      return;
    }
    this.driver = new Screen(output);
    this.termios.input |= IUTF8;
  }

  get device(): number {
    return this.driver.device;
  }

  /** The other side is gone: nothing can be read, written or set any more. */
  get isHungUp(): boolean {
    return this.#hungUp;
  }

  /** Neither echo nor line endings for terminals: standard output is a file or a pipe. */
  makePlain(): void {
    this.termios = { ...this.termios, output: 0, local: ICANON };
  }

  /** No more input will come: readers see the end of the file. False when they have been told already. */
  hangUp(): boolean {
    if (this.#ended) return false;
    this.#ended = true;
    this.#input.finish();
    this.queue.wake();
    return true;
  }

  /** The line is cut for ever: the master was closed. */
  disconnect(): void {
    if (this.#hungUp) return;
    this.#hungUp = true;
    this.#lose();
  }

  /** vhangup(2): who has it open has it no more, but it can be opened again. */
  startOver(): void {
    this.generation++;
    this.#lose();
  }

  /** The session's leader hears that the terminal is gone, and the session has none. */
  #lose(): void {
    const { session, kernel } = this;
    const leader = session === undefined ? undefined : leaderOf(session);
    if (session !== undefined) {
      session.lostForeground = this.foreground;
      session.terminal = undefined;
    }
    this.session = undefined;
    this.foreground = undefined;
    if (leader !== undefined)
      for (const signal of [SIGNAL.SIGHUP, SIGNAL.SIGCONT])
        sendSignalToGroup(kernel, leader, { signal, code: SI_KERNEL });
    this.queue.wake();
  }

  /** The session gives its terminal up (TIOCNOTTY), or ends with its leader. */
  detach(leaderEnds: boolean): void {
    const { foreground, session, kernel } = this;
    if (session !== undefined) session.terminal = undefined;
    this.session = undefined;
    this.foreground = undefined;
    if (foreground === undefined) return;
    sendSignalToProcessGroup(kernel, foreground, { signal: SIGNAL.SIGHUP, code: SI_KERNEL });
    if (!leaderEnds) sendSignalToProcessGroup(kernel, foreground, { signal: SIGNAL.SIGCONT, code: SI_KERNEL });
  }

  /** Becomes the controlling terminal of a session. */
  attach(session: Session, foreground: ProcessGroup): void {
    this.session = session;
    this.foreground = foreground;
    session.terminal = this;
  }

  /** Keys were typed. */
  type(bytes: Uint8Array): void {
    if (bytes.length > 0) this.#lastInput = this.kernel.platform.cycles;
    const before = this.#input.unread;
    this.#input.receive(bytes);
    this.queue.wake();
    if (this.#input.unread > before) this.async.signal(POLL_IN);
  }

  /** Bytes that can be typed before they would be lost. */
  get inputRoom(): number {
    return this.#input.room;
  }

  /** Program output, through output processing: how much of it was taken. @throws SystemError EIO */
  write(bytes: Uint8Array): number {
    if (this.#hungUp) return fail('EIO');
    if (this.isStopped) return 0;
    let { room } = this.driver;
    if (!(this.termios.output & OPOST)) {
      const count = Math.min(room, bytes.length);
      if (count > 0) this.driver.write(bytes.slice(0, count));
      return count;
    }
    const out: number[] = [];
    let done = 0;
    for (; done < bytes.length; done++) {
      const shown = this.#shown(bytes[done]!);
      if (shown.length > room) break;
      room -= shown.length;
      this.#advance(bytes[done]!, shown.length);
      out.push(...shown);
    }
    if (out.length > 0) this.driver.write(Uint8Array.from(out));
    return done;
  }

  echo(bytes: readonly number[]): void {
    const out: number[] = [];
    for (const byte of bytes) {
      const shown = this.termios.output & OPOST ? this.#shown(byte) : [byte];
      this.#advance(byte, shown.length);
      out.push(...shown);
    }
    this.driver.write(Uint8Array.from(out));
  }

  /** What output processing makes of a byte. */
  #shown(byte: number): readonly number[] {
    const { output } = this.termios;
    if (byte === NEWLINE) return output & ONLCR ? [RETURN, NEWLINE] : [NEWLINE];
    if (byte === RETURN) {
      if (output & ONOCR && this.column === 0) return [];
      return output & OCRNL ? [NEWLINE] : [RETURN];
    }
    if (byte === TAB && (output & TABDLY) === XTABS) return new Array<number>(8 - (this.column % 8)).fill(SPACE);
    return output & OLCUC && byte >= 0x61 && byte <= 0x7a ? [byte - 0x20] : [byte];
  }

  #advance(byte: number, length: number): void {
    const { output } = this.termios;
    if (byte === NEWLINE) {
      if (output & (ONLCR | ONLRET)) this.column = 0;
    } else if (byte === RETURN) this.column = length === 0 || output & OCRNL ? this.column : 0;
    else if (byte === TAB) this.column = (Math.floor(this.column / 8) + 1) * 8;
    else if (byte === BACKSPACE) this.column = Math.max(0, this.column - 1);
    else if (byte >= SPACE && (byte & 0xc0) !== 0x80) this.column++;
  }

  /**
   * What a read that began at `since` gets now; a number of cycles at which to look again when there is nothing yet.
   * Zero bytes are the end of the file.
   */
  read(into: Uint8Array, since: number): number | { readonly until: number } {
    if (this.#hungUp) return 0;
    if (this.termios.local & ICANON)
      return this.#taken(into) ?? (this.#ended ? 0 : { until: Number.POSITIVE_INFINITY });
    if (this.#ended) return this.#taken(into) ?? 0;
    const { kernel } = this;
    const least = this.termios.characters[VMIN]!;
    const tenths = this.termios.characters[VTIME]!;
    const { available } = this.#input;
    if (least === 0 ? available > 0 || tenths === 0 : available >= Math.min(least, into.length))
      return this.#taken(into) ?? 0;
    if (tenths === 0 || (least > 0 && available === 0)) return { until: Number.POSITIVE_INFINITY };
    const start = least === 0 ? since : Math.max(since, this.#lastInput);
    const until = kernel.cyclesAt(kernel.nanoseconds(start) + BigInt(tenths) * TENTH);
    return kernel.platform.cycles >= until ? (this.#taken(into) ?? 0) : { until };
  }

  #taken(into: Uint8Array): number | undefined {
    const count = this.#input.take(into);
    if (count !== undefined) this.driver.drained();
    return count;
  }

  get available(): number {
    return this.#input.available;
  }

  get isReadable(): boolean {
    if (this.#hungUp || this.#ended) return true;
    const { local, characters } = this.termios;
    const least = local & ICANON || characters[VTIME] !== 0 ? 1 : Math.max(1, characters[VMIN]!);
    return local & ICANON ? this.#input.isReadable : this.#input.available >= least;
  }

  flushInput(): void {
    this.#input.flush();
    this.driver.changed('flush-read', undefined);
    this.driver.drained();
  }

  flushOutput(): void {
    this.driver.flush();
    this.driver.changed('flush-write', undefined);
  }

  /** A program stops or continues output. */
  setHeld(held: boolean): void {
    if (this.#isHeld === held) return;
    this.#isHeld = held;
    this.#setStopped(held);
  }

  setStopped(stopped: boolean): void {
    if (!this.#isHeld) this.#setStopped(stopped);
  }

  #setStopped(stopped: boolean): void {
    if (this.isStopped === stopped) return;
    this.isStopped = stopped;
    this.driver.changed(stopped ? 'stop' : 'start', undefined);
    this.queue.wake();
  }

  setTermios(termios: Termios): void {
    const before = this.termios;
    this.termios = termios;
    this.#input.settingsChanged(before);
    this.driver.changed('settings', before);
    this.queue.wake();
  }

  setSize(size: Terminal['size']): void {
    const old = this.size;
    this.size = size;
    const isSame =
      old.rows === size.rows && old.columns === size.columns && old.width === size.width && old.height === size.height;
    if (!isSame) this.signalForeground(SIGNAL.SIGWINCH);
  }

  signal(key: SignalKey): void {
    this.signalForeground(KEY_SIGNALS[key]);
  }

  signalForeground(signal: number): void {
    if (this.foreground !== undefined)
      sendSignalToProcessGroup(this.kernel, this.foreground, { signal, code: SI_KERNEL });
  }
}

/** The process that made the session, while it runs. */
function leaderOf(session: Session): ThreadGroup | undefined {
  for (const group of session.groups) for (const member of group.members) if (member.pid === session.pid) return member;
  return undefined;
}
