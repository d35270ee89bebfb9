// File systems that are being configured, as open files: fsopen(2), fspick(2), fsconfig(2), fsmount(2).
import { MS_RELATIME } from '../../abi/mount.ts';
import { AT_EMPTY_PATH, AT_FDCWD, AT_SYMLINK_NOFOLLOW, O_RDWR } from '../../abi/stat.ts';
import { fail } from '../error.ts';
import { FILE_SYSTEM_TYPES, type FileSystemTypeName } from '../fs/type-names.ts';
import { checkOption } from '../fs/types.ts';
import { FileDescription } from '../vfs/file.ts';
import type { FileSystem, Inode } from '../vfs/inode.ts';
import { removeTree } from '../vfs/mount-tree.ts';
import type { Mount } from '../vfs/path.ts';
import type { Call } from './call.ts';
import { changeFileSystem, checkMayChangeTree, checkMayMount, isRoot } from './mount.ts';
import { ATTRIBUTES_KNOWN, install, plainFlags, timeFlags, TreeFile } from './mount-objects.ts';
import { makeMount } from './new-mount.ts';
import { pathArgument } from './path-arguments.ts';
import { full, type Implementations } from './table.ts';

const LONGEST_TYPE = 4096;
const LONGEST_KEY = 256;
const LONGEST_BINARY = 1 << 20;

/** Keys of all file systems, and whether they make them read-only. */
const COMMON: Readonly<Record<string, boolean | undefined>> = { ro: true, rw: false };
/** Those that change nothing here: nothing is written later than it is done. */
const WITHOUT_EFFECT = new Set(['sync', 'async', 'dirsync', 'lazytime', 'nolazytime', 'mand', 'nomand']);

/** A file system that is being made or, if there is one already, changed. */
class ContextFile extends FileDescription {
  readonly type: FileSystemTypeName;
  readonly existing: FileSystem | undefined;
  source = '';
  options: string[] = [];
  readOnly: boolean | undefined;
  /** What was made of it. */
  made: Mount | undefined;
  #isMounted = false;

  constructor(inode: Inode, type: FileSystemTypeName, existing?: FileSystem) {
    super(inode, O_RDWR);
    this.type = type;
    this.existing = existing;
  }

  override get seekable(): boolean {
    return false;
  }

  override get pollable(): boolean {
    return false;
  }

  /** Messages about what went wrong: there are none. */
  override read(): number {
    return fail('ENODATA');
  }

