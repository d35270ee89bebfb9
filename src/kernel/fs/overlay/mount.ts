// Mounting an overlay: its options and what they ask of the layers (overlayfs.rst "Upper and Lower", "Multiple lower layers").
import { S_IFDIR } from '../../../abi/stat.ts';
import { fail } from '../../error.ts';
import { countMounts, type Inode } from '../../vfs/inode.ts';
import { hasLockedBelow } from '../../vfs/mount-tree.ts';
import { type Path, resolve } from '../../vfs/path.ts';
import type { MountedFileSystem, MountRequest } from '../mount-request.ts';
import { OverlayDirectory } from './overlay-directory.ts';
import { OverlayFs } from './overlay-fs.ts';

/** Overlays on overlays (FILESYSTEM_MAX_STACK_DEPTH). */
const MOST_STACKED = 2;
const MOST_LOWERS = 500;
/** Options and the values that change nothing here; others are refused. */
const PLAIN: Readonly<Record<string, readonly string[]>> = {
  default_permissions: [''],
  volatile: [''],
  redirect_dir: ['off', 'nofollow', 'follow'],
  index: ['off'],
  xino: ['off', 'auto'],
  metacopy: ['off'],
  nfs_export: ['off'],
  verity: ['off'],
  uuid: ['on', 'off', 'null', 'auto'],
};

interface Options {
  lowers: string[];
  upper?: string;
  work?: string;
  userAttributes: boolean;
}

/** Splits at a separator that no backslash precedes, and takes the backslashes away. */
function split(text: string, separator: string): string[] {
  const parts = text.match(separator === ':' ? /(?:\\.|[^\\:])+|(?<=:|^)(?=:|$)/gs : /(?:\\.|[^\\,])+/gs) ?? [];
  return separator === ':' ? parts.map(unescaped) : [...parts];
}

const unescaped = (text: string): string => text.replace(/\\(.)/gs, '$1');

function parseOptions(data: string): Options {
  const options: Options = { lowers: [], userAttributes: false };
  for (const option of split(data, ',')) {
    const [name, value = ''] = option.split(/=(.*)/s) as [string, string?];
    if (name === 'lowerdir') options.lowers = split(value, ':');
    else if (name === 'lowerdir+') options.lowers.push(unescaped(value));
    else if (name === 'upperdir') options.upper = unescaped(value);
    else if (name === 'workdir') options.work = unescaped(value);
    else if (name === 'userxattr') options.userAttributes = true;
    else if (!PLAIN[name]?.includes(value)) fail('EINVAL');
  }
  return options;
}

/** Checks one option. @throws SystemError EINVAL */
export function checkOverlayOption(option: string): void {
  parseOptions(option);
}

/** How many overlays lie below a directory. */
function depth(path: Path): number {
  const { fs } = path.mount;
  if (!(fs instanceof OverlayFs)) return 0;
  return 1 + Math.max(...fs.layers.lowers.map(({ fs: below }) => (below instanceof OverlayFs ? 1 : 0)));
}

function isWithin(path: Path, other: Path): boolean {
  for (let entry: Path['entry'] | undefined = path.entry; entry !== undefined; entry = entry.parent)
    if (entry === other.entry) return true;
  return false;
}

/** The directory in workdir that is the overlay's own, without what an overlay before left there. */
function workDirectory(work: Path): Inode {
  const { inode } = work.entry;
  const directory = inode.lookup('work') ?? inode.create('work', S_IFDIR, { uid: 0, gid: 0 });
  for (const { name, type } of [...directory.entries()]) if (type !== S_IFDIR) directory.unlink(name);
  return directory;
}

/** Makes an overlay. @throws SystemError as mount(2) fails for it */
export function createOverlay({ kernel, task, data }: MountRequest): MountedFileSystem {
  const options = parseOptions(data);
  const context = { ...task.directories, credentials: task.credentials };
  const at = (name: string): Path => {
    const path = resolve(context, name);
    return path.entry.inode.isDirectory ? path : fail('ENOTDIR');
  };
  if (options.lowers.length === 0 || options.lowers.length > MOST_LOWERS || options.lowers.includes('')) fail('EINVAL');
  if (options.upper === undefined && options.lowers.length === 1) fail('EINVAL');
  if (options.upper !== undefined && options.work === undefined) fail('EINVAL');
  const upper = options.upper === undefined ? undefined : at(options.upper);
  const work = upper === undefined ? undefined : at(options.work!);
  if (upper !== undefined && work !== undefined) {
    if (upper.mount !== work.mount || isWithin(upper, work) || isWithin(work, upper)) fail('EINVAL');
    if (upper.mount.isReadOnly || upper.mount.fs instanceof OverlayFs) fail('EINVAL');
  }
  const lowers = options.lowers.map(at);
  // what a more privileged namespace has covered would be seen
  if ([...lowers, ...(upper === undefined ? [] : [upper])].some(hasLockedBelow)) fail('EINVAL');
  if (lowers.some((path) => depth(path) >= MOST_STACKED)) fail('EINVAL');
  const inodes = lowers.map(({ entry }) => entry.inode);
  const fs = new OverlayFs({
    layers: { upper: upper?.entry.inode, work: work === undefined ? undefined : workDirectory(work), lowers: inodes },
    userAttributes: options.userAttributes,
    mounter: task.credentials,
    options: data,
    now: () => kernel.realtime,
    nextDevice: () => kernel.nextDevice(),
  });
  // the layers live as long as the overlay, mounted or not
  const layers = [...(upper === undefined ? [] : [upper]), ...lowers].map(({ mount }) => mount.fs);
  for (const layer of layers) countMounts(layer, 1);
  fs.unmounted = () => {
    for (const layer of layers) countMounts(layer, -1);
  };
  return { fs, root: new OverlayDirectory(fs, { upper: upper?.entry.inode, lowers: inodes }, undefined) };
}
