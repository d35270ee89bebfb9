// How strace(1) shows arguments that are flags, text or structures: by the name and type the man page gives them.
import { SIGNAL_NAMES, SIGRTMIN, signalName } from '../abi/signal.ts';
import { readUser, readUserString } from './mm/user-memory.ts';
import type { Call } from './syscalls/call.ts';

/** Characters of a string that are shown. */
const SHOWN = 32;
const LONGEST = 4096;
const AT_FDCWD = -100;

/** Names of bits, in the order strace shows them; `zero` when none is set. */
interface Flags {
  readonly names: readonly (readonly [bit: number, name: string])[];
  readonly zero?: string;
  /** A field of several bits that is shown first. */
  readonly field?: { readonly mask: number; readonly names: readonly string[] };
}

const flags = (zero: string | undefined, text: string): Flags => ({
  names: text.split(' ').map((part) => {
    const [name, bit] = part.split('=') as [string, string];
    return [Number(bit), name];
  }),
  ...(zero === undefined ? {} : { zero }),
});

const OPEN: Flags = {
  ...flags(
    undefined,
    'O_CREAT=0x40 O_EXCL=0x80 O_NOCTTY=0x100 O_TRUNC=0x200 O_APPEND=0x400 O_NONBLOCK=0x800 O_DSYNC=0x1000 ' +
      'O_DIRECT=0x4000 O_LARGEFILE=0x8000 O_NOFOLLOW=0x20000 O_NOATIME=0x40000 O_CLOEXEC=0x80000 O_PATH=0x200000 ' +
      'O_TMPFILE=0x410000 O_DIRECTORY=0x10000',
  ),
  field: { mask: 3, names: ['O_RDONLY', 'O_WRONLY', 'O_RDWR', 'O_ACCMODE'] },
};
const PROTECTION = flags('PROT_NONE', 'PROT_READ=1 PROT_WRITE=2 PROT_EXEC=4');
const MAP: Flags = {
  ...flags(
    undefined,
    'MAP_FIXED=0x10 MAP_ANONYMOUS=0x20 MAP_32BIT=0x40 MAP_GROWSDOWN=0x100 MAP_DENYWRITE=0x800 MAP_EXECUTABLE=0x1000 ' +
      'MAP_LOCKED=0x2000 MAP_NORESERVE=0x4000 MAP_POPULATE=0x8000 MAP_NONBLOCK=0x10000 MAP_STACK=0x20000 ' +
      'MAP_FIXED_NOREPLACE=0x100000',
  ),
  field: { mask: 15, names: ['MAP_FILE', 'MAP_SHARED', 'MAP_PRIVATE', 'MAP_SHARED_VALIDATE'] },
};
const AT = flags('0', 'AT_SYMLINK_NOFOLLOW=0x100 AT_SYMLINK_FOLLOW=0x400 AT_NO_AUTOMOUNT=0x800 AT_EMPTY_PATH=0x1000');
const ACCESS = flags('F_OK', 'R_OK=4 W_OK=2 X_OK=1');
const WAIT = flags('0', 'WNOHANG=1 WSTOPPED=2 WEXITED=4 WCONTINUED=8 WNOWAIT=0x1000000');
const CLONE = flags(
  undefined,
  'CLONE_VM=0x100 CLONE_FS=0x200 CLONE_FILES=0x400 CLONE_SIGHAND=0x800 CLONE_PIDFD=0x1000 CLONE_VFORK=0x4000 ' +
    'CLONE_PARENT=0x8000 CLONE_THREAD=0x10000 CLONE_NEWNS=0x20000 CLONE_SYSVSEM=0x40000 CLONE_SETTLS=0x80000 ' +
    'CLONE_PARENT_SETTID=0x100000 CLONE_CHILD_CLEARTID=0x200000 CLONE_CHILD_SETTID=0x1000000 ' +
    'CLONE_NEWCGROUP=0x2000000 CLONE_NEWUTS=0x4000000 CLONE_NEWIPC=0x8000000 CLONE_NEWUSER=0x10000000 ' +
    'CLONE_NEWPID=0x20000000 CLONE_NEWNET=0x40000000',
);
const WHENCE = ['SEEK_SET', 'SEEK_CUR', 'SEEK_END', 'SEEK_DATA', 'SEEK_HOLE'];
const HOW = ['SIG_BLOCK', 'SIG_UNBLOCK', 'SIG_SETMASK'];
const CLOCKS = [
  'CLOCK_REALTIME',
  'CLOCK_MONOTONIC',
  'CLOCK_PROCESS_CPUTIME_ID',
  'CLOCK_THREAD_CPUTIME_ID',
  'CLOCK_MONOTONIC_RAW',
  'CLOCK_REALTIME_COARSE',
  'CLOCK_MONOTONIC_COARSE',
  'CLOCK_BOOTTIME',
];

