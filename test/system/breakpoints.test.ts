// Breakpoints and single steps where they meet other things: REP, MOV SS, interrupts, RF, system calls. Expected values: SDM
// Vol. 3B "Debug Exceptions", "Debug Exception (#DB)—Interrupt Vector 1", "Single-Step Exception Condition", Vol. 3A "Masking
// Instruction Breakpoints", "Masking Exceptions and Interrupts When Switching Stacks".
import { describe, expect, test } from 'vitest';
import { CODE, DATA, DATA_SELECTORS, DOORWAY, STACKS, TestMachine } from './machine.ts';
import { CODE as LONG_CODE, DATA as LONG_DATA, LongMachine } from './long-machine.ts';

const TF = 0x100;
const RF = 0x10000;
const BS = 0x4000;
const BD = 0x2000;
const END = `\njmp 8:${DOORWAY + 0x300}`;
const finished = { reason: 'doorway', entry: 0x300 };
const WRITE = 1;
const PORT = 2;
const ACCESS = 3;

/** B0 to B3, BD, BS and BT of DR6. */
const causes = (m: TestMachine) => m.cpu.dr(6) & 0xe00f;

/** Breakpoint 0 at an address; a code breakpoint unless a kind is given. */
function watch(m: TestMachine, address: number, kind = 0, length = 1): void {
  m.cpu.setDr(0, address);
  m.cpu.setDr(7, 0x402 | (kind << 16) | ((length - 1) << 18));
}

describe('data breakpoints', () => {
  test('in REP MOVSB: after the iteration that hits, which is counted, with EIP at the instruction', () => {
    const m = new TestMachine();
    watch(m, DATA + 0x102, WRITE);
    m.program(`mov esi, ${DATA}\nmov edi, ${DATA + 0x100}\nmov ecx, 8\ncopy: rep movsb${END}`);
    expect(m.delivered(m.run())).toMatchObject({ vector: 1, eip: m.label('copy') });
    expect(causes(m)).toBe(1);
    expect([m.cpu.reg(1), m.cpu.reg(7)]).toEqual([5, DATA + 0x103]);
  });

  test('at the last iteration of REP STOSD: EIP behind the instruction', () => {
    const m = new TestMachine();
    watch(m, DATA + 8, WRITE, 4);
    m.program(`mov edi, ${DATA}\nmov ecx, 3\nrep stosd\nnext: nop${END}`);
    expect(m.delivered(m.run())).toMatchObject({ vector: 1, eip: m.label('next') });
    expect(m.cpu.reg(1)).toBe(0);
  });

  test('and a single step make one exception with both causes', () => {
    const m = new TestMachine();
    m.ring(0, TF | 2);
    watch(m, DATA, ACCESS);
    expect(m.deliver(`mov al, [${DATA}]\nnext: nop`)).toMatchObject({ vector: 1, eip: m.label('next') });
    expect(causes(m)).toBe(BS | 1);
  });

  test('two of them make one exception with both causes', () => {
    const m = new TestMachine();
    m.cpu.setDr(1, DATA + 3);
    watch(m, DATA, ACCESS);
    m.cpu.setDr(7, 0x402 | 8 | (ACCESS << 16) | (ACCESS << 20));
    expect(m.deliver(`mov eax, [${DATA}]\nnext: nop`)).toMatchObject({ vector: 1, eip: m.label('next') });
    expect(causes(m)).toBe(3);
  });

  test('are not reported for a read-modify-write that faults', () => {
    const m = new TestMachine();
    watch(m, DATA, ACCESS);
    expect(m.deliver(`mov esi, ${DATA}\nmov edi, -8\nmov es, [zero]\nbad: movsd\nzero: dw 0`)).toMatchObject({
      vector: 13,
      eip: m.label('bad'),
    });
  });

  test('on the stack: PUSH, CALL and the frame of an interrupt', () => {
    for (const text of ['push eax\nnext: nop', 'call next\nnext: nop']) {
      const m = new TestMachine();
      watch(m, STACKS[0] - 4, WRITE, 4);
      expect(m.deliver(text)).toMatchObject({ vector: 1, eip: m.label('next') });
    }
  });

  test('on the stack are met by the frame of an interrupt, whether the TLB knows the page or not', () => {
    for (const known of [`push eax\npop eax\n`, '']) {
      const m = new TestMachine();
      m.program(`${known}mov eax, ${0x402 | (WRITE << 16) | (3 << 18)}\nmov dr7, eax\nint 0x30`);
      m.cpu.setDr(0, STACKS[0] - 8);
      expect(m.delivered(m.run())).toMatchObject({ vector: 1, eip: DOORWAY + 0x30, cs: 8 });
      expect(causes(m)).toBe(1);
    }
  });

  test('of 8 bytes in 64-bit mode', () => {
    const m = new LongMachine();
    m.program(`mov eax, ${LONG_DATA + 8}\nmov dr0, rax\nmov eax, 0x90402\nmov dr7, rax
      mov [${LONG_DATA + 16}], al\nmov [${LONG_DATA + 15}], al\nnext: nop`);
    expect(m.frame(m.run())).toMatchObject({ vector: 1, rip: m.label('next') });
  });
});

