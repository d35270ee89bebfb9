// Archives on this computer: files, standard input and output, and directories packed on the way.
import {
  closeSync,
  constants,
  createReadStream,
  createWriteStream,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { Readable, Writable } from 'node:stream';
import { decodeText, encodeText } from '../kernel/syscalls/text.ts';
import type { Bytes } from '../oci/streams.ts';
import { archivedName, attributeText, nameOf } from '../oci/tar-bytes.ts';
import { archiveOf, type Packer } from '../oci/tar-inode.ts';
import { hostReason } from './assets.ts';
import { humanSize } from './columns.ts';
import { CliError, EXIT } from './errors.ts';
import { canShareDirectories } from './host-directory.ts';

/** Of which not all are everywhere. */
const { O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants;
const PATIENCE_MS = 2000;
const REPORT_MS = 200;

/** An archive opened for reading: a file, a directory packed, or standard input for `-`. */
export interface OpenedArchive {
  readonly stream: Bytes;
  /** Its name in messages. */
  readonly name: string;
}

/**
 * Opens an archive. Progress is shown on a terminal when it takes longer than two seconds.
 * @throws CliError when it cannot be read
 */
export function openArchive(path: string): OpenedArchive {
  if (path === '-') {
    if (process.stdin.isTTY)
      throw new CliError('Standard input is a terminal: give a file, or pipe an archive into it.');
    return { name: 'standard input', stream: withProgress(Readable.toWeb(process.stdin) as Bytes, 'standard input') };
  }
  const name = basename(path);
  try {
    const stats = statSync(path);
    if (stats.isDirectory()) return { name, stream: withProgress(packDirectory(path), name, undefined) };
    const fd = openSync(path, 'r');
    return {
      name,
      stream: withProgress(Readable.toWeb(createReadStream('', { fd })) as Bytes, name, fstatSync(fd).size),
    };
  } catch (error) {
    throw unreadable(path, error);
  }
}

function unreadable(path: string, error: unknown): unknown {
  if (!(error instanceof Error && 'code' in error)) return error;
  const why =
    error.code === 'ENOENT' ? 'it does not exist' : error.code === 'EACCES' ? 'there is no permission' : error.message;
  return new CliError(`The archive ${path} cannot be read: ${why}.`, EXIT.failure);
}

/** Shows on a terminal how far reading is. */
function withProgress(stream: Bytes, name: string, size?: number): Bytes {
  if (!process.stderr.isTTY) return stream;
  let done = 0;
  let next = Date.now() + PATIENCE_MS;
  let isShown = false;
  return stream.pipeThrough(
    new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
      transform(chunk, controller) {
        done += chunk.length;
        controller.enqueue(chunk);
        if (Date.now() < next) return;
        next = Date.now() + REPORT_MS;
        isShown = true;
        const part = size ? ` of ${humanSize(size)}` : '';
        process.stderr.write(`\r\x1b[K${name}: ${humanSize(done)}${part}`);
      },
      flush() {
        if (isShown) process.stderr.write('\r\x1b[K');
      },
    }),
  );
}

/** Writes an archive to a file or, without one, to standard output. */
export async function writeArchive(stream: Bytes, path: string | undefined): Promise<void> {
  if (path === undefined) {
    if (process.stdout.isTTY) throw new CliError('An archive is not for a terminal: use --output FILE, or a pipe.');
    await stream.pipeTo(Writable.toWeb(process.stdout), { preventClose: true });
    return;
  }
  const there = statSync(path, { throwIfNoEntry: false });
  // what is no file, such as /dev/null or a FIFO, is not replaced
  const write = there === undefined || there.isFile() ? writeWhole : writeInto;
  try {
    await write(stream, path);
  } catch (error) {
    if (!(error instanceof Error && 'syscall' in error)) throw error;
    throw new CliError(`The archive cannot be written to ${path}: ${hostReason(error)}.`, EXIT.failure);
  }
}

async function writeInto(stream: Bytes, path: string): Promise<void> {
  await stream.pipeTo(Writable.toWeb(createWriteStream(path)));
}

/** A file appears under its name when all of it is written: a command that is killed leaves no half of an archive there. */
async function writeWhole(stream: Bytes, path: string): Promise<void> {
  const partial = `${path}.partial`;
  try {
    await writeInto(stream, partial);
    renameSync(partial, path);
  } catch (error) {
    rmSync(partial, { force: true });
    throw error;
  }
}

