// IA32_DEBUGCTL: single-stepping on branches and last-branch records (SDM Vol. 3B "Single-Stepping on Branches", "LBR, Last
// Branch Records", "Last Branch, Call Stack, Interrupt, and Exception Recording"); IA32_TSC_ADJUST (Vol. 3B "IA32_TSC_ADJUST
// Register"), the machine-check registers (Vol. 3B "Machine-Check MSRs") and the topology leaf (Vol. 2 "CPUID").
import { describe, expect, test } from 'vitest';
import { findCpuModel } from '../../src/isa/cpu-models.ts';
import { TestGuest } from './guest.ts';
import { CODE, TestMachine } from './machine.ts';

const BS = 0x4000;
const LBR = 1;
const BTF = 2;
const DEBUGCTL = 0x1d9;
const TOP = 0x1c9;
const GP = 13;

const enable = (bits: number) => `mov ecx, ${DEBUGCTL}\nmov eax, ${bits}\nxor edx, edx\nwrmsr\n`;

/** RDMSR: all 64 bits. */
function read(m: TestMachine, number: number): bigint {
  m.cpu.setReg(1, number);
  if (m.cpu.ring0.execute([0x0f, 0x32]) !== undefined) throw new Error(`MSR 0x${number.toString(16)} faults`);
  return (BigInt(m.cpu.reg(2)) << 32n) | BigInt(m.cpu.reg(0));
}

/** The newest record. */
function newest(m: TestMachine): [from: number, to: number] {
  const top = Number(read(m, TOP));
  return [Number(read(m, 0x40 + top)), Number(read(m, 0x60 + top))];
}

describe('single step on branches', () => {
  /** Runs with TF and BTF from the first NOP to the #DB. */
  function step(text: string): { m: TestMachine; eip: number } {
    const m = new TestMachine();
    m.program(`${enable(BTF)}push dword 0x102\npopfd\nnop\n${text}`);
    const { vector, eip } = m.delivered(m.run());
    expect(vector).toBe(1);
    expect(m.cpu.dr(6) & BS).toBe(BS);
    return { m, eip };
  }

  test('traps after a taken branch only', () => {
    const { m, eip } = step('inc eax\ncmp eax, eax\njne away\nnop\njmp there\nnop\nthere: nop\naway: nop');
    expect(eip).toBe(m.label('there'));
  });

  test.each([
    ['call there\nnop\nthere: nop', 'there'],
    ['push dword there\nret\nnop\nthere: nop', 'there'],
    ['mov ebx, there\njmp ebx\nnop\nthere: nop', 'there'],
    ['mov ecx, 2\nagain: loop again\nnop', 'again'],
    ['cmp eax, eax\nje there\nthere: nop', 'there'], // a taken branch to the next instruction
    ['jmp 8:there\nthere: nop', 'there'],
    ['pushfd\npush cs\npush dword there\niretd\nnop\nthere: nop', 'there'],
  ])('%s', (text, label) => {
    const { m, eip } = step(text);
    expect(eip).toBe(m.label(label));
  });

  test('a repeated string instruction is no branch', () => {
    const { m, eip } = step('mov ecx, 3\nmov esi, 0x20000\nmov edi, 0x20100\nrep movsb\njmp there\nthere: nop');
    expect(eip).toBe(m.label('there'));
  });

  test('#DB clears BTF and LBR', () => {
    expect(read(step('jmp there\nthere: nop').m, DEBUGCTL)).toBe(0n);
  });
});

