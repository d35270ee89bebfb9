// What a PC's firmware has done by the time a boot loader runs, as far as an operating system can tell: the 8259 pair at
// the vectors of the BIOS with every line masked, the keyboard's interrupt enabled in the 8042, and the local APIC
// passing the pair's interrupts through.
// Truth: IBM PC AT Technical Reference, "Interrupt vectors"; MP specification 1.4, "Virtual Wire Mode".

import { APIC_LVT_LINT0, APIC_LVT_LINT1, APIC_SVR } from '../devices/lapic.ts';
import type { Bus } from '../machine/bus.ts';

const PORT_WRITES: readonly (readonly [port: number, value: number])[] = [
  [0x20, 0x11],
  [0x21, 0x08],
  [0x21, 0x04],
  [0x21, 0x01],
  [0x21, 0xff],
  [0xa0, 0x11],
  [0xa1, 0x70],
  [0xa1, 0x02],
  [0xa1, 0x01],
  [0xa1, 0xff],
  [0x64, 0x60],
  [0x60, 0x45],
];

const APIC_WRITES: readonly (readonly [register: number, value: number])[] = [
  [APIC_SVR, 0x10f],
  [APIC_LVT_LINT0, 0x700],
  [APIC_LVT_LINT1, 0x400],
];

/** Programs fresh chips the way firmware does. */
export function runFirmware(bus: Bus, lapicBase: number): void {
  for (const [port, value] of PORT_WRITES) bus.portWrite(port, 1, value);
  wireApic((register, value) => bus.mmioWrite(lapicBase + register, 4, value));
}

/** Lets the local APIC pass the 8259 pair's interrupts through; a ROM that knows no APIC relies on it. */
export function wireApic(write: (register: number, value: number) => void): void {
  for (const [register, value] of APIC_WRITES) write(register, value);
}
