// XSAVE and its kin, and FXSAVE where recorded vectors do not reach (SDM Vol. 1 "Managing State Using the XSAVE Feature Set";
// Vol. 2 "FXSAVE", "XSAVE", "XSAVEC", "XSAVEOPT", "XRSTOR", "XSETBV", "XGETBV").
import { describe, expect, test } from 'vitest';
import { FPU_CONTROL, FPU_STATUS, FPU_TAGS, MXCSR, X87, XCR0, XMM } from '../../asm/layout.ts';
import { findCpuModel } from '../../src/isa/cpu-models.ts';
import { TestGuest } from './guest.ts';
import { CODE as LONG_CODE, LongMachine } from './long-machine.ts';
import { CODE, DATA, TestMachine } from './machine.ts';

const OSFXSR = 0x200;
const OSXSAVE = 0x4_0000;
const UD = 6;
const NM = 7;
const GP = 13;
const END = 0x30;
const XSTATE_BV = DATA + 512;
const XCOMP_BV = DATA + 520;
const COMPACTED = 1n << 63n;

function machine(xcr0 = 3, cr4 = OSFXSR | OSXSAVE): TestMachine {
  const m = new TestMachine();
  m.cpu.cr4 = cr4;
  m.cpu.view.setBigUint64(XCR0, BigInt(xcr0), true);
  for (let n = 0; n < 640; n++) m.memory.setUint8(DATA + n, 0);
  return m;
}

/** Runs the text to INT 30h or a fault; EDX:EAX asks for all components unless the text says otherwise. */
function run(text: string, m = machine()): { m: TestMachine; vector: number } {
  m.cpu.setReg(0, 0xffff_ffff);
  m.cpu.setReg(2, 0xffff_ffff);
  return { m, vector: m.deliver(`${text}\nint 0x30`).vector };
}

const USED = 'fninit\nfldpi\npcmpeqd xmm5, xmm5\n';

describe('XSETBV and XGETBV', () => {
  test.each([
    [0, 3, 0, END],
    [0, 1, 0, END],
    [0, 2, 0, GP], // x87 state cannot be disabled
    [0, 7, 0, GP], // AVX state does not exist
    [0, 3, 1, GP],
    [1, 3, 0, GP],
  ])('XSETBV with ECX=%i, EAX=%i, EDX=%i ends in vector %i', (ecx, eax, edx, vector) => {
    const m = machine(1);
    const text = `mov ecx, ${ecx}\nmov eax, ${eax}\nmov edx, ${edx}\nxsetbv\nint 0x30`;
    expect(m.deliver(text).vector).toBe(vector);
    expect(m.cpu.view.getBigUint64(XCR0, true)).toBe(vector === END ? BigInt(eax) : 1n);
  });

  test('are undefined without CR4.OSXSAVE, XSETBV is privileged', () => {
    expect(run('xor ecx, ecx\nxgetbv', machine(1, 0)).vector).toBe(UD);
    expect(run('xor ecx, ecx\nxsetbv', machine(1, 0)).vector).toBe(UD);
    const m = machine(1);
    m.ring(3);
    m.gate(GP, { type: 14, selector: 0x08, offset: 0x7f000 + GP });
    expect(m.deliver('xor ecx, ecx\nxsetbv').vector).toBe(GP);
  });

  test('XGETBV reads XCR0, with ECX=1 the components in use, and faults for others', () => {
    expect(run('xor ecx, ecx\nxgetbv', machine(3)).m.cpu.reg(0)).toBe(3);
    expect(run('fninit\nmov ecx, 1\nxgetbv', machine(3)).m.cpu.reg(0)).toBe(0);
    expect(run(`${USED}mov ecx, 1\nxgetbv`, machine(3)).m.cpu.reg(0)).toBe(3);
    expect(run(`${USED}mov ecx, 1\nxgetbv`, machine(1)).m.cpu.reg(0)).toBe(1);
    expect(run('mov ecx, 2\nxgetbv', machine(3)).vector).toBe(GP);
  });

  test('CPUID says OSXSAVE when CR4 does, and the sizes of leaf 0DH', () => {
    expect((run('mov eax, 1\ncpuid', machine(1, 0)).m.cpu.reg(1) >>> 26) & 3).toBe(1);
    expect((run('mov eax, 1\ncpuid', machine(1)).m.cpu.reg(1) >>> 26) & 3).toBe(3);
    const { cpu } = run('mov eax, 13\nxor ecx, ecx\ncpuid').m;
    expect([cpu.reg(0), cpu.reg(3), cpu.reg(1), cpu.reg(2)]).toEqual([3, 576, 576, 0]);
  });

  test('XSETBV leaves VMX non-root operation', () => {
    const guest = new TestGuest();
    guest.cpu.cr4 |= OSXSAVE;
    expect(guest.exitOf('xor ecx, ecx\nxsetbv')).toMatchObject({ reason: 55, length: 3 });
  });
});

