// Which cost classes the system instructions charge: each class gets a price that shows in the sum.
import { expect, test } from 'vitest';
import { COST_CLASSES, type CostClass, costClassNumber } from '../../src/isa/cost-classes.ts';
import { CODE_SELECTORS, DATA_SELECTORS, DOORWAY, FREE, STACKS, TestMachine } from './machine.ts';

/** Cycles of `text` from CODE to the doorway, with these prices and everything else free except one cycle an instruction. */
function cost(
  prices: Partial<Record<CostClass, number>>,
  ring: 0 | 3,
  text: string,
  prepare?: (m: TestMachine) => void,
) {
  const m = new TestMachine();
  const costs = new Uint32Array(COST_CLASSES.length);
  for (const [name, price] of Object.entries(prices)) costs[costClassNumber(name as CostClass)] = price;
  m.cpu.setCosts(costs);
  m.ring(ring);
  m.gate(0x30, { type: 14, selector: 8, offset: DOORWAY + 0x30, dpl: 3 });
  prepare?.(m);
  m.program(text);
  expect(m.run().reason).toBe('doorway');
  return m.cpu.cycles;
}

const gate = { 'interrupt-gate': 1000, 'ring-transition': 20000, 'exception-delivery': 300000 } as const;

test('INT n costs a gate, and a ring transition when it comes from an outer ring', () => {
  expect(cost(gate, 0, 'int 0x30')).toBe(1000);
  expect(cost(gate, 3, 'int 0x30')).toBe(21000);
});

test('an exception costs its delivery; the faulting instruction is not charged', () => {
  expect(cost(gate, 0, 'ud2')).toBe(300000);
  expect(cost({ ...gate, cli: 7 }, 3, 'cli')).toBe(320000);
});

test('an external interrupt costs like an exception', () => {
  const pending = (m: TestMachine) => {
    m.cpu.eflags = 0x202;
    m.cpu.setIntr(true);
  };
  expect(cost(gate, 0, 'nop', pending)).toBe(300000);
});

test('IRET costs the same-ring price, and more to an outer ring', () => {
  const prices = { iret: 100, 'iret-outer': 2000 };
  const frame = `push dword ${CODE_SELECTORS[0]}\npush dword ${DOORWAY + 1}\niretd`;
  expect(cost(prices, 0, `push dword 2\n${frame}`)).toBe(103);
  const outer = `push dword ${DATA_SELECTORS[3]}\npush dword ${STACKS[3]}\npush dword 2\npush dword ${CODE_SELECTORS[3]}\npush dword ${DOORWAY + 1}\niretd`;
  expect(cost(prices, 0, outer)).toBe(2105);
});

test('a far call through a gate costs the gate, and the stack switch to an inner ring', () => {
  const prices = { 'far-transfer': 10, 'call-gate': 200, 'stack-switch': 3000 };
  const gateTo = (dpl: number) => (m: TestMachine) =>
    m.callGate(FREE, { type: 12, selector: CODE_SELECTORS[0], offset: DOORWAY, dpl });
  expect(cost(prices, 0, `call ${CODE_SELECTORS[0]}:${DOORWAY}`)).toBe(10);
  expect(cost(prices, 0, `call ${FREE}:0`, gateTo(0))).toBe(210);
  expect(cost(prices, 3, `call ${FREE | 3}:0`, gateTo(3))).toBe(3210);
});

test('MOV to a control register costs by register', () => {
  const prices = { 'cr0-write': 10, 'cr3-write': 200, 'cr4-write': 3000, 'cr-read': 40000 };
  const stop = `\njmp 8:${DOORWAY}`;
  expect(cost(prices, 0, `mov eax, cr0\nmov cr0, eax${stop}`)).toBe(40011);
  expect(cost(prices, 0, `mov eax, cr3\nmov cr3, eax${stop}`)).toBe(40201);
  expect(cost(prices, 0, `mov eax, cr4\nmov cr4, eax${stop}`)).toBe(43001);
});

test('ports cost by direction, SYSENTER and SYSEXIT by themselves', () => {
  const prices = { 'port-read': 10, 'port-write': 200, sysenter: 3000, sysexit: 40000 };
  expect(cost(prices, 0, `in al, 0x80\nout 0x80, al\njmp 8:${DOORWAY}`)).toBe(211);
  const entry = (m: TestMachine) => {
    m.cpu.setMsr(0x174, 8n);
    m.cpu.setMsr(0x175, BigInt(STACKS[0]));
    m.cpu.setMsr(0x176, BigInt(DOORWAY));
  };
  expect(cost(prices, 3, 'sysenter', entry)).toBe(3000);
  expect(cost(prices, 0, `mov edx, ${DOORWAY}\nsysexit`, entry)).toBe(40001);
});
