// Facts of file systems: statfs(2).
import type { FileSystem, Room } from '../vfs/inode.ts';
import { resolve } from '../vfs/path.ts';
import type { Call } from './call.ts';
import { nameArgument } from './paths.ts';
import { full, type Implementations } from './table.ts';

const NAME_LENGTH = 255;
const NO_ROOM: Room = { blocks: 0, freeBlocks: 0, files: 0, freeFiles: 0 };

/** struct statfs of the ABI, or statfs64 of i386. */
function encodeStatfs(call: Call, fs: FileSystem, isWide: boolean): Uint8Array {
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
  return bytes;
}

function statfs(isWide: boolean, path: (call: Call) => FileSystem, result: number) {
  return full((call) => {
    call.write(call.arg(result), encodeStatfs(call, path(call), isWide));
    return 0;
  });
}

const byName = (call: Call): FileSystem => {
  const name = nameArgument(call, 0);
  return resolve(name.from, name.text).mount.fs;
};
const byFile = (call: Call): FileSystem => call.file(0).inode.fs;

export const mountCalls: Implementations = {
  statfs: statfs(false, byName, 1),
  fstatfs: statfs(false, byFile, 1),
  statfs64: statfs(true, byName, 2),
  fstatfs64: statfs(true, byFile, 2),
};
