// Runs one container on a kernel of its own until its first process has ended: what it writes goes to its log and to those who
// are attached, commands of others come over a socket, and at the end its changes and how it ended are kept.
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { dirname, join } from 'node:path';
import { waitStatus } from '../../kernel/syscalls/processes.ts';
import { Kernel } from '../../kernel/kernel.ts';
import type { Task } from '../../kernel/task/task.ts';
import type { ChildEvent } from '../../kernel/task/thread-group.ts';
import { CpuPlatform } from '../../platform/cpu-platform.ts';
import { Container } from '../../oci/container.ts';
import { readControl } from '../../oci/container-resources.ts';
import type { ContainerRecord, ContainerStore } from '../../oci/container-store.ts';
import type { ImageStore } from '../../oci/image-store.ts';
import { changes, packChanges } from '../../oci/layer-changes.ts';
import { makeRootFs, type RootFs } from '../../oci/root-fs.ts';
import type { ProcessSpec } from '../../oci/runtime-spec.ts';
import { findUser } from '../../oci/users.ts';
import { loadCore } from '../assets.ts';
import {
  type Answer,
  decode,
  encode,
  type ExecRequest,
  type Input,
  JsonLines,
  line,
  type Request,
} from './protocol.ts';
import type { DataFiles } from '../data-files.ts';
import { KeptChanges } from './kept-changes.ts';
import { ProcessStreams } from './process-streams.ts';
import { checkSharing, shareDirectory } from '../volumes.ts';

/** Cycles between two looks at the outside. */
const SLICE = 50_000_000;
const LONGEST_SLEEP_MS = 50;
const SIGNAL_STATUS = 128;
const SIGKILL = 9;

/** What a runner needs. */
export interface RunnerParts {
  readonly data: DataFiles;
  readonly images: ImageStore;
  readonly containers: ContainerStore;
  readonly record: ContainerRecord;
  /** Where commands connect; none for a container nobody else can reach. */
  readonly socket: string;
  /** Virtual time passes no faster than real time. */
  readonly paced: boolean;
}

/** Exit status of a process: its own, or 128 and the signal that killed it. */
export function exitCodeOf(event: ChildEvent): number {
  const status = waitStatus(event);
  return status & 0x7f ? SIGNAL_STATUS + (status & 0x7f) : status >> 8;
}

interface Extra {
  readonly task: Task;
  readonly streams: ProcessStreams;
  readonly ended: (code: number) => void;
}

/** A container that runs in this process. */
export class ContainerRunner {
  readonly streams: ProcessStreams;
  readonly #parts: RunnerParts;
  readonly #kernel: Kernel;
  readonly #container: Container;
  readonly #root: RootFs;
  readonly #changes: KeptChanges;
  readonly #extras = new Set<Extra>();
  /** Descriptor of the log while the container runs. */
  #log: number | undefined;
  #server: Server | undefined;
  /** `container pause` was asked for, and how many are fetching the changes of a container that stands still. */
  #isPaused = false;
  #archives = 0;
  #wake: (() => void) | undefined;
  #realStart = 0n;
  #virtualStart = 0n;