const hex = (value: number) => `0x${value.toString(16)}`;
const octal = (value: number) => (value === 0 ? '000' : `0${value.toString(8).padStart(3, '0')}`);

function flagText(value: number, { names, zero, field }: Flags): string {
  const shown: string[] = [];
  let rest = value;
  if (field !== undefined) {
    shown.push(field.names[value & field.mask] ?? hex(value & field.mask));
    rest = (rest & ~field.mask) >>> 0;
  }
  for (const [bit, name] of names) {
    if ((rest & bit) >>> 0 !== bit) continue;
    shown.push(name);
    rest = (rest & ~bit) >>> 0;
  }
  if (rest !== 0) shown.push(hex(rest));
  return shown.length === 0 ? (zero ?? '0') : shown.join('|');
}

const ESCAPES: Readonly<Record<number, string>> = {
  9: '\\t',
  10: '\\n',
  11: '\\v',
  12: '\\f',
  13: '\\r',
  34: '\\"',
  92: '\\\\',
};

/** Bytes as a C string: what cannot be printed in octal, as short as what follows allows. */
function quote(bytes: Uint8Array, isCut: boolean): string {
  const shown = bytes.subarray(0, SHOWN);
  let text = '';
  shown.forEach((byte, n) => {
    const next = shown[n + 1] ?? 0;
    if (ESCAPES[byte] !== undefined) text += ESCAPES[byte];
    else if (byte >= 32 && byte < 127) text += String.fromCharCode(byte);
    else text += `\\${byte.toString(8).padStart(next >= 48 && next <= 55 ? 3 : 1, '0')}`;
  });
  return `"${text}"${isCut || bytes.length > SHOWN ? '...' : ''}`;
}

/** A string of the program, quoted and cut as strace(1) does; the address where it cannot be read. */
export function stringArgument(call: Call, address: number): string {
  const bytes = readUserString(call.memory, address, LONGEST);
  return bytes === undefined ? hex(address) : quote(bytes, false);
}

function buffer(call: Call, address: number, length: number): string {
  return quote(readUser(call.memory, address, Math.min(length, SHOWN)), length > SHOWN);
}

function stringList(call: Call, address: number): string {
  const shown: string[] = [];
  for (let at = address; shown.length < SHOWN; at += call.wordSize) {
    const pointer = call.readWord(at);
    if (pointer === 0) return `[${shown.join(', ')}]`;
    shown.push(stringArgument(call, pointer));
  }
  return `[${shown.join(', ')}, ...]`;
}

/** [INT TERM], or ~[...] when most are in the set. */
function signalSet(call: Call, address: number): string {
  const set = new DataView(readUser(call.memory, address, 8).buffer).getBigUint64(0, true);
  const all = Array.from({ length: 64 }, (_, n) => n + 1);
  const members = all.filter((signal) => (set >> BigInt(signal - 1)) & 1n);
  const isMost = members.length > all.length * (2 / 3);
  const listed = isMost ? all.filter((signal) => !members.includes(signal)) : members;
  const names = listed.map((signal) => (SIGNAL_NAMES[signal - 1] ?? `RT_${signal - SIGRTMIN}`).replace(/^SIG/, ''));
  return `${isMost ? '~' : ''}[${names.join(' ')}]`;
}

/** Two numbers of the ABI's word size, or of 64 bits, with their names. */
function pair(call: Call, address: number, names: readonly [string, string], isWide: boolean): string {
  const size = isWide ? 8 : call.wordSize;
  return `{${names[0]}=${call.readWord(address, size)}, ${names[1]}=${call.readWord(address + size, size)}}`;
}

function waitStatus(call: Call, address: number): string {
  const status = call.readWord(address, 4);
  const signal = status & 0x7f;
  if (signal === 0x7f) return `[{WIFSTOPPED(s) && WSTOPSIG(s) == ${signalName((status >> 8) & 0xff)}}]`;
  if (signal !== 0) {
    const core = status & 0x80 ? ' && WCOREDUMP(s)' : '';
    return `[{WIFSIGNALED(s) && WTERMSIG(s) == ${signalName(signal)}${core}}]`;
  }
  return `[{WIFEXITED(s) && WEXITSTATUS(s) == ${(status >> 8) & 0xff}}]`;
}

