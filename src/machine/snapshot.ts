// The snapshot file: what every Stateful part of a machine saved, by name and with the part's own version. A file is
// either read whole or refused with one sentence; parts are loaded only after everything about the file was checked.
//
//   0   8  magic "ANILLO\x01\n"
//   8   4  format version, u32 little endian
//   12  4  length of the index, u32
//   16  4  length of the bytes after the index, u32
//   20  4  CRC-32 of index and bytes
//   24     index: JSON {parts: [{name, version, fields}]}; a field of bytes is {"$bytes": [offset, length]}, a 64-bit
//          integer {"$integer": "decimal"}
//   ..     the bytes

import type { Field, Fields, Stateful } from './stateful.ts';
import { FieldError } from './stateful.ts';
import { crc32 } from './crc32.ts';

/** Version of the file format (not of the parts in it). */
export const SNAPSHOT_FORMAT = 1;

const MAGIC = new Uint8Array([0x41, 0x4e, 0x49, 0x4c, 0x4c, 0x4f, 0x01, 0x0a]);
const HEADER_SIZE = 24;

/** What can be wrong with a snapshot. */
export type SnapshotErrorCode =
  | 'not-a-snapshot'
  | 'other-format'
  | 'truncated'
  | 'corrupt'
  | 'missing-part'
  | 'unknown-part'
  | 'other-part-version'
  | 'other-machine';

/** A snapshot that cannot be used; the message is one full sentence. */
export class SnapshotError extends Error {
  override readonly name = 'SnapshotError';
  readonly code: SnapshotErrorCode;

  constructor(code: SnapshotErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

interface SavedPart {
  readonly name: string;
  readonly version: number;
  readonly fields: Fields;
}

/** Saves all parts into one file. */
export function writeSnapshot(parts: readonly Stateful[]): Uint8Array {
  const blobs: Uint8Array[] = [];
  let blobLength = 0;
  const encode = (field: Field): unknown => {
    if (field instanceof Uint8Array) {
      const at = blobLength;
      blobs.push(field);
      blobLength += field.length;
      return { $bytes: [at, field.length] };
    }
    if (typeof field === 'bigint') return { $integer: field.toString() };
    if (Array.isArray(field)) return field.map(encode);
    if (field === null || typeof field !== 'object') return field;
    return Object.fromEntries(Object.entries(field).map(([name, value]) => [name, encode(value)]));
  };
  const saved = parts.map((part) => ({ name: part.name, version: part.version, fields: encode(part.save()) }));
  const index = new TextEncoder().encode(JSON.stringify({ parts: saved }));

  const file = new Uint8Array(HEADER_SIZE + index.length + blobLength);
  file.set(MAGIC);
  file.set(index, HEADER_SIZE);
  let at = HEADER_SIZE + index.length;
  for (const blob of blobs) {
    file.set(blob, at);
    at += blob.length;
  }
  const header = new DataView(file.buffer);
  header.setUint32(8, SNAPSHOT_FORMAT, true);
  header.setUint32(12, index.length, true);
  header.setUint32(16, blobLength, true);
  header.setUint32(20, crc32(file.subarray(HEADER_SIZE)), true);
  return file;
}

/** Loads all parts from a file; every part of the machine must be in it, and nothing else. */
export function readSnapshot(file: Uint8Array, parts: readonly Stateful[]): void {
  const saved = new Map(readParts(file).map((part) => [part.name, part]));
  for (const part of parts) checkPart(part, saved.get(part.name));
  const known = new Set(parts.map((part) => part.name));
  for (const name of saved.keys()) {
    if (known.has(name)) continue;
    throw new SnapshotError('unknown-part', `The snapshot holds "${name}", which this machine does not have.`);
  }
  for (const part of parts) {
    try {
      part.load(saved.get(part.name)!.fields);
    } catch (error) {
      if (error instanceof SnapshotError) throw error;
      if (!(error instanceof FieldError)) throw damaged(`state of "${part.name}" cannot be read`, error);
      throw new SnapshotError(
        'other-machine',
        `The snapshot does not fit this machine: in "${part.name}", ${error.message}.`,
      );
    }
  }
}

/** Names and fields of the parts in a file, e.g. to size the machine that will load it. */
export function readParts(file: Uint8Array): readonly SavedPart[] {
  const isOurs = file.length >= MAGIC.length && MAGIC.every((byte, at) => file[at] === byte);
  if (!isOurs) {
    throw new SnapshotError(
      'not-a-snapshot',
      'The file is not an anillo snapshot: its first bytes should be "ANILLO".',
    );
  }
  if (file.length < HEADER_SIZE) throw truncated(HEADER_SIZE, file.length);
  const header = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const format = header.getUint32(8, true);
  if (format !== SNAPSHOT_FORMAT) {
    const message = `The snapshot has format version ${format}, this version of anillo reads version ${SNAPSHOT_FORMAT}.`;
    throw new SnapshotError('other-format', message);
  }
  const indexLength = header.getUint32(12, true);
  const wanted = HEADER_SIZE + indexLength + header.getUint32(16, true);
  if (file.length < wanted) throw truncated(wanted, file.length);
  const body = file.subarray(HEADER_SIZE, wanted);
  if (file.length > wanted || crc32(body) !== header.getUint32(20, true)) {
    throw damaged('checksum does not match its contents');
  }
  try {
    return decodeParts(body.subarray(0, indexLength), body.subarray(indexLength));
  } catch (error) {
    throw damaged('index cannot be read', error);
  }
}

function damaged(what: string, cause?: unknown): SnapshotError {
  return new SnapshotError('corrupt', `The snapshot is damaged: its ${what}.`, { cause });
}

function truncated(wanted: number, found: number): SnapshotError {
  const message = `The snapshot is cut short: it should be ${wanted} bytes long and has only ${found}.`;
  return new SnapshotError('truncated', message);
}

function decodeParts(index: Uint8Array, blob: Uint8Array): readonly SavedPart[] {
  const decode = (value: unknown): Field => {
    if (Array.isArray(value)) return value.map(decode);
    if (value === null || typeof value !== 'object') return value as Field;
    const tagged = value as { $bytes?: [number, number]; $integer?: string };
    if (tagged.$bytes !== undefined) return blob.slice(tagged.$bytes[0], tagged.$bytes[0] + tagged.$bytes[1]);
    if (tagged.$integer !== undefined) return BigInt(tagged.$integer);
    return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, decode(inner)]));
  };
  const { parts } = JSON.parse(new TextDecoder().decode(index)) as { parts: SavedPart[] };
  return parts.map((part) => ({ name: part.name, version: part.version, fields: decode(part.fields) as Fields }));
}

function checkPart(part: Stateful, saved: SavedPart | undefined): void {
  if (saved === undefined) {
    throw new SnapshotError('missing-part', `The snapshot has no state for "${part.name}", which this machine has.`);
  }
  if (saved.version !== part.version) {
    const message = `The snapshot holds version ${saved.version} of "${part.name}", this version of anillo reads ${part.version}.`;
    throw new SnapshotError('other-part-version', message);
  }
}