describe('XSAVE', () => {
  test('is undefined without CR4.OSXSAVE, and #NM with CR0.TS', () => {
    for (const name of ['xsave', 'xsaveopt', 'xsavec', 'xrstor']) {
      expect(run(`${name} [0x20000]`, machine(3, OSFXSR)).vector, name).toBe(UD);
      const switched = machine();
      switched.cpu.cr0 |= 8;
      expect(run(`${name} [0x20000]`, switched).vector, name).toBe(NM);
      expect(run(`${name} [0x20010]`).vector, `${name} not aligned to 64`).toBe(GP);
    }
  });

  test('writes what is asked for and enabled, and XSTATE_BV says which of it is in use', () => {
    const { m } = run(`${USED}xsave [0x20000]`);
    expect(m.memory.getUint8(DATA + 4)).toBe(0x80);
    expect(m.memory.getUint16(DATA + 40, true)).toBe(0x4000);
    expect(m.memory.getUint32(DATA + 24, true)).toBe(0x1f80);
    expect(m.memory.getUint32(DATA + 28, true)).toBe(0xffff);
    expect(m.memory.getUint32(DATA + 160 + 5 * 16, true)).toBe(0xffff_ffff);
    expect(m.memory.getBigUint64(XSTATE_BV, true)).toBe(3n);
    expect(m.memory.getBigUint64(XCOMP_BV, true)).toBe(0n);
  });

  test('leaves components alone that are not asked for, or not enabled', () => {
    const x87 = run(`${USED}mov eax, 1\nxor edx, edx\nxsave [0x20000]`).m;
    expect(x87.memory.getUint32(DATA + 160 + 5 * 16, true)).toBe(0);
    expect(x87.memory.getUint32(DATA + 24, true)).toBe(0);
    expect(x87.memory.getBigUint64(XSTATE_BV, true)).toBe(1n);
    expect(run(`${USED}xsave [0x20000]`, machine(1)).m.memory.getBigUint64(XSTATE_BV, true)).toBe(1n);
  });

  test('keeps the bits of XSTATE_BV that were not asked for', () => {
    const m = machine();
    m.memory.setBigUint64(XSTATE_BV, 2n, true);
    run(`${USED}pxor xmm5, xmm5\nmov eax, 1\nxor edx, edx\nxsave [0x20000]`, m);
    expect(m.memory.getBigUint64(XSTATE_BV, true)).toBe(3n);
  });

  test('writes initial state too; XSAVEOPT and XSAVEC do not', () => {
    const fill = (m: TestMachine) => {
      for (let n = 0; n < 512; n++) m.memory.setUint8(DATA + n, 0xee);
      return m;
    };
    const plain = run('fninit\nxsave [0x20000]', fill(machine())).m;
    expect(plain.memory.getUint16(DATA, true)).toBe(0x37f);
    expect(plain.memory.getUint32(DATA + 160, true)).toBe(0);
    expect(plain.memory.getBigUint64(XSTATE_BV, true)).toBe(0n);
    const optimized = run('fninit\nxsaveopt [0x20000]', fill(machine())).m;
    expect(optimized.memory.getUint16(DATA, true)).toBe(0xeeee);
    expect(optimized.memory.getUint32(DATA + 160, true)).toBe(0xeeee_eeee);
    expect(optimized.memory.getUint32(DATA + 24, true)).toBe(0x1f80); // MXCSR goes with the request
    const compact = run('fninit\nxsavec [0x20000]', fill(machine())).m;
    expect(compact.memory.getUint32(DATA + 24, true)).toBe(0xeeee_eeee);
    expect(compact.memory.getBigUint64(XSTATE_BV, true)).toBe(0n);
    expect(compact.memory.getBigUint64(XCOMP_BV, true)).toBe(COMPACTED | 3n);
  });

  test('bytes of the area that are not state stay as they are', () => {
    const m = machine();
    for (let n = 464; n < 512; n++) m.memory.setUint8(DATA + n, 0x5a);
    m.memory.setUint8(DATA + 288, 0x5a); // XMM8, which 32-bit code does not have
    run(`${USED}xsave [0x20000]`, m);
    expect(m.memory.getUint8(DATA + 464)).toBe(0x5a);
    expect(m.memory.getUint8(DATA + 288)).toBe(0x5a);
  });
});

