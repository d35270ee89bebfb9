// The root file system of a container: the layers of its image under a directory in memory that takes all changes, filled with
// those it made when it ran before.
import { S_IFDIR, S_IFMT, S_IFREG } from '../abi/stat.ts';
import type { MountedFileSystem } from '../kernel/fs/mount-request.ts';
import { OverlayDirectory } from '../kernel/fs/overlay/overlay-directory.ts';
import { OverlayFs } from '../kernel/fs/overlay/overlay-fs.ts';
import { Tmpfs } from '../kernel/fs/tmpfs.ts';
import type { Kernel } from '../kernel/kernel.ts';
import type { Inode } from '../kernel/vfs/inode.ts';
import type { OpenFile } from './data-directory.ts';
import { isOpaque } from './layer-changes.ts';
import { LayerFs } from './layer-fs.ts';
import type { PlacedLayer } from './links-below.ts';
import { OVERLAY_ATTRIBUTES } from './tar-inode.ts';

const PIECE = 4096;
/** Bytes that all changed files together may claim to have: holes take no memory here, but time and room where they are kept. */
export const MOST_CLAIMED = 4 * 2 ** 30;
const OWNER = { uid: 0, gid: 0 };
const CHUNK = 1 << 20;

/** Places of the mounts that every container has. */
export const PLACES: readonly { readonly path: string; readonly kind: 'directory' | 'file' }[] = [
  ...['dev', 'proc', 'sys', 'etc'].map((path) => ({ path, kind: 'directory' as const })),
  ...['hosts', 'hostname', 'resolv.conf'].map((name) => ({ path: `etc/${name}`, kind: 'file' as const })),
];

/** A layer opened. */
export type OpenedLayer = PlacedLayer<OpenFile>;

/** A root file system. */
export interface RootFs extends MountedFileSystem {
  /** Where changes go. */
  readonly upper: Inode;
  /** The root of the image without changes. */
  readonly image: Inode;
}

/** The root of a layer. Containers that are given the same one share the memory of what they read of it. */
export function openLayer(kernel: Kernel, { entries, content }: OpenedLayer): Inode {
  return new LayerFs({ frames: kernel.frames, device: kernel.nextDevice(), entries, content }).root;
}

/**
 * Makes the root of a container. `layers` are those of the image, lowest first; `before` are its changes so far. Between the two
 * are the places of the mounts that every container has, which are no change of its own.
 */
export function makeRootFs(kernel: Kernel, layers: readonly Inode[], before: OpenedLayer | undefined): RootFs {
  const now = () => kernel.realtime;
  const device = kernel.nextDevice();
  const memory = new Tmpfs({ frames: kernel.frames, device, now, mode: 0o755, mostClaimed: MOST_CLAIMED });
  const upper = memory.root.create('upper', S_IFDIR | 0o755, OWNER);
  const work = memory.root.create('work', S_IFDIR | 0o755, OWNER);
  // an opaque root, unlike other opaque directories, is nothing an overlay knows
  const lowers: Inode[] = layers.slice(Math.max(layers.findLastIndex(isOpaque), 0)).reverse();
  // an image without layers has a root all the same
  if (lowers.length === 0) lowers.push(memory.root.create('nothing', S_IFDIR | 0o755, OWNER));
  const places = memory.root.create('places', S_IFDIR | 0o755, OWNER);
  const root = lowers[0]!;
  makePlaces(overlay(kernel, { upper: places, work, lowers }).root);
  lowers.unshift(places);
  if (before) takeOver(kernel, before, upper);
  // the directory that lies above all others is the one that is seen
  for (const directory of isRootDescribed(before) ? [places] : [places, upper])
    copyRights(root, directory, isOfOverlay);
  return { ...overlay(kernel, { upper, work, lowers }), upper, image: overlay(kernel, { lowers }).root };
}

const isOfOverlay = (attribute: string) => attribute.startsWith(OVERLAY_ATTRIBUTES);
const isRootDescribed = (layer: OpenedLayer | undefined) => layer?.entries.some(({ path }) => path === '') ?? false;

/** Copies changes into the directory that takes the next ones; nothing of the kernel refers to their files any more. */
function takeOver(kernel: Kernel, before: OpenedLayer, upper: Inode): void {
  copyLayer(new LayerFs({ frames: kernel.frames, device: kernel.nextDevice(), ...before }), upper);
}

