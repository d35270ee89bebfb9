// The volumes of a container that are no directory of this computer: one for each path that its image names (OCI image
// specification, "Image Configuration", Volumes; docker-run(1), "--volume") or the user asks for without a source. A volume
// begins with what the image has at its place, is kept with the container and goes with it; no other container sees it.
import { S_IFDIR } from '../abi/stat.ts';
import type { MountedFileSystem } from '../kernel/fs/mount-request.ts';
import { Tmpfs } from '../kernel/fs/tmpfs.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { countMounts, type Inode } from '../kernel/vfs/inode.ts';
import { GENERATED } from './network-files.ts';
import { OciError } from './oci-error.ts';
import { copyKept, MOST_CLAIMED, type OpenedLayer } from './root-fs.ts';
import type { MountSpec } from './runtime-spec.ts';

const SOURCE = `${GENERATED}volume/`;
const OWNER = { uid: 0, gid: 0 };
const MOST_VOLUMES = 256;

/** Settings of a volume that a user may choose. */
export interface VolumeSettings {
  readonly readOnly?: boolean;
  /** It begins empty. */
  readonly noCopy?: boolean;
}

/** The mount of a new volume. */
export function volumeMount(name: string, destination: string, { readOnly, noCopy }: VolumeSettings = {}): MountSpec {
  const options = ['bind', readOnly ? 'ro' : 'rw', ...(noCopy ? ['nocopy'] : [])];
  return { destination, type: 'bind', source: SOURCE + name, options };
}

/** The name of the volume that a mount is of; undefined for other mounts. */
export function volumeName({ source }: MountSpec): string | undefined {
  return source?.startsWith(SOURCE) ? source.slice(SOURCE.length) : undefined;
}

/**
 * What a user mounts and the volumes of the image, in the order to mount them: what lies in another comes later. A path that the
 * user has something for gets no volume.
 * @throws OciError for a volume that cannot be
 */
export function withVolumes(
  mounts: readonly MountSpec[],
  ofImage: readonly string[],
  newName: () => string,
): readonly MountSpec[] {
  if (ofImage.length > MOST_VOLUMES)
    throw new OciError(
      'bad-option',
      `The image names ${ofImage.length} volumes; a container may have ${MOST_VOLUMES}.`,
    );
  const taken = new Set(mounts.map(({ destination }) => cleaned(destination)));
  const places = new Set(ofImage.map(placeOf).filter((place) => !taken.has(place)));
  const volumes = [...places].map((place) => volumeMount(newName(), place));
  const depth = ({ destination }: MountSpec) => cleaned(destination).split('/').length;
  return [...mounts, ...volumes].sort((a, b) => depth(a) - depth(b));
}

/** @throws OciError */
function placeOf(path: string): string {
  const place = cleaned(path);
  if (!path.startsWith('/') || path.includes('\0') || place === '/')
    throw new OciError(
      'bad-option',
      `The image names ${JSON.stringify(path.slice(0, 80))} as a volume: it cannot be one.`,
    );
  return place;
}

/** An absolute path without empty parts, `.` and `..`. */
function cleaned(path: string): string {
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return `/${parts.join('/')}`;
}

/** The root directories of the volumes of a container, by their places. */
export type Volumes = ReadonlyMap<string, Inode>;

/** A volume to mount; a new one is to be filled with what is at its place. */
export interface OpenedVolume extends MountedFileSystem {
  readonly isNew: boolean;
}

/** Makes the volumes of a container. `kept` gives what was in one when the container ran before. */
export function openVolumes(
  kernel: Kernel,
  mounts: readonly MountSpec[],
  kept: (destination: string) => OpenedLayer | undefined,
): { readonly volumes: Volumes; readonly bySource: ReadonlyMap<string, OpenedVolume> } {
  const now = () => kernel.realtime;
  const device = kernel.nextDevice();
  const fs = new Tmpfs({ frames: kernel.frames, device, now, mode: 0o755, mostClaimed: MOST_CLAIMED });
  // what is in it is kept after the last mount has gone
  countMounts(fs, 1);
  const volumes = new Map<string, Inode>();
  const bySource = new Map<string, OpenedVolume>();
  for (const mount of mounts) {
    const name = volumeName(mount);
    if (name === undefined) continue;
    const root = fs.root.create(name, S_IFDIR | 0o755, OWNER);
    const before = kept(mount.destination);
    if (before) copyKept(kernel, before, root);
    volumes.set(mount.destination, root);
    bySource.set(mount.source ?? '', { fs, root, isNew: !before && !mount.options.includes('nocopy') });
  }
  return { volumes, bySource };
}