describe('XRSTOR', () => {
  const CLEAR = 'fninit\npxor xmm5, xmm5\nmov eax, -1\n';

  test.each(['xsave', 'xsaveopt', 'xsavec'])('brings back what %s wrote', (name) => {
    const { m, vector } = run(`${USED}${name} [0x20000]\n${CLEAR}xrstor [0x20000]`);
    expect(vector).toBe(END);
    expect(m.cpu.view.getUint8(FPU_TAGS)).toBe(0x80);
    expect(m.cpu.view.getUint32(XMM + 5 * 16, true)).toBe(0xffff_ffff);
  });

  test('initializes components whose bit in XSTATE_BV is clear', () => {
    const m = machine();
    m.memory.setUint32(DATA + 24, 0x9f80, true);
    run(`${USED}xrstor [0x20000]`, m);
    expect(m.cpu.view.getUint8(FPU_TAGS)).toBe(0);
    expect(m.cpu.view.getUint16(FPU_CONTROL, true)).toBe(0x37f);
    expect(m.cpu.view.getUint16(FPU_STATUS, true)).toBe(0);
    expect(m.cpu.view.getBigUint64(X87 + 7 * 16, true)).toBe(0n);
    expect(m.cpu.view.getUint32(XMM + 5 * 16, true)).toBe(0);
    // the standard form loads MXCSR whenever SSE state is asked for, the compacted form initializes it
    expect(m.cpu.view.getUint32(MXCSR, true)).toBe(0x9f80);
    m.memory.setBigUint64(XCOMP_BV, COMPACTED | 3n, true);
    m.cpu.eip = CODE;
    run('xrstor [0x20000]', m);
    expect(m.cpu.view.getUint32(MXCSR, true)).toBe(0x1f80);
  });

  test('leaves components alone that are not asked for', () => {
    const { m } = run(`${USED}mov eax, 2\nxor edx, edx\nxrstor [0x20000]`);
    expect(m.cpu.view.getUint8(FPU_TAGS)).toBe(0x80);
  });

  const wrong: [string, (m: TestMachine) => void][] = [
    ['XSTATE_BV has a component that XCR0 has not', (m) => m.memory.setBigUint64(XSTATE_BV, 4n, true)],
    ['bytes 15:8 of the header are not 0 in the standard form', (m) => m.memory.setBigUint64(XCOMP_BV, 1n, true)],
    ['bytes 23:16 are not 0 in the standard form', (m) => m.memory.setUint8(DATA + 528, 1)],
    ['XCOMP_BV has a component that XCR0 has not', (m) => m.memory.setBigUint64(XCOMP_BV, COMPACTED | 4n, true)],
    [
      'XSTATE_BV has a component that XCOMP_BV has not',
      (m) => {
        m.memory.setBigUint64(XCOMP_BV, COMPACTED | 1n, true);
        m.memory.setBigUint64(XSTATE_BV, 2n, true);
      },
    ],
    [
      'bytes 63:16 are not 0 in the compacted form',
      (m) => {
        m.memory.setBigUint64(XCOMP_BV, COMPACTED | 3n, true);
        m.memory.setUint8(DATA + 575, 1);
      },
    ],
    ['MXCSR has a reserved bit', (m) => m.memory.setUint32(DATA + 24, 0x1_0000, true)],
  ];
  test.each(wrong)('#GP(0) and no change when %s', (_, spoil) => {
    const m = machine();
    spoil(m);
    expect(run(`${USED}xrstor [0x20000]`, m).vector).toBe(GP);
    expect(m.cpu.view.getUint8(FPU_TAGS)).toBe(0x80);
    expect(m.cpu.view.getUint32(XMM + 5 * 16, true)).toBe(0xffff_ffff);
  });

  test('a reserved bit of MXCSR does not matter when SSE state is not asked for', () => {
    const m = machine();
    m.memory.setUint32(DATA + 24, 0x1_0000, true);
    expect(run('mov eax, 1\nxor edx, edx\nxrstor [0x20000]', m).vector).toBe(END);
  });
});

