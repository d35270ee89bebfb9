// Where the files of a container come from and where they go: the layers of its image under what it changed.
import type { Kernel } from '../../kernel/kernel.ts';
import type { MountedFileSystem } from '../../kernel/fs/mount-request.ts';
import type { Checkpoint } from '../../oci/checkpoints.ts';
import { type BindSource, ownOf } from '../../oci/container-mounts.ts';
import type { ContainerRecord } from '../../oci/container-store.ts';
import { networkFiles } from '../../oci/network-files.ts';
import { OciError } from '../../oci/oci-error.ts';
import { makeRootFs, openLayer, type RootFs } from '../../oci/root-fs.ts';
import { openVolumes, volumeName, type Volumes } from '../../oci/volumes.ts';
import type { Places } from '../places.ts';
import { HostShare } from './host-share.ts';
import { KeptChanges } from './kept-changes.ts';

/** The files of a container that was made, as far as its runner has to do with them. */
export interface FilesOutside {
  readonly share: HostShare;
  /** The root as layers; a root that is a directory of this computer has none. */
  readonly layered?: RootFs;
  readonly volumes?: Volumes;
  /** Keeps what the container changes in its layers, and its volumes. */
  readonly kept?: KeptChanges;
}

/** The files of a container that is to be made. */
export interface ContainerFiles extends FilesOutside {
  readonly root: MountedFileSystem;
  readonly bindSource: BindSource;
}

/** The files of a container of an image. @throws OciError */
export function imageFiles(
  kernel: Kernel,
  { images, containers }: Places,
  record: ContainerRecord,
  share = new HostShare(),
): ContainerFiles {
  const { id, image, spec } = record;
  const layers = images.layers
    .stack(image.diffIds, (layer) => share.layer(layer, images.layers.content(layer)))
    .map((layer) => openLayer(kernel, layer));
  const layered = makeRootFs(kernel, layers, containers.changes(id));
  const { volumes, bySource } = openVolumes(kernel, spec.mounts, (place) => containers.changes(id, place));
  const generated = new Map([...networkFiles(kernel, record), ...bySource]);
  return {
    share,
    root: layered,
    layered,
    volumes,
    bindSource: (source, readOnly) => generated.get(source) ?? share.mount(kernel, source, !readOnly),
    kept: new KeptChanges(containers, record, kernel, { upper: layered.upper, volumes }),
  };
}

/**
 * Finds for a container of an image that was saved what it has of this computer: the layers, and of the directories those
 * that its configuration shares.
 * @throws OciError when something is not there, or not its own
 */
export function findAgain(
  { images }: Places,
  record: ContainerRecord,
  checkpoint: Checkpoint,
  share: HostShare,
): HostShare {
  const { image, name, spec } = record;
  if (checkpoint.layers.join() !== [...new Set(image.diffIds)].join())
    throw new OciError('bad-state', `The checkpoint is of a container of another image, and not of one like ${name}.`);
  for (const layer of checkpoint.layers) share.layer(layer, images.layers.content(layer));
  for (const place of checkpoint.shared) {
    const isGiven = spec.mounts.some(
      ({ type, source, options }) =>
        type === 'bind' && source === place.source && (!place.writable || options.includes('rw')),
    );
    if (!isGiven || ownOf(place.source) !== undefined)
      throw new OciError('bad-state', `The checkpoint needs ${place.source}, which ${name} does not share that way.`);
    share.reopen(place);
  }
  return share;
}

/** What is found in a saved state. */
export interface SavedRoots {
  readonly kernel: Kernel;
  readonly layered?: RootFs;
  readonly volumes?: Volumes;
}

/** The files of a container of an image that goes on from a saved state. @throws OciError when its volumes are others */
export function savedFiles(
  { containers }: Places,
  record: ContainerRecord,
  share: HostShare,
  { kernel, layered, volumes = new Map() }: SavedRoots,
): FilesOutside {
  if (layered === undefined) return { share };
  const own = new Set(
    record.spec.mounts.flatMap((mount) => (volumeName(mount) === undefined ? [] : mount.destination)),
  );
  for (const place of volumes.keys())
    if (!own.has(place))
      throw new OciError('bad-state', `The checkpoint has a volume at ${place}, and ${record.name} has none there.`);
  return {
    share,
    layered,
    volumes,
    kept: new KeptChanges(containers, record, kernel, { upper: layered.upper, volumes }),
  };
}
