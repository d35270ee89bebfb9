// Virtual-8086 mode: entry, monitor entry, sensitive instructions, ports, the virtual-mode extensions, and virtual interrupts
// of protected mode. Expected values: SDM Vol. 3B "8086 Emulation": "Entering Virtual-8086 Mode", "Leaving Virtual-8086
// Mode", "Sensitive Instructions", "Virtual-8086 Mode I/O", "Interrupt and Exception Handling in Virtual-8086 Mode",
// "Protected-Mode Virtual Interrupts".
import { describe, expect, test } from 'vitest';
import { CS, DS, ES, FS, GS, SS } from '../../asm/layout.ts';
import {
  BITMAP,
  CODE,
  CODE_SELECTORS,
  DATA_SELECTORS,
  DOORWAY,
  FREE,
  TestMachine,
  TSS,
  TSS_STACKS,
} from './machine.ts';
import {
  CODE_PARAGRAPH,
  DATA_PARAGRAPH,
  EXTRA_PARAGRAPH,
  STACK_PARAGRAPH,
  STACK_POINTER,
  VirtualMachine,
  VM,
} from './real-machine.ts';
import { ARRIVAL, BASE_A, TASK_A, TaskMachine } from './task-machine.ts';

const CF = 1;
const TF = 0x100;
const IF = 0x200;
const NT = 0x4000;
const RF = 0x10000;
const VIF = 0x80000;
const VIP = 0x100000;
const IOPL3 = 0x3000;
const VME = 1;
const PVI = 2;
const STACK = STACK_PARAGRAPH * 16;

describe('entering by IRETD at CPL 0', () => {
  const frame = (flags: number, eip = 0x10) =>
    [0x5555, 0x4444, 0x3333, 0x2222, 0x6666, 0x12348000, flags, 0x1111, eip].map((v) => `push dword ${v}`).join('\n');

  test('loads the flags, all segments as paragraphs and ESP; CPL becomes 3', () => {
    const m = new TestMachine();
    m.cpu.ram.set([0xcd, 0x33], 0x11110 + 0x10);
    const flags = VM | VIF | IOPL3 | IF | CF | 2;
    m.gate(0x33, { type: 14, selector: 8, offset: DOORWAY + 0x33, dpl: 3 });
    m.program(`${frame(flags)}\niretd`);
    m.run(10);
    expect(m.cpu.cpl).toBe(3);
    expect(m.cpu.eip).toBe(0x10);
    expect(m.cpu.eflags).toBe(flags);
    expect(m.cpu.reg(4)).toBe(0x12348000);
    const segment = (selector: number) => ({ selector, base: selector * 16, limit: 0xffff, rights: 0xf3 });
    const all: [number, number][] = [
      [CS, 0x1111],
      [SS, 0x6666],
      [ES, 0x2222],
      [DS, 0x3333],
      [FS, 0x4444],
      [GS, 0x5555],
    ];
    for (const [n, selector] of all) expect(m.cpu.segment(n)).toEqual(segment(selector));
  });

  test('EIP beyond FFFF is #GP(0) in the monitor', () => {
    const m = new TestMachine();
    const got = m.deliver(`${frame(VM | 2, 0x10000)}\nbad: iretd`);
    expect(got).toMatchObject({ vector: 13, error: 0, eip: m.label('bad'), cs: CODE_SELECTORS[0] });
  });

  test('at CPL 3 the VM bit of the image is ignored', () => {
    const m = new TestMachine();
    m.ring(3);
    const got = m.deliver(`push dword ${VM | 2}\npush cs\npush dword there\niretd\nthere: ud2`, { outer: true });
    expect(got).toMatchObject({ vector: 6, eip: m.label('there'), eflags: RF | 2 });
  });

  test('a 16-bit IRET has no VM bit', () => {
    const m = new TestMachine();
    m.program(`mov ebx, ${DOORWAY}\npush word 2\npush word 8\npush word there\niret\nthere: int 0x20`, 0x8000);
    m.cpu.eip = 0x8000;
    expect(m.run()).toMatchObject({ reason: 'doorway' });
    expect(m.cpu.eflags & VM).toBe(0);
  });
});

