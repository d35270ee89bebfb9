// anillo oci: the life of a container of a bundle, from create to delete (OCI runtime specification, "Runtime and Lifecycle";
// runc-create(8) and its like).
import { renameSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { userInfo } from 'node:os';
import { SIGNAL } from '../../abi/signal.ts';
import { stateOf, statusOf } from '../../oci/bundle-state.ts';
import { readCheckpoint, writeCheckpoint } from '../../oci/checkpoints.ts';
import type { BundleRecord } from '../../oci/container-store.ts';
import { OciError } from '../../oci/oci-error.ts';
import type { HookPoint } from '../../oci/runtime-spec.ts';
import { hostReason } from '../assets.ts';
import { leaveBehind, workBehind } from '../container/background.ts';
import { ask } from '../container/client.ts';
import { exitCodeFor, withThisTerminal } from '../container/run.ts';
import { ContainerRunner } from '../container/runner.ts';
import { type LiveContainer, makeContainer, resumeContainer } from '../container/saved-container.ts';
import { signalNumber } from '../container/signals.ts';
import { DataFiles, isRunning } from '../data-files.ts';
import { CliError, EXIT, RUN_FAILED } from '../errors.ts';
import { BundlePlaces, thisRunner } from '../places.ts';
import { allowedPlace, bundleFiles, bundleShare, loadBundle } from './bundle.ts';
import { checkHooks, runHostHooks } from './host-hooks.ts';

/** Memory of the machine a container runs on, unless its limit is larger. */
const MACHINE = 512 << 20;
const MOST_MACHINE = 3 * 2 ** 30;
const PAGE = 65536;
const POLL_MS = 20;
const KILL_SECONDS = 60;

/** Options of `create` and `run`, parsed. */
export interface BundleOptions {
  readonly root: string;
  readonly bundle: string;
  readonly pidFile?: string;
  readonly consoleSocket?: string;
  readonly preserveFds: number;
  readonly allow: readonly string[];
  readonly allowHostHooks?: true;
  readonly detach?: true;
  readonly keep?: true;
}

/** Makes a container; its program waits for `start`. */
export async function createBundle(id: string, options: BundleOptions): Promise<void> {
  const places = new BundlePlaces(options.root);
  await addRecord(places, id, options);
  await makeBehind(places, id, options);
}

/** Makes a container and runs it; the exit status becomes its own. */
export async function runBundle(id: string, options: BundleOptions): Promise<void> {
  const places = new BundlePlaces(options.root);
  const record = await addRecord(places, id, options);
  if (options.detach) {
    await makeBehind(places, id, options);
    await startOrRemove(places, id);
    return;
  }
  try {
    if (options.pidFile !== undefined) writePid(options.pidFile, process.pid);
    process.exitCode = await runHere(places, record, (runner) => runner.run(() => {}));
  } finally {
    if (!options.keep) await remove(places, places.containers.named(id));
  }
}

/** Options of `checkpoint`, parsed. */
export interface CheckpointOptions {
  readonly root: string;
  readonly imagePath: string;
  readonly leaveRunning?: true;
}

/** Keeps a running container in a directory; if it is not to go on, it is removed. */
export async function checkpointBundle(id: string, options: CheckpointOptions): Promise<void> {
  const { root, imagePath, leaveRunning = false } = options;
  const places = new BundlePlaces(root);
  const record = places.containers.named(id);
  await ask(record, { op: 'checkpoint', directory: resolve(imagePath), leaveRunning });
  if (leaveRunning) return;
  await hasEnded(places, record.id);
  await remove(places, places.containers.named(id));
}

/** Makes a container that goes on from what was kept. */
export async function restoreBundle(
  id: string,
  options: BundleOptions & { readonly imagePath: string },
): Promise<void> {
  const places = new BundlePlaces(options.root);
  const record = await addRecord(places, id, options);
  if (options.detach) {
    await makeBehind(places, id, options, ['--image-path', resolve(options.imagePath)]);
    return;
  }
  try {
    if (options.pidFile !== undefined) writePid(options.pidFile, process.pid);
    process.exitCode = await runHere(places, record, (runner) => runner.run(() => {}), options.imagePath);
  } finally {
    if (!options.keep) await remove(places, places.containers.named(id));
  }
}

async function startOrRemove(places: BundlePlaces, id: string): Promise<void> {
  try {
    await ask(places.containers.named(id), { op: 'start' });
  } catch (error) {
    await deleteBundle(id, { root: places.data.root, force: true });
    throw error;
  }
}

/** Adds the record of a new container. @throws OciError, CliError when the bundle cannot be used */
async function addRecord({ containers }: BundlePlaces, id: string, options: BundleOptions): Promise<BundleRecord> {
  if (options.consoleSocket !== undefined)
    throw new CliError(
      '--console-socket is not supported: the terminal of a container is in its own kernel and cannot be sent as a file ' +
        'descriptor; it is on the standard input and output of this command.',
    );
  if (options.preserveFds > 0)
    throw new CliError('--preserve-fds is not supported: files of this computer cannot be given to a container.');
  const { directory, rootfs, spec } = loadBundle(options.bundle);
  checkHooks(spec, options.allowHostHooks === true);
  const memory = Math.min(MOST_MACHINE, Math.ceil(((spec.resources.memoryLimit ?? 0) * 2) / PAGE) * PAGE);
  const record: BundleRecord = {
    version: 2,
    id,
    name: id,
    created: new Date().toISOString(),
    spec,
    memory: Math.max(MACHINE, memory),
    autoRemove: false,
    state: 'creating',
    bundle: directory,
    rootfs,
    allowed: options.allow.map(allowedPlace),
    allowsHooks: options.allowHostHooks === true,
    owner: userInfo().username,
  };
  await containers.create(record);
  return record;
}

/** The container comes to life in a process that is left behind, with the standard files of this one. */
async function makeBehind(
  places: BundlePlaces,
  id: string,
  { pidFile }: BundleOptions,
  more: readonly string[] = [],
): Promise<void> {
  // a terminal belongs to whoever types at it, which is the shell again when this command is done
  const input = process.stdin.isTTY ? 'ignore' : 'inherit';
  try {
    const args = ['oci', '--root', places.data.root, 'supervise', id, ...more];
    const pid = await leaveBehind(args, { stdio: [input, 'inherit', 'inherit'], env: process.env });
    if (pidFile !== undefined) writePid(pidFile, pid);
  } catch (error) {
    await deleteBundle(id, { root: places.data.root, force: true });
    throw error;
  }
}

/** Nobody sees half a number. @throws CliError */
export function writePid(file: string, pid: number): void {
  const path = resolve(file);
  const temporary = join(dirname(path), `.${process.pid}.pid`);
  try {
    writeFileSync(temporary, String(pid));
    renameSync(temporary, path);
  } catch (error) {
    throw new CliError(`The PID file ${file} cannot be written: ${hostReason(error)}.`, EXIT.failure);
  }
}

/** The process left behind. */
export async function superviseBundle(
  id: string,
  { root, imagePath }: { readonly root: string; readonly imagePath?: string },
): Promise<void> {
  await workBehind(async (ready) => {
    const places = new BundlePlaces(root);
    process.on('SIGHUP', () => {});
    const work = (runner: ContainerRunner) =>
      imagePath === undefined ? runner.runWhenAsked(ready) : runner.run(ready);
    process.exitCode = await runHere(places, places.containers.named(id), work, imagePath);
  });
}

/** The container runs in this process. Gives its exit status. */
async function runHere(
  places: BundlePlaces,
  made: BundleRecord,
  work: (runner: ContainerRunner) => Promise<number>,
  imagePath?: string,
): Promise<number> {
  const { containers, data } = places;
  const { id } = made;
  // one that cannot go on is never anybody's
  const saved = imagePath === undefined ? undefined : restored(made, imagePath);
  const record = await containers.claim(id, thisRunner(data, id));
  let code = RUN_FAILED;
  try {
    const runner = new ContainerRunner({
      record,
      containers,
      live: saved ?? makeContainer(record, (kernel) => bundleFiles(kernel, record)),
      isRestored: imagePath !== undefined,
      keep: ({ directory }, checkpoint) => inDirectory(directory!, (files) => writeCheckpoint(files, '.', checkpoint)),
      hostHooks: (point) => hooksOf(record, point),
      describe: (status) => stateOf(record, status),
      paced: true,
    });
    await withThisTerminal(runner, { terminal: record.spec.process.terminal, interactive: true }, async () => {
      code = await work(runner);
    });
    return code;
  } catch (error) {
    if (!(error instanceof OciError)) throw error;
    code = exitCodeFor(error);
    await containers.note(id, { state: 'exited', runner: undefined, exitCode: code });
    throw error;
  }
}

/** A container as it was kept. @throws OciError, SnapshotError when it cannot go on */
function restored(record: BundleRecord, imagePath: string): LiveContainer {
  const what = `The checkpoint in ${imagePath}`;
  const checkpoint = inDirectory(imagePath, (files) => readCheckpoint(files, '.', what));
  const share = bundleShare(record, checkpoint);
  return resumeContainer(record, checkpoint, share, () => ({ share }));
}

/** Works on a directory in which nothing else is left. */
function inDirectory<T>(directory: string, work: (files: DataFiles) => T): T {
  const files = new DataFiles(directory);
  try {
    return work(files);
  } finally {
    files.tidy();
  }
}

function hooksOf(record: BundleRecord, point: HookPoint): void {
  const hooks = record.spec.hooks[point] ?? [];
  const status = point === 'poststart' ? 'running' : point === 'poststop' ? 'stopped' : 'creating';
  if (record.allowsHooks) runHostHooks(point, hooks, stateOf(record, status));
}

/** Starts the program of a container that was made. */
export async function startBundle(id: string, { root }: { readonly root: string }): Promise<void> {
  const record = new BundlePlaces(root).containers.named(id);
  const status = statusOf(record);
  if (status !== 'created')
    throw new OciError('bad-state', `The container ${id} cannot be started: it is ${status}, not created.`);
  await ask(record, { op: 'start' });
}

/** Sends a signal to a container. */
export async function killBundle(
  id: string,
  name: string,
  { root, all }: { readonly root: string; readonly all?: true },
): Promise<void> {
  const signal = signalNumber(name);
  const record = new BundlePlaces(root).containers.named(id);
  // of one that was stopped "all its processes" are none
  if (all && statusOf(record) === 'stopped') return;
  await ask(record, { op: 'signal', signal, all: all === true });
}

/** Freezes a container, or lets it go on. */
export async function pauseBundle(
  id: string,
  op: 'pause' | 'unpause',
  { root }: { readonly root: string },
): Promise<void> {
  const record = new BundlePlaces(root).containers.named(id);
  const possible = op === 'pause' ? ['running', 'created'] : ['paused'];
  if (!possible.includes(statusOf(record)))
    throw new OciError('bad-state', `The container ${id} is ${statusOf(record)}, not ${possible.join(' or ')}.`);
  await ask(record, { op });
}

/** Removes a container that has ended, or waits for its start; with `force` any. */
export async function deleteBundle(
  id: string,
  { root, force }: { readonly root: string; readonly force?: boolean },
): Promise<void> {
  const places = new BundlePlaces(root);
  const record = places.containers.list().find(({ name }) => name === id);
  if (!record && force) return;
  const found = record ?? places.containers.named(id);
  const status = statusOf(found);
  if (status === 'running' || status === 'paused' || (status === 'creating' && found.runner)) {
    if (!force) throw new OciError('bad-state', `The container ${id} is ${status}: stop it first, or use --force.`);
  }
  if (found.runner) await end(places, found);
  await remove(places, places.containers.named(id));
}

/** Kills a container and waits until its process has kept what becomes of it. @throws OciError */
async function end(places: BundlePlaces, record: BundleRecord): Promise<void> {
  const { pid } = record.runner!;
  const isMade = statusOf(record) !== 'creating';
  await ask(record, { op: 'signal', signal: SIGNAL.SIGKILL }).catch(() => {
    // one that is being made does not listen yet, one that is ending no more
    if (!isMade && isRunning(pid)) process.kill(pid, 'SIGKILL');
  });
  await hasEnded(places, record.id);
}

/** Waits until the process of a container that is to end has kept what becomes of it. @throws OciError */
async function hasEnded({ containers }: BundlePlaces, id: string): Promise<void> {
  for (const deadline = Date.now() + KILL_SECONDS * 1000; Date.now() < deadline; ) {
    if (!containers.list().find((other) => other.id === id)?.runner) return;
    await new Promise((done) => setTimeout(done, POLL_MS));
  }
  throw new OciError('bad-state', `The container ${id} does not end.`);
}

async function remove({ containers }: BundlePlaces, record: BundleRecord): Promise<void> {
  await containers.remove(record.id);
  hooksOf(record, 'poststop');
}
