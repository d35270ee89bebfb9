// One more program in a running container (docker-exec(1)).
import type { ContainerRecord } from '../../oci/container-store.ts';
import { ALL_CAPABILITY_NAMES } from '../../oci/capability-names.ts';
import { OciError } from '../../oci/oci-error.ts';
import type { ProcessSpec } from '../../oci/runtime-spec.ts';
import { CliError, RUN_FAILED } from '../errors.ts';
import { Places } from '../places.ts';
import { ask, converse, windowSize } from './client.ts';
import { exitCodeFor } from './run.ts';
import { setting, settingsIn } from './run-values.ts';

/** Options of `exec`, parsed. */
export interface ExecOptions {
  readonly interactive?: true;
  readonly tty?: true;
  readonly detach?: true;
  readonly env: readonly string[];
  readonly envFile: readonly string[];
  readonly privileged?: true;
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
    interactive: interactive && !options.detach,
    ...(options.detach ? { detach: true as const } : {}),
    ...(terminal ? { size: windowSize() } : {}),
  };
  try {
    if (options.detach) await ask(record, { op: 'exec', exec });
    else process.exitCode = Number(await converse(record, { op: 'exec', exec }, { raw: terminal, interactive }));
  } catch (error) {
    const code = error instanceof OciError ? exitCodeFor(error) : RUN_FAILED;
    throw code === RUN_FAILED ? error : new CliError((error as OciError).message, code);
  }
}

function processOf({ spec }: ContainerRecord, args: readonly string[], options: ExecOptions): ProcessSpec {
  const first = spec.process;
  const given = options.env.flatMap((text) => setting(text, process.env));
  const env = [...first.env, ...settingsIn(options.envFile, process.env), ...given];
  const all = ALL_CAPABILITY_NAMES;
  return {
    ...first,
    args,
    env,
    cwd: options.workdir ?? first.cwd,
    terminal: options.tty === true,
    ...(options.privileged ? { capabilities: { bounding: all, effective: all, permitted: all } } : {}),
  };
}
