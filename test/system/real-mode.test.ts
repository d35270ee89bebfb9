// Real-address mode: segments, transfers of control, interrupts through the vector table, limits. Expected values: SDM Vol. 3B
// "Real-Address Mode" of "8086 Emulation", Vol. 2 "INT n/INTO/INT3/INT1", "IRET", "JMP", "CALL", "RET", Vol. 3A "Processor
// State After Reset".
import { describe, expect, test } from 'vitest';
import { COUNT_BLOCKS_DECODED, CS, DS, ES, FS, GS, LDTR, SS, TR } from '../../asm/layout.ts';
import { Cpu } from '../../src/cpu/cpu.ts';
import { loadCore } from '../core.ts';
import { CODE, DATA } from './machine.ts';
import { CODE_PARAGRAPH, RealMachine, STACK_PARAGRAPH, STACK_POINTER } from './real-machine.ts';

const IF = 0x200;
const TF = 0x100;
const AC = 0x40000;
const STACK = STACK_PARAGRAPH * 16;

describe('RESET ("Processor State After Reset")', () => {
  test('registers, segments and control registers have the values of the table', () => {
    const none = () => 0;
    const cpu = Cpu.create(loadCore(), {
      ramSize: 0x100000,
      host: { portRead: none, portWrite() {}, mmioRead: none, mmioWrite() {}, interruptAcknowledge: none },
    });
    expect([cpu.eip, cpu.eflags, cpu.cr0 >>> 0, cpu.cr2, cpu.cr3, cpu.cr4]).toEqual([0xfff0, 2, 0x60000010, 0, 0, 0]);
    expect([0, 1, 3, 4, 5, 6, 7].map((n) => cpu.reg(n))).toEqual([0, 0, 0, 0, 0, 0, 0]);
    expect(cpu.segment(CS)).toEqual({ selector: 0xf000, base: 0xffff0000, limit: 0xffff, rights: 0x93 });
    for (const segment of [SS, DS, ES, FS, GS]) {
      expect(cpu.segment(segment)).toEqual({ selector: 0, base: 0, limit: 0xffff, rights: 0x93 });
    }
    expect(cpu.segment(LDTR)).toEqual({ selector: 0, base: 0, limit: 0xffff, rights: 0x82 });
    expect(cpu.segment(TR)).toMatchObject({ selector: 0, base: 0, limit: 0xffff });
    expect([cpu.gdtr, cpu.idtr]).toEqual([
      { base: 0, limit: 0xffff },
      { base: 0, limit: 0xffff },
    ]);
    expect([cpu.dr(6) >>> 0, cpu.dr(7)]).toEqual([0xffff0ff0, 0x400]);
    expect(cpu.cpl).toBe(0);
  });
});