  /** The mount, once. @throws SystemError EINVAL before it was made, EBUSY afterwards and for what is not made anew */
  take(): Mount {
    if (this.#isMounted || this.existing !== undefined) fail('EBUSY');
    const made = this.made ?? fail('EINVAL');
    this.#isMounted = true;
    return made;
  }

  /** One option. @throws SystemError EINVAL */
  set(key: string, value: string | undefined): void {
    if (COMMON[key] !== undefined) this.readOnly = COMMON[key];
    else if (key === 'source') {
      if (value === undefined || this.source !== '') fail('EINVAL');
      this.source = value;
    } else if (!WITHOUT_EFFECT.has(key)) {
      const option = value === undefined ? key : `${key}=${value}`;
      checkOption(this.type, option);
      this.options.push(option);
    }
  }

  override closed(): void {
    if (this.made !== undefined && !this.#isMounted) removeTree(this.made, false);
  }
}

function fsopen(call: Call): number {
  checkMayMount(call);
  const flags = call.arg(1);
  if (flags & ~1) fail('EINVAL');
  const name = call.string(call.arg(0), LONGEST_TYPE, 'EINVAL');
  const type = FILE_SYSTEM_TYPES.find((known) => known === name) ?? fail('ENODEV');
  return install(call, new ContextFile(call.kernel.anonymous, type), flags === 1);
}

const FSPICK_CLOEXEC = 1;
const FSPICK_SYMLINK_NOFOLLOW = 2;
const FSPICK_NO_AUTOMOUNT = 4;
const FSPICK_EMPTY_PATH = 8;
const FSPICK_KNOWN = FSPICK_CLOEXEC | FSPICK_SYMLINK_NOFOLLOW | FSPICK_NO_AUTOMOUNT | FSPICK_EMPTY_PATH;

function fspick(call: Call): number {
  checkMayMount(call);
  const flags = call.arg(2);
  if (flags & ~FSPICK_KNOWN) fail('EINVAL');
  const nofollow = flags & FSPICK_SYMLINK_NOFOLLOW ? AT_SYMLINK_NOFOLLOW : 0;
  const path = pathArgument(call, 0, 1, nofollow | (flags & FSPICK_EMPTY_PATH ? AT_EMPTY_PATH : 0));
  if (!isRoot(path)) fail('EINVAL');
  const { fs } = path.mount;
  // directories of the host and of images are no types that can be mounted
  const type = FILE_SYSTEM_TYPES.find((known) => known === fs.type) ?? fail('EOPNOTSUPP');
  return install(call, new ContextFile(call.kernel.anonymous, type, fs), (flags & FSPICK_CLOEXEC) !== 0);
}

const [SET_FLAG, SET_STRING, SET_BINARY, SET_PATH, SET_PATH_EMPTY, SET_FD, CREATE, RECONFIGURE] = [
  0, 1, 2, 3, 4, 5, 6, 7,
];

/** By command: whether it takes a key, whether it takes a value, and which numbers. */
const COMMANDS: readonly (readonly [key: boolean, value: boolean, extra: (extra: number) => boolean])[] = [
  [true, false, (extra) => extra === 0],
  [true, true, (extra) => extra === 0],
  [true, true, (extra) => extra > 0 && extra <= LONGEST_BINARY],
  [true, true, (extra) => extra === AT_FDCWD || extra >= 0],
  [true, true, (extra) => extra === AT_FDCWD || extra >= 0],
  [true, false, (extra) => extra >= 0],
  [false, false, (extra) => extra === 0],
  [false, false, (extra) => extra === 0],
];

/** @throws SystemError EINVAL, EOPNOTSUPP for no command */
function checkArguments(command: number, key: number, value: number, extra: number): void {
  const [hasKey, hasValue, mayHave] = COMMANDS[command] ?? fail('EOPNOTSUPP');
  if ((key !== 0) !== hasKey || (value !== 0) !== hasValue || !mayHave(extra)) fail('EINVAL');
}

function create(call: Call, file: ContextFile): void {
  if (file.made !== undefined || file.existing !== undefined) fail('EBUSY');
  const { type, source, options, readOnly } = file;
  file.made = makeMount(call, { type, source, data: options.join(',') }, MS_RELATIME, readOnly ?? false);
}

function reconfigure(call: Call, file: ContextFile): void {
  const { existing, options, readOnly } = file;
  const fs = existing ?? fail('EBUSY');
  checkMayChangeTree(call);
  changeFileSystem(call, fs, readOnly ?? fs.readOnly, options.join(','));
  file.options = [];
}

function fsconfig(call: Call): number {
  const [command, keyAddress, valueAddress, extra] = [call.arg(1), call.arg(2), call.arg(3), call.arg(4)];
  checkArguments(command, keyAddress, valueAddress, extra);
  const file = call.file(0);
  if (!(file instanceof ContextFile)) return fail('EINVAL');
  if (command === CREATE) create(call, file);
  else if (command === RECONFIGURE) reconfigure(call, file);
  else {
    const key = call.string(keyAddress, LONGEST_KEY, 'EINVAL');
    const value = optionValue(call, command, valueAddress, extra);
    if (file.made !== undefined) fail('EBUSY');
    // no file system here has an option that is a file or anything but text
    if (command !== SET_FLAG && command !== SET_STRING) fail('EINVAL');
    file.set(key, value);
  }
  return 0;
}

/** The text of a value. @throws BadAddress, SystemError */
function optionValue(call: Call, command: number, address: number, extra: number): string | undefined {
  switch (command) {
    case SET_STRING:
      return call.string(address, LONGEST_KEY, 'EINVAL');
    case SET_BINARY:
      call.read(address, extra);
      return undefined;
    case SET_PATH:
    case SET_PATH_EMPTY:
      return call.path(3) === '' && command === SET_PATH ? fail('ENOENT') : undefined;
    case SET_FD:
      call.task.files.any(extra);
      return undefined;
    default:
      return undefined;
  }
}

function fsmount(call: Call): number {
  checkMayMount(call);
  const [flags, attributes] = [call.arg(1), call.arg(2)];
  if (flags & ~1 || attributes & ~ATTRIBUTES_KNOWN) fail('EINVAL');
  const wanted = plainFlags(attributes) | timeFlags(attributes);
  const file = call.file(0);
  if (!(file instanceof ContextFile)) return fail('EINVAL');
  const made = file.take();
  made.flags |= wanted & ~MS_RELATIME;
  if (!(wanted & MS_RELATIME)) made.flags &= ~MS_RELATIME;
  return install(call, new TreeFile(made), flags === 1);
}

export const mountContextCalls: Implementations = {
  fsopen: full(fsopen),
  fspick: full(fspick),
  fsconfig: full(fsconfig),
  fsmount: full(fsmount),
};
