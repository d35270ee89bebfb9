// The serial port (National Semiconductor PC16550D data sheet).
import { beforeEach, describe, expect, it } from 'vitest';
import { InputQueue } from '../machine/input-queue.ts';
import { TestTime } from '../machine/test-time.ts';
import { Uart16550 } from './uart16550.ts';

const CHARACTER = 160; // ticks of 1.8432 MHz at 8n1 and divisor 1

let time: TestTime;
let input: InputQueue;
let uart: Uart16550;
let sent: number[];
let irq: boolean;

function arrive(...bytes: number[]): void {
  for (const byte of bytes) input.push('serial', byte);
  input.deliver(0, time.cycles);
}
const read = (offset: number): number => uart.read(offset, 1);
const write = (offset: number, value: number): void => uart.write(offset, 1, value);

beforeEach(() => {
  time = new TestTime(1_843_200);
  input = new InputQueue();
  sent = [];
  irq = false;
  uart = new Uart16550({
    clock: time.clock,
    irq: (level) => (irq = level),
    transmit: (byte) => sent.push(byte),
    input: input.channel('serial'),
  });
  write(3, 0x80);
  write(0, 1);
  write(1, 0);
  write(3, 0x03);
  write(4, 0x0b);
});

describe('16550', () => {
  it('sends bytes and is always ready for the next', () => {
    for (const byte of [0x68, 0x69]) write(0, byte);
    expect(sent).toEqual([0x68, 0x69]);
    expect(read(5)).toBe(0x60);
  });

  it('keeps divisor, line control and scratch apart', () => {
    write(3, 0x83);
    write(0, 0x0c);
    write(1, 0x02);
    expect([read(0), read(1), read(3)]).toEqual([0x0c, 0x02, 0x83]);
    write(3, 0x1b);
    write(7, 0x5a);
    expect([read(1), read(3), read(7)]).toEqual([0, 0x1b, 0x5a]);
  });

  it('receives a byte a character time and never loses one', () => {
    arrive(1, 2, 3);
    expect(read(5) & 1).toBe(1);
    expect(read(0)).toBe(1);
    expect(read(5) & 1).toBe(0);
    time.advance(CHARACTER);
    expect(read(0)).toBe(2);
    time.advance(100 * CHARACTER);
    expect([read(0), read(5) & 3]).toEqual([3, 0]);
  });

  it('interrupts for a received byte and lets go before the next one', () => {
    write(1, 0x01);
    arrive(1, 2);
    expect([irq, read(2)]).toEqual([true, 0x04]);
    time.advance(CHARACTER);
    read(0);
    expect([irq, read(2)]).toEqual([false, 0x01]);
    time.advance(CHARACTER);
    expect(irq).toBe(true);
  });

  it('interrupts at the trigger level, and after four quiet character times below it', () => {
    write(1, 0x01);
    write(2, 0x41); // FIFO, four bytes
    arrive(1, 2, 3, 4, 5);
    time.advance(2 * CHARACTER);
    expect(irq).toBe(false);
    time.advance(CHARACTER);
    expect([irq, read(2)]).toEqual([true, 0xc4]);
    for (let count = 0; count < 4; count++) read(0);
    expect(irq).toBe(false);
    time.advance(6 * CHARACTER);
    expect([irq, read(2)]).toEqual([true, 0xcc]);
    expect(read(0)).toBe(5);
    expect(irq).toBe(false);
  });

  it('interrupts when the transmitter is empty, until that was seen', () => {
    write(1, 0x02);
    expect([irq, read(2), irq, read(2)]).toEqual([true, 0x02, false, 0x01]);
    write(0, 0x41);
    expect(irq).toBe(true);
  });

  it('keeps its interrupt to itself without OUT2', () => {
    write(4, 0x03);
    write(1, 0x02);
    expect(irq).toBe(false);
    write(4, 0x0b);
    expect(irq).toBe(true);
  });

  it('loops back bytes and modem lines, and overruns there', () => {
    write(4, 0x1f);
    write(0, 0x55);
    write(0, 0x66);
    expect(sent).toEqual([]);
    expect(read(6) & 0xf0).toBe(0xf0);
    expect(read(5) & 0x03).toBe(0x03);
    expect(read(5) & 0x02).toBe(0);
    expect(read(0)).toBe(0x66);
    write(4, 0x10);
    expect(read(6)).toBe(0x0f); // all four lines went off
    write(2, 0x01);
    for (let byte = 0; byte < 17; byte++) write(0, byte);
    expect(read(5) & 0x02).toBe(0x02);
    expect(read(0)).toBe(0);
  });

  it('empties the FIFO when it is reset', () => {
    write(2, 0x01);
    write(4, 0x10);
    write(0, 1);
    write(2, 0x03);
    expect(read(5) & 1).toBe(0);
  });
});
