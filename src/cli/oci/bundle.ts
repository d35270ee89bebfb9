// A bundle on this computer (OCI runtime specification, "Filesystem Bundle"): its configuration, and its directories as files of a
// container. A bundle is data of strangers: directories outside it are refused unless the user names them.
import { closeSync, constants, fstatSync, openSync, readFileSync, realpathSync } from 'node:fs';
import { isAbsolute, join, resolve } from 'node:path';
import type { Kernel } from '../../kernel/kernel.ts';
import type { Checkpoint } from '../../oci/checkpoints.ts';
import { ownOf } from '../../oci/container-mounts.ts';
import type { BundleRecord } from '../../oci/container-store.ts';
import { parseMountOptions } from '../../oci/mount-options.ts';
import { OciError } from '../../oci/oci-error.ts';
import { overDirectory } from '../../oci/root-fs.ts';
import { parseRuntimeSpec } from '../../oci/parse-runtime-spec.ts';
import type { RuntimeSpec } from '../../oci/runtime-spec.ts';
import { errnoText } from '../../abi/errno.ts';
import { SystemError } from '../../kernel/error.ts';
import { MS_RDONLY } from '../../abi/mount.ts';
import { hostReason } from '../assets.ts';
import type { ContainerFiles } from '../container/container-files.ts';
import { HostShare } from '../container/host-share.ts';
import { CliError, EXIT } from '../errors.ts';
import { ownerMap, sameOwners } from '../host-directory.ts';

const CONFIG = 'config.json';
/** A configuration that is larger is refused before it is read. */
const LARGEST_CONFIG = 16 << 20;

/** A bundle that was read. */
export interface Bundle {
  /** Absolute, without links. */
  readonly directory: string;
  /** Absolute. */
  readonly rootfs: string;
  readonly spec: RuntimeSpec;
}

/** Reads a bundle; what its configuration asks for in vain is named on standard error. @throws CliError, OciError */
export function loadBundle(path: string): Bundle {
  const directory = directoryOf(path);
  const file = join(directory, CONFIG);
  const spec = parseRuntimeSpec(readConfig(file), file, ignore);
  const { args, cwd } = spec.process;
  if (args.length === 0) throw new OciError('nothing-to-run', `${file} cannot be used: process.args is missing.`);
  if (!isAbsolute(cwd)) throw new OciError('bad-document', `${file} cannot be used: process.cwd is no absolute path.`);
  return { directory, rootfs: resolve(directory, spec.root.path), spec };
}

/** Names a part of a configuration that has no effect. */
export function ignore(field: string): void {
  process.stderr.write(`anillo: ${field} is not supported and has no effect.\n`);
}

function directoryOf(path: string): string {
  try {
    return realpathSync(path);
  } catch (error) {
    throw new CliError(`The bundle ${path} cannot be used: ${hostReason(error)}.`, EXIT.failure);
  }
}

/** Reads a regular file; others could keep the reader waiting. @throws CliError */
export function readConfig(file: string): Uint8Array {
  try {
    const descriptor = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const stat = fstatSync(descriptor);
      if (!stat.isFile()) throw new Error('it is no regular file');
      if (stat.size > LARGEST_CONFIG) throw new Error(`it has ${stat.size} bytes, more than ${LARGEST_CONFIG}`);
      return new Uint8Array(readFileSync(descriptor));
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    throw new CliError(`${file} cannot be read: ${hostReason(error)}.`, EXIT.failure);
  }
}

/**
 * The files of a container of a bundle. A root that can be written is the directory itself; one that is read-only is never
 * written, whatever has to be made in it.
 * @throws OciError when a directory may not be had, or is not there
 */
export function bundleFiles(kernel: Kernel, record: BundleRecord): ContainerFiles {
  const { bundle, rootfs, spec } = record;
  const share = new HostShare(ownersOf(spec));
  const { readonly } = spec.root;
  return {
    share,
    root: rootOf(rootfs, () => {
      const shared = share.mount(kernel, rootfs, !readonly, checkOf(record, 'its root file system'));
      if (!shared.root.isDirectory) throw new SystemError('ENOTDIR');
      return readonly ? overDirectory(kernel, shared.root) : shared;
    }),
    bindSource: (source, readOnly) =>
      share.mount(kernel, resolve(bundle, source), !readOnly, checkOf(record, `the mount of ${source}`)),
  };
}

/**
 * Finds for a container of a bundle that was saved the directories that it had: those of its configuration, and no others.
 * @throws OciError when one is not there, or not its own
 */
export function bundleShare(record: BundleRecord, checkpoint: Checkpoint): HostShare {
  const { bundle, rootfs, spec } = record;
  const share = new HostShare(ownersOf(spec));
  for (const place of checkpoint.shared) {
    const isRoot = place.source === rootfs && !(place.writable && spec.root.readonly);
    const isGiven = spec.mounts.some(({ source, options }) => {
      if (source === undefined || resolve(bundle, source) !== place.source || ownOf(source) !== undefined) return false;
      const { flags, isBind } = parseMountOptions(options);
      return isBind && !(place.writable && flags & MS_RDONLY);
    });
    if (!isRoot && !isGiven)
      throw new OciError(
        'bad-state',
        `The checkpoint needs ${place.source}, which the bundle does not share that way.`,
      );
    share.reopen(place, checkOf(record, isRoot ? 'its root file system' : `the mount of ${place.source}`));
  }
  return share;
}

const ownersOf = ({ namespaces }: RuntimeSpec) =>
  namespaces.some(({ type }) => type === 'user') ? sameOwners() : ownerMap();

const checkOf =
  ({ bundle, allowed }: BundleRecord, what: string) =>
  (place: string) =>
    checkPlace(place, what, [bundle, ...allowed]);

function rootOf<T>(rootfs: string, share: () => T): T {
  try {
    return share();
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    throw new OciError('not-found', `The root file system ${rootfs} cannot be used: ${errnoText(error.errno)}.`);
  }
}

/** @throws OciError for a place outside the directories */
function checkPlace(place: string, what: string, directories: readonly string[]): void {
  const isInside = directories.some((directory) => place === directory || `${place}/`.startsWith(withSlash(directory)));
  if (isInside) return;
  throw new OciError(
    'unsupported',
    `The bundle wants ${place} of this computer for ${what}; that is outside the bundle: --allow ${place} lets it.`,
  );
}

const withSlash = (directory: string) => (directory.endsWith('/') ? directory : `${directory}/`);

/** A directory that the user allows, without links. @throws CliError */
export function allowedPlace(path: string): string {
  try {
    return realpathSync(path);
  } catch (error) {
    throw new CliError(`--allow ${path} cannot be used: ${hostReason(error)}.`, EXIT.failure);
  }
}
