// Checkpoints of containers: a running container as files, from which one goes on in another process (docker-checkpoint(1)).
import { resolve } from 'node:path';
import { Checkpoints, type LoadedCheckpoint } from '../../oci/checkpoints.ts';
import type { ContainerRecord } from '../../oci/container-store.ts';
import { OciError } from '../../oci/oci-error.ts';
import { columns } from '../columns.ts';
import { DataFiles } from '../data-files.ts';
import { CliError } from '../errors.ts';
import { Places } from '../places.ts';
import { ask } from './client.ts';
import { hasEnded } from './control.ts';
import type { CheckpointRequest } from './protocol.ts';

/** Options of `checkpoint` and its commands, parsed. */
export interface DirectoryOption {
  readonly checkpointDir?: string;
}

/** Options of `start` that say what it goes on from, parsed. */
export interface CheckpointOptions extends DirectoryOption {
  readonly checkpoint?: string;
}

/** Where a checkpoint is. */
export interface CheckpointPlace {
  readonly name: string;
  /** Absolute; if not given, it is kept with the container. */
  readonly directory?: string;
}

/** What `start` goes on from; undefined for a start from the beginning. @throws CliError */
export function placeOf({ checkpoint, checkpointDir }: CheckpointOptions): CheckpointPlace | undefined {
  if (checkpoint === undefined) {
    if (checkpointDir !== undefined) throw new CliError('--checkpoint-dir needs --checkpoint, which says which one.');
    return undefined;
  }
  return { name: checkpoint, ...directoryOf({ checkpointDir }) };
}

function directoryOf({ checkpointDir }: { readonly checkpointDir?: string | undefined }): { directory?: string } {
  return checkpointDir === undefined ? {} : { directory: resolve(checkpointDir) };
}

/** Works on the checkpoints of a container, or of a directory; nothing else is left in that. */
function withCheckpoints<T>(
  { data, containers }: Places,
  { id }: ContainerRecord,
  directory: string | undefined,
  work: (checkpoints: Checkpoints) => T,
): T {
  if (directory === undefined) return work(new Checkpoints(data, containers.checkpointsPath(id)));
  const files = new DataFiles(directory);
  try {
    return work(new Checkpoints(files));
  } finally {
    files.tidy();
  }
}

/** Writes a checkpoint of a running container. @throws OciError when there is one of its name */
export function keepCheckpoint(
  places: Places,
  record: ContainerRecord,
  { name = '', directory, leaveRunning }: CheckpointRequest,
  checkpoint: LoadedCheckpoint,
): void {
  if (record.autoRemove && directory === undefined && !leaveRunning)
    throw new OciError(
      'bad-state',
      `The container ${record.name} and its checkpoints are removed when it ends (--rm): use --leave-running or --checkpoint-dir.`,
    );
  withCheckpoints(places, record, directory, (checkpoints) => {
    if (checkpoints.has(name))
      throw new OciError('in-use', `The container ${record.name} has a checkpoint ${name} already: remove it first.`);
    checkpoints.write(name, checkpoint);
  });
}

/** A checkpoint with its state. @throws OciError when it is not there, or damaged */
export function loadCheckpoint(
  places: Places,
  record: ContainerRecord,
  { name, directory }: CheckpointPlace,
): LoadedCheckpoint {
  return withCheckpoints(places, record, directory, (checkpoints) => {
    if (checkpoints.has(name)) return checkpoints.read(name);
    const listed = `anillo container checkpoint ls ${record.name}`;
    throw new OciError('not-found', `The container ${record.name} has no checkpoint ${name} (${listed}).`);
  });
}

/** Makes a checkpoint of a running container, which ends with it if it is not to go on. */
export async function createCheckpoint(
  container: string,
  name: string,
  options: DirectoryOption & { readonly leaveRunning?: true },
): Promise<void> {
  const places = new Places();
  const record = places.containers.find(container);
  const leaveRunning = options.leaveRunning === true;
  await ask(record, { op: 'checkpoint', name, leaveRunning, ...directoryOf(options) });
  if (!leaveRunning) await hasEnded(places, record.id, Number.POSITIVE_INFINITY);
  process.stdout.write(`${name}\n`);
}

/** Lists the checkpoints of a container. */
export function listCheckpoints(container: string, options: DirectoryOption): void {
  const places = new Places();
  const record = places.containers.find(container);
  const names = withCheckpoints(places, record, directoryOf(options).directory, (checkpoints) => checkpoints.list());
  process.stdout.write(
    columns(
      ['CHECKPOINT NAME'],
      names.map((name) => [name]),
    ),
  );
}

/** Removes a checkpoint. */
export function removeCheckpoint(container: string, name: string, options: DirectoryOption): void {
  const places = new Places();
  const record = places.containers.find(container);
  withCheckpoints(places, record, directoryOf(options).directory, (checkpoints) => {
    if (checkpoints.has(name)) checkpoints.remove(name);
    else throw new OciError('not-found', `The container ${record.name} has no checkpoint ${name}.`);
  });
}
