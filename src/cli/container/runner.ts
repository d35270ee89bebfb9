// Runs one container on a kernel of its own until its first process has ended: what it writes goes to its log and to those who
// are attached, commands of others come over a socket, and at the end its changes and how it ended are kept.
import { mkdirSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { dirname } from 'node:path';
import type { Kernel } from '../../kernel/kernel.ts';
import type { RunLimits } from '../../kernel/run-loop.ts';
import { waitStatus } from '../../kernel/syscalls/wait.ts';
import type { ChildEvent } from '../../kernel/task/thread-group.ts';
import type { Container } from '../../oci/container.ts';
import type { LoadedCheckpoint } from '../../oci/checkpoints.ts';
import { readControl } from '../../oci/container-resources.ts';
import type { Step, StoredContainer } from '../../oci/container-store.ts';
import { OciError } from '../../oci/oci-error.ts';
import type { HookPoint } from '../../oci/runtime-spec.ts';
import { ContainerCommands, type Executed } from './commands.ts';
import type { FilesOutside } from './container-files.ts';
import { ContainerRun, type Program } from './container-run.ts';
import type { ContainerTape } from './container-tape.ts';
import { runHook } from './guest-hooks.ts';
import { Pace } from './pace.ts';
import type { ProcessStreams } from './process-streams.ts';
import { LogFile } from './log-file.ts';
import type { CheckpointRequest, WindowSize } from './protocol.ts';
import { describe, type LiveContainer, type OtherProcess, saveContainer } from './saved-container.ts';

/** Cycles between two looks at the outside. */
const SLICE = 50_000_000;
const SIGNAL_STATUS = 128;
const SIGKILL = 9;

/** Where it is kept how far a container has come. */
export interface Keeper {
  note(id: string, step: Step): Promise<void>;
  remove(id: string): Promise<void>;
}

/** What a runner needs. */
export interface RunnerParts {
  readonly record: StoredContainer;
  readonly containers: Keeper;
  readonly live: LiveContainer;
  /** Records it. */
  readonly tape?: ContainerTape | undefined;
  /** It runs already: it was saved and made again. */
  readonly isRestored: boolean;
  /** Keeps a checkpoint where a command wants it. @throws OciError */
  readonly keep: (request: CheckpointRequest, checkpoint: LoadedCheckpoint) => void;
  /** `--user` and `--group-add`; if not given, the configuration says who runs the program. */
  readonly user?: string;
  readonly groups?: readonly string[];
  /** The file for what it writes. */
  readonly log?: string;
  /** Virtual time passes no faster than real time. */
  readonly paced: boolean;
  /** Runs the hooks of a point that are programs of this computer. @throws OciError when one fails */
  readonly hostHooks?: (point: HookPoint) => void;
  /** What hooks are told about the container. */
  readonly describe?: (status: 'creating' | 'created' | 'running') => object;
}

/** Exit status of a process: its own, or 128 and the signal that killed it. */
export function exitCodeOf(event: ChildEvent): number {
  const status = waitStatus(event);
  return status & 0x7f ? SIGNAL_STATUS + (status & 0x7f) : status >> 8;
}

/** What is thrown, to be thrown later. */
function errorOf(act: () => void): unknown {
  try {
    act();
    return undefined;
  } catch (error) {
    return error;
  }
}

interface Extra extends OtherProcess {
  readonly ended: (code: number) => void;
}

/** A container that runs in this process. */
export class ContainerRunner {
  readonly streams: ProcessStreams;
  readonly #parts: RunnerParts;
  readonly #run: ContainerRun;
  readonly #kernel: Kernel;
  readonly #container: Container;
  readonly #files: FilesOutside;
  readonly #extras: Set<Extra>;
  /** While the container runs. */
  #log: LogFile | undefined;
  #server: Server | undefined;
  #commands: ContainerCommands | undefined;
  readonly #pace: Pace;
  /** The step that was noted last. */
  #noted: Promise<void> = Promise.resolve();
  #isOver = false;
  /** Somebody waits for the start. */
  #asked: { readonly done: () => void; readonly failed: (error: unknown) => void } | undefined;
  /** It is made, and runs its program when it is asked to. */
  #isWaiting = false;
  /** A checkpoint has taken its place. */
  #isTakenDown = false;

  constructor(parts: RunnerParts) {
    this.#parts = parts;
    this.#run = new ContainerRun(parts.live);
    const { kernel, container, files, streams, others } = parts.live;
    this.#kernel = kernel;
    this.#pace = new Pace(kernel, parts.paced, parts.tape !== undefined);
    this.#container = container;
    this.#files = files;
    this.streams = streams;
    this.#extras = new Set(others.map((other) => ({ ...other, ended: () => {} })));
    this.streams.listeners.add((bytes, stream) => this.#keep(bytes, stream));
  }

  /** Writes output to the log. */
  #keep(bytes: Uint8Array, stream: 1 | 2): void {
    this.#log?.append(bytes, stream === 1 ? 'stdout' : 'stderr');
  }

  /** Steps are noted one after the other, and none behind the end. */
  readonly #note = (step: Step): Promise<void> => {
    const { containers, record } = this.#parts;
    const note = () => {
      if (this.#isOver) throw new OciError('bad-state', `The container ${record.name} has ended.`);
      this.#isOver = step.state === 'exited';
      return containers.note(record.id, step);
    };
    this.#noted = this.#noted.then(note, note);
    return this.#noted;
  };

  /** Runs the container to its end; gives its exit status. @throws OciError when its program cannot be run */
  async run(started: () => void): Promise<number> {
    return this.#orNothing(async () => {
      await this.#prepare();
      await this.#start();
      started();
      return this.#toTheEnd();
    });
  }

  /** Makes the container ready, and runs it when it is asked for; gives its exit status. @throws OciError */
  async runWhenAsked(created: () => void): Promise<number> {
    return this.#orNothing(async () => {
      await this.#prepare();
      await this.#note({ state: 'created' });
      created();
      // meanwhile others may run programs in it
      this.#isWaiting = true;
      while (!this.#asked && !this.#container.end) {
        await this.#drive(() => this.#asked !== undefined || this.#container.end !== undefined);
        if (!this.#asked && !this.#container.end) await this.#pace.sleep();
      }
      if (!this.#asked || this.#container.end) return this.#finish(this.#exitCode);
      await this.#start();
      this.#asked.done();
      return this.#toTheEnd();
    });
  }

  /** What does not come to its end leaves no socket and no open file behind. */
  async #orNothing(work: () => Promise<number>): Promise<number> {
    try {
      return await work();
    } catch (error) {
      this.#asked?.failed(error);
      this.#close();
      throw error;
    }
  }

  #close(): void {
    this.#stopListening();
    this.#log?.close();
    this.#log = undefined;
  }

  #stopListening(): void {
    const { runner } = this.#parts.record;
    if (!this.#server) return;
    this.#server.close();
    this.#server = undefined;
    rmSync(runner!.socket, { force: true });
  }

  /** Everything but the program: hooks, the log, the socket. */
  async #prepare(): Promise<void> {
    const { log } = this.#parts;
    this.#pace.start();
    await this.#hooks('prestart');
    await this.#hooks('createRuntime');
    if (!this.#parts.isRestored) await this.#hooks('createContainer');
    if (log !== undefined) this.#log = new LogFile(log);
    await this.#listen();
  }

  async #start(): Promise<void> {
    const { record, user, groups, isRestored, live, tape } = this.#parts;
    if (isRestored) {
      this.#pace.start();
      tape?.begin(record, this.#run);
      const state = live.isPaused ? 'paused' : 'running';
      await this.#note({ state, startedAt: new Date().toISOString() });
      return;
    }
    await this.#hooks('startContainer');
    this.#pace.start();
    tape?.begin(record, this.#run);
    this.#run.perform({ kind: 'started', process: record.spec.process, user, groups });
    await this.#note({ state: 'running', startedAt: new Date().toISOString() });
    await this.#hooks('poststart');
  }

  /** Programs of the runtime at a point of the life cycle: those of this computer, and those inside. */
  async #hooks(point: HookPoint): Promise<void> {
    const { record, hostHooks, describe } = this.#parts;
    const hooks = record.spec.hooks[point] ?? [];
    if (hooks.length === 0) return;
    if (point !== 'createContainer' && point !== 'startContainer') {
      hostHooks?.(point);
      return;
    }
    const state = describe?.(point === 'createContainer' ? 'creating' : 'created') ?? {};
    for (const hook of hooks)
      await runHook(point, hook, state, {
        kernel: this.#kernel,
        container: this.#container,
        drive: (streams, until) => this.#drive(until, streams),
        wake: () => this.wake(),
      });
  }

  async #toTheEnd(): Promise<number> {
    await this.#drive(() => this.#container.end !== undefined);
    return this.#finish(this.#exitCode);
  }

  get #exitCode(): number {
    return exitCodeOf(this.#container.end ?? { kind: 'killed', signal: SIGKILL, core: false });
  }

  /** Runs the kernel until something is so. */
  async #drive(until: () => boolean, streams = this.streams): Promise<void> {
    for (;;) {
      if (this.#isTakenDown) return;
      const stop = this.#kernel.run({ ...this.#slice, stopWhenIdle: 'now' });
      const moved = this.#pump(streams);
      this.#reapExtras();
      if (until()) return;
      await this.#files.kept?.saveIfDue();
      await new Promise((resolve) => setImmediate(resolve));
      if (stop.reason === 'ended') return;
      if (stop.reason === 'idle') {
        if (!moved) await this.#pace.idle(this.#files.kept?.wait);
      } else await this.#pace.holdBack();
    }
  }

  /** Programs notice where a slice of time ends, but not in a recording: its replay has other slices. */
  get #slice(): RunLimits {
    const cycles = this.#kernel.platform.cycles + SLICE;
    return this.#parts.tape ? { pause: { cycles } } : { cycles };
  }

  #pump(first: ProcessStreams): boolean {
    let moved = first.pump();
    for (const { streams } of this.#extras) moved = streams.pump() || moved;
    return moved;
  }

  #reapExtras(): void {
    for (const extra of this.#extras) {
      const { event } = extra.task.group;
      if (event?.kind !== 'exited' && event?.kind !== 'killed') continue;
      this.#extras.delete(extra);
      extra.streams.pump('to-the-end');
      // a recording knows all to its end
      if (!this.#parts.tape) this.#run.forget(extra.streams);
      extra.ended(exitCodeOf(event));
    }
  }

  /** Something comes from outside: to be called before it has its effect. */
  wake(): void {
    this.#pace.wake();
  }

  /** Sends a signal to the first process. */
  kill(signal: number): void {
    this.wake();
    this.#run.perform({ kind: 'signalled', signal, all: false });
  }

  /** Ctrl-C. */
  interrupt(): void {
    this.wake();
    this.#run.perform({ kind: 'interrupted' });
  }

  async #finish(exitCode: number): Promise<number> {
    const { tape } = this.#parts;
    this.streams.pump('to-the-end');
    const failure = errorOf(() => tape?.finish());
    try {
      await this.#keepEnd(exitCode);
    } finally {
      // whoever hears of the end finds what is kept of it
      for (const extra of this.#extras) extra.ended(SIGNAL_STATUS + SIGKILL);
      this.#commands?.ended(exitCode);
    }
    if (failure !== undefined) throw failure;
    return exitCode;
  }

  /** Keeps what the container leaves, and how it ended. */
  async #keepEnd(exitCode: number): Promise<void> {
    const { record, containers } = this.#parts;
    await this.#files.kept?.save();
    const oomKilled = /oom_kill [1-9]/.test(readControl(this.#kernel, this.#container.cgroup, 'memory.events'));
    const finishedAt = new Date().toISOString();
    // another process may run the container once this is noted, and listen there
    this.#stopListening();
    await this.#note({ state: 'exited', runner: undefined, exitCode, oomKilled, finishedAt });
    this.#close();
    if (record.autoRemove) await containers.remove(record.id);
  }

  // Commands of others.

  async #listen(): Promise<void> {
    const { record } = this.#parts;
    const { socket } = record.runner!;
    mkdirSync(dirname(socket), { recursive: true, mode: 0o700 });
    rmSync(socket, { force: true });
    const commands = new ContainerCommands({
      kernel: this.#kernel,
      container: this.#container,
      run: this.#run,
      isRecorded: this.#parts.tape !== undefined,
      record,
      files: this.#files,
      streams: this.streams,
      note: this.#note,
      start: this.#startForOthers,
      exec: this.#exec,
      isPaused: this.#parts.live.isPaused,
      checkpoint: this.#checkpoint,
      wake: () => this.wake(),
      wakeUps: () => this.#pace.wakeUps,
    });
    const server = createServer((connection) => commands.connect(connection));
    this.#server = server;
    this.#commands = commands;
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen(socket, () => resolve()));
  }

  readonly #startForOthers = (): Promise<void> => {
    if (this.#asked || this.#container.isStarted)
      return Promise.reject(new Error(`The container ${this.#parts.record.name} was started already.`));
    return new Promise((done, failed) => {
      this.#asked = { done, failed };
      this.wake();
    });
  };

  /** Saves the container. If it is not to go on, its programs do nothing more, and it ends as if killed. @throws OciError */
  readonly #checkpoint = (request: CheckpointRequest, isPaused: boolean): void => {
    const { record, keep, live: made } = this.#parts;
    const { isStarted, end } = this.#container;
    if (!isStarted || end || this.#isTakenDown)
      throw new OciError('bad-state', `The container ${record.name} is not running.`);
    const live = { ...made, others: [...this.#extras], isPaused };
    keep(request, { ...describe(record, live), state: saveContainer(live) });
    this.#isTakenDown = !request.leaveRunning;
  };

  readonly #exec = (program: Program, size: WindowSize | undefined): Executed => {
    if (!this.#container.isStarted && !this.#isWaiting)
      throw new Error(`The container ${this.#parts.record.name} was not started yet.`);
    const { task, streams } = this.#run.execute({ ...program, groups: this.#parts.groups }, size);
    return { streams, ended: new Promise((ended) => this.#extras.add({ task, streams, ended })) };
  };
}