  /** @throws OciError when the container cannot be made */
  constructor(parts: RunnerParts) {
    this.#parts = parts;
    const { record, images, containers } = parts;
    this.#kernel = new Kernel({
      platform: new CpuPlatform(loadCore(), { memory: record.memory }),
      epoch: BigInt(Date.now()) * 1_000_000n,
      onUnsupported: (name) => process.stderr.write(`anillo: ${name} is not supported; it fails with ENOSYS.\n`),
    });
    const layers = record.image.diffIds.map((id) => ({
      entries: images.layers.entries(id),
      content: images.layers.content(id),
    }));
    this.#root = makeRootFs(this.#kernel, layers, containers.changes(record.id));
    this.#changes = new KeptChanges(containers, record, this.#kernel, this.#root.upper);
    this.#container = new Container(this.#kernel, record.spec, {
      id: record.id,
      root: this.#root,
      bindSource: (source, readOnly) => {
        checkSharing();
        return shareDirectory(this.#kernel, source, !readOnly);
      },
    });
    this.streams = new ProcessStreams(this.#kernel, { terminal: record.spec.process.terminal });
    this.streams.listeners.add((bytes, stream) => this.#note(bytes, stream));
  }

  #note(bytes: Uint8Array, stream: 1 | 2): void {
    if (this.#log === undefined) return;
    const log = Buffer.from(bytes).toString('latin1');
    const entry = { log, stream: stream === 1 ? 'stdout' : 'stderr', time: new Date().toISOString() };
    writeSync(this.#log, `${JSON.stringify(entry)}\n`);
  }

  /** Runs the container to its end; gives its exit status. @throws OciError when its program cannot be run */
  async run(started: () => void): Promise<number> {
    const { record, containers, data } = this.#parts;
    const user = findUser(record.user, (path) => this.#container.readFile(path));
    const { home, ...ids } = user;
    Object.assign(this.#container.spec.process, withUser(record.spec.process, ids, home));
    this.#container.start(this.streams.files);
    this.#log = openSync(join(data.root, containers.logPath(record.id)), 'a', 0o600);
    await this.#listen();
    await containers.update(record.id, (now) => ({ ...now, state: 'running', startedAt: new Date().toISOString() }));
    started();
    this.#realStart = process.hrtime.bigint();
    this.#virtualStart = this.#kernel.monotonic;
    await this.#drive();
    const code = exitCodeOf(this.#container.end ?? { kind: 'killed', signal: SIGKILL, core: false });
    await this.#finish(code);
    return code;
  }

  async #drive(): Promise<void> {
    for (;;) {
      const stop = this.#kernel.run({ cycles: this.#kernel.platform.cycles + SLICE });
      const moved = this.#pump();
      this.#reapExtras();
      if (this.#container.end) return;
      await this.#changes.saveIfDue();
      await new Promise((resolve) => setImmediate(resolve));
      if (stop.reason === 'ended') return;
      if (stop.reason === 'idle') {
        if (!moved) await this.#sleep(this.#changes.wait);
      } else if (this.#parts.paced) await this.#holdBack();
    }
  }

  #pump(): boolean {
    let moved = this.streams.pump();
    for (const { streams } of this.#extras) moved = streams.pump() || moved;
    return moved;
  }

  #reapExtras(): void {
    for (const extra of this.#extras) {
      const { event } = extra.task.group;
      if (event?.kind !== 'exited' && event?.kind !== 'killed') continue;
      this.#extras.delete(extra);
      extra.streams.pump();
      extra.ended(exitCodeOf(event));
    }
  }

  /** Virtual time waits for real time. */
  async #holdBack(): Promise<void> {
    const real = process.hrtime.bigint() - this.#realStart;
    const ahead = Number(this.#kernel.monotonic - this.#virtualStart - real);
    if (ahead > 1e6) await this.#sleep(Math.min(LONGEST_SLEEP_MS, ahead / 1e6));
  }

  #sleep(milliseconds: number | undefined): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.wake(), milliseconds ?? 2 ** 30);
      this.#wake = () => {
        clearTimeout(timer);
        this.#wake = undefined;
        resolve();
      };
    });
  }

  /** Something came from outside. */
  wake(): void {
    this.#wake?.();
  }

  /** Sends a signal to the first process. */
  kill(signal: number): void {
    this.#container.kill(signal);
    this.wake();
  }

  async #finish(exitCode: number): Promise<void> {
    const { record, containers } = this.#parts;
    this.#server?.close();
    for (const extra of this.#extras) extra.ended(SIGNAL_STATUS + SIGKILL);
    if (this.#log !== undefined) closeSync(this.#log);
    this.#log = undefined;
    await this.#changes.save();
    const oomKilled = /oom_kill [1-9]/.test(readControl(this.#kernel, this.#container.cgroup, 'memory.events'));
    await containers.update(record.id, ({ runner: _, ...now }) => ({
      ...now,
      state: 'exited',
      exitCode,
      oomKilled,
      finishedAt: new Date().toISOString(),
    }));
    rmSync(this.#parts.socket, { force: true });
    if (record.autoRemove) await containers.remove(record.id);
  }

  // Commands of others.

  #listen(): Promise<void> {
    mkdirSync(dirname(this.#parts.socket), { recursive: true, mode: 0o700 });
    rmSync(this.#parts.socket, { force: true });
    this.#server = createServer((socket) => this.#connect(socket));
    return new Promise((resolve, reject) => {
      this.#server?.once('error', reject).listen(this.#parts.socket, () => resolve());
    });
  }

  #connect(socket: Socket): void {
    let input: ((message: Input) => void) | undefined;
    socket.on('error', () => socket.destroy());
    const send = (answer: Answer) => socket.write(line(answer));
    const finish = (done: unknown) => socket.end(line({ done }));
    const lines = new JsonLines<Request | Input>((message) => {
      try {
        if ('op' in message) input = this.#serve(message, send, finish, socket);
        else input?.(message);
      } catch (error) {
        socket.end(line({ error: error instanceof Error ? error.message : String(error) }));
      }
      this.wake();
    });
    socket.setEncoding('utf8').on('data', (text: string) => lines.push(text));
  }

  #serve(
    request: Request,
    send: (answer: Answer) => void,
    finish: (done: unknown) => void,
    socket: Socket,
  ): ((message: Input) => void) | undefined {
    switch (request.op) {
      case 'signal':
        this.#container.kill(request.signal);
        finish(true);
        return undefined;
      case 'pause':
      case 'unpause':
        this.#pause(request.op === 'pause').then(finish, () => finish(false));
        return undefined;
      case 'top':
        finish(this.#processes());
        return undefined;
      case 'stats':
        finish(this.#stats());
        return undefined;
      case 'changes':
        finish([...changes(this.#root.upper, (path) => isBelow(this.#root.image, path))]);
        return undefined;
      case 'archive':
        void this.#archive(request.pauses, socket).then(finish, (error: unknown) => socket.destroy(error as Error));
        return undefined;
      case 'attach':
        return this.#attach(this.streams, send, socket);
      case 'exec':
        return this.#exec(request.exec, send, finish, socket);
      default:
        throw new Error(`A running container cannot do ${(request as { op: string }).op}.`);
    }
  }

  async #pause(pauses: boolean): Promise<boolean> {
    this.#isPaused = pauses;
    this.#freeze();
    await this.#parts.containers.update(this.#parts.record.id, (now) => ({
      ...now,
      state: pauses ? 'paused' : 'running',
    }));
    return true;
  }

  /** The programs stand still while somebody wants it so. */
  #freeze(): void {
    if (this.#isPaused || this.#archives > 0) this.#container.pause();
    else this.#container.unpause();
    this.wake();
  }

  #processes(): readonly object[] {
    const { namespaces } = this.#container.init;
    return [...this.#kernel.pids.groups.values()]
      .filter(({ leader, isZombie }) => !isZombie && leader.cgroup?.isWithin(this.#container.cgroup))
      .map((group) => ({
        pid: group.pid.in(namespaces.pid),
        parent: group.parent?.pid.in(namespaces.pid) ?? 0,
        uid: group.leader.credentials.uid,
        milliseconds: Math.floor((group.userCycles + group.systemCycles) / 1e6),
        name: group.leader.name,
      }));
  }

  #stats(): object {
    const { cgroup } = this.#container;
    const number = (name: string) => Number.parseInt(readControl(this.#kernel, cgroup, name), 10);
    return {
      cpuNanoseconds: cgroup.userCycles + cgroup.systemCycles,
      virtualNanoseconds: Number(this.#kernel.monotonic),
      memory: number('memory.current') || this.#kernel.frames.used * 4096,
      memoryLimit: number('memory.max') || this.#parts.record.memory,
      pids: cgroup.population,
    };
  }

  /** The changes as a tar archive; if asked for, the programs stand still until it is fetched or nobody fetches it. */
  async #archive(pauses: boolean, socket: Socket): Promise<boolean> {
    const gone = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    if (pauses) this.#archives++;
    this.#freeze();
    try {
      for await (const chunk of packChanges(this.#root.upper)) {
        if (socket.destroyed) break;
        const isTaken = socket.write(line({ out: encode(chunk), stream: 1 }));
        if (!isTaken) await Promise.race([once(socket, 'drain'), gone]);
      }
      return true;
    } finally {
      if (pauses) this.#archives--;
      this.#freeze();
    }
  }

  #attach(streams: ProcessStreams, send: (answer: Answer) => void, socket: Socket): (message: Input) => void {
    const listener = (bytes: Uint8Array, stream: 1 | 2) => send({ out: encode(bytes), stream });
    streams.listeners.add(listener);
    socket.on('close', () => streams.listeners.delete(listener));
    return (message) => {
      if ('data' in message) streams.type(decode(message.data));
      else if ('end' in message) streams.end();
      else if ('size' in message) streams.resize(message.size);
      else this.#container.kill(message.signal);
    };
  }

  #exec(
    request: ExecRequest,
    send: (answer: Answer) => void,
    finish: (done: unknown) => void,
    socket: Socket,
  ): (message: Input) => void {
    const { size, terminal } = request;
    const streams = new ProcessStreams(this.#kernel, size === undefined ? { terminal } : { terminal, size });
    const { home, ...user } = findUser(request.user, (path) => this.#container.readFile(path));
    const { process: first } = this.#container.spec;
    const base: ProcessSpec = {
      ...first,
      args: request.args,
      env: [...first.env, ...request.env],
      cwd: request.workdir ?? first.cwd,
      terminal,
    };
    const task = this.#container.exec(withUser(base, user, home), streams.files);
    const input = this.#attach(streams, send, socket);
    this.#extras.add({ task, streams, ended: finish });
    if (!request.interactive) streams.end();
    return (message) => {
      if ('signal' in message) return;
      input(message);
    };
  }
}

/** A process as somebody, with HOME if it has none. */
function withUser(process: ProcessSpec, user: ProcessSpec['user'], home: string): ProcessSpec {
  const hasHome = process.env.some((setting) => setting.startsWith('HOME='));
  return { ...process, user, env: hasHome ? process.env : [...process.env, `HOME=${home}`] };
}

function isBelow(root: RootFs['image'], path: string): boolean {
  let at: RootFs['image'] | undefined = root;
  for (const name of path.split('/').filter(Boolean)) at = at?.isDirectory ? at.lookup(name) : undefined;
  return at !== undefined;
}
