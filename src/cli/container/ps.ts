// Lists of containers and what is known of each (docker-ps(1), docker-inspect(1)).
import type { ContainerRecord, ContainerState } from '../../oci/container-store.ts';
import { commandLine, describeContainer, volumesOf } from '../../oci/describe-container.ts';
import { volumeName } from '../../oci/volumes.ts';
import { ago, humanSize } from '../columns.ts';
import { type ListFormat, renderDescriptions, renderRows, type Row } from '../format/rows.ts';
import { Places } from '../places.ts';
import { filtered, showsEnded } from './filters.ts';

const STATUS: Readonly<Record<ContainerState, (record: ContainerRecord) => string>> = {
  creating: () => 'Creating',
  created: () => 'Created',
  running: ({ startedAt }) => `Up ${runningFor(startedAt)}`,
  paused: ({ startedAt }) => `Up ${runningFor(startedAt)} (Paused)`,
  exited: ({ exitCode, finishedAt }) => `Exited (${exitCode ?? 0}) ${ago(finishedAt)}`,
};

const runningFor = (time: string | undefined) => ago(time).replace(/ ago$/, '');

const LIST: ListFormat = {
  titles: {
    ID: 'CONTAINER ID',
    Image: 'IMAGE',
    Command: 'COMMAND',
    CreatedAt: 'CREATED AT',
    RunningFor: 'CREATED',
    Status: 'STATUS',
    State: 'STATE',
    Ports: 'PORTS',
    Names: 'NAMES',
    Size: 'SIZE',
    Labels: 'LABELS',
    Mounts: 'MOUNTS',
    Networks: 'NETWORKS',
    LocalVolumes: 'LOCAL VOLUMES',
  },
  table: '{{.ID}}\t{{.Image}}\t{{.Command}}\t{{.RunningFor}}\t{{.Status}}\t{{.Ports}}\t{{.Names}}',
};

/** Options of `ps`. */
export interface ListOptions {
  readonly all?: true;
  readonly quiet?: true;
  readonly trunc: boolean;
  readonly size?: true;
  readonly last?: number;
  readonly latest?: true;
  readonly filter: readonly string[];
  readonly format?: string;
  readonly json?: true;
}

/** Lists containers. @throws CliError */
export function listContainers(options: ListOptions): void {
  const places = new Places();
  const last = options.latest ? 1 : (options.last ?? 0);
  const isWanted = ({ runner }: ContainerRecord) =>
    options.all || last > 0 || showsEnded(options.filter) || runner !== undefined;
  const agreeing = filtered(places.containers.list(), options.filter).filter(isWanted);
  const records = last > 0 ? agreeing.slice(0, last) : agreeing;
  process.stdout.write(listed(places, records, options));
}

function listed(places: Places, records: readonly ContainerRecord[], options: ListOptions): string {
  if (options.json) return renderDescriptions(records.map((record) => describe(places, record)));
  const rows = records.map((record) => rowOf(places, record, options));
  if (options.quiet) return renderRows(rows, LIST, '{{.ID}}');
  const table = options.size ? `${LIST.table}\t{{.Size}}` : LIST.table;
  return renderRows(rows, { ...LIST, table }, options.format);
}

function rowOf(places: Places, record: ContainerRecord, { trunc, size, format }: ListOptions): Row {
  const { id, image, created, name, labels, state } = record;
  const shorten = (text: string, most: number) => (trunc && text.length > most ? `${text.slice(0, most - 1)}…` : text);
  return {
    ID: trunc ? id.slice(0, 12) : id,
    Image: image.name,
    Command: JSON.stringify(shorten(commandLine(record), 20)),
    CreatedAt: `${created.slice(0, 19).replace('T', ' ')} +0000 UTC`,
    RunningFor: ago(created),
    Status: STATUS[state](record),
    State: state,
    Ports: '',
    Names: name,
    Size: size || format?.includes('.Size') ? sizeOf(places, record) : '',
    Labels: Object.entries(labels)
      .map(([key, value]) => `${key}=${value}`)
      .join(','),
    Mounts: volumesOf(record)
      .map((mount) => shorten(volumeName(mount) ?? mount.source ?? '', 15))
      .join(','),
    Networks: 'none',
    LocalVolumes: String(volumesOf(record).filter((mount) => volumeName(mount) !== undefined).length),
  };
}

/** What its changes take, as last kept, and that together with its image. */
function sizeOf({ containers, images }: Places, { id, image }: ContainerRecord): string {
  const kept = containers.changes(id);
  kept?.content.close();
  const own = (kept?.entries ?? []).reduce((sum, { size = 0 }) => sum + size, 0);
  const below = image.diffIds.reduce((sum, layer) => sum + images.layers.size(layer), 0);
  return `${humanSize(own)} (virtual ${humanSize(own + below)})`;
}

/** Prints what is known of containers. @throws OciError, CliError */
export function inspectContainers(names: readonly string[], { format }: { readonly format?: string }): void {
  const places = new Places();
  const records = names.map((name) => places.containers.find(name));
  const all = records.map((record) => describe(places, record));
  process.stdout.write(renderDescriptions(all, format));
}

function describe({ containers, data }: Places, record: ContainerRecord) {
  const logPath = `${data.root}/${containers.logPath(record.id)}`;
  return describeContainer(record, { logPath, changesSaved: containers.changesSaved(record.id) });
}
