// Where software raises SMI (Intel 82801 (ICH) data sheet, "APM I/O Decode").
import { expect, test } from 'vitest';
import { SmiControl } from './smi-control.ts';

const ENABLED = 0x21;
const APM_STATUS = 0x20;

test('a byte in the APM control port raises SMI when it is enabled', () => {
  let count = 0;
  const chip = new SmiControl(() => count++);
  chip.apm.write(0, 1, 0x55);
  expect([chip.apm.read(0, 1), count, chip.registers.read(4, 4)]).toEqual([0x55, 0, 0]);
  chip.registers.write(0, 4, ENABLED);
  chip.apm.write(0, 1, 0x66);
  expect([chip.apm.read(0, 1), count, chip.registers.read(4, 4)]).toEqual([0x66, 1, APM_STATUS]);
  chip.registers.write(4, 4, APM_STATUS);
  expect(chip.registers.read(4, 4)).toBe(0);
});

test('without the global enable only the status says so; the status port of the APM is scratch', () => {
  let count = 0;
  const chip = new SmiControl(() => count++);
  chip.registers.write(0, 1, 0x20);
  chip.apm.write(0, 2, 0x7788);
  expect([chip.apm.read(0, 1), chip.apm.read(1, 1), count]).toEqual([0x88, 0x77, 0]);
  expect(chip.registers.read(4, 1)).toBe(APM_STATUS);
  expect(chip.registers.read(0, 4)).toBe(0x20);
});

test('a snapshot goes on where it was', () => {
  let count = 0;
  const chip = new SmiControl(() => {});
  chip.registers.write(0, 4, ENABLED);
  chip.apm.write(0, 2, 0x1234);
  const copy = new SmiControl(() => count++);
  copy.load(chip.save());
  expect(copy.save()).toEqual(chip.save());
  copy.apm.write(0, 1, 1);
  expect(count).toBe(1);
});
