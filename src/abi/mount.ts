// Flags of one mount as the different interfaces write them: mount(2), mount(8), statfs(2) (<linux/statfs.h>) and
// mount_setattr(2).

export const MS_RDONLY = 1;
export const MS_NOSUID = 2;
export const MS_NODEV = 4;
export const MS_NOEXEC = 8;
export const MS_NOSYMFOLLOW = 256;
export const MS_NOATIME = 1024;
export const MS_NODIRATIME = 2048;
export const MS_RELATIME = 1 << 21;

/** How access times are kept. */
export const ACCESS_TIMES = MS_NOATIME | MS_NODIRATIME | MS_RELATIME;

/** A flag of a mount. */
export interface MountFlag {
  readonly flag: number;
  /** The option of mount(8). */
  readonly word: string;
  /** In f_flags of struct statfs. */
  readonly statfs: number;
  /** MOUNT_ATTR_*; undefined where a field of several bits says it. */
  readonly attribute?: number;
}

/** All of them, in the order in which /proc/PID/mounts has them. */
export const MOUNT_FLAGS: readonly MountFlag[] = [
  { flag: MS_RDONLY, word: 'ro', statfs: 1, attribute: 1 },
  { flag: MS_NOSUID, word: 'nosuid', statfs: 2, attribute: 2 },
  { flag: MS_NODEV, word: 'nodev', statfs: 4, attribute: 4 },
  { flag: MS_NOEXEC, word: 'noexec', statfs: 8, attribute: 8 },
  { flag: MS_NOATIME, word: 'noatime', statfs: 0x400 },
  { flag: MS_NODIRATIME, word: 'nodiratime', statfs: 0x800, attribute: 0x80 },
  { flag: MS_RELATIME, word: 'relatime', statfs: 0x1000 },
  { flag: MS_NOSYMFOLLOW, word: 'nosymfollow', statfs: 0x2000, attribute: 0x20_0000 },
];
