// The keyboard controller with its keyboard (IBM PC AT Technical Reference, "Keyboard Controller").
import { beforeEach, describe, expect, it } from 'vitest';
import { InputQueue } from '../machine/input-queue.ts';
import { I8042 } from './i8042.ts';

let input: InputQueue;
let controller: I8042;
let log: string[];
let irq: boolean;

const status = (): number => controller.control.read(0, 1);
const command = (value: number): void => controller.control.write(0, 1, value);
const write = (value: number): void => controller.data.write(0, 1, value);
function drain(): number[] {
  const bytes = [];
  while ((status() & 1) !== 0) bytes.push(controller.data.read(0, 1));
  return bytes;
}
function press(...codes: number[]): void {
  for (const code of codes) input.push('keyboard', code);
  input.deliver(0, 0);
}

beforeEach(() => {
  input = new InputQueue();
  log = [];
  irq = false;
  controller = new I8042({
    irq1: (level) => (irq = level),
    input: input.channel('keyboard'),
    a20: (open) => log.push(open ? 'A20 open' : 'A20 closed'),
    reset: () => log.push('reset'),
  });
});

describe('8042', () => {
  it('passes its self tests', () => {
    command(0xaa);
    command(0xab);
    expect(drain()).toEqual([0x55, 0x00]);
    expect(status() & 0x1c).toBe(0x1c);
  });

  it('translates keys to scan code set 1', () => {
    press(0x1c, 0xf0, 0x1c, 0xe0, 0x75, 0xe0, 0xf0, 0x75);
    expect(drain()).toEqual([0x1e, 0x9e, 0xe0, 0x48, 0xe0, 0xc8]);
  });

  it('passes keys on as they are without translation', () => {
    command(0x60);
    write(0x04);
    press(0x1c, 0xf0, 0x1c);
    expect(drain()).toEqual([0x1c, 0xf0, 0x1c]);
  });

  it('raises IRQ 1 for each byte when the mode byte says so', () => {
    command(0x60);
    write(0x45);
    press(0x1c, 0x32);
    expect(irq).toBe(true);
    controller.data.read(0, 1);
    expect(irq).toBe(true);
    controller.data.read(0, 1);
    expect(irq).toBe(false);
  });

  it('keeps keys back while the keyboard is switched off', () => {
    command(0xad);
    press(0x1c);
    expect(status() & 1).toBe(0);
    command(0xae);
    expect(drain()).toEqual([0x1e]);
  });

  it('speaks to the keyboard', () => {
    write(0xff);
    expect(drain()).toEqual([0xfa, 0xaa]);
    write(0xf2);
    expect(drain()).toEqual([0xfa, 0xab, 0x41]);
    write(0xee);
    write(0xed);
    write(0x07);
    expect(drain()).toEqual([0xee, 0xfa, 0xfa]);
    write(0x01);
    expect(drain()).toEqual([0xfe]);
  });

  it('opens and closes A20 by output port, by command and by port 0x92', () => {
    command(0xd0);
    expect(drain()[0]! & 0x03).toBe(0x03);
    command(0xd1);
    write(0x01);
    command(0xdf);
    controller.systemControlA.write(0, 1, 0);
    controller.systemControlA.write(0, 1, 2);
    expect(log).toEqual(['A20 closed', 'A20 open', 'A20 closed', 'A20 open']);
  });

  it('pulses RESET by command, output port and port 0x92', () => {
    command(0xfe);
    command(0xff);
    command(0xd1);
    write(0x02);
    controller.systemControlA.write(0, 1, 3);
    expect(log).toEqual(['reset', 'reset', 'reset']);
  });
});