describe('last-branch records', () => {
  test('hold source and target of taken branches, newest at the top of the stack', () => {
    const m = new TestMachine();
    m.program(
      `${enable(LBR)}first: jmp second\nnop\nsecond: call third\nback: nop\ncmp eax, eax\njne first\nint 0x30\nthird: ret`,
    );
    m.run(100);
    const top = Number(read(m, TOP));
    const at = (age: number) => {
      const n = (top - age) & 3;
      return [Number(read(m, 0x40 + n)), Number(read(m, 0x60 + n))];
    };
    expect(at(3)).toEqual([m.label('first'), m.label('second')]);
    expect(at(2)).toEqual([m.label('second'), m.label('third')]);
    expect(at(1)).toEqual([m.label('third'), m.label('back')]);
    expect(at(0)[1]).toBe(0x7f030); // the handler of INT 30h
  });

  test('record exceptions, and keep the branch before them apart', () => {
    const m = new TestMachine();
    m.program(`${enable(LBR)}branch: jmp bad\nnop\nbad: ud2`);
    m.run(100);
    expect(newest(m)).toEqual([m.label('bad'), 0x7f006]);
    expect([Number(read(m, 0x1dd)), Number(read(m, 0x1de))]).toEqual([m.label('branch'), m.label('bad')]);
  });

  test('on a P6 the one record is in LASTBRANCHFROMIP and LASTBRANCHTOIP', () => {
    const m = new TestMachine(findCpuModel('p6'));
    m.program(`${enable(LBR)}branch: jmp there\nnop\nthere: nop\n${enable(0)}int 0x30`);
    m.run(100);
    expect([Number(read(m, 0x1db)), Number(read(m, 0x1dc))]).toEqual([m.label('branch'), m.label('there')]);
  });

  test('are the same whatever slices the program runs in', () => {
    const text = `${enable(LBR)}mov ebx, 20\nagain: dec ebx\njz done\ncall sub\njmp again\nsub: ret\ndone: ${enable(0)}int 0x30`;
    const machines = [1000, 1].map((slice) => {
      const m = new TestMachine();
      m.program(text);
      for (let n = 0; n < 300; n += slice) if (m.run(slice).reason === 'doorway') break;
      return m;
    });
    const [whole, stepped] = machines.map((m) =>
      [0x40, 0x41, 0x42, 0x43, 0x60, 0x61, 0x62, 0x63, TOP].map((n) => read(m, n)),
    );
    expect(stepped).toEqual(whole);
  });

  test('a VM exit turns recording off', () => {
    const guest = new TestGuest();
    guest.exitOf(`${enable(LBR)}jmp there\nthere: cpuid`);
    expect(read(guest, DEBUGCTL)).toBe(0n);
  });
});

describe('IA32_DEBUGCTL', () => {
  test.each([4, 0x40, 0x80, 0x100, 0x800])('bit %i is of no feature it has: #GP(0)', (bits) => {
    expect(new TestMachine().deliver(`${enable(bits)}int 0x30`)).toMatchObject({ vector: GP, error: 0 });
  });

  test.each([TOP, 0x1dd, 0x1de])('MSR %i cannot be written', (number) => {
    const write = `mov ecx, ${number}\nxor eax, eax\nxor edx, edx\nbad: wrmsr`;
    expect(new TestMachine().deliver(write)).toMatchObject({ vector: GP, error: 0 });
  });
});

describe('the time-stamp counter', () => {
  test('IA32_TSC_ADJUST is the sum of what writes changed', () => {
    const m = new TestMachine();
    const write = (number: number, value: number) => `mov ecx, ${number}\nmov eax, ${value}\nxor edx, edx\nwrmsr\n`;
    m.deliver(`rdtsc\nmov ebx, eax\n${write(0x3b, 1_000_000)}rdtsc\nint 0x30`);
    expect(m.cpu.reg(0) - m.cpu.reg(3)).toBeGreaterThanOrEqual(1_000_000);
    expect(m.cpu.reg(0) - m.cpu.reg(3)).toBeLessThan(1_000_100);
    expect(read(m, 0x3b)).toBe(1_000_000n);
    m.ring(0);
    m.deliver(`${write(0x10, 0)}rdtsc\nint 0x30`);
    expect(m.cpu.reg(0)).toBeLessThan(100);
    expect(BigInt.asIntN(64, read(m, 0x3b))).toBeLessThan(0n);
  });
});

describe('the machine-check registers', () => {
  test('tell of one bank without errors, whose status can only be cleared', () => {
    const m = new TestMachine();
    expect([0, 1, 0x179, 0x17a, 0x400, 0x401, 0x402].map((n) => read(m, n))).toEqual([0n, 0n, 1n, 0n, 0n, 0n, 0n]);
    const write = (number: number, value: number) =>
      `mov ecx, ${number}\nmov eax, ${value}\nxor edx, edx\nwrmsr\nint 0x30`;
    for (const [number, value, vector] of [
      [0x400, 0xff, 0x30],
      [0x401, 0, 0x30],
      [0x401, 1, GP],
      [0x17a, 4, 0x30],
      [0x17a, 8, GP],
      [0x179, 1, GP],
    ] as const) {
      expect(new TestMachine().deliver(write(number, value)).vector, `MSR ${number.toString(16)}`).toBe(vector);
    }
  });
});

describe('CPUID leaf 0BH', () => {
  test('tells of one thread a core, one core in the package, and no further level', () => {
    const m = new TestMachine();
    const levels = [0, 1, 2].map((level) => {
      m.ring(0);
      m.cpu.eip = CODE;
      m.program(`mov eax, 11\nmov ecx, ${level}\ncpuid`);
      m.run(3);
      return [0, 3, 1, 2].map((n) => m.cpu.reg(n));
    });
    expect(levels).toEqual([
      [0, 1, 0x100, 0],
      [0, 1, 0x201, 0],
      [0, 0, 2, 0],
    ]);
  });
});
