// Control registers, MSRs, CPUID, ports, descriptor tables. Expected values: SDM Vol. 3A "Control Registers", "Privileged
// Instructions", Vol. 1 "I/O Permission Bit Map", Vol. 2 of each instruction.
import { describe, expect, test } from 'vitest';
import { TR } from '../../asm/layout.ts';
import { BITMAP, CODE, DATA, DATA_SELECTORS, FREE, GDT, TestMachine, TSS, TSS_SELECTOR } from './machine.ts';

const STOP = '\nint 0x30';

/** Runs to INT 30h in ring 0 and gives EAX. */
const eax = (text: string, prepare: (m: TestMachine) => void = () => {}) => {
  const m = new TestMachine();
  prepare(m);
  expect(m.deliver(text + STOP).vector).toBe(0x30);
  return m.cpu.reg(0);
};

describe('privilege', () => {
  test.each([
    'hlt',
    'cli',
    'sti',
    'clts',
    'invd',
    'wbinvd',
    'invlpg [0]',
    'mov eax, cr0',
    'mov cr3, eax',
    'mov eax, cr4',
    'lgdt [0x20000]',
    'lidt [0x20000]',
    'lldt ax',
    'ltr ax',
    'lmsw ax',
    'rdmsr',
    'wrmsr',
    'rdpmc',
  ])('%s at CPL 3 is #GP(0)', (text) => {
    const m = new TestMachine();
    m.ring(3);
    expect(m.deliver(text)).toMatchObject({ vector: 13, error: 0, eip: CODE });
  });

  test.each(['monitor', 'mwait'])('%s at CPL 3 is #UD', (text) => {
    const m = new TestMachine();
    m.ring(3);
    expect(m.deliver(text)).toMatchObject({ vector: 6 });
  });

  test.each(['sgdt [0x20000]', 'sidt [0x20000]', 'sldt ax', 'str ax', 'smsw ax'])(
    '%s works at CPL 3 until CR4.UMIP is set',
    (text) => {
      const m = new TestMachine();
      m.ring(3);
      expect(m.deliver(`${text}\nud2`).vector).toBe(6);
      m.cpu.cr4 = 0x800;
      m.ring(3);
      expect(m.deliver(`${text}\nud2`)).toMatchObject({ vector: 13, error: 0 });
    },
  );
});

describe('control registers', () => {
  test.each([
    ['PG without PE', 'mov eax, 0x80000010\nbad: mov cr0, eax'],
    ['NW without CD', 'mov eax, 0x20000011\nbad: mov cr0, eax'],
    ['a reserved bit of CR4', 'mov eax, 0x40000000\nbad: mov cr4, eax'],
    ['a feature of CR4 that CPUID does not report', 'mov eax, 0x4000\nbad: mov cr4, eax'],
  ])('%s is #GP(0)', (_, text) => {
    const m = new TestMachine();
    expect(m.deliver(text)).toMatchObject({ vector: 13, error: 0, eip: m.label('bad') });
  });

  test('control registers that do not exist are #UD', () => {
    const m = new TestMachine();
    expect(m.deliver('db 0x0f, 0x20, 0xc8')).toMatchObject({ vector: 6 });
  });

  test('ET stays 1, unknown bits of CR0 stay 0', () => {
    expect(eax('mov eax, 0x1fd1\nmov cr0, eax\nmov eax, cr0')).toBe(0x11);
  });

  test('reserved bits in a PDPTE are #GP(0) when paging starts, and CR0 stays', () => {
    const m = new TestMachine();
    m.memory.setUint32(DATA, DATA + 0x1000 + 0x1e1, true);
    const got = m.deliver(
      `mov eax, ${DATA}\nmov cr3, eax\nmov eax, 0x20\nmov cr4, eax\nmov eax, 0x80000011\nbad: mov cr0, eax`,
    );
    expect(got).toMatchObject({ vector: 13, error: 0, eip: m.label('bad') });
    expect(m.cpu.cr0 >>> 0).toBe(0x11);
  });

  test('LMSW sets PE MP EM TS and cannot clear PE; CLTS clears TS', () => {
    expect(eax('mov eax, 0xe\nlmsw ax\nmov eax, cr0')).toBe(0x1f);
    expect(eax('mov eax, 9\nlmsw ax\nclts\nsmsw eax')).toBe(0x11);
  });
});

