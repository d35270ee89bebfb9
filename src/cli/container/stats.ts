// What running containers use, once or again and again (docker-stats(1)).
import { setTimeout as sleep } from 'node:timers/promises';
import type { StoredContainer } from '../../oci/container-store.ts';
import { binarySize, humanSize } from '../columns.ts';
import { type ListFormat, renderRows, type Row } from '../format/rows.ts';
import { Places } from '../places.ts';
import { ask } from './client.ts';

/** Between two looks; the share of the processor is what was used in between. */
const INTERVAL_MS = 1000;
/** To the upper left, and clear what is behind. */
const HOME = '\u001b[H\u001b[J';

const COLUMNS = ['Container', 'Name', 'CPUPerc', 'MemUsage', 'MemPerc', 'NetIO', 'BlockIO', 'PIDs'];
const LIST: ListFormat = {
  titles: {
    Container: 'CONTAINER ID',
    ID: 'CONTAINER ID',
    Name: 'NAME',
    CPUPerc: 'CPU %',
    MemUsage: 'MEM USAGE / LIMIT',
    MemPerc: 'MEM %',
    NetIO: 'NET I/O',
    BlockIO: 'BLOCK I/O',
    PIDs: 'PIDS',
  },
  table: COLUMNS.map((name) => `{{.${name}}}`).join('\t'),
};

/** What a container has used until now, as a runner tells it; times in nanoseconds of virtual time. */
export interface Stats {
  readonly cpuNanoseconds: number;
  readonly userNanoseconds: number;
  readonly virtualNanoseconds: number;
  readonly instructions: number;
  /** How often the process that runs it came back from sleep. */
  readonly wakeUps: number;
  readonly memory: number;
  /** Part of it: pages of files that can be read again. */
  readonly cachedMemory: number;
  readonly memoryLimit: number;
  readonly pids: number;
  /** 0: none. */
  readonly pidsLimit: number;
  readonly oomKills: number;
  readonly network: { readonly received: number; readonly sent: number };
  readonly disk: { readonly read: number; readonly written: number };
}

/** Options of `stats`, parsed. */
export interface StatsOptions {
  readonly json?: true;
  readonly stream: boolean;
  readonly all?: true;
  readonly trunc: boolean;
  readonly format?: string;
}

interface Look {
  readonly record: StoredContainer;
  readonly stats: Stats;
}

/** What a container uses that does not run. */
const NOTHING: Stats = {
  cpuNanoseconds: 0,
  userNanoseconds: 0,
  virtualNanoseconds: 0,
  instructions: 0,
  wakeUps: 0,
  memory: 0,
  cachedMemory: 0,
  memoryLimit: 0,
  pids: 0,
  pidsLimit: 0,
  oomKills: 0,
  network: { received: 0, sent: 0 },
  disk: { read: 0, written: 0 },
};

/** Prints what running containers use. */
export async function showStats(names: readonly string[], options: StatsOptions): Promise<void> {
  const { json, stream, format, all } = options;
  let before = await lookAt(names, all);
  await sleep(INTERVAL_MS);
  let now = await lookAt(names, all);
  const print = (head = '') =>
    process.stdout.write(head + renderRows(rows(now, shares(now, before), options), LIST, format));
  if (json) {
    const entries = now.map(({ record: { id, name }, stats }, n) => ({
      id,
      name,
      cpuShare: shares(now, before)[n],
      ...stats,
    }));
    process.stdout.write(`${JSON.stringify(entries, undefined, 2)}\n`);
    return;
  }
  print();
  while (stream && now.length > 0) {
    await sleep(INTERVAL_MS);
    before = now;
    // those that were named may have ended meanwhile
    now = await lookAt(names, all).catch(() => []);
    print(process.stdout.isTTY ? HOME : '');
  }
}

/** All that run if none is named; those that end meanwhile are left out. @throws OciError for a name there is not */
async function lookAt(names: readonly string[], all = false): Promise<Look[]> {
  const { containers } = new Places();
  const look = async (record: StoredContainer) => ({
    record,
    stats: record.runner || !all ? ((await ask(record, { op: 'stats' })) as Stats) : NOTHING,
  });
  if (names.length > 0) return Promise.all(names.map((name) => look(containers.find(name))));
  const running = containers.list().filter(({ runner }) => runner || all);
  const looks = await Promise.allSettled(running.map(look));
  return looks.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
}

/** The shares of the processor since the look before: 1 for all of it. */
function shares(looks: readonly Look[], before: readonly Look[]): number[] {
  return looks.map(({ record, stats }) => {
    const earlier = before.find((look) => look.record.id === record.id)?.stats;
    const time = stats.virtualNanoseconds - (earlier?.virtualNanoseconds ?? stats.virtualNanoseconds);
    return time <= 0 ? 0 : (stats.cpuNanoseconds - earlier!.cpuNanoseconds) / time;
  });
}

/** A row for each look, by the names that templates have for the columns. */
function rows(looks: readonly Look[], used: readonly number[], { trunc }: StatsOptions): Row[] {
  const percent = (part: number) => `${(100 * part).toFixed(2)}%`;
  return looks.map(({ record: { id, name }, stats }, n) => {
    const memory = Math.max(0, stats.memory - stats.cachedMemory);
    return {
      Container: trunc ? id.slice(0, 12) : id,
      ID: trunc ? id.slice(0, 12) : id,
      Name: name,
      CPUPerc: percent(used[n]!),
      MemUsage: `${binarySize(memory)} / ${binarySize(stats.memoryLimit)}`,
      MemPerc: percent(memory / (stats.memoryLimit || 1)),
      NetIO: `${humanSize(stats.network.received)} / ${humanSize(stats.network.sent)}`,
      BlockIO: `${humanSize(stats.disk.read)} / ${humanSize(stats.disk.written)}`,
      PIDs: String(stats.pids),
    };
  });
}
