// Processes that a command leaves behind: each runs one container, and says over its channel to the command when it is ready, or
// in one sentence why it cannot be.
import { spawn, type StdioOptions } from 'node:child_process';
import { CliError, EXIT } from '../errors.ts';

/** What the process left behind says. */
type Word = { readonly ready: true } | { readonly sentence: string; readonly status: number };

/** How the process is started. */
export interface BehindOptions {
  /** Its standard input, output and error. */
  readonly stdio: readonly ('ignore' | 'inherit')[];
  readonly env: NodeJS.ProcessEnv;
}

/** Runs a command of anillo that is left behind; gives the number of its process once it is ready. @throws CliError */
export async function leaveBehind(args: readonly string[], { stdio, env }: BehindOptions): Promise<number> {
  const child = spawn(process.execPath, [process.argv[1]!, ...args], {
    detached: true,
    stdio: [...stdio, 'ipc'] as StdioOptions,
    env,
  });
  const word = await new Promise<Word>((resolve) => {
    child.once('message', (message) => resolve(message as Word));
    // unlike `exit` this comes when all that it said has been heard
    child.once('close', (code, signal) => {
      const how = signal ? `killed by ${signal}` : `ended with status ${code}`;
      resolve({ sentence: `The process that should run the container was ${how}.`, status: EXIT.failure });
    });
  });
  if ('sentence' in word) throw new CliError(word.sentence, word.status);
  child.disconnect();
  child.unref();
  return child.pid!;
}

/** Runs the work of a process left behind, and hands its complaint to whoever waits. */
export async function workBehind(work: (ready: () => void) => Promise<void>): Promise<void> {
  // whoever started it may listen no more
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
  const say = (word: Word) => process.send?.(word, undefined, undefined, () => {});
  try {
    await work(() => say({ ready: true }));
  } catch (error) {
    if (!(error instanceof Error && 'code' in error) && !(error instanceof CliError)) throw error;
    const status = error instanceof CliError ? error.exitStatus : EXIT.failure;
    say({ sentence: error.message, status });
    process.exitCode = status;
  }
}
