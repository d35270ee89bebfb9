// File status as programs see it: struct stat, stat64 and statx (stat(2), statx(2), <asm/stat.h>).
import { OVERFLOW_ID, type UserNamespace } from '../ns/user-namespace.ts';
import type { Inode, Timestamp } from '../vfs/inode.ts';
import type { Path } from '../vfs/path.ts';
import type { Abi } from '../platform.ts';

const SECOND = 1_000_000_000n;
const BLOCK_SIZE = 4096;
const STATX_BASIC_STATS = 0x7ff;
const STATX_BTIME = 0x800;
const STATX_MNT_ID = 0x1000;
const STATX_ATTR_MOUNT_ROOT = 0x2000;

/** Nanoseconds count forwards before 1970, too. */
function split(time: Timestamp): { seconds: bigint; nanoseconds: bigint } {
  const nanoseconds = ((time % SECOND) + SECOND) % SECOND;
  return { seconds: (time - nanoseconds) / SECOND, nanoseconds };
}

function putTime(view: DataView, at: number, time: Timestamp, word: 4 | 8): void {
  const { seconds, nanoseconds } = split(time);
  if (word === 8) {
    view.setBigInt64(at, seconds, true);
    view.setBigInt64(at + 8, nanoseconds, true);
  } else {
    view.setInt32(at, Number(seconds), true);
    view.setInt32(at + 4, Number(nanoseconds), true);
  }
}

/** An ID where there are 16 bits for it. */
const short = (id: number) => (id > 0xffff ? OVERFLOW_ID : id);

/** struct stat of the ABI, with IDs as `viewer` has them. */
export function encodeStat(inode: Inode, abi: Abi, viewer: UserNamespace): Uint8Array {
  return abi === 'amd64' ? encodeAmd64(inode, viewer) : encode386(inode, viewer);
}

function encodeAmd64(inode: Inode, viewer: UserNamespace): Uint8Array {
  const bytes = new Uint8Array(144);
  const view = new DataView(bytes.buffer);
  const big = (at: number, value: number) => view.setBigUint64(at, BigInt(value), true);
  big(0, inode.device);
  big(8, inode.ino);
  big(16, inode.links);
  view.setUint32(24, inode.mode, true);
  view.setUint32(28, viewer.shown('uid', inode.uid), true);
  view.setUint32(32, viewer.shown('gid', inode.gid), true);
  big(40, inode.special);
  big(48, inode.size);
  big(56, BLOCK_SIZE);
  big(64, inode.blocks);
  putTime(view, 72, inode.accessed, 8);
  putTime(view, 88, inode.modified, 8);
  putTime(view, 104, inode.changed, 8);
  return bytes;
}

function encode386(inode: Inode, viewer: UserNamespace): Uint8Array {
  const bytes = new Uint8Array(64);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, inode.device, true);
  view.setUint32(4, inode.ino, true);
  view.setUint16(8, inode.mode, true);
  view.setUint16(10, inode.links, true);
  view.setUint16(12, short(viewer.shown('uid', inode.uid)), true);
  view.setUint16(14, short(viewer.shown('gid', inode.gid)), true);
  view.setUint32(16, inode.special, true);
  view.setUint32(20, inode.size, true);
  view.setUint32(24, BLOCK_SIZE, true);
  view.setUint32(28, inode.blocks, true);
  putTime(view, 32, inode.accessed, 4);
  putTime(view, 40, inode.modified, 4);
  putTime(view, 48, inode.changed, 4);
  return bytes;
}

/** struct stat64 of i386. */
export function encodeStat64(inode: Inode, viewer: UserNamespace): Uint8Array {
  const bytes = new Uint8Array(96);
  const view = new DataView(bytes.buffer);
  const big = (at: number, value: number) => view.setBigUint64(at, BigInt(value), true);
  big(0, inode.device);
  view.setUint32(12, inode.ino, true);
  view.setUint32(16, inode.mode, true);
  view.setUint32(20, inode.links, true);
  view.setUint32(24, viewer.shown('uid', inode.uid), true);
  view.setUint32(28, viewer.shown('gid', inode.gid), true);
  big(32, inode.special);
  big(44, inode.size);
  view.setUint32(52, BLOCK_SIZE, true);
  big(56, inode.blocks);
  putTime(view, 64, inode.accessed, 4);
  putTime(view, 72, inode.modified, 4);
  putTime(view, 80, inode.changed, 4);
  big(88, inode.ino);
  return bytes;
}

/** struct statx, the same for both ABIs; `mask` is what the caller wants to know. */
export function encodeStatx({ mount, entry }: Path, mask: number, viewer: UserNamespace): Uint8Array {
  const { inode } = entry;
  const bytes = new Uint8Array(256);
  const view = new DataView(bytes.buffer);
  const big = (at: number, value: number) => view.setBigUint64(at, BigInt(value), true);
  const time = (at: number, value: Timestamp) => {
    const { seconds, nanoseconds } = split(value);
    view.setBigInt64(at, seconds, true);
    view.setUint32(at + 8, Number(nanoseconds), true);
  };
  view.setUint32(0, STATX_BASIC_STATS | STATX_MNT_ID | (mask & STATX_BTIME), true);
  view.setUint32(4, BLOCK_SIZE, true);
  view.setUint32(16, inode.links, true);
  view.setUint32(20, viewer.shown('uid', inode.uid), true);
  view.setUint32(24, viewer.shown('gid', inode.gid), true);
  view.setUint16(28, inode.mode, true);
  big(8, entry === mount.root ? STATX_ATTR_MOUNT_ROOT : 0);
  big(32, inode.ino);
  big(40, inode.size);
  big(48, inode.blocks);
  big(56, STATX_ATTR_MOUNT_ROOT);
  big(144, mount.id);
  time(64, inode.accessed);
  if (mask & STATX_BTIME) time(80, inode.born);
  time(96, inode.changed);
  time(112, inode.modified);
  const major = (device: number) => (device >>> 8) & 0xfff;
  const minor = (device: number) => (device & 0xff) | ((device >>> 12) & 0xfff00);
  view.setUint32(128, major(inode.special), true);
  view.setUint32(132, minor(inode.special), true);
  view.setUint32(136, major(inode.device), true);
  view.setUint32(140, minor(inode.device), true);
  return bytes;
}
