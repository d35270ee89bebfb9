// The six modes of the timer's counters (Intel 8254 data sheet).
import { beforeEach, describe, expect, it } from 'vitest';
import { TestTime } from '../machine/test-time.ts';
import { Pit8254 } from './pit8254.ts';

let time: TestTime;
let pit: Pit8254;
let edges: string[];

beforeEach(() => {
  time = new TestTime(); // a cycle is a tick
  edges = [];
  pit = new Pit8254({ clock: time.clock, irq0: (level) => edges.push(`${level ? 'up' : 'down'} ${time.cycles}`) });
});

function program(channel: number, mode: number, count: number, access = 3): void {
  pit.write(3, 1, (channel << 6) | (access << 4) | (mode << 1));
  if (access !== 2) pit.write(channel, 1, count & 0xff);
  if (access !== 1) pit.write(channel, 1, count >> 8);
}

function count(channel: number): number {
  pit.write(3, 1, channel << 6);
  return pit.read(channel, 1) | (pit.read(channel, 1) << 8);
}

function status(channel: number): number {
  pit.write(3, 1, 0xe0 | (2 << channel));
  return pit.read(channel, 1);
}

function gate2(level: boolean): void {
  pit.systemControl.write(0, 1, level ? 1 : 0);
}

describe('8254', () => {
  it('mode 0: OUT rises once, count + 1 ticks after the write, and counting goes on', () => {
    program(0, 0, 10);
    time.advance(11);
    expect(edges).toEqual(['up 11']);
    time.advance(5);
    expect(count(0)).toBe(0xfffb);
    time.advance(200_000);
    expect(edges).toEqual(['up 11']);
  });

  it('mode 1: a rising gate starts one low pulse and starts it again', () => {
    program(2, 1, 10);
    expect(status(2) & 0x80).toBe(0x80);
    gate2(true);
    time.advance(5);
    expect(status(2) & 0x80).toBe(0);
    gate2(false);
    gate2(true);
    time.advance(10);
    expect(status(2) & 0x80).toBe(0);
    time.advance(1);
    expect(status(2) & 0x80).toBe(0x80);
  });

  it('mode 2: OUT is low for one tick a period', () => {
    program(0, 2, 100);
    expect(edges).toEqual(['up 0']);
    time.advance(301);
    expect(edges.slice(1)).toEqual(['down 100', 'up 101', 'down 200', 'up 201', 'down 300', 'up 301']);
    expect(count(0)).toBe(100);
    time.advance(1);
    expect(count(0)).toBe(99);
  });

  it('mode 2: a new count takes effect at the end of the period', () => {
    program(0, 2, 100);
    time.advance(50);
    pit.write(0, 1, 20);
    pit.write(0, 1, 0);
    expect(count(0)).toBe(51);
    time.advance(75);
    expect(edges.slice(1)).toEqual(['down 100', 'up 101', 'down 120', 'up 121']);
  });

  it('mode 3: a square wave, longer high than low when the count is odd', () => {
    program(0, 3, 5);
    time.advance(11);
    expect(edges).toEqual(['up 0', 'down 4', 'up 6', 'down 9', 'up 11']);
  });

  it('mode 3: counts by two', () => {
    program(0, 3, 8);
    const seen = [];
    time.advance(1);
    for (let tick = 0; tick < 9; tick++, time.advance(1)) seen.push(count(0));
    expect(seen).toEqual([8, 6, 4, 2, 8, 6, 4, 2, 8]);
  });

  it('mode 4: one strobe after the count', () => {
    program(0, 4, 6);
    time.advance(100);
    expect(edges).toEqual(['up 0', 'down 7', 'up 8']);
  });

  it('mode 5: a rising gate starts the strobe', () => {
    program(2, 5, 6);
    gate2(true);
    time.advance(7);
    expect(status(2) & 0x80).toBe(0);
    time.advance(1);
    expect(status(2) & 0x80).toBe(0x80);
  });

  it('a low gate holds the count of mode 0', () => {
    gate2(true);
    program(2, 0, 100);
    time.advance(41);
    gate2(false);
    time.advance(1000);
    expect(count(2)).toBe(60);
    gate2(true);
    time.advance(59);
    expect(pit.systemControl.read(0, 1) & 0x20).toBe(0);
    time.advance(1);
    expect(pit.systemControl.read(0, 1) & 0x20).toBe(0x20);
  });

  it('a latched count stays until it is read, status comes first', () => {
    program(0, 2, 1000);
    time.advance(101);
    pit.write(3, 1, 0xc2); // read back count and status of channel 0
    time.advance(100);
    expect(pit.read(0, 1)).toBe(0xb4); // OUT, two-byte access, mode 2
    expect(pit.read(0, 1) | (pit.read(0, 1) << 8)).toBe(900);
    expect(pit.read(0, 1) | (pit.read(0, 1) << 8)).toBe(800);
  });

  it('shows a null count until the count is loaded', () => {
    pit.write(3, 1, 0x34);
    expect(status(0) & 0x40).toBe(0x40);
    program(0, 2, 10);
    time.advance(1);
    expect(status(0) & 0x40).toBe(0);
  });

  it('counts in BCD', () => {
    pit.write(3, 1, 0x31); // channel 0, mode 0, BCD
    pit.write(0, 1, 0x00);
    pit.write(0, 1, 0x10);
    time.advance(2);
    expect(count(0)).toBe(0x0999);
  });

  it('port 0x61 shows gate, speaker, refresh toggle and OUT of channel 2', () => {
    program(2, 3, 100);
    pit.systemControl.write(0, 1, 0x03);
    expect(pit.systemControl.read(0, 1) & 0x23).toBe(0x23);
    const before = pit.systemControl.read(0, 1) & 0x10;
    time.advance(18);
    expect(pit.systemControl.read(0, 1) & 0x10).not.toBe(before);
    time.advance(40);
    expect(pit.systemControl.read(0, 1) & 0x20).toBe(0);
  });
});
