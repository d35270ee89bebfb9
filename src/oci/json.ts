// Documents of strangers: JSON whose shape is checked field by field, each complaint naming the field.
import { OciError } from './oci-error.ts';

/** No document is larger. */
export const LARGEST_DOCUMENT = 4 << 20;

/** A JSON object. */
export type Json = Readonly<Record<string, unknown>>;

/** An object of JSON, and neither null nor an array. */
export function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Any JSON value from bytes. `what` names the document in messages.
 * @throws OciError when it is too large or no JSON
 */
export function parseJson(bytes: Uint8Array, what: string): unknown {
  if (bytes.length > LARGEST_DOCUMENT) {
    throw new OciError('too-large', `${what} has ${bytes.length} bytes; documents have at most ${LARGEST_DOCUMENT}.`);
  }
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw badDocument(what, 'it is no JSON');
  }
}

/** A JSON object from bytes. */
export function parseObject(bytes: Uint8Array, what: string): Json {
  const value = parseJson(bytes, what);
  if (!isObject(value)) throw badDocument(what, 'it is no JSON object');
  return value;
}

/** The complaint about a document. */
export function badDocument(what: string, why: string): OciError {
  return new OciError('bad-document', `${what} cannot be used: ${why}.`);
}

/** The bytes of a document. */
export function writeDocument(document: object): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(`${JSON.stringify(document)}\n`);
}

/** Without the fields that are undefined. */
export function present<T extends object>(fields: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
}

/** The fields of one object of a document. */
export class Fields {
  readonly #value: Json;
  readonly #what: string;
  readonly #path: string;

  /** `path` is where the object stands in the document, empty for the document itself. */
  constructor(value: Json, what: string, path = '') {
    this.#value = value;
    this.#what = what;
    this.#path = path;
  }

  #at(name: string): string {
    return this.#path === '' ? name : `${this.#path}.${name}`;
  }

  #raw(name: string): unknown {
    const value = this.#value[name];
    return value === null ? undefined : value;
  }

  #bad(name: string, why: string): OciError {
    return badDocument(this.#what, `${this.#at(name)} ${why}`);
  }

  text(name: string): string | undefined {
    const value = this.#raw(name);
    if (value !== undefined && typeof value !== 'string') throw this.#bad(name, 'is no text');
    return value;
  }

  /** @throws OciError when it is missing too */
  neededText(name: string): string {
    return this.text(name) ?? this.#missing(name);
  }

  #missing(name: string): never {
    throw this.#bad(name, 'is missing');
  }

  flag(name: string): boolean | undefined {
    const value = this.#raw(name);
    if (value !== undefined && typeof value !== 'boolean') throw this.#bad(name, 'is neither true nor false');
    return value;
  }

  /** A whole number within limits. */
  integer(name: string, least = Number.MIN_SAFE_INTEGER, most = Number.MAX_SAFE_INTEGER): number | undefined {
    const value = this.#raw(name);
    if (value === undefined) return undefined;
    if (typeof value !== 'number' || !Number.isInteger(value)) throw this.#bad(name, 'is no whole number');
    if (value < least || value > most) throw this.#bad(name, `is not between ${least} and ${most}`);
    return value;
  }

  integers(name: string, least: number, most: number): readonly number[] | undefined {
    const value = this.#raw(name);
    if (value === undefined) return undefined;
    if (!Array.isArray(value) || value.some((n) => !Number.isInteger(n) || n < least || n > most)) {
      throw this.#bad(name, `is no list of whole numbers between ${least} and ${most}`);
    }
    return value as number[];
  }

  texts(name: string): readonly string[] | undefined {
    const value = this.#raw(name);
    if (value === undefined) return undefined;
    if (!Array.isArray(value) || value.some((item) => typeof item !== 'string')) {
      throw this.#bad(name, 'is no list of texts');
    }
    return value as string[];
  }

  /** Texts by names. */
  record(name: string): Readonly<Record<string, string>> | undefined {
    const value = this.#raw(name);
    if (value === undefined) return undefined;
    if (!isObject(value) || Object.values(value).some((item) => typeof item !== 'string')) {
      throw this.#bad(name, 'does not give texts for names');
    }
    return value as Record<string, string>;
  }

  /** Names that stand for themselves: their values are empty objects. */
  keys(name: string): Readonly<Record<string, object>> | undefined {
    const value = this.#raw(name);
    if (value === undefined) return undefined;
    if (!isObject(value)) throw this.#bad(name, 'is no JSON object');
    return Object.fromEntries(Object.keys(value).map((key) => [key, {}]));
  }

  object(name: string): Fields | undefined {
    const value = this.#raw(name);
    if (value === undefined) return undefined;
    if (!isObject(value)) throw this.#bad(name, 'is no JSON object');
    return new Fields(value, this.#what, this.#at(name));
  }

  /** The objects of a list; none when it is missing. */
  objects(name: string): readonly Fields[] {
    const value = this.#raw(name) ?? [];
    if (!Array.isArray(value)) throw this.#bad(name, 'is no list');
    return value.map((item, n) => {
      if (!isObject(item)) throw this.#bad(name, `has an item ${n} that is no JSON object`);
      return new Fields(item, this.#what, `${this.#at(name)}[${n}]`);
    });
  }

  /** One of some texts. */
  choice<T extends string>(name: string, choices: readonly T[]): T | undefined {
    const value = this.text(name);
    if (value === undefined) return undefined;
    if (!(choices as readonly string[]).includes(value))
      throw this.#bad(name, `is ${value}, not one of ${choices.join(', ')}`);
    return value as T;
  }
}
