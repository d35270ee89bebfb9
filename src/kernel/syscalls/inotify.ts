// System calls of inotify(7): inotify_init(2), inotify_add_watch(2), inotify_rm_watch(2).
import { O_CLOEXEC, O_NONBLOCK, O_RDONLY } from '../../abi/stat.ts';
import { fail } from '../error.ts';
import { IN_MASK_ADD, IN_MASK_CREATE, InotifyFile } from '../fs/anonymous/inotify.ts';
import { resolve } from '../vfs/path.ts';
import { MAY_READ, mayAccess } from '../vfs/permission.ts';
import type { Call } from './call.ts';
import { nameArgument } from './path-arguments.ts';
import { openFilesLimit } from './limits.ts';
import { full, type Implementations } from './table.ts';

const IN_ONLYDIR = 0x0100_0000;
const IN_DONT_FOLLOW = 0x0200_0000;
/** All bits a mask may have. */
const KNOWN = 0xf700_efff;

function init(call: Call, flags: number): number {
  if (flags & ~(O_CLOEXEC | O_NONBLOCK)) fail('EINVAL');
  const file = new InotifyFile(call.kernel, O_RDONLY | (flags & O_NONBLOCK), {
    user: call.users,
    uid: call.task.credentials.euid,
  });
  return call.task.files.install(file, (flags & O_CLOEXEC) !== 0, openFilesLimit(call));
}

function instance(call: Call): InotifyFile {
  const file = call.file(0);
  return file instanceof InotifyFile ? file : fail('EINVAL');
}

function addWatch(call: Call): number {
  const mask = call.arg(2);
  if (!(mask & KNOWN) || (mask & IN_MASK_ADD && mask & IN_MASK_CREATE)) fail('EINVAL');
  const file = instance(call);
  const name = nameArgument(call, 1);
  const { inode } = resolve(name.from, name.text, { follow: !(mask & IN_DONT_FOLLOW) }).entry;
  if (mask & IN_ONLYDIR && !inode.isDirectory) fail('ENOTDIR');
  if (!mayAccess(call.task.credentials, inode, MAY_READ)) fail('EACCES');
  return file.watch(inode, mask);
}

export const inotifyCalls: Implementations = {
  inotify_init: full((call) => init(call, 0)),
  inotify_init1: full((call) => init(call, call.arg(0))),
  inotify_add_watch: full(addWatch),
  inotify_rm_watch: full((call) => {
    instance(call).unwatch(call.arg(1));
    return 0;
  }),
};
