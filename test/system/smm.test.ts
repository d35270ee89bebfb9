// System-management mode. Expected values: SDM Vol. 3 "System Management Mode": "SMRAM State Save Map" (both tables), "SMI
// Handler Execution Environment", "Exceptions and Interrupts Within SMM", "NMI Handling While in SMM", "Auto HALT Restart",
// "SMBASE Relocation", "I/O State Implementation", "I/O Instruction Restart", "Exiting From SMM"; Vol. 3C "Default Treatment
// of SMIs and SMM with VMX Operation and SMX Operation"; Vol. 2 "RSM".
import { describe, expect, test } from 'vitest';
import { CS, DS, ES, FS, GS, LDTR, SS, TR } from '../../asm/layout.ts';
import { assembleProgram } from '../../src/isa/assemble.ts';
import { findCpuModel } from '../../src/cpu/cpu.ts';
import { TestGuest } from './guest.ts';
import { LongMachine, CODE as LONG_CODE, STACK } from './long-machine.ts';
import { CODE, CODE_SELECTORS, DATA, DATA_SELECTORS, DOORWAY, FREE, GDT, IDT, STACKS, TestMachine } from './machine.ts';

const SMBASE = 0x30000;
const MAP = SMBASE + 0x8000;
const IF = 0x200;
const TF = 0x100;
const UD = 6;
const PORT = 0xb2;

const AUTO_HALT = 0x7f02;
const IO_RESTART = 0x7f00;
const REVISION = 0x7efc;
const NEW_BASE = 0x7ef8;
const IO_STATE = 0x7fa4;

type Machine = TestMachine | LongMachine;

/** Puts 16-bit code at the handler's place. In it, `[cs:…]` reaches the map: CS starts at SMBASE. */
function handler(m: Machine, text: string, base = SMBASE): void {
  const { bytes } = assembleProgram(text, { origin: 0x8000, mode: 16 });
  m.cpu.ram.set(bytes, base + 0x8000);
  m.cpu.notePhysicalWrite(base + 0x8000, bytes.length);
}

/** Handler code that writes a 32-bit or 16-bit field of the map. */
const put = (offset: number, value: number): string => `mov dword [cs:${0x8000 + offset}], ${value >>> 0}\n`;
const put16 = (offset: number, value: number): string => `mov word [cs:${0x8000 + offset}], ${value}\n`;

/** A machine whose writes to the port raise SMI. */
function withPort(m: TestMachine): TestMachine {
  m.onWrite = () => {
    if (m.ports.at(-1)?.port === PORT) m.cpu.raiseSmi();
  };
  return m;
}

/** Takes an SMI in front of the program's first instruction and stops in the handler, at a HLT. */
function stopInHandler<T extends Machine>(m: T, text: string): T {
  handler(m, 'hlt\nrsm');
  m.program(text);
  m.cpu.raiseSmi();
  expect(m.run()).toEqual({ reason: 'halt' });
  expect(m.cpu.inSmm).toBe(true);
  return m;
}

/** Goes on behind the HLT in the handler. */
function goOn(m: Machine): void {
  m.cpu.activity = 0;
}

const END = `\njmp ${CODE_SELECTORS[0]}:${DOORWAY + 0x300}`;
const finished = { reason: 'doorway', entry: 0x300 };

