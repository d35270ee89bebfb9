// What is copied when a file of a lower layer is changed (overlayfs.rst "Non-directories").
import { encodeText } from '../../syscalls/text.ts';
import type { Inode } from '../../vfs/inode.ts';

const PART = 65536;

type Data = Inode & {
  read(offset: number, into: Uint8Array): number;
  write(offset: number, from: Uint8Array): number;
};

/** Copies the data of a regular file, holes as holes. @throws SystemError ENOSPC */
export function copyContents(from: Inode, to: Inode): void {
  if (!from.isRegular) return;
  const [source, target] = [from as Data, to as Data];
  const { accessed } = source;
  for (let at = source.seekData(0, false); at !== undefined; at = source.seekData(at, false)) {
    const end = source.seekData(at, true) ?? source.size;
    while (at < end) {
      const bytes = new Uint8Array(Math.min(PART, end - at));
      const count = source.read(at, bytes);
      for (let done = 0; done < count; ) done += target.write(at + done, bytes.subarray(done, count));
      if (count === 0) break;
      at += count;
    }
    if (at < end) break;
  }
  if (target.size < source.size) target.truncate(source.size);
  source.accessed = accessed;
}

/** Copies owner, permissions, times and extended attributes except those of the overlay itself. */
export function copyStatus(from: Inode, to: Inode, overlayPrefix: string): void {
  for (const name of from.attributeNames())
    if (!name.startsWith(overlayPrefix)) to.setAttribute(name, from.getAttribute(name)!);
  to.uid = from.uid;
  to.gid = from.gid;
  to.mode = from.mode;
  to.accessed = from.accessed;
  to.modified = from.modified;
}

/** What a copy remembers of where it came from. */
export function originOf(lower: Inode): Uint8Array {
  return encodeText(`${lower.device}:${lower.ino}`);
}
