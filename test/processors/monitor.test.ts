// MONITOR and MWAIT between processors (SDM Vol. 2 "MONITOR", "MWAIT"; Vol. 3A "MONITOR/MWAIT Instruction").
import { describe, expect, it } from 'vitest';
import { DATA, END, SmpMachine } from './machine.ts';

const READY = DATA + 0x200;

/** The second processor waits for a write to the line at DATA; the first does `action` a while later. */
function waiting(action: string, before = '', flags = 'cli'): SmpMachine {
  const m = new SmpMachine(2);
  m.program(`
cpu0:
  pause
  cmp dword ptr [${READY}], 1
  jb cpu0
  mov ecx, 5000
delay:
  add eax, ecx
  loop delay
  ${action}
  mov ecx, 5000
later:
  add eax, ecx
  loop later
  ${END}
cpu1:
  ${flags}
  lock inc dword ptr [${READY}]
  mov eax, ${DATA + 8}
  xor ecx, ecx
  xor edx, edx
  monitor
  ${before}
  mov eax, 0
  mwait
  lock inc dword ptr [${READY}]
  cli
  hlt`);
  m.startAll();
  expect(m.run()).toEqual({ reason: 'debug-exit', status: 1 });
  return m;
}

describe('MWAIT', () => {
  it('waits until another processor writes the line, and executes nothing meanwhile', () => {
    const m = waiting(`mov byte ptr [${DATA + 63}], 1`);
    expect(m.word(READY)).toBe(2);
    expect(m.machine.cpu.processors.instructions(1)).toBeLessThan(20);
  });

  it.each([
    ['the line before', DATA - 4],
    ['the line after', DATA + 64],
    ['another page', DATA + 0x1008],
  ])('a write to %s does not end the wait', (_name, address) => {
    expect(waiting(`mov dword ptr [${address}], 1`).word(READY)).toBe(1);
  });

  it('a write that crosses into the line ends it', () => {
    expect(waiting(`mov dword ptr [${DATA - 2}], 1`).word(READY)).toBe(2);
  });

  it('a string store over the line ends it', () => {
    const fill = `mov edi, ${DATA - 256}\n mov ecx, 128\n xor eax, eax\n rep stosd`;
    expect(waiting(fill).word(READY)).toBe(2);
  });

  it('does not wait when the line was written since MONITOR', () => {
    const m = waiting('nop', `mov dword ptr [${DATA}], 5`);
    expect(m.word(READY)).toBe(2);
  });

  it('a read does not end it', () => {
    expect(waiting(`mov eax, [${DATA}]`).word(READY)).toBe(1);
  });

  it('an NMI ends it, and the write that comes later finds nobody waiting', () => {
    const m = new SmpMachine(2);
    m.program(`
cpu0:
  pause
  cmp dword ptr [${READY}], 1
  jne cpu0
  mov dword ptr [0xfee00310], ${1 << 24}
  mov dword ptr [0xfee00300], 0x4400
wait:
  pause
  cmp dword ptr [${READY}], 2
  jne wait
  mov ecx, 5000
delay:
  add eax, ecx
  loop delay
  mov dword ptr [${DATA}], 1
  mov ecx, 5000
later:
  add eax, ecx
  loop later
  ${END}
cpu1:
  lock inc dword ptr [${READY}]
  mov eax, ${DATA}
  xor ecx, ecx
  xor edx, edx
  monitor
  mwait
  lock inc dword ptr [${READY}]
  cli
  hlt
  lock inc dword ptr [${READY}]
nmi:
  iretd`);
    m.gate(2, 'nmi');
    m.startAll();
    expect(m.run().reason).toBe('debug-exit');
    expect(m.word(READY)).toBe(2);
  });

  it('saved and restored while it waits', () => {
    const m = new SmpMachine(2);
    m.program(`
cpu0:
  mov ecx, 20000
delay:
  add eax, ecx
  loop delay
  mov dword ptr [${DATA}], 1
  mov ecx, 20000
later:
  add eax, ecx
  loop later
  ${END}
cpu1:
  mov eax, ${DATA}
  xor ecx, ecx
  xor edx, edx
  monitor
  mwait
  lock inc dword ptr [${READY}]
  cli
  hlt`);
    m.startAll();
    m.run(10_000);
    const second = new SmpMachine(2);
    second.machine.load(m.machine.save());
    expect(second.run().reason).toBe('debug-exit');
    expect(second.word(READY)).toBe(1);
    m.run();
    expect(second.counts()).toEqual(m.counts());
  });
});
