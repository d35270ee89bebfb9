// What the commands on images and containers work on: the stores in the data directory.
import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ContainerStore } from '../oci/container-store.ts';
import { ImageStore } from '../oci/image-store.ts';
import { DataFiles, isRunning, startOf } from './data-files.ts';

const LONGEST_SOCKET = 100;

/** The stores of the data directory. */
export class Places {
  readonly data = new DataFiles();
  readonly containers = new ContainerStore(this.data, ({ pid, started }) => isRunning(pid) && startOf(pid) === started);
  readonly images = new ImageStore(this.data, () => this.containers.layersInUse());

  /** Where a running container takes commands: sockets have short names only. */
  socketOf(id: string): string {
    const near = join(this.data.root, 'run', `${id.slice(0, 12)}.sock`);
    if (near.length <= LONGEST_SOCKET) return near;
    const root = createHash('sha256').update(this.data.root).digest('hex').slice(0, 12);
    return join(tmpdir(), `anillo-${process.getuid?.() ?? 0}-${root}`, `${id.slice(0, 12)}.sock`);
  }
}
