// Options of a mount as mount(8) and the runtime specification write them, taken apart: flags of the mount, what kind of
// mounting it is, and what is left for the file system.
import {
  MS_NOATIME,
  MS_NODEV,
  MS_NODIRATIME,
  MS_NOEXEC,
  MS_NOSUID,
  MS_NOSYMFOLLOW,
  MS_RDONLY,
  MS_RELATIME,
} from '../kernel/vfs/path.ts';

/** Options taken apart. */
export interface MountOptions {
  readonly flags: number;
  readonly isBind: boolean;
  readonly propagation?: Propagation;
  /** The file system's own. */
  readonly data: string;
}

export type Propagation = 'shared' | 'slave' | 'private' | 'unbindable';

const SET: Readonly<Record<string, number>> = {
  ro: MS_RDONLY,
  nosuid: MS_NOSUID,
  nodev: MS_NODEV,
  noexec: MS_NOEXEC,
  nosymfollow: MS_NOSYMFOLLOW,
  noatime: MS_NOATIME,
  nodiratime: MS_NODIRATIME,
  relatime: MS_RELATIME,
};
const CLEAR: Readonly<Record<string, number>> = {
  rw: MS_RDONLY,
  suid: MS_NOSUID,
  dev: MS_NODEV,
  exec: MS_NOEXEC,
  symfollow: MS_NOSYMFOLLOW,
  atime: MS_NOATIME,
  diratime: MS_NODIRATIME,
  norelatime: MS_RELATIME,
  strictatime: MS_RELATIME | MS_NOATIME,
};
/** Change nothing here: there are no devices behind mounts, and writes are never late. */
const IGNORED = new Set([
  'defaults',
  'async',
  'sync',
  'dirsync',
  'mand',
  'nomand',
  'silent',
  'loud',
  'lazytime',
  'nolazytime',
]);
const PROPAGATION = /^r?(shared|slave|private|unbindable)$/;

/** Takes options apart; later ones win. */
export function parseMountOptions(options: readonly string[]): MountOptions {
  let flags = MS_RELATIME;
  let isBind = false;
  let propagation: Propagation | undefined;
  const data: string[] = [];
  for (const option of options) {
    const [, spread] = PROPAGATION.exec(option) ?? [];
    if (option in SET) flags |= SET[option]!;
    else if (option in CLEAR) flags &= ~CLEAR[option]!;
    // what lies below a directory outside is one file system with it
    else if (option === 'bind' || option === 'rbind') isBind = true;
    else if (spread !== undefined) propagation = spread as Propagation;
    else if (!IGNORED.has(option)) data.push(option);
  }
  return { flags, isBind, ...(propagation === undefined ? {} : { propagation }), data: data.join(',') };
}
