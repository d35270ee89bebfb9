// Keeps what a running container changes: when it ends, and every few seconds before, so that a runner that is killed loses
// little. What is kept is the state between two system calls, never half of one.
import type { ContainerRecord, ContainerStore } from '../../oci/container-store.ts';
import { packTreeOf } from '../../oci/container-copy.ts';
import { packChanges } from '../../oci/layer-changes.ts';
import type { Volumes } from '../../oci/volumes.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import type { Inode } from '../../kernel/vfs/inode.ts';

const SHORTEST_MS = 2000;
/** Saving takes at most this share of the time. */
const SHARE = 1 / 20;

/** The changes of one container. */
export class KeptChanges {
  readonly #containers: ContainerStore;
  readonly #record: ContainerRecord;
  readonly #kernel: Kernel;
  readonly #upper: Inode;
  readonly #volumes: Volumes;
  /** Cycles the programs had had when their changes were kept last. */
  #seen = 0;
  #due = performance.now() + SHORTEST_MS;

  /** `upper` is the directory that takes the changes. */
  constructor(
    containers: ContainerStore,
    record: ContainerRecord,
    kernel: Kernel,
    { upper, volumes }: { readonly upper: Inode; readonly volumes: Volumes },
  ) {
    this.#containers = containers;
    this.#record = record;
    this.#kernel = kernel;
    this.#upper = upper;
    this.#volumes = volumes;
  }

  /** Milliseconds until changes are to be kept; undefined when there can be none. */
  get wait(): number | undefined {
    if (this.#record.autoRemove || this.#kernel.processorTime.user === this.#seen) return undefined;
    return Math.max(0, this.#due - performance.now());
  }

  /** Keeps the changes if it is time; programs must not run meanwhile. */
  async saveIfDue(): Promise<void> {
    if (this.wait !== 0) return;
    const begun = performance.now();
    this.#seen = this.#kernel.processorTime.user;
    try {
      await this.save();
    } catch (error) {
      // the next time, or the end, may find more room
      process.stderr.write(
        `anillo: the changes could not be saved: ${error instanceof Error ? error.message : error}\n`,
      );
    }
    const ended = performance.now();
    this.#due = ended + Math.max(SHORTEST_MS, (ended - begun) / SHARE);
  }

  /** Keeps the changes, and what is in the volumes. */
  async save(): Promise<void> {
    const { autoRemove, id } = this.#record;
    if (autoRemove) return;
    await this.#containers.saveChanges(id, packChanges(this.#upper));
    for (const [place, root] of this.#volumes) await this.#containers.saveChanges(id, packTreeOf(root), place);
  }
}
