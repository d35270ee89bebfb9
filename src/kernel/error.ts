// How a system call fails inside the kernel: an error number thrown, turned into the call's result at its edge.
import { ERRNO, type ErrnoName } from '../abi/errno.ts';

/** A system call ends with an error. */
export class SystemError extends Error {
  override readonly name = 'SystemError';
  readonly errno: ErrnoName;

  constructor(errno: ErrnoName) {
    super(errno);
    this.errno = errno;
  }

  /** What the call returns. */
  get result(): number {
    return -ERRNO[this.errno];
  }
}

/** Ends the system call with an error. Programs make calls fail by the million; nobody reads where in the kernel it was. */
export function fail(errno: ErrnoName): never {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    throw new SystemError(errno);
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}
