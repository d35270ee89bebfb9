// The processor models agree with themselves: what CPUID announces, the instructions that execute, the MSRs that can be read,
// the bits of CR4, EFER and EFLAGS that can be set (SDM Vol. 2 "CPUID—CPU Identification").
import { describe, expect, test } from 'vitest';
import { type CpuidRegister, FEATURES, type FeatureName } from '../../src/isa/cpu-features.ts';
import { CPU_MODELS, type CpuModel, findCpuModel, legalBits, msrsOf } from '../../src/isa/cpu-models.ts';
import { fallbackOf } from '../../src/isa/decode-tree.ts';
import { FORMS, type Form } from '../../src/isa/forms.ts';
import { MSRS } from '../../src/isa/msrs.ts';
import { exampleBytes } from './example-bytes.ts';
import { LongMachine } from './long-machine.ts';
import { CODE, TestMachine } from './machine.ts';

const UD = 6;
const GP = 13;
const CR4_PCIDE = 0x2_0000;
/** CR4 and EFER with everything on that instructions of a feature may ask for, whatever the model allows. */
const CR4_ENABLED = 0x5_0600;

const CR0_NE = 0x20;

const models = CPU_MODELS.map((model): [string, CpuModel] => [model.name, model]);

function cpuid(machine: TestMachine, leaf: number, subleaf: number): Record<CpuidRegister, number> {
  machine.cpu.eip = CODE;
  machine.program(`mov eax, ${leaf}\nmov ecx, ${subleaf}\ncpuid`);
  machine.run(3);
  const { cpu } = machine;
  return { eax: cpu.reg(0), ebx: cpu.reg(3), ecx: cpu.reg(1), edx: cpu.reg(2) };
}

/** Vector that an instruction raises, undefined for none. */
function vectorOf(machine: TestMachine | LongMachine, bytes: readonly number[]): number | undefined {
  machine.cpu.cr4 = (machine instanceof LongMachine ? 0x20 : 0) | CR4_ENABLED;
  machine.cpu.cr0 |= CR0_NE; // x87 errors do not stop the processor
  machine.ring(0);
  machine.cpu.ram.set(bytes, CODE);
  machine.cpu.notePhysicalWrite(CODE, bytes.length);
  const before = machine.cpu.counters().vectors;
  machine.run(1);
  const after = machine.cpu.counters().vectors;
  return Object.keys(after)
    .map(Number)
    .find((vector) => after[vector] !== before[vector]);
}

/** Instructions that are #UD in the state of the test even where they exist. */
const UNDEFINED_ANYWAY = new Set(['vmx', 'ept', 'vpid', 'smm']);

/** Has the model the form, or an older meaning of its encoding? */
function isLegal(model: CpuModel, form: Form): boolean {
  if (form.cpuid === undefined || model.features.has(form.cpuid)) return true;
  const fallback = fallbackOf(form);
  return fallback !== 0 && isLegal(model, FORMS[fallback - 1]!);
}

const gated = FORMS.filter((form) => form.cpuid !== undefined && form.op !== 'ud');

