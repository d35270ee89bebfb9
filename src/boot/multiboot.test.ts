// Images of the Multiboot Specification 0.6.96: what is loaded where, what the kernel is told, what is refused.
import fc from '../../test/properties.ts';
import { describe, expect, it } from 'vitest';
import type { BootErrorCode } from './boot-error.ts';
import { BootError } from './boot-error.ts';
import type { BootOptions } from './multiboot.ts';
import { checkImageSize, loadMultiboot } from './multiboot.ts';

const MIB = 0x100000;
const MAGIC = 0x1badb002;

interface SegmentOptions {
  address?: number;
  virtual?: number;
  data?: number[];
  memorySize?: number;
  offset?: number;
  fileSize?: number;
}

interface ElfOptions {
  entry?: number;
  segments?: SegmentOptions[];
  flags?: number;
  checksum?: number;
  magic?: number;
}

/** A 32-bit ELF file with a multiboot header at byte 0x200 and segment data from 0x400. */
function elf({ entry = MIB, segments = [{}], flags = 3, checksum, magic = MAGIC }: ElfOptions = {}): Uint8Array {
  const image = new Uint8Array(0x800);
  const view = new DataView(image.buffer);
  image.set([0x7f, 0x45, 0x4c, 0x46, 1, 1, 1]);
  view.setUint16(16, 2, true);
  view.setUint16(18, 3, true);
  view.setUint32(24, entry, true);
  view.setUint32(28, 52, true);
  view.setUint16(42, 32, true);
  view.setUint16(44, segments.length, true);
  segments.forEach((segment, index) => {
    const data = segment.data ?? [0x90, 0xf4];
    const at = 52 + 32 * index;
    const offset = segment.offset ?? 0x400 + 0x10 * index;
    const address = segment.address ?? MIB;
    const fileSize = segment.fileSize ?? data.length;
    const words = [1, offset, segment.virtual ?? address, address, fileSize, segment.memorySize ?? fileSize, 7, 4096];
    words.forEach((word, field) => {
      view.setUint32(at + 4 * field, word, true);
    });
    if (offset < image.length) image.set(data, offset);
  });
  view.setUint32(0x200, magic, true);
  view.setUint32(0x204, flags, true);
  view.setUint32(0x208, checksum ?? -(magic + flags), true);
  return image;
}

/** A flat image whose header gives its addresses. */
function flat(addresses: number[], length = 0x100): Uint8Array {
  const image = new Uint8Array(length).fill(0x90);
  const view = new DataView(image.buffer);
  const flags = 0x10003;
  [MAGIC, flags, -(MAGIC + flags), ...addresses].forEach((word, index) => {
    view.setUint32(16 + 4 * index, word, true);
  });
  return image;
}

function refusal(image: Uint8Array, options?: BootOptions, memory = 4 * MIB): { code: BootErrorCode; message: string } {
  const ram = new Uint8Array(memory);
  try {
    loadMultiboot(image, ram, options);
  } catch (error) {
    if (error instanceof BootError) return { code: error.code, message: error.message };
    throw error;
  }
  throw new Error('the image was accepted');
}

function text(ram: Uint8Array, at: number): string {
  return new TextDecoder().decode(ram.subarray(at, ram.indexOf(0, at)));
}

describe('multiboot loader', () => {
  it('loads the segments of an ELF image and zeroes what the file does not hold', () => {
    const ram = new Uint8Array(4 * MIB).fill(0xee);
    const segments = [
      { data: [1, 2, 3], memorySize: 6 },
      { address: 2 * MIB, data: [4] },
    ];
    const { entry, end } = loadMultiboot(elf({ segments }), ram);
    expect([...ram.subarray(MIB, MIB + 7)]).toEqual([1, 2, 3, 0, 0, 0, 0xee]);
    expect([ram[2 * MIB], entry, end]).toEqual([4, MIB, 2 * MIB + 1]);
  });

  it('enters at the physical address of a kernel linked elsewhere', () => {
    const ram = new Uint8Array(4 * MIB);
    const image = elf({ entry: 0xc0100001, segments: [{ virtual: 0xc0100000 }] });
    expect(loadMultiboot(image, ram).entry).toBe(MIB + 1);
  });

  it('loads by the addresses in the header', () => {
    const ram = new Uint8Array(4 * MIB).fill(0xee);
    const image = flat([MIB + 16, MIB, MIB + 0x80, MIB + 0x200, MIB + 0x40]);
    const { entry, end } = loadMultiboot(image, ram);
    expect(ram.subarray(MIB, MIB + 0x80)).toEqual(image.subarray(0, 0x80));
    expect([ram[MIB + 0x80], ram[MIB + 0x1ff], ram[MIB + 0x200]]).toEqual([0, 0, 0xee]);
    expect([entry, end]).toEqual([MIB + 0x40, MIB + 0x200]);
  });

  it('loads the whole file when the header gives no end', () => {
    const ram = new Uint8Array(4 * MIB);
    expect(loadMultiboot(flat([MIB + 16, MIB, 0, 0, MIB]), ram).end).toBe(MIB + 0x100);
  });

  it('tells the kernel memory, command line, modules, map and loader name', () => {
    const ram = new Uint8Array(4 * MIB);
    const modules = [
      { data: new Uint8Array([7, 8]), text: 'first' },
      { data: new Uint8Array([9]), text: 'second' },
    ];
    const { info } = loadMultiboot(elf(), ram, { commandLine: 'shell quiet', modules });
    const word = (at: number): number => new DataView(ram.buffer).getUint32(at, true);
    expect(word(info)).toBe(0x24d);
    expect([word(info + 4), word(info + 8)]).toEqual([639, 3072]);
    expect(text(ram, word(info + 16))).toBe('shell quiet');
    expect(word(info + 20)).toBe(2);
    const list = word(info + 24);
    expect([word(list), word(list + 4), text(ram, word(list + 8))]).toEqual([MIB + 0x1000, MIB + 0x1002, 'first']);
    expect([ram[word(list + 16)], text(ram, word(list + 24))]).toEqual([9, 'second']);
    expect(text(ram, word(info + 64))).toBe('anillo');
    const map = [];
    for (let at = word(info + 48); at < word(info + 48) + word(info + 44); at += word(at) + 4) {
      map.push([word(at + 4), word(at + 12), word(at + 20)]);
    }
    expect(map).toEqual([
      [0, 0x9fc00, 1],
      [0x9fc00, 0x60400, 2],
      [MIB, 3 * MIB, 1],
    ]);
  });
});

