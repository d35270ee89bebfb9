// Files of this computer as a tar archive, and back. What comes out of a container is data of strangers: every name is opened below
// the directory it goes to, without following links, and nothing gets more rights than its user has.
import { createTarDecoder } from 'modern-tar';
import { errnoText } from '../../abi/errno.ts';
import { S_IFDIR, S_IFLNK, S_IFMT } from '../../abi/stat.ts';
import { SystemError } from '../../kernel/error.ts';
import type { HostStatus } from '../../kernel/fs/host/host-directory.ts';
import { LayerEntries, type LayerEntry } from '../../oci/layer-entries.ts';
import { tarError } from '../../oci/layers.ts';
import { OciError } from '../../oci/oci-error.ts';
import type { Bytes } from '../../oci/streams.ts';
import { readableArchive } from '../../oci/tar-bytes.ts';
import { SharedDirectory } from '../host-directory.ts';

const PRIVILEGES = 0o6000;

/** How an archive is unpacked. */
export interface LocalOptions {
  /** Owners and privileges are those of the archive. */
  readonly keepOwners: boolean;
}

/** Unpacks an archive into a directory. @throws OciError */
export async function unpackLocally(directory: string, archive: Bytes, options: LocalOptions): Promise<void> {
  const what = 'What came out of the container';
  const entries = new LayerEntries(what);
  const tree = new LocalTree(openDirectory(directory), options);
  try {
    for await (const { header, body } of archive
      .pipeThrough(readableArchive())
      .pipeThrough(createTarDecoder({ strict: true }))) {
      const entry = entries.add(header);
      if (entry.kind === 'file') await tree.file(entry, body as Bytes);
      else {
        await body.cancel();
        tree.other(entry);
      }
    }
    tree.finish();
  } catch (error) {
    throw tarError(error, what);
  } finally {
    tree.close();
  }
}

function openDirectory(path: string): SharedDirectory {
  return withSentence(path, () => new SharedDirectory(path));
}

const isType = (status: HostStatus | undefined, type: number) =>
  status !== undefined && (status.mode & S_IFMT) === type;

class LocalTree {
  readonly #root: SharedDirectory;
  readonly #options: LocalOptions;
  readonly #directories: LayerEntry[] = [];

  constructor(root: SharedDirectory, options: LocalOptions) {
    this.#root = root;
    this.#options = options;
  }

  close(): void {
    this.#root.close();
  }

  async file(entry: LayerEntry, body: Bytes): Promise<void> {
    const path = entry.path.split('/');
    const file = withSentence(entry.path, () => {
      this.#clear(path);
      this.#root.createFile(path, 0o600);
      return this.#root.open(path, true);
    });
    try {
      let at = 0;
      for await (const chunk of body) {
        withSentence(entry.path, () => {
          for (let done = 0; done < chunk.length; ) done += file.write(at + done, chunk.subarray(done));
        });
        at += chunk.length;
      }
    } finally {
      file.close();
    }
    this.#setStatus(entry);
  }

  other(entry: LayerEntry): void {
    const { kind, target = '' } = entry;
    const path = entry.path.split('/').filter(Boolean);
    if (path.length === 0) return;
    withSentence(entry.path, () => {
      if (kind === 'directory') this.#directory(path, entry);
      else if (kind === 'fifo') process.stderr.write(`anillo: the FIFO ${entry.path} is left out.\n`);
      else {
        this.#clear(path);
        if (kind === 'symlink') this.#root.createSymlink(path, target);
        else this.#root.link(target.split('/'), path);
      }
    });
    if (kind === 'symlink') this.#setStatus(entry);
  }

  #directory(path: readonly string[], entry: LayerEntry): void {
    const there = this.#root.status(path);
    if (there === undefined) {
      this.#root.createDirectory(path, 0o700);
      this.#directories.push(entry);
    } else if (!isType(there, S_IFDIR)) throw refused(entry.path, 'a directory cannot take the place of what is none');
  }

  #clear(path: readonly string[]): void {
    const there = this.#root.status(path);
    if (there === undefined) return;
    if (isType(there, S_IFDIR)) throw refused(path.join('/'), 'it would take the place of a directory');
    this.#root.unlink(path);
  }

  /** Directories get their permissions when nothing more is put into them. */
  finish(): void {
    for (const entry of this.#directories.reverse()) this.#setStatus(entry);
  }

  #setStatus({ path: text, mode, uid, gid, mtime }: LayerEntry): void {
    const path = text.split('/');
    const { keepOwners } = this.#options;
    withSentence(text, () => {
      const isLink = isType(this.#root.status(path), S_IFLNK);
      if (keepOwners) this.#root.change(path, { uid, gid });
      const modified = BigInt(Math.round(mtime * 1e6)) * 1000n;
      this.#root.change(path, { modified, ...(isLink ? {} : { mode: keepOwners ? mode : mode & ~PRIVILEGES }) });
    });
  }
}

const refused = (path: string, why: string) => new OciError('bad-option', `${path} cannot be written: ${why}.`);

function withSentence<T>(path: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    throw new OciError('bad-option', `${path} cannot be written: ${errnoText(error.errno)}.`);
  }
}
