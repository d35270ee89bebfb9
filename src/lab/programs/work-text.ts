// Words that both reports of a comparison of environments use.
import { tellEntries } from '../narrate.ts';
import type { Environment } from './environment.ts';
import type { ProgramComparison, ProgramSummary, WorkCell } from './program-comparison.ts';

/** What each kind of work of the bundled program is. */
export const WORK_TITLES: Readonly<Record<string, string>> = {
  compute: 'a thousand rounds of arithmetic: user code only',
  getppid: 'a system call that does nothing',
  touch: 'a page of fresh memory, touched for the first time and given back',
  fork: 'a child process that ends at once, and waiting for it',
  exec: 'a child process that starts the program anew, and waiting for it',
  pipe: 'a byte through a pipe to another process, and one back',
  file: 'a page written to a file and read again',
};

/** Whose entries a column counts. */
export function ownerOf(environment: Environment): string {
  return ['process', 'container', 'bare'].includes(environment) ? 'the kernel' : 'the hypervisor';
}

/** What happened for one operation. */
export function tellWork(environment: Environment, { entriesPerOperation, events }: WorkCell): string {
  return tellEntries(ownerOf(environment), entriesPerOperation, events);
}

const MOST_KINDS = 5;

/** The kinds of entry, most frequent first. */
export function tellEntryKinds({ entries }: ProgramSummary): string {
  const sorted = Object.entries(entries).sort(([, left], [, right]) => right - left);
  const shown = sorted.slice(0, MOST_KINDS).map(([name, count]) => `${name} ${count.toLocaleString('en-US')}`);
  const others = sorted.slice(MOST_KINDS).reduce((sum, [, count]) => sum + count, 0);
  return [...shown, ...(others > 0 ? [`others ${others.toLocaleString('en-US')}`] : [])].join(', ');
}

/** All entries of a run. */
export function entriesOf({ entries }: ProgramSummary): number {
  return Object.values(entries).reduce((sum, count) => sum + count, 0);
}

/** How the program ended and what it said. */
export function verdictOf({ end, sameOutput }: ProgramSummary): string {
  if (sameOutput === undefined) return end;
  return `${end}, ${sameOutput ? 'as the process' : 'not as the process'}`;
}

/** Bytes as people read them. */
export function bytes(value: number): string {
  if (value === 0) return '–';
  return value >= 2 ** 20 ? `${(value / 2 ** 20).toFixed(1)} MiB` : `${Math.round(value / 1024)} KiB`;
}

/** Wrong answers of sensitive instructions, one sentence for each environment that gave them. */
export function tellFindings({ runs }: ProgramComparison): string[] {
  return runs
    .filter(({ findings }) => findings.length > 0)
    .map(({ environment, findings, sameOutput }) => {
      const luck = sameOutput ? 'this program did not notice' : 'it shows in what the program did';
      return `${environment} lied to tinyos, by design (${luck}): ${findings.join('; ')}.`;
    });
}