/**
 * A name for a file that stays that of the file whatever becomes of its path: a container that can write to the directory
 * could put a link in its place. Linux has such names; elsewhere no container writes to directories of the computer.
 */
const steady = (descriptor: number, path: string) => (canShareDirectories() ? `/proc/self/fd/${descriptor}` : path);

/** A path whose names are the kernel's texts, as the computer has it: names may be any bytes. */
const onHost = (path: string) => Buffer.from(encodeText(path));

/** Acts on a directory by a name that stays; it is none that a link leads to, unless it is the user's own choice. */
async function inDirectory(path: string, isChosen: boolean, act: (name: string) => Promise<void>): Promise<void> {
  const descriptor = openSync(onHost(path), O_RDONLY | (O_DIRECTORY ?? 0) | (isChosen ? 0 : (O_NOFOLLOW ?? 0)));
  try {
    await act(steady(descriptor, path));
  } finally {
    closeSync(descriptor);
  }
}

/** A directory as a tar archive, names in order, links as links. */
function packDirectory(root: string): Bytes {
  return archiveOf((packer) => inDirectory(root, true, (name) => packBelow(packer, name, '', new Map())));
}

/** A file or directory as an archive under another name; without a name what is in the directory. */
export function packLocally(path: string, name: string, follow: boolean): Bytes {
  const seen = new Map<string, string>();
  return archiveOf(async (packer) => {
    const stats = follow ? statSync(path) : lstatSync(path);
    if (name !== '') await packOne(packer, path, name, stats, seen, follow);
    if (stats.isDirectory())
      await inDirectory(path, follow, (folder) => packBelow(packer, folder, name === '' ? '' : `${name}/`, seen));
  });
}

async function packBelow(packer: Packer, folder: string, prefix: string, seen: Map<string, string>): Promise<void> {
  const children = readdirSync(folder, { encoding: 'buffer' }).map((name) => decodeText(name));
  for (const child of children.sort()) {
    const path = join(folder, child);
    const stats = lstatSync(onHost(path));
    await packOne(packer, path, prefix + child, stats, seen);
    if (stats.isDirectory())
      await inDirectory(path, false, (name) => packBelow(packer, name, `${prefix}${child}/`, seen));
  }
}

async function packOne(
  packer: Packer,
  path: string,
  name: string,
  stats: Stats,
  seen: Map<string, string>,
  isChosen = false,
): Promise<void> {
  const header = {
    name: archivedName(name),
    size: 0,
    mode: stats.mode & 0o7777,
    uid: stats.uid,
    gid: stats.gid,
    mtime: stats.mtime,
  };
  const first = stats.nlink > 1 ? seen.get(keyOf(stats)) : undefined;
  if (stats.isDirectory()) await packer.add({ ...header, type: 'directory' }).close();
  else if (stats.isSymbolicLink())
    await packer
      .add({ ...header, type: 'symlink', linkname: attributeText(readlinkSync(onHost(path), { encoding: 'buffer' })) })
      .close();
  else if (stats.isFIFO()) await packer.add({ ...header, type: 'fifo' }).close();
  else if (!stats.isFile())
    throw new CliError(`${name} is neither file, directory nor link: it cannot be in an archive.`, EXIT.failure);
  else if (first !== undefined) await packer.add({ ...header, type: 'link', linkname: archivedName(first) }).close();
  else {
    seen.set(keyOf(stats), name);
    await packFile(packer, path, header, isChosen);
  }
}

const keyOf = ({ dev, ino }: Stats) => `${dev}:${ino}`;

async function packFile(
  packer: Packer,
  path: string,
  header: { name: string; mode: number },
  isChosen: boolean,
): Promise<void> {
  // what has come to lie there meanwhile is not followed, unless it is the user's own choice, and nobody is waited for
  const fd = openSync(onHost(path), O_RDONLY | (isChosen ? 0 : (O_NOFOLLOW ?? 0)) | (O_NONBLOCK ?? 0));
  const stats = fstatSync(fd);
  if (!stats.isFile()) {
    closeSync(fd);
    throw new CliError(`${nameOf(header.name)} became something else while it was read.`, EXIT.failure);
  }
  const { size } = stats;
  const to = packer.add({ ...header, type: 'file', size });
  if (size === 0) {
    closeSync(fd);
    await to.close();
    return;
  }
  // a file that grows while it is read ends where it ended at first
  await (Readable.toWeb(createReadStream('', { fd, end: size - 1 })) as Bytes).pipeTo(to);
}
