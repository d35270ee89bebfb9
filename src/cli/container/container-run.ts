// A container and everything that can reach it from outside, each as plain data: a runner lets it happen, a recording keeps it,
// a replay lets it happen again.
import type { Kernel } from '../../kernel/kernel.ts';
import type { Task } from '../../kernel/task/task.ts';
import { OciError } from '../../oci/oci-error.ts';
import type { ProcessSpec, ResourceSpec } from '../../oci/runtime-spec.ts';
import { findUser } from '../../oci/users.ts';
import type { Recordable } from '../recording/recording.ts';
import { type Measured, measure } from './measure.ts';
import { type Process, processOf } from './processes.ts';
import { newStreams, type ProcessStreams, type StreamEvent } from './process-streams.ts';
import type { WindowSize } from './protocol.ts';
import { hashedState, type LiveContainer, type OtherProcess } from './saved-container.ts';

/** What is started. */
export interface Program {
  readonly process: ProcessSpec;
  /** Who runs it, looked up in the files of the container; if not given, whoever the process says. */
  readonly user?: string | undefined;
  /** Further groups of a user that is looked up. */
  readonly groups?: readonly string[] | undefined;
}

/** What reaches a container from outside. */
export type ContainerEvent =
  | ({ readonly kind: 'started' } & Program)
  | ({ readonly kind: 'executed'; readonly size?: WindowSize | undefined } & Program)
  | { readonly kind: 'signalled'; readonly signal: number; readonly all: boolean }
  | { readonly kind: 'interrupted' }
  | { readonly kind: 'frozen'; readonly frozen: boolean }
  | { readonly kind: 'limited'; readonly resources: ResourceSpec }
  /** Its processes were listed, or what it uses: memory and files of the kernel are read for that. */
  | { readonly kind: 'listed' | 'measured' }
  /** Processes are counted from 0, the first one. */
  | { readonly kind: 'streamed'; readonly process: number; readonly event: StreamEvent };

/** A container that runs. */
export class ContainerRun implements Recordable<ContainerEvent> {
  readonly live: LiveContainer;
  /** Told before something reaches the container. */
  notice: (event: ContainerEvent) => void = () => {};
  /** Told of the streams of a new process before it starts. */
  opened: (streams: ProcessStreams, process: number) => void = () => {};
  /** Of all processes that were started from outside, as long as they are needed. */
  readonly #streams = new Map<number, ProcessStreams>();
  #processes = 0;

  constructor(live: LiveContainer) {
    this.live = live;
    for (const streams of [live.streams, ...live.others.map((other) => other.streams)]) this.#add(streams);
  }

  get kernel(): Kernel {
    return this.live.kernel;
  }

  /** Those of the processes, by their numbers. */
  get streams(): ReadonlyMap<number, ProcessStreams> {
    return this.#streams;
  }

  /** A process has ended, and nobody will say anything more to it, or of it. */
  forget(streams: ProcessStreams): void {
    for (const [process, other] of this.#streams) if (other === streams) this.#streams.delete(process);
  }

  #add(streams: ProcessStreams): void {
    const process = this.#processes++;
    this.#streams.set(process, streams);
    streams.notice = (event) => this.#reached({ kind: 'streamed', process, event });
  }

  #reached(event: ContainerEvent): void {
    this.notice(event);
    this.kernel.settle();
  }

  /** Lets what was recorded reach the container again; what could not be then cannot be now. */
  accept(event: ContainerEvent): void {
    try {
      this.perform(event);
    } catch (error) {
      if (!(error instanceof OciError)) throw error;
    }
  }

  /** Lets something reach the container. @throws OciError when it cannot be */
  perform(event: ContainerEvent): void {
    switch (event.kind) {
      case 'streamed':
        this.#streams.get(event.process)?.accept(event.event);
        return;
      case 'executed':
        this.execute(event, event.size);
        return;
      case 'listed':
        this.processes();
        return;
      case 'measured':
        this.stats(0);
        return;
      default:
        this.#reached(event);
        this.#change(event);
    }
  }

  #change(event: Exclude<ContainerEvent, { kind: 'streamed' | 'executed' | 'listed' | 'measured' }>): void {
    const { container, streams } = this.live;
    switch (event.kind) {
      case 'started':
        container.start(this.#processOf(event), streams.files);
        return;
      case 'interrupted':
        container.interrupt();
        return;
      case 'signalled':
        if (event.all) container.killAll(event.signal);
        else container.kill(event.signal);
        return;
      case 'frozen':
        if (event.frozen) container.pause();
        else container.unpause();
        return;
      case 'limited':
        container.limit(event.resources);
    }
  }

  /** Starts one more process. @throws OciError when it cannot be */
  execute({ process: asked, user, groups }: Program, size: WindowSize | undefined): OtherProcess {
    this.#reached({ kind: 'executed', process: asked, user, groups, size });
    const process = this.#processOf({ process: asked, user, groups });
    const streams = newStreams(this.kernel, { terminal: process.terminal, size });
    const task: Task = this.live.container.exec(process, streams.files);
    this.#add(streams);
    this.opened(streams, this.#processes - 1);
    return { task, streams };
  }

  /** What `top` shows. */
  processes(): readonly Process[] {
    this.#reached({ kind: 'listed' });
    const { kernel, container } = this.live;
    return [...kernel.pids.groups.values()]
      .filter(({ leader, isZombie }) => !isZombie && leader.cgroup?.isWithin(container.cgroup))
      .map((group) => processOf(kernel, group, container.init.namespaces.pid));
  }

  /** What it uses, on a machine with so many bytes of memory. */
  stats(memory: number): Measured {
    this.#reached({ kind: 'measured' });
    return measure(this.live, memory);
  }

  /** A process as somebody, with HOME if it has none. Without a name it is whom its configuration says, by number. */
  #processOf({ process, user: name, groups }: Program): ProcessSpec {
    const read = (path: string) => this.live.container.readFile(path);
    const { home, ...user } = findUser(name ?? String(process.user.uid), read, groups);
    const hasHome = process.env.some((setting) => /^HOME=./.test(setting));
    const env = hasHome ? process.env : [...process.env.filter((setting) => setting !== 'HOME='), `HOME=${home}`];
    return { ...process, user: name === undefined ? process.user : user, env };
  }

  save(): Uint8Array {
    return hashedState(this.live, [...this.#streams.values()]);
  }
}
