// anillo container: containers of the data directory, with the grammar and the output of docker-container(1). A container runs in
// the process of `run`, or in one of its own that is left behind; commands reach it over its socket.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { SIGNAL } from '../abi/signal.ts';
import { containerName } from '../oci/container-names.ts';
import type { ContainerRecord, ContainerState } from '../oci/container-store.ts';
import { type ContainerOptions, defaultSpec } from '../oci/default-spec.ts';
import { commitImage, packEntries } from '../oci/commit.ts';
import { OciError } from '../oci/oci-error.ts';
import type { Bytes } from '../oci/streams.ts';
import { type MountSpec, parseSeccomp, type ResourceSpec } from '../oci/runtime-spec.ts';
import { readUserFile } from './assets.ts';
import { ask, LocalStreams, windowSize } from './container-client.ts';
import type { Input } from './container-protocol.ts';
import { ContainerRunner } from './container-runner.ts';
import { ago, columns, humanSize } from './columns.ts';
import { startOf } from './data-files.ts';
import { CliError, EXIT } from './errors.ts';
import { parseVolume } from './options.ts';
import { Places } from './places.ts';

/** Memory of the machine a container runs on, unless its limit is larger. */
const MACHINE = 512 << 20;
const NO_NEW_PRIVILEGES = /^no-new-privileges(?:[=:]true)?$/;
const STOP_SECONDS = 10;
const CANNOT_RUN = 126;
const NOT_FOUND = 127;

/** Options of `create` and `run`, parsed. */
export interface CreateOptions {
  readonly name?: string;
  readonly env: readonly string[];
  readonly volume: readonly string[];
  readonly label: readonly string[];
  readonly capAdd: readonly string[];
  readonly capDrop: readonly string[];
  readonly securityOpt: readonly string[];
  readonly interactive?: true;
  readonly tty?: true;
  readonly rm?: true;
  readonly detach?: true;
  readonly readOnly?: true;
  readonly workdir?: string;
  readonly user?: string;
  readonly hostname?: string;
  readonly entrypoint?: string;
  readonly memory?: number;
  readonly cpus?: number;
  readonly cpuShares?: number;
  readonly pidsLimit?: number;
  readonly stopSignal?: string;
}

function print(text: string): void {
  process.stdout.write(text);
}

/** Makes a container and prints its ID. */
export async function createContainer(
  image: string,
  command: readonly string[],
  options: CreateOptions,
): Promise<void> {
  const { id } = await make(new Places(), image, command, options);
  print(`${id}\n`);
}

async function make(
  places: Places,
  text: string,
  command: readonly string[],
  options: CreateOptions,
): Promise<ContainerRecord> {
  const image = places.images.find(text);
  const id = randomBytes(32).toString('hex');
  const taken = new Set(places.containers.list().map(({ name }) => name));
  const name = options.name ?? containerName(Math.random, (candidate) => taken.has(candidate));
  const spec = defaultSpec(image.config, containerOptions(id, command, options));
  const record: ContainerRecord = {
    version: 1,
    id,
    name,
    created: new Date().toISOString(),
    image: { id: image.id, name: text, diffIds: image.config.diffIds },
    spec,
    user: options.user ?? image.config.config.User ?? '',
    memory: Math.max(MACHINE, pages((options.memory ?? 0) * 2)),
    openStdin: options.interactive === true,
    autoRemove: options.rm === true,
    stopSignal: options.stopSignal ?? image.config.config.StopSignal ?? 'SIGTERM',
    labels: Object.fromEntries(options.label.map((label) => label.split(/=(.*)/s) as [string, string])),
    state: 'created',
  };
  signalNumber(record.stopSignal);
  await places.containers.create(record);
  return record;
}

const pages = (bytes: number) => Math.ceil(bytes / 65536) * 65536;

function containerOptions(id: string, command: readonly string[], options: CreateOptions): ContainerOptions {
  const { entrypoint, workdir } = options;
  const seccomp = seccompOf(options.securityOpt);
  return {
    command,
    env: options.env,
    hostname: options.hostname ?? id.slice(0, 12),
    terminal: options.tty === true,
    readOnly: options.readOnly === true,
    mounts: options.volume.map(volume),
    capAdd: options.capAdd,
    capDrop: options.capDrop,
    noNewPrivileges: options.securityOpt.some((option) => NO_NEW_PRIVILEGES.test(option)),
    resources: resources(options),
    ...(entrypoint === undefined ? {} : { entrypoint }),
    ...(workdir === undefined ? {} : { workdir }),
    ...(seccomp === undefined ? {} : { seccomp }),
  };
}

