// Names and extended attributes in tar archives (POSIX pax, "ustar Interchange Format" and "pax Header Block", records path,
// linkpath and SCHILY.xattr.NAME; tar(5), "GNU tar Archives", long names). They are any bytes, such as names in Latin-1 and
// capabilities of files, while the tar library knows UTF-8 only. On the way to and from it they are text with one character
// a byte, U+0000 to U+00FF.
import { decodeText, encodeText } from '../kernel/syscalls/text.ts';

const BLOCK = 512;
const PREFIX = 'SCHILY.xattr.';
const [SPACE, NEWLINE, EQUALS, SLASH] = [0x20, 0x0a, 0x3d, 0x2f];
const NAME = [0, 100] as const;
const TARGET = [157, 257] as const;
/** What comes in front of a name, where the magic says so. */
const FOLDER = [345, 500] as const;
const MAGIC = [257, 263] as const;
const WITH_FOLDER = 'ustar\0';
const SIZE_AT = 124;
const SIZE_LENGTH = 12;
const CHECKSUM_AT = 148;
const CHECKSUM_LENGTH = 8;
const TYPE_AT = 156;
/** Links, devices, directories and FIFOs have nothing behind their header, whatever size it has. */
const WITHOUT_BODY = '123456';
/** Records about the next entry, and about all that follow. */
const [EXTENDED, GLOBAL] = ['x', 'g'];
/** The name or the target of the next entry. */
const [LONG_NAME, LONG_TARGET] = ['L', 'K'];
/** Longer headers are no business of ours: the tar library refuses them. */
const LONGEST = 8 << 20;

type Block = Uint8Array<ArrayBuffer>;
/** Where in a header something begins and ends. */
type Field = readonly [from: number, to: number];
type Convert = (value: Uint8Array) => Uint8Array;

/** A value as text. */
export function attributeText(value: Uint8Array): string {
  return Array.from(value, (byte) => String.fromCharCode(byte)).join('');
}

