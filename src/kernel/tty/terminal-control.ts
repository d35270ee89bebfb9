// ioctl(2) on terminals and on the masters of pseudoterminals (ioctl_tty(2)).
import { FIONREAD } from '../../abi/ioctl.ts';
import { SIGNAL } from '../../abi/signal.ts';
import { fail } from '../error.ts';
import type { Call, CallResult } from '../syscalls/call.ts';
import type { WaitQueue } from '../task/wait-queue.ts';
import { CAP_SYS_ADMIN, hasCapability } from '../vfs/permission.ts';
import { stopInBackground } from './job-control.ts';
import type { Terminal } from './terminal.ts';
import {
  decodeTermio,
  decodeTermios,
  encodeTermio,
  encodeTermios,
  TERMIO_SIZE,
  TERMIOS2_SIZE,
  TERMIOS_SIZE,
  type Termios,
  VSTART,
  VSTOP,
} from './termios.ts';

const TCGETS = 0x5401;
const TCSETS = 0x5402;
const TCSETSF = 0x5404;
const TCGETA = 0x5405;
const TCSETA = 0x5406;
const TCSETAF = 0x5408;
const TCSBRK = 0x5409;
const TCXONC = 0x540a;
const TCFLSH = 0x540b;
const TIOCEXCL = 0x540c;
const TIOCNXCL = 0x540d;
const TIOCSCTTY = 0x540e;
const TIOCGPGRP = 0x540f;
/** tcsetpgrp(3). */
export const TIOCSPGRP = 0x5410;
const TIOCOUTQ = 0x5411;
const TIOCSTI = 0x5412;
const TIOCGWINSZ = 0x5413;
const TIOCSWINSZ = 0x5414;
const TIOCNOTTY = 0x5422;
const TIOCSETD = 0x5423;
const TIOCGETD = 0x5424;
const TCSBRKP = 0x5425;
const TIOCSBRK = 0x5427;
const TIOCCBRK = 0x5428;
const TIOCGSID = 0x5429;
const TIOCVHANGUP = 0x5437;
const TCGETS2 = 0x802c_542a;
const TCSETS2 = 0x402c_542b;
const TCSETSF2 = 0x402c_542d;
const TIOCGDEV = 0x8004_5432;
const TIOCGEXCL = 0x8004_5440;

/** Calls that a process in the background may not make without being stopped. */
const CHANGES = new Set([TCSBRK, TCSBRKP, TCFLSH, TCXONC, TIOCSPGRP, TIOCSETD, TIOCSTI, TIOCSBRK, TIOCCBRK]);

function isChange(request: number): boolean {
  const sets = [TCSETS, TCSETA, TCSETS2] as const;
  return CHANGES.has(request) || sets.some((first) => request >= first && request <= first + 2);
}

/** Does a request, or says that the caller has to wait until it is in the foreground. @throws SystemError ENOTTY, … */
export function terminalControl(
  call: Call,
  terminal: Terminal,
  queue: WaitQueue,
  request: number,
  argument: number,
): CallResult {
  if (terminal.isHungUp) return fail(request === TIOCSPGRP ? 'ENOTTY' : 'EIO');
  if (isChange(request) && stopInBackground(terminal, call.task, SIGNAL.SIGTTOU)) return call.wait([queue]);
  return (
    settings(call, terminal, request, argument) ??
    flow(call, terminal, request, argument) ??
    window(call, terminal, request, argument) ??
    session(call, terminal, request, argument)
  );
}

function settings(call: Call, terminal: Terminal, request: number, argument: number): number | undefined {
  const { termios } = terminal;
  const give = (bytes: Uint8Array) => {
    call.write(argument, bytes);
    return 0;
  };
  if (request === TCGETS) return give(encodeTermios(termios, TERMIOS_SIZE));
  if (request === TCGETS2) return give(encodeTermios(termios, TERMIOS2_SIZE));
  if (request === TCGETA) return give(encodeTermio(termios));
  const set = (flushing: number, value: Termios) => {
    if (request === flushing) terminal.flushInput();
    terminal.setTermios(value);
    return 0;
  };
  if (request >= TCSETS && request <= TCSETSF)
    return set(TCSETSF, decodeTermios(call.view(argument, TERMIOS_SIZE), termios));
  if (request >= TCSETS2 && request <= TCSETSF2)
    return set(TCSETSF2, decodeTermios(call.view(argument, TERMIOS2_SIZE), termios));
  if (request >= TCSETA && request <= TCSETAF)
    return set(TCSETAF, decodeTermio(call.view(argument, TERMIO_SIZE), termios));
  return undefined;
}

const TCOOFF = 0;
const TCOON = 1;
const TCIOFF = 2;
const TCION = 3;

