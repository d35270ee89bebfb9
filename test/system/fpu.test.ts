// Availability and error reporting of x87, MMX and SSE: what vectors recorded in user mode cannot reach. Expected values:
// SDM Vol. 3A "System Programming for Instruction Set Extensions and Processor Extended States", Table "x87 FPU and MMX
// EM, MP, TS", "Interrupt 16", "Interrupt 19"; Vol. 1 "x87 FPU State".
import { describe, expect, test } from 'vitest';
import { FPU_CONTROL, FPU_FERR, FPU_STATUS, FPU_TAGS, MXCSR, XMM } from '../../asm/layout.ts';
import { CODE, DATA, TestMachine } from './machine.ts';

const PE = 1;
const MP = 2;
const EM = 4;
const TS = 8;
const NE = 0x20;
const OSFXSR = 0x200;
const OSXMMEXCPT = 0x400;

/** Runs the text with these control registers, to a fault or to INT 30h. */
function run(text: string, cr0: number, cr4 = OSFXSR | OSXMMEXCPT, prepare: (m: TestMachine) => void = () => {}) {
  const m = new TestMachine();
  m.cpu.cr0 = 0x10 | PE | cr0;
  m.cpu.cr4 = cr4;
  prepare(m);
  return { m, delivered: m.deliver(`${text}\nint 0x30`) };
}

describe('availability', () => {
  test.each([
    ['fld1', EM, 7],
    ['fld1', TS, 7],
    ['fnstcw [0x20000]', TS, 7],
    ['fwait', TS, 0x30],
    ['fwait', MP, 0x30],
    ['fwait', MP | TS, 7],
    ['fwait', EM, 0x30],
    ['paddb mm0, mm1', EM, 6],
    ['paddb mm0, mm1', TS, 7],
    ['emms', TS, 7],
    ['addps xmm0, xmm1', EM, 6],
    ['addps xmm0, xmm1', TS, 7],
    ['stmxcsr [0x20000]', EM, 6],
    ['stmxcsr [0x20000]', TS, 7],
    ['fxsave [0x20000]', EM, 7],
    ['fxsave [0x20000]', TS, 7],
  ])('%s with CR0 bits %i ends in vector %i', (text, cr0, vector) => {
    expect(run(text, cr0).delivered).toMatchObject({ vector });
  });

  test.each([
    ['addps xmm0, xmm1', 6],
    ['movdqu xmm0, [0x20000]', 6],
    ['ldmxcsr [0x20000]', 6],
    ['paddb mm0, mm1', 0x30],
    ['pshufb mm0, mm1', 0x30],
    ['fxsave [0x20000]', 0x30],
  ])('%s without CR4.OSFXSR ends in vector %i', (text, vector) => {
    expect(run(text, 0, 0).delivered).toMatchObject({ vector });
  });
});

describe('x87 errors', () => {
  const divide = 'fninit\nfldcw [0x20000]\nfld1\nfldz\nfdivp st1, st0\n';
  const unmasked = (m: TestMachine) => m.memory.setUint16(DATA, 0x37b, true);

  test('with CR0.NE the next waiting instruction raises #MF, control instructions do not', () => {
    const { m, delivered } = run(`${divide}fnstsw ax\nfnop`, NE, 0, unmasked);
    expect(delivered).toMatchObject({ vector: 16 });
    expect(m.cpu.reg(0) & 0x80ff).toBe(0x8084);
    expect(m.cpu.view.getUint16(FPU_STATUS, true) & 0x80ff).toBe(0x8084);
  });

  test('WAIT and MMX instructions raise it as well', () => {
    expect(run(`${divide}fwait`, NE, 0, unmasked).delivered.vector).toBe(16);
    expect(run(`${divide}paddb mm0, mm1`, NE, 0, unmasked).delivered.vector).toBe(16);
  });

  test('FNCLEX forgets it', () => {
    expect(run(`${divide}fnclex\nfwait`, NE, 0, unmasked).delivered.vector).toBe(0x30);
  });

  test('without CR0.NE the FERR# pin is raised until FNCLEX', () => {
    const { m, delivered } = run(divide, 0, 0, unmasked);
    expect(delivered.vector).toBe(0x30);
    expect(m.cpu.view.getUint32(FPU_FERR, true)).toBe(1);
    const cleared = run(`${divide}fnclex`, 0, 0, unmasked).m;
    expect(cleared.cpu.view.getUint32(FPU_FERR, true)).toBe(0);
  });
});