describe('FXSAVE', () => {
  /** One instruction in 64-bit code with x87 pointers and XMM15 set. */
  function save(text: string): LongMachine {
    const m = new LongMachine();
    m.cpu.cr4 |= OSFXSR;
    m.program(`fninit\nfild dword [0x20800]\npcmpeqd xmm15, xmm15\n${text}\nint 0x30`);
    m.run();
    return m;
  }

  test('in 64-bit code has selectors with 32-bit pointers, with REX.W 64-bit pointers', () => {
    const narrow = save('fxsave [0x20000]');
    expect(narrow.memory.getUint32(DATA + 8, true)).toBe(LONG_CODE + 2);
    expect(narrow.memory.getUint16(DATA + 12, true)).toBe(0x08);
    expect(narrow.memory.getUint32(DATA + 16, true)).toBe(0x20800);
    expect(narrow.memory.getUint16(DATA + 20, true)).toBe(0x10);
    const wide = save('fxsave64 [0x20000]');
    expect(wide.read(DATA + 8)).toBe(BigInt(LONG_CODE + 2));
    expect(wide.read(DATA + 16)).toBe(0x20800n);
    expect(wide.memory.getUint32(DATA + 160 + 15 * 16, true)).toBe(0xffff_ffff);
  });

  test('saves no XMM register without CR4.OSFXSR, and XMM0 to XMM7 outside 64-bit code', () => {
    const m = new TestMachine();
    m.cpu.cr4 = OSFXSR;
    m.deliver('pcmpeqd xmm0, xmm0\nxor eax, eax\nmov cr4, eax\nfxsave [0x20000]\nint 0x30');
    expect(m.memory.getUint32(DATA + 160, true)).toBe(0);
    expect(m.memory.getUint32(DATA + 24, true)).toBe(0x1f80);
  });

  test('has no MXCSR on a processor without SSE, and FXRSTOR does not look at it', () => {
    const m = new TestMachine(findCpuModel('p6'));
    m.cpu.cr4 = OSFXSR;
    m.memory.setUint32(DATA + 24, 0xffff_ffff, true);
    expect(m.deliver('fxrstor [0x20000]\nfxsave [0x20000]\nint 0x30').vector).toBe(END);
    expect(m.memory.getBigUint64(DATA + 24, true)).toBe(0n);
  });

  test('the abridged tags say which registers are not empty; EMMS empties all, MMX instructions use all', () => {
    const tags = (text: string) => run(`${text}\nfxsave [0x20000]`).m.memory.getUint8(DATA + 4);
    expect(tags('fninit\nfld1\nfld1')).toBe(0xc0);
    expect(tags('fninit\nfld1\npaddb mm0, mm1')).toBe(0xff);
    expect(tags('fninit\npaddb mm0, mm1\nemms')).toBe(0);
  });
});