describe('MSRs', () => {
  test('unknown MSRs are #GP(0)', () => {
    const m = new TestMachine();
    expect(m.deliver('mov ecx, 0x12345\nbad: rdmsr')).toMatchObject({ vector: 13, error: 0, eip: m.label('bad') });
  });
  test('SYSENTER MSRs, PAT and TSC_AUX read back', () => {
    for (const msr of ['0x174', '0x175', '0x176', '0xc0000103']) {
      expect(eax(`mov ecx, ${msr}\nmov eax, 0x1238\nxor edx, edx\nwrmsr\nxor eax, eax\nrdmsr`)).toBe(0x1238);
    }
    expect(eax('mov ecx, 0x277\nrdmsr')).toBe(0x00070406);
  });
  test('reserved memory types in PAT and reserved bits in APIC_BASE are #GP(0)', () => {
    const m = new TestMachine();
    expect(m.deliver('mov ecx, 0x277\nmov eax, 2\nxor edx, edx\nwrmsr')).toMatchObject({ vector: 13, error: 0 });
    m.ring(0);
    expect(m.deliver('mov ecx, 0x1b\nmov eax, 1\nxor edx, edx\nwrmsr')).toMatchObject({ vector: 13, error: 0 });
  });
  test('a write of the TSC is what RDTSC goes on from', () => {
    const value = eax('mov ecx, 0x10\nmov eax, 1000000\nxor edx, edx\nwrmsr\nrdtsc');
    expect(value).toBeGreaterThanOrEqual(1000000);
    expect(value).toBeLessThan(1001000);
  });
  test('EFER takes SCE, LME and NXE; reserved bits are #GP(0)', () => {
    expect(eax('mov ecx, 0xc0000080\nmov eax, 0x901\nxor edx, edx\nwrmsr\nrdmsr')).toBe(0x901);
    const m = new TestMachine();
    expect(m.deliver('mov ecx, 0xc0000080\nmov eax, 0x2000\nxor edx, edx\nwrmsr')).toMatchObject({ vector: 13 });
  });
});

describe('CPUID', () => {
  test('leaf 0 names GenuineIntel', () => {
    const m = new TestMachine();
    m.deliver(`xor eax, eax\ncpuid${STOP}`);
    const name = new Uint8Array(new Uint32Array([m.cpu.reg(3), m.cpu.reg(2), m.cpu.reg(1)]).buffer);
    expect(new TextDecoder().decode(name)).toBe('GenuineIntel');
  });
  test('leaf 1 has FPU, VME, MMX and SSE, and leaf 0x80000001 long mode', () => {
    const m = new TestMachine();
    m.deliver(`mov eax, 1\ncpuid${STOP}`);
    expect(m.cpu.reg(2) & 0x0780a97b).toBe(0x0780a97b);
    // SSE3, PCLMULQDQ, SSSE3, SSE4.1, SSE4.2, AES; no FMA, no AVX
    expect(m.cpu.reg(1) & 0x12181203).toBe(0x02180203);
    m.ring(0);
    m.deliver(`mov eax, 0x80000001\ncpuid${STOP}`);
    expect(m.cpu.reg(2) & 0x20000800).toBe(0x20000000);
  });
  test('IA32_MISC_ENABLE switches MONITOR, NX and the leaves above 3', () => {
    const change = (text: string, leaf: number) => {
      const m = new TestMachine();
      m.deliver(`mov ecx, 0x1a0\nrdmsr\n${text}\nwrmsr\nmov eax, ${leaf}\ncpuid${STOP}`);
      return m;
    };
    expect(change('btr eax, 18', 1).cpu.reg(1) & 8).toBe(0);
    expect(change('bts edx, 2', 0x80000001).cpu.reg(2) & 0x100000).toBe(0);
    expect(change('bts eax, 22', 0).cpu.reg(0)).toBe(3);
    const m = new TestMachine();
    expect(m.deliver('mov ecx, 0x1a0\nrdmsr\nbtr eax, 18\nwrmsr\nbad: monitor')).toMatchObject({ vector: 6 });
  });
  test('the APIC bit follows IA32_APIC_BASE', () => {
    const m = new TestMachine();
    m.deliver(`mov ecx, 0x1b\nrdmsr\nbtr eax, 11\nwrmsr\nmov eax, 1\ncpuid${STOP}`);
    expect(m.cpu.reg(2) & 0x200).toBe(0);
  });
});

