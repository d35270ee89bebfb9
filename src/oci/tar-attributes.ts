// Extended attributes in tar archives (pax records SCHILY.xattr.NAME; POSIX pax, "pax Header Block"). Their values are any
// bytes, such as capabilities and access control lists of files, while the tar library knows text only. On the way to
// and from it a value is text with one character a byte, U+0000 to U+00FF.

const BLOCK = 512;
const PREFIX = 'SCHILY.xattr.';
const [SPACE, NEWLINE, EQUALS] = [0x20, 0x0a, 0x3d];
const SIZE_AT = 124;
const SIZE_LENGTH = 12;
const CHECKSUM_AT = 148;
const CHECKSUM_LENGTH = 8;
const TYPE_AT = 156;
/** Links, devices, directories and FIFOs have nothing behind their header, whatever size it has. */
const WITHOUT_BODY = '123456';
const EXTENDED = 'x';
/** Longer headers are no business of ours: the tar library refuses them. */
const LONGEST = 8 << 20;

type Block = Uint8Array<ArrayBuffer>;
type Convert = (value: Uint8Array) => Uint8Array;

/** A value as text. */
export function attributeText(value: Uint8Array): string {
  return Array.from(value, (byte) => String.fromCharCode(byte)).join('');
}

/** The value again. */
export function attributeBytes(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** What an archive has becomes text for the tar library. */
export function readableAttributes(): TransformStream<Block, Block> {
  return converting((value) => new TextEncoder().encode(attributeText(value)));
}

/** Text the tar library wrote becomes what it stands for. */
export function writtenAttributes(): TransformStream<Block, Block> {
  return converting((value) => attributeBytes(new TextDecoder().decode(value)));
}

function converting(convert: Convert): TransformStream<Block, Block> {
  const conversion = new Conversion(convert);
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
class Conversion {
  readonly #convert: Convert;
  /** What has come and was not given on. */
  #held: Block = new Uint8Array(0);
  /** Bytes to pass as they are. */
  #pass = 0;
  /** Size of the next entry, when the header before it says so. */
  #size: number | undefined;

  constructor(convert: Convert) {
    this.#convert = convert;
  }

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
      const isExtended = String.fromCharCode(header[TYPE_AT]!) === EXTENDED && isHeader(header);
      const size = isHeader(header) ? sizeOf(header) : 0;
      if (!isExtended || size > LONGEST) {
        const hasBody = !WITHOUT_BODY.includes(String.fromCharCode(header[TYPE_AT]!));
        this.#pass = BLOCK + (isHeader(header) && hasBody ? padded(this.#size ?? size) : 0);
        // names too long for a header come between it and the entry they are about
        if (!'LKg'.includes(String.fromCharCode(header[TYPE_AT]!))) this.#size = undefined;
      } else {
        if (this.#held.length < BLOCK + padded(size)) return;
        yield this.#extended(this.#cut(BLOCK + padded(size)), size);
      }
    }
  }

  rest(): Block {
    return this.#cut(this.#held.length);
  }

  #cut(length: number): Block {
    const part = this.#held.subarray(0, length);
    this.#held = this.#held.subarray(length);
    return part;
  }

  /** An extended header with its values converted. */
  #extended(bytes: Block, size: number): Block {
    const records = recordsOf(bytes.subarray(BLOCK, BLOCK + size));
    for (const { key, value } of records) if (key === 'size') this.#size = Number(new TextDecoder().decode(value));
    const isPlain = ({ key, value }: PaxRecord) => !key.startsWith(PREFIX) || value.every((byte) => byte < 0x80);
    if (records.every(isPlain)) return bytes;
    const body = records.map((record) => (isPlain(record) ? record.whole : recordWith(record, this.#convert)));
    const length = body.reduce((sum, record) => sum + record.length, 0);
    const result = new Uint8Array(BLOCK + padded(length));
    result.set(bytes.subarray(0, BLOCK));
    let at = BLOCK;
    for (const record of body) {
      result.set(record, at);
      at += record.length;
    }
    putSize(result, length);
    return result;
  }
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
  const put = (at: number, text: string) => header.set(new TextEncoder().encode(text), at);
  put(SIZE_AT, `${size.toString(8).padStart(SIZE_LENGTH - 1, '0')}\0`);
  put(CHECKSUM_AT, `${checksum(header).toString(8).padStart(6, '0')}\0 `);
}