/** What `--security-opt seccomp=` says: no filter, or one in the terms of the runtime specification. @throws CliError */
function seccompOf(options: readonly string[]): NonNullable<ContainerOptions['seccomp']> | undefined {
  let seccomp: NonNullable<ContainerOptions['seccomp']> | undefined;
  for (const option of options) {
    const [, file] = /^seccomp[=:](.+)$/s.exec(option) ?? [];
    if (file !== undefined) seccomp = file === 'unconfined' ? file : parseSeccomp(readUserFile(file, 'filter'), file);
    else if (!NO_NEW_PRIVILEGES.test(option)) {
      throw new CliError(
        `--security-opt ${option} is not supported: only seccomp=FILE, seccomp=unconfined and no-new-privileges.`,
      );
    }
  }
  return seccomp;
}

function volume(text: string): MountSpec {
  const { host, guest, writable } = parseVolume(text);
  return { destination: guest, type: 'bind', source: resolve(host), options: ['bind', writable ? 'rw' : 'ro'] };
}

function resources({ memory, cpus, cpuShares, pidsLimit }: CreateOptions): ResourceSpec {
  return {
    unified: {},
    ...(memory === undefined ? {} : { memoryLimit: memory }),
    ...(cpus === undefined ? {} : { cpuQuota: Math.round(cpus * 100_000), cpuPeriod: 100_000 }),
    ...(cpuShares === undefined ? {} : { cpuShares }),
    ...(pidsLimit === undefined ? {} : { pidsLimit }),
  };
}

/** Makes a container and runs it; the exit status becomes its own. */
export async function runContainer(image: string, command: readonly string[], options: CreateOptions): Promise<void> {
  const places = new Places();
  const record = await make(places, image, command, options);
  if (options.detach) {
    await startDetached(places, record);
    print(`${record.id}\n`);
    return;
  }
  await runHere(places, record);
}

/** Takes the container for this process. @throws OciError when it runs already */
async function claim(places: Places, { id }: ContainerRecord): Promise<ContainerRecord> {
  const runner = { pid: process.pid, started: startOf(process.pid), socket: places.socketOf(id) };
  return places.containers.update(id, (record) => {
    if (record.runner) throw new OciError('bad-state', `The container ${record.name} is running already.`);
    const { exitCode: _, finishedAt: __, ...rest } = record;
    return { ...rest, runner };
  });
}

/** The container runs in this process, its standard files are those of this command. */
async function runHere(places: Places, made: ContainerRecord): Promise<void> {
  const record = await claim(places, made);
  const { terminal } = record.spec.process;
  const runner = await prepare(places, record, terminal || process.stdout.isTTY === true);
  const local = new LocalStreams({ raw: terminal });
  const { streams } = runner;
  streams.listeners.add(local.write);
  if (terminal) streams.resize(windowSize());
  const send = (input: Input) => {
    if ('data' in input) streams.type(new Uint8Array(Buffer.from(input.data, 'base64')));
    else if ('end' in input) streams.end();
    else if ('size' in input) streams.resize(input.size);
    runner.wake();
  };
  const stop = () => runner.kill(SIGNAL.SIGINT);
  const terminate = () => runner.kill(SIGNAL.SIGTERM);
  process.on('SIGINT', stop).on('SIGTERM', terminate);
  local.open(send, { interactive: record.openStdin });
  if (!record.openStdin) streams.end();
  try {
    process.exitCode = await run(places, record, runner);
  } finally {
    local.close();
    process.off('SIGINT', stop).off('SIGTERM', terminate);
  }
}

async function prepare(places: Places, record: ContainerRecord, paced: boolean): Promise<ContainerRunner> {
  try {
    return new ContainerRunner({ ...places, record, paced, socket: record.runner!.socket });
  } catch (error) {
    await giveUp(places, record, CANNOT_RUN);
    throw error;
  }
}

async function run(
  places: Places,
  record: ContainerRecord,
  runner: ContainerRunner,
  started = () => {},
): Promise<number> {
  try {
    return await runner.run(started);
  } catch (error) {
    if (!(error instanceof OciError)) throw error;
    const code = error.message.includes('ENOENT') ? NOT_FOUND : CANNOT_RUN;
    await giveUp(places, record, code);
    throw new CliError(error.message, code);
  }
}

