// Whoever reads what the command prints may go away (`anillo … | head`), or be slow. Programs in C end by SIGPIPE then, or wait;
// Node says so with an error of the stream, or keeps what cannot be written yet.
import { hostReason } from './assets.ts';
import { EXIT } from './errors.ts';

const STREAMS = [process.stdout, process.stderr];
/** Bytes that wait for a slow reader; whoever writes more has to wait for him. */
const MOST_BEHIND = 1 << 20;

// a reader that has seen enough is no failure
const end = (): void => process.exit(EXIT.ok);
let whenGone: () => void = end;

/** To be called once, before anything is printed. */
export function watchReader(): void {
  for (const stream of STREAMS)
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE') whenGone();
      // whoever listens as well says more of it
      else if (stream.listenerCount('error') === 1) {
        process.stderr.write(`anillo: What there is to print cannot be written: ${hostReason(error)}.\n`);
        process.exit(EXIT.failure);
      }
    });
}

/** While `work` goes on, the command does not end at once when nobody reads, but does this; it may be called many times. */
export async function withoutReader(act: () => void, work: () => Promise<void>): Promise<void> {
  let isGone = false;
  whenGone = () => {
    isGone = true;
    act();
  };
  try {
    await work();
  } finally {
    whenGone = end;
    if (isGone) process.exitCode = EXIT.ok;
  }
}

/** Who reads is behind. */
export function isReaderBehind(): boolean {
  return STREAMS.some(({ writableLength }) => writableLength > MOST_BEHIND);
}

/** Calls back whenever something that waited was read; gives what ends that. */
export function onRead(act: () => void): () => void {
  for (const stream of STREAMS) stream.on('drain', act);
  return () => {
    for (const stream of STREAMS) stream.off('drain', act);
  };
}
