// Settings of a terminal as programs read and set them: struct termios, termios2 and termio (termios(3), ioctl_tty(2)).

// c_iflag.
export const ISTRIP = 0o40;
export const INLCR = 0o100;
export const IGNCR = 0o200;
export const ICRNL = 0o400;
export const IUCLC = 0o1000;
export const IXON = 0o2000;
export const IXANY = 0o4000;
export const IMAXBEL = 0o20000;
export const IUTF8 = 0o40000;
// c_oflag.
export const OPOST = 1;
export const OLCUC = 2;
export const ONLCR = 4;
export const OCRNL = 0o10;
export const ONOCR = 0o20;
export const ONLRET = 0o40;
export const TABDLY = 0o14000;
export const XTABS = 0o14000;
// c_cflag.
const CREAD = 0o200;
const CS8 = 0o60;
const B38400 = 0o17;
const CBAUD = 0o10017;
// c_lflag.
export const ISIG = 1;
export const ICANON = 2;
export const ECHO = 0o10;
export const ECHOE = 0o20;
export const ECHOK = 0o40;
export const ECHONL = 0o100;
export const NOFLSH = 0o200;
export const TOSTOP = 0o400;
export const ECHOCTL = 0o1000;
export const ECHOKE = 0o4000;
export const IEXTEN = 0o100000;
export const EXTPROC = 0o200000;
// Indices into c_cc.
export const VINTR = 0;
export const VQUIT = 1;
export const VERASE = 2;
export const VKILL = 3;
export const VEOF = 4;
export const VTIME = 5;
export const VMIN = 6;
export const VSTART = 8;
export const VSTOP = 9;
export const VSUSP = 10;
export const VEOL = 11;
export const VREPRINT = 12;
export const VWERASE = 14;
export const VLNEXT = 15;
export const VEOL2 = 16;

/** Bytes of struct termios: four flag words, the line, 19 control characters. */
export const TERMIOS_SIZE = 36;
/** With two speeds behind it. */
export const TERMIOS2_SIZE = 44;
/** struct termio: halves of the flags and 8 control characters. */
export const TERMIO_SIZE = 18;
const CONTROL_CHARACTERS = 19;
const SHORT_CHARACTERS = 8;

/** Speeds by their code in c_cflag (<asm-generic/termbits.h>). */
const SPEEDS = [0, 50, 75, 110, 134, 150, 200, 300, 600, 1200, 1800, 2400, 4800, 9600, 19200, 38400];
const HIGH_SPEEDS = [57600, 115200, 230400, 460800, 500000, 576000, 921600, 1000000, 1152000, 1500000, 2000000];
const BOTHER = 0o10000;

/** Settings of a terminal. */
export interface Termios {
  input: number;
  output: number;
  control: number;
  local: number;
  line: number;
  characters: number[];
  /** Of BOTHER in `control`, where the code does not say it. */
  inputSpeed: number;
  outputSpeed: number;
}

/** What `stty sane` sets. */
export function saneTermios(): Termios {
  return {
    input: ICRNL | IXON,
    output: OPOST | ONLCR,
    control: B38400 | CS8 | CREAD,
    local: ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN,
    line: 0,
    characters: [3, 28, 127, 21, 4, 0, 1, 0, 17, 19, 26, 0, 18, 15, 23, 22, 0, 0, 0],
    inputSpeed: 38400,
    outputSpeed: 38400,
  };
}

/** A struct termios, or a struct termios2 when `size` has room for the speeds (ioctl_tty(2)). */
export function encodeTermios(termios: Termios, size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  [termios.input, termios.output, termios.control, termios.local].forEach((flags, n) => {
    view.setUint32(4 * n, flags, true);
  });
  view.setUint8(16, termios.line);
  bytes.set(termios.characters, 17);
  if (size < TERMIOS2_SIZE) return bytes;
  view.setUint32(36, termios.inputSpeed, true);
  view.setUint32(40, termios.outputSpeed, true);
  return bytes;
}

function codedSpeed(control: number): number | undefined {
  const code = control & CBAUD;
  if (code === BOTHER) return undefined;
  return code & BOTHER ? HIGH_SPEEDS[(code & 0o17) - 1] : SPEEDS[code];
}

/** A struct termios or termios2; speeds it does not tell stay those of `old`. */
export function decodeTermios(view: DataView, old: Termios): Termios {
  const flags = (n: number) => view.getUint32(4 * n, true);
  const speed = codedSpeed(flags(2));
  const given = (at: number, before: number) => (view.byteLength >= TERMIOS2_SIZE ? view.getUint32(at, true) : before);
  return {
    input: flags(0),
    output: flags(1),
    control: flags(2),
    local: flags(3),
    line: view.getUint8(16),
    characters: Array.from({ length: CONTROL_CHARACTERS }, (_, n) => view.getUint8(17 + n)),
    inputSpeed: speed ?? given(36, old.inputSpeed),
    outputSpeed: speed ?? given(40, old.outputSpeed),
  };
}

/** A struct termio (ioctl_tty(2) TCGETA): the lower halves of the flags and the first characters. */
export function encodeTermio(termios: Termios): Uint8Array {
  const bytes = new Uint8Array(TERMIO_SIZE);
  const view = new DataView(bytes.buffer);
  [termios.input, termios.output, termios.control, termios.local].forEach((flags, n) => {
    view.setUint16(2 * n, flags & 0xffff, true);
  });
  view.setUint8(8, termios.line);
  bytes.set(termios.characters.slice(0, SHORT_CHARACTERS), 9);
  return bytes;
}

/** A struct termio; the rest stays that of `old`. */
export function decodeTermio(view: DataView, old: Termios): Termios {
  const flags = (n: number, before: number) => ((before & ~0xffff) | view.getUint16(2 * n, true)) >>> 0;
  const short = Array.from({ length: SHORT_CHARACTERS }, (_, n) => view.getUint8(9 + n));
  return {
    ...old,
    input: flags(0, old.input),
    output: flags(1, old.output),
    control: flags(2, old.control),
    local: flags(3, old.local),
    line: view.getUint8(8),
    characters: [...short, ...old.characters.slice(SHORT_CHARACTERS)],
  };
}
