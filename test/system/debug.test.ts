// Single-stepping and breakpoints. Expected values: SDM Vol. 3B "Debug Exceptions", "Debug Status Register (DR6)", Vol. 3A
// "Masking Exceptions and Interrupts When Switching Stacks".
import { describe, expect, test } from 'vitest';
import { CODE, DATA, DATA_SELECTORS, DOORWAY, TestMachine } from './machine.ts';

const TF = 0x100;
const RF = 0x10000;
const BS = 0x4000;
const BD = 0x2000;
const DR6_IDLE = 0xffff0ff0;

const dr6 = (m: TestMachine) => m.cpu.dr(6) >>> 0;

describe('single step', () => {
  test('#DB comes after the instruction that started with TF set, with BS', () => {
    const m = new TestMachine();
    m.ring(0, TF | 2);
    const got = m.deliver('inc eax\nnext: inc eax');
    expect(got).toMatchObject({ vector: 1, eip: m.label('next'), eflags: TF | 2 });
    expect(dr6(m)).toBe((DR6_IDLE | BS) >>> 0);
    expect(m.cpu.eflags & TF).toBe(0);
  });

  test('the POPF that sets TF is not trapped, the instruction after it is', () => {
    const m = new TestMachine();
    const got = m.deliver('push dword 0x102\npopfd\nnop\nnext: nop');
    expect(got).toMatchObject({ vector: 1, eip: m.label('next') });
  });

  test('the POPF that clears TF is trapped', () => {
    const m = new TestMachine();
    m.cpu.eflags = 2;
    m.program('push dword 2\npopfd\nnext: nop');
    m.run(1);
    m.cpu.eflags = TF | 2;
    expect(m.delivered(m.run())).toMatchObject({ vector: 1, eip: m.label('next'), eflags: 2 });
  });

  test('INT n under TF does not trap in the handler', () => {
    const m = new TestMachine();
    m.ring(0, TF | 2);
    expect(m.deliver('int 0x30\nnext: nop')).toMatchObject({ vector: 0x30, eflags: TF | 2 });
    expect(dr6(m)).toBe(DR6_IDLE);
  });

  test('every iteration of a REP instruction traps, EIP stays until the last', () => {
    const m = new TestMachine();
    m.program(`mov esi, ${DATA}\nmov edi, ${DATA + 0x100}\nmov ecx, 3\ncopy: rep movsb\nnext: nop`);
    m.run(3);
    m.cpu.eflags = TF | 2;
    expect(m.delivered(m.run())).toMatchObject({ vector: 1, eip: m.label('copy') });
    expect(m.cpu.reg(1)).toBe(2);
  });

  test('MOV SS postpones the trap by one instruction', () => {
    const m = new TestMachine();
    m.program(`mov eax, ${DATA_SELECTORS[0]}\nmov ss, ax\nnop\nnext: nop`);
    m.run(1);
    m.cpu.eflags = TF | 2;
    expect(m.delivered(m.run())).toMatchObject({ vector: 1, eip: m.label('next') });
  });

  test('a faulting instruction makes no trap: the fault comes alone', () => {
    const m = new TestMachine();
    m.ring(0, TF | 2);
    expect(m.deliver('bad: ud2')).toMatchObject({ vector: 6, eip: m.label('bad'), eflags: TF | RF | 2 });
    expect(dr6(m)).toBe(DR6_IDLE);
  });
});

describe('MOV SS in front of an instruction that makes an event of its own', () => {
  const ENABLE_READ_WRITE = 0xf0402;
  const watching = (): TestMachine => {
    const m = new TestMachine();
    m.cpu.setDr(0, DATA);
    m.cpu.setDr(7, ENABLE_READ_WRITE);
    m.memory.setUint32(DATA, DATA_SELECTORS[0], true);
    return m;
  };
  const STACK = 0x30000;

  test('its single step is not made up for in the handler', () => {
    for (const [text, vector] of [
      ['int1', 1],
      ['int 0x30', 0x30],
    ] as const) {
      const m = new TestMachine();
      m.ring(0, TF | 2);
      m.cpu.setReg(1, DATA_SELECTORS[0]);
      const got = m.deliver(`mov ss, cx\n${text}\nnext: nop`);
      expect(got).toMatchObject({ vector, eip: m.label('next'), eflags: TF | 2 });
      expect(m.cpu.reg(4)).toBe(STACK - 12);
      expect(dr6(m)).toBe(DR6_IDLE);
    }
  });

  test('its data breakpoint is reported by the #DB of INT1', () => {
    const m = watching();
    const got = m.deliver(`mov ss, [${DATA}]\nint1\nnext: nop`);
    expect(got).toMatchObject({ vector: 1, eip: m.label('next') });
    expect(m.cpu.reg(4)).toBe(STACK - 12);
    expect(dr6(m)).toBe((DR6_IDLE | 1) >>> 0);
  });

  test('its data breakpoint comes in the handler of INT n', () => {
    const m = watching();
    const got = m.deliver(`mov ss, [${DATA}]\nint 0x30`);
    expect(got).toMatchObject({ vector: 1, eip: DOORWAY + 0x30 });
    expect(m.cpu.reg(4)).toBe(STACK - 24);
    expect(dr6(m)).toBe((DR6_IDLE | 1) >>> 0);
  });
});

