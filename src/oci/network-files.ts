// The files of /etc that a container's name and network decide (docker docs, "Networking overview"; hosts(5), hostname(5),
// resolv.conf(5)). They lie in a file system of their own, so that they are no change of the container.
import { S_IFREG } from '../abi/stat.ts';
import type { MountedFileSystem } from '../kernel/fs/mount-request.ts';
import { Tmpfs } from '../kernel/fs/tmpfs.ts';
import type { Kernel } from '../kernel/kernel.ts';
import type { Inode } from '../kernel/vfs/inode.ts';
import type { ContainerRecord } from './container-store.ts';
import type { MountSpec } from './runtime-spec.ts';

const OWNER = { uid: 0, gid: 0 };
/** More than anybody writes into them. */
const MOST_PAGES = 64;

const NETWORK_FILES = ['hosts', 'hostname', 'resolv.conf'] as const;
type NetworkFile = (typeof NETWORK_FILES)[number];

/** In front of the name of such a file as the source of a mount; paths of the computer begin otherwise. */
export const GENERATED = 'anillo:';

/** Mounts of these files, where nothing else is mounted. */
export function networkMounts(others: readonly MountSpec[]): readonly MountSpec[] {
  return NETWORK_FILES.map((name) => ({
    destination: `/etc/${name}`,
    type: 'bind',
    source: `${GENERATED}${name}`,
    options: ['bind', 'rw'],
  })).filter(({ destination }) => !others.some((other) => other.destination === destination));
}

/** There is no network but the loopback: no name server, and the container's own name is an address of it. */
const CONTENT: Readonly<Record<NetworkFile, (record: ContainerRecord) => string>> = {
  hosts: ({ spec, request }) =>
    [
      '127.0.0.1\tlocalhost',
      '::1\tlocalhost ip6-localhost ip6-loopback',
      ...(spec.hostname === undefined ? [] : [`127.0.1.1\t${spec.hostname}`]),
      ...request.extraHosts.map((host) => {
        const [name, address] = host.split(/:(.*)/s);
        return `${address}\t${name}`;
      }),
      '',
    ].join('\n'),
  hostname: ({ spec }) => `${spec.hostname ?? ''}\n`,
  'resolv.conf': () => '# There is no network beyond this container.\n',
};

type Writable = Inode & { write(offset: number, from: Uint8Array): number };

/** Makes the files of a container; by the sources of mounts. */
export function networkFiles(kernel: Kernel, record: ContainerRecord): ReadonlyMap<string, MountedFileSystem> {
  const now = () => kernel.realtime;
  const fs = new Tmpfs({
    frames: kernel.frames,
    device: kernel.nextDevice(),
    now,
    mode: 0o755,
    limits: { owner: {}, pages: MOST_PAGES },
  });
  return new Map(
    NETWORK_FILES.map((name) => {
      const file = fs.root.create(name, S_IFREG | 0o644, OWNER);
      (file as Writable).write(0, new TextEncoder().encode(CONTENT[name](record)));
      return [`${GENERATED}${name}`, { fs, root: file }];
    }),
  );
}
