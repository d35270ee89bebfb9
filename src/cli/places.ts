// What the commands on images and containers work on: the stores in the data directory.
import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  BUNDLE_NAMING,
  type BundleRecord,
  CONTAINER_NAMING,
  ContainerStore,
  layersInUse,
  type Runner,
} from '../oci/container-store.ts';
import { ImageStore } from '../oci/image-store.ts';
import { DataFiles, isRunning, startOf } from './data-files.ts';

const LONGEST_SOCKET = 100;

/** Does the process that runs a container still live? */
const isAlive = ({ pid, started }: Runner): boolean => isRunning(pid) && startOf(pid) === started;

/** This process as the one that runs a container. */
export function thisRunner(data: DataFiles, id: string): Runner {
  return { pid: process.pid, started: startOf(process.pid), socket: socketOf(data.root, id) };
}

const shortHash = (text: string) => createHash('sha256').update(text).digest('hex').slice(0, 12);

/** Where a running container takes commands: sockets have short names only. */
function socketOf(root: string, id: string): string {
  const near = join(root, 'run', `${shortHash(id)}.sock`);
  if (near.length <= LONGEST_SOCKET) return near;
  return join(tmpdir(), `anillo-${process.getuid?.() ?? 0}-${shortHash(root)}`, `${shortHash(id)}.sock`);
}

/** The stores of the data directory. */
export class Places {
  readonly data: DataFiles;
  readonly containers: ContainerStore;
  readonly images: ImageStore;

  /** `root` if it is not the user's own. */
  constructor(root?: string) {
    this.data = new DataFiles(root);
    this.containers = new ContainerStore(this.data, isAlive, CONTAINER_NAMING);
    this.images = new ImageStore(this.data, () => layersInUse(this.containers));
  }

  /** Where a running container takes commands. */
  socketOf(id: string): string {
    return socketOf(this.data.root, id);
  }
}

/** The containers of bundles: in a directory of their own, by default below the data directory. */
export class BundlePlaces {
  readonly data: DataFiles;
  readonly containers: ContainerStore<BundleRecord>;

  constructor(root: string) {
    this.data = new DataFiles(root);
    this.containers = new ContainerStore<BundleRecord>(this.data, isAlive, BUNDLE_NAMING);
  }
}