describe('leaving through a gate', () => {
  test('the monitor finds all segments, ESP and EFLAGS with VM on the stack of ring 0, data segments are null', () => {
    const m = new VirtualMachine(IOPL3 | IF | 2);
    m.cpu.setReg(4, 0x7fff1000);
    const got = m.monitored('stc\nbad: ud2');
    expect(got).toEqual({
      vector: 6,
      eip: m.label('bad'),
      cs: CODE_PARAGRAPH,
      eflags: VM | RF | IOPL3 | IF | CF | 2,
      esp: 0x7fff1000,
      ss: STACK_PARAGRAPH,
      es: EXTRA_PARAGRAPH,
      ds: DATA_PARAGRAPH,
      fs: 0,
      gs: 0,
    });
    expect(m.cpu.reg(4)).toBe(TSS_STACKS[0] - 36);
    expect(m.cpu.eflags & (VM | IF | TF | NT | RF)).toBe(0);
    expect(m.cpu.cpl).toBe(0);
    expect(m.cpu.segment(CS).selector).toBe(CODE_SELECTORS[0]);
    expect(m.cpu.segment(SS).selector).toBe(DATA_SELECTORS[0]);
    for (const segment of [DS, ES, FS, GS]) {
      expect(m.cpu.segment(segment)).toMatchObject({ selector: 0, rights: 0x10000 });
    }
  });

  test('an error code lies on top', () => {
    const m = new VirtualMachine();
    const got = m.monitored('bad: mov ax, [0xffff]');
    expect(got).toMatchObject({ vector: 13, error: 0, eip: m.label('bad'), ss: STACK_PARAGRAPH, ds: DATA_PARAGRAPH });
    expect(m.cpu.reg(4)).toBe(TSS_STACKS[0] - 40);
  });

  test('a trap gate leaves IF; a 16-bit gate pushes words', () => {
    const m = new VirtualMachine(IF | 2);
    m.gate(6, { type: 15, selector: 8, offset: DOORWAY + 6 });
    m.monitored('ud2');
    expect(m.cpu.eflags & IF).toBe(IF);
    const short = new VirtualMachine(IF | 2);
    short.descriptor(FREE, { type: 0x1b, base: DOORWAY & ~0xffff });
    short.gate(6, { type: 6, selector: FREE, offset: (DOORWAY & 0xffff) + 6 });
    expect(short.go('bad: ud2')).toMatchObject({ reason: 'doorway', entry: 6 });
    const words = [0, CODE_PARAGRAPH, IF | 2, STACK_POINTER, STACK_PARAGRAPH, EXTRA_PARAGRAPH, DATA_PARAGRAPH, 0, 0];
    expect(short.stack(9, 2)).toEqual(words);
  });

  test.each([
    ['conforming code of ring 0', { type: 0x1f, dpl: 0 }, 13, FREE],
    ['code of ring 1', { type: 0x1b, dpl: 1 }, 13, FREE],
    ['code of ring 3', { type: 0x1b, dpl: 3 }, 13, FREE],
    ['absent code', { type: 0x1b, dpl: 0, present: false }, 11, FREE],
  ])('a handler in %s faults with its selector', (_, descriptor, vector, error) => {
    const m = new VirtualMachine(IOPL3 | 2);
    m.descriptor(FREE, descriptor);
    m.gate(0x40, { type: 14, selector: FREE, offset: DOORWAY + 0x40, dpl: 3 });
    expect(m.monitored('int 0x40')).toMatchObject({ vector, error, eip: 0 });
  });

  test('a ring-0 stack without room for the frame is #SS with its selector, hence #DF after an exception', () => {
    const m = new VirtualMachine(IOPL3 | 2);
    m.descriptor(FREE, { type: 0x17, limit: TSS_STACKS[0] - 36 - 1 });
    m.memory.setUint32(TSS + 8, FREE, true);
    m.gate(12, { type: 14, selector: 8, offset: DOORWAY + 12 });
    m.gate(0x40, { type: 14, selector: 8, offset: DOORWAY + 0x40, dpl: 3 });
    expect(m.go('int 0x40')).toMatchObject({ reason: 'doorway', entry: 0x40 });
    m.virtual(IOPL3 | 2);
    m.descriptor(FREE, { type: 0x17, limit: TSS_STACKS[0] - 36 });
    expect(m.go('int 0x40')).toMatchObject({ reason: 'shutdown' });
  });

  test('external interrupts look at the real IF', () => {
    const m = new VirtualMachine(IF | 2);
    m.cpu.setIntr(true);
    expect(m.monitored('nop')).toMatchObject({ vector: 0x20, eip: 0 });
    const closed = new VirtualMachine(VIF | 2);
    closed.cpu.setIntr(true);
    expect(closed.monitored('nop\nbad: ud2')).toMatchObject({ vector: 6 });
  });

  test('TF traps', () => {
    const m = new VirtualMachine(TF | 2);
    expect(m.monitored('nop\nnext: nop')).toMatchObject({ vector: 1, eip: m.label('next'), eflags: VM | TF | 2 });
  });

  test('paging treats it as user mode', () => {
    const m = new VirtualMachine();
    const directory = 0x60000;
    const table = 0x61000;
    m.memory.setUint32(directory, table | 7, true);
    for (let page = 0; page < 1024; page++) m.memory.setUint32(table + 4 * page, (page << 12) | 7, true);
    m.memory.setUint32(table + 4 * 0x20, 0x20000 | 3, true);
    m.cpu.cr3 = directory;
    m.cpu.cr0 = 0x80000011;
    m.cpu.flushTlb();
    expect(m.monitored('bad: mov al, [4]')).toMatchObject({ vector: 14, error: 5, eip: m.label('bad') });
    expect(m.cpu.cr2).toBe(0x20004);
  });
});

