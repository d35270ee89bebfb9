// A firmware ROM: it ends at 4 GiB, where the processor fetches its first instruction, and its end is seen below 1 MiB as
// well, where real-address mode can reach it (SDM Vol. 3 "First Instruction Executed"; Intel 440FX "System Address Map").

import { BootError } from './boot-error.ts';

const UNIT = 0x10000;
const LARGEST = 0x1000000;
const MEBIBYTE = 0x100000;
/** As much of a ROM as is seen below 1 MiB. */
const LOW_LARGEST = 0x20000;

/** Can the file be a ROM? @throws BootError */
export function checkRom(image: Uint8Array): void {
  const { length } = image;
  if (length === 0) throw new BootError('empty', 'The ROM image is empty; it should have at least 64 KiB.');
  if (length > LARGEST)
    throw new BootError('too-large', `The ROM image has ${length} bytes; at most 16 MiB fit below 4 GiB.`);
  if (length % UNIT !== 0) {
    const message = `The ROM image has ${length} bytes; its size should be a multiple of 64 KiB (65536 bytes).`;
    throw new BootError('bad-size', message);
  }
}

/** Puts the ROM in place. @returns where in RAM its end is seen: the first address of what ends at 1 MiB */
export function placeRom(image: Uint8Array, rom: Uint8Array, ram: Uint8Array): number {
  rom.set(image);
  const low = Math.min(image.length, LOW_LARGEST);
  ram.set(image.subarray(image.length - low), MEBIBYTE - low);
  return MEBIBYTE - low;
}
