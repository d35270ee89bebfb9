// An overlay: directories of other file systems laid over each other, the upper one taking all changes
// (Documentation/filesystems/overlayfs.rst).
import { S_IFCHR } from '../../../abi/stat.ts';
import { fail } from '../../error.ts';
import type { FileSystem, Inode, Owner, Room, Timestamp } from '../../vfs/inode.ts';
import { type Credentials, MAY_READ, mayAccess } from '../../vfs/permission.ts';
import type { OverlayInode } from './overlay-inode.ts';

const OVERLAYFS_MAGIC = 0x794c_7630;
const WHITEOUT_NAME = '#whiteout';
const ROOT: Owner = { uid: 0, gid: 0 };

/** The directories of an overlay. */
export interface Layers {
  /** Takes all changes; without one the overlay is read-only. */
  readonly upper: Inode | undefined;
  /** Where files without a name are made; of the same file system as `upper`. */
  readonly work: Inode | undefined;
  /** Uppermost first. */
  readonly lowers: readonly Inode[];
}

/** What an overlay is made of. */
export interface OverlayOptions {
  readonly layers: Layers;
  /** Attributes of the overlay itself are user.overlay.* instead of trusted.overlay.*. */
  readonly userAttributes: boolean;
  /** Whoever mounted it; what the host puts together needs no rights. */
  readonly mounter?: Credentials;
  readonly options: string;
  readonly now: () => Timestamp;
  readonly nextDevice: () => number;
}

/** True for what stands in a layer for a removed file: a character device 0/0. */
export function isWhiteout(inode: Inode): boolean {
  return inode.type === S_IFCHR && inode.special === 0;
}

/** An instance. */
export class OverlayFs implements FileSystem {
  readonly type = 'overlay';
  readonly magic = OVERLAYFS_MAGIC;
  readonly device: number;
  readonly readOnly: boolean;
  readonly options: string;
  readonly now: () => Timestamp;
  readonly layers: Layers;
  readonly #mounter: Credentials | undefined;
  unmounted?: () => void;
  /** All layers lie in one file system, so that its inode numbers can be shown. */
  readonly isUniform: boolean;
  /** Names of the overlay's own attributes begin with it. */
  readonly attributePrefix: string;
  /** Files by what they stand for in the upper layer: names of one file share it. */
  readonly byUpper = new WeakMap<Inode, OverlayInode>();
  readonly #devices = new Map<FileSystem, number>();
  readonly #nextDevice: () => number;
  #nextIno = 1;
  #whiteout: Inode | undefined;

  constructor({ layers, userAttributes, mounter, options, now, nextDevice }: OverlayOptions) {
    this.#mounter = mounter;
    this.layers = layers;
    this.readOnly = layers.upper === undefined;
    this.options = options;
    this.now = now;
    this.#nextDevice = nextDevice;
    this.device = nextDevice();
    this.attributePrefix = userAttributes ? 'user.overlay.' : 'trusted.overlay.';
    const all = layers.upper === undefined ? layers.lowers : [layers.upper, ...layers.lowers];
    this.isUniform = all.every(({ fs }) => fs === all[0]!.fs);
  }

  get keepsAcls(): boolean {
    return (this.layers.upper ?? this.layers.lowers[0]!).fs.keepsAcls ?? false;
  }

  nextIno(): number {
    return this.#nextIno++;
  }

  /** st_dev of files of a layer whose inode numbers are those of its file system. */
  layerDevice(fs: FileSystem): number {
    let device = this.#devices.get(fs);
    if (device === undefined) {
      device = this.#nextDevice();
      this.#devices.set(fs, device);
    }
    return device;
  }

  room(): Room {
    const { fs } = this.layers.upper ?? this.layers.lowers[0]!;
    return fs.room?.() ?? { blocks: 0, freeBlocks: 0, files: 0, freeFiles: 0 };
  }

  /** Layers show what whoever mounted the overlay may see of them, whatever lies above. @throws SystemError EACCES */
  checkMounter(inode: Inode, wanted: number): void {
    if (this.#mounter !== undefined && !mayAccess(this.#mounter, inode, wanted)) fail('EACCES');
  }

  /** Files of others are not multiplied. @throws SystemError EACCES, EOVERFLOW */
  checkMayCopy(inode: Inode): void {
    if (this.#mounter === undefined) return;
    const { user } = this.#mounter;
    if (!user.has('uid', inode.uid) || !user.has('gid', inode.gid)) fail('EOVERFLOW');
    if (inode.isRegular) this.checkMounter(inode, MAY_READ);
  }

  /** True for a directory of a layer that hides those below. */
  isOpaque(directory: Inode): boolean {
    const value = this.ownAttribute(directory, 'opaque');
    return value?.length === 1 && value[0] === 0x79;
  }

  setOpaque(directory: Inode): void {
    directory.setAttribute(`${this.attributePrefix}opaque`, Uint8Array.of(0x79));
  }

  ownAttribute(inode: Inode, name: string): Uint8Array | undefined {
    const full = this.attributePrefix + name;
    return inode.attributeNames().includes(full) ? inode.getAttribute(full) : undefined;
  }

  /** Leaves a whiteout in a directory of the upper layer: all are names of one file in the work directory. */
  putWhiteout(directory: Inode, name: string): void {
    const work = this.layers.work!;
    this.#whiteout ??= work.create(WHITEOUT_NAME, S_IFCHR, ROOT, 0);
    directory.link(name, this.#whiteout);
  }
}
