// How a part of the machine declares its state: named fields with a version, saved and loaded as a whole.
// Snapshots, the record of a run and the property "save, load, save is equal" all rest on this one interface.

/** What a field may hold: JSON's values, bytes, and 64-bit integers. */
export type Field =
  | null
  | boolean
  | number
  | string
  | bigint
  | Uint8Array
  | readonly Field[]
  | { [name: string]: Field };

/** The named fields of one part. */
export type Fields = { [name: string]: Field };

/** A part with state. `load` accepts what `save` of the same version gave, and nothing is left of the state before. */
export interface Stateful {
  /** Unique in a machine; names the part in a snapshot. */
  readonly name: string;
  /** Counts changes of the fields' meaning. */
  readonly version: number;
  save(): Fields;
  load(fields: Fields): void;
}

/** Where a field that should be there is not, or is of another type. */
export class FieldError extends Error {
  override readonly name = 'FieldError';
}

function missing(name: string, wanted: string, found: Field | undefined): FieldError {
  return new FieldError(`field "${name}" should be ${wanted}, found ${found === undefined ? 'nothing' : typeof found}`);
}

/** Reads a number field. */
export function numberField(fields: Fields, name: string): number {
  const value = fields[name];
  if (typeof value !== 'number') throw missing(name, 'a number', value);
  return value;
}

/** Reads a boolean field. */
export function booleanField(fields: Fields, name: string): boolean {
  const value = fields[name];
  if (typeof value !== 'boolean') throw missing(name, 'a boolean', value);
  return value;
}

/** Reads a string field. */
export function stringField(fields: Fields, name: string): string {
  const value = fields[name];
  if (typeof value !== 'string') throw missing(name, 'a string', value);
  return value;
}

/** Reads a field of bytes. */
export function bytesField(fields: Fields, name: string): Uint8Array {
  const value = fields[name];
  if (!(value instanceof Uint8Array)) throw missing(name, 'bytes', value);
  return value;
}

/** Reads a field that is a list. */
export function listField(fields: Fields, name: string): readonly Field[] {
  const value = fields[name];
  if (!Array.isArray(value)) throw missing(name, 'a list', value);
  return value;
}

/** Reads a field that is a list of numbers. */
export function numbersField(fields: Fields, name: string): number[] {
  return listField(fields, name).map((value) => {
    if (typeof value !== 'number') throw missing(name, 'a list of numbers', value);
    return value;
  });
}

/** Reads a field that holds named fields itself. */
export function fieldsField(fields: Fields, name: string): Fields {
  const value = fields[name];
  if (value === null || typeof value !== 'object' || value instanceof Uint8Array || Array.isArray(value)) {
    throw missing(name, 'named fields', value);
  }
  return value as Fields;
}
