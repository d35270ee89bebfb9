// What programs say about their use of files: posix_fadvise(2), readahead(2), sync_file_range(2). File contents are in memory
// here, so that nothing but the checks is left to do.
import { fail } from '../error.ts';
import type { Call } from './call.ts';
import { full, type Implementations } from './table.ts';

const POSIX_FADV_NOREUSE = 5;
const SYNC_FILE_RANGE_KNOWN = 7;

function fadvise(call: Call): number {
  const file = call.file(0);
  if (!file.seekable) fail('ESPIPE');
  if (call.arg(2) < 0 || call.arg(3) < 0 || call.arg(3) > POSIX_FADV_NOREUSE) fail('EINVAL');
  return 0;
}

function readahead(call: Call): number {
  const file = call.file(0);
  if (!file.readable) fail('EBADF');
  return file.inode.isRegular ? 0 : fail('EINVAL');
}

function syncFileRange(call: Call): number {
  const file = call.file(0);
  const [offset, bytes, flags] = [call.arg(1), call.arg(2), call.arg(3)];
  if (flags & ~SYNC_FILE_RANGE_KNOWN || offset < 0 || bytes < 0) fail('EINVAL');
  return file.inode.isRegular || file.inode.isDirectory ? 0 : fail('ESPIPE');
}

export const adviceCalls: Implementations = {
  fadvise64: full(fadvise),
  fadvise64_64: full(fadvise),
  readahead: full(readahead),
  sync_file_range: full(syncFileRange),
  syncfs: full((call) => {
    call.file(0);
    return 0;
  }),
};
