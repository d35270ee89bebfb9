// Each bundled guest on the bare machine against the serial output it should have. The expected text of rings, sensitive
// and tinyos was compared line by line with QEMU where QEMU checks what the SDM says, and with the SDM where it does not
// (segment limits and types, LOCK on MOV, INT1, a stack not present behind a call gate).
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { MachineStop } from '../src/pc/exit.ts';
import { Machine, MEBIBYTE } from '../src/pc/machine.ts';
import { loadCore } from './core.ts';

const GUESTS = resolve(import.meta.dirname, '../guests');
const MEMORY = 16 * MEBIBYTE;

interface Run {
  readonly machine: Machine;
  readonly output: () => string;
}

function boot(name: string, commandLine = ''): Run {
  const bytes: number[] = [];
  const machine = new Machine(loadCore(), { memory: MEMORY, serialOut: (byte) => bytes.push(byte) });
  machine.loadMultiboot(readFileSync(join(GUESTS, `images/${name}.elf`)), { commandLine });
  return { machine, output: () => String.fromCharCode(...bytes) };
}

function runToEnd(name: string, commandLine?: string): { stop: MachineStop; output: string } {
  const { machine, output } = boot(name, commandLine);
  const stop = machine.runUntil({ instructions: 100_000_000 });
  return { stop, output: output() };
}

const POWER_OFF: MachineStop = { reason: 'power-off', status: 0 };

describe('bundled guests on the bare machine', () => {
  it.each(['hello', 'rings', 'sensitive', 'tinyos'])('%s prints what it should and powers off', async (name) => {
    const { stop, output } = runToEnd(name);
    expect(stop).toEqual(POWER_OFF);
    await expect(output).toMatchFileSnapshot(`golden/bare/${name}.txt`);
  });

  it('hello is given its command line', () => {
    expect(runToEnd('hello', 'one two').output).toContain('command line: one two');
  });

  it('nanobench measures every operation but the hypercall', () => {
    const { stop, output } = runToEnd('nanobench');
    expect(stop).toEqual(POWER_OFF);
    const benches = [...output.matchAll(/^bench (\S+) iterations (\d+) cycles (\d+)\r?$/gm)];
    const names = benches.map((match) => match[1]);
    for (const name of ['syscall', 'in', 'cr8wr', 'callret', 'pgfault', 'divzero', 'ptemod', 'rdtsc', 'switch']) {
      expect(names).toContain(name);
    }
    for (const [, , iterations, cycles] of benches) expect(Number(cycles)).toBeGreaterThanOrEqual(Number(iterations));
  });

  it('hostile finds nobody to attack on the bare machine', () => {
    const { stop, output } = runToEnd('hostile');
    expect(stop).toEqual(POWER_OFF);
    expect(output.match(/^attempt \S+: stopped/gm)?.length).toBeGreaterThan(20);
    expect(output).toMatch(/, 0 leaked, 0 escaped\r?\n$/);
  });

  it('rings does not notice how its run is cut into slices', () => {
    const whole = boot('rings');
    whole.machine.runUntil();
    const cut = boot('rings');
    let slices = 0;
    let stop: MachineStop = { reason: 'request', status: 0 };
    while (stop.reason !== 'power-off') {
      slices++;
      const { instructions, cycles } = cut.machine.cpu;
      const byCycles = slices % 2 === 0;
      stop = cut.machine.runUntil(
        byCycles ? { cycles: cycles + (slices % 101) } : { instructions: instructions + (slices % 37) },
      );
    }
    expect(slices).toBeGreaterThan(5000);
    expect(cut.output()).toBe(whole.output());
    expect(cut.machine.cpu.counters()).toEqual(whole.machine.cpu.counters());
  });

  it('tinyos goes on after save and restore in the middle, to the byte and the cycle', () => {
    const whole = boot('tinyos');
    whole.machine.runUntil();
    const before = boot('tinyos');
    before.machine.runUntil({ instructions: 5_432_101 });
    const after = boot('hello');
    after.machine.load(before.machine.save());
    expect(after.machine.runUntil()).toEqual(POWER_OFF);
    expect(before.output() + after.output()).toBe(whole.output());
    expect(after.machine.cpu.counters()).toEqual(whole.machine.cpu.counters());
  });
});
