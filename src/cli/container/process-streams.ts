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

/** What reaches the files of a process from outside. */
export type StreamEvent =
  | { readonly kind: 'typed'; readonly bytes: Uint8Array }
  /** Nothing more is typed. */
  | { readonly kind: 'hung-up' }
  | { readonly kind: 'resized'; readonly rows: number; readonly columns: number }
  /** What was written into a pipe so far is taken out. */
  | { readonly kind: 'taken'; readonly stream: 1 | 2 };

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
  /** Told before something reaches the files. */
  notice: (event: StreamEvent) => void = () => {};
  /** Each says whether somebody is behind with what he hears: the program waits for him, if it writes to pipes. */
  readonly brakes = new Set<() => boolean>();
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

  get #isBehind(): boolean {
    for (const brake of this.brakes) if (brake()) return true;
    return false;
  }

  #tell(bytes: Uint8Array, stream: 1 | 2): void {
    for (const listener of this.listeners) listener(bytes, stream);
  }

  /** Something is typed. */
  type(bytes: Uint8Array): void {
    const { files, waiting, hasEnded } = this.state;
    if (hasEnded) return;
    if (files.kind === 'terminal') this.accept({ kind: 'typed', bytes });
    else waiting.push(bytes);
    this.pump();
  }

  /** Nothing more will be typed. */
  end(): void {
    const { files, hasEnded } = this.state;
    if (hasEnded) return;
    this.state.hasEnded = true;
    if (files.kind === 'terminal') this.accept({ kind: 'hung-up' });
    this.pump();
  }

  resize({ rows, columns }: WindowSize): void {
    if (this.files.kind === 'terminal') this.accept({ kind: 'resized', rows, columns });
  }

  /** Moves what is in the pipes, as far as those who hear it keep up, or `to-the-end`. True if anything moved. */
  pump(how?: 'to-the-end'): boolean {
    const { files, waiting, hasEnded } = this.state;
    if (files.kind === 'terminal') return false;
    let moved = false;
    for (const [{ pipe }, stream] of [
      [files.stdout, 1],
      [files.stderr, 2],
    ] as const) {
      if (how === undefined && this.#isBehind) break;
      if (pipe.length === 0) continue;
      this.accept({ kind: 'taken', stream });
      moved = true;
    }
    for (let bytes = waiting[0]; bytes !== undefined; bytes = waiting[0]) {
      const count = Math.min(bytes.length, files.stdin.pipe.room);
      if (count === 0 && bytes.length > 0) return moved;
      if (count > 0) this.accept({ kind: 'typed', bytes: bytes.slice(0, count) });
      moved = true;
      if (count < bytes.length) waiting[0] = bytes.subarray(count);
      else waiting.shift();
    }
    if (hasEnded && !files.stdin.hasEnded) this.accept({ kind: 'hung-up' });
    return moved;
  }

  /** Lets something reach the files. */
  accept(event: StreamEvent): void {
    this.notice(event);
    const { files } = this;
    switch (event.kind) {
      case 'typed':
        if (files.kind === 'terminal') files.terminal.type(event.bytes);
        else files.stdin.put(event.bytes);
        return;
      case 'hung-up':
        if (files.kind === 'terminal') files.terminal.hangUp();
        else files.stdin.end();
        return;
      case 'resized':
        if (files.kind === 'pipes') return;
        files.terminal.setSize({ rows: event.rows, columns: event.columns, width: 0, height: 0 });
        return;
      case 'taken':
        if (files.kind === 'pipes') this.#tell((event.stream === 1 ? files.stdout : files.stderr).take(), event.stream);
    }
  }
}
