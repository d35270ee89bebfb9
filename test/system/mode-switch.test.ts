// Between real-address and protected mode, and what stays in the descriptor caches ("unreal mode"). Expected values: SDM
// Vol. 3A "Mode Switching": "Switching to Protected Mode", "Switching Back to Real-Address Mode"; Vol. 2 "LMSW", "MOV—Move
// to/from Control Registers".
import { describe, expect, test } from 'vitest';
import { CS, DS, ES, FS, SS } from '../../asm/layout.ts';
import { CODE, DATA, FREE, GDT } from './machine.ts';
import { CODE_PARAGRAPH, DATA_PARAGRAPH, RealMachine, STACK_PARAGRAPH, STACK_POINTER } from './real-machine.ts';

/** Descriptors: 16-bit code at CODE, 16-bit data of 64 KBytes at DATA, flat data, flat code. */
const CODE16 = FREE;
const DATA16 = FREE + 8;
const FLAT = FREE + 0x10;
const FLAT_CODE = FREE + 0x18;

function machine(): RealMachine {
  const m = new RealMachine();
  m.descriptor(CODE16, { type: 0x1b, base: CODE, limit: 0xffff, big: false });
  m.descriptor(DATA16, { type: 0x13, base: DATA, limit: 0xffff, big: false });
  m.descriptor(FLAT, { type: 0x13 });
  m.descriptor(FLAT_CODE, { type: 0x1b });
  m.cpu.gdtr = { base: GDT, limit: 0x1ff };
  return m;
}

const PROTECT = 'cli\nmov eax, cr0\nor al, 1\nmov cr0, eax';
const UNPROTECT = 'mov eax, cr0\nand al, 0xfe\nmov cr0, eax';

describe('to protected mode', () => {
  test('before the far jump code goes on with the caches of real-address mode at CPL 0', () => {
    const m = machine();
    m.memory.setUint16(DATA + 0x20, 0xbeef, true);
    m.program(`${PROTECT}\nmov bx, [0x20]\nmov word [cs:0x200], bx\npush bx\nmov cx, cs\nhlt`);
    m.run();
    expect(m.cpu.activity).toBe(1);
    expect(m.cpu.cpl).toBe(0);
    expect(m.cpu.reg(3) & 0xffff).toBe(0xbeef);
    expect(m.memory.getUint16(CODE + 0x200, true)).toBe(0xbeef);
    expect(m.cpu.segment(CS)).toEqual({ selector: CODE_PARAGRAPH, base: CODE, limit: 0xffff, rights: 0x93 });
    expect(m.cpu.reg(4)).toBe(STACK_POINTER - 2);
  });

  test('LMSW sets PE as well', () => {
    const m = machine();
    m.program(
      `cli\nmov ax, 1\nlmsw ax\njmp ${CODE16}:there\nthere: mov ax, ${DATA16}\nmov ds, ax\nlmsw bx\nsmsw dx\nhlt`,
    );
    m.run();
    expect(m.cpu.segment(CS)).toEqual({ selector: CODE16, base: CODE, limit: 0xffff, rights: 0x9b });
    expect(m.cpu.segment(DS)).toMatchObject({ selector: DATA16, base: DATA });
    expect(m.cpu.reg(2) & 1).toBe(1);
  });

  test('a segment load or far jump between the switch and the jump uses descriptors', () => {
    const m = machine();
    m.program(`${PROTECT}\nmov ax, ${FLAT}\nmov es, ax\njmp dword ${FLAT_CODE}:${CODE}+there\nbits 32\nthere: hlt`);
    m.run();
    expect(m.cpu.segment(ES)).toEqual({ selector: FLAT, base: 0, limit: 0xffffffff, rights: 0xc093 });
    expect(m.cpu.segment(CS)).toEqual({ selector: FLAT_CODE, base: 0, limit: 0xffffffff, rights: 0xc09b });
    expect(m.cpu.eip).toBe(CODE + m.label('there') + 1);
  });
});