describe('task switches', () => {
  test('a TSS with VM set enters the mode: selectors are paragraphs, CPL is 3', () => {
    const m = new TaskMachine();
    m.task32(TASK_A, BASE_A, {
      eflags: VM | IOPL3 | 2,
      eip: ARRIVAL,
      cs: DOORWAY >> 4,
      ss: 0x5001,
      ds: 0x1234,
      es: 4,
      fs: 0,
      gs: 0xffff,
    });
    m.arrive(`jmp ${TASK_A}:0`);
    expect(m.cpu.cpl).toBe(3);
    expect(m.cpu.eflags).toBe(VM | IOPL3 | 2);
    const paragraphs: [number, number][] = [
      [CS, DOORWAY >> 4],
      [SS, 0x5001],
      [DS, 0x1234],
      [ES, 4],
      [FS, 0],
      [GS, 0xffff],
    ];
    for (const [segment, selector] of paragraphs) {
      expect(m.cpu.segment(segment)).toEqual({ selector, base: selector * 16, limit: 0xffff, rights: 0xf3 });
    }
  });

  test('a task gate leaves the mode; the old TSS keeps VM and the paragraphs', () => {
    const m = new VirtualMachine(IOPL3 | 2);
    const tss = (at: number, value: number) => m.memory.setUint32(BASE_A + at, value, true);
    for (const [at, value] of [
      [0x20, DOORWAY + ARRIVAL],
      [0x24, 2],
      [0x38, 0x50000],
      [0x4c, CODE_SELECTORS[0]],
      [0x50, DATA_SELECTORS[0]],
    ] as const)
      tss(at, value);
    m.descriptor(TASK_A, { type: 9, base: BASE_A, limit: 0x67, big: false });
    m.gate(6, { type: 5, selector: TASK_A, offset: 0 });
    expect(m.go('nop\nud2')).toMatchObject({ reason: 'doorway', entry: ARRIVAL });
    expect(m.cpu.eflags & VM).toBe(0);
    expect(m.cpu.cpl).toBe(0);
    expect(m.memory.getUint32(TSS + 0x24, true)).toBe(VM | RF | IOPL3 | 2);
    expect([0x48, 0x4c, 0x50, 0x54].map((at) => m.memory.getUint16(TSS + at, true))).toEqual([
      EXTRA_PARAGRAPH,
      CODE_PARAGRAPH,
      STACK_PARAGRAPH,
      DATA_PARAGRAPH,
    ]);
  });
});