describe('segments', () => {
  test('a load sets selector and base and leaves limit and rights', () => {
    const m = new RealMachine();
    m.interrupted('mov ax, 0x1234\nmov ds, ax\npush ax\npop es\nint 0x20');
    for (const segment of [DS, ES]) {
      expect(m.cpu.segment(segment)).toEqual({ selector: 0x1234, base: 0x12340, limit: 0xffff, rights: 0x93 });
    }
  });

  test('LDS, LES, LSS, LFS and LGS load a far pointer', () => {
    for (const [name, segment] of [
      ['les', ES],
      ['lfs', FS],
      ['lgs', GS],
      ['lss', SS],
      ['lds', DS],
    ] as const) {
      const machine = new RealMachine();
      machine.memory.setUint32(DATA + 0x10, 0x2bcd1234, true);
      machine.interrupted(`${name} bx, [0x10]\nint 0x20`);
      expect(machine.cpu.segment(segment)).toMatchObject({ selector: 0x2bcd, base: 0x2bcd0 });
      expect(machine.cpu.reg(3) & 0xffff).toBe(0x1234);
    }
  });

  test('every segment may be written, CS too', () => {
    const m = new RealMachine();
    const { vector } = m.interrupted('mov word [cs:0x100], 0x55aa\nint 0x20');
    expect(vector).toBe(0x20);
    expect(m.memory.getUint16(CODE + 0x100, true)).toBe(0x55aa);
  });

  test.each([
    ['a word at FFFF', 'mov ax, [0xffff]', 13],
    ['a doubleword at FFFD', 'mov eax, [0xfffd]', 13],
    ['a word at FFFF of the stack segment', 'mov bp, 0xffff\nmov ax, [bp]', 12],
    ['an address of 32 bits beyond the limit', 'mov ebx, 0x10000\nmov al, [ebx]', 13],
    ['a push with SP = 1', 'mov sp, 1\nint3', undefined],
  ])('%s is outside the limit', (_, text, vector) => {
    const m = new RealMachine();
    const stop = m.go(`${text}\nint 0x20`);
    // with SP = 1 there is no stack for the handler of #SS either: shutdown
    if (vector === undefined) expect(stop.reason).toBe('shutdown');
    else expect(stop).toMatchObject({ reason: 'doorway', entry: vector });
  });

  test.each([7, 9, 11, 13, 15])('PUSHA with SP = %i is #GP (SDM Vol. 2 "PUSHA/PUSHAD")', (sp) => {
    const m = new RealMachine();
    expect(m.interrupted(`mov sp, ${sp}\nbad: pusha`)).toMatchObject({ vector: 13, ip: m.label('bad') });
    expect(m.cpu.reg(4)).toBe(sp - 6);
  });

  test.each([1, 3, 5])('PUSHA with SP = %i has no stack for the handler of #SS either: shutdown', (sp) => {
    expect(new RealMachine().go(`mov sp, ${sp}\npusha`).reason).toBe('shutdown');
  });

  test('16-bit addresses wrap inside the segment, SP wraps from 0 to FFFE', () => {
    const m = new RealMachine();
    m.memory.setUint16(DATA + 0x0ffe, 0x7777, true);
    m.interrupted('mov bx, 0xffff\nmov si, 0x0fff\nmov ax, [bx+si]\nmov esp, 0x50000\npush ax\nmov bx, sp\nint 0x20');
    expect(m.cpu.reg(0) & 0xffff).toBe(0x7777);
    expect(m.cpu.reg(3) & 0xffff).toBe(0xfffe);
    expect(m.memory.getUint16(STACK + 0xfffe, true)).toBe(0x7777);
    // the upper half of ESP is not touched by a 16-bit stack
    expect(m.cpu.reg(4) >>> 16).toBe(5);
  });

  test('above 1 MByte: FFFF:0010 is 100000 with A20 open and 0 with A20 closed', () => {
    const m = new RealMachine();
    const text = 'mov ax, 0xffff\nmov ds, ax\nmov al, [0x510]\nint 0x20';
    m.memory.setUint8(0x100500, 0x11);
    m.memory.setUint8(0x500, 0x22);
    m.interrupted(text);
    expect(m.cpu.reg(0) & 0xff).toBe(0x11);
    const closed = new RealMachine();
    closed.memory.setUint8(0x100500, 0x11);
    closed.memory.setUint8(0x500, 0x22);
    closed.cpu.setA20(false);
    closed.interrupted(text);
    expect(closed.cpu.reg(0) & 0xff).toBe(0x22);
  });
});

