// What firmware tells an operating system of the machine (MultiProcessor Specification 1.4, ACPI 2.0).
import { describe, expect, it } from 'vitest';
import { DEFAULT_CPU_MODEL } from '../cpu/cpu.ts';
import { writeFirmwareTables } from './firmware-tables.ts';

const ram = (count: number): DataView => {
  const bytes = new Uint8Array(0x100000);
  writeFirmwareTables(bytes, DEFAULT_CPU_MODEL, count);
  return new DataView(bytes.buffer);
};

const sum = (view: DataView, at: number, length: number): number => {
  let total = 0;
  for (let i = 0; i < length; i++) total += view.getUint8(at + i);
  return total & 0xff;
};

const text = (view: DataView, at: number, length: number): string =>
  Array.from({ length }, (_, i) => String.fromCharCode(view.getUint8(at + i))).join('');

/** Finds a structure on a 16-byte boundary, as operating systems do. */
function find(view: DataView, signature: string, length: number): number {
  for (let at = 0xe0000; at < 0x100000; at += 16)
    if (text(view, at, signature.length) === signature && sum(view, at, length) === 0) return at;
  throw new Error(`no ${signature}`);
}

describe('the MP configuration table', () => {
  it.each([1, 2, 8])('is found and adds up with %d processors', (count) => {
    const view = ram(count);
    const pointer = find(view, '_MP_', 16);
    const table = view.getUint32(pointer + 4, true);
    const length = view.getUint16(table + 4, true);
    expect(text(view, table, 4)).toBe('PCMP');
    expect(sum(view, table, length)).toBe(0);
    expect(view.getUint32(table + 36, true)).toBe(0xfee00000);
  });

  it('lists each processor, the first as bootstrap processor, and the wiring that the machine has', () => {
    const view = ram(3);
    const table = view.getUint32(find(view, '_MP_', 16) + 4, true);
    const entries: number[][] = [];
    let at = table + 44;
    for (let n = 0; n < view.getUint16(table + 34, true); n++) {
      const length = view.getUint8(at) === 0 ? 20 : 8;
      entries.push(Array.from({ length }, (_, i) => view.getUint8(at + i)));
      at += length;
    }
    expect(at).toBe(table + view.getUint16(table + 4, true));
    const processors = entries.filter(([type]) => type === 0);
    expect(processors.map(([, id, , flags]) => [id, flags])).toEqual([
      [0, 3],
      [1, 1],
      [2, 1],
    ]);
    expect(entries.filter(([type]) => type === 2)).toEqual([[2, 3, 0x11, 1, 0, 0, 0xc0, 0xfe]]);
    const vectored = entries.filter(([type, kind]) => type === 3 && kind === 0);
    expect(vectored.find(([, , , , , irq]) => irq === 0)?.[7]).toBe(2);
    expect(vectored.find(([, , , , , irq]) => irq === 4)?.[7]).toBe(4);
    expect(vectored).toHaveLength(15);
    expect(entries.filter(([type, kind]) => type === 3 && kind === 3)).toEqual([[3, 3, 0, 0, 0, 0, 3, 0]]);
  });
});

describe('the ACPI tables', () => {
  it.each([1, 2, 8])('are found and add up with %d processors', (count) => {
    const view = ram(count);
    const root = view.getUint32(find(view, 'RSD PTR ', 20) + 16, true);
    expect(text(view, root, 4)).toBe('RSDT');
    const tables = Array.from({ length: (view.getUint32(root + 4, true) - 36) / 4 }, (_, i) =>
      view.getUint32(root + 36 + 4 * i, true),
    );
    const dsdt = view.getUint32(tables[0]! + 40, true);
    for (const at of [root, ...tables, dsdt]) expect(sum(view, at, view.getUint32(at + 4, true))).toBe(0);
    expect([...tables, dsdt].map((at) => text(view, at, 4))).toEqual(['FACP', 'APIC', 'DSDT']);
    expect(text(view, view.getUint32(tables[0]! + 36, true), 4)).toBe('FACS');
    expect(view.getUint32(tables[0]! + 36, true) % 64).toBe(0);
    // local APICs, I/O APIC, two overrides, NMI
    expect(view.getUint32(tables[1]! + 4, true)).toBe(44 + 8 * count + 12 + 10 + 10 + 6);
  });

  it('name the ports of the power-management timer and of the control register', () => {
    const view = ram(1);
    const root = view.getUint32(find(view, 'RSD PTR ', 20) + 16, true);
    const fixed = view.getUint32(root + 36, true);
    expect([view.getUint32(fixed + 76, true), view.getUint32(fixed + 212, true)]).toEqual([0x608, 0x608]);
    expect(view.getUint32(fixed + 64, true)).toBe(0x604);
    expect(view.getUint16(fixed + 46, true)).toBe(9);
  });
});