describe('sensitive instructions', () => {
  const SENSITIVE = ['cli', 'sti', 'pushf', 'popf', 'pushfd', 'popfd', 'iret', 'iretd', 'int 0x40'];

  test.each(SENSITIVE)('%s is #GP(0) with IOPL 2', (text) => {
    const m = new VirtualMachine(0x2000 | 2);
    m.gate(0x40, { type: 14, selector: 8, offset: DOORWAY + 0x40, dpl: 3 });
    expect(m.monitored(text)).toMatchObject({ vector: 13, error: 0, eip: 0, esp: STACK_POINTER });
  });

  test('with IOPL 3 CLI and STI change IF, POPF changes it but not IOPL, PUSHF hides VM and RF', () => {
    const m = new VirtualMachine(IOPL3 | 2);
    const got = m.monitored('sti\npushfd\npop eax\ncli\npush dword 0xffffced7\npopfd\npushf\npop bx\nud2');
    expect(m.cpu.reg(0)).toBe(IOPL3 | IF | 2);
    expect(m.cpu.reg(3) & 0xffff).toBe(IOPL3 | 0x4ed7 | 2);
    // AC and ID too; VM, IOPL, VIF and VIP stay
    expect(got.eflags & ~RF).toBe(VM | IOPL3 | 0x244ed7);
  });

  test('with IOPL 3 IRET stays in the mode and leaves IOPL and VM', () => {
    const m = new VirtualMachine(IOPL3 | 2);
    const got = m.monitored('push word 0x0201\npush word 0x1001\npush word there-16\niret\ntimes 32 nop\nthere: ud2');
    expect(got).toMatchObject({ vector: 6, cs: 0x1001, eip: m.label('there') - 16, esp: STACK_POINTER });
    expect(got.eflags & ~RF).toBe(VM | IOPL3 | IF | CF | 2);
  });

  test('INT n with IOPL 3 needs a gate of DPL 3; INT3 and INTO do not look at IOPL', () => {
    const m = new VirtualMachine(IOPL3 | 2);
    expect(m.monitored('int 0x40')).toMatchObject({ vector: 13, error: 0x40 * 8 + 2, eip: 0 });
    m.virtual(IOPL3 | 2);
    m.gate(0x40, { type: 14, selector: 8, offset: DOORWAY + 0x40, dpl: 3 });
    expect(m.monitored('int 0x40\nnext: nop')).toMatchObject({ vector: 0x40, eip: m.label('next') });
    m.virtual();
    m.gate(3, { type: 14, selector: 8, offset: DOORWAY + 3, dpl: 3 });
    expect(m.monitored('int3\nnext: nop')).toMatchObject({ vector: 3, eip: m.label('next') });
  });

  test.each([
    'hlt',
    'mov eax, cr0',
    'mov cr3, eax',
    'mov eax, dr7',
    'clts',
    'lmsw ax',
    'lgdt [0]',
    'lidt [0]',
    'invd',
    'wbinvd',
    'invlpg [0]',
    'rdmsr',
    'wrmsr',
    'sysexit',
  ])('%s is privileged: #GP(0)', (text) => {
    expect(new VirtualMachine(IOPL3 | 2).monitored(text)).toMatchObject({ vector: 13, error: 0, eip: 0 });
  });

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
  ])('%s is not recognized: #UD', (text) => {
    expect(new VirtualMachine(IOPL3 | 2).monitored(text)).toMatchObject({ vector: 6, eip: 0 });
  });

  test('SYSENTER leaves the mode for ring 0', () => {
    const m = new VirtualMachine(IOPL3 | IF | 2);
    m.cpu.setMsr(0x174, 8n);
    m.cpu.setMsr(0x175, 0x30000n);
    m.cpu.setMsr(0x176, BigInt(DOORWAY + 0x300));
    expect(m.go('sysenter')).toMatchObject({ reason: 'doorway', entry: 0x300 });
    expect(m.cpu.eflags & (VM | IF)).toBe(0);
    expect([m.cpu.cpl, m.cpu.reg(4), m.cpu.segment(CS).rights]).toEqual([0, 0x30000, 0xc09b]);
  });

  test('segment loads are paragraphs; far transfers too', () => {
    const m = new VirtualMachine();
    m.program('mov ax, 0x1234\nmov ds, ax\nlss sp, [cs:0x200]\ncall 0x1010:0x0');
    m.cpu.ram.set([0x00, 0x20, 0x00, 0x35], CODE + 0x200);
    m.cpu.ram.set([0x0f, 0x0b], CODE + 0x100);
    expect(m.run()).toMatchObject({ reason: 'doorway', entry: 6 });
    const [eip, cs, , esp, ss, , ds] = m.stack(7);
    expect([eip, cs, esp, ss, ds]).toEqual([0, 0x1010, 0x1ffc, 0x3500, 0x1234]);
  });
});

