// File status as programs see it: struct stat, stat64 and statx (stat(2), statx(2), <asm/stat.h>).
import { OVERFLOW_ID, type UserNamespace } from '../ns/user-namespace.ts';
import type { Inode, Timestamp } from '../vfs/inode.ts';
import type { Path } from '../vfs/path.ts';
import type { Abi } from '../platform.ts';

const SECOND = 1_000_000_000;
const BLOCK_SIZE = 4096;
const STATX_BASIC_STATS = 0x7ff;
const STATX_BTIME = 0x800;
const STATX_MNT_ID = 0x1000;
const STATX_ATTR_MOUNT_ROOT = 0x2000;

/** Where a structure is put together; who asked for it copies it at once. */
const AREA = new Uint8Array(256);
const VIEW = new DataView(AREA.buffer);
const [SIZE_386, SIZE_STAT64, SIZE_AMD64] = [64, 96, 144];

/** The structure's bytes, all zero. */
function structure(size: number): Uint8Array {
  const bytes = AREA.subarray(0, size);
  bytes.fill(0);
  return bytes;
}

/** Writes a number in 64 bits. */
function put64(at: number, value: number): void {
  VIEW.setUint32(at, value, true);
  VIEW.setUint32(at + 4, Math.floor(value / 2 ** 32), true);
}

/** Writes seconds and nanoseconds in words of so many bytes; nanoseconds count forwards before 1970, too. */
function putTime(at: number, time: Timestamp, word: 4 | 8): void {
  // a guess that is at most one off, as the lower bits of what is left tell
  let seconds = Math.floor(Number(time) / SECOND);
  let nanoseconds = (Number(BigInt.asUintN(32, time)) - Math.imul(seconds, SECOND)) | 0;
  if (nanoseconds < 0 || nanoseconds >= SECOND) {
    const sign = Math.sign(nanoseconds);
    seconds += sign;
    nanoseconds -= sign * SECOND;
  }
  if (word === 8) put64(at, seconds);
  else VIEW.setInt32(at, seconds, true);
  VIEW.setInt32(at + word, nanoseconds, true);
}

/** An ID where there are 16 bits for it. */
const short = (id: number) => (id > 0xffff ? OVERFLOW_ID : id);

/** struct stat of the ABI, with IDs as `viewer` has them. */
export function encodeStat(inode: Inode, abi: Abi, viewer: UserNamespace): Uint8Array {
  return abi === 'amd64' ? encodeAmd64(inode, viewer) : encode386(inode, viewer);
}

function encodeAmd64(inode: Inode, viewer: UserNamespace): Uint8Array {
  const bytes = structure(SIZE_AMD64);
  put64(0, inode.device);
  put64(8, inode.ino);
  put64(16, inode.links);
  VIEW.setUint32(24, inode.mode, true);
  VIEW.setUint32(28, viewer.shown('uid', inode.uid), true);
  VIEW.setUint32(32, viewer.shown('gid', inode.gid), true);
  put64(40, inode.special);
  put64(48, inode.size);
  put64(56, BLOCK_SIZE);
  put64(64, inode.blocks);
  putTime(72, inode.accessed, 8);
  putTime(88, inode.modified, 8);
  putTime(104, inode.changed, 8);
  return bytes;
}

function encode386(inode: Inode, viewer: UserNamespace): Uint8Array {
  const bytes = structure(SIZE_386);
  VIEW.setUint32(0, inode.device, true);
  VIEW.setUint32(4, inode.ino, true);
  VIEW.setUint16(8, inode.mode, true);
  VIEW.setUint16(10, inode.links, true);
  VIEW.setUint16(12, short(viewer.shown('uid', inode.uid)), true);
  VIEW.setUint16(14, short(viewer.shown('gid', inode.gid)), true);
  VIEW.setUint32(16, inode.special, true);
  VIEW.setUint32(20, inode.size, true);
  VIEW.setUint32(24, BLOCK_SIZE, true);
  VIEW.setUint32(28, inode.blocks, true);
  putTime(32, inode.accessed, 4);
  putTime(40, inode.modified, 4);
  putTime(48, inode.changed, 4);
  return bytes;
}

/** struct stat64 of i386. */
export function encodeStat64(inode: Inode, viewer: UserNamespace): Uint8Array {
  const bytes = structure(SIZE_STAT64);
  put64(0, inode.device);
  VIEW.setUint32(12, inode.ino, true);
  VIEW.setUint32(16, inode.mode, true);
  VIEW.setUint32(20, inode.links, true);
  VIEW.setUint32(24, viewer.shown('uid', inode.uid), true);
  VIEW.setUint32(28, viewer.shown('gid', inode.gid), true);
  put64(32, inode.special);
  put64(44, inode.size);
  VIEW.setUint32(52, BLOCK_SIZE, true);
  put64(56, inode.blocks);
  putTime(64, inode.accessed, 4);
  putTime(72, inode.modified, 4);
  putTime(80, inode.changed, 4);
  put64(88, inode.ino);
  return bytes;
}

/** struct statx, the same for both ABIs; `mask` is what the caller wants to know. */
export function encodeStatx({ mount, entry }: Path, mask: number, viewer: UserNamespace): Uint8Array {
  const { inode } = entry;
  const bytes = structure(AREA.length);
  VIEW.setUint32(0, STATX_BASIC_STATS | STATX_MNT_ID | (mask & STATX_BTIME), true);
  VIEW.setUint32(4, BLOCK_SIZE, true);
  VIEW.setUint32(16, inode.links, true);
  VIEW.setUint32(20, viewer.shown('uid', inode.uid), true);
  VIEW.setUint32(24, viewer.shown('gid', inode.gid), true);
  VIEW.setUint16(28, inode.mode, true);
  put64(8, entry === mount.root ? STATX_ATTR_MOUNT_ROOT : 0);
  put64(32, inode.ino);
  put64(40, inode.size);
  put64(48, inode.blocks);
  put64(56, STATX_ATTR_MOUNT_ROOT);
  put64(144, mount.id);
  putTime(64, inode.accessed, 8);
  if (mask & STATX_BTIME) putTime(80, inode.born, 8);
  putTime(96, inode.changed, 8);
  putTime(112, inode.modified, 8);
  const major = (device: number) => (device >>> 8) & 0xfff;
  const minor = (device: number) => (device & 0xff) | ((device >>> 12) & 0xfff00);
  VIEW.setUint32(128, major(inode.special), true);
  VIEW.setUint32(132, minor(inode.special), true);
  VIEW.setUint32(136, major(inode.device), true);
  VIEW.setUint32(140, minor(inode.device), true);
  return bytes;
}