describe('interrupts and exceptions ("Interrupt and Exception Handling")', () => {
  test('INT n pushes FLAGS, CS, IP, loads CS:IP from the table and clears IF, TF and AC', () => {
    const m = new RealMachine();
    m.cpu.eflags = IF | AC | 2;
    const frame = m.interrupted('stc\nint 0x21\nnext: nop');
    expect(frame).toEqual({ vector: 0x21, ip: m.label('next'), cs: CODE_PARAGRAPH, flags: IF | 3 });
    expect(m.cpu.eflags & (IF | TF | AC)).toBe(0);
    expect(m.cpu.segment(CS)).toMatchObject({ selector: 0x7f00, base: 0x7f000, limit: 0xffff });
    expect(m.cpu.reg(4)).toBe(STACK_POINTER - 6);
  });

  test.each([
    ['#DE', 'bad: div cl', 0],
    ['#BR', 'mov ax, 5\nbad: bound ax, [0]', 5],
    ['#UD', 'bad: ud2', 6],
    ['#GP', 'bad: mov ax, [0xffff]', 13],
  ])('%s is a fault without error code', (_, text, vector) => {
    const m = new RealMachine();
    expect(m.interrupted(text)).toMatchObject({ vector, ip: m.label('bad'), cs: CODE_PARAGRAPH });
    expect(m.cpu.reg(4)).toBe(STACK_POINTER - 6);
  });

  test('INT3 and INTO are traps', () => {
    const m = new RealMachine();
    expect(m.interrupted('int3\nnext: nop')).toMatchObject({ vector: 3, ip: m.label('next') });
    const into = new RealMachine();
    expect(into.interrupted('mov al, 127\ninc al\ninto\nnext: nop')).toMatchObject({
      vector: 4,
      ip: into.label('next'),
    });
  });

  test('the table lies where IDTR says', () => {
    const m = new RealMachine();
    m.cpu.idtr = { base: DATA + 0x400, limit: 0x3ff };
    m.memory.setUint32(DATA + 0x400 + 4 * 0x21, 0x7f000055, true);
    expect(m.go('int 0x21')).toMatchObject({ reason: 'doorway', entry: 0x55 });
  });

  test('INT n beyond the limit of IDTR is #GP; if that is beyond it too, #DF; if that as well, shutdown', () => {
    const limited = (limit: number) => {
      const m = new RealMachine();
      m.cpu.idtr = { base: 0, limit };
      return m.go('int 0x21');
    };
    expect(limited(4 * 0x21 + 3)).toMatchObject({ reason: 'doorway', entry: 0x21 });
    expect(limited(4 * 0x21 + 2)).toMatchObject({ reason: 'doorway', entry: 13 });
    expect(limited(4 * 13 + 2)).toMatchObject({ reason: 'doorway', entry: 8 });
    expect(limited(4 * 8 + 2)).toMatchObject({ reason: 'shutdown' });
  });

  test('an external interrupt and an NMI are delivered when IF allows', () => {
    const m = new RealMachine();
    m.program('cli\nnop\nsti\nnop\nhlt');
    m.cpu.setIntr(true);
    expect(m.run()).toMatchObject({ reason: 'doorway', entry: 0x20 });
    // after STI and one more instruction
    expect(m.stack(1, 2)).toEqual([4]);
    const nmi = new RealMachine();
    nmi.program('nop');
    nmi.cpu.raiseNmi();
    expect(nmi.run()).toMatchObject({ reason: 'doorway', entry: 2 });
  });

  test('TF traps after the instruction', () => {
    const m = new RealMachine();
    m.cpu.eflags = TF | 2;
    expect(m.interrupted('nop\nnext: nop')).toMatchObject({ vector: 1, ip: m.label('next'), flags: TF | 2 });
    expect(m.cpu.eflags & TF).toBe(0);
  });

  test('IRET takes IP, CS and FLAGS, IOPL and NT included; IRETD also AC and ID, not VM, VIF and VIP', () => {
    const m = new RealMachine();
    m.vector(0x21, CODE_PARAGRAPH, 0x100);
    m.program('iret', 0x100);
    m.cpu.eflags = IF | 2;
    expect(m.interrupted('stc\nint 0x21\nnext: int 0x22')).toMatchObject({ vector: 0x22, flags: IF | 3 });
    const short = new RealMachine();
    short.interrupted('push word 0x7ed5\npush cs\npush word there\niret\nthere: pushfd\npop eax\nint 0x20');
    expect(short.cpu.reg(0)).toBe(0x7ed7);
    const long = new RealMachine();
    long.interrupted(
      'push dword 0xfffffed5\npush dword 0x1000\npush dword there\niretd\nthere: pushfd\npop eax\nint 0x20',
    );
    expect(long.cpu.reg(0)).toBe(0x247ed7 & ~0x10000);
    expect(long.cpu.eflags & 0x1a0000).toBe(0);
  });
});

