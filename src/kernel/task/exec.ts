// execve(2): a task becomes another program.
import { S_ISGID, S_ISUID } from '../../abi/stat.ts';
import { SIG_DFL, SIG_IGN } from '../../abi/signal.ts';
import { fail, SystemError } from '../error.ts';
import type { Kernel } from '../kernel.ts';
import { Context, RSP } from '../platform.ts';
import { encodeText } from '../syscalls/text.ts';
import { type Path, pathName, resolve } from '../vfs/path.ts';
import { ALL_CAPABILITIES, type Credentials, MAY_EXECUTE, mayAccess } from '../vfs/permission.ts';
import { endOtherTasks, releaseMemory } from './exit.ts';
import { loadProgram, type LoadedProgram, type ProgramFile, scriptInterpreter } from './program.ts';
import type { Task } from './task.ts';
import { DEFAULT_ACTION } from './thread-group.ts';
import { MS_NOEXEC, MS_NOSUID } from '../vfs/path.ts';
import type { Inode } from '../vfs/inode.ts';
import type { PageCache } from '../mm/page-cache.ts';

const NAME_LENGTH = 15;
/** Scripts whose interpreters are scripts. */
const MOST_SCRIPTS = 5;

/** A file with a page cache: what can be executed and mapped. */
export interface CachedInode extends Inode {
  readonly cache: PageCache;
  read(offset: number, into: Uint8Array): number;
}

/** The inode as one that can be mapped. @throws SystemError ENODEV */
export function cachedInode(inode: Inode): CachedInode {
  return 'cache' in inode ? (inode as CachedInode) : fail('ENODEV');
}

function programFile(task: Task, path: Path): ProgramFile {
  const { inode } = path.entry;
  if (!inode.isRegular || path.mount.flags & MS_NOEXEC) fail('EACCES');
  if (!mayAccess(task.credentials, inode, MAY_EXECUTE)) fail('EACCES');
  const cached = cachedInode(inode);
  return {
    cache: cached.cache,
    get size() {
      return cached.size;
    },
    path: pathName(path, task.directories.root),
    name: pathName(path, task.directories.root),
    read: (offset, into) => cached.read(offset, into),
  };
}

/** Starts the program at `path` in the task. @throws SystemError, leaving the task as it was */
export function execute(
  kernel: Kernel,
  task: Task,
  path: Path,
  name: string,
  args: readonly Uint8Array[],
  environment: readonly Uint8Array[],
): void {
  const context = { ...task.directories, credentials: task.credentials };
  let program = path;
  let argv = args;
  let filename = name;
  for (let scripts = 0; ; scripts++) {
    const script = scriptInterpreter(programFile(task, program));
    if (script === undefined) break;
    if (scripts === MOST_SCRIPTS) fail('ELOOP');
    const head = script.argument === undefined ? [script.path] : [script.path, script.argument];
    argv = [...head, filename].map(encodeText).concat(argv.slice(1));
    filename = script.path;
    program = resolve(context, script.path);
  }
  const credentials = newCredentials(task.credentials, program);
  const random = new Uint8Array(16);
  kernel.random.fill(random);
  const loaded = loadProgram(kernel.platform, kernel.frames, {
    file: { ...programFile(task, program), name: filename },
    arguments: argv,
    environment,
    credentials,
    secure: credentials.euid !== task.credentials.uid || credentials.egid !== task.credentials.gid,
    random,
    openInterpreter: (interpreter) => {
      try {
        return programFile(task, resolve(context, interpreter));
      } catch (failure) {
        if (failure instanceof SystemError && failure.errno === 'ENOTDIR') return fail('ENOENT');
        throw failure;
      }
    },
  });
  // from here on nothing can fail: the old program is gone
  replaceProgram(kernel, task, loaded, credentials);
  task.executable = program;
  task.name = path.entry.name.slice(0, NAME_LENGTH);
}

function replaceProgram(kernel: Kernel, task: Task, loaded: LoadedProgram, credentials: Credentials): void {
  endOtherTasks(kernel, task);
  releaseMemory(kernel, task);
  task.memory = loaded.memory;
  task.credentials = credentials;
  if (task.files.users > 1) {
    task.files.users--;
    task.files = task.files.clone();
  }
  task.files.closeForExec();
  const { group } = task;
  group.actions = group.actions.map(({ handler }) =>
    handler === SIG_IGN ? { ...DEFAULT_ACTION, handler: SIG_IGN } : { ...DEFAULT_ACTION, handler: SIG_DFL },
  );
  group.executed = true;
  task.alternateStack = { address: 0, size: 0, flags: 2 };
  task.robustList = { head: 0, length: 0 };
  task.clearTid = 0;
  const fresh = new Context();
  fresh.abi = loaded.abi;
  fresh.rip = BigInt(loaded.entry);
  fresh.setReg(RSP, loaded.stackPointer);
  if (loaded.abi === 'i386') fresh.selectors = { ds: 0x2b, es: 0x2b, fs: 0, gs: 0 };
  task.context = fresh;
}

/** Credentials of the new program: set-user-ID and set-group-ID, and capabilities (capabilities(7) "Transformation"). */
function newCredentials(old: Credentials, { mount, entry }: Path): Credentials {
  const { inode } = entry;
  const next = { ...old };
  const mayChange = !(mount.flags & MS_NOSUID) && !old.noNewPrivileges;
  if (mayChange && inode.mode & S_ISUID) next.euid = inode.uid;
  if (mayChange && (inode.mode & (S_ISGID | 0o010)) === (S_ISGID | 0o010)) next.egid = inode.gid;
  next.suid = next.euid;
  next.fsuid = next.euid;
  next.sgid = next.egid;
  next.fsgid = next.egid;
  const isRoot = next.uid === 0 || next.euid === 0;
  const file = isRoot && !(old.securebits & 1) ? ALL_CAPABILITIES : 0n;
  const ambient = isRoot || next.euid !== old.euid ? 0n : old.ambient;
  next.permitted = (old.inheritable & file) | (file & old.bounding) | ambient;
  next.effective = next.euid === 0 && file !== 0n ? next.permitted : ambient;
  next.ambient = ambient;
  return next;
}
