// What commands and the process that runs a container say to each other over its socket: one JSON object a line, bytes in
// base64. The first line is the request; then both sides send what happens until the answer `done`.
import type { UnpackOptions } from '../../oci/container-copy.ts';
import type { ProcessSpec, ResourceSpec } from '../../oci/runtime-spec.ts';

/** The first line. */
export type Request =
  | { readonly op: 'signal'; readonly signal: number; readonly all?: boolean }
  | { readonly op: 'start' | 'pause' | 'unpause' | 'top' | 'stats' | 'changes' }
  | { readonly op: 'archive'; readonly pauses: boolean }
  | { readonly op: 'look'; readonly path: string; readonly follow: boolean }
  | { readonly op: 'pack'; readonly path: string; readonly name: string; readonly follow: boolean }
  | { readonly op: 'pack-root' }
  | { readonly op: 'unpack'; readonly directory: string; readonly options: UnpackOptions }
  | { readonly op: 'attach' | 'wait' }
  | { readonly op: 'update'; readonly resources: ResourceSpec }
  | ({ readonly op: 'checkpoint' } & CheckpointRequest)
  | { readonly op: 'exec'; readonly exec: ExecRequest };

/** A checkpoint that is wanted. */
export interface CheckpointRequest {
  /** Its name, or nothing when the directory is for one only. */
  readonly name?: string;
  /** Where, if not with the container: an absolute path. */
  readonly directory?: string;
  readonly leaveRunning: boolean;
}

/** One more process. */
export interface ExecRequest {
  readonly process: ProcessSpec;
  /** Who runs it, looked up in the files of the container; if not given, whoever the process says. */
  readonly user?: string;
  readonly interactive: boolean;
  /** The answer comes when it has started, with nothing of what it writes. */
  readonly detach?: true;
  readonly size?: WindowSize;
}

/** Size of a terminal, in characters. */
export interface WindowSize {
  readonly rows: number;
  readonly columns: number;
}

/** What the runner sends. */
export type Answer =
  | { readonly out: string; readonly stream: 1 | 2 }
  | { readonly done: unknown }
  | { readonly error: string };

/** What a command sends behind the request. */
export type Input =
  | { readonly data: string }
  | { readonly end: true }
  | { readonly size: WindowSize }
  | { readonly signal: number };

/** Takes a stream apart into lines of JSON. */
export class JsonLines<T> {
  #rest = '';
  readonly #handle: (message: T) => void;

  constructor(handle: (message: T) => void) {
    this.#handle = handle;
  }

  /** @throws SyntaxError for what is no JSON */
  push(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) if (line !== '') this.#handle(JSON.parse(line) as T);
  }
}

export const line = (message: Request | Answer | Input): string => `${JSON.stringify(message)}\n`;
export const encode = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
export const decode = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'base64'));