describe('RDRAND and RDSEED', () => {
  function numbers(seed: number, text = 'rdrand eax\nrdrand ebx\nrdseed ecx'): TestMachine {
    const m = new TestMachine(undefined, seed);
    m.deliver(`mov eax, -1\nadd eax, -1\n${text}\nint 0x30`);
    return m;
  }
  const values = (m: TestMachine) => [0, 3, 1].map((n) => m.cpu.reg(n));

  test('give other numbers each time, the same ones for the same seed', () => {
    expect(new Set(values(numbers(1))).size).toBe(3);
    expect(values(numbers(1))).toEqual(values(numbers(1)));
    expect(values(numbers(2))).not.toEqual(values(numbers(1)));
  });

  test('set CF and clear the other status flags', () => {
    expect(numbers(1).cpu.eflags & 0x8d5).toBe(1);
  });

  test('with operand size 16 leave the upper half alone', () => {
    expect(numbers(1, 'mov eax, 0x12345678\nrdrand ax').cpu.reg(0) >>> 16).toBe(0x1234);
  });

  test('go on from a snapshot where they were', () => {
    const first = numbers(7);
    const second = new TestMachine(undefined, 9);
    second.cpu.load(first.cpu.save());
    for (const m of [first, second]) {
      m.ring(0);
      m.deliver('rdrand eax\nrdrand ebx\nrdseed ecx\nint 0x30');
    }
    expect(values(second)).toEqual(values(first));
  });

  test.each([
    ['rdrand ebx', 11, 57],
    ['rdseed ebx', 16, 61],
  ])('%s exits in VMX non-root operation when control %i asks for it', (text, control, reason) => {
    const guest = new TestGuest();
    const exit = guest.exitOf(text, { 16386: 2 ** 31, 16414: 1 << control });
    expect(exit).toMatchObject({ reason, length: 3 });
    expect(guest.cpu.ring0.vmread(0x440e)).toBe((3 << 3) | (1 << 11));
  });
});

describe('encodings of AVX', () => {
  test.each([
    [[0xc5, 0xf8, 0x77], 'VZEROUPPER with a two-byte VEX prefix'],
    [[0xc4, 0xe2, 0x79, 0x18, 0x00], 'VBROADCASTSS with a three-byte VEX prefix'],
    [[0x62, 0xf1, 0x7c, 0x48, 0x58, 0xc1], 'VADDPS with an EVEX prefix'],
  ])('%j are undefined in 32- and 64-bit code (%s)', (bytes) => {
    const legacy = new TestMachine();
    legacy.cpu.ram.set(bytes, CODE);
    expect(legacy.delivered(legacy.run())).toMatchObject({ vector: UD, eip: CODE });
    expect(legacy.unsupported).toEqual(['instruction set extension']);
    const long = new LongMachine();
    long.cpu.ram.set(bytes, LONG_CODE);
    expect(long.frame(long.run())).toMatchObject({ vector: UD, rip: BigInt(LONG_CODE) });
  });

  test('LES, LDS and BOUND still have their memory forms in 32-bit code, and none in 64-bit code', () => {
    for (const bytes of [
      [0xc4, 0x05],
      [0xc5, 0x05],
      [0x62, 0x05],
    ]) {
      const code = [...bytes, 0, 0, 2, 0];
      const legacy = new TestMachine();
      legacy.cpu.ram.set([...code, 0xcd, END], CODE);
      expect(legacy.delivered(legacy.run()).vector).toBe(END);
      const long = new LongMachine();
      long.cpu.ram.set(code, LONG_CODE);
      expect(long.frame(long.run()).vector).toBe(UD);
    }
  });
});
