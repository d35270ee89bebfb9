// Mount options of tmpfs (tmpfs(5) "Mount options").
import { fail } from '../error.ts';
import type { Owner } from '../vfs/inode.ts';

const UNITS: Readonly<Record<string, number>> = { '': 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 };
const PAGE = 4096;
/** Options of Linux that change nothing here: where pages lie, and the width of inode numbers. */
const WITHOUT_EFFECT = new Set(['huge', 'mpol', 'inode32', 'inode64', 'noswap']);

/** What the options say; undefined where they say nothing. 0 pages or files: no limit. */
export interface TmpfsLimits {
  pages?: number;
  files?: number;
  mode?: number;
  owner: { uid?: number; gid?: number };
}

function amount(text: string, total: number): number {
  const percent = /^(\d+)%$/.exec(text);
  if (percent !== null) return Math.floor((total * Number(percent[1])) / 100);
  const [, digits, unit] = /^(\d+|0x[\da-f]+)([kmgt]?)$/i.exec(text) ?? fail('EINVAL');
  return Number(digits) * UNITS[unit!.toLowerCase()]!;
}

function octal(text: string): number {
  return /^[0-7]+$/.test(text) ? Number.parseInt(text, 8) & 0o7777 : fail('EINVAL');
}

function id(text: string): number {
  return /^\d+$/.test(text) && Number(text) < 2 ** 32 - 1 ? Number(text) : fail('EINVAL');
}

/** Reads an option string; `memory` is what percentages are of. @throws SystemError EINVAL */
export function parseTmpfsOptions(data: string, memory: number): TmpfsLimits {
  const limits: TmpfsLimits = { owner: {} };
  for (const option of data.split(',').filter((text) => text !== '')) {
    const [name, value = ''] = option.split(/=(.*)/s) as [string, string?];
    if (name === 'size') limits.pages = Math.ceil(amount(value, memory) / PAGE);
    else if (name === 'nr_blocks') limits.pages = amount(value, memory);
    else if (name === 'nr_inodes') limits.files = amount(value, memory);
    else if (name === 'mode') limits.mode = octal(value);
    else if (name === 'uid') limits.owner.uid = id(value);
    else if (name === 'gid') limits.owner.gid = id(value);
    else if (!WITHOUT_EFFECT.has(name)) fail('EINVAL');
  }
  return limits;
}

/** The options as /proc/mounts shows them. */
export function tmpfsOptionText(limits: TmpfsLimits, owner: Owner): string {
  const words: string[] = [];
  if (limits.pages !== undefined) words.push(`size=${limits.pages * 4}k`);
  if (limits.files !== undefined) words.push(`nr_inodes=${limits.files}`);
  if (limits.mode !== undefined && limits.mode !== 0o1777) words.push(`mode=${limits.mode.toString(8)}`);
  if (owner.uid !== 0) words.push(`uid=${owner.uid}`);
  if (owner.gid !== 0) words.push(`gid=${owner.gid}`);
  return words.join(',');
}