function flow(call: Call, terminal: Terminal, request: number, argument: number): number | undefined {
  switch (request) {
    case TCXONC:
      if (argument === TCOOFF || argument === TCOON) terminal.setHeld(argument === TCOOFF);
      else if (argument === TCIOFF || argument === TCION) sendFlow(terminal, argument === TCIOFF ? VSTOP : VSTART);
      else fail('EINVAL');
      return 0;
    case TCFLSH:
      if (argument < 0 || argument > 2) fail('EINVAL');
      if (argument !== 1) terminal.flushInput();
      if (argument !== 0) terminal.flushOutput();
      return 0;
    case TCSBRK:
    case TCSBRKP:
    case TIOCSBRK:
    case TIOCCBRK:
      return 0;
    case FIONREAD:
      call.writeWord(argument, terminal.available, 4);
      return 0;
    case TIOCOUTQ:
      call.writeWord(argument, terminal.driver.pending, 4);
      return 0;
    case TIOCSTI:
      if (call.task.group.processGroup.session.terminal !== terminal && !isAdministrator(call)) fail('EPERM');
      terminal.type(call.read(argument, 1));
      return 0;
    default:
      return undefined;
  }
}

function sendFlow(terminal: Terminal, index: number): void {
  const character = terminal.termios.characters[index]!;
  if (character !== 0) terminal.driver.write(Uint8Array.of(character));
}

const isAdministrator = (call: Call): boolean => hasCapability(call.task.credentials, CAP_SYS_ADMIN);

function window(call: Call, terminal: Terminal, request: number, argument: number): number | undefined {
  switch (request) {
    case TIOCGWINSZ: {
      const { rows, columns, width, height } = terminal.size;
      call.write(argument, new Uint8Array(Uint16Array.of(rows, columns, width, height).buffer));
      return 0;
    }
    case TIOCSWINSZ: {
      const view = call.view(argument, 8);
      const at = (n: number) => view.getUint16(2 * n, true);
      terminal.setSize({ rows: at(0), columns: at(1), width: at(2), height: at(3) });
      return 0;
    }
    case TIOCEXCL:
    case TIOCNXCL:
      terminal.isExclusive = request === TIOCEXCL;
      return 0;
    case TIOCGEXCL:
      call.writeWord(argument, terminal.isExclusive ? 1 : 0, 4);
      return 0;
    case TIOCGDEV:
      call.writeWord(argument, terminal.device, 4);
      return 0;
    case TIOCGETD:
      call.writeWord(argument, 0, 4);
      return 0;
    case TIOCSETD:
      return call.readWord(argument, 4) === 0 ? 0 : fail('EINVAL');
    case TIOCVHANGUP:
      if (!isAdministrator(call)) fail('EPERM');
      terminal.disconnect();
      return 0;
    default:
      return undefined;
  }
}

function session(call: Call, terminal: Terminal, request: number, argument: number): number {
  const { group } = call.task;
  const { session: own } = group.processGroup;
  const checkOwn = () => {
    if (own.terminal !== terminal) fail('ENOTTY');
  };
  switch (request) {
    case TIOCSCTTY:
      return takeTerminal(call, terminal, argument);
    case TIOCNOTTY:
      checkOwn();
      if (own.pid === group.pid) terminal.detach(false);
      return 0;
    case TIOCGPGRP:
      checkOwn();
      call.writeWord(argument, terminal.foreground === undefined ? 0 : call.number(terminal.foreground.pid), 4);
      return 0;
    case TIOCSPGRP: {
      checkOwn();
      const id = call.readWord(argument, 4) | 0;
      if (id < 0) fail('EINVAL');
      const found = [...own.groups].find((candidate) => call.number(candidate.pid) === id);
      terminal.foreground = found ?? fail(call.pids.groups.has(id) ? 'EPERM' : 'ESRCH');
      terminal.queue.wake();
      return 0;
    }
    case TIOCGSID:
      checkOwn();
      call.writeWord(argument, call.number(own.pid), 4);
      return 0;
    default:
      return fail('ENOTTY');
  }
}

/** TIOCSCTTY: a session leader without a terminal takes this one; an administrator may take it from another session. */
function takeTerminal(call: Call, terminal: Terminal, argument: number): number {
  const { group } = call.task;
  const { session: own } = group.processGroup;
  const isLeader = own.pid === group.pid;
  if (isLeader && own.terminal === terminal) return 0;
  if (!isLeader || own.terminal !== undefined) return fail('EPERM');
  if (terminal.session !== undefined) {
    if (argument !== 1 || !isAdministrator(call)) fail('EPERM');
    terminal.session.terminal = undefined;
  }
  terminal.attach(own, group.processGroup);
  return 0;
}
