// System calls that open files by their names: open(2), creat(2), openat(2), openat2(2).
import { O_CLOEXEC, O_CREAT, O_DIRECTORY, O_NOFOLLOW, O_PATH, O_TMPFILE, O_TRUNC, O_WRONLY } from '../../abi/stat.ts';
import { fail } from '../error.ts';
import { Opening } from '../fs/special.ts';
import { release, WouldBlock, type FileDescription } from '../vfs/file.ts';
import { openFile, openNameless } from '../vfs/open.ts';
import { type Name, RESOLVE_BENEATH, RESOLVE_IN_ROOT } from '../vfs/path.ts';
import type { Call, CallResult } from './call.ts';
import { full, type Implementations } from './table.ts';
import { nameArgument, pathContext } from './path-arguments.ts';
import { openFilesLimit } from './limits.ts';

const firstName = (call: Call): Name => nameArgument(call, 0);
const nameInDirectory = (call: Call): Name => nameArgument(call, 1, 0);

function finishOpen(call: Call, file: FileDescription, flags: number): number {
  return call.task.files.install(file, (flags & O_CLOEXEC) !== 0, openFilesLimit(call));
}

/** `name` is asked for when the call begins, and not when it goes on. */
function open(call: Call, name: (call: Call) => Name, flags: number, mode: number): CallResult {
  const waiting = call.pending.progress as Opening | undefined;
  if (waiting !== undefined) return waiting.isOpen ? finishOpen(call, waiting.file, flags) : call.wait([waiting.queue]);
  const make = (flags & O_TMPFILE) === O_TMPFILE ? openNameless : openFile;
  const opened = make({ kernel: call.kernel, task: call.task }, name(call), flags, mode & 0o7777);
  if (!(opened instanceof WouldBlock)) return finishOpen(call, opened, flags);
  // a FIFO waits for its other side; what waits for a lease is tried again
  if (opened instanceof Opening) call.pending.progress = opened;
  return call.wait([opened.queue], opened.deadline);
}

const openOptions = {
  interrupted: (call: Call) => {
    const waiting = call.pending.progress as Opening | undefined;
    if (waiting !== undefined) release(waiting.file);
    return undefined;
  },
};

/** struct open_how: flags, mode and resolve, 64 bits each. */
const OPEN_HOW_SIZE = 24;
const RESOLVE_CACHED = 0x20;
const RESOLVE_KNOWN = 0x3f;
/** Flags open(2) knows; openat2(2) refuses others. */
const OPEN_KNOWN = 0o27777703;
const O_PATH_WITH = O_PATH | O_CLOEXEC | O_DIRECTORY | O_NOFOLLOW;

function openat2(call: Call): CallResult {
  const size = call.arg(3);
  if (size < OPEN_HOW_SIZE) fail('EINVAL');
  if (size > 4096) fail('E2BIG');
  const view = call.view(call.arg(2), size);
  for (let n = OPEN_HOW_SIZE; n < size; n++) if (view.getUint8(n) !== 0) fail('E2BIG');
  const [flags, mode, restrictions] = [0, 8, 16].map((at) => Number(view.getBigUint64(at, true))) as number[];
  if (flags! > 0xffff_ffff || flags! & ~OPEN_KNOWN || restrictions! > RESOLVE_KNOWN) fail('EINVAL');
  const makes = (flags! & O_CREAT) !== 0 || (flags! & O_TMPFILE) === O_TMPFILE;
  if (makes ? mode! > 0o7777 : mode !== 0) fail('EINVAL');
  if (flags! & O_PATH && flags! & ~O_PATH_WITH) fail('EINVAL');
  if ((restrictions! & (RESOLVE_BENEATH | RESOLVE_IN_ROOT)) === (RESOLVE_BENEATH | RESOLVE_IN_ROOT)) fail('EINVAL');
  if (restrictions! & RESOLVE_CACHED && flags! & (O_CREAT | O_TRUNC)) fail('EAGAIN');
  return open(call, (opening) => restrictedName(opening, restrictions!), flags!, mode!);
}

function restrictedName(call: Call, restrictions: number): Name {
  const text = call.path(1);
  const isScoped = (restrictions & (RESOLVE_BENEATH | RESOLVE_IN_ROOT)) !== 0;
  const from = pathContext(call, text.startsWith('/') && !isScoped ? undefined : 0);
  const root = restrictions & RESOLVE_IN_ROOT ? from.directory : from.root;
  return { text, from: { ...from, root, restrictions } };
}

export const openCalls: Implementations = {
  open: full((call) => open(call, firstName, call.arg(1), call.arg(2)), openOptions),
  creat: full((call) => open(call, firstName, O_CREAT | O_WRONLY | O_TRUNC, call.arg(1)), openOptions),
  openat: full((call) => open(call, nameInDirectory, call.arg(2), call.arg(3)), openOptions),
  openat2: full(openat2, openOptions),
};