describe('ports ("Virtual-8086 Mode I/O")', () => {
  test.each([0, IOPL3])('IN asks the I/O permission bit map whatever IOPL is (%x)', (iopl) => {
    const m = new VirtualMachine(iopl | 2);
    expect(m.monitored('in al, 0x60')).toMatchObject({ vector: 13, error: 0 });
    m.virtual(iopl | 2);
    m.memory.setUint8(TSS + BITMAP + 0x60 / 8, 0xfe);
    expect(m.monitored('in al, 0x60\nud2')).toMatchObject({ vector: 6 });
    expect(m.ports).toEqual([{ port: 0x60, size: 1 }]);
    m.virtual(iopl | 2);
    expect(m.monitored('in ax, 0x60')).toMatchObject({ vector: 13, error: 0 });
  });
});

describe('virtual-mode extensions', () => {
  /** A machine with CR4.VME whose redirection bit map sends only `vectors` to the IDT. */
  function extended(eflags: number, ...vectors: number[]): VirtualMachine {
    const m = new VirtualMachine(eflags);
    m.cpu.cr4 = VME;
    const map = TSS + 0x100;
    m.memory.setUint16(TSS + 102, 0x120, true);
    for (let n = 0; n < 32; n++) m.memory.setUint8(map + n, 0);
    for (const vector of vectors) m.memory.setUint8(map + (vector >> 3), 1 << (vector & 7));
    for (let n = 0; n < 0x2000; n++) m.memory.setUint8(TSS + 0x120 + n, 0xff);
    m.vector(0x21, CODE_PARAGRAPH, 0x100);
    m.program('ud2', 0x100);
    return m;
  }

  test('INT n with a clear bit goes through the program’s table with IOPL 3: IF and TF are cleared (method 5)', () => {
    const m = extended(IOPL3 | IF | 2);
    const got = m.monitored('stc\nint 0x21\nnext: nop');
    expect(got).toMatchObject({ vector: 6, eip: 0x100, cs: CODE_PARAGRAPH, esp: STACK_POINTER - 6 });
    expect(got.eflags & ~RF).toBe(VM | IOPL3 | CF | 2);
    const words = [0, 2, 4].map((n) => m.memory.getUint16(STACK + STACK_POINTER - 6 + n, true));
    expect(words).toEqual([m.label('next'), CODE_PARAGRAPH, IOPL3 | IF | CF | 2]);
  });

  test.each([
    [VIF, IF],
    [0, 0],
  ])('with IOPL 0 the pushed IF is VIF (%x), IOPL reads 3, and VIF is cleared (method 6)', (vif, pushed) => {
    const m = extended(IF | vif | 2);
    const got = m.monitored('int 0x21');
    expect(got.eflags & ~RF).toBe(VM | IF | 2);
    expect(m.memory.getUint16(STACK + STACK_POINTER - 2, true)).toBe(IOPL3 | pushed | 2);
  });

  test('with a set bit it is #GP(0) below IOPL 3 (method 3) and the IDT with IOPL 3 (method 4)', () => {
    expect(extended(2, 0x21).monitored('int 0x21')).toMatchObject({ vector: 13, error: 0, eip: 0 });
    const m = extended(IOPL3 | 2, 0x21);
    m.gate(0x21, { type: 14, selector: 8, offset: DOORWAY + 0x21, dpl: 3 });
    expect(m.monitored('int 0x21\nnext: nop')).toMatchObject({ vector: 0x21, eip: m.label('next') });
  });

  test('exceptions and INT3 are not redirected', () => {
    const m = extended(2);
    m.gate(3, { type: 14, selector: 8, offset: DOORWAY + 3, dpl: 3 });
    expect(m.monitored('int3')).toMatchObject({ vector: 3 });
    expect(extended(2).monitored('div cl')).toMatchObject({ vector: 0 });
  });

  test('a redirection bit map outside the TSS is #GP(0)', () => {
    const m = extended(2);
    m.memory.setUint16(TSS + 102, 0xfff0, true);
    expect(m.monitored('int 0x21')).toMatchObject({ vector: 13, error: 0 });
  });

  test('CLI and STI work on VIF', () => {
    const m = extended(IF | VIF | 2);
    expect(m.monitored('cli\nud2').eflags & ~RF).toBe(VM | IF | 2);
    m.virtual(IF | 2);
    expect(m.monitored('sti\nud2').eflags & ~RF).toBe(VM | IF | VIF | 2);
  });

  test('STI with VIP is #GP(0)', () => {
    expect(extended(IF | VIP | 2).monitored('nop\nbad: sti')).toMatchObject({ vector: 13, error: 0, eip: 1 });
  });

  test('PUSHF shows VIF as IF and IOPL 3; POPF takes IF into VIF and leaves IF and IOPL', () => {
    const m = extended(IF | VIF | 2);
    const got = m.monitored('stc\npushf\npop ax\npush word 0x4401\npopf\nud2');
    expect(m.cpu.reg(0) & 0xffff).toBe(IOPL3 | IF | CF | 2);
    expect(got.eflags & ~RF).toBe(VM | IF | 0x4403);
  });

  test.each([
    ['POPF with TF', 2, 'push word 0x100\nbad: popf'],
    ['POPF of IF with VIP', VIP | 2, 'push word 0x200\nbad: popf'],
    ['IRET with TF', 2, 'push word 0x100\npush cs\npush word 0\nbad: iret'],
    ['IRET of IF with VIP', VIP | 2, 'push word 0x200\npush cs\npush word 0\nbad: iret'],
    ['PUSHFD', 2, 'bad: pushfd'],
    ['POPFD', 2, 'push dword 2\nbad: popfd'],
    ['IRETD', 2, 'push dword 2\npush dword 0x1000\npush dword 0\nbad: iretd'],
  ])('%s is #GP(0)', (_, eflags, text) => {
    const m = extended(eflags);
    m.program(text);
    const stack = [...text.matchAll(/push (word|cs|dword)/g)].reduce(
      (n, [, size]) => n + (size === 'dword' ? 4 : 2),
      0,
    );
    expect(m.monitored(text)).toMatchObject({ vector: 13, error: 0, eip: m.label('bad'), esp: STACK_POINTER - stack });
  });

  test('IRET takes IF into VIF', () => {
    const m = extended(IF | 2);
    const got = m.monitored('push word 0x203\npush cs\npush word there\niret\nthere: ud2');
    expect(got).toMatchObject({ vector: 6, eip: m.label('there'), esp: STACK_POINTER });
    expect(got.eflags & ~RF).toBe(VM | IF | VIF | CF | 2);
  });

  test('VIF and VIP both set at the start of an instruction are #GP(0)', () => {
    expect(extended(VIF | VIP | 2).monitored('nop')).toMatchObject({ vector: 13, error: 0, eip: 0 });
    const without = new VirtualMachine(VIF | VIP | 2);
    expect(without.monitored('nop\nud2')).toMatchObject({ vector: 6 });
  });

  test('CPUID reports the feature', () => {
    const m = new TestMachine();
    m.deliver('mov eax, 1\ncpuid\nint3');
    expect(m.cpu.reg(2) & 2).toBe(2);
  });
});

