// A container in its kernel: made anew, or gone on with from a saved state. Everything the kernel leads to is saved, and what
// the runner has to find in it again; of this computer only names (host-share.ts).
import { Kernel } from '../../kernel/kernel.ts';
import type { Task } from '../../kernel/task/task.ts';
import type { Checkpoint, LoadedCheckpoint } from '../../oci/checkpoints.ts';
import { Container } from '../../oci/container.ts';
import type { StoredContainer } from '../../oci/container-store.ts';
import { OciError } from '../../oci/oci-error.ts';
import type { RootFs } from '../../oci/root-fs.ts';
import type { Volumes } from '../../oci/volumes.ts';
import { CpuPlatform } from '../../platform/cpu-platform.ts';
import { loadKernel, saveKernel } from '../../platform/snapshot.ts';
import { loadCore } from '../assets.ts';
import type { ContainerFiles, FilesOutside, SavedRoots } from './container-files.ts';
import type { HostShare } from './host-share.ts';
import { newStreams, ProcessStreams, Screen, type StreamState } from './process-streams.ts';

const KIND = 'container';

/** A process that was started beside the first one. */
export interface OtherProcess {
  readonly task: Task;
  readonly streams: ProcessStreams;
}

/** A container with its kernel. */
export interface LiveContainer {
  readonly kernel: Kernel;
  readonly container: Container;
  readonly files: FilesOutside;
  /** Those of the first process. */
  readonly streams: ProcessStreams;
  readonly others: readonly OtherProcess[];
  /** Its programs were frozen by the user. */
  readonly isPaused: boolean;
}

/** What is saved. */
interface Roots {
  readonly kernel: Kernel;
  readonly container: Container;
  readonly layered: RootFs | undefined;
  readonly volumes: Volumes | undefined;
  readonly streams: StreamState;
  readonly others: readonly { readonly task: Task; readonly streams: StreamState }[];
  readonly isPaused: boolean;
}

const onUnsupported = (name: string): void => {
  process.stderr.write(`anillo: ${name} is not supported; it fails with ENOSYS.\n`);
};

const now = () => BigInt(Date.now()) * 1_000_000n;

/** A kernel for one container, on a machine with so many bytes of memory. */
export function newKernel(memory: number): Kernel {
  return new Kernel({ platform: new CpuPlatform(loadCore(), { memory }), epoch: now(), onUnsupported });
}

/** Makes a container. @throws OciError when it cannot be made */
export function makeContainer(record: StoredContainer, makeFiles: (kernel: Kernel) => ContainerFiles): LiveContainer {
  const kernel = newKernel(record.memory);
  const files = makeFiles(kernel);
  const { root, bindSource } = files;
  const container = new Container(kernel, record.spec, { id: record.id, root, bindSource });
  const { terminal, consoleSize } = record.spec.process;
  const size = consoleSize && { rows: consoleSize.height, columns: consoleSize.width };
  return { kernel, container, files, streams: newStreams(kernel, { terminal, size }), others: [], isPaused: false };
}

/** Saves a container whose kernel does not run. @throws UnsavableError */
export function saveContainer({ kernel, container, files, streams, others, isPaused }: LiveContainer): Uint8Array {
  const roots: Roots = {
    kernel,
    container,
    layered: files.layered,
    volumes: files.volumes,
    streams: streams.state,
    others: others.map((other) => ({ task: other.task, streams: other.streams.state })),
    isPaused,
  };
  const screens = [streams, ...others.map((other) => other.streams)].map(({ screen }) => screen);
  return saveKernel(KIND, kernel.platform as CpuPlatform, roots, thingsOf(files.share, screens));
}

/** What two runs that are the same have the same: all but what waits outside. `streams` are those of all processes so far. */
export function hashedState(
  { kernel, container, files }: LiveContainer,
  streams: readonly ProcessStreams[],
): Uint8Array {
  const screens = streams.map(({ screen }) => screen);
  const roots = { kernel, container, layered: files.layered, files: streams[0]!.files };
  return saveKernel(KIND, kernel.platform as CpuPlatform, roots, thingsOf(files.share, screens));
}

/** What a checkpoint says of a container that is saved. */
export function describe(record: StoredContainer, { files, others }: LiveContainer): Checkpoint {
  const { layers, shared } = files.share;
  const created = new Date().toISOString();
  return { created, container: record.name, layers, shared, processes: others.length + 1 };
}

/** Files of a container that was saved, once its kernel is there. */
type FindFiles = (roots: SavedRoots) => FilesOutside;

/** Makes a saved container again, as it was. @throws SnapshotError when it cannot be */
export function loadContainer(
  { state, processes }: LoadedCheckpoint,
  share: HostShare,
  findFiles: FindFiles = (roots) => ({ share, ...roots }),
): LiveContainer {
  const screens = Array.from({ length: processes }, () => new Screen());
  const roots = loadKernel(KIND, loadCore(), state, thingsOf(share, screens)) as Roots;
  const { kernel, container, layered, volumes, streams, isPaused } = roots;
  kernel.onUnsupported = onUnsupported;
  const others = roots.others.map((other, n) => ({
    task: other.task,
    streams: new ProcessStreams(other.streams, screens[n + 1]!),
  }));
  return {
    kernel,
    container,
    files: findFiles({ kernel, ...(layered && { layered }), ...(volumes && { volumes }) }),
    streams: new ProcessStreams(streams, screens[0]!),
    others,
    isPaused,
  };
}

/**
 * Goes on with a saved container. The time of day is that of this computer, other clocks go on where they stood. Whoever
 * talked to the processes beside the first one is gone: they read the end of their input.
 * @throws OciError, SnapshotError when it cannot go on here
 */
export function resumeContainer(
  record: StoredContainer,
  checkpoint: LoadedCheckpoint,
  share: HostShare,
  findFiles: FindFiles,
): LiveContainer {
  const live = loadContainer(checkpoint, share, findFiles);
  const { kernel, streams, others } = live;
  checkTerminal(record, streams.state);
  kernel.settle();
  kernel.epoch = now() - kernel.monotonic;
  for (const other of others) other.streams.end();
  return live;
}

function thingsOf({ things }: HostShare, screens: readonly Screen[]): Record<string, object> {
  return { ...things, ...Object.fromEntries(screens.map(({ write }, n) => [`the screen of process ${n}`, write])) };
}

/** @throws OciError when the standard files are of another kind than those of the container */
function checkTerminal({ name, spec }: StoredContainer, { files }: StreamState): void {
  if ((files.kind === 'terminal') === spec.process.terminal) return;
  const [saved, own] = spec.process.terminal ? ['no terminal', 'has one'] : ['a terminal', 'has none'];
  throw new OciError('bad-state', `The checkpoint is of a container with ${saved}, and ${name} ${own}.`);
}
