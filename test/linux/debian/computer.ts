// Commands in a root file system on this computer's own Linux, in namespaces of their own (unshare(1), chroot(1)): what they do
// there is what they have to do in a container. It takes root, and being allowed to make namespaces.
import { spawnSync } from 'node:child_process';
import { isDeepStrictEqual } from 'node:util';
import { CONTAINER_CAPABILITIES } from '../../../src/oci/default-spec.ts';

/** How a command ended and what it wrote. */
export interface Outcome {
  readonly status: number | null;
  readonly out: string;
}

const NAMESPACES = ['--mount', '--uts', '--ipc', '--net'];
const PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const MOST_TRIES = 5;
const OPTIONS = { encoding: 'utf8', input: '', timeout: 300_000, maxBuffer: 1 << 26 } as const;
/** A network with nothing but its loopback interface, what a container finds mounted, and then the command as process 1. */
const ENTER = `set -e; root=$1; shift; cd "$root"; ip link set lo up
mount -t sysfs -o ro sysfs sys; mount -t tmpfs -o mode=755 tmpfs dev; mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts dev/pts; mount -t tmpfs -o mode=1777 shm dev/shm
for name in null zero full random urandom tty; do touch dev/$name; mount --bind /dev/$name dev/$name; done
ln -s pts/ptmx dev/ptmx; ln -s /proc/self/fd dev/fd
for n in 0:stdin 1:stdout 2:stderr; do ln -s fd/\${n%:*} dev/\${n#*:}; done
hostname debian
exec unshare --pid --fork --mount-proc="$root/proc" $confined chroot "$root" "$@"`;
/** The same with a container's capabilities. */
const CAPABILITIES = CONTAINER_CAPABILITIES.map((name) => `+${name.replace('CAP_', '').toLowerCase()}`);
const ENTER_CONFINED = `confined='setpriv --bounding-set=-all,${CAPABILITIES.join(',')}'; ${ENTER}`;

/** Whether this computer lets us. */
export function canRunNatively(): boolean {
  return process.getuid?.() === 0 && spawnSync('unshare', [...NAMESPACES, '--pid', '--fork', 'true']).status === 0;
}

/** The environment of all commands. */
export const ENVIRONMENT = ['HOME=/root', 'LC_ALL=C.UTF-8', 'DEBIAN_FRONTEND=noninteractive'];

/** Runs a shell script in a root; standard error goes where standard output goes. */
export function runNatively(root: string, script: string): Outcome {
  return runIn(ENTER, root, script);
}

/** The same without more rights than `container run --network none` gives. */
export function runConfined(root: string, script: string): Outcome {
  return runIn(ENTER_CONFINED, root, script);
}

/**
 * What a script that leaves the root as it was does natively. Where two of its processes race, that may be something else the
 * next time: as long as it is not what was `expected`, the script is run again, some times at most.
 */
export function askNatively(root: string, script: string, expected: Outcome): Outcome {
  let native = runNatively(root, script);
  for (let times = 1; times < MOST_TRIES && !isDeepStrictEqual(native, expected); times++)
    native = runNatively(root, script);
  return native;
}

function runIn(enter: string, root: string, script: string): Outcome {
  const command = ['sh', '-c', enter, 'sh', root, 'env', '-i', PATH, 'HOSTNAME=debian', ...ENVIRONMENT];
  const { status, stdout } = spawnSync(
    'unshare',
    [...NAMESPACES, ...command, 'sh', '-c', `exec 2>&1\n${script}`],
    OPTIONS,
  );
  return { status, out: stdout };
}
