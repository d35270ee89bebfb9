// What a running container does for commands that connect to its socket.
import { once } from 'node:events';
import type { Socket } from 'node:net';
import type { Kernel } from '../../kernel/kernel.ts';
import type { Container } from '../../oci/container.ts';
import { lookAt, packPath, packRoot, type UnpackOptions, unpackInto } from '../../oci/container-copy.ts';
import type { Step, StoredContainer } from '../../oci/container-store.ts';
import { changes, packChanges } from '../../oci/layer-changes.ts';
import { OciError } from '../../oci/oci-error.ts';
import type { RootFs } from '../../oci/root-fs.ts';
import type { Bytes } from '../../oci/streams.ts';
import type { FilesOutside } from './container-files.ts';
import type { ContainerRun, Program } from './container-run.ts';
import type { ProcessStreams } from './process-streams.ts';
import type { Stats } from './stats.ts';
import {
  type Answer,
  type CheckpointRequest,
  decode,
  encode,
  type ExecRequest,
  type Input,
  JsonLines,
  line,
  type Request,
  type WindowSize,
} from './protocol.ts';

/** A process that was started beside the first one. */
export interface Executed {
  readonly streams: ProcessStreams;
  /** Gives its exit status. */
  readonly ended: Promise<number>;
}

/** What looks at files of the kernel, or changes them, and is no event of a recording. */
const NOT_RECORDED: readonly Request['op'][] = ['archive', 'changes', 'look', 'pack', 'pack-root', 'unpack'];

/** What commands are carried out on. */
export interface Inside {
  readonly kernel: Kernel;
  readonly container: Container;
  readonly run: ContainerRun;
  /** Nothing but what is recorded may reach it. */
  readonly isRecorded: boolean;
  readonly record: StoredContainer;
  readonly files: FilesOutside;
  /** Those of the first process. */
  readonly streams: ProcessStreams;
  /** Notes how far the container has come. */
  note(step: Step): Promise<void>;
  /** Runs the program that a container was made for; settled when it runs. */
  start(): Promise<void>;
  /** Starts one more process. @throws OciError */
  exec(program: Program, size: WindowSize | undefined): Executed;
  /** The programs were frozen before by the user. */
  readonly isPaused: boolean;
  /** Saves everything. @throws OciError */
  checkpoint(request: CheckpointRequest, isPaused: boolean): void;
  /** Something comes from outside: to be called before it has its effect. */
  wake(): void;
  /** How often the process of the container came back from sleep. */
  wakeUps(): number;
}

/** One command. */
interface Conversation {
  readonly send: (answer: Answer) => void;
  readonly finish: (done: unknown) => void;
  readonly refuse: (error: unknown) => void;
  readonly socket: Socket;
}

/** Bytes that wait for a command that reads slowly: the program waits for it then. */
const MOST_BEHIND = 1 << 20;

/** Takes what comes behind the request. */
type Listener = ((message: Input) => void) | undefined;

/** Serves the commands of one connection after the other. */
export class ContainerCommands {
  readonly #inside: Inside;
  /** `container pause` was asked for, and how many are fetching the changes of a container that stands still. */
  #isPaused = false;
  #archives = 0;
  /** Those who hear how the container ends. */
  readonly #waiting = new Set<Conversation['finish']>();

  constructor(inside: Inside) {
    this.#inside = inside;
    this.#isPaused = inside.isPaused;
  }

  /** A command has connected. */
  connect(socket: Socket): void {
    // what comes behind a request waits until the request is understood
    let input: Promise<Listener> = Promise.resolve(undefined);
    socket.on('error', () => socket.destroy());
    let isAnswered = false;
    // the command may still be sending: that is read and forgotten, or it would not come to read the answer
    const answer = (last: Answer) => {
      if (isAnswered) return;
      isAnswered = true;
      socket.end(line(last));
      socket.resume();
    };
    const refuse = (error: unknown) => answer({ error: error instanceof Error ? error.message : String(error) });
    const conversation: Conversation = {
      send: (part) => socket.write(line(part)),
      finish: (done) => answer({ done }),
      refuse,
      socket,
    };
    const lines = new JsonLines<Request | Input>((message) => {
      input = input.then((listener) => {
        this.#inside.wake();
        if (isAnswered) return undefined;
        if ('op' in message) return this.#serve(message, conversation);
        listener?.(message);
        return listener;
      });
      input.catch(refuse);
    });
    socket.setEncoding('utf8').on('data', (text: string) => {
      try {
        lines.push(text);
      } catch (error) {
        refuse(error);
      }
    });
  }

