// What comes first when several things are due: SDM Vol. 3A "Prioritization of Concurrent Events", table "Priority Among
// Concurrent Events": traps of the previous instruction, NMI, INTR, code breakpoint, fetch, decoding, execution; blocking by
// STI, MOV SS and NMI: "Masking Maskable Hardware Interrupts", "Handling Multiple NMIs", "Masking Exceptions and Interrupts
// When Switching Stacks"; Vol. 3B "Debug Exceptions".
import { describe, expect, test } from 'vitest';
import { INTERRUPTIBILITY, NMI_PENDING } from '../../asm/layout.ts';
import { CODE, CODE_SELECTORS, DATA, DATA_SELECTORS, DOORWAY, FREE, STACKS, TestMachine } from './machine.ts';
import { LongMachine } from './long-machine.ts';

const IF = 0x200;
const TF = 0x100;
const NMI = 2;
const INTR = 0x20;
const END = `\njmp 8:${DOORWAY + 0x300}`;
const BLOCKED_BY_NMI = 8;

const blocking = (m: TestMachine) => m.cpu.view.getUint32(INTERRUPTIBILITY, true);

/** Trap gates, which leave IF as it is, so that one event follows the other. */
function trapGates(m: TestMachine): void {
  for (const vector of [1, NMI, INTR]) m.gate(vector, { type: 15, selector: 8, offset: DOORWAY + vector });
}

describe('between two instructions', () => {
  test('the trap of the last one, then NMI, then INTR: each interrupts the first instruction of the handler before it', () => {
    const m = new TestMachine();
    trapGates(m);
    m.program(`out 0x80, al\nnext: nop`);
    m.onWrite = () => {
      m.cpu.raiseNmi();
      m.cpu.setIntr(true);
    };
    m.ring(0, IF | TF | 2);
    expect(m.run()).toMatchObject({ reason: 'doorway', entry: INTR });
    const frames = m.stack(9);
    expect([frames[0], frames[3], frames[6]]).toEqual([DOORWAY + NMI, DOORWAY + 1, m.label('next')]);
  });

  test('INTR comes before a code breakpoint at the next instruction', () => {
    const m = new TestMachine();
    m.cpu.setDr(0, CODE);
    m.cpu.setDr(7, 0x402);
    m.ring(0, IF | 2);
    m.cpu.setIntr(true);
    expect(m.deliver('nop')).toMatchObject({ vector: INTR, eip: CODE });
  });

  test('INTR comes before the faults of fetching and decoding the next instruction', () => {
    const m = new TestMachine();
    m.ring(0, IF | 2);
    m.cpu.setIntr(true);
    expect(m.deliver('ud2')).toMatchObject({ vector: INTR, eip: CODE });
    m.ring(0, IF | 2);
    m.cpu.eip = 0x50_0000;
    m.cpu.setIntr(true);
    expect(m.delivered(m.run())).toMatchObject({ vector: INTR, eip: 0x50_0000 });
  });
});

