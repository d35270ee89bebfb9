// RAM as a part of a snapshot: only pages that hold something are stored, as runs of neighbours.

import type { Fields, Stateful } from './stateful.ts';
import { bytesField, FieldError, numberField, numbersField } from './stateful.ts';

const PAGE_SIZE = 4096;

/** Saves and loads the machine's RAM. */
export class MemoryPart implements Stateful {
  readonly name = 'memory';
  readonly version = 1;
  readonly #ram: () => Uint8Array;

  /** `ram` is asked for at every use: a view of WebAssembly memory does not live for ever. */
  constructor(ram: () => Uint8Array) {
    this.#ram = ram;
  }

  save(): Fields {
    const ram = this.#ram();
    const words = new Uint32Array(ram.buffer, ram.byteOffset, ram.length >> 2);
    const runs: number[] = [];
    let pages = 0;
    for (let page = 0; page < ram.length / PAGE_SIZE; page++) {
      if (isEmpty(words, page)) continue;
      pages++;
      const last = runs.length - 2;
      if (last >= 0 && runs[last]! + runs[last + 1]! === page) runs[last + 1]!++;
      else runs.push(page, 1);
    }
    const data = new Uint8Array(pages * PAGE_SIZE);
    let at = 0;
    for (let run = 0; run < runs.length; run += 2) {
      const length = runs[run + 1]! * PAGE_SIZE;
      data.set(ram.subarray(runs[run]! * PAGE_SIZE, runs[run]! * PAGE_SIZE + length), at);
      at += length;
    }
    return { size: ram.length, runs, data };
  }

  load(fields: Fields): void {
    const ram = this.#ram();
    const size = numberField(fields, 'size');
    if (size !== ram.length)
      throw new FieldError(`memory was ${size >> 20} MiB and this machine has ${ram.length >> 20} MiB`);
    const runs = numbersField(fields, 'runs');
    const data = bytesField(fields, 'data');
    clear(ram);
    let at = 0;
    for (let run = 0; run < runs.length; run += 2) {
      const length = runs[run + 1]! * PAGE_SIZE;
      ram.set(data.subarray(at, at + length), runs[run]! * PAGE_SIZE);
      at += length;
    }
  }
}

function isEmpty(words: Uint32Array, page: number): boolean {
  const end = (page + 1) * (PAGE_SIZE / 4);
  for (let word = page * (PAGE_SIZE / 4); word < end; word++) if (words[word] !== 0) return false;
  return true;
}

/** Zeroes what is not zero: memory nobody has touched yet stays so. */
function clear(ram: Uint8Array): void {
  const words = new Uint32Array(ram.buffer, ram.byteOffset, ram.length >> 2);
  for (let page = 0; page < ram.length / PAGE_SIZE; page++)
    if (!isEmpty(words, page)) ram.fill(0, page * PAGE_SIZE, (page + 1) * PAGE_SIZE);
}
