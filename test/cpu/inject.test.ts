// Instructions that software above the doorway has the core execute: alone, at the present state, RIP left where it is,
// whatever decoded code lies at RIP.
import { expect, test } from 'vitest';
import { CODE, DOORWAY, TestMachine } from '../system/machine.ts';

const END = `jmp 8:${DOORWAY + 0x300}`;

/** A machine that stands at CODE, where a loop has run and is known to the block cache. */
function machine(): TestMachine {
  const m = new TestMachine();
  m.program(`mov ecx, 5\nagain: nop\ninc ebx\ndec ecx\njne again\n${END}`);
  m.run();
  m.ring(0);
  m.cpu.setReg(3, 0);
  m.cpu.eip = m.label('again');
  return m;
}

test('one instruction runs, and nothing behind it', () => {
  const m = machine();
  const { eip, instructions } = m.cpu;
  expect(m.cpu.ring0.execute([0x40])).toBeUndefined(); // inc eax
  expect(m.cpu.ring0.execute([0x90])).toBeUndefined();
  expect(m.cpu.ring0.execute([0xfb])).toBeUndefined(); // sti: leaves a block
  expect(m.cpu.eip).toBe(eip);
  expect(m.cpu.reg(3)).toBe(0);
  expect(m.cpu.instructions).toBe(instructions + 3);
});

test('a fault is returned, not delivered', () => {
  const m = machine();
  m.cpu.setReg(1, 0);
  const esp = m.cpu.reg(4);
  expect(m.cpu.ring0.execute([0xf7, 0xf1])).toMatchObject({ vector: 0 }); // div ecx
  expect(m.cpu.ring0.execute([0x0f, 0x0b])).toMatchObject({ vector: 6 });
  expect(m.cpu.eip).toBe(m.label('again'));
  expect(m.cpu.reg(4)).toBe(esp);
});

test('port accesses and device memory leave RIP alone', () => {
  const m = machine();
  const { eip } = m.cpu;
  m.portValue = 0x55;
  expect(m.cpu.ring0.portIn(0x60, 1)).toBe(0x55);
  m.cpu.ring0.portOut(0x80, 1, 7);
  expect(m.ports).toHaveLength(2);
  expect(m.cpu.eip).toBe(eip);
});

test('IRET goes where its frame says', () => {
  const m = machine();
  m.cpu.ring0.store(0x40000, 4, CODE);
  m.cpu.ring0.store(0x40004, 4, 8);
  m.cpu.ring0.store(0x40008, 4, 0x202);
  m.cpu.setReg(4, 0x40000);
  expect(m.cpu.ring0.iret()).toBeUndefined();
  expect([m.cpu.eip, m.cpu.reg(4), m.cpu.eflags & 0x200]).toEqual([CODE, 0x4000c, 0x200]);
});

test('single-stepping through known code stops after every instruction', () => {
  const m = machine();
  m.ring(0, 0x102);
  m.cpu.eip = m.label('again');
  expect(m.delivered(m.run())).toMatchObject({ vector: 1, eip: m.label('again') + 1 });
});