/** The container could not be started. */
async function giveUp({ containers }: Places, { id, autoRemove }: ContainerRecord, exitCode: number): Promise<void> {
  await containers.update(id, ({ runner: _, ...record }) => ({ ...record, state: 'exited', exitCode }));
  if (autoRemove) await containers.remove(id);
}

/** Runs a container in a process of its own that this one leaves behind. */
async function startDetached(places: Places, { id }: ContainerRecord): Promise<void> {
  const child = spawn(process.execPath, [process.argv[1]!, 'container', 'supervise', id], {
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    env: { ...process.env, ANILLO_DATA: places.data.root },
  });
  let complaint = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (complaint += text));
  const outcome = await new Promise<'started' | number>((resolve) => {
    child.once('message', () => resolve('started'));
    child.once('exit', (code) => resolve(code ?? EXIT.failure));
  });
  if (outcome !== 'started') throw new CliError(complaint.replace(/^anillo: /, '').trim(), outcome);
  child.stderr?.destroy();
  child.disconnect();
  child.unref();
}

/** The process left behind: runs a container and tells whoever started it once its program runs. */
export async function superviseContainer(id: string): Promise<void> {
  const places = new Places();
  const record = await claim(places, places.containers.find(id));
  const runner = await prepare(places, record, true);
  if (!record.openStdin) runner.streams.end();
  process.on('SIGTERM', () => runner.kill(SIGNAL.SIGTERM)).on('SIGHUP', () => {});
  await run(places, record, runner, () => process.send?.('started'));
}

/** Starts containers that were made or have ended. */
export async function startContainers(
  names: readonly string[],
  options: { attach?: true; interactive?: true },
): Promise<void> {
  const places = new Places();
  if (options.attach) {
    if (names.length !== 1) throw new CliError('--attach takes one container.');
    await runHere(places, places.containers.find(names[0]!));
    return;
  }
  for (const name of names) {
    await startDetached(places, places.containers.find(name));
    print(`${name}\n`);
  }
}

const STATUS: Readonly<Record<ContainerState, (record: ContainerRecord) => string>> = {
  created: () => 'Created',
  running: ({ startedAt }) => `Up ${ago(startedAt).replace(/ ago$/, '')}`,
  paused: ({ startedAt }) => `Up ${ago(startedAt).replace(/ ago$/, '')} (Paused)`,
  exited: ({ exitCode, finishedAt }) => `Exited (${exitCode ?? 0}) ${ago(finishedAt)}`,
};

/** Lists containers. */
export function listContainers(options: { all?: true; quiet?: true; trunc: boolean; json?: true }): void {
  const records = new Places().containers.list().filter(({ runner }) => options.all || runner);
  const idOf = ({ id }: ContainerRecord) => (options.trunc ? id.slice(0, 12) : id);
  if (options.json) print(`${JSON.stringify(records, undefined, 2)}\n`);
  else if (options.quiet) print(records.map((record) => `${idOf(record)}\n`).join(''));
  else
    print(
      columns(
        ['CONTAINER ID', 'IMAGE', 'COMMAND', 'CREATED', 'STATUS', 'NAMES'],
        records.map((record) => [
          idOf(record),
          record.image.name,
          JSON.stringify(shorten(record.spec.process.args.join(' '), options.trunc)),
          ago(record.created),
          STATUS[record.state](record),
          record.name,
        ]),
      ),
    );
}

const shorten = (text: string, trunc: boolean) => (trunc && text.length > 20 ? `${text.slice(0, 19)}…` : text);

/** Prints containers as JSON. */
export function inspectContainers(names: readonly string[]): void {
  const { containers } = new Places();
  print(
    `${JSON.stringify(
      names.map((name) => containers.find(name)),
      undefined,
      2,
    )}\n`,
  );
}

