// x87 errors reported the way of the PC: FERR#, IRQ 13, port F0 and IGNNE# (SDM Vol. 1, appendix "Guidelines for Writing
// SIMD/x87 FPU Exception Handlers", "MS-DOS Compatibility Sub-mode for Handling x87 FPU Exceptions").
import { describe, expect, test } from 'vitest';
import { assembleProgram } from '../../src/isa/assemble.ts';
import { readSnapshot } from '../../src/machine/snapshot.ts';
import { enterProtectedMode } from '../../src/pc/boot-state.ts';
import { Machine } from '../../src/pc/machine.ts';
import { loadCore } from '../core.ts';

const CODE = 0x10000;
const GDT = 0x1000;
const IDT = 0x2000;
/** Memory the guest counts in: IRQ 13, #MF. */
const IRQS = 0x20000;
const FAULTS = 0x20004;
const LAST_STATUS = 0x20008;
const CR0_NE = 0x20;

/** Programs the PICs (vectors 20h and 28h) with only the cascade and IRQ 13 open; x87 division by zero is not masked. */
const SET_UP = `
  mov al, 0x11
  out 0x20, al
  out 0xa0, al
  mov al, 0x20
  out 0x21, al
  mov al, 0x28
  out 0xa1, al
  mov al, 4
  out 0x21, al
  mov al, 2
  out 0xa1, al
  mov al, 1
  out 0x21, al
  out 0xa1, al
  mov al, 0xfb
  out 0x21, al
  mov al, 0xdf
  out 0xa1, al
  fninit
  push dword 0x37b
  fldcw [esp]
  fld1
  fldz
`;
const END = `
  mov eax, 0
  out 0xf4, al
  hlt
`;
const HANDLERS = `
irq13:
  push eax
  inc dword [${IRQS}]
  fnstsw [${LAST_STATUS}]
  mov al, 0
  out 0xf0, al
  HANDLER
  mov al, 0x20
  out 0xa0, al
  out 0x20, al
  pop eax
  iretd
fault:
  inc dword [${FAULTS}]
  fnclex
  iretd
`;

interface Result {
  readonly machine: Machine;
  readonly reason: string;
  readonly irqs: number;
  readonly faults: number;
  readonly symbols: ReadonlyMap<string, number>;
}

function build(text: string, handler = 'fnclex', cr0 = 0): { machine: Machine; symbols: ReadonlyMap<string, number> } {
  const machine = new Machine(loadCore(), { memory: 4 << 20 });
  const { cpu } = machine;
  const { bytes, symbols } = assembleProgram(`${SET_UP}${text}${END}${HANDLERS.replace('HANDLER', handler)}`, {
    origin: CODE,
    mode: 32,
  });
  cpu.ram.set(bytes, CODE);
  const memory = new DataView(cpu.ram.buffer, cpu.ram.byteOffset);
  memory.setBigUint64(GDT + 8, 0x00cf9b00_0000ffffn, true);
  memory.setBigUint64(GDT + 16, 0x00cf9300_0000ffffn, true);
  const gate = (vector: number, name: string) => {
    const offset = symbols.get(name)!;
    memory.setUint32(IDT + vector * 8, (8 << 16) | (offset & 0xffff), true);
    memory.setUint32(IDT + vector * 8 + 4, (offset & 0xffff_0000) | 0x8e00, true);
  };
  gate(0x2d, 'irq13');
  gate(16, 'fault');
  enterProtectedMode(cpu, CODE);
  cpu.gdtr = { base: GDT, limit: 23 };
  cpu.idtr = { base: IDT, limit: 0x7ff };
  cpu.setReg(4, 0x30000);
  cpu.cr0 = 0x11 | cr0;
  return { machine, symbols };
}

function run(text: string, handler?: string, cr0?: number): Result {
  const { machine, symbols } = build(text, handler, cr0);
  const stop = machine.runUntil({ instructions: 2000 });
  const memory = new DataView(machine.cpu.ram.buffer, machine.cpu.ram.byteOffset);
  const count = (at: number) => memory.getUint32(at, true);
  return { machine, reason: stop.reason, irqs: count(IRQS), faults: count(FAULTS), symbols };
}

