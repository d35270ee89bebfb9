// What a process of a container starts with besides its files (OCI runtime specification, "Process"): limits, and the program.
import type { Task } from '../kernel/task/task.ts';
import { SystemError } from '../kernel/error.ts';
import type { Path } from '../kernel/vfs/path.ts';
import { OciError } from './oci-error.ts';
import type { ProcessSpec } from './runtime-spec.ts';

/** Resource limits by the order of their numbers (getrlimit(2)). */
const LIMITS =
  `CPU FSIZE DATA STACK CORE RSS NPROC NOFILE MEMLOCK AS LOCKS SIGPENDING MSGQUEUE NICE RTPRIO RTTIME`.split(' ');
/** RLIM_INFINITY as JSON can say it. */
const INFINITE = 2 ** 63;

/** Sets the limits of a process. @throws OciError for one there is not, or that is given twice (config.md, "POSIX process") */
export function applyLimits({ group }: Task, { rlimits }: ProcessSpec): void {
  const seen = new Set<number>();
  for (const { type, soft, hard } of rlimits) {
    const number = LIMITS.indexOf(type.replace(/^RLIMIT_/, ''));
    if (number < 0) throw new OciError('bad-option', `There is no resource limit ${type} (getrlimit(2) lists them).`);
    if (seen.has(number)) throw new OciError('bad-option', `The resource limit ${type} is given twice.`);
    if (soft > hard) throw new OciError('bad-option', `The resource limit ${type} allows more now than it ever may.`);
    seen.add(number);
    const value = (limit: number) => (limit >= INFINITE ? Number.POSITIVE_INFINITY : limit);
    group.limits[number] = { soft: value(soft), hard: value(hard) };
  }
}

/** A program by its path, or by name in PATH (execvp(3)). @throws SystemError */
export function findProgram(
  program: string,
  environment: readonly string[],
  find: (name: string) => Path,
): { path: Path; name: string } {
  if (program.includes('/')) return { path: find(program), name: program };
  const search = environment.find((setting) => setting.startsWith('PATH='))?.slice('PATH='.length) ?? '/bin:/usr/bin';
  for (const directory of search.split(':')) {
    const name = `${directory || '.'}/${program}`;
    try {
      return { path: find(name), name };
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
    }
  }
  throw new SystemError('ENOENT');
}