/** Runs one more program in a running container; the exit status becomes its own. */
export async function execInContainer(
  name: string,
  args: readonly string[],
  options: { interactive?: true; tty?: true; detach?: true; env: readonly string[]; user?: string; workdir?: string },
): Promise<void> {
  const { containers } = new Places();
  const record = containers.find(name);
  const terminal = options.tty === true;
  const interactive = options.interactive === true;
  const local = new LocalStreams({ raw: terminal });
  const { workdir } = options;
  const exec = {
    args,
    env: options.env,
    user: options.user ?? record.user,
    terminal,
    interactive,
    ...(workdir === undefined ? {} : { workdir }),
    ...(terminal ? { size: windowSize() } : {}),
  };
  try {
    const done = ask(
      record,
      { op: 'exec', exec },
      {
        onOutput: local.write,
        onOpen: (send) => local.open(send, { interactive }),
      },
    );
    process.exitCode = Number(await done);
  } finally {
    local.close();
  }
}

/** Prints what a container has written. */
export async function showLogs(
  name: string,
  options: { follow?: true; timestamps?: true; tail?: number },
): Promise<void> {
  const { containers, data } = new Places();
  const record = containers.find(name);
  const path = join(data.root, containers.logPath(record.id));
  const show = (text: string) => {
    const { log, stream, time } = JSON.parse(text) as { log: string; stream: string; time: string };
    const bytes = Buffer.from(options.timestamps ? `${time} ${log}` : log, 'latin1');
    (stream === 'stdout' ? process.stdout : process.stderr).write(bytes);
  };
  if (!existsSync(path)) return;
  const lines = readFileSync(path, 'utf8').split('\n').filter(Boolean);
  for (const line of options.tail === undefined ? lines : lines.slice(-options.tail)) show(line);
  if (!options.follow || !record.runner) return;
  const local = new LocalStreams({ raw: false });
  await ask(record, { op: 'attach' }, { onOutput: local.write }).catch(() => {});
}

/** The number of a signal by name or number. @throws CliError */
function signalNumber(text: string): number {
  if (/^\d+$/.test(text) && Number(text) <= 64) return Number(text);
  const name = text.toUpperCase().replace(/^(SIG)?/, 'SIG');
  const found = Object.entries(SIGNAL).find(([known]) => known === name);
  if (!found) throw new CliError(`There is no signal ${text}.`);
  return found[1];
}

/** Sends a signal to the first process of containers. */
export async function killContainers(names: readonly string[], options: { signal: string }): Promise<void> {
  const { containers } = new Places();
  const signal = signalNumber(options.signal);
  for (const name of names) {
    await ask(containers.find(name), { op: 'signal', signal });
    print(`${name}\n`);
  }
}

/** Stops containers: their stop signal, and SIGKILL after some seconds. */
export async function stopContainers(names: readonly string[], options: { time?: number }): Promise<void> {
  const places = new Places();
  for (const name of names) {
    await stop(places, places.containers.find(name), options.time ?? STOP_SECONDS);
    print(`${name}\n`);
  }
}

async function stop(places: Places, record: ContainerRecord, seconds: number): Promise<void> {
  if (!record.runner) return;
  await ask(record, { op: 'signal', signal: signalNumber(record.stopSignal) });
  if (await hasEnded(places, record.id, seconds)) return;
  await ask(record, { op: 'signal', signal: SIGNAL.SIGKILL }).catch(() => {});
  await hasEnded(places, record.id, STOP_SECONDS);
}