describe('an SMI', () => {
  test('gives the handler the state that the SDM lists', () => {
    const m = new TestMachine();
    m.cpu.setReg(3, 0xdeadbeef);
    m.cpu.cr4 = 0x88;
    m.cpu.cr0 = 0x1d;
    m.cpu.setDr(7, 0x402);
    m.ring(0, IF | 0xc3);
    stopInHandler(m, 'nop');
    const flat = { selector: 0, base: 0, limit: 0xffffffff };
    expect(m.cpu.segment(CS)).toMatchObject({ selector: SMBASE >> 4, base: SMBASE, limit: 0xffffffff });
    for (const segment of [ES, SS, DS, FS, GS]) expect(m.cpu.segment(segment)).toMatchObject(flat);
    expect(m.cpu.eip).toBe(0x8001);
    expect(m.cpu.eflags).toBe(2);
    expect(m.cpu.cr0).toBe(0x10);
    expect(m.cpu.cr4).toBe(0);
    expect(m.cpu.dr(7)).toBe(0x400);
    expect(m.cpu.cpl).toBe(0);
    expect(m.cpu.reg(3)).toBe(0xdeadbeef);
  });

  test('saves the state in the layout of processors with long mode', () => {
    const m = new TestMachine();
    m.cpu.setReg64(0, 0x1122334455667788n);
    for (let n = 8; n < 16; n++) m.cpu.setReg64(n, BigInt(n) << 40n);
    m.cpu.setDr(6, 0xffff0ff1);
    m.cpu.cr4 = 0x80;
    m.cpu.cr3 = 0x5000;
    m.cpu.setMsr(0xc0000080, 0x800n);
    m.ring(3, IF | 0xc3);
    stopInHandler(m, 'nop');
    const quad = (offset: number) => m.memory.getBigUint64(MAP + offset, true);
    const double = (offset: number) => m.memory.getUint32(MAP + offset, true);
    expect(quad(0x7ff8)).toBe(0x11n);
    expect(quad(0x7ff0)).toBe(0x5000n);
    expect(quad(0x7fe8)).toBe(BigInt(IF | 0xc3));
    expect(quad(0x7fe0)).toBe(0x800n);
    expect(quad(0x7fd8)).toBe(BigInt(CODE));
    expect(quad(0x7fd0)).toBe(0xffff0ff1n);
    expect(quad(0x7fc8)).toBe(0x400n);
    expect([0x7fc4, 0x7fc0, 0x7fb4, 0x7fb0, 0x7fac].map(double)).toEqual([
      m.cpu.segment(TR).selector || 0x48,
      0x50,
      DATA_SELECTORS[3],
      DATA_SELECTORS[3],
      CODE_SELECTORS[3],
    ]);
    expect(quad(0x7f74 - 0x18)).toBe(0x1122334455667788n);
    expect(quad(0x7f7c)).toBe(BigInt(STACKS[3]));
    expect(quad(0x7f54)).toBe(8n << 40n);
    expect(quad(0x7f1c)).toBe(15n << 40n);
    expect(double(REVISION) & 0x30000).toBe(0x30000);
    expect(double(NEW_BASE)).toBe(SMBASE);
    expect(double(0x7e40)).toBe(0x80);
    expect([double(0x7e8c), double(0x7e94)]).toEqual([GDT, IDT]);
    expect(double(0x7ee0)).toBe(0);
  });

  test('saves the state in the 32-bit layout on other processors', () => {
    const m = new TestMachine(findCpuModel('pentium'));
    for (let n = 0; n < 8; n++) if (n !== 4) m.cpu.setReg(n, 0x1000 + n);
    m.cpu.cr3 = 0x5000;
    m.ring(0, IF | 2);
    stopInHandler(m, 'nop');
    const double = (offset: number) => m.memory.getUint32(MAP + offset, true);
    expect([0x7ffc, 0x7ff8, 0x7ff4, 0x7ff0].map(double)).toEqual([0x11, 0x5000, IF | 2, CODE]);
    // EDI ESI EBP ESP EBX EDX ECX EAX
    const registers = [0x7fec, 0x7fe8, 0x7fe4, 0x7fe0, 0x7fdc, 0x7fd8, 0x7fd4, 0x7fd0].map(double);
    expect(registers).toEqual([0x1007, 0x1006, 0x1005, STACKS[0], 0x1003, 0x1002, 0x1001, 0x1000]);
    expect([0x7fcc, 0x7fc8].map(double)).toEqual([0xffff0ff0, 0x400]);
    // TR, GS FS DS SS CS ES
    expect([0x7fc4, 0x7fbc, 0x7fac].map(double)).toEqual([0x48, DATA_SELECTORS[0], CODE_SELECTORS[0]]);
    expect(double(REVISION) & 0x30000).toBe(0x30000);
    expect(double(NEW_BASE)).toBe(SMBASE);
  });

  test('comes before NMI and INTR, which wait for RSM', () => {
    const m = new TestMachine();
    handler(m, 'inc dword [0x9000]\nrsm');
    m.ring(0, IF | 2);
    m.program('nop');
    m.cpu.raiseSmi();
    m.cpu.raiseNmi();
    m.cpu.setIntr(true);
    expect(m.delivered(m.run())).toMatchObject({ vector: 2, eip: CODE });
    expect(m.memory.getUint32(0x9000, true)).toBe(1);
  });

  test('comes before the trap of a single step, which is not lost', () => {
    const m = withPort(new TestMachine());
    handler(m, 'inc dword [0x9000]\nrsm');
    m.ring(0, TF | 2);
    expect(m.deliver('out 0xb2, al\nnext: nop')).toMatchObject({ vector: 1, eip: m.label('next') });
    expect(m.cpu.dr(6) & 0x4000).toBe(0x4000);
    expect(m.memory.getUint32(0x9000, true)).toBe(1);
  });

  test('while the handler runs waits for RSM', () => {
    const m = withPort(new TestMachine());
    handler(m, 'inc dword [0x9000]\ncmp dword [0x9000], 1\njne done\nout 0xb2, al\ninc dword [0x9004]\ndone: rsm');
    m.program(`out 0xb2, al${END}`);
    expect(m.run()).toMatchObject(finished);
    expect([m.memory.getUint32(0x9000, true), m.memory.getUint32(0x9004, true)]).toEqual([2, 1]);
  });

  test('does not depend on IF, CPL or the shadow of STI', () => {
    const m = withPort(new TestMachine());
    handler(m, 'inc dword [0x9000]\nrsm');
    m.ring(3, 0x3002);
    m.program(`out 0xb2, al\nsti\nhere: jmp 0x3b:${DOORWAY + 0x300}`);
    expect(m.run()).toMatchObject(finished);
    expect(m.cpu.cpl).toBe(3);
    expect(m.memory.getUint32(0x9000, true)).toBe(1);
  });
});

