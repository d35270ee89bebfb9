// RLIMIT_FSIZE: how long a process may make a file (getrlimit(2)).
import { RLIMIT_FSIZE } from '../../abi/resource.ts';
import { SI_USER, SIGNAL } from '../../abi/signal.ts';
import { fail } from '../error.ts';
import { sendSignalToTask } from '../signal/send.ts';
import type { Call } from './call.ts';
import { limitOf } from './limits.ts';

/** The file would be longer than RLIMIT_FSIZE allows. */
export function failTooBig(call: Call): never {
  sendSignalToTask(call.kernel, call.task, { signal: SIGNAL.SIGXFSZ, code: SI_USER });
  return fail('EFBIG');
}

/** Bytes a file may have (RLIMIT_FSIZE). @throws SystemError EFBIG, with SIGXFSZ */
export function checkFileSize(call: Call, size: number): void {
  if (size > limitOf(call, RLIMIT_FSIZE)) failTooBig(call);
}
