// /proc/locks, and the same lines in fdinfo (proc_locks(5)).
import type { Kernel } from '../../kernel.ts';
import type { Pid } from '../../ns/pid-namespace.ts';
import type { FileDescription } from '../../vfs/file.ts';
import type { FileLocks } from '../../vfs/file-locks.ts';
import type { Inode } from '../../vfs/inode.ts';

function place({ device, ino }: Inode): string {
  const hex = (value: number) => value.toString(16).padStart(2, '0');
  return `${hex((device >>> 8) & 0xfff)}:${hex((device & 0xff) | ((device >>> 12) & 0xfff00))}:${ino}`;
}

function linesOf(kernel: Kernel, locks: FileLocks, isWanted: (owner: object) => boolean): string[] {
  const pids = kernel.current!.namespaces.pid;
  const line = (kind: string, exclusive: boolean, pid: Pid | undefined, range: string) => {
    const number = pid === undefined ? -1 : pid.in(pids);
    return `${kind} ${exclusive ? 'WRITE' : 'READ '} ${number} ${place(locks.inode)} ${range}\n`;
  };
  const end = (last: number) => (last === Number.POSITIVE_INFINITY ? 'EOF' : String(last));
  return [
    ...locks.whole
      .filter(({ owner }) => isWanted(owner))
      .map(({ exclusive, pid }) => line('FLOCK  ADVISORY ', exclusive, pid, '0 EOF')),
    ...locks.ranges
      .all()
      .filter(({ owner }) => isWanted(owner))
      .map(({ exclusive, pid, start, last }) => {
        const kind = pid === undefined ? 'OFDLCK ADVISORY ' : 'POSIX  ADVISORY ';
        return line(kind, exclusive, pid, `${start} ${end(last)}`);
      }),
    ...locks.leases
      .filter(({ owner }) => isWanted(owner))
      .map(({ exclusive, group, breaksAt }) =>
        line(`LEASE  ${breaksAt === undefined ? 'ACTIVE   ' : 'BREAKING '}`, exclusive, group.pid, '0 EOF'),
      ),
  ];
}

const numbered = (lines: readonly string[]): string[] => lines.map((line, n) => `${n + 1}: ${line}`);

/** /proc/locks. */
export function lockTable(kernel: Kernel): string {
  return numbered([...kernel.locks.files].flatMap((locks) => linesOf(kernel, locks, () => true))).join('');
}

/** Locks that were set through an open file. */
export function lockLines(kernel: Kernel, file: FileDescription): string[] {
  const { locks } = file.inode;
  if (locks === undefined) return [];
  const { files } = kernel.current!;
  return numbered(linesOf(kernel, locks, (owner) => owner === file || owner === files));
}