describe('SIMD floating-point exceptions', () => {
  const text = 'ldmxcsr [0x20000]\nmovups xmm0, [0x20010]\ndivps xmm0, [0x20020]';
  const prepare = (m: TestMachine) => {
    m.memory.setUint32(DATA, 0x1d80, true); // division by zero not masked
    for (let n = 0; n < 4; n++) m.memory.setFloat32(DATA + 0x10 + 4 * n, 1, true);
  };

  test('raise #XM with CR4.OSXMMEXCPT, and leave the destination alone', () => {
    const { m, delivered } = run(text, 0, OSFXSR | OSXMMEXCPT, prepare);
    expect(delivered.vector).toBe(19);
    expect(m.cpu.view.getUint32(MXCSR, true)).toBe(0x1d84);
    expect(m.cpu.view.getFloat32(XMM, true)).toBe(1);
  });

  test('raise #UD without it', () => {
    expect(run(text, 0, OSFXSR, prepare).delivered.vector).toBe(6);
  });

  test('a reserved bit of MXCSR is #GP(0)', () => {
    const reserved = (m: TestMachine) => m.memory.setUint32(DATA, 0x1_0000, true);
    const { delivered } = run('ldmxcsr [0x20000]', 0, OSFXSR, reserved);
    expect(delivered).toMatchObject({ vector: 13, error: 0, eip: CODE });
  });
});

describe('state', () => {
  test('after RESET and after FNINIT', () => {
    const m = new TestMachine();
    expect(m.cpu.view.getUint16(FPU_CONTROL, true)).toBe(0x40);
    expect(m.cpu.view.getUint32(MXCSR, true)).toBe(0x1f80);
    m.deliver('fninit\nint 0x30');
    expect(m.cpu.view.getUint16(FPU_CONTROL, true)).toBe(0x37f);
    expect(m.cpu.view.getUint8(FPU_TAGS)).toBe(0);
  });

  test('FXSAVE and FXRSTOR carry registers over', () => {
    const { m } = run(
      'fninit\nfldpi\npcmpeqd xmm5, xmm5\nfxsave [0x20000]\nfninit\npxor xmm5, xmm5\nfxrstor [0x20000]',
      0,
    );
    expect(m.cpu.view.getUint8(FPU_TAGS)).toBe(0x80);
    expect(m.cpu.view.getUint32(XMM + 5 * 16 + 12, true)).toBe(0xffffffff);
    expect(m.memory.getUint16(DATA + 40, true)).toBe(0x4000);
  });

  test('is in snapshots', () => {
    const { m } = run('fninit\nfldpi\npcmpeqd xmm5, xmm5', 0);
    const other = new TestMachine();
    other.cpu.load(m.cpu.save());
    expect(other.cpu.view.getUint8(FPU_TAGS)).toBe(0x80);
    expect(other.cpu.view.getUint32(XMM + 5 * 16, true)).toBe(0xffffffff);
  });

  test('FNSTENV keeps where the last instruction was and what it addressed', () => {
    const { m } = run('fninit\nfild dword [0x20100]\nfnstenv [0x20000]', 0);
    expect(m.memory.getUint32(DATA + 12, true)).toBe(CODE + 2);
    expect(m.memory.getUint32(DATA + 16, true)).toBe(0x0305_0008);
    expect(m.memory.getUint32(DATA + 20, true)).toBe(0x20100);
  });
});
