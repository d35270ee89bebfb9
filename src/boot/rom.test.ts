// Where a ROM lies in memory, and which files are none.
import { describe, expect, test } from 'vitest';
import { BootError } from './boot-error.ts';
import { checkRom, placeRom } from './rom.ts';

const KIB = 1024;

describe('a ROM image', () => {
  test.each([
    [0, 'empty', /at least 64 KiB/],
    [64 * KIB - 1, 'bad-size', /65535 bytes; its size should be a multiple of 64 KiB/],
    [96 * KIB, 'bad-size', /multiple of 64 KiB/],
    [16 * KIB * KIB + 64 * KIB, 'too-large', /at most 16 MiB/],
  ] as const)('of %i bytes is refused', (size, code, message) => {
    let error: unknown;
    try {
      checkRom(new Uint8Array(size));
    } catch (caught) {
      error = caught;
    }
    expect(error).toBeInstanceOf(BootError);
    expect(error).toMatchObject({ code });
    expect((error as BootError).message).toMatch(message);
  });

  test.each([64, 128, 256])('of %i KiB is seen below 1 MiB, 128 KiB of it at most', (size) => {
    const image = Uint8Array.from({ length: size * KIB }, (_, at) => (at >> 12) + 1);
    checkRom(image);
    const rom = new Uint8Array(image.length);
    const ram = new Uint8Array(2048 * KIB);
    const low = Math.min(size, 128) * KIB;
    expect(placeRom(image, rom, ram)).toBe(1024 * KIB - low);
    expect(Buffer.compare(rom, image)).toBe(0);
    expect(Buffer.compare(ram.subarray(1024 * KIB - low, 1024 * KIB), image.subarray(image.length - low))).toBe(0);
    expect(ram[1024 * KIB - low - 1]).toBe(0);
    expect(ram[1024 * KIB]).toBe(0);
  });
});
