// Code that changes: a store to bytes that are already decoded takes effect at the next instruction, whoever stores and
// through whatever address (SDM Vol. 3A "Handling Self- and Cross-Modifying Code": on one processor no more is needed than
// the jump that the architecture asks for; this processor is coherent at every instruction).
import { describe, expect, test } from 'vitest';
import { CODE, DATA, DOORWAY, TestMachine } from '../system/machine.ts';

const END = `jmp 8:${DOORWAY + 0x300}`;
const DIRECTORY = 0x60000;
const TABLE = 0x61000;

/** Runs to the end; returns EAX. */
function run(m: TestMachine, text: string): number {
  m.ring(0);
  m.program(text);
  expect(m.cpu.run({ instructions: m.cpu.instructions + 100_000 })).toEqual({ reason: 'doorway', entry: 0x300 });
  return m.cpu.reg(0);
}

/** `address` in pages of 4 KiB, also visible at `alias`. */
function paged(m: TestMachine, alias: number, address: number): void {
  m.memory.setUint32(DIRECTORY, TABLE | 7, true);
  for (let page = 0; page < 1024; page++) m.memory.setUint32(TABLE + page * 4, (page << 12) | 7, true);
  m.memory.setUint32(TABLE + (alias >>> 12) * 4, address | 7, true);
  m.cpu.cr3 = DIRECTORY;
  m.cpu.cr0 = 0x8001_0011;
  m.cpu.flushTlb();
}