describe('instruction breakpoints', () => {
  const broken = (text: string, at: string) => {
    const m = new TestMachine();
    m.program(text);
    const setUp = `mov eax, ${m.label(at)}\nmov dr0, eax\nmov eax, 0x402\nmov dr7, eax\n`;
    const start = 0x12000;
    m.program(`${setUp}jmp ${CODE}`, start);
    m.program(text);
    m.cpu.eip = start;
    return m;
  };

  test('a breakpoint is a fault before the instruction, with B0 and RF = 0 in the frame', () => {
    const m = broken('nop\nhere: inc ecx', 'here');
    expect(m.delivered(m.run())).toMatchObject({ vector: 1, eip: m.label('here'), eflags: 2 });
    expect(dr6(m)).toBe((DR6_IDLE | 1) >>> 0);
    expect(m.cpu.reg(1)).toBe(0);
  });

  test('IRET with RF set resumes past it', () => {
    const m = broken(`pushfd\nor dword [esp], ${RF}\npush cs\npush dword here\niretd\nhere: inc ecx\nint 0x30`, 'here');
    expect(m.delivered(m.run())).toMatchObject({ vector: 0x30 });
    expect(m.cpu.reg(1)).toBe(1);
    expect(m.cpu.eflags & RF).toBe(0);
  });
});

describe('data breakpoints', () => {
  const watched = (dr7: number, text: string) => {
    const m = new TestMachine();
    m.program(`mov eax, ${DATA + 4}\nmov dr1, eax\nmov eax, ${dr7}\nmov dr7, eax\n${text}`);
    return m;
  };
  /** Breakpoint 1 enabled (G1), R/W and LEN as given. */
  const enable = (rw: number, length: number) => 0x408 | (rw << 20) | ((length - 1) << 22);

  test('a write inside the range traps after the instruction', () => {
    const m = watched(enable(1, 4), `mov byte [${DATA + 7}], 1\nnext: nop`);
    expect(m.delivered(m.run())).toMatchObject({ vector: 1, eip: m.label('next') });
    expect(dr6(m)).toBe((DR6_IDLE | 2) >>> 0);
    expect(m.memory.getUint8(DATA + 7)).toBe(1);
  });

  test('a write breakpoint ignores reads; a read-write one does not', () => {
    const quiet = watched(enable(1, 4), `mov al, [${DATA + 4}]\nint 0x30`);
    expect(quiet.delivered(quiet.run()).vector).toBe(0x30);
    const loud = watched(enable(3, 4), `mov al, [${DATA + 4}]\nnext: int 0x30`);
    expect(loud.delivered(loud.run())).toMatchObject({ vector: 1, eip: loud.label('next') });
  });

  test('an access beside the range does nothing, one that overlaps it does', () => {
    const beside = watched(enable(1, 1), `mov dword [${DATA}], 1\nmov dword [${DATA + 5}], 1\nint 0x30`);
    expect(beside.delivered(beside.run()).vector).toBe(0x30);
    const across = watched(enable(1, 1), `mov dword [${DATA + 1}], 1\nnext: int 0x30`);
    expect(across.delivered(across.run())).toMatchObject({ vector: 1, eip: across.label('next') });
  });

  test('an I/O breakpoint needs CR4.DE', () => {
    const port = (de: number) => {
      const m = new TestMachine();
      m.program(
        `mov eax, ${de}\nmov cr4, eax\nmov eax, 0x60\nmov dr1, eax\nmov eax, ${enable(2, 1)}\nmov dr7, eax\nin al, 0x60\nnext: int 0x30`,
      );
      return m.delivered(m.run());
    };
    expect(port(8)).toMatchObject({ vector: 1 });
    expect(port(0)).toMatchObject({ vector: 0x30 });
  });
});

describe('debug registers', () => {
  test('MOV DR with DR7.GD set is #DB with BD, and GD is cleared', () => {
    const m = new TestMachine();
    const got = m.deliver('mov eax, 0x2400\nmov dr7, eax\nbad: mov ecx, dr0');
    expect(got).toMatchObject({ vector: 1, eip: m.label('bad') });
    expect(dr6(m)).toBe((DR6_IDLE | BD) >>> 0);
    expect(m.cpu.dr(7) & 0x2000).toBe(0);
  });

  test('DR4 and DR5 are DR6 and DR7 unless CR4.DE is set, then #UD', () => {
    const m = new TestMachine();
    m.deliver('mov eax, dr5\nint 0x30');
    expect(m.cpu.reg(0)).toBe(0x400);
    m.ring(0);
    expect(m.deliver('mov eax, 8\nmov cr4, eax\nbad: mov eax, dr5')).toMatchObject({ vector: 6, eip: m.label('bad') });
  });

  test('reserved bits read as the SDM fixes them', () => {
    const m = new TestMachine();
    m.deliver(`mov eax, 0\nmov dr6, eax\nmov ebx, dr6\nmov eax, 0xd800\nmov dr7, eax\nmov ecx, dr7\njmp 8:${DOORWAY}`);
    expect(m.cpu.reg(3)).toBe(DR6_IDLE);
    expect(m.cpu.reg(1)).toBe(0x400);
  });

  test('MOV DR at CPL 3 is #GP(0)', () => {
    const m = new TestMachine();
    m.ring(3);
    expect(m.deliver('mov eax, dr0')).toMatchObject({ vector: 13, error: 0 });
  });
});
