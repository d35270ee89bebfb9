// Hooks that are programs of this computer (OCI runtime specification, "POSIX-platform Hooks": prestart, createRuntime, poststart,
// poststop). A configuration is data of strangers, so they run only when the user says so with --allow-host-hooks.
import { spawnSync } from 'node:child_process';
import { isAbsolute } from 'node:path';
import { OciError } from '../../oci/oci-error.ts';
import type { Hook, HookPoint, RuntimeSpec } from '../../oci/runtime-spec.ts';

const HOST_POINTS = ['prestart', 'createRuntime', 'poststart', 'poststop'] as const satisfies readonly HookPoint[];
/** Those whose failure stops nothing. */
const LATE: ReadonlySet<HookPoint> = new Set(['poststart', 'poststop']);
const MOST_SHOWN = 400;

/** @throws OciError for a configuration with hooks that the user has not allowed, or that cannot be found */
export function checkHooks({ hooks }: RuntimeSpec, isAllowed: boolean): void {
  for (const point of HOST_POINTS) {
    for (const { path } of hooks[point] ?? []) {
      if (!isAbsolute(path)) throw new OciError('bad-option', `The path ${path} of a ${point} hook is not absolute.`);
      if (isAllowed) continue;
      throw new OciError(
        'unsupported',
        `The bundle has a ${point} hook, ${path}, a program of this computer: --allow-host-hooks lets it run.`,
      );
    }
  }
}

/** Runs the hooks of a point with the state on standard input. @throws OciError when one fails that is needed */
export function runHostHooks(point: HookPoint, hooks: readonly Hook[], state: object): void {
  for (const hook of hooks) {
    const complaint = runHostHook(point, hook, state);
    if (complaint === undefined) continue;
    if (!LATE.has(point)) throw new OciError('cannot-run', complaint);
    process.stderr.write(`anillo: ${complaint}\n`);
  }
}

/** Gives what went wrong. */
function runHostHook(point: HookPoint, { path, args, env, timeout }: Hook, state: object): string | undefined {
  const { status, signal, error, stderr } = spawnSync(path, args.slice(1), {
    argv0: args[0] ?? path,
    env: Object.fromEntries(env.map((setting) => setting.split(/=(.*)/s) as [string, string])),
    input: `${JSON.stringify(state)}\n`,
    encoding: 'utf8',
    ...(timeout === undefined ? {} : { timeout: timeout * 1000 }),
  });
  const words = stderr?.trim() ? `: ${stderr.trim().slice(0, MOST_SHOWN)}` : '';
  if (error && 'code' in error && error.code === 'ETIMEDOUT')
    return `The ${point} hook ${path} took more than ${timeout} seconds.`;
  if (error) return `The ${point} hook ${path} cannot be run: ${error.message}.`;
  if (signal) return `The ${point} hook ${path} was killed by ${signal}${words}.`;
  return status === 0 ? undefined : `The ${point} hook ${path} ended with status ${status}${words}.`;
}