describe('far transfers', () => {
  test('JMP, CALL and RET', () => {
    const m = new RealMachine();
    m.program('mov ax, sp\nretf 2', 0x100);
    const text = `
      push word 0x1111
      call 0x1008:0x80
      int 0x20`;
    const frame = m.interrupted(text);
    expect(frame.vector).toBe(0x20);
    expect(m.cpu.reg(0) & 0xffff).toBe(STACK_POINTER - 6);
    expect(m.cpu.reg(4)).toBe(STACK_POINTER - 6);
    expect(m.memory.getUint16(STACK + STACK_POINTER - 4, true)).toBe(CODE_PARAGRAPH);
  });

  test('with a 32-bit operand the frame has doublewords', () => {
    const m = new RealMachine();
    m.program('mov bx, sp\no32 retf', 0x100);
    m.interrupted('o32 call 0x1000:0x100\nint 0x20');
    expect(m.cpu.reg(3) & 0xffff).toBe(STACK_POINTER - 8);
  });

  test.each([
    ['JMP beyond the limit', 'bad: o32 jmp 0x1000:0x10000', 13],
    ['CALL beyond the limit', 'bad: o32 call 0x1000:0x10000', 13],
    ['IRETD beyond the limit', 'push dword 2\npush dword 0x1000\npush dword 0x10000\nbad: iretd', 13],
    ['RETF beyond the limit', 'push dword 0x1000\npush dword 0x10000\nbad: o32 retf', 13],
    ['CALL without a stack', 'mov sp, 3\nbad: call 0x1000:0x100', undefined],
  ])('%s faults', (_, text, vector) => {
    const m = new RealMachine();
    if (vector === undefined) {
      expect(m.go(text).reason).toBe('shutdown');
      return;
    }
    expect(m.interrupted(text)).toMatchObject({ vector, ip: m.label('bad') });
  });

  test('code that runs over offset FFFF is #GP with IP 0; a 16-bit jump wraps', () => {
    const m = new RealMachine();
    m.program('nop\nnop', 0xfffe);
    expect(m.interrupted('jmp 0xfffe')).toMatchObject({ vector: 13, ip: 0 });
    const straddling = new RealMachine();
    straddling.program('db 0xb8, 1', 0xfffe);
    expect(straddling.interrupted('jmp 0xfffe')).toMatchObject({ vector: 13, ip: 0xfffe });
    const wrapping = new RealMachine();
    wrapping.program('db 0xeb, 0x10', 0xfff0);
    wrapping.program('int 0x30', 2);
    wrapping.cpu.eip = 0xfff0;
    expect(wrapping.run()).toMatchObject({ reason: 'doorway', entry: 0x30 });
  });
});

describe('instructions', () => {
  test.each([
    'sldt ax',
    'str ax',
    'lldt ax',
    'ltr ax',
    'verr ax',
    'verw ax',
    'lar ax, ax',
    'lsl ax, ax',
    'arpl ax, ax',
    'vmxoff',
    'vmread eax, ebx',
  ])('%s is not recognized: #UD', (text) => {
    expect(new RealMachine().interrupted(text)).toMatchObject({ vector: 6, ip: 0 });
  });

  test.each(['sysenter', 'sysexit'])('%s is #GP', (text) => {
    const m = new RealMachine();
    m.cpu.setMsr(0x174, 8n);
    expect(m.interrupted(text)).toMatchObject({ vector: 13, ip: 0 });
  });

  test('privileged instructions and ports may be used', () => {
    const m = new RealMachine();
    const frame = m.interrupted('cli\nmov eax, cr0\nmov dr0, eax\nin al, 0x60\nrdtsc\nclts\nlgdt [0]\nsti\nint 0x20');
    expect(frame.vector).toBe(0x20);
    expect(m.ports).toHaveLength(1);
  });

  test('a 16-bit LGDT loads 24 bits of the base', () => {
    const m = new RealMachine();
    m.memory.setUint16(DATA, 0x77, true);
    m.memory.setUint32(DATA + 2, 0x12345678, true);
    m.interrupted('lgdt [0]\nint 0x20');
    expect(m.cpu.gdtr).toEqual({ base: 0x345678, limit: 0x77 });
  });

  test('POPF changes IF and IOPL; PUSHF shows them', () => {
    const m = new RealMachine();
    m.interrupted('push word 0x7202\npopf\npushf\npop ax\nint 0x20');
    expect(m.cpu.reg(0) & 0xffff).toBe(0x7202);
  });

  test('paging may not be turned on: #GP', () => {
    const m = new RealMachine();
    expect(m.interrupted('mov eax, 0x80000010\nbad: mov cr0, eax')).toMatchObject({ vector: 13, ip: m.label('bad') });
  });

  test('FNSTENV stores linear addresses and the opcode', () => {
    const m = new RealMachine();
    m.interrupted('fninit\nfld1\nop: fstp qword [0x20]\nfnstenv [0x40]\nint 0x20');
    const word = (n: number) => m.memory.getUint16(DATA + 0x40 + 2 * n, true);
    const ip = CODE + m.label('op');
    // DD /3, ModRM 1E: opcode 51E
    expect([word(3), word(4), word(5), word(6)]).toEqual([ip & 0xffff, ((ip >> 4) & 0xf000) | 0x51e, 0x0020, 0x2000]);
  });
});