describe('RSM', () => {
  test('outside system-management mode is #UD', () => {
    const m = new TestMachine();
    expect(m.deliver('rsm')).toMatchObject({ vector: UD, eip: CODE });
    m.ring(3);
    expect(m.deliver('rsm', { outer: true })).toMatchObject({ vector: UD, eip: CODE });
  });

  test('is #UD on a processor without the mode', () => {
    const m = new TestMachine(findCpuModel('i486'));
    expect(m.deliver('rsm')).toMatchObject({ vector: UD });
  });

  test('restores everything, descriptor caches too', () => {
    const m = new TestMachine();
    handler(m, 'xor eax, eax\nmov ebx, eax\nmov ds, ax\nmov es, ax\nmov fs, ax\nmov dr7, eax\nrsm');
    m.descriptor(FREE, { type: 0x13, base: DATA, limit: 0xff });
    m.cpu.setSegment(ES, { selector: FREE, rights: 0x4093, base: DATA, limit: 0xff });
    m.cpu.setSegment(LDTR, { selector: 0x50, rights: 0x82, base: 0x6000, limit: 0x7f });
    m.cpu.cr4 = 0x80;
    m.cpu.setDr(7, 0x700);
    m.program('nop\nnop\nnop');
    const names = () => ({
      registers: Array.from({ length: 8 }, (_, n) => m.cpu.reg(n)),
      segments: Array.from({ length: 8 }, (_, n) => m.cpu.segment(n)),
      control: [m.cpu.cr0, m.cpu.cr3, m.cpu.cr4, m.cpu.dr(6), m.cpu.dr(7), m.cpu.eflags, m.cpu.cpl],
      tables: [m.cpu.gdtr, m.cpu.idtr],
    });
    m.run(1);
    const before = names();
    m.cpu.raiseSmi();
    m.run(8);
    expect(m.cpu.inSmm).toBe(false);
    expect(m.cpu.eip).toBe(CODE + 2);
    expect(names()).toEqual(before);
  });

  test('takes what the handler wrote into the map', () => {
    const m = new TestMachine();
    handler(m, `${put(0x7fd8, DOORWAY + 0x300)}${put(0x7f5c, 0x1234)}${put(0x7fe8, 0xc3)}rsm`);
    m.program('nop');
    m.cpu.raiseSmi();
    expect(m.run()).toMatchObject(finished);
    expect([m.cpu.reg(0), m.cpu.eflags]).toEqual([0x1234, 0xc3]);
  });

  test('relocates SMBASE: the next SMI finds its handler and its map there', () => {
    const m = withPort(new TestMachine());
    const base = 0x58000;
    handler(m, `inc dword [0x9000]\n${put(NEW_BASE, base)}rsm`);
    handler(m, 'inc dword [0x9004]\nmov eax, cs\nmov [0x9008], eax\nrsm', base);
    m.program(`out 0xb2, al\nmov eax, 0x77\nout 0xb2, al${END}`);
    expect(m.run()).toMatchObject(finished);
    expect([0x9000, 0x9004, 0x9008].map((at) => m.memory.getUint32(at, true))).toEqual([1, 1, base >> 4]);
    expect(m.memory.getUint32(base + 0x8000 + 0x7f5c, true)).toBe(0x77);
    expect(m.cpu.reg(0)).toBe(0x77);
  });

  test.each([
    ['a reserved bit in CR4', put(0x7e40, 0x80000000), 'CR4'],
    ['CR4.VMXE', put(0x7e40, 0x2000), 'CR4'],
    ['CR0 with PG and without PE', put(0x7ff8, 0x80000010), 'CR0'],
    ['CR0 with NW and without CD', put(0x7ff8, 0x20000011), 'CR0'],
    ['EFER with LMA and without paging', put(0x7fe0, 0x500), 'EFER'],
  ] as const)('of %s is a shutdown', (_, change, field) => {
    const m = new TestMachine();
    handler(m, `${change}rsm`);
    m.program('nop');
    m.cpu.raiseSmi();
    expect(m.run()).toEqual({ reason: 'shutdown' });
    expect(m.cpu.rsmFailure).toBe(field);
    expect(m.cpu.inSmm).toBe(true);
  });

  test('restores the block of NMIs as it was', () => {
    const m = new TestMachine();
    // the NMI handler is interrupted by an SMI; a second NMI waits for its IRET
    m.gate(2, { type: 14, selector: CODE_SELECTORS[0], offset: CODE + 0x100 });
    m.program('inc dword [0x9000]\nout 0xb2, al\ncmp dword [0x9000], 1\nmov ecx, [0x9000]\niretd', CODE + 0x100);
    m.onWrite = () => {
      if (m.ports.length !== 1) return;
      m.cpu.raiseSmi();
      m.cpu.raiseNmi();
    };
    handler(m, 'mov ecx, [0x9000]\nmov [0x9004], ecx\nrsm');
    m.program(`nop\nnop${END}`);
    m.cpu.raiseNmi();
    expect(m.run()).toMatchObject(finished);
    expect([m.memory.getUint32(0x9000, true), m.memory.getUint32(0x9004, true)]).toEqual([2, 1]);
  });
});

