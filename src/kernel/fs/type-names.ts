// Names of the file systems that can be mounted, in the order of /proc/filesystems.

/** All types. */
export const FILE_SYSTEM_TYPES = [
  'sysfs',
  'tmpfs',
  'proc',
  'cgroup2',
  'devtmpfs',
  'devpts',
  'overlay',
  'mqueue',
] as const;

/** A type by name. */
export type FileSystemTypeName = (typeof FILE_SYSTEM_TYPES)[number];
