// Hooks that run in the container (OCI runtime specification, "POSIX-platform Hooks": createContainer, startContainer): programs
// of its own file system, in its namespaces and its control group, with the state of the container on standard input.
import type { Kernel } from '../../kernel/kernel.ts';
import { endProcess } from '../../kernel/task/exit.ts';
import type { Container } from '../../oci/container.ts';
import { OciError } from '../../oci/oci-error.ts';
import { ALL_CAPABILITY_NAMES } from '../../oci/capability-names.ts';
import type { Hook, HookPoint, ProcessSpec } from '../../oci/runtime-spec.ts';
import { newStreams, type ProcessStreams } from './process-streams.ts';

const SIGKILL = 9;
/** Seconds for a hook that does not say. */
const PATIENCE = 60;
const MOST_SHOWN = 400;

/** What a hook runs on. */
export interface HookPlace {
  readonly kernel: Kernel;
  readonly container: Container;
  /** Runs the kernel until something is so. */
  readonly drive: (streams: ProcessStreams, until: () => boolean) => Promise<void>;
  /** Something is about to change from outside. */
  readonly wake: () => void;
}

/** Runs a hook to its end. @throws OciError when it fails or takes too long */
export async function runHook(point: HookPoint, hook: Hook, state: object, place: HookPlace): Promise<void> {
  const { kernel, container, drive, wake } = place;
  const streams = newStreams(kernel, { terminal: false });
  let said = '';
  streams.listeners.add((bytes) => (said += new TextDecoder().decode(bytes)));
  const task = container.hook(processOf(hook), streams.files);
  streams.type(new TextEncoder().encode(`${JSON.stringify(state)}\n`));
  streams.end();
  const end = () => {
    const { event } = task.group;
    return event?.kind === 'exited' || event?.kind === 'killed' ? event : undefined;
  };
  const seconds = hook.timeout ?? PATIENCE;
  const deadline = Date.now() + seconds * 1000;
  const timer = setInterval(() => {
    if (Date.now() < deadline) return;
    wake();
    endProcess(kernel, task.group, { kind: 'killed', signal: SIGKILL, core: false });
  }, 100);
  try {
    await drive(streams, () => end() !== undefined);
  } finally {
    clearInterval(timer);
  }
  streams.pump();
  const event = end();
  if (event?.kind === 'exited' && event.status === 0) return;
  const how =
    Date.now() >= deadline
      ? `took more than ${seconds} seconds`
      : event?.kind === 'exited'
        ? `ended with status ${event.status}`
        : 'was killed';
  const words = said.trim() === '' ? '' : `: ${said.trim().slice(0, MOST_SHOWN)}`;
  throw new OciError('cannot-run', `The ${point} hook ${hook.path} ${how}${words}.`);
}

/** A hook is the runtime's own program: the superuser of the container, with all capabilities. */
function processOf({ path, args, env }: Hook): ProcessSpec {
  const all = ALL_CAPABILITY_NAMES;
  return {
    terminal: false,
    cwd: '/',
    env,
    args: [path, ...args.slice(1)],
    user: { uid: 0, gid: 0, additionalGids: [] },
    capabilities: { bounding: all, effective: all, permitted: all },
    rlimits: [],
    noNewPrivileges: false,
  };
}