describe('I/O breakpoints', () => {
  const ported = (text: string) => {
    const m = new TestMachine();
    m.cpu.cr4 = 8;
    watch(m, 0x61, PORT);
    m.program(text);
    return m;
  };

  test('hit a wider access that covers the port', () => {
    const m = ported('in eax, 0x60\nnext: nop');
    expect(m.delivered(m.run())).toMatchObject({ vector: 1, eip: m.label('next') });
  });

  test('in REP OUTSB come after the iteration', () => {
    const m = ported(`mov edx, 0x61\nmov esi, ${DATA}\nmov ecx, 3\nout_: rep outsb\nnop`);
    expect(m.delivered(m.run())).toMatchObject({ vector: 1, eip: m.label('out_') });
    expect(m.cpu.reg(1)).toBe(2);
    expect(m.ports).toHaveLength(1);
  });
});

describe('code breakpoints', () => {
  const broken = (text: string, at: string, flags = 2) => {
    const m = new TestMachine();
    m.ring(0, flags);
    m.program(text);
    watch(m, m.label(at));
    return m;
  };

  test('are looked for at the linear address: CS base and EIP', () => {
    const m = new TestMachine();
    m.descriptor(0x58, { type: 0x1b, base: 0x1000 });
    m.program(`jmp 0x58:${CODE - 0x1000 + 0x40}\ntimes ${0x40 - 7} nop\nhere: nop`);
    watch(m, CODE + 0x40);
    expect(m.delivered(m.run())).toMatchObject({ vector: 1, eip: CODE - 0x1000 + 0x40, cs: 0x58 });
  });

  test.each([
    ['an undefined opcode', 'here: ud2'],
    ['a privileged instruction', 'here: mov ds, [fs:-1]'],
    ['INT n', 'here: int 0x30'],
  ])('come before %s', (_, text) => {
    const m = broken(text, 'here');
    expect(m.delivered(m.run())).toMatchObject({ vector: 1, eip: CODE });
    expect(causes(m)).toBe(1);
  });

  test('come before the limit of the code segment and before page faults of the fetch', () => {
    const m = new TestMachine();
    m.descriptor(0x58, { type: 0x1b, limit: 0x1ffff });
    m.program('jmp 0x58:0x20000');
    watch(m, 0x20000);
    expect(m.delivered(m.run())).toMatchObject({ vector: 13, error: 0, eip: CODE });
    const long = new LongMachine();
    long.program('mov eax, 0x900000\nmov dr0, rax\nmov eax, 0x402\nmov dr7, rax\nmov eax, 0x900000\njmp rax');
    expect(long.frame(long.run())).toMatchObject({ vector: 1, rip: 0x900000n });
  });

  test('hit again when the handler returns with RF clear', () => {
    const m = broken(`here: inc ecx${END}`, 'here');
    m.program('inc ebx\ncmp ebx, 3\njne back\nor dword [esp+8], 0x10000\nback: iretd', 0x12000);
    m.gate(1, { type: 14, selector: 8, offset: 0x12000 });
    expect(m.run()).toMatchObject(finished);
    expect([m.cpu.reg(1), m.cpu.reg(3)]).toEqual([1, 3]);
  });

  test('RF lasts for one instruction: a breakpoint at the next one hits', () => {
    const m = broken(`pushfd\nor dword [esp], ${RF}\npush cs\npush dword one\niretd\none: nop\nhere: nop`, 'here');
    expect(m.delivered(m.run())).toMatchObject({ vector: 1, eip: m.label('here') });
  });

  test('POPF does not set RF', () => {
    const m = broken(`pushfd\nor dword [esp], ${RF}\npopfd\nhere: nop`, 'here');
    expect(m.delivered(m.run())).toMatchObject({ vector: 1, eip: m.label('here') });
  });

  test('PUSHF stores RF as 0', () => {
    const m = broken(
      `pushfd\nor dword [esp], ${RF}\npush cs\npush dword here\niretd\nhere: pushfd\npop eax${END}`,
      'here',
    );
    expect(m.run()).toMatchObject(finished);
    expect(m.cpu.reg(0) & RF).toBe(0);
  });

  test('are held off by MOV SS for the instruction behind it', () => {
    const m = broken(`mov ax, ss\nmov ss, ax\nhere: inc ecx${END}`, 'here');
    expect(m.run()).toMatchObject(finished);
    expect(m.cpu.reg(1)).toBe(1);
  });
});

