// The real-time clock and its memory (Motorola MC146818A data sheet).
import { beforeEach, describe, expect, it } from 'vitest';
import { TestTime } from '../machine/test-time.ts';
import { Cmos } from './cmos.ts';

const SECOND = 32_768;

let time: TestTime;
let cmos: Cmos;
let irq: boolean;

function read(register: number): number {
  cmos.write(0, 1, register);
  return cmos.read(1, 1);
}
function write(register: number, value: number): void {
  cmos.write(0, 1, register);
  cmos.write(1, 1, value);
}
const date = (): number[] => [0x32, 0x09, 0x08, 0x07, 0x04, 0x02, 0x00].map(read);

beforeEach(() => {
  time = new TestTime(SECOND);
  irq = false;
  cmos = new Cmos({
    clock: time.clock,
    irq8: (level) => (irq = level),
    memorySize: 64 << 20,
    date: '1999-12-31T23:59:58Z',
  });
});

describe('CMOS and real-time clock', () => {
  it('starts at the given date and runs in virtual time', () => {
    expect(date()).toEqual([0x19, 0x99, 0x12, 0x31, 0x23, 0x59, 0x58]);
    expect(read(0x06)).toBe(6); // a Friday
    time.advance(2 * SECOND);
    expect(date()).toEqual([0x20, 0x00, 0x01, 0x01, 0x00, 0x00, 0x00]);
  });

  it('counts in binary and in 12 hours if asked to', () => {
    write(0x0b, 0x04);
    expect([read(0x04), read(0x02)]).toEqual([0x80 | 11, 59]);
    time.advance(2 * SECOND);
    expect(read(0x04)).toBe(12); // midnight
  });

  it('announces an update before the second ends', () => {
    expect(read(0x0a) & 0x80).toBe(0);
    time.advance(SECOND - 10);
    expect(read(0x0a) & 0x80).toBe(0x80);
    time.advance(10);
    expect(read(0x0a) & 0x80).toBe(0);
  });

  it('stands still while SET is on and goes on from what was written', () => {
    write(0x0b, 0x82);
    for (const [register, value] of [
      [0x32, 0x20],
      [0x09, 0x24],
      [0x08, 0x02],
      [0x07, 0x29],
      [0x04, 0x12],
    ] as const) {
      write(register, value);
    }
    time.advance(10 * SECOND);
    expect(read(0x00)).toBe(0x58);
    write(0x0b, 0x02);
    time.advance(SECOND);
    expect(date()).toEqual([0x20, 0x24, 0x02, 0x29, 0x12, 0x59, 0x59]);
  });

  it('interrupts periodically at the programmed rate until register C is read', () => {
    write(0x0a, 0x2f); // 2 Hz
    write(0x0b, 0x42);
    time.advance(SECOND / 2 - 1);
    expect(irq).toBe(false);
    time.advance(1);
    expect([irq, read(0x0c), irq]).toEqual([true, 0xc0, false]);
    time.advance(SECOND / 2);
    expect(irq).toBe(true);
  });

  it('interrupts at the alarm, where two top bits match anything', () => {
    write(0x01, 0x03);
    write(0x03, 0xc0);
    write(0x05, 0xff);
    write(0x0b, 0x22);
    time.advance(5 * SECOND - 1);
    expect(irq).toBe(false);
    time.advance(1);
    expect(irq).toBe(true);
    expect(read(0x0c) & 0xa0).toBe(0xa0);
    time.advance(60 * SECOND);
    expect(irq).toBe(true);
  });

  it('interrupts after each update, and sets flags also when nobody asked to be interrupted', () => {
    time.advance(SECOND);
    expect(read(0x0c)).toBe(0x50);
    write(0x0b, 0x12);
    time.advance(SECOND);
    expect(irq).toBe(true);
  });

  it('tells the memory size, and keeps what is written', () => {
    expect(read(0x15) | (read(0x16) << 8)).toBe(640);
    expect(read(0x30) | (read(0x31) << 8)).toBe(63 * 1024);
    expect(read(0x34) | (read(0x35) << 8)).toBe(48 * 16);
    write(0x50, 0xab);
    expect(read(0x50)).toBe(0xab);
    write(0x0d, 0);
    expect(read(0x0d)).toBe(0x80);
  });
});
