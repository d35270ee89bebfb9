// What a container has written (docker-logs(1)). The runner appends one JSON object for each piece of output; a line is what was
// written up to a new line, and has the time of its first piece.
import { closeSync, existsSync, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Places } from '../places.ts';
import { olderLog } from './log-file.ts';

const POLL_MS = 100;
const CHUNK = 1 << 16;

/** Options of `logs`; times in milliseconds since 1970. */
export interface LogOptions {
  readonly follow?: true;
  readonly timestamps?: true;
  /** Infinity: all. */
  readonly tail?: number;
  readonly since?: number;
  readonly until?: number;
}

interface Line {
  readonly time: string;
  readonly stream: 'stdout' | 'stderr';
  /** Bytes as characters. */
  text: string;
}

/** Takes pieces apart into lines; what is behind the last new line of a stream waits for more. */
class Lines {
  readonly #open: Partial<Record<Line['stream'], Line>> = {};

  *add(piece: { readonly log: string; readonly stream: Line['stream']; readonly time: string }): Iterable<Line> {
    const { stream, time, log } = piece;
    for (const part of log.match(/[^\n]*\n|[^\n]+/g) ?? []) {
      const line = this.#open[stream] ?? { time, stream, text: '' };
      line.text += part;
      this.#open[stream] = line;
      if (!part.endsWith('\n')) continue;
      this.#open[stream] = undefined;
      yield line;
    }
  }

  /** Lines without an end. */
  *rest(): Iterable<Line> {
    for (const line of Object.values(this.#open)) if (line) yield line;
  }
}

/** Reads what is appended to a file, as far as it is whole lines. */
class Tail {
  readonly #path: string;
  #file: number;
  #at = 0;
  #left = '';

  constructor(path: string) {
    this.#path = path;
    const older = olderLog(path);
    this.#file = openSync(existsSync(older) ? older : path, 'r');
  }

  /** What is new in the file, and in the one that has taken its place. */
  *read(): Iterable<string> {
    yield* this.#rest();
    const now = statSync(this.#path, { throwIfNoEntry: false });
    if (now === undefined || now.ino === fstatSync(this.#file).ino) return;
    closeSync(this.#file);
    this.#file = openSync(this.#path, 'r');
    this.#at = 0;
    yield* this.#rest();
  }

  *#rest(): Iterable<string> {
    const chunk = Buffer.alloc(CHUNK);
    // a log that was cut short begins anew
    if (fstatSync(this.#file).size < this.#at) this.#at = 0;
    for (;;) {
      const count = readSync(this.#file, chunk, 0, CHUNK, this.#at);
      if (count === 0) return;
      this.#at += count;
      const lines = (this.#left + chunk.toString('latin1', 0, count)).split('\n');
      this.#left = lines.pop()!;
      yield* lines;
    }
  }

  close(): void {
    closeSync(this.#file);
  }
}

/** Prints what a container has written. @throws OciError */
export async function showLogs(name: string, options: LogOptions): Promise<void> {
  const { containers, data } = new Places();
  const { id } = containers.find(name);
  const path = join(data.root, containers.logPath(id));
  if (!existsSync(path)) return;
  const tail = new Tail(path);
  const lines = new Lines();
  const news = function* (): Iterable<Line> {
    for (const text of tail.read()) yield* lines.add(JSON.parse(Buffer.from(text, 'latin1').toString()));
  };
  try {
    const isRunning = () => containers.list().some((record) => record.id === id && record.runner);
    let goesOn = options.follow === true && isRunning();
    const first = [...news(), ...(goesOn ? [] : lines.rest())].filter((line) => isWanted(line, options));
    for (const line of first.slice(Math.max(0, first.length - (options.tail ?? first.length)))) show(line, options);
    const follows = goesOn;
    while (goesOn) {
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      goesOn = isRunning();
      for (const line of news()) if (isWanted(line, options)) show(line, options);
    }
    if (follows) for (const line of lines.rest()) if (isWanted(line, options)) show(line, options);
  } finally {
    tail.close();
  }
}

function isWanted({ time }: Line, { since = Number.NEGATIVE_INFINITY, until = Number.POSITIVE_INFINITY }: LogOptions) {
  const at = Date.parse(time);
  return at >= since && at < until;
}

function show({ time, stream, text }: Line, { timestamps }: LogOptions): void {
  const bytes = Buffer.from(timestamps ? `${time} ${text}` : text, 'latin1');
  (stream === 'stdout' ? process.stdout : process.stderr).write(bytes);
}
