// Addresses that are not canonical, at every kind of access: #SS(0) through RSP and RBP, #GP(0) otherwise. Expected values: SDM
// Vol. 1 "Canonical Addressing", Vol. 2 the exception tables of each instruction, Vol. 3A "Stack Switching in 64-bit Mode".
import { describe, expect, test } from 'vitest';
import { FS, GS } from '../../asm/layout.ts';
import { CODE, DATA, FREE, LongMachine, STACK, TSS, USER_CODE, USER_DATA } from './long-machine.ts';

/** The first address that is not canonical, and one further up. */
const EDGE = 0x8000_0000_0000n;
const BAD = EDGE + 0x1000n;
const SET_UP = `mov rbx, ${BAD}\nmov rbp, rbx\nmov rsi, rbx\nmov rdi, rbx\nmov ecx, 2\nxor eax, eax\nxor edx, edx\n`;

const general = [
  'mov rax, [rbx]',
  'mov [rbx], rax',
  'add [rbx], rax',
  'lock inc qword [rbx]',
  'xchg [rbx], rax',
  'cmpxchg [rbx], rdx',
  'cmpxchg16b [rbx]',
  'push qword [rbx]',
  'pop qword [rbx]',
  'mov rax, [rbx+rcx*8-0x10]',
  'lodsb',
  'stosq',
  'rep movsd',
  'scasb',
  'cmpsw',
  'xlatb',
  'call qword [rbx]',
  'jmp qword [rbx]',
  'jmp far [rbx]',
  'lgdt [rbx]',
  'lidt [rbx]',
  'sgdt [rbx]',
  'lldt [rbx]',
  'fld qword [rbx]',
  'fstp tword [rbx]',
  'fxsave [rbx]',
  'ldmxcsr [rbx]',
  'movdqu xmm0, [rbx]',
  'movq [rbx], mm0',
  'bt [rbx], rax',
  'clflush [rbx]',
  'mov ds, [rbx]',
  'lss eax, [rbx]',
  'jmp rbx',
  'call rbx',
  'push rbx\nret',
  'push 8\npush rbx\ndb 0x48\nretf',
];
const stack = [
  'mov rax, [rbp]',
  'mov [rbp+8], rax',
  'mov rax, [rbp+rcx*2]',
  'mov rsp, rbx\npush rax',
  'mov rsp, rbx\npop rax',
  'mov rsp, rbx\ncall $+5',
  'mov rsp, rbx\nret',
  'mov rsp, rbx\npushfq',
  'mov rsp, rbx\nenter 8, 0',
  'leave',
  'mov rsp, rbx\niretq',
  'mov rsp, rbx\ndb 0x48\nretf',
];
const quiet = ['lea rax, [rbx]', 'invlpg [rbx]', 'prefetcht0 [rbx]', 'nop dword [rbx]', 'mov rax, [rsp]'];

function fault(text: string) {
  const m = new LongMachine();
  m.cpu.cr4 |= 0x200;
  const frame = m.deliver(SET_UP + text);
  return { vector: frame.vector, error: frame.error };
}

describe('not canonical', () => {
  // when the stack itself is bad, the frame goes to the stack of the gate
  const onOwnStack = (m: LongMachine) => {
    m.gate(12, { offset: BigInt(0x7f000 + 12), ist: 1 });
    m.gate(13, { offset: BigInt(0x7f000 + 13), ist: 1 });
  };

  test.each(general)('#GP(0): %s', (text) => {
    expect(fault(text)).toEqual({ vector: 13, error: 0 });
  });

  test.each(stack)('#SS(0): %s', (text) => {
    const m = new LongMachine();
    onOwnStack(m);
    const frame = m.deliver(SET_UP + text);
    expect([frame.vector, frame.error]).toEqual([12, 0]);
  });

  test.each(quiet)('no fault: %s', (text) => {
    const m = new LongMachine();
    expect(m.deliver(`${SET_UP}${text}\nint 0x40`).vector).toBe(0x40);
  });

  test('an operand whose last byte is canonical no more', () => {
    expect(fault(`mov rbx, ${EDGE - 4n}\nmov rax, [rbx]`)).toEqual({ vector: 13, error: 0 });
  });

  test('an FS or GS override makes #GP(0) of it whatever the base register', () => {
    const m = new LongMachine();
    for (const n of [FS, GS]) m.cpu.setSegment(n, { selector: 0x10, rights: 0xc093, base: 0, limit: 0xffff_ffff });
    expect(m.deliver(`${SET_UP}mov rax, [gs:rbp]`)).toMatchObject({ vector: 13, error: 0 });
  });

  test('RIP that runs over the end: #GP(0) at the first address beyond', () => {
    const m = new LongMachine();
    // the page below the hole is the code page
    m.quad(0x8000 + 8 * 255, m.read(0x8000));
    m.quad(0x9000 + 8 * 511, m.read(0x9000));
    m.quad(0xa000 + 8 * 511, 0x87n);
    m.program('nop\nnop', 64, 0x1f_fffe);
    m.cpu.rip = 0x7fff_ffff_fffen;
    expect(m.frame(m.run())).toMatchObject({ vector: 13, error: 0, rip: EDGE });
  });
});

describe('transfers to addresses that are not canonical', () => {
  test('IRETQ to ring 3: #GP(0) in ring 0, nothing popped', () => {
    const m = new LongMachine();
    const got = m.deliver(
      `push ${USER_DATA}\npush ${STACK}\npush 2\npush ${USER_CODE}\nmov rax, ${BAD}\npush rax\nbad: iretq`,
    );
    expect(got).toMatchObject({ vector: 13, error: 0, rip: m.label('bad'), rsp: BigInt(STACK - 40), cs: 8 });
  });

  test('an offset in an IDT gate: #GP(0)', () => {
    const m = new LongMachine();
    m.gate(0x40, { offset: BAD });
    expect(m.deliver('bad: int 0x40')).toMatchObject({ vector: 13, error: 0, rip: m.label('bad') });
  });

  test('an offset in a call gate: #GP(0)', () => {
    const m = new LongMachine();
    m.callGate(FREE, { offset: BAD, dpl: 3 });
    expect(m.deliver(`bad: call far [target]\ntarget: dd 0\ndw ${FREE}`)).toMatchObject({ vector: 13, error: 0 });
  });

  test('RSP0 of the TSS: #SS(0) while the stack is switched', () => {
    const m = new LongMachine();
    m.quad(TSS + 4, BAD);
    m.gate(12, { offset: BigInt(0x7f000 + 12), ist: 1 });
    m.gate(0x40, { offset: BigInt(0x7f040), dpl: 3 });
    m.ring(3);
    expect(m.deliver('int 0x40')).toMatchObject({ vector: 12, error: 0, rip: BigInt(CODE) });
  });

  test('a far jump through memory in compatibility code cannot reach one', () => {
    const m = new LongMachine();
    m.ring(0, 32);
    expect(m.deliver(`jmp far [${DATA}]`, 32)).toMatchObject({ vector: 13, error: 0 });
  });
});
