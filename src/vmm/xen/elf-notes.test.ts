// What the file of a paravirtual kernel says about it (Xen public header "elfnote.h").
import fc from '../../../test/properties.ts';
import { describe, expect, test } from 'vitest';
import { elfImage, noteNumber, VIRTUAL_BASE } from '../techniques/paravirtual/test-guest.ts';
import { parseXenImage, XenImageError, type XenImageErrorCode } from './elf-notes.ts';

const text = (value: string): Uint8Array => Uint8Array.from([...value, '\0'], (c) => c.charCodeAt(0));
const code = new Uint8Array(64).fill(0x90);
const base = [3, noteNumber(VIRTUAL_BASE)] as const;

function codeOf(image: Uint8Array): XenImageErrorCode | 'fine' {
  try {
    parseXenImage(image);
    return 'fine';
  } catch (error) {
    if (!(error instanceof XenImageError)) throw error;
    expect(error.message).toMatch(/^[A-Z].*\.$/);
    return error.code;
  }
}

/** Moves the notes of an image into a section called __xen_guest. */
function withGuestSection(value: string): Uint8Array {
  const image = elfImage(code, VIRTUAL_BASE, []);
  const content = text(value);
  const names = text('\0__xen_guest');
  const file = new Uint8Array(image.length + content.length + names.length + 3 * 40);
  file.set(image);
  file.set(content, image.length);
  file.set(names, image.length + content.length);
  const view = new DataView(file.buffer);
  const table = image.length + content.length + names.length;
  view.setUint32(32, table, true);
  view.setUint16(46, 40, true);
  view.setUint16(48, 3, true);
  view.setUint16(50, 2, true);
  const header = (n: number, name: number, type: number, offset: number, size: number): void => {
    for (const [i, word] of [name, type, 0, 0, offset, size].entries()) {
      view.setUint32(table + n * 40 + i * 4, word, true);
    }
  };
  header(1, 1, 1, image.length, content.length);
  header(2, 0, 3, image.length + content.length, names.length);
  return file;
}

describe('what a paravirtual kernel says about itself', () => {
  test('notes give base, entry and hypercall page', () => {
    const image = elfImage(code, VIRTUAL_BASE, [
      base,
      [1, noteNumber(VIRTUAL_BASE + 16)],
      [2, noteNumber(VIRTUAL_BASE + 0x2000)],
      [6, text('test')],
    ]);
    expect(parseXenImage(image)).toMatchObject({
      virtualBase: VIRTUAL_BASE,
      entry: VIRTUAL_BASE + 16,
      hypercallPage: VIRTUAL_BASE + 0x2000,
      guestOs: 'test',
      end: VIRTUAL_BASE + 64,
    });
  });

  test('the older string does too, with a page number for the hypercall page', () => {
    const image = parseXenImage(withGuestSection('GUEST_OS=old,VIRT_BASE=0xC0000000,HYPERCALL_PAGE=0x2,PAE=no'));
    expect(image).toMatchObject({ virtualBase: VIRTUAL_BASE, hypercallPage: VIRTUAL_BASE + 0x2000, guestOs: 'old' });
  });

  test('an image without either is refused', () => {
    expect(codeOf(elfImage(code, VIRTUAL_BASE, []))).toBe('not-paravirtual');
  });

  test('other files are refused', () => {
    expect(codeOf(new Uint8Array(0))).toBe('not-elf');
    expect(codeOf(new Uint8Array(4096))).toBe('not-elf');
    const amd64 = elfImage(code, VIRTUAL_BASE, [base]);
    amd64[4] = 2;
    expect(codeOf(amd64)).toBe('not-elf');
  });

  test('a kernel for PAE, or with a feature that is not here, is refused', () => {
    expect(codeOf(elfImage(code, VIRTUAL_BASE, [base, [9, text('yes')]]))).toBe('needs-feature');
    expect(codeOf(elfImage(code, VIRTUAL_BASE, [base, [10, text('!auto_translated_physmap')]]))).toBe('needs-feature');
    expect(
      codeOf(elfImage(code, VIRTUAL_BASE, [base, [10, text('auto_translated_physmap|!mmu_pt_update_preserve_ad')]])),
    ).toBe('fine');
  });

  test('addresses that cannot be are refused', () => {
    expect(codeOf(elfImage(code, VIRTUAL_BASE, [[3, noteNumber(VIRTUAL_BASE + 0x1000)]]))).toBe('bad-note');
    expect(codeOf(elfImage(code, VIRTUAL_BASE, [base, [2, noteNumber(VIRTUAL_BASE + 4)]]))).toBe('bad-note');
    expect(codeOf(elfImage(code, VIRTUAL_BASE, [[3, noteNumber(0xd0000000)]]))).toBe('bad-note');
    expect(codeOf(elfImage(code, VIRTUAL_BASE, [[3, new Uint8Array(2)]]))).toBe('bad-note');
  });

  test('a damaged file is refused with a sentence, never with another error', () => {
    const image = elfImage(code, VIRTUAL_BASE, [base, [6, text('test')]]);
    fc.assert(
      fc.property(fc.integer({ min: 0, max: image.length - 1 }), fc.integer({ min: 0, max: 255 }), (at, value) => {
        const damaged = image.slice();
        damaged[at] = value;
        codeOf(damaged);
        codeOf(image.slice(0, at));
      }),
      { numRuns: 500, seed: 1 },
    );
  });
});