describe('time', () => {
  test('RDTSC at CPL 3 needs CR4.TSD clear', () => {
    const m = new TestMachine();
    m.ring(3);
    expect(m.deliver('rdtsc\nud2').vector).toBe(6);
    m.cpu.cr4 = 4;
    m.ring(3);
    expect(m.deliver('rdtsc\nud2')).toMatchObject({ vector: 13, error: 0 });
  });
  test('the TSC counts modelled cycles', () => {
    const m = new TestMachine();
    m.deliver(`rdtsc\nmov ebx, eax\nrdtsc\nsub eax, ebx${STOP}`);
    expect(m.cpu.reg(0)).toBeGreaterThan(0);
  });
});

describe('ports', () => {
  const user = (iopl: number, text: string, prepare: (m: TestMachine) => void = () => {}) => {
    const m = new TestMachine();
    m.ring(3, 2 | (iopl << 12));
    prepare(m);
    return { got: m.deliver(`${text}\nud2`), m };
  };

  test('IOPL at or above CPL allows every port', () => {
    const { got, m } = user(3, 'mov dx, 0x3f8\nmov al, 0x41\nout dx, al\nin al, 0x60');
    expect(got.vector).toBe(6);
    expect(m.ports).toEqual([
      { port: 0x3f8, size: 1, value: 0x41 },
      { port: 0x60, size: 1 },
    ]);
  });

  test('otherwise the bit map decides, for every byte of the access', () => {
    const allow = (m: TestMachine) => m.memory.setUint8(TSS + BITMAP + 0x0c, 0xf9); // ports 0x61 and 0x62
    expect(user(0, 'in al, 0x61', allow).got.vector).toBe(6);
    expect(user(0, 'in ax, 0x61', allow).got.vector).toBe(6);
    expect(user(0, 'in ax, 0x62', allow).got).toMatchObject({ vector: 13, error: 0, eip: CODE });
    expect(user(0, 'in al, 0x60', allow).got).toMatchObject({ vector: 13, error: 0 });
  });

  test('a bit map that ends before the port, a 16-bit TSS and a short TSS deny', () => {
    const open = (m: TestMachine) => {
      for (let at = BITMAP; at < 0x100; at++) m.memory.setUint8(TSS + at, 0);
    };
    const tss = (rights: number, limit: number) => (m: TestMachine) => {
      open(m);
      if (rights === 0x83) {
        // SP0 and SS0 of a 16-bit TSS
        m.memory.setUint16(TSS + 2, 0x7000, true);
        m.memory.setUint16(TSS + 4, DATA_SELECTORS[0], true);
      }
      m.cpu.setSegment(TR, { selector: TSS_SELECTOR, rights, base: TSS, limit });
    };
    expect(user(0, 'in al, 0x60', tss(0x8b, BITMAP + 0x0d)).got.vector).toBe(6);
    expect(user(0, 'in al, 0x60', tss(0x8b, BITMAP + 0x0c)).got.vector).toBe(13);
    expect(user(0, 'in al, 0x60', tss(0x83, 0xffff)).got.vector).toBe(13);
    expect(user(0, 'in al, 0x60', tss(0x8b, 0x66)).got.vector).toBe(13);
  });

  test('REP OUTSB and REP INSB move their strings', () => {
    const m = new TestMachine();
    m.memory.setUint32(DATA, 0x44434241, true);
    m.portValue = 0x5a;
    m.deliver(
      `cld\nmov dx, 0x80\nmov esi, ${DATA}\nmov ecx, 4\nrep outsb\nmov edi, ${DATA + 8}\nmov ecx, 2\nrep insb${STOP}`,
    );
    expect(m.ports.slice(0, 4).map((p) => p.value)).toEqual([0x41, 0x42, 0x43, 0x44]);
    expect(m.memory.getUint32(DATA + 8, true)).toBe(0x5a5a);
    expect([m.cpu.reg(1), m.cpu.reg(6), m.cpu.reg(7)]).toEqual([0, DATA + 4, DATA + 10]);
  });

  test('INSB does not read the device when its destination cannot be written', () => {
    const m = new TestMachine();
    m.descriptor(FREE, { type: 0x11, base: DATA, limit: 0xff });
    expect(m.deliver(`mov ax, ${FREE}\nmov es, ax\nxor edi, edi\ninsb`)).toMatchObject({ vector: 13, error: 0 });
    expect(m.ports).toEqual([]);
  });
});

