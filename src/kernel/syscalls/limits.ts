// The limits of the calling process that system calls look at (getrlimit(2)).
import { RLIMIT_NOFILE } from '../../abi/resource.ts';
import type { Call } from './call.ts';

/** The soft limit of the calling process. */
export function limitOf(call: Call, resource: number): number {
  return call.task.group.limits[resource]!.soft;
}

/** One more than the highest descriptor the caller can get (RLIMIT_NOFILE). */
export function openFilesLimit(call: Call): number {
  return limitOf(call, RLIMIT_NOFILE);
}
