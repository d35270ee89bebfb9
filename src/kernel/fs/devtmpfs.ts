// devtmpfs: a tmpfs that already has the device files. There is one in a system; every mount shows it.
import type { Kernel } from '../kernel.ts';
import { populateDevices } from './devices.ts';
import type { MountedFileSystem } from './mount-request.ts';
import { countMounts } from '../vfs/inode.ts';
import { Tmpfs } from './tmpfs.ts';

const instances = new WeakMap<Kernel, Tmpfs>();

/** The system's devtmpfs. */
export function deviceFileSystem(kernel: Kernel): MountedFileSystem {
  let fs = instances.get(kernel);
  if (fs === undefined) {
    const { frames } = kernel;
    fs = new Tmpfs({ frames, type: 'devtmpfs', device: kernel.nextDevice(), now: () => kernel.realtime, mode: 0o755 });
    populateDevices(fs.root);
    // it stays when nothing shows it
    countMounts(fs, 1);
    instances.set(kernel, fs);
  }
  return { fs, root: fs.root };
}
