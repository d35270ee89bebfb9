// The first forms of calls that only i386 still has: struct __old_kernel_stat (stat(2) "C library/kernel differences"), struct
// old_utsname and oldold_utsname (uname(2)), one directory entry at a time (readdir(2)).
import { fail } from '../error.ts';
import { OVERFLOW_ID } from '../ns/user-namespace.ts';
import { DirectoryFile } from '../vfs/directory-file.ts';
import type { Inode } from '../vfs/inode.ts';
import type { Call } from './call.ts';
import { statPath } from './path-arguments.ts';
import { systemNames } from './system.ts';
import { full, type Implementations } from './table.ts';
import { encodeText } from './text.ts';

const LARGEST_SHORT = 0xffff;
const LARGEST_INT = 0xffff_ffff;

/** Device numbers of 16 bits: major and minor have a byte each. */
const shortDevice = (device: number): number => device & LARGEST_SHORT;

/** struct __old_kernel_stat. @throws SystemError EOVERFLOW when the inode number or the links do not fit */
function oldStat(call: Call, inode: Inode): number {
  if (inode.ino > LARGEST_SHORT || inode.links > LARGEST_SHORT) fail('EOVERFLOW');
  const view = new DataView(new ArrayBuffer(32));
  const id = (shown: number) => (shown > LARGEST_SHORT ? OVERFLOW_ID : shown);
  const { device, ino, mode, links, uid, gid, special } = inode;
  const owner = [id(call.users.shown('uid', uid)), id(call.users.shown('gid', gid))];
  [shortDevice(device), ino, mode, links, ...owner, shortDevice(special)].forEach((value, n) => {
    view.setUint16(2 * n, value, true);
  });
  const seconds = (time: bigint) => Number(BigInt.asIntN(32, time / 1_000_000_000n));
  view.setUint32(16, inode.size, true);
  [inode.accessed, inode.modified, inode.changed].forEach((time, n) => {
    view.setInt32(20 + 4 * n, seconds(time), true);
  });
  call.write(call.arg(1), new Uint8Array(view.buffer));
  return 0;
}

/** The first five names of uname(2) in fields of `size` bytes, the last of which is zero. */
function oldNames(call: Call, size: number): number {
  const bytes = new Uint8Array(5 * size);
  systemNames(call)
    .slice(0, 5)
    .forEach((text, n) => {
      bytes.set(encodeText(text).subarray(0, size - 1), n * size);
    });
  call.write(call.arg(0), bytes);
  return 0;
}

/** One entry of a directory: 1, or 0 at the end. */
function readDirectory(call: Call): number {
  const file = call.file(0);
  if (!(file instanceof DirectoryFile)) return fail('ENOTDIR');
  const [first] = file.rest();
  if (first === undefined) return 0;
  const { entry, next } = first;
  if (entry.ino > LARGEST_INT) fail('EOVERFLOW');
  const name = encodeText(entry.name);
  const bytes = new Uint8Array(11 + name.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, entry.ino, true);
  view.setUint32(4, file.offset, true);
  view.setUint16(8, name.length, true);
  bytes.set(name, 10);
  call.write(call.arg(1), bytes);
  file.offset = next;
  return 1;
}

export const i386FirstCalls: Implementations = {
  oldstat: full((call) => oldStat(call, statPath(call, true))),
  oldlstat: full((call) => oldStat(call, statPath(call, false))),
  oldfstat: full((call) => oldStat(call, call.anyFile(0).inode)),
  olduname: full((call) => oldNames(call, 65)),
  oldolduname: full((call) => oldNames(call, 9)),
  readdir: full(readDirectory),
};
