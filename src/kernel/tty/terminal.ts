// A terminal: what is typed goes through the line discipline to the program, what the program writes goes out
// (termios(3), ioctl_tty(2)).
import { SI_KERNEL, SIGNAL } from '../../abi/signal.ts';
import { fail } from '../error.ts';
import type { Kernel } from '../kernel.ts';
import { sendSignalToProcessGroup } from '../signal/send.ts';
import type { Call } from '../syscalls/call.ts';
import type { ProcessGroup, Session } from '../task/thread-group.ts';
import { WaitQueue } from '../task/wait-queue.ts';
import { FileDescription, POLLIN, POLLOUT, POLLRDNORM, POLLWRNORM, WouldBlock } from '../vfs/file.ts';
import type { Inode } from '../vfs/inode.ts';

// c_iflag.
const ISTRIP = 0o40;
const INLCR = 0o100;
const IGNCR = 0o200;
const ICRNL = 0o400;
// c_oflag.
const OPOST = 1;
const ONLCR = 4;
// c_lflag.
const ISIG = 1;
const ICANON = 2;
const ECHO = 0o10;
const ECHOE = 0o20;
const ECHOK = 0o40;
const ECHONL = 0o100;
const ECHOCTL = 0o1000;
const IEXTEN = 0o100000;
// Indices into c_cc.
const VINTR = 0;
const VQUIT = 1;
const VERASE = 2;
const VKILL = 3;
const VEOF = 4;
const VMIN = 6;
const VSUSP = 10;
const VEOL = 11;
const VWERASE = 14;
const VEOL2 = 16;

const TCGETS = 0x5401;
const TCSETS = 0x5402;
const TCSETSW = 0x5403;
const TCSETSF = 0x5404;
const TCSBRK = 0x5409;
const TCFLSH = 0x540b;
const TIOCSCTTY = 0x540e;
const TIOCGPGRP = 0x540f;
const TIOCSPGRP = 0x5410;
const TIOCGWINSZ = 0x5413;
const TIOCSWINSZ = 0x5414;
const FIONREAD = 0x541b;
const TIOCNOTTY = 0x5422;
const TIOCGSID = 0x5429;

/** struct termios of the kernel: four flag words, the line, 19 control characters. */
const TERMIOS_SIZE = 36;
const CONTROL_CHARACTERS = 17;
/** Line discipline keeps so much unread input (N_TTY_BUF_SIZE). */
const MOST_INPUT = 4096;
const NEWLINE = 0x0a;
const RETURN = 0x0d;

/** Settings of a terminal. */
export interface Termios {
  input: number;
  output: number;
  control: number;
  local: number;
  characters: number[];
}

/** What `stty sane` sets. */
function saneTermios(): Termios {
  return {
    input: ICRNL | 0o2000,
    output: OPOST | ONLCR,
    control: 0o277,
    local: ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | 0o4000 | IEXTEN,
    characters: [3, 28, 127, 21, 4, 0, 1, 0, 17, 19, 26, 0, 18, 15, 23, 22, 0],
  };
}

/** A terminal and its line discipline. */
export class Terminal {
  termios = saneTermios();
  size = { rows: 24, columns: 80, width: 0, height: 0 };
  session: Session | undefined;
  foreground: ProcessGroup | undefined;
  readonly queue = new WaitQueue();
  /** Input a program may read. */
  #ready: number[] = [];
  /** Ends of lines in #ready, as counts from its start: where a canonical read stops. */
  #lines: number[] = [];
  /** The line that is being typed. */
  #line: number[] = [];
  #hungUp = false;
  readonly #kernel: Kernel;
  readonly #output: (bytes: Uint8Array) => void;

  constructor(kernel: Kernel, output: (bytes: Uint8Array) => void) {
    this.#kernel = kernel;
    this.#output = output;
  }

