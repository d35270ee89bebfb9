// The standard files of a process of a container and whoever is at the other end: this terminal, a pipe, a socket, a log.
import { HostPipe, type StandardFiles } from '../../oci/standard-files.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import { Terminal } from '../../kernel/tty/terminal.ts';
import type { WindowSize } from './protocol.ts';

/** Somebody who hears what a process writes. */
export type Listener = (bytes: Uint8Array, stream: 1 | 2) => void;

/** The outside of a process's standard files. */
export class ProcessStreams {
  readonly files: StandardFiles;
  readonly listeners = new Set<Listener>();
  readonly #terminal: Terminal | undefined;
  /** Typed, and not yet taken by the pipe. */
  #waiting: Uint8Array[] = [];
  #hasEnded = false;

  constructor(kernel: Kernel, options: { readonly terminal: boolean; readonly size?: WindowSize }) {
    if (options.terminal) {
      this.#terminal = new Terminal(kernel, (bytes) => this.#tell(bytes.slice(), 1));
      if (options.size) this.resize(options.size);
      this.files = { kind: 'terminal', terminal: this.#terminal };
    } else {
      this.files = {
        kind: 'pipes',
        stdin: new HostPipe(true),
        stdout: new HostPipe(false),
        stderr: new HostPipe(false),
      };
    }
  }

  #tell(bytes: Uint8Array, stream: 1 | 2): void {
    for (const listener of this.listeners) listener(bytes, stream);
  }

  /** Something is typed. */
  type(bytes: Uint8Array): void {
    if (this.#hasEnded) return;
    if (this.#terminal) this.#terminal.type(bytes);
    else this.#waiting.push(bytes);
    this.pump();
  }

  /** Nothing more will be typed. */
  end(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#terminal?.hangUp();
    this.pump();
  }

  resize({ rows, columns }: WindowSize): void {
    this.#terminal?.setSize({ rows, columns, width: 0, height: 0 });
  }

  /** Moves what is in the pipes. True if anything moved. */
  pump(): boolean {
    const { files } = this;
    if (files.kind === 'terminal') return false;
    let moved = false;
    for (const [pipe, stream] of [
      [files.stdout, 1],
      [files.stderr, 2],
    ] as const) {
      const bytes = pipe.take();
      if (bytes.length === 0) continue;
      this.#tell(bytes, stream);
      moved = true;
    }
    while (this.#waiting[0]) {
      const count = files.stdin.put(this.#waiting[0]);
      if (count === 0) return moved;
      moved = true;
      if (count < this.#waiting[0].length) this.#waiting[0] = this.#waiting[0].subarray(count);
      else this.#waiting.shift();
    }
    if (this.#hasEnded) files.stdin.end();
    return moved;
  }
}