/** What the call writes is only there when it has succeeded. */
const OUTPUTS = new Set(['wstatus', 'pipefd', 'sv', 'oldset', 'rem', 'remain']);

/** Arguments by name: what all calls that have one of the name mean by it. */
const BY_NAME: Readonly<Record<string, (call: Call, value: number, row: string) => string>> = {
  dirfd: (_, value) => (value === AT_FDCWD ? 'AT_FDCWD' : String(value)),
  olddirfd: (_, value) => (value === AT_FDCWD ? 'AT_FDCWD' : String(value)),
  newdirfd: (_, value) => (value === AT_FDCWD ? 'AT_FDCWD' : String(value)),
  prot: (_, value) => flagText(value, PROTECTION),
  whence: (_, value) => WHENCE[value] ?? String(value),
  how: (_, value) => HOW[value] ?? hex(value),
  clockid: (_, value) => CLOCKS[value] ?? hex(value),
  sig: (_, value) => (value === 0 ? '0' : signalName(value)),
  signum: (_, value) => signalName(value),
  argv: stringList,
  set: signalSet,
  oldset: signalSet,
  wstatus: waitStatus,
  pipefd: (call, at) => `[${call.readWord(at, 4)}, ${call.readWord(at + 4, 4)}]`,
  sv: (call, at) => `[${call.readWord(at, 4)}, ${call.readWord(at + 4, 4)}]`,
};

/** Calls whose `flags` and `mode` mean something of their own. */
const FLAGS: Readonly<Record<string, Flags>> = {
  open: OPEN,
  openat: OPEN,
  pipe2: flags('0', 'O_NONBLOCK=0x800 O_DIRECT=0x4000 O_CLOEXEC=0x80000'),
  mmap: MAP,
  mmap2: MAP,
  clone: CLONE,
  unshare: CLONE,
  fchownat: AT,
  linkat: AT,
  newfstatat: AT,
  fstatat64: AT,
  statx: AT,
  utimensat: AT,
  faccessat2: AT,
  execveat: AT,
};
const ACCESS_CALLS = new Set(['access', 'faccessat', 'faccessat2']);
const MODE_CALLS = new Set(['chmod', 'fchmod', 'fchmodat', 'mkdir', 'mkdirat', 'creat', 'umask']);
const O_CREAT_OR_TMPFILE = 0x410040;

/** How an argument is shown that is more than a number or an address; undefined for those that are not. */
export function argumentText(
  call: Call,
  row: { readonly name: string },
  parameter: { readonly name: string; readonly type: string },
  value: number,
  outcome: { readonly failed: boolean; readonly length: (name: string) => number },
): string | undefined {
  const { name, type } = parameter;
  if (type.includes('*') && (value === 0 || (outcome.failed && OUTPUTS.has(name)))) return undefined;
  if (name === 'flags' && FLAGS[row.name] !== undefined) return flagText(value, FLAGS[row.name]!);
  if (name === 'mode' && ACCESS_CALLS.has(row.name)) return flagText(value, ACCESS);
  if ((name === 'mode' || name === 'mask') && MODE_CALLS.has(row.name)) return octal(value & 0xffff);
  if (name === 'options' && row.name.startsWith('wait')) return flagText(value, WAIT);
  if (type === 'const void *' && name === 'buf')
    return buffer(call, value, outcome.length('count') || outcome.length('len'));
  if (type === 'void *' && name === 'buf' && !outcome.failed) return buffer(call, value, outcome.length('result'));
  if (/^(const )?struct timespec(64)? \*$/.test(type) && !(outcome.failed && OUTPUTS.has(name)))
    return pair(call, value, ['tv_sec', 'tv_nsec'], type.includes('64'));
  if (type === 'const struct timeval *') return pair(call, value, ['tv_sec', 'tv_usec'], false);
  if (name === 'sig' && type !== 'int') return undefined;
  return BY_NAME[name]?.(call, value, row.name);
}

/** openat's mode is only an argument when a file may be made. */
export function isShown(row: { readonly name: string }, name: string, flagsValue: number): boolean {
  return !(name === 'mode' && /^open(at)?$/.test(row.name) && !(flagsValue & O_CREAT_OR_TMPFILE));
}

/** The mode of a new file. */
export const modeText = octal;
