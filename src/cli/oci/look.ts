// anillo oci: looking at containers of bundles (runc-state(8), runc-list(8), runc-ps(8), runc-events(8)), and what tools ask the
// runtime itself: spec, features.
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fullState, statusOf } from '../../oci/bundle-state.ts';
import type { BundleRecord } from '../../oci/container-store.ts';
import { features } from '../../oci/features.ts';
import { specTemplate } from '../../oci/spec-template.ts';
import { hostReason } from '../assets.ts';
import { columns } from '../columns.ts';
import { ask } from '../container/client.ts';
import { columnsAsked, processTable, type Process } from '../container/processes.ts';
import type { Stats } from '../container/stats.ts';
import { CliError, EXIT } from '../errors.ts';
import { BundlePlaces } from '../places.ts';
import { version } from '../../../package.json';

interface Root {
  readonly root: string;
}

function print(text: string): void {
  process.stdout.write(text);
}

const printJson = (value: unknown) => print(`${JSON.stringify(value, undefined, 2)}\n`);

/** Prints the state of a container. */
export function showState(id: string, { root }: Root): void {
  printJson(fullState(new BundlePlaces(root).containers.named(id)));
}

/** Lists containers. */
export function listBundles({ root, format, quiet }: Root & { readonly format: string; readonly quiet?: true }): void {
  const records = [...new BundlePlaces(root).containers.list()].sort((a, b) => (a.id < b.id ? -1 : 1));
  const pidOf = (record: BundleRecord) => String(statusOf(record) === 'stopped' ? 0 : (record.runner?.pid ?? 0));
  if (quiet) print(records.map(({ id }) => `${id}\n`).join(''));
  else if (format === 'json') print(`${JSON.stringify(records.map(fullState))}\n`);
  else
    print(
      columns(
        ['ID', 'PID', 'STATUS', 'BUNDLE', 'CREATED', 'OWNER'],
        records.map((record) => [
          record.id,
          pidOf(record),
          statusOf(record),
          record.bundle,
          record.created,
          record.owner,
        ]),
      ),
    );
}

/** Lists the processes of a container, by their numbers inside; one that was stopped has none. */
export async function listProcesses(
  id: string,
  psOptions: readonly string[],
  { root, format }: Root & { readonly format: string },
): Promise<void> {
  const shown = columnsAsked(psOptions);
  const record = new BundlePlaces(root).containers.named(id);
  const isStopped = statusOf(record) === 'stopped';
  const processes = isStopped ? [] : ((await ask(record, { op: 'top' })) as readonly Process[]);
  if (format === 'table') print(processTable(processes, shown));
  else print(`${JSON.stringify(isStopped ? null : processes.map(({ pid }) => pid))}\n`);
}

/** Prints what a container uses, again and again, and when it runs out of memory. */
export async function showEvents(
  id: string,
  { root, interval, stats }: Root & { readonly interval: number; readonly stats?: true },
): Promise<void> {
  const { containers } = new BundlePlaces(root);
  let oomKills = 0;
  for (let record = containers.named(id); record.runner; record = containers.named(id)) {
    const now = (await ask(record, { op: 'stats' })) as Stats;
    if (now.oomKills > oomKills) print(`${JSON.stringify({ type: 'oom', id })}\n`);
    oomKills = now.oomKills;
    print(`${JSON.stringify({ type: 'stats', id, data: statistics(now) })}\n`);
    if (stats) return;
    await new Promise((done) => setTimeout(done, interval));
  }
  if (stats) throw new CliError(`The container ${id} is not running.`, EXIT.failure);
}

/** In the shape of runc's events. */
function statistics(stats: Stats): object {
  const kernel = stats.cpuNanoseconds - stats.userNanoseconds;
  return {
    cpu: { usage: { total: stats.cpuNanoseconds, kernel, user: stats.userNanoseconds }, throttling: {} },
    memory: { usage: { limit: stats.memoryLimit, usage: stats.memory, failcnt: stats.oomKills } },
    pids: { current: stats.pids, ...(stats.pidsLimit ? { limit: stats.pidsLimit } : {}) },
  };
}

/** Writes a configuration to begin with. @throws CliError */
export function writeSpec({ bundle, rootless }: { readonly bundle: string; readonly rootless?: true }): void {
  const file = join(bundle, 'config.json');
  if (existsSync(file)) throw new CliError(`${file} is there already: remove it first.`, EXIT.failure);
  const ids = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  try {
    writeFileSync(file, `${JSON.stringify(specTemplate(rootless ? ids : undefined), undefined, '\t')}\n`);
  } catch (error) {
    throw new CliError(`${file} cannot be written: ${hostReason(error)}.`, EXIT.failure);
  }
}

/** What this runtime can do. */
export function showFeatures(): void {
  printJson(features(version));
}