describe('interrupts in the handler', () => {
  test('an NMI is latched and delivered after RSM', () => {
    const m = withPort(new TestMachine());
    handler(m, 'hlt\nmov dword [0x9000], 1\nrsm');
    m.program('out 0xb2, al\nnext: nop');
    expect(m.run()).toEqual({ reason: 'halt' });
    m.cpu.raiseNmi();
    expect(m.run()).toEqual({ reason: 'halt' });
    goOn(m);
    expect(m.delivered(m.run())).toMatchObject({ vector: 2, eip: m.label('next') });
    expect(m.memory.getUint32(0x9000, true)).toBe(1);
  });

  test('IRET lets NMIs in', () => {
    const m = withPort(new TestMachine());
    // vector 2 of the table at 0 leads to 0:0x7000
    m.memory.setUint32(8, 0x00007000, true);
    const nmi = assembleProgram('inc word [cs:0x9000]\niret', { origin: 0x7000, mode: 16 }).bytes;
    m.cpu.ram.set(nmi, 0x7000);
    m.cpu.idtr = { base: 0, limit: 0x3ff };
    handler(
      m,
      'mov esp, 0x6000\npushf\npush cs\npush word back\niret\nback: nop\nmov ax, [0x9000]\nmov [0x9002], ax\nrsm',
    );
    m.program(`out 0xb2, al${END}`);
    m.onWrite = () => {
      m.cpu.raiseSmi();
      m.cpu.raiseNmi();
    };
    expect(m.run()).toMatchObject(finished);
    expect([m.memory.getUint16(0x9000, true), m.memory.getUint16(0x9002, true)]).toEqual([1, 1]);
  });
});