/** Waits until a container has ended and what it leaves is kept. */
async function hasEnded({ containers }: Places, id: string, seconds: number): Promise<boolean> {
  for (const end = Date.now() + seconds * 1000; Date.now() < end; ) {
    const record = containers.list().find((other) => other.id === id);
    if (!record?.runner) return true;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return false;
}

/** Waits for containers and prints their exit statuses. */
export async function waitForContainers(names: readonly string[]): Promise<void> {
  const places = new Places();
  for (const { id } of names.map((name) => places.containers.find(name))) {
    await hasEnded(places, id, Number.POSITIVE_INFINITY);
    print(`${places.containers.find(id).exitCode ?? 0}\n`);
  }
}

/** Freezes containers, or lets them go on. */
export async function pauseContainers(names: readonly string[], op: 'pause' | 'unpause'): Promise<void> {
  const { containers } = new Places();
  for (const name of names) {
    await ask(containers.find(name), { op });
    print(`${name}\n`);
  }
}

/** Removes containers. */
export async function removeContainers(names: readonly string[], options: { force?: true }): Promise<void> {
  const places = new Places();
  for (const name of names) {
    const record = places.containers.find(name);
    if (options.force) await stop(places, record, 0);
    await places.containers.remove(record.id);
    print(`${name}\n`);
  }
}

interface Process {
  readonly pid: number;
  readonly parent: number;
  readonly uid: number;
  readonly milliseconds: number;
  readonly name: string;
}

/** Lists the processes of a container. */
export async function showProcesses(name: string): Promise<void> {
  const processes = (await ask(new Places().containers.find(name), { op: 'top' })) as readonly Process[];
  const time = (ms: number) => new Date(ms).toISOString().slice(11, 19);
  const rows = processes.map(({ uid, pid, parent, milliseconds, name: command }) => [
    String(uid),
    String(pid),
    String(parent),
    time(milliseconds),
    command,
  ]);
  print(columns(['UID', 'PID', 'PPID', 'TIME', 'CMD'], rows));
}

interface Stats {
  readonly cpuNanoseconds: number;
  readonly virtualNanoseconds: number;
  readonly memory: number;
  readonly memoryLimit: number;
  readonly pids: number;
}

/** What running containers use. */
export async function showStats(names: readonly string[], options: { json?: true }): Promise<void> {
  const { containers } = new Places();
  const records =
    names.length > 0 ? names.map((name) => containers.find(name)) : containers.list().filter(({ runner }) => runner);
  const all = await Promise.all(
    records.map(async (record) => ({ record, stats: (await ask(record, { op: 'stats' })) as Stats })),
  );
  if (options.json) {
    print(
      `${JSON.stringify(
        all.map(({ record, stats }) => ({ id: record.id, name: record.name, ...stats })),
        undefined,
        2,
      )}\n`,
    );
    return;
  }
  const rows = all.map(({ record, stats }) => [
    record.id.slice(0, 12),
    record.name,
    `${((100 * stats.cpuNanoseconds) / Math.max(1, stats.virtualNanoseconds)).toFixed(2)}%`,
    `${humanSize(stats.memory)} / ${humanSize(stats.memoryLimit)}`,
    `${((100 * stats.memory) / stats.memoryLimit).toFixed(2)}%`,
    String(stats.pids),
  ]);
  print(columns(['CONTAINER ID', 'NAME', 'CPU %', 'MEM USAGE / LIMIT', 'MEM %', 'PIDS'], rows));
}

/** Lists what a container changed. */
export async function showChanges(name: string): Promise<void> {
  const record = new Places().containers.find(name);
  const changes = (await ask(record, { op: 'changes' })) as readonly { kind: string; path: string }[];
  print(changes.map(({ kind, path }) => `${kind} ${path}\n`).join(''));
}

/** Gives a container another name. */
export async function renameContainer(name: string, next: string): Promise<void> {
  const { containers } = new Places();
  await containers.rename(containers.find(name).id, next);
}

/** The changes of a container as a tar archive, whether it runs or not. */
async function changesOf({ containers }: Places, record: ContainerRecord): Promise<Bytes> {
  if (!record.runner) {
    const kept = containers.changes(record.id);
    return kept ? packEntries(kept.entries, kept.content) : packEntries([], NOTHING);
  }
  const { readable, writable } = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>();
  const writer = writable.getWriter();
  const onOutput = (bytes: Uint8Array) => void writer.write(Uint8Array.from(bytes));
  void ask(record, { op: 'archive' }, { onOutput }).then(
    () => writer.close(),
    (error: unknown) => writer.abort(error),
  );
  return readable;
}

const NOTHING = { size: 0, readAt: () => 0, close: () => {} };

/** Makes an image of a container. */
export async function commitContainer(
  name: string,
  image: string | undefined,
  options: { author?: string; message?: string; pause: boolean },
): Promise<void> {
  const places = new Places();
  const record = places.containers.find(name);
  const pauses = options.pause && record.state === 'running';
  if (pauses) await ask(record, { op: 'pause' });
  try {
    const { author, message } = options;
    const id = await commitImage(places.images, places.images.find(record.image.id), await changesOf(places, record), {
      command: record.spec.process.args.join(' '),
      config: { Cmd: record.spec.process.args },
      created: new Date().toISOString(),
      ...(image === undefined ? {} : { name: image }),
      ...(author === undefined ? {} : { author }),
      ...(message === undefined ? {} : { message }),
    });
    print(`${id}\n`);
  } finally {
    if (pauses) await ask(record, { op: 'unpause' });
  }
}
