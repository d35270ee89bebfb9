// What happens to typed bytes before a program reads them: line editing, echo, signal keys, flow control
// (termios(3) "Canonical and noncanonical mode"; Linux calls it N_TTY).
import {
  ECHO,
  ECHOCTL,
  ECHOE,
  ECHOK,
  ECHOKE,
  ECHONL,
  EXTPROC,
  ICANON,
  ICRNL,
  IEXTEN,
  IGNCR,
  INLCR,
  ISIG,
  ISTRIP,
  IUCLC,
  IUTF8,
  IXANY,
  IXON,
  NOFLSH,
  type Termios,
  VEOF,
  VEOL,
  VEOL2,
  VERASE,
  VINTR,
  VKILL,
  VLNEXT,
  VQUIT,
  VREPRINT,
  VSTART,
  VSTOP,
  VSUSP,
  VWERASE,
} from './termios.ts';

/** So much unread input is kept as lines or characters (N_TTY_BUF_SIZE). */
const MOST_INPUT = 4096;
/** So much more waits until there is room for it. */
const MOST_BACKLOG = 65536;
const BELL = 0x07;
const BACKSPACE = 0x08;
const TAB = 0x09;
const NEWLINE = 0x0a;
const RETURN = 0x0d;
const SPACE = 0x20;
const DELETE = 0x7f;

/** Keys that send a signal. */
export type SignalKey = 'interrupt' | 'quit' | 'suspend';

/** The terminal of a line discipline. */
export interface DisciplineTerminal {
  readonly termios: Termios;
  readonly column: number;
  /** Shows bytes, through output processing. */
  echo(bytes: readonly number[]): void;
  signal(key: SignalKey): void;
  /** A signal key throws output away that was not shown yet. */
  flushOutput(): void;
  /** Stops or continues output (XON, XOFF). */
  setStopped(stopped: boolean): void;
  readonly isStopped: boolean;
}

/** Input of a terminal. */
export class LineDiscipline {
  readonly #terminal: DisciplineTerminal;
  /** Input a program may read. */
  #ready: number[] = [];
  /** Ends of lines in #ready, as counts from its start: where a canonical read stops. */
  #lines: number[] = [];
  /** The line that is being typed, and the column it began in. */
  #line: number[] = [];
  #lineColumn = 0;
  #backlog: number[] = [];
  /** Echo of the bytes that came in together: a signal key takes it back. */
  #echoed: number[] = [];
  #isLiteral = false;

  constructor(terminal: DisciplineTerminal) {
    this.#terminal = terminal;
  }

  get #isCanonical(): boolean {
    return (this.#terminal.termios.local & ICANON) !== 0;
  }

  /** Bytes that a read would give now. */
  get available(): number {
    return this.#isCanonical ? (this.#lines[0] ?? 0) : this.#ready.length;
  }

  /** Bytes of all complete lines, or in noncanonical mode all there are. */
  get unread(): number {
    return this.#ready.length;
  }

  /** A line is complete, or in noncanonical mode anything came. */
  get isReadable(): boolean {
    return this.#isCanonical ? this.#lines.length > 0 : this.#ready.length > 0;
  }

  /** Bytes that can be taken in. */
  get room(): number {
    return MOST_BACKLOG - this.#backlog.length;
  }

  receive(bytes: Iterable<number>): void {
    for (const byte of bytes) this.#backlog.push(byte);
    this.#work();
  }

