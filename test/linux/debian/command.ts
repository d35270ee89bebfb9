// The command anillo with a data directory of its own.
import { spawnSync } from 'node:child_process';
import { COMMAND } from '../../installation.ts';
import { ENVIRONMENT, type Outcome } from './computer.ts';

/** Runs anillo. */
export class Command {
  readonly #data: string;

  constructor(data: string) {
    this.#data = data;
  }

  /** Runs it; what it wrote to standard error is behind what it wrote to standard output. */
  run(...args: readonly string[]): Outcome {
    const env = { ...process.env, ANILLO_DATA: this.#data };
    const options = { env, encoding: 'utf8', input: '', timeout: 1_100_000, maxBuffer: 1 << 26 } as const;
    const { status, stdout, stderr } = spawnSync(process.execPath, [COMMAND, ...args], options);
    return { status, out: stdout + stderr };
  }

  /** Runs a shell script in a container; standard error goes where standard output goes. */
  script(image: string, script: string, ...options: readonly string[]): Outcome {
    const environment = ENVIRONMENT.flatMap((setting) => ['-e', setting]);
    return this.run(
      'container',
      'run',
      ...options,
      '--hostname',
      'debian',
      ...environment,
      image,
      'sh',
      '-c',
      `exec 2>&1\n${script}`,
    );
  }
}
