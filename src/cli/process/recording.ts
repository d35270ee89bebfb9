// A recorded run: how it began, everything that reached it from outside with the instruction and cycle count at which it
// did, and marks of what it said and was at the end, by which a replay is checked.
import { createHash } from 'node:crypto';
import { LoadError, loadGraph } from '../../kernel/snapshot/load.ts';
import { saveGraph } from '../../kernel/snapshot/save.ts';
import { readParts, SnapshotError, writeSnapshot } from '../../machine/snapshot.ts';
import { bytesField } from '../../machine/stateful.ts';
import type { InputEvent, ProgramRun, ProgramStart } from './program-run.ts';

/** A point of a run. */
export interface Stamp {
  readonly instructions: number;
  readonly cycles: number;
}

/** How a call on a directory of this computer ended. */
export type HostResult =
  | { readonly call: string; readonly value: unknown }
  | { readonly call: string; readonly errno: string };

/** What was said, and when. */
export interface OutputMark {
  readonly instructions: number;
  readonly bytes: number;
  /** Hash of everything said so far. */
  readonly hash: string;
}

/** A volume, by what the program sees of it. */
export interface RecordedVolume {
  readonly guest: string;
  readonly host: string;
  readonly writable: boolean;
  /** The one file of it that is seen; null for the whole directory. */
  readonly file: string | null;
}

export interface Recording {
  readonly start: ProgramStart;
  readonly volumes: readonly RecordedVolume[];
  readonly inputs: readonly (Stamp & { readonly event: InputEvent })[];
  readonly results: readonly HostResult[];
  readonly outputs: readonly OutputMark[];
  readonly end: Stamp & { readonly reason: string; readonly state: string };
}

const PART = 'recording';
const VERSION = 2;

/** A recording as a file. */
export function writeRecording(recording: Recording): Uint8Array {
  const unused = (): never => {
    throw new Error('recordings are not loaded this way');
  };
  return writeSnapshot([{ name: PART, version: VERSION, save: () => ({ graph: saveGraph(recording) }), load: unused }]);
}

/** @throws SnapshotError when the file is none, damaged, or of another version */
export function readRecording(file: Uint8Array): Recording {
  const [part, ...others] = readParts(file);
  if (part?.name !== PART || others.length > 0)
    throw new SnapshotError('unknown-part', 'The file is no recording: it is a snapshot (--restore goes on from one).');
  if (part.version !== VERSION) {
    const message = `The recording has version ${part.version}, this version of anillo reads ${VERSION}.`;
    throw new SnapshotError('other-part-version', message);
  }
  try {
    return checked(loadGraph(bytesField(part.fields, 'graph')) as Partial<Recording>);
  } catch (error) {
    if (!(error instanceof LoadError)) throw error;
    throw new SnapshotError('corrupt', error.message, { cause: error });
  }
}

/** The parts are there; what is in them is the replay's to doubt. */
function checked(recording: Partial<Recording>): Recording {
  const { start, volumes, inputs, results, outputs, end } = recording;
  const isWhole =
    start?.file instanceof Uint8Array &&
    [volumes, inputs, results, outputs, start.args, start.environment].every((list) => Array.isArray(list)) &&
    [start.memory, start.seed, end?.instructions, end?.cycles].every((number) => Number.isSafeInteger(number)) &&
    typeof start.name === 'string';
  if (!isWhole) throw new SnapshotError('corrupt', 'The recording is damaged: not all of its parts are there.');
  return recording as Recording;
}

/** Hash of everything said, extended by what is said now. */
export function outputHash(before: string, bytes: Uint8Array): string {
  return createHash('sha256').update(before).update(bytes).digest('hex').slice(0, 16);
}

/** Hash of memory and of the kernel's objects. */
export function stateHash(run: ProgramRun): string {
  const hash = createHash('sha256');
  for (const { name, fields } of readParts(run.save()))
    if (name === 'memory') hash.update(bytesField(fields, 'data'));
    else if (name === 'linux') hash.update(bytesField(fields, 'graph'));
  return hash.digest('hex');
}