describe('an image that cannot be booted is refused with one sentence', () => {
  const cases: readonly (readonly [string, () => Uint8Array, BootErrorCode])[] = [
    ['no bytes', () => new Uint8Array(0), 'empty'],
    ['longer than memory', () => new Uint8Array(5 * MIB), 'too-large'],
    ['no header', () => new Uint8Array(100), 'no-header'],
    ['wrong magic', () => elf({ magic: 0x1badb003 }), 'no-header'],
    ['wrong checksum', () => elf({ checksum: 1 }), 'bad-checksum'],
    ['a demand for video', () => elf({ flags: 7 }), 'unsupported-flags'],
    ['an unknown demand', () => elf({ flags: 0x8003 }), 'unsupported-flags'],
    ['a segment cut off', () => elf().slice(0, 0x401), 'truncated'],
    ['a header cut off', () => flat([MIB + 16, MIB, 0, 0, MIB]).slice(0, 40), 'truncated'],
    ['fewer bytes than the header says', () => flat([MIB + 16, MIB, 2 * MIB, 0, MIB]), 'truncated'],
    ['program headers beyond the file', () => elf({ segments: new Array(60).fill({}) }).slice(0, 0x300), 'truncated'],
    ['an absurd segment size', () => elf({ segments: [{ fileSize: 0xfffffff0 }] }), 'truncated'],
    ['more in the file than in memory', () => elf({ segments: [{ data: [1, 2], memorySize: 1 }] }), 'bad-addresses'],
    ['a 64-bit ELF', () => elf().with(4, 2), 'not-for-this-cpu'],
    ['another processor', () => elf().with(18, 40), 'not-for-this-cpu'],
    ['a shared object', () => elf().with(16, 3), 'not-for-this-cpu'],
    ['nothing to load', () => elf({ segments: [] }), 'nothing-to-load'],
    ['neither ELF nor addresses', () => elf().with(0, 0), 'bad-addresses'],
    ['load address after the header', () => flat([MIB, 2 * MIB, 0, 0, MIB]), 'bad-addresses'],
    ['end before start', () => flat([MIB + 16, MIB, MIB - 4, 0, MIB]), 'bad-addresses'],
    ['bss before data', () => flat([MIB + 16, MIB, MIB + 64, MIB + 32, MIB]), 'bad-addresses'],
    ['a segment beyond memory', () => elf({ segments: [{}, { address: 8 * MIB }] }), 'outside-memory'],
    [
      'a segment at the end of the address space',
      () => elf({ segments: [{ address: 0xfffffffe, memorySize: 64 }] }),
      'outside-memory',
    ],
    ['absurd memory', () => elf({ segments: [{ memorySize: 0xfff00000 }] }), 'outside-memory'],
    ['a segment over the boot information', () => elf({ segments: [{ address: 0x8ffff }] }), 'overlap'],
    ['segments over each other', () => elf({ segments: [{ memorySize: 64 }, { address: MIB + 32 }] }), 'overlap'],
    ['an entry point outside', () => elf({ entry: 0x1000 }), 'bad-entry'],
  ];
  it.each(cases)('%s', (_name, image, code) => {
    const found = refusal(image());
    expect(found.code).toBe(code);
    expect(found.message).toMatch(/^[A-Z].*\.$/);
  });

  it('a command line or a module that does not fit', () => {
    expect(refusal(elf(), { commandLine: 'x'.repeat(70_000) }).code).toBe('command-line-too-long');
    expect(refusal(elf(), { modules: [{ data: new Uint8Array(4 * MIB), text: '' }] }).code).toBe('no-room-for-module');
  });

  it('whatever bytes are wrong in it', () => {
    const images = [elf({ segments: [{ memorySize: 64 }, { address: 2 * MIB }] }), flat([MIB + 16, MIB, 0, 0, MIB])];
    const patch = fc.record({ at: fc.nat(0x220), value: fc.constantFrom(0, 1, 0x7f, 0x80, 0xff) });
    const ram = new Uint8Array(4 * MIB);
    fc.assert(
      fc.property(
        fc.constantFrom(...images),
        fc.array(patch, { maxLength: 8 }),
        fc.nat(0x800),
        (image, patches, cut) => {
          const damaged = image.slice(0, image.length - (cut % 3 === 0 ? cut : 0));
          for (const { at, value } of patches) damaged[at] = value;
          try {
            const { entry, end } = loadMultiboot(damaged, ram);
            expect(entry).toBeLessThan(ram.length);
            expect(end).toBeLessThanOrEqual(ram.length);
          } catch (error) {
            if (!(error instanceof BootError)) throw error;
          }
        },
      ),
      { numRuns: 2000, seed: 1 },
    );
  });

  it('a size known before the file is read', () => {
    expect(() => checkImageSize(3 * 1024 * MIB, 64 * MIB)).toThrow('3221225472 bytes');
  });
});
