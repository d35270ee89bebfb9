// INIT and start-up messages (SDM Vol. 3A "MP Initialization Protocol Requirements and Restrictions", "Processor State
// After Power-up, Reset, or INIT", "Local APIC State After It Receives an INIT-Deassert Message").
import { describe, expect, it } from 'vitest';
import { CS } from '../../asm/layout.ts';
import { DATA, END, SmpMachine } from './machine.ts';

const ICR = 0xfee00300;
const ICR_HIGH = 0xfee00310;
const INIT = 0x4500;
const STARTUP = 0x4600;
const WAIT_FOR_SIPI = 3;
/** Start-up vector 9: the trampoline lies here. */
const TRAMPOLINE = 0x9000;

const send = (to: number, message: number): string =>
  `mov dword ptr [${ICR_HIGH}], ${(to << 24) >>> 0}\n mov dword ptr [${ICR}], ${message}\n`;
const pauses = (count: number): string => {
  const label = `delay${count}`;
  return `mov ecx, ${count}\n${label}:\n pause\n loop ${label}\n`;
};

/** Says where it is and counts itself: CS at 0x500, a counter at 0x504. */
const SAY_WHERE = 'mov ax, cs\n mov [0x500], ax\n lock inc dword ptr [0x504]\n cli\n hlt';

function machine(processors: number, program: string, trampoline = SAY_WHERE): SmpMachine {
  const m = new SmpMachine(processors);
  m.program(trampoline, TRAMPOLINE, 16);
  m.program(`cpu0:\n${program}\n${END}`);
  m.start(0, 'cpu0');
  return m;
}

describe('start-up', () => {
  it('INIT and two start-up messages start a processor once, in real-address mode at the page of the vector', () => {
    const startUp = STARTUP | (TRAMPOLINE >> 12);
    const m = machine(2, send(1, INIT) + send(1, startUp) + pauses(100) + send(1, startUp) + pauses(101));
    expect(m.run().reason).toBe('debug-exit');
    expect(m.word(0x500) & 0xffff).toBe(TRAMPOLINE >> 4);
    expect(m.word(0x504)).toBe(1);
  });

  it('after power-up a start-up message needs no INIT before it', () => {
    const m = machine(2, send(1, STARTUP | 9) + pauses(100));
    m.run();
    expect(m.word(0x504)).toBe(1);
  });

  it('a start-up message to a processor that runs or is halted does nothing', () => {
    const m = machine(2, send(1, STARTUP | 9) + pauses(100) + send(1, STARTUP | 9) + pauses(101));
    m.run();
    expect(m.word(0x504)).toBe(1);
  });

  it('INIT stops a running processor; it can be started again', () => {
    const spin = `${SAY_WHERE.replace('cli\n hlt', '')}\n again:\n pause\n jmp again`;
    const m = machine(
      2,
      send(1, STARTUP | 9) + pauses(100) + send(1, INIT) + pauses(101) + send(1, STARTUP | 9) + pauses(102),
      spin,
    );
    m.run();
    expect(m.word(0x504)).toBe(2);
  });

  it('INIT leaves the processor waiting with the state the SDM gives, and its APIC as after power-up', () => {
    const m = new SmpMachine(2);
    m.program(`
cpu0:
  mov eax, [${DATA}]
  test eax, eax
  jz cpu0
  ${send(1, INIT)}
  ${pauses(100)}
  ${END}
cpu1:
  mov dword ptr [0xfee000f0], 0x1ff
  mov dword ptr [0xfee00080], 0x50
  mov eax, 0x12345678
  mov cr2, eax
  fldpi
  lock inc dword ptr [${DATA}]
  hlt`);
    m.startAll();
    m.run();
    const { cpu, platform } = m.machine;
    cpu.processors.select(1);
    expect(cpu.activity).toBe(WAIT_FOR_SIPI);
    expect(cpu.cr0).toBe(0x10); // CD and NW as they were
    expect(cpu.cr2).toBe(0);
    expect(cpu.eip).toBe(0xfff0);
    expect(cpu.segment(CS)).toEqual({ selector: 0xf000, rights: 0x93, base: 0xffff0000, limit: 0xffff });
    expect(cpu.eflags).toBe(2);
    const lapic = platform.lapics[1]!;
    expect([lapic.read(0x20, 4), lapic.read(0x80, 4), lapic.read(0xf0, 4)]).toEqual([1 << 24, 0, 0xff]);
  });

  it('the de-assertion of a level-triggered INIT does nothing', () => {
    const m = machine(2, send(1, STARTUP | 9) + pauses(100) + send(1, 0x8500) + send(1, STARTUP | 9) + pauses(101));
    m.run();
    expect(m.word(0x504)).toBe(1);
  });

  it('all but self: every other processor starts', () => {
    const m = machine(8, send(0, 0xc0000 | INIT) + send(0, 0xc0000 | STARTUP | 9) + pauses(200));
    m.run();
    expect(m.word(0x504)).toBe(7);
  });

  it('interrupts and NMIs do not disturb one that waits for its start-up message', () => {
    const m = machine(2, send(1, 0x4441) + send(1, 0x4400) + pauses(100));
    m.run();
    expect(m.machine.cpu.processors.instructions(1)).toBe(0);
  });

  it('each has its own APIC ID in the local APIC and in CPUID; only the first is the bootstrap processor', () => {
    const m = new SmpMachine(4);
    const body = (n: number): string => `
cpu${n}:
  mov eax, [0xfee00020]
  mov [${DATA + 16 * n}], eax
  mov eax, 1
  cpuid
  mov [${DATA + 16 * n + 4}], ebx
  mov ecx, 0x1b
  rdmsr
  mov [${DATA + 16 * n + 8}], eax
  lock inc dword ptr [${DATA + 128}]
  ${n === 0 ? `wait:\n pause\n cmp dword ptr [${DATA + 128}], 4\n jne wait\n${END}` : 'hlt'}`;
    m.program([0, 1, 2, 3].map(body).join('\n'));
    m.startAll();
    m.run();
    for (let n = 0; n < 4; n++) {
      expect(m.word(DATA + 16 * n) >>> 24).toBe(n);
      expect(m.word(DATA + 16 * n + 4) >>> 24).toBe(n);
      expect((m.word(DATA + 16 * n + 4) >>> 16) & 0xff).toBe(4);
      expect(m.word(DATA + 16 * n + 8)).toBe(n === 0 ? 0xfee00900 : 0xfee00800);
    }
  });
});