describe('descriptor tables', () => {
  test('LGDT with a 16-bit operand loads 24 bits of base', () => {
    const m = new TestMachine();
    m.memory.setUint16(DATA, 0x1ff, true);
    m.memory.setUint32(DATA + 2, 0xff000000 | GDT, true);
    m.deliver(`o16 lgdt [${DATA}]\nsgdt [${DATA + 8}]${STOP}`);
    expect(m.cpu.gdtr).toMatchObject({ base: GDT, limit: 0x1ff });
    expect(m.memory.getUint32(DATA + 10, true)).toBe(GDT);
  });

  test('LTR marks the TSS busy, a busy one is #GP(selector)', () => {
    const m = new TestMachine();
    m.descriptor(FREE, { type: 9, base: TSS, limit: 0x67, big: false });
    m.deliver(`mov ax, ${FREE}\nltr ax\nstr ebx${STOP}`);
    expect(m.cpu.reg(3)).toBe(FREE);
    expect(m.accessByte(FREE)).toBe(0x8b);
    m.ring(0);
    expect(m.deliver(`mov ax, ${FREE}\nltr ax`)).toMatchObject({ vector: 13, error: FREE });
  });

  test.each([
    ['LTR null', 'ltr', 0, { type: 9 }, 13, 0],
    ['LTR of an LDT selector', 'ltr', 0x0c, { type: 9 }, 13, 0x0c],
    ['LTR not present', 'ltr', FREE, { type: 9, present: false }, 11, FREE],
    ['LLDT of a TSS', 'lldt', FREE, { type: 9 }, 13, FREE],
    ['LLDT not present', 'lldt', FREE, { type: 2, present: false }, 11, FREE],
  ])('%s faults', (_, mnemonic, selector, descriptor, vector, error) => {
    const m = new TestMachine();
    m.descriptor(FREE, descriptor);
    expect(m.deliver(`mov ax, ${selector}\n${mnemonic} ax`)).toMatchObject({ vector, error });
  });

  test('LLDT with a null selector makes LDT selectors #GP', () => {
    const m = new TestMachine();
    m.descriptor(0x0c, { type: 0x13 });
    expect(m.deliver('xor eax, eax\nlldt ax\nmov ax, 0x0c\nmov ds, ax')).toMatchObject({ vector: 13, error: 0x0c });
  });
});
