// Whoever reads what the command prints may go away (`anillo … | head`). Programs in C end by SIGPIPE then; Node ignores that
// signal, and says so with an error of the stream.
import { EXIT } from './errors.ts';

const end = (): void => process.exit(EXIT.brokenPipe);
let whenGone: () => void = end;

/** To be called once, before anything is printed. */
export function watchReader(): void {
  for (const stream of [process.stdout, process.stderr])
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
      whenGone();
    });
}

/** While `work` goes on, the command does not end at once but does this; it may be called many times. */
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
    if (isGone) process.exitCode = EXIT.brokenPipe;
  }
}
