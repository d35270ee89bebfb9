// The ACPI tables of the machine: where the power-management registers are, the processors and the interrupt wiring, and
// how to switch off.
// Truth: Advanced Configuration and Power Interface Specification, revision 2.0, "ACPI Software Programming Model".

import { ioApicId, ISA_LINES, SYSTEM_CONTROL_LINE } from './mp-table.ts';
import { ACPI_PORTS, IOAPIC_BASE, LAPIC_BASE, RESET_PORT } from './platform.ts';
import { TableBytes } from './table-bytes.ts';

const HEADER_LENGTH = 36;
const POINTER_LENGTH = 20;
const CONTROL_STRUCTURE_LENGTH = 64;
const FIXED_DESCRIPTION_LENGTH = 244;

/** Registers of the power-management block: events, control, timer. */
const EVENTS = { offset: 0, length: 4 };
const CONTROL = { offset: 4, length: 2 };
const TIMER = { offset: 8, length: 4 };
const LATENCY_NO_C2 = 101;
const LATENCY_NO_C3 = 1001;
/** Devices of ISA, and a keyboard controller. */
const BOOT_ARCHITECTURE = 0x3;
/** WBINVD works; C1 on all processors; no power and sleep button as fixed features; RTC wake is none either; reset register. */
const FEATURES = 0x475;
const RESET_VALUE = 0x06;
const SPACE_IO = 1;
const RESET_ACCESS_BYTE = 1;
const PROFILE_DESKTOP = 1;

/** Processors have 8259s as well: bit 0 of the flags of the table of APICs. */
const HAS_8259 = 1;
const SOURCE_HIGH_LEVEL = 0x0d;
const ALL_PROCESSORS = 0xff;

/** Name (\\_S5_, Package () {0, 0, 0, 0}): the sleep type that switches the machine off. */
const SOFT_OFF = [0x08, 0x5f, 0x53, 0x35, 0x5f, 0x12, 0x06, 0x04, 0, 0, 0, 0];

/** All tables, the root pointer first; to be placed at `address`, which is a multiple of 64. */
export function acpiTables(address: number, processors: number): Uint8Array {
  const parts: { at: number; bytes: Uint8Array }[] = [];
  let next = address + 64;
  const place = (bytes: Uint8Array, alignment = 16): number => {
    const at = Math.ceil(next / alignment) * alignment;
    parts.push({ at, bytes });
    next = at + bytes.length;
    return at;
  };
  const control = place(controlStructure(), 64);
  const differentiated = place(table('DSDT', 2, new Uint8Array(SOFT_OFF)));
  const fixed = place(fixedDescription(control, differentiated));
  const apics = place(apicDescription(processors));
  const root = place(rootDescription([fixed, apics]));
  parts.push({ at: address, bytes: rootPointer(root) });
  const all = new Uint8Array(next - address);
  for (const { at, bytes } of parts) all.set(bytes, at - address);
  return all;
}

function rootPointer(root: number): Uint8Array {
  const pointer = new TableBytes(POINTER_LENGTH);
  pointer.text(0, 'RSD PTR ');
  pointer.text(9, 'ANILLO', 6);
  pointer.u32(16, root);
  pointer.sum(8);
  return pointer.bytes;
}

/** A table with its header. */
function table(signature: string, revision: number, body: Uint8Array): Uint8Array {
  const bytes = new TableBytes(HEADER_LENGTH + body.length);
  bytes.text(0, signature);
  bytes.u32(4, bytes.bytes.length);
  bytes.u8(8, revision);
  bytes.text(10, 'ANILLO', 6);
  bytes.text(16, 'PC', 8);
  bytes.u32(24, 1);
  bytes.text(28, 'ANIL');
  bytes.u32(32, 1);
  bytes.bytes.set(body, HEADER_LENGTH);
  bytes.sum(9);
  return bytes.bytes;
}

function rootDescription(tables: readonly number[]): Uint8Array {
  const body = new TableBytes(4 * tables.length);
  tables.forEach((at, index) => {
    body.u32(4 * index, at);
  });
  return table('RSDT', 1, body.bytes);
}

function controlStructure(): Uint8Array {
  const structure = new TableBytes(CONTROL_STRUCTURE_LENGTH);
  structure.text(0, 'FACS');
  structure.u32(4, CONTROL_STRUCTURE_LENGTH);
  structure.u8(32, 1);
  return structure.bytes;
}

/** FADT. There is no SMI command port: the machine is in ACPI mode from the start. */
function fixedDescription(control: number, differentiated: number): Uint8Array {
  const fixed = new TableBytes(FIXED_DESCRIPTION_LENGTH);
  const port = (at: number, { offset, length }: { offset: number; length: number }, lengthAt: number): void => {
    fixed.u32(at, ACPI_PORTS + offset);
    fixed.u8(lengthAt, length);
  };
  const address = (at: number, space: number, bits: number, value: number): void => {
    fixed.u8(at, space);
    fixed.u8(at + 1, bits);
    fixed.u32(at + 4, value);
  };
  fixed.u32(36, control);
  fixed.u32(40, differentiated);
  fixed.u8(45, PROFILE_DESKTOP);
  fixed.u16(46, SYSTEM_CONTROL_LINE);
  port(56, EVENTS, 88);
  port(64, CONTROL, 89);
  port(76, TIMER, 91);
  fixed.u16(96, LATENCY_NO_C2);
  fixed.u16(98, LATENCY_NO_C3);
  fixed.u16(109, BOOT_ARCHITECTURE);
  fixed.u32(112, FEATURES);
  address(116, SPACE_IO, 8, RESET_PORT);
  fixed.u8(119, RESET_ACCESS_BYTE);
  fixed.u8(128, RESET_VALUE);
  fixed.u32(132, control);
  fixed.u32(140, differentiated);
  address(148, SPACE_IO, 8 * EVENTS.length, ACPI_PORTS + EVENTS.offset);
  address(172, SPACE_IO, 8 * CONTROL.length, ACPI_PORTS + CONTROL.offset);
  address(208, SPACE_IO, 8 * TIMER.length, ACPI_PORTS + TIMER.offset);
  return table('FACP', 3, fixed.bytes.subarray(HEADER_LENGTH));
}

/** MADT: local APICs, the I/O APIC, ISA lines that do not come in where their number says, the pin of NMI. */
function apicDescription(processors: number): Uint8Array {
  const entries: number[][] = [];
  for (let n = 0; n < processors; n++) entries.push([0, 8, n, n, 1, 0, 0, 0]);
  entries.push([1, 12, ioApicId(processors), 0, ...little32(IOAPIC_BASE), 0, 0, 0, 0]);
  for (const [irq, pin] of ISA_LINES) {
    const mode = irq === SYSTEM_CONTROL_LINE ? SOURCE_HIGH_LEVEL : 0;
    if (irq !== pin || mode !== 0) entries.push([2, 10, 0, irq, ...little32(pin), mode, 0]);
  }
  entries.push([4, 6, ALL_PROCESSORS, 0, 0, 1]);
  return table('APIC', 1, new Uint8Array([...little32(LAPIC_BASE), ...little32(HAS_8259), ...entries.flat()]));
}

function little32(value: number): number[] {
  return [value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, value >>> 24];
}
