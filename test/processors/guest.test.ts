// The bundled guest that uses all processors: the same output with any number of them, however the run is cut.
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Machine } from '../../src/pc/machine.ts';
import { loadCore } from '../core.ts';

const IMAGE = resolve(import.meta.dirname, '../../guests/images/smp.elf');
const LIMIT = 50_000_000;

function boot(processors: number): { machine: Machine; output: () => string } {
  const bytes: number[] = [];
  const machine = new Machine(loadCore(), { memory: 4 << 20, processors, serialOut: (byte) => bytes.push(byte) });
  machine.loadMultiboot(readFileSync(IMAGE));
  return { machine, output: () => String.fromCharCode(...bytes) };
}

const expected = (processors: number): string =>
  [
    `processors: ${processors}`,
    'started: all',
    'counting under a lock: exact',
    'interrupts between processors: all arrived',
    'timers: each its own',
    '',
  ].join('\r\n');

describe('the guest smp', () => {
  it.each([1, 2, 5, 8])('starts and uses %d processors', (processors) => {
    const { machine, output } = boot(processors);
    expect(machine.runUntil({ instructions: LIMIT })).toEqual({ reason: 'power-off', status: 0 });
    expect(output()).toBe(expected(processors));
  });

  it('cut into pieces, saved and restored it is the same run', () => {
    const whole = boot(4);
    whole.machine.runUntil({ instructions: LIMIT });
    let { machine, output } = boot(4);
    let text = '';
    for (;;) {
      const stop = machine.runUntil({ instructions: machine.cpu.instructions + 250_013 });
      text += output();
      if (stop.reason !== 'limit') break;
      const saved = machine.save();
      ({ machine, output } = boot(4));
      machine.load(saved);
    }
    expect(text).toBe(expected(4));
    expect(machine.cpu.processors.counts()).toEqual(whole.machine.cpu.processors.counts());
    expect(machine.cpu.counters()).toEqual(whole.machine.cpu.counters());
  });
});
