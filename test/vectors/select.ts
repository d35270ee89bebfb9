// npx tsx test/vectors/select.ts DIR [PER_FORM]: makes the committed subset from a directory of recordings. Of every form of
// all groups it takes some vectors of each outcome (exception or not), evenly spread.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { type Vector, VectorFile, type VectorForm } from './vector-file.ts';

const [directory, perForm = '10'] = process.argv.slice(2);
if (directory === undefined) throw new Error('usage: npx tsx test/vectors/select.ts DIR [PER_FORM]');

/** At most `count` of `all`, evenly spread. */
function spread<T>(all: readonly T[], count: number): T[] {
  if (all.length <= count) return [...all];
  return Array.from({ length: count }, (_, n) => all[Math.floor((n * all.length) / count)]!);
}

function select(file: VectorFile, count: number): Vector[] {
  const outcomes = new Map<VectorForm, Map<number, Vector[]>>();
  for (const v of file.vectors()) {
    const form = outcomes.get(v.form) ?? new Map<number, Vector[]>();
    outcomes.set(v.form, form);
    form.set(v.exception, [...(form.get(v.exception) ?? []), v]);
  }
  const chosen: Vector[] = [];
  for (const form of outcomes.values()) {
    for (const [exception, vectors] of form)
      chosen.push(...spread(vectors, exception < 0 ? count : Math.ceil(count / 3)));
  }
  return chosen.sort((a, b) => a.index - b.index);
}

for (const name of readdirSync(directory).filter((file) => file.endsWith('.bin.gz'))) {
  const file = VectorFile.open(readFileSync(join(directory, name)));
  const chosen = select(file, Number(perForm) / (file.meta.mode === 16 ? 2 : 1));
  const head = Buffer.from(file.data.subarray(0, 20 + file.data.readUInt32LE(16)));
  head.writeUInt32LE(chosen.length, 12);
  const records = chosen.map((v) => file.data.subarray(v.at, v.at + v.length));
  writeFileSync(join(import.meta.dirname, name), gzipSync(Buffer.concat([head, ...records]), { level: 9 }));
}