describe('back to real-address mode', () => {
  test('the caches stay until they are loaded; then only the base changes', () => {
    const m = machine();
    m.program(`
      ${PROTECT}
      jmp ${CODE16}:protected
      protected: mov ax, ${FLAT}
      mov ds, ax
      mov ax, ${DATA16}
      mov es, ax
      ${UNPROTECT}
      mov bl, [dword 0x200003]
      jmp ${CODE_PARAGRAPH}:real
      real: mov ax, 0x100
      mov ds, ax
      mov bh, [dword 0x200003]
      int 0x20`);
    m.memory.setUint8(0x200003, 0x11);
    m.memory.setUint8(0x201003, 0x22);
    expect(m.run()).toMatchObject({ reason: 'doorway', entry: 0x20 });
    expect(m.cpu.reg(3) & 0xffff).toBe(0x2211);
    // unreal mode: 4 GBytes from a base of 1000
    expect(m.cpu.segment(DS)).toEqual({ selector: 0x100, base: 0x1000, limit: 0xffffffff, rights: 0xc093 });
    expect(m.cpu.segment(ES)).toEqual({ selector: DATA16, base: DATA, limit: 0xffff, rights: 0x93 });
    expect(m.cpu.segment(SS)).toMatchObject({ selector: STACK_PARAGRAPH, limit: 0xffff });
  });

  test('CS keeps D and its limit too: code goes on with 32-bit operands, and a far jump keeps them', () => {
    const m = machine();
    m.program(`
      ${PROTECT}
      jmp dword ${FLAT_CODE}:${CODE}+protected
      bits 32
      protected: ${UNPROTECT}
      mov ebx, 0x12345678
      jmp ${CODE_PARAGRAPH}:real
      real: mov ecx, 0x9abcdef0
      int 0x20`);
    expect(m.run()).toMatchObject({ reason: 'doorway', entry: 0x20 });
    expect([m.cpu.reg(3), m.cpu.reg(1) >>> 0]).toEqual([0x12345678, 0x9abcdef0]);
    expect(m.cpu.segment(CS)).toMatchObject({ limit: 0xffffffff, rights: 0xc093 });
    // the frame is of real-address mode whatever D is
    const [ip, cs] = m.stack(2, 2);
    expect([ip, cs]).toEqual([m.label('real') + 7, CODE_PARAGRAPH]);
  });

  test('code beyond 64 KBytes may run when the limit allows it, and jumps with 16-bit operands wrap', () => {
    const m = machine();
    m.cpu.setSegment(CS, { selector: CODE_PARAGRAPH, rights: 0x8093, base: CODE, limit: 0xffffffff });
    m.program('nop\nnop\nnop\njmp short wrapped\ntimes 0x40 nop\nwrapped: nop', 0xfffe);
    m.program('int 0x31', 0x43);
    m.cpu.eip = 0xfffe;
    expect(m.run()).toMatchObject({ reason: 'doorway', entry: 0x31 });
  });

  test('a segment register that held a null selector is unusable until it is loaded', () => {
    const m = machine();
    m.program(`
      ${PROTECT}
      jmp ${CODE16}:protected
      protected: xor ax, ax
      mov fs, ax
      ${UNPROTECT}
      jmp ${CODE_PARAGRAPH}:real
      real: mov ax, ${DATA_PARAGRAPH}
      bad: mov bl, [fs:0]`);
    expect(m.run()).toMatchObject({ reason: 'doorway', entry: 13 });
    expect(m.stack(1, 2)).toEqual([m.label('bad')]);
    const loaded = machine();
    loaded.program(`
      ${PROTECT}
      jmp ${CODE16}:protected
      protected: xor ax, ax
      mov fs, ax
      ${UNPROTECT}
      jmp ${CODE_PARAGRAPH}:real
      real: mov ax, ${DATA_PARAGRAPH}
      mov fs, ax
      mov [fs:0x10], ax
      int 0x20`);
    expect(loaded.run()).toMatchObject({ reason: 'doorway', entry: 0x20 });
    expect(loaded.cpu.segment(FS)).toEqual({ selector: DATA_PARAGRAPH, base: DATA, limit: 0xffff, rights: 0x93 });
  });

  test('PE cannot be cleared while paging stays on', () => {
    const m = machine();
    m.cpu.idtr = { base: 0x2000, limit: 0x7ff };
    const directory = 0x60000;
    m.memory.setUint32(directory, 0x61000 | 3, true);
    for (let page = 0; page < 1024; page++) m.memory.setUint32(0x61000 + 4 * page, (page << 12) | 3, true);
    m.program(`
      mov eax, ${directory}
      mov cr3, eax
      mov eax, 0x80000011
      mov cr0, eax
      mov eax, 0x80000010
      bad: mov cr0, eax`);
    expect(m.run()).toMatchObject({ reason: 'doorway', entry: 13 });
    expect(m.cpu.cr0 >>> 0).toBe(0x80000011);
  });

  test('clearing PG and PE together leaves both modes at once', () => {
    const m = machine();
    const directory = 0x60000;
    m.memory.setUint32(directory, 0x61000 | 3, true);
    for (let page = 0; page < 1024; page++) m.memory.setUint32(0x61000 + 4 * page, (page << 12) | 3, true);
    m.program(`
      mov eax, ${directory}
      mov cr3, eax
      mov eax, 0x80000011
      mov cr0, eax
      mov eax, 0x10
      mov cr0, eax
      int 0x20`);
    expect(m.run()).toMatchObject({ reason: 'doorway', entry: 0x20 });
    expect(m.stack(2, 2)[1]).toBe(CODE_PARAGRAPH);
  });
});
