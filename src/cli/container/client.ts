// The other end of a runner's socket: a command asks a running container for something.
import { connect, type Socket } from 'node:net';
import { OciError } from '../../oci/oci-error.ts';
import type { StoredContainer } from '../../oci/container-store.ts';
import { isReaderBehind, onRead } from '../reader.ts';
import { type Answer, decode, encode, type Input, JsonLines, line, type Request, type WindowSize } from './protocol.ts';

/** What happens during a request. */
export interface Conversation {
  readonly onOutput?: (bytes: Uint8Array, stream: 1 | 2) => void;
  /** Ends it from this side. */
  readonly signal?: AbortSignal;
  /** Called once the request is on its way, with what sends input behind it. */
  readonly onOpen?: (send: (input: Input) => Promise<void>) => void | Promise<void>;
}

/** Asks the runner of a container; gives its answer. @throws OciError when it does not run, or refuses */
export function ask(record: StoredContainer, request: Request, conversation: Conversation = {}): Promise<unknown> {
  const { runner, name } = record;
  if (!runner) throw new OciError('bad-state', `The container ${name} is not running.`);
  return new Promise((resolve, reject) => {
    const socket: Socket = connect(runner.socket);
    const gone = () => reject(new OciError('bad-state', `The container ${name} has ended.`));
    const lines = new JsonLines<Answer>((answer) => {
      if ('done' in answer) resolve(answer.done);
      else if ('error' in answer) reject(new OciError('bad-state', answer.error));
      else conversation.onOutput?.(decode(answer.out), answer.stream);
    });
    socket.setEncoding('utf8');
    conversation.signal?.addEventListener('abort', () => {
      resolve(0);
      socket.destroy();
    });
    socket.on('connect', () => {
      socket.write(line(request));
      const send = (input: Input) => new Promise<void>((sent) => socket.write(line(input), () => sent()));
      Promise.resolve(conversation.onOpen?.(send)).catch((error: unknown) => {
        reject(error);
        socket.destroy();
      });
    });
    const stopWaiting = onRead(() => {
      if (!isReaderBehind()) socket.resume();
    });
    socket.on('data', (text: string) => {
      lines.push(text);
      if (isReaderBehind()) socket.pause();
    });
    socket.on('close', stopWaiting);
    socket.on('error', gone);
    socket.on('close', gone);
  });
}

/** The size of this terminal. */
export function windowSize(): WindowSize {
  return { rows: process.stdout.rows ?? 24, columns: process.stdout.columns ?? 80 };
}

/** Ties this command's standard files to a process of a container. */
export class LocalStreams {
  readonly #raw: boolean;
  #send: (input: Input) => void = () => {};

  /** `raw`: every key goes to the program as it is. */
  constructor(options: { readonly raw: boolean }) {
    this.#raw = options.raw && process.stdin.isTTY;
  }

  /** Begins: what is typed goes to `send`. */
  open(send: (input: Input) => void, options: { readonly interactive: boolean }): void {
    this.#send = send;
    if (!options.interactive) return;
    if (this.#raw) {
      process.stdin.setRawMode(true);
      process.stdout.on('resize', this.#resized);
    }
    process.stdin.on('data', this.#typed);
    process.stdin.on('end', this.#ended);
  }

  readonly #typed = (chunk: Buffer): void => this.#send({ data: encode(chunk) });
  readonly #ended = (): void => this.#send({ end: true });
  readonly #resized = (): void => this.#send({ size: windowSize() });

  readonly write = (bytes: Uint8Array, stream: 1 | 2): void => {
    (stream === 1 ? process.stdout : process.stderr).write(bytes);
  };

  /** Gives the terminal back. */
  close(): void {
    if (this.#raw) process.stdin.setRawMode(false);
    process.stdout.off('resize', this.#resized);
    process.stdin.off('data', this.#typed);
    process.stdin.off('end', this.#ended);
    process.stdin.pause();
    process.stdin.unref?.();
  }
}

/** How a process is tied to this command; `ready` is called once the request is on its way. */
export interface ConverseOptions {
  readonly raw: boolean;
  readonly interactive: boolean;
  readonly ready?: () => void;
}

/** A request whose process has the standard files of this command. Gives the answer. @throws OciError */
export async function converse(
  record: StoredContainer,
  request: Request,
  { raw, interactive, ready = () => {} }: ConverseOptions,
): Promise<unknown> {
  const local = new LocalStreams({ raw });
  try {
    const onOpen = (send: (input: Input) => void) => {
      local.open(send, { interactive });
      ready();
    };
    return await ask(record, request, { onOutput: local.write, onOpen });
  } finally {
    local.close();
  }
}