describe('the shadow of MOV SS and POP SS', () => {
  test('holds off a data breakpoint hit by its own operand until the next instruction is done', () => {
    const m = new TestMachine();
    m.memory.setUint16(DATA, DATA_SELECTORS[0], true);
    watch(m, DATA, ACCESS);
    expect(m.deliver(`mov ss, [${DATA}]\nnop\nnext: nop`)).toMatchObject({ vector: 1, eip: m.label('next') });
    expect(causes(m)).toBe(1);
  });

  test('POP SS under TF: the trap comes after the instruction behind it', () => {
    const m = new TestMachine();
    m.program(`push ss\npop ss\nnop\nnext: nop`);
    m.run(1);
    m.cpu.eflags = TF | 2;
    expect(m.delivered(m.run())).toMatchObject({ vector: 1, eip: m.label('next') });
  });

  test('an INT n behind it takes the pending breakpoint into its handler', () => {
    const m = new TestMachine();
    m.memory.setUint16(DATA, DATA_SELECTORS[0], true);
    watch(m, DATA, ACCESS);
    expect(m.deliver(`mov ss, [${DATA}]\nint 0x30`)).toMatchObject({ vector: 1, eip: DOORWAY + 0x30 });
    expect(causes(m)).toBe(1);
  });
});

describe('single step', () => {
  test('STI, HLT: the trap wakes the processor behind HLT', () => {
    const m = new TestMachine();
    m.ring(0, TF | 2);
    expect(m.deliver('hlt\nnext: nop')).toMatchObject({ vector: 1, eip: m.label('next') });
  });

  test('INT1 (F1) is #DB without a cause in DR6, EIP behind it', () => {
    const m = new TestMachine();
    expect(m.deliver('db 0xf1\nnext: nop')).toMatchObject({ vector: 1, eip: m.label('next') });
    expect(causes(m)).toBe(0);
  });

  test('INT1 looks at no DPL of the gate, INT 1 does', () => {
    const m = new TestMachine();
    m.ring(3);
    expect(m.deliver('db 0xf1\nnext: nop')).toMatchObject({ vector: 1 });
    m.ring(3);
    expect(m.deliver('db 0xcd, 1')).toMatchObject({ vector: 13, error: 0xa });
  });

  test('SYSENTER leaves TF: the trap is at its first instruction', () => {
    const m = new TestMachine();
    m.cpu.setMsr(0x174, 8n);
    m.cpu.setMsr(0x175, BigInt(STACKS[0]));
    m.cpu.setMsr(0x176, BigInt(CODE + 0x100));
    m.ring(3, TF | 2);
    expect(m.deliver('sysenter')).toMatchObject({ vector: 1, eip: CODE + 0x100, cs: 8 });
  });

  test('SYSCALL that masks TF makes no trap in ring 0', () => {
    const m = new LongMachine();
    m.cpu.setMsr(0xc000_0081, 0x0023_0008_0000_0000n);
    m.cpu.setMsr(0xc000_0082, BigInt(LONG_CODE + 0x100));
    m.cpu.setMsr(0xc000_0084, 0x100n);
    m.ring(3, 64, TF | 2);
    m.program(`syscall\ntimes ${0x100 - 2} nop\nint 0x40`);
    expect(m.frame(m.run())).toMatchObject({ vector: 0x40, rip: BigInt(LONG_CODE + 0x102) });
  });

  test('SYSRET that brings TF back traps before the first instruction', () => {
    const m = new LongMachine();
    m.cpu.setMsr(0xc000_0081, 0x0023_0008_0000_0000n);
    m.program(`mov ecx, ${LONG_CODE + 0x100}\nmov r11d, 0x102\ndb 0x48, 0x0f, 0x07\ntimes 0x100 nop`);
    expect(m.frame(m.run())).toMatchObject({ vector: 1, rip: BigInt(LONG_CODE + 0x100), cs: 0x33 });
  });

  test('a branch not taken and one taken trap alike', () => {
    const m = new TestMachine();
    m.ring(0, TF | 2);
    expect(m.deliver('jmp there\nnop\nthere: nop')).toMatchObject({ vector: 1, eip: m.label('there') });
  });
});

describe('general detect', () => {
  test('reading faults as well, and DR6.BD is not cleared by the processor', () => {
    const m = new TestMachine();
    m.cpu.setDr(7, 0x2400);
    expect(m.deliver('mov eax, dr6')).toMatchObject({ vector: 1, eip: CODE });
    expect(causes(m)).toBe(BD);
  });

  test('CPL comes first: #GP(0) at CPL 3', () => {
    const m = new TestMachine();
    m.cpu.setDr(7, 0x2400);
    m.ring(3);
    expect(m.deliver('mov eax, dr6')).toMatchObject({ vector: 13, error: 0 });
  });
});