describe('self-modifying code', () => {
  test('the next instruction of the running block', () => {
    expect(run(new TestMachine(), `mov dword [patch+1], 42\npatch: mov eax, 1\n${END}`)).toBe(42);
  });

  test('an instruction further down in the running block, in another chunk of the page', () => {
    const filler = 'nop\n'.repeat(100);
    expect(run(new TestMachine(), `mov dword [patch+1], 42\n${filler}patch: mov eax, 1\n${END}`)).toBe(42);
  });

  test('an instruction of the running block, which runs for the first time in a page with code that has run', () => {
    const text = `mov ecx, 5\nagain: dec ecx\njne again\nmov dword [patch+1], 42\npatch: mov eax, 1\n${END}`;
    expect(run(new TestMachine(), text)).toBe(42);
  });

  test('an instruction that has run before, in every round of a loop', () => {
    const text = `mov ecx, 100\nxor ebx, ebx\nagain: mov [patch+1], ecx\npatch: mov eax, 0\nadd ebx, eax
      dec ecx\njne again\nmov eax, ebx\n${END}`;
    expect(run(new TestMachine(), text)).toBe(5050);
  });

  test('the instruction that stores changes itself: it takes effect when it runs again', () => {
    const text = `mov ecx, 2\nagain: add byte [again+6], 5\ndec ecx\njne again\nmovzx eax, byte [again+6]\n${END}`;
    expect(run(new TestMachine(), text)).toBe(20);
  });

  test('a callee on another page', () => {
    const m = new TestMachine();
    m.program('mov eax, 1\nret', CODE + 0x2000);
    const text = `call ${CODE + 0x2000}\nmov ebx, eax\nmov dword [${CODE + 0x2001}], 5\ncall ${CODE + 0x2000}\nadd eax, ebx\n${END}`;
    expect(run(m, text)).toBe(6);
  });

  test('a store through another linear address of the page', () => {
    const m = new TestMachine();
    paged(m, 0x50000, CODE);
    const text = `mov eax, 1\nmov ecx, 2\nagain: mov eax, 1\nmov dword [again+1-${CODE}+0x50000], 9\ndec ecx\njne again\n${END}`;
    expect(run(m, text)).toBe(9);
  });

  test('a string store over code, and a store by a device or the host', () => {
    const m = new TestMachine();
    const text = `mov ecx, 2\nagain: push ecx\npatch: mov eax, 1\nmov edi, patch+1\nmov ecx, 4\nmov al, 3\nrep stosb
      pop ecx\ndec ecx\njne again\nout 0x80, al\nhost: mov eax, 1\n${END}`;
    m.onWrite = () => {
      m.memory.setUint32(m.label('host') + 1, 77, true);
      m.cpu.notePhysicalWrite(m.label('host') + 1, 4);
    };
    expect(run(m, text)).toBe(77);
  });

  test('the byte that makes the next instruction an undefined one, in its chunk of the page or in the next', () => {
    // FF /7 does not exist, FF /0 is INC
    for (const filler of [0, 41]) {
      const text = `mov byte [${CODE + 7 + filler + 1}], 0xc0\n${'nop\n'.repeat(filler)}db 0xff, 0xff\n${END}`;
      expect(run(new TestMachine(), `${text}`)).toBe(1);
    }
  });

  // REP is "repeat the following string instruction" and may be interrupted after every iteration (SDM Vol. 2 "REP/REPE/REPZ/
  // REPNE/REPNZ"), so what it has become counts from the next iteration on, in a block or alone under TF or RF.
  test.each([
    ['in a block', ''],
    ['with RF set, one instruction at a time', `pushfd\npush cs\npush copy\nor dword [esp+8], 0x10000\niretd\n`],
  ])('a repeated string store over itself goes on as what it has become, %s', (_, before) => {
    const text = `mov ecx, 40\nmov edi, copy - 8\nmov al, 0x90\n${before}times 8 nop\ncopy: rep stosb\nmov eax, ecx\n${END}`;
    const m = new TestMachine();
    // the ninth iteration makes it NOP; STOSB, which turns itself into a NOP and leaves ECX alone
    expect(run(m, text)).toBe(31);
    expect(m.cpu.reg(7)).toBe(m.label('copy') + 2);
  });

  test('so often that the memory of dropped blocks is used again many times', () => {
    const m = new TestMachine();
    // INC EBX and DEC EBX in turn: another instruction each time, so that nothing of the block can stay
    m.program(`mov ecx, 60000\nxor ebx, ebx\nagain: xor byte [patch], 8\npatch: inc ebx\nadd esi, ebx
      ${'nop\n'.repeat(30)}dec ecx\njne again\nmov eax, ebx\n${END}`);
    expect(m.cpu.run({ instructions: 10_000_000 })).toEqual({ reason: 'doorway', entry: 0x300 });
    expect(m.cpu.reg(0)).toBe(0);
    expect(m.cpu.reg(6)).toBe(-30000 >>> 0);
  });

  test('more code than the block cache holds runs again and again', () => {
    const m = new TestMachine();
    m.ring(0);
    const jumps = 0x1000;
    const routines = 88;
    const start = 0x18_0000;
    const size = 2 * jumps + 1;
    // JMP to the next instruction: a block of its own each. The cache takes what runs a second time soon
    for (let at = start; at < start + routines * size; at += size) {
      for (let n = 0; n < jumps; n++) m.memory.setUint16(at + 2 * n, 0x00eb, true);
      m.memory.setUint8(at + 2 * jumps, 0xc3);
    }
    m.program(`mov ecx, 2\nagain: mov edx, ${start}\nnext: call edx\ncall edx\nadd edx, ${size}
      cmp edx, ${start + routines * size}\njne next\ndec ecx\njne again\n${END}`);
    const before = m.cpu.instructions;
    expect(m.cpu.run({ instructions: 10_000_000 })).toEqual({ reason: 'doorway', entry: 0x300 });
    expect(m.cpu.instructions - before).toBe(2 * (routines * (2 * (jumps + 2) + 3) + 3) + 2);
  });

  test.each([
    ['register', 'again: xor byte [patch+1], 3\npatch: add ebx, ecx', 2500],
    ['displacement', 'again: xor byte [patch+2], 4\npatch: add ebx, [edi+8]', 50 * 7 + 50 * 9],
    ['compare fused with its branch', 'again: xor byte [patch+2], 1\npatch: cmp al, 0\njne no\ninc ebx\nno:', 50],
    ['branch target', 'again: xor byte [patch+1], 3\npatch: jmp one\none: add ebx, 2\ninc ebx', 50 + 50 * 3],
    ['condition', 'again: xor byte [patch], 1\npatch: je no\ninc ebx\nno:', 50],
  ])('a %s that changes back and forth', (_, body, expected) => {
    const m = new TestMachine();
    m.memory.setUint32(DATA + 8, 7, true);
    m.memory.setUint32(DATA + 12, 9, true);
    const text = `mov ecx, 100\nmov edi, ${DATA}\nxor ebx, ebx\nxor eax, eax\n${body}\ndec ecx\njne again\nmov eax, ebx\n${END}`;
    expect(run(m, text)).toBe(expected);
  });

  test('a long copy over a page of code that has run, and back', () => {
    const text = `mov ebp, 3\nagain: mov esi, one\nmov edi, ${DATA}\nmov ecx, 40\nrep movsd\ncall ${DATA}\nadd ebx, eax
      mov esi, two\nmov edi, ${DATA}\nmov ecx, 40\nrep movsd\ncall ${DATA}\nadd ebx, eax\ndec ebp\njne again\nmov eax, ebx\n${END}
      one: mov eax, 100\nret\ntimes 160 nop\ntwo: mov eax, 20\ninc eax\nret\ntimes 160 nop`;
    expect(run(new TestMachine(), text)).toBe(363);
  });

  test('a store to data beside code changes nothing and keeps the code', () => {
    const text = `mov ecx, 1000\nagain: inc dword [value]\ndec ecx\njne again\nmov eax, [value]\n${END}\ntimes 200 nop\nvalue: dd 0`;
    expect(run(new TestMachine(), text)).toBe(1000);
  });

  test('code copied to data memory and run there, then overwritten', () => {
    const text = `mov esi, one\nmov edi, ${DATA}\nmov ecx, 6\nrep movsb\ncall ${DATA}\nmov ebx, eax
      mov esi, two\nmov edi, ${DATA}\nmov ecx, 6\nrep movsb\ncall ${DATA}\nadd eax, ebx\n${END}
      one: mov eax, 100\nret\ntwo: mov eax, 20\nret`;
    expect(run(new TestMachine(), text)).toBe(120);
  });
});