describe('decoded blocks', () => {
  const loop = 'mov cx, 500\nagain: inc ax\nloop again\nint 0x20';

  test.each([0, 0xfff0 - 0x10])('code runs in blocks in the partial pages at both ends of a segment (%x)', (offset) => {
    const m = new RealMachine();
    m.cpu.setSegment(CS, { selector: 0x1001, rights: 0x93, base: 0x10010, limit: 0xffff });
    m.program(loop, offset + 0x10);
    m.cpu.eip = offset;
    const decoded = () => m.cpu.view.getBigUint64(COUNT_BLOCKS_DECODED, true);
    const before = decoded();
    expect(m.run(2000)).toMatchObject({ reason: 'doorway', entry: 0x20 });
    expect(m.cpu.reg(0) & 0xffff).toBe(500);
    expect(decoded()).toBeGreaterThan(before);
  });

  test('a jump that stays in its page in one segment and wraps in another does both', () => {
    const m = new RealMachine();
    const at = (linear: number, text: string) => m.program(text, linear - CODE);
    at(0x20010, 'db 0xeb, 0x2e');
    at(0x20040, 'int 0x30');
    at(0x10040, 'int 0x31');
    const from = (paragraph: number) => {
      m.cpu.setSegment(CS, { selector: paragraph, rights: 0x93, base: paragraph * 16, limit: 0xffff });
      m.cpu.eip = 0x20010 - paragraph * 16;
      return m.run();
    };
    for (let n = 0; n < 3; n++) {
      expect(from(0x2000)).toMatchObject({ entry: 0x30 });
      expect(from(0x1002)).toMatchObject({ entry: 0x31 });
    }
  });

  test('a 32-bit jump to below the base faults although the same bytes jumped there in a lower segment', () => {
    const m = new RealMachine();
    m.program('db 0x66, 0xeb, 0xbd', 0x20480 - CODE);
    m.program('int 0x30', 0x20440 - CODE);
    const from = (paragraph: number) => {
      m.cpu.setSegment(CS, { selector: paragraph, rights: 0x93, base: paragraph * 16, limit: 0xffff });
      m.cpu.eip = 0x20480 - paragraph * 16;
      return m.run();
    };
    for (let n = 0; n < 3; n++) {
      expect(from(0x2000)).toMatchObject({ entry: 0x30 });
      expect(from(0x2046)).toMatchObject({ entry: 13 });
      expect(m.stack(1, 2)).toEqual([0x20]);
    }
  });

  test('a limit inside a block is found although the same bytes ran without it', () => {
    const m = new RealMachine();
    m.program('nop\nnop\nnop\nint 0x20');
    expect(m.run()).toMatchObject({ entry: 0x20 });
    m.cpu.setSegment(CS, { selector: CODE_PARAGRAPH, rights: 0x93, base: CODE, limit: 1 });
    m.cpu.eip = 0;
    m.cpu.idtr = { base: 0, limit: 0x3ff };
    // the handler lies beyond the limit too
    expect(m.run()).toMatchObject({ reason: 'shutdown' });
    expect(m.cpu.eip).toBe(2);
  });
});
