// A recorded run: how it began, everything that reached it from outside with the instruction and cycle count at which it
// did, and marks of what it said and was at the end, by which a replay is checked.
import { createHash } from 'node:crypto';
import type { Kernel } from '../../kernel/kernel.ts';
import { LoadError, loadGraph } from '../../kernel/snapshot/load.ts';
import { saveGraph } from '../../kernel/snapshot/save.ts';
import { readParts, SnapshotError, writeSnapshot } from '../../machine/snapshot.ts';
import { bytesField } from '../../machine/stateful.ts';

/** What can be recorded: programs on a kernel, and what reaches them. */
export interface Recordable<Event> {
  readonly kernel: Kernel;
  /** Something comes from outside, as an interrupt does. */
  accept(event: Event): unknown;
  /** Everything there is, as a snapshot. */
  save(): Uint8Array;
}

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

/** What was run, by the commands it is recorded and replayed with. */
export type RecordingKind = 'process' | 'container';

/** A run: how it began, what came from outside and when, what it said, and how it ended. */
export interface Recording<Start, Event> {
  readonly kind: RecordingKind;
  readonly start: Start;
  readonly inputs: readonly (Stamp & { readonly event: Event })[];
  readonly results: readonly HostResult[];
  readonly outputs: readonly OutputMark[];
  readonly end: Stamp & { readonly reason: string; readonly state: string };
}

const PART = 'recording';
const VERSION = 3;

/** A recording as a file. */
export function writeRecording(recording: Recording<unknown, unknown>): Uint8Array {
  const unused = (): never => {
    throw new Error('recordings are not loaded this way');
  };
  return writeSnapshot([{ name: PART, version: VERSION, save: () => ({ graph: saveGraph(recording) }), load: unused }]);
}

/** What is wrong with a recording's own parts. */
export const damagedRecording = () =>
  new SnapshotError('corrupt', 'The recording is damaged: not all of its parts are there.');

/**
 * Reads a recording; its start is the caller's to doubt.
 * @throws SnapshotError when the file is none, damaged, of another version or kind
 */
export function readRecording<Event>(kind: RecordingKind, file: Uint8Array): Recording<unknown, Event> {
  const [part, ...others] = readParts(file);
  if (part?.name !== PART || others.length > 0)
    throw new SnapshotError('unknown-part', 'The file is no recording: it is a snapshot (--restore goes on from one).');
  if (part.version !== VERSION) {
    const message = `The recording has version ${part.version}, this version of anillo reads ${VERSION}.`;
    throw new SnapshotError('other-part-version', message);
  }
  try {
    return checked(kind, loadGraph(bytesField(part.fields, 'graph')) as Partial<Recording<unknown, Event>>);
  } catch (error) {
    if (!(error instanceof LoadError)) throw error;
    throw new SnapshotError('corrupt', error.message, { cause: error });
  }
}

/** The parts are there; what is in them is the replay's to doubt. */
function checked<Event>(kind: RecordingKind, recording: Partial<Recording<unknown, Event>>): Recording<unknown, Event> {
  const { start, inputs, results, outputs, end } = recording;
  const isWhole =
    typeof start === 'object' &&
    start !== null &&
    [inputs, results, outputs].every((list) => Array.isArray(list)) &&
    [end?.instructions, end?.cycles].every((number) => Number.isSafeInteger(number));
  if (!isWhole) throw damagedRecording();
  if (recording.kind !== kind)
    throw new SnapshotError('other-machine', `The recording is one of a ${recording.kind}, and not of a ${kind}.`);
  return recording as Recording<unknown, Event>;
}

/** Hash of everything said, extended by what is said now, and where. */
export function outputHash(before: string, bytes: Uint8Array, channel: string): string {
  return createHash('sha256').update(`${before} ${channel} `).update(bytes).digest('hex').slice(0, 16);
}

/** Hash of memory and of the kernel's objects. */
export function stateHash(run: Recordable<never>): string {
  const hash = createHash('sha256');
  for (const { name, fields } of readParts(run.save()))
    if (name === 'memory') hash.update(bytesField(fields, 'data'));
    else if (name === 'linux') hash.update(bytesField(fields, 'graph'));
  return hash.digest('hex');
}
