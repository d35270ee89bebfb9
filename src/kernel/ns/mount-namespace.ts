// The tree of mounts that a task sees (mount_namespaces(7)).
import { fail } from '../error.ts';
import type { Mount, Path } from '../vfs/path.ts';

/** A tree of mounts. */
export class MountNamespace {
  readonly root: Mount;

  constructor(root: Mount) {
    this.root = root;
  }

  /** All mounts, parents first. */
  *mounts(from: Mount = this.root): Iterable<Mount> {
    yield from;
    for (const mount of from.mounted.values()) yield* this.mounts(mount);
  }

  /** Puts a mount on a directory; what was there is hidden. */
  attach(mount: Mount, at: Path): void {
    mount.parent = { mount: at.mount, entry: at.entry };
    at.mount.mounted.set(at.entry, mount);
  }

  /** Takes a mount away. @throws SystemError EINVAL for the root, EBUSY while something is mounted below */
  detach(mount: Mount, evenIfBusy = false): void {
    const { parent } = mount;
    if (parent === undefined) fail('EINVAL');
    if (mount.mounted.size > 0 && !evenIfBusy) fail('EBUSY');
    parent.mount.mounted.delete(parent.entry);
    mount.parent = undefined;
  }
}
