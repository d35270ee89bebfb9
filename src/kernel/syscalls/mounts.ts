// Facts of file systems: statfs(2), ustat(2).
import { MOUNT_FLAGS, MS_RDONLY } from '../../abi/mount.ts';
import { fail } from '../error.ts';
import type { FileSystem, Room } from '../vfs/inode.ts';
import { type Mount, resolve } from '../vfs/path.ts';
import type { Call } from './call.ts';
import { nameArgument } from './path-arguments.ts';
import { full, type Implementations } from './table.ts';

const NAME_LENGTH = 255;
const NO_ROOM: Room = { blocks: 0, freeBlocks: 0, files: 0, freeFiles: 0 };

/** What statfs(2) tells of. */
interface Shown {
  readonly fs: FileSystem;
  readonly flags: number;
}

/** struct statfs of the ABI, or statfs64 of i386. */
function encodeStatfs(call: Call, { fs, flags }: Shown, isWide: boolean): Uint8Array {
  const { blocks, freeBlocks, files, freeFiles } = fs.room?.() ?? NO_ROOM;
  const bytes = new Uint8Array(call.is32 ? (isWide ? 84 : 64) : 120);
  const view = new DataView(bytes.buffer);
  const word = call.wordSize;
  const put = (at: number, value: number, size: 4 | 8) => {
    if (size === 4) view.setUint32(at, value, true);
    else view.setBigUint64(at, BigInt(value), true);
  };
  put(0, fs.magic, word);
  put(word, 4096, word);
  const size = isWide ? 8 : word;
  [blocks, freeBlocks, freeBlocks, files, freeFiles].forEach((count, n) => {
    put(2 * word + n * size, count, size);
  });
  const after = 2 * word + 5 * size + 8;
  put(after, NAME_LENGTH, word);
  put(after + word, 4096, word);
  put(after + 2 * word, flags, word);
  return bytes;
}

function statfs(isWide: boolean, path: (call: Call) => Shown, result: number) {
  return full((call) => {
    // 88 where the compiler aligned it as amd64 does
    if (isWide && call.arg(1) !== 84 && call.arg(1) !== 88) fail('EINVAL');
    call.write(call.arg(result), encodeStatfs(call, path(call), isWide));
    return 0;
  });
}

/** Flags of f_flags (<linux/statfs.h>): they say that they are there, and repeat those of the mount. */
const ST_VALID = 0x20;
const ST_RELATIME = 0x1000;

function mountFlags({ flags, isReadOnly }: Mount): number {
  const all = isReadOnly ? flags | MS_RDONLY : flags;
  return MOUNT_FLAGS.reduce((sum, { flag, statfs }) => (all & flag ? sum | statfs : sum), ST_VALID);
}

const byName = (call: Call): Shown => {
  const name = nameArgument(call, 0);
  const { mount } = resolve(name.from, name.text);
  return { fs: mount.fs, flags: mountFlags(mount) };
};
const byFile = (call: Call): Shown => {
  const { path, inode } = call.anyFile(0);
  return { fs: inode.fs, flags: path === undefined ? ST_VALID | ST_RELATIME : mountFlags(path.mount) };
};

/** How much room is left on the file system of a device number (ustat(2)); the names are empty. */
function ustat(call: Call): number {
  const mounted = [...call.task.namespaces.mnt.mounts()].find(({ fs }) => fs.device === call.arg(0));
  if (mounted === undefined) return fail('EINVAL');
  const { freeBlocks, freeFiles } = mounted.fs.room?.() ?? NO_ROOM;
  const word = call.wordSize;
  const bytes = new Uint8Array(call.is32 ? 20 : 32);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, freeBlocks, true);
  view.setUint32(word, freeFiles, true);
  call.write(call.arg(1), bytes);
  return 0;
}

export const mountCalls: Implementations = {
  ustat: full(ustat),
  statfs: statfs(false, byName, 1),
  fstatfs: statfs(false, byFile, 1),
  statfs64: statfs(true, byName, 2),
  fstatfs64: statfs(true, byFile, 2),
};
