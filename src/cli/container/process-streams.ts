// The standard files of a process of a container and whoever is at the other end: this terminal, a pipe, a socket, a log.
import { HostPipe, type StandardFiles } from '../../oci/standard-files.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import { Terminal } from '../../kernel/tty/terminal.ts';
import type { WindowSize } from './protocol.ts';

/** Somebody who hears what a process writes. */
export type Listener = (bytes: Uint8Array, stream: 1 | 2) => void;

/** Where a terminal shows what programs write; known to the kernel before anybody looks at it. */
export class Screen {
  show: (bytes: Uint8Array) => void = () => {};
  readonly write = (bytes: Uint8Array): void => this.show(bytes);
}

/** What is kept of the streams of a container that is saved. */
export interface StreamState {
  readonly files: StandardFiles;
  /** Typed, and not yet taken by the pipe. */
  waiting: Uint8Array[];
  hasEnded: boolean;
}

/** What a process's standard files are to be. */
export interface StreamOptions {
  readonly terminal: boolean;
  readonly size?: WindowSize | undefined;
}

/** The standard files of a process that will be started. */
export function newStreams(kernel: Kernel, { terminal, size }: StreamOptions): ProcessStreams {
  const screen = new Screen();
  const files: StandardFiles = terminal
    ? { kind: 'terminal', terminal: new Terminal(kernel, screen.write) }
    : { kind: 'pipes', stdin: new HostPipe(true), stdout: new HostPipe(false), stderr: new HostPipe(false) };
  const streams = new ProcessStreams({ files, waiting: [], hasEnded: false }, screen);
  if (size) streams.resize(size);
  return streams;
}

/** The outside of a process's standard files. */
export class ProcessStreams {
  readonly listeners = new Set<Listener>();
  readonly state: StreamState;
  readonly screen: Screen;

  constructor(state: StreamState, screen: Screen) {
    this.state = state;
    this.screen = screen;
    screen.show = (bytes) => this.#tell(bytes.slice(), 1);
  }

  get files(): StandardFiles {
    return this.state.files;
  }

  #tell(bytes: Uint8Array, stream: 1 | 2): void {
    for (const listener of this.listeners) listener(bytes, stream);
  }

  /** Something is typed. */
  type(bytes: Uint8Array): void {
    const { files, waiting, hasEnded } = this.state;
    if (hasEnded) return;
    if (files.kind === 'terminal') files.terminal.type(bytes);
    else waiting.push(bytes);
    this.pump();
  }

  /** Nothing more will be typed. */
  end(): void {
    const { files, hasEnded } = this.state;
    if (hasEnded) return;
    this.state.hasEnded = true;
    if (files.kind === 'terminal') files.terminal.hangUp();
    this.pump();
  }

  resize({ rows, columns }: WindowSize): void {
    const { files } = this.state;
    if (files.kind === 'terminal') files.terminal.setSize({ rows, columns, width: 0, height: 0 });
  }

  /** Moves what is in the pipes. True if anything moved. */
  pump(): boolean {
    const { files, waiting } = this.state;
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
    while (waiting[0]) {
      const count = files.stdin.put(waiting[0]);
      if (count === 0) return moved;
      moved = true;
      if (count < waiting[0].length) waiting[0] = waiting[0].subarray(count);
      else waiting.shift();
    }
    if (this.state.hasEnded) files.stdin.end();
    return moved;
  }
}
