// The power-management registers (ACPI specification, "ACPI Register Model").
import { beforeEach, describe, expect, it } from 'vitest';
import { TestTime } from '../machine/test-time.ts';
import { AcpiPm, PM_TIMER_HZ } from './acpi-pm.ts';

let time: TestTime;
let acpi: AcpiPm;
let sci: boolean;
let isOff: boolean;

beforeEach(() => {
  time = new TestTime(PM_TIMER_HZ);
  sci = false;
  isOff = false;
  acpi = new AcpiPm({ clock: time.clock, sci: (level) => (sci = level), powerOff: () => (isOff = true) });
});

describe('ACPI power management', () => {
  it('powers off on SLP_EN with sleep type 0 only', () => {
    acpi.write(4, 2, 0x2400);
    expect(isOff).toBe(false);
    acpi.write(4, 2, 0x0001);
    expect(isOff).toBe(false);
    acpi.write(4, 2, 0x2000);
    expect(isOff).toBe(true);
  });

  it('counts 24 bits at 3.579545 MHz', () => {
    time.advance(0x1000005);
    expect(acpi.read(8, 4)).toBe(5);
  });

  it('interrupts when bit 23 of the timer changes, until the status is cleared', () => {
    acpi.write(2, 2, 0x0001);
    time.advance(0x7fffff);
    expect(sci).toBe(false);
    time.advance(1);
    expect(sci).toBe(true);
    expect(acpi.read(0, 2)).toBe(0x0001);
    acpi.write(0, 2, 0x0001);
    expect([sci, acpi.read(0, 4)]).toEqual([false, 0x00010000]);
    time.advance(0x800000);
    expect(sci).toBe(true);
  });
});
