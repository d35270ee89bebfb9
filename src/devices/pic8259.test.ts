// Two interrupt controllers as a PC wires them (Intel 8259A data sheet).
import { beforeEach, describe, expect, it } from 'vitest';
import { Pic8259 } from './pic8259.ts';

let level = false;
let pic: Pic8259;

function command(value: number, chip: 'master' | 'slave' = 'master'): void {
  pic[chip].write(0, 1, value);
}
function data(value: number, chip: 'master' | 'slave' = 'master'): void {
  pic[chip].write(1, 1, value);
}
function register(ocw3: number, chip: 'master' | 'slave' = 'master'): number {
  command(ocw3, chip);
  return pic[chip].read(0, 1);
}
const READ_IRR = 0x0a;
const READ_ISR = 0x0b;
const EOI = 0x20;

beforeEach(() => {
  level = false;
  pic = new Pic8259({ interrupt: (to) => (level = to) });
  for (const [chip, base, line] of [['master', 0x20, 4] as const, ['slave', 0x28, 2] as const]) {
    command(0x11, chip);
    data(base, chip);
    data(line, chip);
    data(0x01, chip);
  }
});

describe('8259A pair', () => {
  it('acknowledges the highest priority first and holds lower ones back until EOI', () => {
    pic.line(4)(true);
    pic.line(1)(true);
    expect(level).toBe(true);
    expect(pic.acknowledge()).toBe(0x21);
    expect(register(READ_ISR)).toBe(0x02);
    expect(register(READ_IRR)).toBe(0x10);
    expect(level).toBe(false);
    command(EOI);
    expect(level).toBe(true);
    expect(pic.acknowledge()).toBe(0x24);
  });

  it('lets a higher priority interrupt a lower one', () => {
    pic.line(4)(true);
    pic.acknowledge();
    pic.line(0)(true);
    expect(level).toBe(true);
    expect(pic.acknowledge()).toBe(0x20);
  });

  it('delivers the slave through line 2 and wants an EOI on both', () => {
    pic.line(8)(true);
    pic.line(14)(true);
    expect(pic.acknowledge()).toBe(0x28);
    expect(register(READ_ISR)).toBe(0x04);
    command(EOI, 'slave');
    expect(level).toBe(false);
    command(EOI);
    expect(level).toBe(true);
    expect(pic.acknowledge()).toBe(0x2e);
  });

  it('masks lines and keeps their requests', () => {
    data(0xff);
    pic.line(3)(true);
    expect(level).toBe(false);
    expect(pic.master.read(1, 1)).toBe(0xff);
    data(0xf7);
    expect(level).toBe(true);
  });

  it('needs a new edge for a second interrupt, unless the line is level triggered', () => {
    pic.line(5)(true);
    pic.acknowledge();
    command(EOI);
    expect(level).toBe(false);
    pic.line(5)(false);
    pic.edgeLevel.write(0, 1, 0x20);
    pic.line(5)(true);
    pic.acknowledge();
    command(EOI);
    expect(level).toBe(true);
    pic.line(5)(false);
    expect(level).toBe(false);
  });

  it('never lets timer, keyboard, cascade, clock and FPU lines be level triggered', () => {
    pic.edgeLevel.write(0, 1, 0xff);
    pic.edgeLevel.write(1, 1, 0xff);
    expect([pic.edgeLevel.read(0, 1), pic.edgeLevel.read(1, 1)]).toEqual([0xf8, 0xde]);
  });

  it('answers the spurious vector without an in-service bit when the request was withdrawn', () => {
    pic.line(3)(true);
    pic.line(3)(false);
    expect(pic.acknowledge()).toBe(0x27);
    expect(register(READ_ISR)).toBe(0);
    pic.line(12)(true);
    data(0x10, 'slave');
    // The cascade line fell with it, so the master is asked with nothing pending.
    expect(pic.acknowledge()).toBe(0x27);
  });

  it('ends a specific level with a specific EOI', () => {
    pic.line(6)(true);
    pic.acknowledge();
    pic.line(1)(true);
    pic.acknowledge();
    command(0x60 | 6);
    expect(register(READ_ISR)).toBe(0x02);
  });

  it('rotates priorities on a rotating EOI and by command', () => {
    pic.line(0)(true);
    pic.acknowledge();
    command(0xa0);
    pic.line(0)(false);
    pic.line(0)(true);
    pic.line(1)(true);
    expect(pic.acknowledge()).toBe(0x21);
    command(EOI);
    command(0xc0 | 7);
    expect(pic.acknowledge()).toBe(0x20);
  });

  it('ends interrupts by itself in automatic EOI mode', () => {
    command(0x11);
    data(0x20);
    data(4);
    data(0x03);
    pic.line(1)(true);
    expect(pic.acknowledge()).toBe(0x21);
    expect(register(READ_ISR)).toBe(0);
  });

  it('lets lower levels in while a masked one is in service in special mask mode', () => {
    pic.line(1)(true);
    pic.acknowledge();
    pic.line(4)(true);
    expect(level).toBe(false);
    data(0x02);
    command(0x68);
    expect(level).toBe(true);
    expect(pic.acknowledge()).toBe(0x24);
    command(EOI);
    expect(register(READ_ISR)).toBe(0x02);
  });

  it('answers a poll with the level and takes it into service', () => {
    command(0x0c);
    expect(pic.master.read(0, 1)).toBe(0);
    pic.line(6)(true);
    command(0x0c);
    expect(pic.master.read(0, 1)).toBe(0x86);
    expect(register(READ_ISR)).toBe(0x40);
  });

  it('forgets everything on ICW1', () => {
    pic.line(6)(true);
    pic.acknowledge();
    data(0xff);
    command(0x11);
    data(0x40);
    data(4);
    data(1);
    expect(pic.master.read(1, 1)).toBe(0);
    expect(register(READ_ISR)).toBe(0);
    expect(register(READ_IRR)).toBe(0);
  });
});
