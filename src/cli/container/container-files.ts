// Where the files of a container come from and where they go: the layers of its image under what it changed.
import { resolve } from 'node:path';
import type { Kernel } from '../../kernel/kernel.ts';
import type { MountedFileSystem } from '../../kernel/fs/mount-request.ts';
import type { BindSource } from '../../oci/container-mounts.ts';
import type { ContainerRecord } from '../../oci/container-store.ts';
import { makeRootFs, openLayer, type RootFs } from '../../oci/root-fs.ts';
import type { Places } from '../places.ts';
import { KeptChanges } from './kept-changes.ts';
import { shareOnHost } from '../volumes.ts';

/** The files of a container. */
export interface ContainerFiles {
  readonly root: MountedFileSystem;
  readonly bindSource: BindSource;
  /** The root as layers; a root that is a directory of this computer has none. */
  readonly layered?: RootFs;
  /** Keeps what the container changes in its layers. */
  readonly kept?: KeptChanges;
}

/** The files of a container of an image. @throws OciError */
export function imageFiles(kernel: Kernel, { images, containers }: Places, record: ContainerRecord): ContainerFiles {
  const { id, image } = record;
  const layers = image.diffIds.map((layer) =>
    openLayer(kernel, { entries: images.layers.entries(layer), content: images.layers.content(layer) }),
  );
  const layered = makeRootFs(kernel, layers, containers.changes(id));
  return {
    root: layered,
    layered,
    bindSource: (source, readOnly) => shareOnHost(kernel, resolve(source), { writable: !readOnly }),
    kept: new KeptChanges(containers, record, kernel, layered.upper),
  };
}