  /** Takes what a read gives: of one line in canonical mode. Undefined when there is nothing. */
  take(into: Uint8Array): number | undefined {
    if (!this.isReadable) return undefined;
    const end = this.#isCanonical ? this.#lines[0]! : this.#ready.length;
    const count = Math.min(end, into.length);
    into.set(this.#ready.splice(0, count));
    if (this.#isCanonical && count === end) this.#lines.shift();
    this.#lines = this.#lines.map((line) => line - count);
    this.#work();
    return count;
  }

  flush(): void {
    this.#ready = [];
    this.#lines = [];
    this.#line = [];
    this.#backlog = [];
    this.#isLiteral = false;
  }

  /** The unfinished line can be read: nothing more will come. */
  finish(): void {
    if (this.#line.length > 0) this.#endLine();
  }

  /** Settings changed from `before`: unread input is seen in the new mode. */
  settingsChanged(before: Termios): void {
    const was = (before.local & ICANON) !== 0;
    if (was && !this.#isCanonical) {
      this.#ready.push(...this.#line);
      this.#line = [];
      this.#lines = [];
    } else if (!was && this.#isCanonical && this.#ready.length > 0) this.#lines = [this.#ready.length];
    if (before.input & IXON && !(this.#terminal.termios.input & IXON)) this.#terminal.setStopped(false);
    this.#work();
  }

  #work(): void {
    let done = 0;
    while (done < this.#backlog.length && this.#hasRoom()) this.#key(this.#backlog[done++]!);
    if (done > 0) this.#backlog.splice(0, done);
    this.#commitEcho();
  }

  #show(bytes: readonly number[]): void {
    this.#echoed.push(...bytes);
  }

  #commitEcho(): void {
    if (this.#echoed.length > 0) this.#terminal.echo(this.#echoed);
    this.#echoed = [];
  }

  /** An unfinished line that fills everything takes more, so that it can be ended. */
  #hasRoom(): boolean {
    if (this.#isCanonical && this.#lines.length === 0) return true;
    return this.#ready.length + this.#line.length < MOST_INPUT;
  }

  #is(byte: number, index: number): boolean {
    const character = this.#terminal.termios.characters[index]!;
    return character !== 0 && character === byte;
  }

  #key(typed: number): void {
    const { input, local } = this.#terminal.termios;
    let byte = input & ISTRIP ? typed & 0x7f : typed;
    if (this.#isLiteral) {
      this.#isLiteral = false;
      this.#store(byte);
      return;
    }
    if (input & IUCLC && local & IEXTEN && byte >= 0x41 && byte <= 0x5a) byte += 0x20;
    if (local & EXTPROC) {
      this.#store(byte);
      return;
    }
    if (input & IXON && this.#flowKey(byte)) return;
    if (local & ISIG && this.#signalKey(byte)) return;
    if (this.#terminal.isStopped && input & IXON && input & IXANY) this.#terminal.setStopped(false);
    if (byte === RETURN) {
      if (input & IGNCR) return;
      if (input & ICRNL) byte = NEWLINE;
    } else if (byte === NEWLINE && input & INLCR) byte = RETURN;
    if (local & ICANON && this.#edit(byte)) return;
    this.#store(byte);
  }

  /** A character like any other: into the line, or to the reader. */
  #store(byte: number): void {
    const { local } = this.#terminal.termios;
    const isFull = this.#ready.length + this.#line.length >= MOST_INPUT - 1;
    if (isFull && local & ICANON) {
      this.#show([BELL]);
      return;
    }
    if (local & ECHO) {
      if (this.#line.length === 0) {
        this.#commitEcho();
        this.#lineColumn = this.#terminal.column;
      }
      this.#echo(byte);
    }
    if (local & ICANON) this.#line.push(byte);
    else this.#ready.push(byte);
  }

  #flowKey(byte: number): boolean {
    if (this.#is(byte, VSTART)) this.#terminal.setStopped(false);
    else if (this.#is(byte, VSTOP)) this.#terminal.setStopped(true);
    else return false;
    return true;
  }

  #signalKey(byte: number): boolean {
    const keys: readonly (readonly [number, SignalKey])[] = [
      [VINTR, 'interrupt'],
      [VQUIT, 'quit'],
      [VSUSP, 'suspend'],
    ];
    const found = keys.find(([index]) => this.#is(byte, index));
    if (found === undefined) return false;
    const { input, local } = this.#terminal.termios;
    if (!(local & NOFLSH)) {
      const rest = this.#backlog;
      this.flush();
      this.#backlog = rest;
      this.#echoed = [];
      this.#terminal.flushOutput();
    }
    if (input & IXON) this.#terminal.setStopped(false);
    if (local & ECHO) this.#echo(byte);
    this.#terminal.signal(found[1]);
    return true;
  }

  /** Canonical mode: keys that edit or end a line. False for all others. */
  #edit(byte: number): boolean {
    const { local } = this.#terminal.termios;
    const isExtended = (local & IEXTEN) !== 0;
    if (this.#is(byte, VERASE)) this.#erase(1, byte);
    else if (this.#is(byte, VKILL)) this.#kill(byte);
    else if (isExtended && this.#is(byte, VWERASE)) this.#erase(this.#wordLength(), byte);
    else if (isExtended && this.#is(byte, VLNEXT)) this.#literalNext();
    else if (isExtended && local & ECHO && this.#is(byte, VREPRINT)) this.#reprint(byte);
    else if (byte === NEWLINE) {
      if (local & (ECHO | ECHONL)) this.#show([NEWLINE]);
      this.#endLine(NEWLINE);
    } else if (this.#is(byte, VEOF)) this.#endLine();
    else if (this.#is(byte, VEOL) || (isExtended && this.#is(byte, VEOL2))) {
      if (local & ECHO) this.#echo(byte);
      this.#endLine(byte);
    } else return false;
    return true;
  }

  #literalNext(): void {
    this.#isLiteral = true;
    const { local } = this.#terminal.termios;
    if (local & ECHO && local & ECHOCTL) this.#show([0x5e, BACKSPACE]);
  }

  #reprint(byte: number): void {
    this.#echo(byte);
    this.#show([NEWLINE]);
    for (const typed of this.#line) this.#echo(typed);
  }

  #endLine(...last: number[]): void {
    for (const byte of this.#line) this.#ready.push(byte);
    this.#ready.push(...last);
    this.#line = [];
    this.#lines.push(this.#ready.length);
  }

  #wordLength(): number {
    let length = 0;
    const at = (n: number) => this.#line[this.#line.length - 1 - n];
    const isWord = (byte: number | undefined) =>
      byte !== undefined && /[\w\u0080-\u00ff]/.test(String.fromCharCode(byte));
    while (length < this.#line.length && !isWord(at(length))) length++;
    while (length < this.#line.length && isWord(at(length))) length++;
    return length;
  }

  #kill(byte: number): void {
    const { local } = this.#terminal.termios;
    if (local & ECHO && !(local & ECHOK && local & ECHOKE && local & ECHOE)) {
      this.#line = [];
      this.#echo(byte);
      if (local & ECHOK) this.#show([NEWLINE]);
      return;
    }
    this.#erase(this.#line.length, byte);
  }

  /** Takes bytes off the end of the line, of whole characters. */
  #erase(count: number, key: number): void {
    const { input, local } = this.#terminal.termios;
    const isContinuation = (byte: number | undefined) =>
      (input & IUTF8) !== 0 && byte !== undefined && (byte & 0xc0) === 0x80;
    for (let left = count; left > 0 && this.#line.length > 0; left--) {
      while (isContinuation(this.#line.at(-1)) && this.#line.length > 1) {
        this.#line.pop();
        if (count > 1) left--;
      }
      const erased = this.#line.pop()!;
      if (!(local & ECHO)) continue;
      if (!(local & ECHOE)) this.#echo(key);
      else this.#showErased(erased);
    }
  }

  #showErased(erased: number): void {
    const { local } = this.#terminal.termios;
    const rubOut = [BACKSPACE, SPACE, BACKSPACE];
    if (erased === TAB) {
      this.#commitEcho();
      const column = this.#columnOfEnd();
      for (let at = this.#terminal.column; at > column; at--) this.#show([BACKSPACE]);
      return;
    }
    const isControl = erased < SPACE || erased === DELETE;
    if (isControl && local & ECHOCTL) this.#show(rubOut);
    if (!isControl || local & ECHOCTL) this.#show(rubOut);
  }

  /** The column behind what is left of the line. */
  #columnOfEnd(): number {
    const { local } = this.#terminal.termios;
    let column = this.#lineColumn;
    for (const byte of this.#line) {
      if (byte === TAB) column = (Math.floor(column / 8) + 1) * 8;
      else if (byte < SPACE || byte === DELETE) column += local & ECHOCTL ? 2 : 0;
      else column++;
    }
    return column;
  }

  #echo(byte: number): void {
    const isControl = byte < SPACE || byte === DELETE;
    const isShown = isControl && byte !== TAB && byte !== NEWLINE;
    if (isShown && this.#terminal.termios.local & ECHOCTL) this.#show([0x5e, byte ^ 0x40]);
    else this.#show([byte]);
  }
}