  get #isCanonical(): boolean {
    return (this.termios.local & ICANON) !== 0;
  }

  /** Neither echo nor line endings for terminals: standard output is a file or a pipe. */
  makePlain(): void {
    this.termios = { ...this.termios, output: 0, local: ICANON };
  }

  /** No more input will come: readers see the end of the file. False when they have been told already. */
  hangUp(): boolean {
    if (this.#hungUp) return false;
    this.#hungUp = true;
    if (this.#line.length > 0) this.#endLine();
    this.queue.wake();
    return true;
  }

  /** Keys were typed. */
  type(bytes: Uint8Array): void {
    for (const byte of bytes) this.#key(byte);
    this.queue.wake();
  }

  /** Program output, through output processing. */
  write(bytes: Uint8Array): void {
    if (!(this.termios.output & OPOST) || !(this.termios.output & ONLCR) || !bytes.includes(NEWLINE)) {
      this.#output(bytes);
      return;
    }
    const out: number[] = [];
    for (const byte of bytes) {
      if (byte === NEWLINE) out.push(RETURN);
      out.push(byte);
    }
    this.#output(Uint8Array.from(out));
  }

  /** What can be read now; undefined when nothing can. Zero bytes are the end of the file. */
  read(into: Uint8Array): number | undefined {
    if (this.#isCanonical) {
      const end = this.#lines[0];
      if (end === undefined) return this.#hungUp ? 0 : undefined;
      const count = Math.min(end, into.length);
      this.#take(into, count);
      if (count === end) this.#lines.shift();
      return count;
    }
    if (this.#hungUp && this.#ready.length === 0) return 0;
    const wanted = this.termios.characters[VMIN]!;
    if (this.#ready.length < Math.max(1, Math.min(wanted, into.length)) && wanted > 0) return undefined;
    const count = Math.min(into.length, this.#ready.length);
    this.#take(into, count);
    return count;
  }

  get available(): number {
    return this.#isCanonical ? (this.#lines[0] ?? 0) : this.#ready.length;
  }

  get isReadable(): boolean {
    return this.#hungUp || (this.#isCanonical ? this.#lines.length > 0 : this.#ready.length > 0);
  }

  flushInput(): void {
    this.#ready = [];
    this.#lines = [];
    this.#line = [];
  }

  setTermios(termios: Termios): void {
    const wasCanonical = this.#isCanonical;
    this.termios = termios;
    if (wasCanonical && !this.#isCanonical) {
      this.#ready.push(...this.#line);
      this.#line = [];
      this.#lines = [];
    } else if (!wasCanonical && this.#isCanonical && this.#ready.length > 0) this.#lines = [this.#ready.length];
    this.queue.wake();
  }

  #take(into: Uint8Array, count: number): void {
    into.set(this.#ready.splice(0, count));
    this.#lines = this.#lines.map((end) => end - count);
  }

  #key(typed: number): void {
    const { input, local } = this.termios;
    let byte = input & ISTRIP ? typed & 0x7f : typed;
    if (byte === RETURN) {
      if (input & IGNCR) return;
      if (input & ICRNL) byte = NEWLINE;
    } else if (byte === NEWLINE && input & INLCR) byte = RETURN;
    if (local & ISIG && this.#signalKey(byte)) return;
    if (local & ICANON) {
      this.#edit(byte);
      return;
    }
    if (this.#ready.length >= MOST_INPUT) return;
    this.#ready.push(byte);
    this.#echo(byte);
  }

  #signalKey(byte: number): boolean {
    const { characters } = this.termios;
    const signals: readonly (readonly [index: number, signal: number])[] = [
      [VINTR, SIGNAL.SIGINT],
      [VQUIT, SIGNAL.SIGQUIT],
      [VSUSP, SIGNAL.SIGTSTP],
    ];
    const found = signals.find(([index]) => characters[index] !== 0 && characters[index] === byte);
    if (found === undefined) return false;
    this.flushInput();
    this.#echo(byte);
    if (this.foreground !== undefined)
      sendSignalToProcessGroup(this.#kernel, this.foreground, { signal: found[1], code: SI_KERNEL });
    return true;
  }

  /** Canonical mode: a line with erase and kill. */
  #edit(byte: number): void {
    const { local, characters } = this.termios;
    const is = (index: number) => characters[index] !== 0 && characters[index] === byte;
    if (is(VERASE)) this.#erase(1);
    else if (is(VKILL)) this.#erase(this.#line.length);
    else if (local & IEXTEN && is(VWERASE)) this.#erase(this.#wordLength());
    else if (is(VEOF)) this.#endLine();
    else {
      if (this.#line.length + this.#ready.length >= MOST_INPUT - 1 && byte !== NEWLINE) return;
      this.#line.push(byte);
      if (byte !== NEWLINE || local & (ECHO | ECHONL)) this.#echo(byte);
      if (byte === NEWLINE || is(VEOL) || is(VEOL2)) this.#endLine();
    }
  }

  #endLine(): void {
    this.#ready.push(...this.#line);
    this.#line = [];
    this.#lines.push(this.#ready.length);
  }

  #wordLength(): number {
    let length = 0;
    const at = (n: number) => this.#line[this.#line.length - 1 - n];
    while (length < this.#line.length && at(length) === 0x20) length++;
    while (length < this.#line.length && at(length) !== 0x20) length++;
    return length;
  }

  #erase(count: number): void {
    const erased = this.#line.splice(this.#line.length - Math.min(count, this.#line.length));
    if (!(this.termios.local & ECHO)) return;
    for (const byte of erased.reverse()) {
      // bytes of one UTF-8 character are one column
      if ((byte & 0xc0) === 0x80) continue;
      const width = byte < 0x20 && this.termios.local & ECHOCTL ? 2 : 1;
      for (let n = 0; n < width; n++) this.#output(Uint8Array.of(8, 0x20, 8));
    }
  }

  #echo(byte: number): void {
    const { local } = this.termios;
    if (!(local & ECHO) && !(byte === NEWLINE && local & ECHONL && local & ICANON)) return;
    if (byte < 0x20 && byte !== NEWLINE && byte !== 9 && local & ECHOCTL) this.write(Uint8Array.of(0x5e, byte + 0x40));
    else this.write(Uint8Array.of(byte));
  }
}

/** An open terminal. */
export class TerminalFile extends FileDescription {
  readonly terminal: Terminal;

  constructor(inode: Inode, flags: number, terminal: Terminal) {
    super(inode, flags, terminal.queue);
    this.terminal = terminal;
  }

  override get seekable(): boolean {
    return false;
  }

  override read(into: Uint8Array): number | WouldBlock {
    return this.terminal.read(into) ?? new WouldBlock(this.queue);
  }

  override write(from: Uint8Array): number {
    this.terminal.write(from);
    return from.length;
  }

  override poll(): number {
    return POLLOUT | POLLWRNORM | (this.terminal.isReadable ? POLLIN | POLLRDNORM : 0);
  }

  override ioctl(call: Call, request: number, argument: number): number {
    const { terminal } = this;
    switch (request) {
      case TCGETS:
        call.write(argument, encodeTermios(terminal.termios));
        return 0;
      case TCSETSF:
        terminal.flushInput();
        terminal.setTermios(decodeTermios(call.view(argument, TERMIOS_SIZE)));
        return 0;
      case TCSETS:
      case TCSETSW:
        terminal.setTermios(decodeTermios(call.view(argument, TERMIOS_SIZE)));
        return 0;
      case TCSBRK:
        return 0;
      case TCFLSH:
        if (argument !== 1) terminal.flushInput();
        return 0;
      case FIONREAD:
        call.writeWord(argument, terminal.available, 4);
        return 0;
      default:
        return this.#session(call, request, argument);
    }
  }

  #session(call: Call, request: number, argument: number): number {
    const { terminal } = this;
    const { group } = call.task;
    const { session } = group.processGroup;
    switch (request) {
      case TIOCGWINSZ: {
        const { rows, columns, width, height } = terminal.size;
        call.write(argument, new Uint8Array(Uint16Array.of(rows, columns, width, height).buffer));
        return 0;
      }
      case TIOCSWINSZ: {
        const view = call.view(argument, 8);
        const [rows, columns, width, height] = [0, 2, 4, 6].map((at) => view.getUint16(at, true)) as [
          number,
          number,
          number,
          number,
        ];
        terminal.size = { rows, columns, width, height };
        if (terminal.foreground !== undefined)
          sendSignalToProcessGroup(call.kernel, terminal.foreground, { signal: SIGNAL.SIGWINCH, code: SI_KERNEL });
        return 0;
      }
      case TIOCSCTTY:
        if (session.pid !== group.pid || terminal.session !== undefined) fail('EPERM');
        terminal.session = session;
        session.terminal = terminal;
        terminal.foreground = group.processGroup;
        return 0;
      case TIOCNOTTY:
        if (terminal.session !== session) fail('ENOTTY');
        terminal.session = undefined;
        session.terminal = undefined;
        return 0;
      case TIOCGPGRP:
        if (terminal.session !== session) fail('ENOTTY');
        call.writeWord(argument, terminal.foreground === undefined ? 0 : call.number(terminal.foreground.pid), 4);
        return 0;
      case TIOCSPGRP: {
        if (terminal.session !== session) fail('ENOTTY');
        const id = call.readWord(argument, 4);
        terminal.foreground =
          [...session.groups].find((candidate) => call.number(candidate.pid) === id) ?? fail('EPERM');
        return 0;
      }
      case TIOCGSID:
        if (terminal.session !== session) fail('ENOTTY');
        call.writeWord(argument, call.number(session.pid), 4);
        return 0;
      default:
        return fail('ENOTTY');
    }
  }
}

function encodeTermios({ input, output, control, local, characters }: Termios): Uint8Array {
  const bytes = new Uint8Array(TERMIOS_SIZE);
  const view = new DataView(bytes.buffer);
  [input, output, control, local].forEach((flags, n) => {
    view.setUint32(4 * n, flags, true);
  });
  bytes.set(characters, 17);
  return bytes;
}

function decodeTermios(view: DataView): Termios {
  const flags = (n: number) => view.getUint32(4 * n, true);
  const characters = Array.from({ length: CONTROL_CHARACTERS }, (_, n) => view.getUint8(17 + n));
  return { input: flags(0), output: flags(1), control: flags(2), local: flags(3), characters };
}
