// The technique `vtx` as a whole: what exits under shadow paging and under EPT, what it costs, that the guest never sees
// the VMM. Expected costs: Adams & Agesen 2006, Fig. 4, column "hardware VMM"; expected exits: SDM Vol. 3C "VMX Non-Root
// Operation", and for EPT "zero exits for CR3, INVLPG, page faults and page-table writes".
import { describe, expect, test } from 'vitest';
import { assembleProgram } from '../../src/isa/assemble.ts';
import { findProfile } from '../../src/vmm/cost/index.ts';
import { techniques } from '../../src/vmm/techniques/index.ts';
import { loadCore } from '../core.ts';
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

/** Runs a few instructions as a multiboot kernel of its own; the general registers at power-off. */
function kernel(text: string, technique: 'bare' | 'vtx', paging?: 'shadow' | 'ept'): number[] {
  const magic = 0x1bad_b002;
  const flags = 0x1_0000;
  const at = 0x10_0000;
  const header = [magic, flags, -(magic + flags) >>> 0, at, at, 0, 0, at + 32];
  const { bytes } = assembleProgram(
    `${header.map((word) => `dd ${word}`).join('\n')}\n${text}\nmov dx, 0x604\nmov ax, 0x2000\nout dx, ax\njmp $`,
    { origin: at, mode: 32 },
  );
  const vmm = techniques.find(technique)!.create({
    module: loadCore(),
    memory: 4 << 20,
    profile: findProfile('p4-672'),
    serialOut: () => {},
    ...(paging ? { paging } : {}),
  });
  vmm.start(bytes, {});
  expect(vmm.run({ instructions: 100_000 })).toMatchObject({ reason: 'power-off' });
  return [1, 3, 5, 6, 7].map((n) => vmm.machine.cpu.reg(n));
}

describe('small kernels see what they see on the bare machine', () => {
  const texts: readonly (readonly [string, string])[] = [
    ['CR4 keeps its bits', 'mov eax, 0xe9c\nmov cr4, eax\nmov ecx, cr4\nmov ebx, cr0'],
    [
      'floating point and SSE',
      'mov eax, 0x600\nmov cr4, eax\nfninit\nfldpi\nfistp dword [0x200000]\nmov ecx, [0x200000]\n' +
        'mov eax, 0x3f800000\nmovd xmm0, eax\naddss xmm0, xmm0\nmovd ebx, xmm0',
    ],
    ['CR0.TS and CLTS', 'mov eax, cr0\nor eax, 8\nmov cr0, eax\nsmsw ecx\nclts\nmov ebx, cr0'],
    [
      'paging on, an alias, paging off',
      'mov dword [0x200000], 0x00000087\nmov dword [0x200004], 0x00000087\nmov eax, 0x200000\nmov cr3, eax\n' +
        'mov eax, 0x10\nmov cr4, eax\nmov eax, cr0\nor eax, 0x80000000\nmov cr0, eax\n' +
        'mov dword [0x600100], 0x1234\nmov ecx, [0x200100]\nmov eax, cr0\nand eax, 0x7fffffff\nmov cr0, eax\n' +
        'mov ebx, [0x200100]\nmov esi, cr3',
    ],
    ['SYSENTER MSRs', 'mov ecx, 0x176\nmov eax, 0x1234\nxor edx, edx\nwrmsr\nxor eax, eax\nrdmsr\nmov ebx, eax'],
  ];

  test.each(texts)('%s', (_name, text) => {
    const bare = kernel(text, 'bare');
    expect(kernel(text, 'vtx', 'shadow')).toEqual(bare);
    expect(kernel(text, 'vtx', 'ept')).toEqual(bare);
  });
});
