// One file of the kernel as an entry of a tar archive: what layers, copies and exports of a container are written with.
import { createTarPacker } from 'modern-tar';
import { S_IFDIR, S_IFIFO, S_IFLNK, S_IFREG } from '../abi/stat.ts';
import type { Inode } from '../kernel/vfs/inode.ts';
import type { Bytes } from './streams.ts';
import { archivedName, attributeText, writtenArchive } from './tar-bytes.ts';

/** Of an overlay itself; they are not in archives. */
export const OVERLAY_ATTRIBUTES = 'trusted.overlay.';
const CHUNK = 1 << 20;

/** Takes the entries of an archive. */
export type Packer = ReturnType<typeof createTarPacker>['controller'];
type Readable = Inode & { read(offset: number, into: Uint8Array): number };

/** An archive of the entries that `pack` adds. */
export function archiveOf(pack: (packer: Packer) => Promise<void>): Bytes {
  const { readable, controller } = createTarPacker();
  void pack(controller).then(
    () => controller.finalize(),
    (error: unknown) => controller.error(error),
  );
  return readable.pipeThrough(writtenArchive());
}

/** Has an archive a place for it? */
export function canBePacked(inode: Inode): boolean {
  return inode.isDirectory || inode.isSymlink || inode.type === S_IFIFO || (inode.isRegular && 'read' in inode);
}

/**
 * Adds one file, without what a directory has in it; `seen` has the names of files with several. Sockets and devices do not
 * outlive a container, and are left out.
 */
export async function packInode(packer: Packer, inode: Inode, name: string, seen: Map<Inode, string>): Promise<void> {
  const header = headerOf(inode, name);
  const first = seen.get(inode);
  if (first !== undefined && !inode.isDirectory) {
    await packer.add({ ...header, type: 'link', linkname: archivedName(first) }).close();
    return;
  }
  seen.set(inode, name);
  switch (inode.type) {
    case S_IFDIR:
      await packer.add({ ...header, name: `${header.name}/`, type: 'directory' }).close();
      break;
    case S_IFLNK:
      await packer.add({ ...header, type: 'symlink', linkname: archivedName(inode.readlink()) }).close();
      break;
    case S_IFIFO:
      await packer.add({ ...header, type: 'fifo' }).close();
      break;
    case S_IFREG:
      if ('read' in inode) await packFile(packer, inode as Readable, header);
      break;
    default:
      break;
  }
}

async function packFile(packer: Packer, inode: Readable, header: ReturnType<typeof headerOf>): Promise<void> {
  const { size } = inode;
  const writer = packer.add({ ...header, type: 'file', size }).getWriter();
  for (let at = 0; at < size; at += CHUNK) {
    const chunk = new Uint8Array(Math.min(CHUNK, size - at));
    inode.read(at, chunk);
    await writer.write(chunk);
  }
  await writer.close();
}

/** What an archive says of a file besides its type. */
export function headerOf(inode: Inode, name: string) {
  const { mode, uid, gid, modified } = inode;
  const seconds = Number(modified / 1_000_000_000n);
  const fraction = String(modified % 1_000_000_000n).padStart(9, '0');
  const pax: Record<string, string> = modified % 1_000_000_000n === 0n ? {} : { mtime: `${seconds}.${fraction}` };
  for (const attribute of inode.attributeNames()) {
    if (attribute.startsWith(OVERLAY_ATTRIBUTES)) continue;
    pax[`SCHILY.xattr.${attribute}`] = attributeText(inode.getAttribute(attribute)!);
  }
  const more = Object.keys(pax).length === 0 ? {} : { pax };
  return { name: archivedName(name), size: 0, mode: mode & 0o7777, uid, gid, mtime: new Date(seconds * 1000), ...more };
}