/** The value again. */
export function attributeBytes(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** A name or a target as the kernel has it, for the tar library. */
export const archivedName = (name: string): string => attributeText(encodeText(name));

/** A name or a target from the tar library, as the kernel has it. */
export const nameOf = (archived: string): string => decodeText(attributeBytes(archived));

/** What an archive has becomes text for the tar library. */
export function readableArchive(): TransformStream<Block, Block> {
  return converting(new Reading((value) => new TextEncoder().encode(attributeText(value))));
}

/** Text the tar library wrote becomes what it stands for. */
export function writtenArchive(): TransformStream<Block, Block> {
  return converting(new Writing((value) => attributeBytes(new TextDecoder().decode(value))));
}

function converting(conversion: Conversion): TransformStream<Block, Block> {
  return new TransformStream<Block, Block>({
    transform(chunk, controller) {
      for (const bytes of conversion.take(chunk)) controller.enqueue(bytes);
    },
    flush(controller) {
      const rest = conversion.rest();
      if (rest.length > 0) controller.enqueue(rest);
    },
  });
}

/** Goes through an archive header by header. */
abstract class Conversion {
  readonly #convert: Convert;
  /** What has come and was not given on. */
  #held: Block = new Uint8Array(0);
  /** Headers about the entry that comes next, converted, and whether one of them has records. */
  #before: Block[] = [];
  #hasRecords = false;
  /** Bytes to pass as they are. */
  #pass = 0;
  /** Size of the next entry, when the header before it says so. */
  #size: number | undefined;

  constructor(convert: Convert) {
    this.#convert = convert;
  }

  /** An entry's own header with its names converted, and what has to come before all other headers about the entry. */
  protected abstract entry(header: Block, convert: Convert): { first: readonly Block[]; header: Block };

  *take(chunk: Block): Iterable<Block> {
    this.#held = this.#held.length === 0 ? chunk : joined(this.#held, chunk);
    for (;;) {
      if (this.#pass > 0) {
        const passed = this.#cut(Math.min(this.#pass, this.#held.length));
        this.#pass -= passed.length;
        if (passed.length > 0) yield passed;
        if (this.#pass > 0) return;
      }
      if (this.#held.length < BLOCK) return;
      const header = this.#held.subarray(0, BLOCK);
      const size = isHeader(header) ? sizeOf(header) : 0;
      const type = isHeader(header) ? typeOf(header) : '';
      if (![EXTENDED, GLOBAL, LONG_NAME, LONG_TARGET].includes(type) || size > LONGEST) {
        yield* this.#entry(type, size);
        continue;
      }
      if (this.#held.length < BLOCK + padded(size)) return;
      const whole = this.#cut(BLOCK + padded(size));
      if (type === GLOBAL) yield this.#extended(whole, size, false);
      else this.#keep(type, whole, size);
    }
  }

  rest(): Block {
    const rest = this.#before.reduceRight((after, bytes) => joined(bytes, after), this.#held);
    [this.#before, this.#held] = [[], new Uint8Array(0)];
    return rest;
  }

  /** The header of an entry, and all that is about it; its content is passed. */
  *#entry(type: string, size: number): Iterable<Block> {
    const block = this.#cut(BLOCK);
    const { first, header } = type === '' ? { first: [], header: block } : this.entry(block, this.#convert);
    yield* first;
    yield* this.#before;
    yield header;
    this.#pass = type === '' || WITHOUT_BODY.includes(type) ? 0 : padded(this.#size ?? size);
    this.#forget();
  }

  #forget(): void {
    this.#before = [];
    this.#hasRecords = false;
    this.#size = undefined;
  }

  /** Keeps a header for the entry it is about. One behind records takes their place, as the tar library has it. */
  #keep(type: string, bytes: Block, size: number): void {
    if (this.#hasRecords) this.#forget();
    this.#hasRecords = type === EXTENDED;
    if (type === EXTENDED) this.#before.push(this.#extended(bytes, size, true));
    else {
      const name = bytes.subarray(BLOCK, BLOCK + size);
      this.#before.push(isAscii(name) ? bytes : headerWith(bytes, [this.#convert(name)]));
    }
  }

  #cut(length: number): Block {
    const part = this.#held.subarray(0, length);
    this.#held = this.#held.subarray(length);
    return part;
  }

  /** An extended header with its values converted. */
  #extended(bytes: Block, size: number, isAboutNext: boolean): Block {
    const records = recordsOf(bytes.subarray(BLOCK, BLOCK + size));
    for (const { key, value } of records)
      if (key === 'size' && isAboutNext) this.#size = Number(new TextDecoder().decode(value));
    const isPlain = ({ key, value }: PaxRecord) => !hasBytes(key) || isAscii(value);
    if (records.every(isPlain)) return bytes;
    return headerWith(
      bytes,
      records.map((record) => (isPlain(record) ? record.whole : recordWith(record, this.#convert))),
    );
  }
}

/** From an archive: names get room in headers of their own, for as text they may be longer than their fields. */
class Reading extends Conversion {
  protected entry(header: Block, convert: Convert): { first: readonly Block[]; header: Block } {
    const first: Block[] = [];
    const folder = textOf(header, MAGIC) === WITH_FOLDER ? fieldOf(header, FOLDER) : new Uint8Array(0);
    const own = fieldOf(header, NAME);
    const name = folder.length === 0 ? own : joined(joined(folder, Uint8Array.of(SLASH)), own);
    if (!isAscii(name)) first.push(longName(LONG_NAME, convert(name)));
    const target = fieldOf(header, TARGET);
    if (!isAscii(target)) first.push(longName(LONG_TARGET, convert(target)));
    return { first, header };
  }
}

/** To an archive: names are shorter than the library's text of them. */
class Writing extends Conversion {
  protected entry(header: Block, convert: Convert): { first: readonly Block[]; header: Block } {
    const fields = [NAME, TARGET, FOLDER];
    if (fields.every((field) => isAscii(fieldOf(header, field)))) return { first: [], header };
    const written = header.slice();
    for (const field of fields) {
      const bytes = convert(fieldOf(header, field));
      written.fill(0, ...field);
      written.set(bytes, field[0]);
    }
    putChecksum(written);
    return { first: [], header: written };
  }
}

const hasBytes = (key: string): boolean => key === 'path' || key === 'linkpath' || key.startsWith(PREFIX);
const isAscii = (bytes: Uint8Array): boolean => bytes.every((byte) => byte < 0x80);
const typeOf = (header: Uint8Array): string => String.fromCharCode(header[TYPE_AT]!);
const textOf = (header: Uint8Array, [from, to]: Field): string => attributeText(header.subarray(from, to));

/** A text in a header ends with a zero byte or with its place. */
function fieldOf(header: Block, [from, to]: Field): Block {
  const field = header.subarray(from, to);
  const end = field.indexOf(0);
  return end < 0 ? field : field.subarray(0, end);
}

/** A header that says no more than the name or the target of the next entry. */
function longName(type: string, name: Uint8Array): Block {
  const header = new Uint8Array(BLOCK);
  header.set(new TextEncoder().encode('././@LongLink'));
  header.set(new TextEncoder().encode(type), TYPE_AT);
  return headerWith(header, [name]);
}

/** A header with another content. */
function headerWith(header: Uint8Array, parts: readonly Uint8Array[]): Block {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const result = new Uint8Array(BLOCK + padded(length));
  result.set(header.subarray(0, BLOCK));
  let at = BLOCK;
  for (const part of parts) {
    result.set(part, at);
    at += part.length;
  }
  putSize(result, length);
  return result;
}

interface PaxRecord {
  readonly key: string;
  readonly value: Uint8Array;
  readonly whole: Uint8Array;
}

/** The records of an extended header: a length, a space, a key, an equals sign, a value and a newline each. */
function recordsOf(bytes: Uint8Array): PaxRecord[] {
  const records: PaxRecord[] = [];
  for (let at = 0; at < bytes.length; ) {
    const space = bytes.indexOf(SPACE, at);
    const length = space < 0 ? Number.NaN : Number(new TextDecoder().decode(bytes.subarray(at, space)));
    const end = at + length;
    const equals = bytes.indexOf(EQUALS, space);
    if (!(length > 0 && end <= bytes.length && equals > space && equals < end && bytes[end - 1] === NEWLINE)) {
      // what is no record is given on, for the tar library to judge
      records.push({ key: '', value: new Uint8Array(0), whole: bytes.subarray(at) });
      break;
    }
    const key = new TextDecoder().decode(bytes.subarray(space + 1, equals));
    records.push({ key, value: bytes.subarray(equals + 1, end - 1), whole: bytes.subarray(at, end) });
    at = end;
  }
  return records;
}

function recordWith({ key, value }: PaxRecord, convert: Convert): Uint8Array {
  const [head, body] = [new TextEncoder().encode(` ${key}=`), convert(value)];
  const without = head.length + body.length + 1;
  let length = without + String(without).length;
  length = without + String(length).length;
  const digits = new TextEncoder().encode(String(length));
  const record = new Uint8Array(length);
  record.set(digits);
  record.set(head, digits.length);
  record.set(body, digits.length + head.length);
  record[length - 1] = NEWLINE;
  return record;
}

const padded = (size: number): number => Math.ceil(size / BLOCK) * BLOCK;

function joined(a: Uint8Array, b: Uint8Array): Block {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}

/** A size in octal digits, or in binary when the first bit is set. */
function sizeOf(header: Uint8Array): number {
  const field = header.subarray(SIZE_AT, SIZE_AT + SIZE_LENGTH);
  if (field[0]! & 0x80) return field.subarray(1).reduce((sum, byte) => sum * 256 + byte, 0);
  const digits = new TextDecoder('latin1').decode(field).replace(/[\0 ].*$/s, '');
  return /^[0-7]+$/.test(digits) ? Number.parseInt(digits, 8) : 0;
}

/** The sum of a header's bytes, those of the sum itself as spaces. */
function checksum(header: Uint8Array): number {
  let sum = 0;
  for (let n = 0; n < BLOCK; n++) sum += n >= CHECKSUM_AT && n < CHECKSUM_AT + CHECKSUM_LENGTH ? SPACE : header[n]!;
  return sum;
}

function isHeader(block: Uint8Array): boolean {
  const field = block.subarray(CHECKSUM_AT, CHECKSUM_AT + CHECKSUM_LENGTH);
  return Number.parseInt(new TextDecoder('latin1').decode(field).trim(), 8) === checksum(block);
}

function putSize(header: Uint8Array, size: number): void {
  header.set(new TextEncoder().encode(`${size.toString(8).padStart(SIZE_LENGTH - 1, '0')}\0`), SIZE_AT);
  putChecksum(header);
}

function putChecksum(header: Uint8Array): void {
  header.set(new TextEncoder().encode(`${checksum(header).toString(8).padStart(6, '0')}\0 `), CHECKSUM_AT);
}