describe('an unmasked x87 exception with CR0.NE = 0', () => {
  test('comes as IRQ 13, not as #MF', () => {
    const result = run('sti\nfdivp st1, st0\nfwait');
    expect(result).toMatchObject({ reason: 'debug-exit', irqs: 1, faults: 0 });
    const { ram } = result.machine.cpu;
    expect(new DataView(ram.buffer, ram.byteOffset).getUint16(LAST_STATUS, true) & 0x84).toBe(0x84);
  });

  test('with CR0.NE = 1 comes as #MF, not as IRQ 13', () => {
    expect(run('sti\nfdivp st1, st0\nfwait', 'fnclex', CR0_NE)).toMatchObject({
      reason: 'debug-exit',
      irqs: 0,
      faults: 1,
    });
  });

  test('stops the processor before the next waiting instruction while interrupts are off', () => {
    const { machine, reason, irqs, symbols } = run('fdivp st1, st0\nfnstsw ax\nwaits: fld1\nnop');
    expect({ reason, irqs }).toEqual({ reason: 'idle', irqs: 0 });
    expect(machine.cpu.eip).toBe(symbols.get('waits'));
    expect(machine.cpu.reg(0) & 0x84).toBe(0x84);
  });

  test('waits for the interrupt that was held back, then executes the instruction', () => {
    // STI holds interrupts back for one instruction: FLD1 waits in it, is interrupted, and executes after the handler
    const result = run('fdivp st1, st0\nsti\nfld1\nfld1');
    expect(result).toMatchObject({ reason: 'debug-exit', irqs: 1 });
  });

  test('is over when FNCLEX or FNINIT clears it: nothing waits, but the interrupt stays latched', () => {
    expect(run('fdivp st1, st0\nfnclex\nfld1')).toMatchObject({ reason: 'debug-exit', irqs: 0 });
    expect(run('fdivp st1, st0\nfninit\nfld1')).toMatchObject({ reason: 'debug-exit', irqs: 0 });
    expect(run('fdivp st1, st0\nfnclex\nsti\nfld1')).toMatchObject({ reason: 'debug-exit', irqs: 1 });
  });

  test('lets instructions go on after a write to port F0 until the exception is cleared', () => {
    const ignored = run('fdivp st1, st0\nmov al, 0\nout 0xf0, al\nfld1\nfld1\nfwait');
    expect(ignored).toMatchObject({ reason: 'debug-exit', irqs: 0 });
    // the pin goes away with the exception: the next one stops the processor again
    const again = run('fdivp st1, st0\nmov al, 0\nout 0xf0, al\nfnclex\nfld1\nfldz\nfdivp st1, st0\nfwait');
    expect(again.reason).toBe('idle');
  });

  test('a handler may use waiting instructions after it wrote to port F0', () => {
    expect(run('sti\nfdivp st1, st0\nfwait', 'fld1\nfstp st0\nfnclex')).toMatchObject({
      reason: 'debug-exit',
      irqs: 1,
    });
  });

  test('waits in MMX instructions too', () => {
    expect(run('fdivp st1, st0\npaddb mm0, mm1').reason).toBe('idle');
  });

  test('is reported by unmasking it, and by turning CR0.NE off', () => {
    const unmask = 'push dword 0x37f\nfldcw [esp]\nfdivp st1, st0\nsti\npush dword 0x37b\nfldcw [esp]\nfwait';
    expect(run(unmask)).toMatchObject({ reason: 'debug-exit', irqs: 1 });
    const native = `fdivp st1, st0\nsti\nmov eax, cr0\nand eax, ${~CR0_NE >>> 0}\nmov cr0, eax\nnop`;
    expect(run(native, 'fnclex', CR0_NE)).toMatchObject({ reason: 'debug-exit', irqs: 1, faults: 0 });
  });
});

describe('the wait for an interrupt', () => {
  test('is in snapshots, with the pins', () => {
    const first = build('fdivp st1, st0\nmov al, 0\nout 0xf0, al\nfld1\nfnclex\nsti\nfld1\nfwait').machine;
    const second = build('').machine;
    const steps = first.cpu.instructions + 26;
    first.runUntil({ instructions: steps });
    readSnapshot(first.save(), second.parts);
    for (const machine of [first, second]) expect(machine.runUntil({ instructions: 2000 }).reason).toBe('debug-exit');
    expect(second.cpu.instructions).toBe(first.cpu.instructions);
  });
});
