// anillo oci: one more process in a container of a bundle, and other limits for it (runc-exec(8), runc-update(8)).
import { readFileSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import { statusOf } from '../../oci/bundle-state.ts';
import type { BundleRecord } from '../../oci/container-store.ts';
import { OciError } from '../../oci/oci-error.ts';
import { parseProcess, parseResources } from '../../oci/parse-runtime-spec.ts';
import type { ProcessSpec, ResourceSpec } from '../../oci/runtime-spec.ts';
import { leaveBehind, workBehind } from '../container/background.ts';
import { ask, converse, windowSize } from '../container/client.ts';
import type { ExecRequest } from '../container/protocol.ts';
import { CliError, EXEC_FAILED } from '../errors.ts';
import { BundlePlaces } from '../places.ts';
import { ignore, readConfig } from './bundle.ts';
import { writePid } from './lifecycle.ts';

/** Options of `exec`, parsed. */
export interface ExecOptions {
  readonly root: string;
  readonly process?: string;
  readonly tty?: true;
  readonly env: readonly string[];
  readonly user?: string;
  readonly additionalGids: readonly string[];
  readonly cwd?: string;
  readonly cap: readonly string[];
  readonly noNewPrivs?: true;
  readonly detach?: true;
  readonly pidFile?: string;
  readonly ignorePaused?: true;
}

/** Runs one more process; the exit status becomes its own. @throws CliError with a status that says it did not run */
export async function execInBundle(id: string, args: readonly string[], options: ExecOptions): Promise<void> {
  try {
    await execute(id, args, options);
  } catch (error) {
    const hasSentence = error instanceof OciError || error instanceof CliError;
    throw hasSentence ? new CliError(error.message, EXEC_FAILED) : error;
  }
}

async function execute(id: string, args: readonly string[], options: ExecOptions): Promise<void> {
  const record = new BundlePlaces(options.root).containers.named(id);
  if (statusOf(record) === 'paused' && !options.ignorePaused)
    throw new OciError('bad-state', `The container ${id} is paused: resume it first, or use --ignore-paused.`);
  const process_ = options.process === undefined ? processOf(record, args, options) : readProcess(options.process);
  if (!isAbsolute(process_.cwd)) throw new CliError(`The working directory ${process_.cwd} is no absolute path.`);
  const size = process_.terminal && process.stdout.isTTY ? { size: windowSize() } : {};
  const exec: ExecRequest = { process: process_, interactive: true, ...size };
  if (options.detach) {
    const pid = await leaveBehind(['oci', '--root', options.root, 'converse', id, JSON.stringify(exec)], {
      stdio: [process.stdin.isTTY ? 'ignore' : 'inherit', 'inherit', 'inherit'],
      env: process.env,
    });
    if (options.pidFile !== undefined) writePid(options.pidFile, pid);
    return;
  }
  if (options.pidFile !== undefined) writePid(options.pidFile, process.pid);
  process.exitCode = Number(
    await converse(record, { op: 'exec', exec }, { raw: process_.terminal, interactive: true }),
  );
}

/** The process left behind by a detached exec: it has the standard files of the program, and ends as it does. */
export async function converseBehind(id: string, text: string, { root }: { readonly root: string }): Promise<void> {
  await workBehind(async (ready) => {
    const exec = JSON.parse(text) as ExecRequest;
    const record = new BundlePlaces(root).containers.named(id);
    process.exitCode = Number(await converse(record, { op: 'exec', exec }, { raw: false, interactive: true, ready }));
  });
}

function readProcess(file: string): ProcessSpec {
  return parseProcess(readConfig(file), file, ignore);
}

function processOf({ spec }: BundleRecord, args: readonly string[], options: ExecOptions): ProcessSpec {
  if (args.length === 0) throw new CliError('There is nothing to run: give a command, or --process FILE.');
  const first = spec.process;
  const [uid, gid] = options.user === undefined ? [] : ids(options.user);
  const add = (names: readonly string[] = []) => [...new Set([...names, ...options.cap])];
  const { bounding, effective, permitted } = first.capabilities;
  return {
    ...first,
    args,
    cwd: options.cwd ?? first.cwd,
    env: [...first.env, ...options.env],
    terminal: options.tty === true,
    user: {
      ...first.user,
      uid: uid ?? first.user.uid,
      gid: gid ?? first.user.gid,
      additionalGids: [...first.user.additionalGids, ...options.additionalGids.map((text) => number(text, '-g'))],
    },
    capabilities: {
      ...first.capabilities,
      ...{ bounding: add(bounding), effective: add(effective), permitted: add(permitted) },
    },
    noNewPrivileges: options.noNewPrivs === true || first.noNewPrivileges,
  };
}

/** `UID[:GID]`. @throws CliError */
function ids(text: string): readonly number[] {
  return text.split(':').map((part) => number(part, '--user'));
}

function number(text: string, option: string): number {
  if (/^\d{1,10}$/.test(text)) return Number(text);
  throw new CliError(`${option} takes numbers, not ${text}.`);
}

/** Options of `update`, parsed: those of ResourceSpec that can be given alone. */
export type UpdateOptions = { readonly root: string; readonly resources?: string } & Partial<ResourceSpec>;

/** Gives a container other limits. */
export async function updateBundle(id: string, { root, resources: file, ...given }: UpdateOptions): Promise<void> {
  const { containers } = new BundlePlaces(root);
  const record = containers.named(id);
  if (statusOf(record) === 'stopped') throw new OciError('bad-state', `The container ${id} is not running.`);
  const read = (path: string) => (path === '-' ? new Uint8Array(readFileSync(0)) : readConfig(path));
  const asked: ResourceSpec =
    file === undefined
      ? { unified: {}, ...given }
      : parseResources(read(file), file === '-' ? 'standard input' : file, ignore);
  if (record.runner) await ask(record, { op: 'update', resources: asked });
  await containers.update(id, (now) => ({
    ...now,
    spec: { ...now.spec, resources: { ...now.spec.resources, ...asked } },
  }));
}
