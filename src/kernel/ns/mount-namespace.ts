// The tree of mounts that a task sees (mount_namespaces(7)).
import { Changes } from '../vfs/changes.ts';
import { copyTree, lockTree, type MountNumbers, removeTree, treeOf } from '../vfs/mount-tree.ts';
import { type Mount, type Path, throughMounts } from '../vfs/path.ts';
import { Namespace } from './namespace.ts';
import type { UserNamespace } from './user-namespace.ts';

/** A tree of mounts. */
export class MountNamespace extends Namespace {
  readonly kind = 'mnt';
  readonly owner: UserNamespace;
  /** What everything else is mounted on; usually hidden by what is mounted on its root. */
  root: Mount;
  /** What /proc/PID/mounts tells has changed. */
  readonly changes = new Changes();

  constructor(number: number, owner: UserNamespace, root: Mount) {
    super(number);
    this.owner = owner;
    this.root = root;
    for (const mount of treeOf(root)) mount.namespace = this;
  }

  /** All mounts, parents first. */
  mounts(): Iterable<Mount> {
    return treeOf(this.root);
  }

  /** The topmost root directory. */
  get top(): Path {
    return throughMounts({ mount: this.root, entry: this.root.root });
  }

  /** A copy; tells where each mount went. For a less privileged owner it only listens to what happens here. */
  copy(numbers: MountNumbers, number: number, owner: UserNamespace): { copy: MountNamespace; to: Map<Mount, Mount> } {
    const to = new Map<Mount, Mount>();
    const isTrusted = owner === this.owner;
    const root = copyTree(
      numbers,
      { mount: this.root, entry: this.root.root },
      {
        relation: isTrusted ? 'like' : 'shared-to-slave',
        recursive: true,
        keepUnbindable: true,
        onCopy: (from, copy) => to.set(from, copy),
      },
    );
    if (!isTrusted) lockTree(root);
    return { copy: new MountNamespace(number, owner, root), to };
  }

  protected override ended(): void {
    removeTree(this.root, false);
  }
}
