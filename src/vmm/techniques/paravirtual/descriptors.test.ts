// Which descriptors a paravirtual guest may have (Barham et al. 2003, section 3.2).
import { describe, expect, test } from 'vitest';
import { checkDescriptor, flatSegment, isGuestCodeSelector } from './descriptors.ts';

const build = (base: number, limit: number, access: number, flags: number) => ({
  low: (((base & 0xffff) << 16) | (limit & 0xffff)) >>> 0,
  high: (((base >>> 16) & 0xff) | (access << 8) | (limit & 0xf0000) | (flags << 20) | (base & 0xff000000)) >>> 0,
});

describe('descriptors of a paravirtual guest', () => {
  test('code and data of rings 1 to 3 below the hypervisor are taken as they are', () => {
    for (const access of [0xba, 0xb2, 0xfa, 0xf2]) {
      const descriptor = build(0x1000, 0xfffff, access, 0x4);
      expect(checkDescriptor(descriptor)).toEqual(descriptor);
    }
  });

  test('privilege level 0 is refused', () => {
    expect(checkDescriptor(build(0, 0xfffff, 0x9a, 0xc))).toBeUndefined();
    expect(checkDescriptor(build(0, 0xfffff, 0x92, 0xc))).toBeUndefined();
  });

  test('a flat 4 GiB segment is cut below the hypervisor', () => {
    const cut = checkDescriptor(build(0, 0xfffff, 0xf2, 0xc))!;
    expect((cut.low & 0xffff) | (cut.high & 0xf0000)).toBe(0xfc3ff);
    expect(cut.high & ~0xf0000).toBe(0xc0f200);
  });

  test('a segment that wraps around the top is cut as well', () => {
    const cut = checkDescriptor(build(0xfc3f0000, 0xfffff, 0xf2, 0xc))!;
    expect((cut.low & 0xffff) | (cut.high & 0xf0000)).toBe(0xf);
  });

  test('a base inside the hypervisor is refused', () => {
    expect(checkDescriptor(build(0xfc400000, 0, 0xf2, 0xc))).toBeUndefined();
  });

  test('an expand-down segment whose top is in the hypervisor is refused', () => {
    expect(checkDescriptor(build(0, 0, 0xf6, 0xc))).toBeUndefined();
    expect(checkDescriptor(build(0x1000, 0, 0xf6, 0x0))).toBeDefined();
  });

  test('of system descriptors only call gates to guest code are taken', () => {
    const gate = (selector: number) => ({ low: (selector << 16) | 0x1234, high: 0xec00 });
    expect(checkDescriptor(gate(0xe019))).toBeDefined();
    expect(checkDescriptor(gate(0xe008))).toBeUndefined();
    expect(checkDescriptor(gate(0xe009))).toBeUndefined();
    for (const type of [0x2, 0x5, 0x9, 0xb, 0xe, 0xf, 0x4]) {
      expect(checkDescriptor({ low: 0xe0190000, high: 0xe000 | (type << 8) })).toBeUndefined();
    }
  });

  test('an absent descriptor is harmless', () => {
    expect(checkDescriptor({ low: 0xffffffff, high: 0xffff7fff })).toBeDefined();
  });

  test('selectors of the hypervisor or of ring 0 are no guest code', () => {
    expect(isGuestCodeSelector(0xe019)).toBe(true);
    expect(isGuestCodeSelector(0x09)).toBe(true);
    expect(isGuestCodeSelector(0xe018)).toBe(false);
    expect(isGuestCodeSelector(0xe009)).toBe(false);
  });

  test('the flat segments end with the machine-to-physical table', () => {
    expect(flatSegment(1, 0xa)).toEqual({ low: 0xc3ff, high: 0xcfba00 });
  });
});