  /** The container has ended. */
  ended(exitCode: number): void {
    for (const finish of this.#waiting) finish(exitCode);
  }

  async #serve(request: Request, conversation: Conversation): Promise<Listener> {
    const { container, run, streams, isRecorded, record } = this.#inside;
    const { finish } = conversation;
    if (isRecorded && NOT_RECORDED.includes(request.op))
      throw new OciError('bad-state', `The container ${record.name} is recorded: its files are its own until it ends.`);
    switch (request.op) {
      case 'signal':
        run.perform({ kind: 'signalled', signal: request.signal, all: request.all === true });
        finish(true);
        return undefined;
      case 'start':
        await this.#inside.start();
        finish(true);
        return undefined;
      case 'pause':
      case 'unpause':
        await this.#pause(request.op === 'pause');
        finish(true);
        return undefined;
      case 'update':
        run.perform({ kind: 'limited', resources: request.resources });
        finish(true);
        return undefined;
      case 'top':
        finish(run.processes());
        return undefined;
      case 'stats':
        finish({ ...run.stats(record.memory), wakeUps: this.#inside.wakeUps() } satisfies Stats);
        return undefined;
      case 'changes': {
        const { upper, image } = this.#layered();
        finish([...changes(upper, (path) => isBelow(image, path))]);
        return undefined;
      }
      case 'archive':
        await this.#archive(request.pauses, conversation);
        finish(true);
        return undefined;
      case 'look':
        finish(lookAt(container.copyPlace, request.path, request.follow));
        return undefined;
      case 'pack':
        await this.#send(packPath(container.copyPlace, request.path, request.name, request.follow), conversation);
        finish(true);
        return undefined;
      case 'pack-root':
        await this.#send(packRoot(container.root), conversation);
        finish(true);
        return undefined;
      case 'unpack':
        return this.#unpack(request.directory, request.options, conversation);
      case 'wait':
        this.#awaitEnd(conversation);
        return undefined;
      case 'attach':
        this.#awaitEnd(conversation);
        return this.#attach(streams, conversation);
      case 'exec':
        return this.#exec(request.exec, conversation);
      case 'checkpoint':
        this.#checkpoint(request);
        finish(true);
        return undefined;
      default:
        throw new Error(`A running container cannot do ${(request as { op: string }).op}.`);
    }
  }

  #layered(): RootFs {
    const { layered } = this.#inside.files;
    if (layered) return layered;
    throw new OciError('bad-state', `The container ${this.#inside.record.name} is not made from an image.`);
  }

  async #pause(pauses: boolean): Promise<void> {
    this.#isPaused = pauses;
    this.#freeze();
    const going = this.#inside.container.isStarted ? 'running' : 'created';
    await this.#inside.note({ state: pauses ? 'paused' : going });
  }

  #checkpoint(request: CheckpointRequest): void {
    const { record, checkpoint } = this.#inside;
    if (this.#archives > 0)
      throw new OciError('bad-state', `The container ${record.name} stands still because it is being committed.`);
    checkpoint(request, this.#isPaused);
  }

  /** The programs stand still while somebody wants it so. */
  #freeze(): void {
    const { run, wake } = this.#inside;
    wake();
    run.perform({ kind: 'frozen', frozen: this.#isPaused || this.#archives > 0 });
  }

  /** The changes as a tar archive; if asked for, the programs stand still until it is fetched or nobody fetches it. */
  async #archive(pauses: boolean, conversation: Conversation): Promise<void> {
    const { upper } = this.#layered();
    if (pauses) this.#archives++;
    this.#freeze();
    try {
      await this.#send(packChanges(upper), conversation);
    } finally {
      if (pauses) this.#archives--;
      this.#freeze();
    }
  }

  /** Sends bytes as fast as they are fetched, until all are or nobody fetches them. */
  async #send(bytes: Bytes, { socket }: Conversation): Promise<void> {
    const gone = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    for await (const chunk of bytes) {
      if (socket.destroyed) break;
      const isTaken = socket.write(line({ out: encode(chunk), stream: 1 }));
      if (!isTaken) await Promise.race([once(socket, 'drain'), gone]);
    }
  }

  /** Unpacks an archive that comes behind the request. */
  #unpack(
    directory: string,
    options: UnpackOptions,
    { socket, finish, refuse }: Conversation,
  ): (message: Input) => void {
    let queue: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>> | undefined;
    const archive: Bytes = new ReadableStream({
      start: (controller) => {
        queue = controller;
      },
      pull: () => void socket.resume(),
    });
    socket.on('close', () => queue?.error(new OciError('truncated', 'The archive was cut short.')));
    unpackInto(this.#inside.container.copyPlace, directory, archive, options).then(() => {
      queue = undefined;
      finish(true);
    }, refuse);
    return (message) => {
      if ('end' in message) queue?.close();
      if (!('data' in message)) return;
      queue?.enqueue(Uint8Array.from(decode(message.data)));
      if ((queue?.desiredSize ?? 1) <= 0) socket.pause();
    };
  }

  #awaitEnd({ finish, socket }: Conversation): void {
    this.#waiting.add(finish);
    socket.on('close', () => this.#waiting.delete(finish));
  }

  #attach(streams: ProcessStreams, { send, socket }: Conversation): (message: Input) => void {
    const listener = (bytes: Uint8Array, stream: 1 | 2) => send({ out: encode(bytes), stream });
    const isBehind = () => !socket.destroyed && socket.writableLength > MOST_BEHIND;
    streams.listeners.add(listener);
    streams.brakes.add(isBehind);
    socket.on('drain', () => this.#inside.wake());
    socket.on('close', () => {
      streams.listeners.delete(listener);
      streams.brakes.delete(isBehind);
      this.#inside.wake();
    });
    return (message) => {
      if ('data' in message) streams.type(decode(message.data));
      else if ('end' in message) streams.end();
      else if ('size' in message) streams.resize(message.size);
      else this.#inside.run.perform({ kind: 'signalled', signal: message.signal, all: false });
    };
  }

  #exec({ process, user, size, interactive, detach }: ExecRequest, conversation: Conversation): Listener {
    const { streams, ended } = this.#inside.exec({ process, user }, size);
    if (detach) {
      streams.end();
      conversation.finish(0);
      return undefined;
    }
    const input = this.#attach(streams, conversation);
    void ended.then(conversation.finish);
    if (!interactive) streams.end();
    return (message) => {
      if ('signal' in message) return;
      input(message);
    };
  }
}

function isBelow(root: RootFs['image'], path: string): boolean {
  let at: RootFs['image'] | undefined = root;
  for (const name of path.split('/').filter(Boolean)) at = at?.isDirectory ? at.lookup(name) : undefined;
  return at !== undefined;
}