/** The same for a whole tree, in which no name has a meaning. */
export function copyKept(kernel: Kernel, before: OpenedLayer, to: Inode): void {
  copyLayer(new LayerFs({ frames: kernel.frames, device: kernel.nextDevice(), ...before, isTree: true }), to);
}

function copyLayer(layer: LayerFs, to: Inode): void {
  copyDirectory(layer.root, to);
  layer.close();
}

/** A directory outside that is never written: what has to be made in it, such as places of mounts, lies in memory. */
export function overDirectory(kernel: Kernel, lower: Inode): MountedFileSystem {
  const now = () => kernel.realtime;
  const memory = new Tmpfs({ frames: kernel.frames, device: kernel.nextDevice(), now, mode: 0o755 });
  const upper = memory.root.create('upper', S_IFDIR | (lower.mode & 0o7777), lower);
  const work = memory.root.create('work', S_IFDIR | 0o755, OWNER);
  return overlay(kernel, { upper, work, lowers: [lower] });
}

interface OverlayParts {
  readonly upper?: Inode;
  readonly work?: Inode;
  readonly lowers: readonly Inode[];
}

function overlay(kernel: Kernel, { upper, work, lowers }: OverlayParts): MountedFileSystem {
  const now = () => kernel.realtime;
  const nextDevice = () => kernel.nextDevice();
  const layers = { upper, work, lowers };
  const fs = new OverlayFs({ layers, userAttributes: false, options: '', now, nextDevice });
  return { fs, root: new OverlayDirectory(fs, { upper, lowers }, undefined) };
}

/** Makes what an image lacks of the places of mounts. */
function makePlaces(root: Inode): void {
  for (const { path, kind } of PLACES) {
    const [name = '', above] = path.split('/').reverse();
    const directory = above === undefined ? root : root.lookup(above);
    if (directory?.isDirectory && !directory.lookup(name))
      directory.create(name, kind === 'directory' ? S_IFDIR | 0o755 : S_IFREG | 0o644, OWNER);
  }
}

type Readable = Inode & { read(offset: number, into: Uint8Array): number };
type Writable = Inode & { write(offset: number, from: Uint8Array): number };

/** Copies what is in a directory, and what the directory itself is. */
export function copyDirectory(from: Inode, to: Inode, copies: Map<Inode, Inode> = new Map()): void {
  for (const { name } of from.entries()) {
    const inode = from.lookup(name)!;
    const known = copies.get(inode);
    if (known) {
      to.link(name, known);
      continue;
    }
    const copy = inode.isSymlink
      ? to.symlink(name, inode.readlink(), inode)
      : to.create(name, inode.mode, inode, inode.special);
    if (!inode.isDirectory) copies.set(inode, copy);
    if (inode.isDirectory) copyDirectory(inode, copy, copies);
    else if (inode.isRegular) copyContents(inode as Readable, copy as Writable);
    copyStatus(inode, copy);
  }
  copyStatus(from, to);
}

function hasAnything(bytes: Uint8Array): boolean {
  for (const byte of bytes) if (byte !== 0) return true;
  return false;
}

/** Copies the data of a file; what is nothing but zeros becomes a hole again. */
function copyContents(from: Readable, to: Writable): void {
  for (let at = 0; at < from.size; at += CHUNK) {
    const chunk = new Uint8Array(Math.min(CHUNK, from.size - at));
    from.read(at, chunk);
    for (let n = 0; n < chunk.length; n += PIECE) {
      const piece = chunk.subarray(n, n + PIECE);
      if (hasAnything(piece)) to.write(at + n, piece);
    }
  }
  if (to.size < from.size) to.truncate(from.size);
}

/** Copies owner, mode and extended attributes. */
function copyRights(from: Inode, to: Inode, isLeftOut: (attribute: string) => boolean = () => false): void {
  for (const name of from.attributeNames()) if (!isLeftOut(name)) to.setAttribute(name, from.getAttribute(name)!);
  to.mode = (to.mode & S_IFMT) | (from.mode & ~S_IFMT);
  to.uid = from.uid;
  to.gid = from.gid;
}

function copyStatus(from: Inode, to: Inode): void {
  copyRights(from, to);
  to.modified = from.modified;
  to.accessed = from.accessed;
}