describe('within one instruction', () => {
  const long = (text: string, prepare: (m: LongMachine) => void = () => {}) => {
    const m = new LongMachine();
    m.cpu.cr4 |= 0x200;
    prepare(m);
    return m.deliver(text);
  };
  const MISSING = '0x900000';

  test.each([
    ['an undefined opcode before a device that is not available', 'db 0x0f, 0x0b', 8, 6],
    ['no device before the page fault of the operand', `fld dword [${MISSING}]`, 8, 7],
    ['no device before the page fault of an SSE operand', `movups xmm0, [${MISSING}]`, 8, 7],
    ['emulation of SSE (#UD) before task switched (#NM)', 'movups xmm0, xmm1', 0xc, 6],
    ['alignment of MOVAPS before the page fault', `movaps xmm0, [${MISSING}+8]`, 0, 13],
    ['the page fault before the divide error', `mov ecx, 0\ndiv dword [${MISSING}]`, 0, 14],
    ['a reserved bit of MXCSR after the page fault', `ldmxcsr [${MISSING}]`, 0, 14],
  ] as const)('%s', (_, text, cr0, vector) => {
    expect(long(text, (m) => (m.cpu.cr0 |= cr0)).vector).toBe(vector);
  });

  test.each([
    ['LGDT', `lgdt [${MISSING}]`],
    ['LTR', `ltr [${MISSING}]`],
    ['INVLPG', `invlpg [${MISSING}]`],
    ['LMSW', `lmsw [${MISSING}]`],
    ['WBINVD', 'wbinvd'],
  ])('privilege before the operand: %s in ring 3 is #GP(0)', (_, text) => {
    expect(long(text, (m) => m.ring(3))).toMatchObject({ vector: 13, error: 0 });
  });

  test('the source of MOVS before its destination', () => {
    const m = new LongMachine();
    m.deliver('mov esi, 0x900000\nmov edi, 0xa00000\nmovsb');
    expect(m.cpu.cr2).toBe(0x90_0000);
  });

  test('the operand of PUSH before the stack', () => {
    const m = new LongMachine();
    m.gate(14, { offset: BigInt(DOORWAY + 14), ist: 1 });
    m.deliver('mov esp, 0xa00000\npush qword [0x900000]');
    expect(m.cpu.cr2).toBe(0x90_0000);
  });

  test('the segment limit before the page fault', () => {
    const m = new TestMachine();
    m.descriptor(FREE, { type: 0x13, limit: 0xfff });
    const table = 0x60000;
    for (let n = 0; n < 1024; n++) m.memory.setUint32(table + 4 * n, n === 0 ? 0x87 : 0, true);
    m.cpu.cr3 = table;
    m.cpu.cr4 = 0x10;
    m.cpu.cr0 = 0x8000_0011;
    expect(m.deliver(`mov ax, ${FREE}\nmov ds, ax\nmov eax, [0x500000]`)).toMatchObject({ vector: 13, error: 0 });
  });

  test('a write that does not happen still needs the right to write: CMPXCHG on a read-only page', () => {
    const m = new LongMachine();
    m.quad(0xa008, 0x200085n);
    m.ring(3);
    expect(m.deliver('mov eax, 1\ncmpxchg [0x200000], ecx')).toMatchObject({ vector: 14, error: 7 });
  });
});

describe('STI', () => {
  test('HLT directly behind it is reached, and INTR wakes it at once', () => {
    const m = new TestMachine();
    m.cpu.setIntr(true);
    expect(m.deliver('sti\nhlt\nnext: nop')).toMatchObject({ vector: INTR, eip: m.label('next') });
  });

  test('a fault of the next instruction is taken before INTR, whose handler finds IF clear', () => {
    const m = new TestMachine();
    m.cpu.setIntr(true);
    expect(m.deliver('sti\nbad: ud2')).toMatchObject({ vector: 6, eip: m.label('bad') });
  });

  test('CLI directly behind it: INTR is never taken', () => {
    const m = new TestMachine();
    m.cpu.setIntr(true);
    m.program(`sti\ncli\nnop${END}`);
    expect(m.run()).toEqual({ reason: 'doorway', entry: 0x300 });
  });

  // SDM Vol. 3C "Format of Interruptibility State": it may inhibit NMI as well, and NMI-window exiting says that it does
  test('holds off NMI for one instruction', () => {
    const m = new TestMachine();
    m.program('sti\nnop\nnext: nop');
    m.run(1);
    m.cpu.raiseNmi();
    expect(m.delivered(m.run())).toMatchObject({ vector: NMI, eip: m.label('next') });
  });

  test('HLT directly behind it is reached, and NMI wakes it', () => {
    const m = new TestMachine();
    m.program('sti\nhlt\nnext: nop');
    m.run(1);
    m.cpu.raiseNmi();
    expect(m.delivered(m.run())).toMatchObject({ vector: NMI, eip: m.label('next') });
  });

  test('a single-step trap is not held off by it', () => {
    const m = new TestMachine();
    m.ring(0, TF | 2);
    expect(m.deliver('sti\nnext: nop')).toMatchObject({ vector: 1, eip: m.label('next') });
  });
});