describe('HLT', () => {
  test('that an SMI interrupted is resumed', () => {
    const m = new TestMachine();
    handler(m, 'mov ax, [cs:0xff02]\nmov [0x9000], ax\nrsm');
    m.ring(0, IF | 2);
    m.program('hlt\nnext: nop');
    expect(m.run()).toEqual({ reason: 'halt' });
    m.cpu.raiseSmi();
    expect(m.run()).toEqual({ reason: 'halt' });
    expect([m.cpu.inSmm, m.cpu.activity]).toEqual([false, 1]);
    expect(m.memory.getUint16(0x9000, true)).toBe(1);
    m.cpu.setIntr(true);
    expect(m.delivered(m.run())).toMatchObject({ vector: 0x20, eip: m.label('next') });
  });

  test('is left when the handler clears the auto HALT restart field', () => {
    const m = new TestMachine();
    handler(m, `${put16(AUTO_HALT, 0)}rsm`);
    m.program(`hlt${END}`);
    expect(m.run()).toEqual({ reason: 'halt' });
    m.cpu.raiseSmi();
    expect(m.run()).toMatchObject(finished);
  });

  test('the field is clear when the processor was not halted', () => {
    const m = stopInHandler(new TestMachine(), 'nop');
    expect(m.memory.getUint16(MAP + AUTO_HALT, true)).toBe(0);
  });
});

describe('I/O instructions', () => {
  const state = (port: number, type: number, size: number): number =>
    ((port << 16) | (type << 4) | (size << 1) | 1) >>> 0;
  test.each([
    ['out 0xb2, al', state(0xb2, 8, 1)],
    ['mov dx, 0xb2\nout dx, eax', state(0xb2, 0, 4)],
    [`mov dx, 0xb2\nmov esi, ${DATA}\noutsw`, state(0xb2, 2, 2)],
    [`mov dx, 0xb2\nmov esi, ${DATA}\nmov ecx, 1\nrep outsb`, state(0xb2, 6, 1)],
  ] as const)('I/O in front of an SMI is in the I/O state field (%j)', (text, expected) => {
    const m = withPort(new TestMachine());
    handler(m, 'hlt');
    m.program(`${text}\nnop`);
    expect(m.run()).toEqual({ reason: 'halt' });
    expect(m.memory.getUint32(MAP + IO_STATE, true)).toBe(expected);
    if (/outs/.test(text)) expect(m.memory.getUint32(MAP + 0x7f9c, true)).toBe(DATA);
  });

  test('are not in it when another instruction came between', () => {
    const m = new TestMachine();
    handler(m, 'hlt');
    m.program('in al, 0x60\nnop\nnop');
    m.run(2);
    m.cpu.raiseSmi();
    expect(m.run()).toEqual({ reason: 'halt' });
    expect(m.memory.getUint32(MAP + IO_STATE, true)).toBe(0);
  });

  test('are executed again when the handler asks for it', () => {
    const m = withPort(new TestMachine());
    handler(m, `inc dword [0x9000]\ncmp dword [0x9000], 2\nje done\n${put16(IO_RESTART, 0xff)}done: rsm`);
    m.program(`mov al, 7\nout 0xb2, al${END}`);
    expect(m.run()).toMatchObject(finished);
    expect(m.ports).toEqual([0, 1].map(() => ({ port: PORT, size: 1, value: 7 })));
  });

  test('an iteration of REP OUTS is executed again', () => {
    const m = new TestMachine();
    m.onWrite = () => {
      if (m.ports.length === 2) m.cpu.raiseSmi();
    };
    handler(m, `${put16(IO_RESTART, 0xff)}rsm`);
    m.cpu.ram.set([1, 2, 3], DATA);
    m.program(`mov dx, 0xb2\nmov esi, ${DATA}\nmov ecx, 3\nrep outsb${END}`);
    expect(m.run()).toMatchObject(finished);
    expect(m.ports.map(({ value }) => value)).toEqual([1, 2, 2, 3]);
    expect([m.cpu.reg(1), m.cpu.reg(6)]).toEqual([0, DATA + 3]);
  });
});

