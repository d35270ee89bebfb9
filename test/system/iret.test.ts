// IRET, POPF, SYSENTER and SYSEXIT. Expected values: SDM Vol. 2 "IRET/IRETD/IRETQ", "POPF/POPFD/POPFQ", "SYSENTER", "SYSEXIT".
import { describe, expect, test } from 'vitest';
import { CS, DS, SS } from '../../asm/layout.ts';
import { CODE, CODE_SELECTORS, DATA_SELECTORS, DOORWAY, FREE, STACKS, TestMachine, TSS_STACKS } from './machine.ts';

const CF = 1;
const IF = 0x200;
const IOPL3 = 0x3000;
const AC = 0x40000;
const ID = 0x200000;

/** Stops at the doorway with CPL unchanged: a gate with DPL 3 to a conforming segment. */
function stopper(m: TestMachine): void {
  m.descriptor(0x1f0, { type: 0x1e });
  m.gate(0x40, { type: 15, selector: 0x1f0, offset: DOORWAY + 0x40, dpl: 3 });
}

describe('IRET', () => {
  test('to the same level at CPL 0 restores every flag', () => {
    const m = new TestMachine();
    stopper(m);
    m.program(`push dword ${CF | IF | IOPL3 | AC | ID | 2}\npush cs\npush dword next\niretd\nnext: int 0x40`);
    expect(m.delivered(m.run()).eflags).toBe(CF | IF | IOPL3 | AC | ID | 2);
    expect(m.cpu.reg(4)).toBe(STACKS[0] - 12);
  });

  test('at CPL 3 with IOPL 0 leaves IF and IOPL alone', () => {
    const m = new TestMachine();
    stopper(m);
    m.ring(3, IF | 2);
    m.program('push dword 0x3003\npush cs\npush dword next\niretd\nnext: int 0x40');
    expect(m.delivered(m.run()).eflags).toBe(CF | IF | 2);
  });

  test('to ring 3 loads SS:ESP and nulls ring-0 data segments', () => {
    const m = new TestMachine();
    stopper(m);
    m.program(
      `push dword ${DATA_SELECTORS[3]}\npush dword ${STACKS[3]}\npush dword ${IF | IOPL3 | 2}\npush dword ${CODE_SELECTORS[3]}\npush dword next\niretd\nnext: int 0x40`,
    );
    const got = m.delivered(m.run());
    expect(got).toMatchObject({ cs: CODE_SELECTORS[3], eflags: IF | IOPL3 | 2 });
    expect(m.cpu.cpl).toBe(3);
    expect(m.cpu.segment(SS).selector).toBe(DATA_SELECTORS[3]);
    expect(m.cpu.segment(DS).selector).toBe(0);
    expect(m.cpu.reg(4)).toBe(STACKS[3] - 12);
  });

  test('with a 16-bit operand pops words', () => {
    const m = new TestMachine();
    stopper(m);
    m.descriptor(FREE, { type: 0x1b, base: CODE });
    m.program(`push word 3\npush word ${FREE}\npush word next - ${CODE}\no16 iret\nnext: int 0x40`);
    expect(m.delivered(m.run())).toMatchObject({ cs: FREE, eflags: 3 });
  });

  test('to a 16-bit stack loads SP and keeps the upper half of the inner ESP', () => {
    const m = new TestMachine();
    stopper(m);
    m.descriptor(FREE, { type: 0x13, dpl: 3, base: 0x30000, limit: 0xffff, big: false });
    m.program(
      `push dword ${FREE | 3}\npush dword 0x12344000\npush dword 2\npush dword ${CODE_SELECTORS[3]}\npush dword next\niretd\nnext: int 0x40`,
    );
    m.run();
    expect(m.cpu.reg(4)).toBe(((STACKS[0] - 20) & 0xffff0000) | (0x4000 - 12));
  });

  test.each([
    ['null CS', 0, 13, 0],
    ['CS beyond the GDT', 0xff8, 13, 0xff8],
    ['data in CS', DATA_SELECTORS[0], 13, DATA_SELECTORS[0]],
    ['CS not present', FREE, 11, FREE],
    ['CS with DPL other than RPL', CODE_SELECTORS[0] | 3, 13, CODE_SELECTORS[0]],
  ])('%s faults, the stack stays', (_, selector, vector, error) => {
    const m = new TestMachine();
    m.descriptor(FREE, { type: 0x1b, present: false });
    const got = m.deliver(`push dword 2\npush dword ${selector}\npush dword 0\nbad: iretd`);
    expect(got).toMatchObject({ vector, error, eip: m.label('bad') });
    expect(m.cpu.reg(4)).toBe(STACKS[0] - 12 - 16);
  });

  test.each([
    ['null SS', 0, 13, 0],
    ['SS with the wrong RPL', DATA_SELECTORS[0], 13, DATA_SELECTORS[0]],
    ['SS with the wrong DPL', DATA_SELECTORS[0] | 3, 13, DATA_SELECTORS[0]],
    ['SS not present', FREE | 3, 12, FREE],
  ])('to ring 3 with %s faults in ring 0', (_, selector, vector, error) => {
    const m = new TestMachine();
    m.descriptor(FREE, { type: 0x13, dpl: 3, present: false });
    const got = m.deliver(
      `push dword ${selector}\npush dword 0\npush dword 2\npush dword ${CODE_SELECTORS[3]}\npush dword 0\nbad: iretd`,
    );
    expect(got).toMatchObject({ vector, error, eip: m.label('bad'), cs: CODE_SELECTORS[0] });
  });
});

