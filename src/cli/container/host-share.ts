// What of this computer a container sees, by the names under which a container that was saved finds it again: layers by their
// digests, directories by their paths, and the screens of its processes.
import { resolve } from 'node:path';
import { errnoText } from '../../abi/errno.ts';
import { SystemError } from '../../kernel/error.ts';
import type { HostDirectory, OwnerMap } from '../../kernel/fs/host/host-directory.ts';
import { createHostFs } from '../../kernel/fs/host/host-fs.ts';
import type { MountedFileSystem } from '../../kernel/fs/mount-request.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import type { SharedPlace } from '../../oci/checkpoints.ts';
import type { OpenFile } from '../../oci/data-directory.ts';
import type { Digest } from '../../oci/digest.ts';
import { OciError } from '../../oci/oci-error.ts';
import type { HostThings } from '../../platform/snapshot.ts';
import { fileOf, OWNERS, openOnHost } from '../volumes.ts';

/** Told where a directory really is, all links followed, before anything of it is seen; throws to keep it. */
type PlaceCheck = (place: string) => void;

const nameOf = ({ source, writable }: SharedPlace) => `the directory ${source}${writable ? ' (writable)' : ''}`;

/** What one container sees. */
export class HostShare {
  readonly shared: SharedPlace[] = [];
  readonly layers: Digest[] = [];
  readonly #owners: OwnerMap;
  readonly #things = new Map<string, object>();

  readonly #observe: (directory: HostDirectory) => HostDirectory;

  /** `observe` may put itself between the container and its directories. */
  constructor(owners = OWNERS, observe = (directory: HostDirectory) => directory) {
    this.#owners = owners;
    this.#observe = observe;
    this.#things.set('the owners of files', owners);
  }

  /** By their names. */
  get things(): HostThings {
    return Object.fromEntries(this.#things);
  }

  /** The contents of a layer of its image. */
  layer(digest: Digest, content: OpenFile): OpenFile {
    const name = `the layer ${digest}`;
    const known = this.#things.get(name) as OpenFile | undefined;
    if (known !== undefined) {
      // an image may have the same layer twice
      content.close();
      return known;
    }
    this.layers.push(digest);
    this.#things.set(name, content);
    return content;
  }

  /** A directory, or a file, for a mount. @throws SystemError, CliError */
  mount(kernel: Kernel, path: string, writable: boolean, check?: PlaceCheck): MountedFileSystem {
    const place = { source: resolve(path), writable };
    const { directory, file } = this.#open(place, check);
    const made = createHostFs(kernel, { directory, owners: this.#owners, writable });
    return file === undefined ? made : { fs: made.fs, root: fileOf(made.root, file) };
  }

  /** One that a saved container has mounted. @throws OciError when it is not there any more */
  reopen(place: SharedPlace, check?: PlaceCheck): void {
    try {
      this.#open(place, check);
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      const why = errnoText(error.errno);
      throw new OciError('not-found', `The container shares ${place.source}, which cannot be had again: ${why}.`);
    }
  }

  #open(place: SharedPlace, check: PlaceCheck | undefined): { directory: HostDirectory; file: string | undefined } {
    const { directory, file } = openOnHost(place.source, place.writable, check);
    const name = nameOf(place);
    const known = this.#things.get(name) as HostDirectory | undefined;
    if (known !== undefined) {
      directory.close();
      return { directory: known, file };
    }
    const observed = this.#observe(directory);
    this.put(place, observed);
    return { directory: observed, file };
  }

  /** What stands for a directory. */
  put(place: SharedPlace, directory: HostDirectory): void {
    this.shared.push(place);
    this.#things.set(nameOf(place), directory);
  }
}
