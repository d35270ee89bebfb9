// Options of a mount as mount(8) and the runtime specification write them, taken apart: flags of the mount, what kind of
// mounting it is, and what is left for the file system.
import {
  MOUNT_FLAGS,
  MS_RDONLY,
  MS_NOSUID,
  MS_NODEV,
  MS_NOEXEC,
  MS_NOSYMFOLLOW,
  MS_NOATIME,
  MS_NODIRATIME,
  MS_RELATIME,
} from '../abi/mount.ts';
import { OciError } from './oci-error.ts';

/** Options taken apart. */
export interface MountOptions {
  readonly flags: number;
  readonly isBind: boolean;
  readonly propagation?: Propagation;
  /** A tmpfs begins with what is at its place. */
  readonly copyUp: boolean;
  /** The file system's own. */
  readonly data: string;
}

/** How mounts and unmounts below spread (mount_namespaces(7), "SHARED SUBTREES"). */
export type Propagation = 'shared' | 'slave' | 'private' | 'unbindable';

const SET: Readonly<Record<string, number>> = Object.fromEntries(MOUNT_FLAGS.map(({ word, flag }) => [word, flag]));
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
  'iversion',
  'noiversion',
]);
const PROPAGATION = /^r?(shared|slave|private|unbindable)$/;
/** Ask for what is not there. */
const UNSUPPORTED = new Set(['remount', 'idmap', 'ridmap']);

/** All options that are not a file system's own. */
export const KNOWN_MOUNT_OPTIONS: readonly string[] = [
  ...Object.keys(SET),
  ...Object.keys(CLEAR),
  ...IGNORED,
  ...['shared', 'slave', 'private', 'unbindable'].flatMap((kind) => [kind, `r${kind}`]),
  ...['bind', 'rbind', 'tmpcopyup'],
].sort();

/** The kind of propagation that an option names; undefined when it names none. */
export function propagationOf(option: string): Propagation | undefined {
  return PROPAGATION.exec(option)?.[1] as Propagation | undefined;
}

/** Takes options apart; later ones win. @throws OciError for one that is not supported */
export function parseMountOptions(options: readonly string[]): MountOptions {
  let flags = MS_RELATIME;
  let isBind = false;
  let propagation: Propagation | undefined;
  let copyUp = false;
  const data: string[] = [];
  for (const option of options) {
    const spread = propagationOf(option);
    // rro and the like are for all mounts below, of which a new mount has none
    const isKnown = Object.hasOwn(SET, option) || Object.hasOwn(CLEAR, option);
    const plain = isKnown ? option : option.replace(/^r/, '');
    if (UNSUPPORTED.has(option)) throw new OciError('unsupported', `The mount option ${option} is not supported.`);
    if (Object.hasOwn(SET, plain)) flags |= SET[plain]!;
    else if (Object.hasOwn(CLEAR, plain)) flags &= ~CLEAR[plain]!;
    // what lies below a directory outside is one file system with it
    else if (option === 'bind' || option === 'rbind') isBind = true;
    else if (spread !== undefined) propagation = spread;
    else if (option === 'tmpcopyup') copyUp = true;
    else if (!IGNORED.has(option)) data.push(option);
  }
  return { flags, isBind, copyUp, ...(propagation === undefined ? {} : { propagation }), data: data.join(',') };
}