describe('POPF', () => {
  test.each([
    [0, 0, 0x3200, 0x3200],
    [3, 0, 0x3200, 0],
    [3, IOPL3, 0x200, IOPL3 | IF],
    [1, 0x1000, 0x2200, 0x1200],
  ] as const)('CPL %i with IOPL %x: %x gives %x', (ring, before, image, after) => {
    const m = new TestMachine();
    stopper(m);
    m.ring(ring, before | 2);
    m.program(`push dword ${image}\npopfd\nint 0x40`);
    expect(m.delivered(m.run()).eflags & 0x3200).toBe(after);
  });
});

describe('SYSENTER and SYSEXIT', () => {
  const withMsrs = (selector: number) => {
    const m = new TestMachine();
    m.cpu.setMsr(0x174, BigInt(selector));
    m.cpu.setMsr(0x175, BigInt(TSS_STACKS[0]));
    m.cpu.setMsr(0x176, BigInt(DOORWAY + 0x300));
    return m;
  };

  test('SYSENTER loads flat ring-0 segments, ESP and EIP from MSRs, and clears IF', () => {
    const m = withMsrs(0x08);
    m.ring(3, IF | 2);
    m.program('sysenter');
    expect(m.run()).toMatchObject({ reason: 'doorway', entry: 0x300 });
    expect(m.cpu.cpl).toBe(0);
    expect(m.cpu.segment(CS)).toMatchObject({ selector: 0x08, base: 0, limit: 0xffffffff, rights: 0xc09b });
    expect(m.cpu.segment(SS)).toMatchObject({ selector: 0x10, base: 0, limit: 0xffffffff, rights: 0xc093 });
    expect(m.cpu.reg(4)).toBe(TSS_STACKS[0]);
    expect(m.cpu.eflags & IF).toBe(0);
  });

  test('SYSENTER with a null IA32_SYSENTER_CS is #GP(0)', () => {
    const m = withMsrs(0);
    m.ring(3);
    expect(m.deliver('sysenter')).toMatchObject({ vector: 13, error: 0, eip: CODE });
  });

  test('SYSEXIT goes to ECX:EDX in ring 3 with selectors 16 and 24 above', () => {
    const m = withMsrs(0x08);
    m.program(`mov ecx, 0x31000\nmov edx, ${DOORWAY + 0x301}\nsysexit`);
    expect(m.run()).toMatchObject({ reason: 'doorway', entry: 0x301 });
    expect(m.cpu.cpl).toBe(3);
    expect(m.cpu.segment(CS)).toMatchObject({ selector: 0x1b, rights: 0xc0fb });
    expect(m.cpu.segment(SS)).toMatchObject({ selector: 0x23, rights: 0xc0f3 });
    expect(m.cpu.reg(4)).toBe(0x31000);
  });

  test('SYSEXIT at CPL 3 is #GP(0)', () => {
    const m = withMsrs(0x08);
    m.ring(3);
    expect(m.deliver('sysexit')).toMatchObject({ vector: 13, error: 0 });
  });
});
