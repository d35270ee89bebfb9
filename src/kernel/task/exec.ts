// execve(2): a task becomes another program.
import { MS_NOEXEC } from '../../abi/mount.ts';
import { SIG_DFL, SIG_IGN } from '../../abi/signal.ts';
import { fail, SystemError } from '../error.ts';
import type { Kernel } from '../kernel.ts';
import { ACCESS_EXECUTE, ACCESS_READ_FILE, checkDomain } from '../landlock/domain.ts';
import { Context, RSP } from '../platform.ts';
import { encodeText } from '../syscalls/text.ts';
import { type Path, pathName, resolve } from '../vfs/path.ts';
import { MAY_EXECUTE, MAY_READ, mayAccess } from '../vfs/permission.ts';
import { commitCredentials, DUMPABLE, NOT_DUMPABLE } from './credentials.ts';
import { credentialsOfProgram } from './exec-credentials.ts';
import { deleteTimers, endOtherTasks, releaseMemory } from './exit.ts';
import { loadProgram, type LoadedProgram, type ProgramFile, scriptInterpreter } from './program.ts';
import { traceProgram } from '../trace/tracing.ts';
import type { Task } from './task.ts';
import { DEFAULT_ACTION } from './thread-group.ts';
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
  checkDomain(task.credentials.landlock, path, ACCESS_EXECUTE | ACCESS_READ_FILE);
  if (isBeingWritten(task, inode)) fail('ETXTBSY');
  const cached = cachedInode(inode);
  return {
    cache: cached.cache,
    get size() {
      return cached.size;
    },
    path: pathName(path, task.directories.root),
    at: path,
    name: pathName(path, task.directories.root),
    read: (offset, into) => cached.read(offset, into),
  };
}

/** Somebody has the file open for writing. */
function isBeingWritten(task: Task, inode: Inode): boolean {
  for (const { files } of task.namespaces.pid.tasks.values())
    for (const entry of files.entries) if (entry?.file.inode === inode && entry.file.writable) return true;
  return false;
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
  const { credentials, secure } = credentialsOfProgram(task, program);
  const random = new Uint8Array(16);
  kernel.random.fill(random);
  const loaded = loadProgram(kernel.platform, kernel.frames, {
    file: { ...programFile(task, program), name: filename },
    arguments: argv,
    environment,
    credentials,
    secure,
    random,
    vdso: kernel.vdso,
    openInterpreter: (interpreter) => {
      try {
        return programFile(task, resolve(context, interpreter));
      } catch (failure) {
        if (failure instanceof SystemError && failure.errno === 'ENOTDIR') return fail('ENOENT');
        throw failure;
      }
    },
  });
  const formerNumber = task.tracing === undefined ? 0 : task.pid.in(task.tracing.tracer.namespaces.pid);
  // from here on nothing can fail: the old program is gone
  replaceProgram(kernel, task, loaded);
  hide(task, program);
  commitCredentials(task, credentials);
  if (secure) task.parentDeathSignal = 0;
  task.executable = program;
  traceProgram(task, formerNumber);
  task.name = name.slice(name.lastIndexOf('/') + 1).slice(0, NAME_LENGTH);
}

/** Who may look into the new memory: a program that cannot be read is shown to nobody who could not read it either. */
function hide({ memory, credentials }: Task, { entry: { inode } }: Path): void {
  const { uid, euid, gid, egid } = credentials;
  const isReadable = mayAccess(credentials, inode, MAY_READ);
  memory!.dumpable = isReadable && uid === euid && gid === egid ? DUMPABLE : NOT_DUMPABLE;
  let owner = credentials.user;
  while (!isReadable && owner.parent !== undefined && !(owner.has('uid', inode.uid) && owner.has('gid', inode.gid)))
    owner = owner.parent;
  memory!.owner = owner;
}

function replaceProgram(kernel: Kernel, task: Task, loaded: LoadedProgram): void {
  endOtherTasks(kernel, task);
  deleteTimers(task.group);
  if (task.memory !== undefined) loaded.memory.dumped = task.memory.dumped;
  releaseMemory(kernel, task);
  task.memory = loaded.memory;
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
  // what the program before had for itself
  task.keyrings = { ...task.keyrings, thread: undefined };
  group.keyring = undefined;
  kernel.keys.sweep();
  task.alternateStack = { address: 0, size: 0, flags: 2 };
  task.robustList = { head: 0, length: 0 };
  task.clearTid = 0;
  task.rseq = { address: 0, length: 0, signature: 0 };
  const fresh = new Context();
  fresh.abi = loaded.abi;
  fresh.rip = BigInt(loaded.entry);
  fresh.setReg(RSP, loaded.stackPointer);
  if (loaded.abi === 'i386') fresh.selectors = { ds: 0x2b, es: 0x2b, fs: 0, gs: 0 };
  task.context = fresh;
  task.debug = undefined;
}