describe('instructions across a page boundary', () => {
  const AT = CODE + 0xffd;

  test('run, and see a change on either side', () => {
    const m = new TestMachine();
    m.program(`mov eax, 0x11223344\nret`, AT);
    const text = `mov ecx, 2\nagain: call ${AT}\nmov byte [${AT + 1}], 0x55\nmov byte [${AT + 4}], 0x66\ndec ecx\njne again\n${END}`;
    expect(run(m, text)).toBe(0x66223355);
  });

  test('fault at the second page only if its bytes are needed', () => {
    const m = new TestMachine();
    paged(m, 0x50000, 0x50000);
    m.memory.setUint32(TABLE + ((AT + 3) >>> 12) * 4, 0, true);
    m.cpu.flushTlb();
    m.program('mov eax, 0x11223344', AT);
    m.cpu.eip = AT;
    expect(m.delivered(m.run())).toMatchObject({ vector: 14, error: 0, eip: AT });
    expect(m.cpu.cr2).toBe(AT + 3);
    m.ring(0);
    m.program('ud2\nnop', AT);
    m.cpu.eip = AT;
    expect(m.delivered(m.run())).toMatchObject({ vector: 6, eip: AT });
  });

  test('the last instruction of a page is followed by the next page', () => {
    const m = new TestMachine();
    m.program(`inc eax\ninc eax\ninc eax\n${END}`, CODE + 0xffe);
    expect(run(m, `xor eax, eax\njmp ${CODE + 0xffe}`)).toBe(3);
  });
});
