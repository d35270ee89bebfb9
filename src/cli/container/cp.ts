// Copies between containers and this computer, and whole root file systems (docker-cp(1), docker-export(1)).
import { statSync, lstatSync, type Stats } from 'node:fs';
import { resolve } from 'node:path';
import { type CopyTarget, planCopy, splitPath } from '../../oci/copy-plan.ts';
import type { Bytes } from '../../oci/streams.ts';
import { hostReason } from '../assets.ts';
import { openArchive, packLocally, writeArchive } from '../archive-files.ts';
import { CliError, EXIT } from '../errors.ts';
import { Places } from '../places.ts';
import { type FileAccess, filesOf } from './file-access.ts';
import { unpackLocally } from './local-tree.ts';

/** Options of `cp`, parsed. */
export interface CopyOptions {
  readonly archive?: true;
  readonly followLink?: true;
  readonly quiet?: true;
}

/** A path of this computer, or of a container. */
interface End {
  readonly container?: string;
  readonly path: string;
}

/** `CONTAINER:PATH`; a path with a slash or a dot in front is one of this computer, whatever is in it. */
function endOf(text: string): End {
  const colon = text.indexOf(':');
  if (colon <= 0 || /^[./]/.test(text)) return { path: text };
  return { container: text.slice(0, colon), path: text.slice(colon + 1) };
}

/** Copies files. */
export async function copyFiles(from: string, to: string, options: CopyOptions): Promise<void> {
  const [source, target] = [endOf(from), endOf(to)];
  const places = new Places();
  if (source.container !== undefined && target.container !== undefined)
    throw new CliError('Copies between two containers are not supported: copy to this computer first.');
  if (source.container !== undefined) {
    await copyOut(filesOf(places, places.containers.find(source.container)), source.path, target.path, options);
  } else if (target.container !== undefined) {
    await copyIn(filesOf(places, places.containers.find(target.container)), source.path, target.path, options);
  } else throw new CliError('One of the two has to be CONTAINER:PATH.');
  if (!options.quiet && process.stderr.isTTY) process.stderr.write(`Copied ${from} to ${to}\n`);
}

/** Paths of a container are those from its root, as cp(1) would have them there. */
const inside = (path: string) => (path.startsWith('/') ? path : `/${path}`);
/** A slash behind a link means what it leads to. */
const isFollowed = (path: string, options: CopyOptions) => options.followLink === true || /\/\.?$/.test(path);

async function copyOut(files: FileAccess, path: string, to: string, options: CopyOptions): Promise<void> {
  const from = inside(path);
  const follow = isFollowed(from, options);
  const { exists, isDirectory } = await files.look(from, follow);
  if (!exists) throw new CliError(`There is no ${from} in the container.`, EXIT.failure);
  if (to === '-') {
    await writeArchive(files.pack(from, splitPath(from).base, follow), undefined);
    return;
  }
  const { directory, name } = planCopy({ path: from, isDirectory }, localTarget(to));
  await unpackLocally(directory, files.pack(from, name, follow), { keepOwners: options.archive === true });
}

async function copyIn(files: FileAccess, from: string, path: string, options: CopyOptions): Promise<void> {
  const to = inside(path);
  const target = { path: to, ...(await files.look(to, true)) };
  const keepOwners = options.archive === true;
  if (from === '-') {
    if (!target.isDirectory) throw new CliError(`${to} in the container is no directory for an archive.`, EXIT.failure);
    await files.unpack(to, openArchive('-').stream, { keepOwners });
    return;
  }
  const follow = isFollowed(from, options);
  const isDirectory = localStats(from, follow).isDirectory();
  const { directory, name } = planCopy({ path: resolveName(from), isDirectory }, target);
  const parent = await files.look(directory, true);
  if (!parent.isDirectory) throw new CliError(`There is no directory ${directory} in the container.`, EXIT.failure);
  await files.unpack(directory, packLocally(from, name, follow), { keepOwners });
}

/** `.` and `dir/..` mean what is in them; others have their own name. */
const resolveName = (path: string) => (/(^|\/)\.{0,2}\/?$/.test(path) ? path : resolve(path));

function localStats(path: string, follow: boolean): Stats {
  try {
    return follow ? statSync(path) : lstatSync(path);
  } catch (error) {
    throw new CliError(`${path} cannot be read: ${hostReason(error)}.`, EXIT.failure);
  }
}

function localTarget(path: string): CopyTarget {
  const stats = statSync(path, { throwIfNoEntry: false });
  return { path, exists: stats !== undefined, isDirectory: stats?.isDirectory() === true };
}

/** Writes the root file system of a container as an archive. */
export async function exportContainer(name: string, options: { readonly output?: string }): Promise<void> {
  const places = new Places();
  const archive: Bytes = filesOf(places, places.containers.find(name)).packRoot();
  await writeArchive(archive, options.output);
}