describe.each(models)('%s', (_, model) => {
  const has = (name: FeatureName) => model.features.has(name);

  test.runIf(model.features.has('cpuid'))('CPUID announces the features it has and no other', () => {
    const machine = new TestMachine(model);
    for (const { name, cpuid: place } of FEATURES) {
      if (place === undefined) continue;
      const { leaf, register, bit, subleaf = 0 } = place;
      const exists = leaf >= 0x8000_0000 ? leaf <= model.highestExtendedLeaf : leaf <= model.highestLeaf;
      const answer = exists ? cpuid(machine, leaf, subleaf)[register] : 0;
      // SYSCALL is announced in 64-bit code only
      expect((answer >>> bit) & 1, name).toBe(has(name) && name !== 'syscall' ? 1 : 0);
    }
  });

  test.runIf(model.features.has('cpuid'))(
    'CPUID tells the highest leaves, and the signature that RESET leaves in EDX',
    () => {
      const machine = new TestMachine(model);
      expect(machine.cpu.reg(2)).toBe(model.signature);
      expect(cpuid(machine, 0, 0).eax).toBe(model.highestLeaf);
      expect(cpuid(machine, 1, 0).eax).toBe(model.signature);
      // without extended leaves they read as the highest basic one
      const basic = cpuid(machine, model.highestLeaf, 0);
      const extended = cpuid(machine, 0x8000_0000, 0);
      if (model.highestExtendedLeaf === 0) expect(extended).toEqual(basic);
      else expect(extended.eax).toBe(model.highestExtendedLeaf);
    },
  );

  test('instructions of features it lacks are undefined, the others execute, in 32-bit code', () => {
    const machine = new TestMachine(model);
    for (const form of gated.filter(({ modes }) => modes !== '64')) {
      const vector = vectorOf(machine, exampleBytes(form, 32));
      if (!isLegal(model, form)) expect(vector, `${form.enc} ${form.mnemonic}`).toBe(UD);
      else if (!UNDEFINED_ANYWAY.has(form.cpuid!) && form.op !== 'sysret')
        expect(vector, `${form.enc} ${form.mnemonic}`).not.toBe(UD);
    }
  });

  test.runIf(model.features.has('lm'))('and in 64-bit code', () => {
    const machine = new LongMachine(model);
    for (const form of gated.filter(({ modes }) => modes !== 'legacy')) {
      const vector = vectorOf(machine, exampleBytes(form, 64));
      if (!isLegal(model, form)) expect(vector, `${form.enc} ${form.mnemonic}`).toBe(UD);
      else if (!UNDEFINED_ANYWAY.has(form.cpuid!)) expect(vector, `${form.enc} ${form.mnemonic}`).not.toBe(UD);
      if (form.cpuid64 === undefined) continue;
      const wide = vectorOf(machine, exampleBytes(form, 64, true));
      expect(wide, `${form.mnemonic} with REX.W`).toBe(has(form.cpuid64) ? undefined : UD);
    }
  });

  test('RDMSR reads the MSRs it has and faults for all others', () => {
    const machine = new TestMachine(model);
    const read = (number: number) => {
      machine.cpu.setReg(1, number);
      return vectorOf(machine, [0x0f, 0x32]);
    };
    if (!has('msr')) {
      expect(read(0x10)).toBe(UD);
      return;
    }
    const existing = msrsOf(model);
    const numbers = MSRS.flatMap(({ first, last }) => [first - 1, first, last, last + 1]);
    for (const number of new Set([...numbers, 0x2, 0x186, 0x3fff, 0x4000_0000, 0xc000_0105, 0xc001_0015])) {
      const row = existing.find(({ first, last }) => number >= first && number <= last);
      // those of x2APIC mode fault outside it
      const isReadable = row !== undefined && !row.writeOnly && !row.features.includes('x2apic');
      const expected = isReadable ? undefined : GP;
      expect(read(number), `MSR 0x${number.toString(16)}`).toBe(expected);
    }
  });

  test('CR4 takes the bits of its features', () => {
    const machine = new TestMachine(model);
    const legal = legalBits(model, 'cr4');
    for (let bit = 0; bit < 32; bit++) {
      machine.cpu.setReg(0, (1 << bit) >>> 0);
      const vector = vectorOf(machine, [0x0f, 0x22, 0xe0]);
      // PCIDs are for IA-32e mode (SDM Vol. 3A "Process-Context Identifiers (PCIDs)")
      const isLegal = ((legal & ~CR4_PCIDE) >>> bit) & 1;
      const expected = legal === 0 ? UD : isLegal ? undefined : GP;
      expect(vector, `bit ${bit}`).toBe(expected);
    }
  });

  test.runIf(model.features.has('nx'))('EFER takes the bits of its features', () => {
    const machine = new TestMachine(model);
    for (let bit = 0; bit < 32; bit++) {
      machine.cpu.setReg(0, (1 << bit) >>> 0);
      machine.cpu.setReg(1, 0xc000_0080);
      machine.cpu.setReg(2, 0);
      const legal = legalBits(model, 'efer') | 0x400; // writes to LMA are ignored
      expect(vectorOf(machine, [0x0f, 0x30]), `bit ${bit}`).toBe((legal >>> bit) & 1 ? undefined : GP);
    }
  });

  test('EFLAGS.ID can be toggled where there is CPUID, AC everywhere', () => {
    const machine = new TestMachine(model);
    machine.program('push dword 0x240002\npopfd\npushfd\npop eax');
    machine.run(4);
    expect(machine.cpu.reg(0)).toBe(has('cpuid') ? 0x24_0002 : 0x4_0002);
  });
});

describe('encodings that meant something before', () => {
  test('F3 0F BC is BSF without TZCNT, F3 0F BD is BSR without LZCNT', () => {
    const results = ['p6', 'max'].map((name) => {
      const machine = new TestMachine(findCpuModel(name as 'p6' | 'max'));
      machine.cpu.setReg(1, 0x10);
      vectorOf(machine, [0xf3, 0x0f, 0xbd, 0xc1]);
      return machine.cpu.reg(0);
    });
    expect(results).toEqual([4, 27]);
  });

  test('the hints 0F 18 are NOPs on a P6 and undefined before', () => {
    expect(vectorOf(new TestMachine(findCpuModel('p6')), [0x0f, 0x18, 0x00])).toBeUndefined();
    expect(vectorOf(new TestMachine(findCpuModel('pentium')), [0x0f, 0x18, 0x00])).toBe(UD);
  });
});
