// The pids controller: how many tasks a group may have (Documentation/admin-guide/cgroup-v2.rst "PID").
import { fail } from '../error.ts';
import type { Cgroup } from './cgroup.ts';
import type { ControlFile } from './control-file.ts';
import { flatKeyed, limitText, parseInteger } from './numbers.ts';

/** More tasks than any system has. */
const MOST_PIDS = 4_194_304;

/** What the controller keeps for a group. */
export class PidsGroup {
  readonly parent: PidsGroup | undefined;
  max = Number.POSITIVE_INFINITY;
  current = 0;
  peak = 0;
  /** Forks of tasks of this group that a limit refused, here or above. */
  refused = 0;
  readonly #changed: () => void;

  /** `changed` is called when pids.events has changed. */
  constructor(parent: PidsGroup | undefined, changed: () => void) {
    this.parent = parent;
    this.#changed = changed;
  }

  /** One more task would not pass a limit. @throws SystemError EAGAIN */
  checkFork(): void {
    for (let group: PidsGroup | undefined = this; group !== undefined; group = group.parent) {
      if (group.current < group.max) continue;
      this.refused++;
      this.#changed();
      fail('EAGAIN');
    }
  }

  /** Tasks come or go. Those that are moved here count whatever the limit. */
  add(count: number): void {
    for (let group: PidsGroup | undefined = this; group !== undefined; group = group.parent) {
      group.current += count;
      group.peak = Math.max(group.peak, group.current);
    }
  }
}

function parseMax(text: string): number {
  if (text.trim() === 'max') return Number.POSITIVE_INFINITY;
  const value = parseInteger(text);
  return value < 0 || value > MOST_PIDS ? fail('EINVAL') : value;
}

const own = (cgroup: Cgroup): PidsGroup => cgroup.states.pids!;

/** The files of the controller. */
export const PIDS_FILES: readonly ControlFile[] = [
  {
    name: 'pids.current',
    where: 'below-root',
    read: (cgroup) => `${own(cgroup).current}\n`,
  },
  {
    name: 'pids.events',
    where: 'below-root',
    read: (cgroup) => flatKeyed([['max', own(cgroup).refused]]),
  },
  {
    name: 'pids.max',
    where: 'below-root',
    read: (cgroup) => `${limitText(own(cgroup).max)}\n`,
    write: (cgroup, text) => {
      own(cgroup).max = parseMax(text);
    },
  },
  {
    name: 'pids.peak',
    where: 'below-root',
    read: (cgroup) => `${own(cgroup).peak}\n`,
  },
];
