// Looking at containers: ps, inspect, logs, top, stats, diff (docker-ps(1) and its like).
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ContainerRecord, ContainerState } from '../../oci/container-store.ts';
import { type Change, changesInLayer } from '../../oci/layer-changes.ts';
import { ago, columns, humanSize } from '../columns.ts';
import { Places } from '../places.ts';
import { ask, LocalStreams } from './client.ts';

function print(text: string): void {
  process.stdout.write(text);
}

const STATUS: Readonly<Record<ContainerState, (record: ContainerRecord) => string>> = {
  creating: () => 'Creating',
  created: () => 'Created',
  running: ({ startedAt }) => `Up ${ago(startedAt).replace(/ ago$/, '')}`,
  paused: ({ startedAt }) => `Up ${ago(startedAt).replace(/ ago$/, '')} (Paused)`,
  exited: ({ exitCode, finishedAt }) => `Exited (${exitCode ?? 0}) ${ago(finishedAt)}`,
};

/** Lists containers. */
export function listContainers(options: { all?: true; quiet?: true; trunc: boolean; json?: true }): void {
  const records = new Places().containers.list().filter(({ runner }) => options.all || runner);
  const idOf = ({ id }: ContainerRecord) => (options.trunc ? id.slice(0, 12) : id);
  if (options.json) print(`${JSON.stringify(records, undefined, 2)}\n`);
  else if (options.quiet) print(records.map((record) => `${idOf(record)}\n`).join(''));
  else
    print(
      columns(
        ['CONTAINER ID', 'IMAGE', 'COMMAND', 'CREATED', 'STATUS', 'NAMES'],
        records.map((record) => [
          idOf(record),
          record.image.name,
          JSON.stringify(shorten(record.spec.process.args.join(' '), options.trunc)),
          ago(record.created),
          STATUS[record.state](record),
          record.name,
        ]),
      ),
    );
}

const shorten = (text: string, trunc: boolean) => (trunc && text.length > 20 ? `${text.slice(0, 19)}…` : text);

/** Prints containers as JSON. */
export function inspectContainers(names: readonly string[]): void {
  const { containers } = new Places();
  print(
    `${JSON.stringify(
      names.map((name) => {
        const record = containers.find(name);
        return { ...record, changesSaved: containers.changesSaved(record.id) };
      }),
      undefined,
      2,
    )}\n`,
  );
}

/** Prints what a container has written. */
export async function showLogs(
  name: string,
  options: { follow?: true; timestamps?: true; tail?: number },
): Promise<void> {
  const { containers, data } = new Places();
  const record = containers.find(name);
  const path = join(data.root, containers.logPath(record.id));
  const show = (text: string) => {
    const { log, stream, time } = JSON.parse(text) as { log: string; stream: string; time: string };
    const bytes = Buffer.from(options.timestamps ? `${time} ${log}` : log, 'latin1');
    (stream === 'stdout' ? process.stdout : process.stderr).write(bytes);
  };
  if (!existsSync(path)) return;
  const lines = readFileSync(path, 'utf8').split('\n').filter(Boolean);
  for (const line of options.tail === undefined ? lines : lines.slice(-options.tail)) show(line);
  if (!options.follow || !record.runner) return;
  const local = new LocalStreams({ raw: false });
  await ask(record, { op: 'attach' }, { onOutput: local.write }).catch(() => {});
}

/** One process, as a runner tells it. */
export interface Process {
  readonly pid: number;
  readonly parent: number;
  readonly uid: number;
  readonly milliseconds: number;
  readonly name: string;
}

/** Lists the processes of a container. */
export async function showProcesses(name: string): Promise<void> {
  print(processTable((await ask(new Places().containers.find(name), { op: 'top' })) as readonly Process[]));
}

/** Processes as a table. */
export function processTable(processes: readonly Process[]): string {
  const time = (ms: number) => new Date(ms).toISOString().slice(11, 19);
  const rows = processes.map(({ uid, pid, parent, milliseconds, name: command }) => [
    String(uid),
    String(pid),
    String(parent),
    time(milliseconds),
    command,
  ]);
  return columns(['UID', 'PID', 'PPID', 'TIME', 'CMD'], rows);
}

/** What a container uses, as a runner tells it. */
export interface Stats {
  readonly cpuNanoseconds: number;
  readonly userNanoseconds: number;
  readonly virtualNanoseconds: number;
  readonly memory: number;
  readonly memoryLimit: number;
  readonly pids: number;
  /** 0: none. */
  readonly pidsLimit: number;
  readonly oomKills: number;
}

/** What running containers use. */
export async function showStats(names: readonly string[], options: { json?: true }): Promise<void> {
  const { containers } = new Places();
  const records =
    names.length > 0 ? names.map((name) => containers.find(name)) : containers.list().filter(({ runner }) => runner);
  const all = await Promise.all(
    records.map(async (record) => ({ record, stats: (await ask(record, { op: 'stats' })) as Stats })),
  );
  if (options.json) {
    print(
      `${JSON.stringify(
        all.map(({ record, stats }) => ({ id: record.id, name: record.name, ...stats })),
        undefined,
        2,
      )}\n`,
    );
    return;
  }
  const rows = all.map(({ record, stats }) => [
    record.id.slice(0, 12),
    record.name,
    `${((100 * stats.cpuNanoseconds) / Math.max(1, stats.virtualNanoseconds)).toFixed(2)}%`,
    `${humanSize(stats.memory)} / ${humanSize(stats.memoryLimit)}`,
    `${((100 * stats.memory) / stats.memoryLimit).toFixed(2)}%`,
    String(stats.pids),
  ]);
  print(columns(['CONTAINER ID', 'NAME', 'CPU %', 'MEM USAGE / LIMIT', 'MEM %', 'PIDS'], rows));
}

/** Lists what a container changed. */
export async function showChanges(name: string): Promise<void> {
  const places = new Places();
  const record = places.containers.find(name);
  const found = record.runner
    ? ((await ask(record, { op: 'changes' })) as readonly Change[])
    : changesKept(places, record);
  const lines = found.map(({ kind, path }) => `${kind} ${path}\n`);
  print(lines.join(''));
}

/** The changes of a container that does not run. */
function changesKept({ containers, images }: Places, { id, image }: ContainerRecord): readonly Change[] {
  const kept = containers.changes(id);
  kept?.content.close();
  const below = image.diffIds.map((layer) => images.layers.entries(layer));
  return changesInLayer(kept?.entries ?? [], below);
}
