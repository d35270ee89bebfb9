// The tables by which firmware tells an operating system of processors and interrupt wiring.
// Truth: Intel MultiProcessor Specification version 1.4, "MP Configuration Table".

import { IOAPIC_BASE, IOAPIC_TIMER_PIN, LAPIC_BASE } from './platform.ts';
import { TableBytes } from './table-bytes.ts';

/** What the tables say of the processors. */
export interface ProcessorDescription {
  readonly count: number;
  /** Family, model and stepping as CPUID gives them. */
  readonly signature: number;
  /** Feature bits as CPUID gives them. */
  readonly features: number;
}

/** APIC ID of the I/O APIC: the one after those of the processors. */
export function ioApicId(processors: number): number {
  return processors;
}

/** The interrupt lines of ISA that have a wire, and the pins of the I/O APIC they come in on. */
export const ISA_LINES: readonly (readonly [irq: number, pin: number])[] = Array.from(
  { length: 16 },
  (_, irq) => [irq, irq === 0 ? IOAPIC_TIMER_PIN : irq] as const,
).filter(([irq]) => irq !== 2);
/** ISA line of the system control interrupt, which is level triggered and active high. */
export const SYSTEM_CONTROL_LINE = 9;

const HEADER_LENGTH = 44;
const PROCESSOR_LENGTH = 20;
const ENTRY_LENGTH = 8;
const SPECIFICATION = 4; // version 1.4
const LAPIC_VERSION = 0x14;
const IOAPIC_VERSION = 0x11;

const ENTRY_PROCESSOR = 0;
const ENTRY_BUS = 1;
const ENTRY_IOAPIC = 2;
const ENTRY_INTERRUPT = 3;
const ENTRY_LOCAL_INTERRUPT = 4;
const PROCESSOR_ENABLED = 1;
const PROCESSOR_BOOTSTRAP = 2;
const TYPE_VECTORED = 0;
const TYPE_NMI = 1;
const TYPE_EXTERNAL = 3;
/** Polarity and trigger mode: as the bus has them; or active high and level triggered. */
const CONFORMING = 0;
const HIGH_LEVEL = 0x0d;
const ALL_LOCAL_APICS = 0xff;
const ISA_BUS = 0;

/** The floating pointer structure and, 16 bytes after it, the configuration table; to be placed at `address`. */
export function mpTables(address: number, processors: ProcessorDescription): Uint8Array {
  const table = configurationTable(processors);
  const both = new TableBytes(16 + table.length);
  both.text(0, '_MP_');
  both.u32(4, address + 16);
  both.u8(8, 1); // length in units of 16 bytes
  both.u8(9, SPECIFICATION);
  both.sum(10, 16);
  both.bytes.set(table, 16);
  return both.bytes;
}

function configurationTable({ count, signature, features }: ProcessorDescription): Uint8Array {
  const ioApic = ioApicId(count);
  const entries: number[][] = [
    [ENTRY_BUS, ISA_BUS, ...new TextEncoder().encode('ISA   ')],
    [ENTRY_IOAPIC, ioApic, IOAPIC_VERSION, 1, ...little32(IOAPIC_BASE)],
    [ENTRY_INTERRUPT, TYPE_EXTERNAL, CONFORMING, 0, ISA_BUS, 0, ioApic, 0],
    ...ISA_LINES.map(([irq, pin]) => {
      const mode = irq === SYSTEM_CONTROL_LINE ? HIGH_LEVEL : CONFORMING;
      return [ENTRY_INTERRUPT, TYPE_VECTORED, mode, 0, ISA_BUS, irq, ioApic, pin];
    }),
    [ENTRY_LOCAL_INTERRUPT, TYPE_EXTERNAL, CONFORMING, 0, ISA_BUS, 0, ALL_LOCAL_APICS, 0],
    [ENTRY_LOCAL_INTERRUPT, TYPE_NMI, CONFORMING, 0, ISA_BUS, 0, ALL_LOCAL_APICS, 1],
  ];
  const table = new TableBytes(HEADER_LENGTH + PROCESSOR_LENGTH * count + ENTRY_LENGTH * entries.length);
  table.text(0, 'PCMP');
  table.u16(4, table.bytes.length);
  table.u8(6, SPECIFICATION);
  table.text(8, 'ANILLO', 8);
  table.text(16, 'PC', 12);
  table.u16(34, count + entries.length);
  table.u32(36, LAPIC_BASE);
  for (let n = 0; n < count; n++) {
    const at = HEADER_LENGTH + PROCESSOR_LENGTH * n;
    table.u8(at, ENTRY_PROCESSOR);
    table.u8(at + 1, n);
    table.u8(at + 2, LAPIC_VERSION);
    table.u8(at + 3, PROCESSOR_ENABLED | (n === 0 ? PROCESSOR_BOOTSTRAP : 0));
    table.u32(at + 4, signature);
    table.u32(at + 8, features);
  }
  entries.forEach((entry, index) => {
    table.bytes.set(entry, HEADER_LENGTH + PROCESSOR_LENGTH * count + ENTRY_LENGTH * index);
  });
  table.sum(7);
  return table.bytes;
}

function little32(value: number): number[] {
  return [value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, value >>> 24];
}
