// Files of snapshots: what goes in comes out, and whatever is wrong with one is refused in a sentence.
import fc from '../../test/properties.ts';
import { describe, expect, it } from 'vitest';
import { crc32 } from './crc32.ts';
import { MemoryPart } from './memory-part.ts';
import type { SnapshotErrorCode } from './snapshot.ts';
import { readSnapshot, SnapshotError, writeSnapshot } from './snapshot.ts';
import type { Fields, Stateful } from './stateful.ts';
import { bytesField, FieldError, numberField } from './stateful.ts';

class Part implements Stateful {
  readonly name: string;
  readonly version: number;
  fields: Fields;
  constructor(name: string, fields: Fields, version = 1) {
    this.name = name;
    this.fields = fields;
    this.version = version;
  }
  save(): Fields {
    return this.fields;
  }
  load(fields: Fields): void {
    this.fields = fields;
  }
}

function refusal(file: Uint8Array, parts: readonly Stateful[]): { code: SnapshotErrorCode; message: string } {
  try {
    readSnapshot(file, parts);
  } catch (error) {
    if (error instanceof SnapshotError) return { code: error.code, message: error.message };
    throw error;
  }
  throw new Error('the snapshot was accepted');
}

const STATE = {
  count: 3,
  big: 2n ** 63n,
  bytes: new Uint8Array([1, 2, 3]),
  nested: { list: [1, [true, null]], text: 'é' },
};

describe('snapshot files', () => {
  it('give back every kind of field', () => {
    const file = writeSnapshot([new Part('a', STATE), new Part('b', {})]);
    const part = new Part('a', {});
    readSnapshot(file, [part, new Part('b', { old: 1 })]);
    expect(part.fields).toEqual(STATE);
  });

  it('are refused with one sentence when they are something else, cut short or damaged', () => {
    const parts = [new Part('a', STATE)];
    const file = writeSnapshot(parts);
    const damaged = file.slice();
    damaged[40]! ^= 1;
    const otherFormat = file.slice();
    otherFormat[8] = 9;
    expect(refusal(new Uint8Array(0), parts).code).toBe('not-a-snapshot');
    expect(refusal(new TextEncoder().encode('hello, world: no snapshot'), parts).code).toBe('not-a-snapshot');
    for (const length of [8, 23, 24, 60, file.length - 1])
      expect(refusal(file.slice(0, length), parts).code).toBe('truncated');
    expect(refusal(damaged, parts).code).toBe('corrupt');
    expect(refusal(new Uint8Array([...file, 0]), parts).code).toBe('corrupt');
    expect(refusal(otherFormat, parts)).toEqual({
      code: 'other-format',
      message: 'The snapshot has format version 9, this version of anillo reads version 1.',
    });
  });

  it('are refused before anything is loaded when parts do not fit the machine', () => {
    const file = writeSnapshot([new Part('a', STATE), new Part('b', {})]);
    const part = new Part('a', { untouched: true });
    expect(refusal(file, [part]).code).toBe('unknown-part');
    expect(refusal(file, [part, new Part('b', {}), new Part('c', {})]).code).toBe('missing-part');
    expect(refusal(file, [part, new Part('b', {}, 2)]).code).toBe('other-part-version');
    expect(part.fields).toEqual({ untouched: true });
  });

  it('name the part and the field when a field is missing', () => {
    const strict = new Part('strict', {});
    strict.load = (fields) => {
      numberField(fields, 'level');
    };
    const { code, message } = refusal(writeSnapshot([new Part('strict', {})]), [strict]);
    expect(code).toBe('other-machine');
    expect(message).toContain('"strict"');
    expect(message).toContain('"level"');
  });

  it('never crash, whatever is wrong inside, even if the checksum was made to fit', () => {
    const good = writeSnapshot([new Part('a', STATE)]);
    const patch = fc.record({ at: fc.nat(good.length - 25), value: fc.nat(255) });
    fc.assert(
      fc.property(fc.array(patch, { minLength: 1, maxLength: 4 }), (patches) => {
        const file = good.slice();
        for (const { at, value } of patches) file[24 + at] = value;
        new DataView(file.buffer).setUint32(20, crc32(file.subarray(24)), true);
        const strict = new Part('a', {});
        strict.load = (fields) => {
          numberField(fields, 'count');
          bytesField(fields, 'bytes');
        };
        try {
          readSnapshot(file, [strict]);
        } catch (error) {
          if (!(error instanceof SnapshotError)) throw error;
        }
      }),
      { numRuns: 1000, seed: 1 },
    );
  });

  it('check themselves with the CRC-32 of the standard', () => {
    expect(crc32(new TextEncoder().encode('123456789'))).toBe(0xcbf43926);
  });
});

describe('memory in a snapshot', () => {
  it('stores only pages that hold something', () => {
    const ram = new Uint8Array(16 * 4096);
    ram[0x1004] = 1;
    ram[0x2fff] = 2;
    ram[0xffff] = 3;
    const fields = new MemoryPart(() => ram).save();
    expect(fields.runs).toEqual([1, 2, 15, 1]);
    expect(bytesField(fields, 'data').length).toBe(3 * 4096);
    const other = new Uint8Array(ram.length).fill(0xee);
    new MemoryPart(() => other).load(fields);
    expect(Buffer.compare(other, ram)).toBe(0);
  });

  it('does not fit a machine with another size', () => {
    const fields = new MemoryPart(() => new Uint8Array(0x200000)).save();
    expect(() => new MemoryPart(() => new Uint8Array(0x100000)).load(fields)).toThrow(FieldError);
  });
});