describe('MOV SS and POP SS', () => {
  test('hold off NMI for one instruction', () => {
    const m = new TestMachine();
    m.memory.setUint16(DATA, DATA_SELECTORS[0], true);
    m.program(`mov ax, ss\nmov ss, ax\nnop\nnext: nop`);
    m.run(2);
    m.cpu.raiseNmi();
    expect(m.delivered(m.run())).toMatchObject({ vector: NMI, eip: m.label('next') });
  });

  test('LSS holds nothing off', () => {
    const m = new TestMachine();
    m.ring(0, IF | 2);
    m.program(`lss esp, [pointer]\nnext: nop\npointer: dd ${STACKS[0]}\ndw ${DATA_SELECTORS[0]}`);
    m.run(1);
    m.cpu.setIntr(true);
    expect(m.delivered(m.run())).toMatchObject({ vector: INTR, eip: m.label('next') });
  });

  test('a MOV SS that faults holds nothing off', () => {
    const m = new TestMachine();
    m.deliver('mov ax, 0xff8\nmov ss, ax');
    expect(blocking(m) & 2).toBe(0);
  });
});

describe('blocking by NMI', () => {
  /** In the NMI handler, which is `text`. */
  const handling = (text: string) => {
    const m = new TestMachine();
    m.program(`${text}${END}`, 0x12000);
    m.gate(NMI, { type: 14, selector: 8, offset: 0x12000 });
    m.program('nop\nnop\nnop');
    m.cpu.raiseNmi();
    m.run(1);
    expect(blocking(m) & BLOCKED_BY_NMI).toBe(BLOCKED_BY_NMI);
    return m;
  };

  test('one further NMI is kept, and taken directly behind IRET', () => {
    const m = handling('nop\niretd');
    m.cpu.raiseNmi();
    m.run(1);
    expect(m.cpu.view.getUint32(NMI_PENDING, true)).toBe(1);
    m.run(1);
    expect(m.cpu.eip).toBeGreaterThanOrEqual(0x12000);
    expect(m.cpu.view.getUint32(NMI_PENDING, true)).toBe(0);
  });

  test('is not ended by an exception in the handler, nor by that of its RET', () => {
    const m = handling('ud2');
    expect(m.run()).toMatchObject({ reason: 'doorway', entry: 6 });
    expect(blocking(m) & BLOCKED_BY_NMI).toBe(BLOCKED_BY_NMI);
  });

  test('is ended by IRET of any event', () => {
    const m = handling(`pushfd\npush cs\npush dword back\niretd\nback: nop`);
    m.run();
    expect(blocking(m) & BLOCKED_BY_NMI).toBe(0);
  });

  test('is ended by an IRET that faults', () => {
    const m = handling('push dword 2\npush dword 0\npush dword 0\niretd');
    expect(m.run()).toMatchObject({ reason: 'doorway', entry: 13 });
    expect(blocking(m) & BLOCKED_BY_NMI).toBe(0);
  });

  test('is ended by IRET to ring 3', () => {
    const m = handling(
      `push dword ${DATA_SELECTORS[3]}\npush dword ${STACKS[3]}\npush dword 2\npush dword ${CODE_SELECTORS[3]}\npush dword ${CODE}\niretd`,
    );
    m.run(6);
    expect(m.cpu.cpl).toBe(3);
    expect(blocking(m) & BLOCKED_BY_NMI).toBe(0);
  });

  test('INTR and INT n are not blocked', () => {
    const m = handling('sti\nnop\nnop');
    m.cpu.setIntr(true);
    expect(m.run()).toMatchObject({ reason: 'doorway', entry: INTR });
  });
});
