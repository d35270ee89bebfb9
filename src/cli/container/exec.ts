// One more program in a running container (docker-exec(1)).
import type { ContainerRecord } from '../../oci/container-store.ts';
import { OciError } from '../../oci/oci-error.ts';
import type { ProcessSpec } from '../../oci/runtime-spec.ts';
import { Places } from '../places.ts';
import { converse, windowSize } from './client.ts';

/** Options of `exec`, parsed. */
export interface ExecOptions {
  readonly interactive?: true;
  readonly tty?: true;
  readonly env: readonly string[];
  readonly user?: string;
  readonly workdir?: string;
}

/** Runs one more program in a running container; the exit status becomes its own. */
export async function execInContainer(name: string, args: readonly string[], options: ExecOptions): Promise<void> {
  const record = new Places().containers.find(name);
  if (record.state === 'paused')
    throw new OciError('bad-state', `The container ${record.name} is paused: unpause it first.`);
  const terminal = options.tty === true;
  const interactive = options.interactive === true;
  const exec = {
    process: processOf(record, args, options),
    user: options.user ?? record.user,
    interactive,
    ...(terminal ? { size: windowSize() } : {}),
  };
  process.exitCode = Number(await converse(record, { op: 'exec', exec }, { raw: terminal, interactive }));
}

function processOf({ spec }: ContainerRecord, args: readonly string[], options: ExecOptions): ProcessSpec {
  const first = spec.process;
  const env = [...first.env, ...options.env];
  return { ...first, args, env, cwd: options.workdir ?? first.cwd, terminal: options.tty === true };
}