describe('other modes', () => {
  test('64-bit code with paging is left and taken up again', () => {
    const m = new LongMachine();
    handler(m, 'mov dword [0x3800], 1\nrsm');
    m.ring(3);
    m.cpu.setReg64(9, 0x123456789abcdef0n);
    m.program('mov rax, r9\nud2');
    m.cpu.raiseSmi();
    const frame = m.frame(m.run());
    expect(frame).toMatchObject({ vector: UD, rip: BigInt(LONG_CODE + 3), rsp: BigInt(STACK) });
    expect(m.cpu.reg64(0)).toBe(0x123456789abcdef0n);
    expect(m.read(0x3800) & 0xffn).toBe(1n);
  });

  test('the handler can go to protected mode and back', () => {
    const m = withPort(new TestMachine());
    handler(
      m,
      `o32 lgdt [cs:0xb000]\nmov eax, cr0\nor al, 1\nmov cr0, eax\nmov ax, 8\nmov ds, ax\nmov dword [0x12345678 - 0x12340000], 9\nrsm`,
    );
    const at = SMBASE + 0xb000;
    m.memory.setUint16(at, 0xf, true);
    m.memory.setUint32(at + 2, at + 8, true);
    m.memory.setBigUint64(at + 16, 0x00cf92000000ffffn, true);
    m.program(`out 0xb2, al${END}`);
    expect(m.run()).toMatchObject(finished);
    expect(m.memory.getUint32(0x5678, true)).toBe(9);
    expect(m.cpu.gdtr.base).toBe(GDT);
  });

  test('a VMX guest is left without a VM exit and taken up again', () => {
    const m = new TestGuest();
    withPort(m);
    handler(m, 'mov eax, cr4\nmov [0x9000], eax\nrsm');
    m.interceptPort(0x99);
    m.program('mov eax, 0x2020\nout 0xb2, al\nmov ebx, cr4\nhere: out 0x99, al');
    m.enter();
    const exit = m.exit();
    expect(exit).toMatchObject({ reason: 30, rip: m.label('here') });
    expect(m.memory.getUint32(0x9000, true)).toBe(0);
    expect(m.cpu.reg(3) & 0x2000).toBe(0x2000);
    expect(m.memory.getUint32(MAP + 0x7e40, true) & 0x2000).toBe(0);
  });

  test('in SMM, CR4.VMXE is reserved and VMX instructions are #UD', () => {
    const m = withPort(new TestGuest());
    // vectors 6 and 13 of the table at 0 note themselves and end the handler
    for (const vector of [6, 13]) {
      const at = 0x7000 + vector * 16;
      m.memory.setUint32(vector * 4, at, true);
      m.cpu.ram.set(assembleProgram(`mov byte [cs:${0x9000 + vector}], 1\nrsm`, { origin: at, mode: 16 }).bytes, at);
    }
    m.cpu.idtr = { base: 0, limit: 0x3ff };
    handler(m, 'mov esp, 0x6000\nmov eax, 0x2000\nmov cr4, eax\nrsm');
    m.program('out 0xb2, al\nnop\nhlt');
    m.run();
    handler(m, 'mov esp, 0x6000\nvmcall\nrsm');
    m.program('out 0xb2, al\nnop\nhlt');
    m.cpu.activity = 0;
    m.ring(0);
    m.run();
    expect([m.memory.getUint8(0x9006), m.memory.getUint8(0x900d)]).toEqual([1, 1]);
  });
});

test('an SMI is the same in slices of one instruction, and across a snapshot in the handler', () => {
  const build = (): TestMachine => {
    const m = withPort(new TestMachine());
    handler(m, 'mov ecx, 5\nl: add [0x9000], ecx\nloop l\nrsm');
    m.program(`mov ebx, 3\nagain: out 0xb2, al\ndec ebx\njnz again${END}`);
    return m;
  };
  const whole = build();
  whole.run();
  const stepped = build();
  while (stepped.run(1).reason !== 'doorway');
  const first = build();
  first.run(9);
  expect(first.cpu.inSmm).toBe(true);
  const second = build();
  second.cpu.ram.set(first.cpu.ram);
  second.cpu.load(first.cpu.save());
  second.run();
  for (const m of [stepped, second]) {
    expect(m.memory.getUint32(0x9000, true)).toBe(45);
    expect([m.cpu.instructions, m.cpu.cycles]).toEqual([whole.cpu.instructions, whole.cpu.cycles]);
  }
});
