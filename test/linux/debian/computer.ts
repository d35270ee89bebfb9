// Commands in a root file system on this computer's own Linux, in namespaces of their own (unshare(1), chroot(1)): what they do
// there is what they have to do in a container. It takes root, and being allowed to make namespaces.
import { spawnSync } from 'node:child_process';
import { CONTAINER_CAPABILITIES } from '../../../src/oci/default-spec.ts';

/** How a command ended and what it wrote. */
export interface Outcome {
  readonly status: number | null;
  readonly out: string;
}

const NAMESPACES = ['--mount', '--uts', '--ipc'];
const PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const OPTIONS = { encoding: 'utf8', input: '', timeout: 300_000, maxBuffer: 1 << 26 } as const;
/** What a container finds mounted, and then the command as process 1. */
const MOUNT = `set -e; root=$1; shift; cd "$root"
mount -t sysfs -o ro sysfs sys; mount -t tmpfs -o mode=755 tmpfs dev; mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts dev/pts; mount -t tmpfs -o mode=1777 shm dev/shm
for name in null zero full random urandom tty; do touch dev/$name; mount --bind /dev/$name dev/$name; done
ln -s pts/ptmx dev/ptmx; ln -s /proc/self/fd dev/fd
for n in 0:stdin 1:stdout 2:stderr; do ln -s fd/\${n%:*} dev/\${n#*:}; done
hostname debian
exec unshare --pid --fork --mount-proc="$root/proc" $confined chroot "$root" "$@"`;
/** A network with nothing but its loopback interface, and a container's capabilities. */
const CAPABILITIES = CONTAINER_CAPABILITIES.map((name) => `+${name.replace('CAP_', '').toLowerCase()}`);
const CONFINE = `ip link set lo up; confined='setpriv --bounding-set=-all,${CAPABILITIES.join(',')}'; ${MOUNT}`;

/** Whether this computer lets us. */
export function canRunNatively(): boolean {
  return process.getuid?.() === 0 && spawnSync('unshare', [...NAMESPACES, '--pid', '--fork', 'true']).status === 0;
}

/** The environment of all commands. */
export const ENVIRONMENT = ['HOME=/root', 'LC_ALL=C.UTF-8', 'DEBIAN_FRONTEND=noninteractive'];

/** Runs a shell script in a root; standard error goes where standard output goes. */
export function runNatively(root: string, script: string): Outcome {
  return runIn(NAMESPACES, MOUNT, root, script);
}

/** The same without more rights and more of a network than `container run --network none` gives. */
export function runConfined(root: string, script: string): Outcome {
  return runIn([...NAMESPACES, '--net'], CONFINE, root, script);
}

function runIn(namespaces: readonly string[], enter: string, root: string, script: string): Outcome {
  const command = ['sh', '-c', enter, 'sh', root, 'env', '-i', PATH, 'HOSTNAME=debian', ...ENVIRONMENT];
  const { status, stdout } = spawnSync(
    'unshare',
    [...namespaces, ...command, 'sh', '-c', `exec 2>&1\n${script}`],
    OPTIONS,
  );
  return { status, out: stdout };
}
