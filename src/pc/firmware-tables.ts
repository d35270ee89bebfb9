// Where a PC's firmware would have left its tables for the operating system: in the top 64 KiB below 1 MiB, which the
// memory map gives as reserved.
// Truth: MultiProcessor Specification 1.4, "MP Floating Pointer Structure"; ACPI specification, "Finding the RSDP on
// IA-PC Systems".

import type { CpuModel } from '../cpu/cpu.ts';
import { acpiTables } from './acpi-tables.ts';
import { mpTables } from './mp-table.ts';

const MP_TABLES = 0xf0000;
const ACPI_TABLES = 0xf1000;
/** Features that the specification asks for, by their bits in leaf 1 of CPUID. */
const FEATURE_BITS = { fpu: 0, cx8: 8, apic: 9 } as const;

/** Writes the tables into RAM. Processors without local APIC are alone and have none. */
export function writeFirmwareTables(ram: Uint8Array, model: CpuModel, count: number): void {
  if (!model.features.has('apic')) return;
  let features = 0;
  for (const [name, bit] of Object.entries(FEATURE_BITS))
    if (model.features.has(name as keyof typeof FEATURE_BITS)) features |= 1 << bit;
  ram.set(mpTables(MP_TABLES, { count, signature: model.signature, features }), MP_TABLES);
  ram.set(acpiTables(ACPI_TABLES, count), ACPI_TABLES);
}
