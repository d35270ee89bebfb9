// The root of a new tree of mounts.
import { Tmpfs } from '../fs/tmpfs.ts';
import type { MountedFileSystem } from '../fs/mount-request.ts';
import type { Kernel } from '../kernel.ts';
import { attachTree } from './mount-tree.ts';
import { Dentry, Mount, type Path } from './path.ts';

/** Mounts a root on top of another one that is empty and hidden, so that it can be exchanged (pivot_root(2)). */
export function rootMount(
  kernel: Kernel,
  { fs, root }: MountedFileSystem,
): { readonly bottom: Mount; readonly root: Path } {
  const now = () => kernel.realtime;
  const hidden = new Tmpfs({ frames: kernel.frames, device: kernel.nextDevice(), now, mode: 0o755 });
  const bottom = new Mount(kernel.nextMountId(), hidden, new Dentry('', undefined, hidden.root), 'rootfs');
  const mount = new Mount(kernel.nextMountId(), fs, new Dentry('', undefined, root), 'rootfs');
  attachTree(kernel, mount, { mount: bottom, entry: bottom.root });
  return { bottom, root: { mount, entry: mount.root } };
}
