// The technique `vtx` as a whole: what exits under shadow paging and under EPT, what it costs, that the guest never sees
// the VMM. Expected costs: Adams & Agesen 2006, Fig. 4, column "hardware VMM"; expected exits: SDM Vol. 3C "VMX Non-Root
// Operation", and for EPT "zero exits for CR3, INVLPG, page faults and page-table writes".
import { describe, expect, test } from 'vitest';
import { runGuest } from '../run-guest.ts';

type Cell = 'vtx/shadow' | 'vtx/ept';

function nanobench(cell: Cell | 'bare', commandLine = 'iterations=200') {
  const { output, run } = runGuest('nanobench', cell, { commandLine });
  const costs = new Map<string, number>();
  for (const [, name, iterations, cycles] of output.matchAll(/^bench (\S+) iterations (\d+) cycles (\d+)/gm)) {
    costs.set(name!, Number(cycles) / Number(iterations));
  }
  return { costs, counters: run.vmm.counters, cpu: run.vmm.machine.cpu.counters() };
}

describe('cost on the Pentium 4 672', () => {
  const published: readonly (readonly [string, number])[] = [
    ['syscall', 246],
    ['in', 15826],
    ['cr8wr', 177],
    ['callret', 11],
    ['pgfault', 11242],
    ['divzero', 1014],
    ['ptemod', 12733],
  ];
  const { costs } = nanobench('vtx/shadow');

  test.each(published)('%s comes out within a quarter of %d cycles', (name, cycles) => {
    expect(costs.get(name)).toBeGreaterThan(cycles * 0.75);
    expect(costs.get(name)).toBeLessThan(cycles * 1.25);
  });

  test('EPT takes the exits away from page faults, page-table writes and address-space switches', () => {
    const ept = nanobench('vtx/ept').costs;
    const bare = nanobench('bare').costs;
    expect(ept.get('pgfault')).toBeLessThan(bare.get('pgfault')! * 1.25);
    expect(ept.get('ptemod')).toBeLessThan(10);
    expect(ept.get('switch')).toBeLessThan(costs.get('switch')! / 5);
    expect(ept.get('in')! / costs.get('in')!).toBeCloseTo(1, 1);
  });
});

describe('exits', () => {
  const shadow = runGuest('tinyos', 'vtx/shadow').run.vmm;
  const ept = runGuest('tinyos', 'vtx/ept').run.vmm;

  test('shadow paging: page faults and CR accesses exit', () => {
    expect(shadow.counters.get('exits', 'exception-nmi')).toBeGreaterThan(100);
    expect(shadow.counters.get('exits', 'cr-access')).toBeGreaterThan(10);
  });

  test('EPT: none of them does, and guest memory never violates', () => {
    for (const reason of ['exception-nmi', 'cr-access', 'invlpg', 'ept-violation', 'ept-misconfiguration']) {
      expect(ept.counters.get('exits', reason), reason).toBe(0);
    }
    expect(ept.machine.cpu.counters().eptReferences).toBeGreaterThan(0);
  });

  test('port accesses exit alike under both', () => {
    const [one, other] = [shadow, ept].map(({ counters }) => counters.get('emulated', 'out'));
    expect(Math.abs(one! - other!)).toBeLessThan(one! / 4);
  });

  test('the counters of the processor and of the VMM agree', () => {
    const { vmExits } = ept.machine.cpu.counters();
    const counted = Object.values(vmExits).reduce((sum, count) => sum + count, 0);
    expect(counted).toBe(ept.counters.total('exits'));
  });

  test('nearly all instructions run in non-root operation', () => {
    const { instructions, nonRootInstructions } = ept.machine.cpu.counters();
    expect(nonRootInstructions / instructions).toBeGreaterThan(0.99);
  });
});

describe('a guest that spins with interrupts off and no timer running', () => {
  test.each(['vtx/shadow', 'vtx/ept'] as const)(
    'gives the processor back every hundredth of a second under %s',
    (cell) => {
      const { run } = runGuest('hostile', cell, { commandLine: 'mode=spin', instructions: 80_000_000 });
      expect(run.vmm.counters.get('exits', 'external-interrupt')).toBeGreaterThanOrEqual(1);
    },
  );

  test.each(['vtx/shadow', 'vtx/ept'] as const)('and one that halts for ever ends the run under %s', (cell) => {
    const { stop } = runGuest('hostile', cell, { commandLine: 'mode=cli-hlt' });
    expect(stop).toMatchObject({ reason: 'idle', wakeable: false });
  });
});