describe('protected-mode virtual interrupts', () => {
  const user = (eflags: number, ring: 2 | 3 = 3) => {
    const m = new TestMachine();
    m.cpu.cr4 = PVI;
    m.ring(ring, eflags);
    return m;
  };

  test('CLI and STI at CPL 3 work on VIF', () => {
    expect(user(IF | VIF | 2).deliver('cli\nud2').eflags & ~RF).toBe(IF | 2);
    expect(user(IF | 2).deliver('sti\nud2').eflags & ~RF).toBe(IF | VIF | 2);
    expect(user(VIP | 2).deliver('bad: sti')).toMatchObject({ vector: 13, error: 0 });
  });

  test('other privilege levels, IOPL 3 and PUSHF are as without', () => {
    expect(user(2, 2).deliver('cli')).toMatchObject({ vector: 13, error: 0 });
    expect(user(IOPL3 | VIF | 2).deliver('sti\nud2').eflags & ~RF).toBe(IOPL3 | IF | VIF | 2);
    const m = user(VIF | 2);
    m.deliver('pushfd\npop eax\nud2');
    expect(m.cpu.reg(0)).toBe(VIF | 2);
  });

  test('VIF and VIP both set at the start of an instruction are #GP(0)', () => {
    expect(user(VIF | VIP | 2).deliver('nop')).toMatchObject({ vector: 13, error: 0, eip: CODE });
  });
});
