// The local APIC through MSRs (SDM Vol. 3A "Extended XAPIC (x2APIC)": "x2APIC State Transitions", "x2APIC Register Address
// Space", "x2APIC Mode and INIT"; "TSC-Deadline Mode").
import { describe, expect, it } from 'vitest';
import { findCpuModel } from '../../src/cpu/cpu.ts';
import { assembleProgram } from '../../src/isa/assemble.ts';
import { DATA, END, SmpMachine } from './machine.ts';

const FAULTS = DATA + 0x40;
const TAKEN = DATA + 0x44;
const TSC = 0x10;
const APIC_BASE = 0x1b;
const TSC_DEADLINE = 0x6e0;

const write = (msr: number, low: number, high = 0): string =>
  `mov ecx, ${msr}\n mov eax, ${low >>> 0}\n mov edx, ${high >>> 0}\n wrmsr\n`;
const read = (msr: number, to: number): string =>
  `mov ecx, ${msr}\n rdmsr\n mov [${DATA + to}], eax\n mov [${DATA + to + 4}], edx\n`;
/** IA32_APIC_BASE of the first processor in a mode. */
const DISABLED = write(APIC_BASE, 0xfee00100);
const XAPIC = write(APIC_BASE, 0xfee00900);
const X2APIC = write(APIC_BASE, 0xfee00d00);
const INVALID = write(APIC_BASE, 0xfee00500);
const ENABLE = write(0x80f, 0x1ff);

// #GP comes from RDMSR and WRMSR only, which are two bytes long
const HANDLERS = `
protection:
  inc dword ptr [${FAULTS}]
  add dword ptr [esp + 4], 2
  add esp, 4
  iretd
interrupt:
  push eax
  push ecx
  push edx
  inc dword ptr [${TAKEN}]
  ${write(0x80b, 0)}
  pop edx
  pop ecx
  pop eax
  iretd`;

function machine(code: string, processors = 1, others = '', model: 'max' | 'core2' = 'max'): SmpMachine {
  const m = new SmpMachine(processors, findCpuModel(model));
  m.program(`cpu0:\n ${code}\n ${END}\n ${others}\n ${HANDLERS}`);
  m.gate(13, 'protection');
  m.gate(0x41, 'interrupt');
  m.startAll();
  return m;
}

function ended(code: string, model: 'max' | 'core2' = 'max'): SmpMachine {
  const m = machine(code, 1, '', model);
  expect(m.run()).toEqual({ reason: 'debug-exit', status: 1 });
  return m;
}

describe('IA32_APIC_BASE', () => {
  it.each([
    ['xAPIC to x2APIC', X2APIC, 0],
    ['xAPIC to the invalid state', INVALID, 1],
    ['x2APIC to xAPIC', X2APIC + XAPIC, 1],
    ['x2APIC to the invalid state', X2APIC + INVALID, 1],
    ['x2APIC to disabled', X2APIC + DISABLED, 0],
    ['disabled to x2APIC', DISABLED + X2APIC, 1],
    ['disabled to the invalid state', DISABLED + INVALID, 1],
    ['disabled to xAPIC', DISABLED + XAPIC, 0],
  ])('%s', (_name, code, faults) => {
    expect(ended(code).word(FAULTS)).toBe(faults);
  });

  it('has no such mode on an older processor', () => {
    expect(ended(`${X2APIC} ${read(0x802, 0)}`, 'core2').word(FAULTS)).toBe(2);
  });
});

describe('x2APIC mode', () => {
  it('its MSRs are there in this mode only, and no others', () => {
    const every = `
      mov esi, 0x800
    all:
      mov ecx, esi
      rdmsr
      inc esi
      cmp esi, 0x900
      jne all\n`;
    // can be read: 802, 803, 808, 80A, 80D, 80F-828, 830, 832-839, 83E
    const readable = 2 + 1 + 1 + 1 + 26 + 1 + 8 + 1;
    expect(ended(every).word(FAULTS)).toBe(256);
    expect(ended(X2APIC + every).word(FAULTS)).toBe(256 - readable);
  });

  it('reserved bits and read-only registers are #GP', () => {
    const m = ended(`${X2APIC} ${write(0x808, 0x1ff)} ${write(0x808, 0, 1)} ${write(0x802, 0)} ${write(0x80b, 1)}
      ${write(0x80e, 0)} ${write(0x831, 0)} ${write(0x808, 0x20)} ${read(0x808, 0)} ${read(0x80a, 8)}`);
    expect([m.word(FAULTS), m.word(DATA), m.word(DATA + 8)]).toEqual([6, 0x20, 0x20]);
  });

  it('nothing answers at the address of xAPIC mode', () => {
    const m = ended(`${X2APIC} mov dword ptr [0xfee00080], 0x30\n mov eax, [0xfee00030]\n mov [${DATA}], eax\n
      ${read(0x808, 8)}`);
    expect([m.word(DATA), m.word(DATA + 8)]).toEqual([0xffffffff, 0]);
  });

  it('an interrupt to itself is taken behind the WRMSR', () => {
    const m = ended(`${X2APIC} ${ENABLE} sti\n ${write(0x83f, 0x41)} mov eax, [${TAKEN}]\n mov [${DATA}], eax`);
    expect(m.word(DATA)).toBe(1);
  });

  it.each([1, 7, 1000])('interrupts another processor by its 32-bit ID, in pieces of %i', (piece) => {
    const other = `cpu1:\n ${write(APIC_BASE, 0xfee00c00)} ${ENABLE} ${read(0x802, 0x10)} ${read(0x80d, 0x18)}
      sti\n mov dword ptr [${DATA + 0x20}], 1\nsleep:\n hlt\n jmp sleep`;
    const m = machine(
      `${X2APIC} ${ENABLE}
      ready:\n pause\n cmp dword ptr [${DATA + 0x20}], 1\n jne ready
      ${write(0x830, 0x4041, 1)}
      taken:\n pause\n cmp dword ptr [${TAKEN}], 1\n jne taken
      ${write(0x830, 0x4841, 2)}
      again:\n pause\n cmp dword ptr [${TAKEN}], 2\n jne again`,
      2,
      other,
    );
    expect(m.runInPieces(piece)).toEqual({ reason: 'debug-exit', status: 1 });
    expect([m.word(DATA + 0x10), m.word(DATA + 0x18)]).toEqual([1, 2]);
  });

  it('CR8 is the task priority (SDM Vol. 3A "Interaction of Task Priorities between CR8 and APIC")', () => {
    const [gdt, tables, long] = [0x5000, 0x6000, 0x11000];
    const m = machine(`${X2APIC} ${write(0x808, 0x7f)}
      lgdt [table]\n mov eax, ${tables}\n mov cr3, eax\n mov eax, 0x20\n mov cr4, eax\n ${write(0xc0000080, 0x100)}
      mov eax, cr0\n or eax, 0x80000000\n mov cr0, eax\n push 8\n push ${long}\n retf
      table:\n dw 15\n dd ${gdt}`);
    const quads: [number, bigint][] = [
      [gdt + 8, 0x00af9b00_0000ffffn],
      [tables, 0x7003n],
      [0x7000, 0x8003n],
      [0x8000, 0x83n],
    ];
    for (const [at, value] of quads) m.memory.setBigUint64(at, value, true);
    const text = `mov rax, cr8\n mov [${DATA}], eax\n mov eax, 9\n mov cr8, rax\n ${read(0x808, 8)} ${END}`;
    m.machine.cpu.ram.set(assembleProgram(text, { origin: long, mode: 64 }).bytes, long);
    expect(m.run()).toEqual({ reason: 'debug-exit', status: 1 });
    expect([m.word(DATA), m.word(DATA + 8)]).toEqual([7, 0x90]);
  });

  it('is still the mode after an INIT', () => {
    const other = `cpu1:\n ${write(APIC_BASE, 0xfee00c00)} ${write(0x808, 0x50)} mov dword ptr [${DATA + 0x20}], 1\n jmp $`;
    const m = machine(
      `${X2APIC} ready:\n pause\n cmp dword ptr [${DATA + 0x20}], 1\n jne ready
      ${write(0x830, 0x4500, 1)}\n mov ecx, 3000\nwait:\n pause\n loop wait`,
      2,
      other,
    );
    expect(m.run()).toEqual({ reason: 'debug-exit', status: 1 });
    const lapic = m.machine.platform.lapics[1]!;
    expect([lapic.read(0x20, 4), lapic.read(0xd0, 4), lapic.read(0x80, 4)]).toEqual([1, 2, 0]);
  });
});

describe('IA32_TSC_DEADLINE', () => {
  const MODE = write(0x832, 0x40041);
  /** Writes the present time plus `ahead`. */
  const arm = (ahead: number): string => `rdtsc\n add eax, ${ahead}\n adc edx, 0\n mov ecx, ${TSC_DEADLINE}\n wrmsr\n`;
  const waits = (count: number): string => `mov ecx, ${count}\ndelay${count}:\n loop delay${count}\n`;

  it('reads 0 and is deaf outside its mode', () => {
    const m = ended(`${X2APIC} ${ENABLE} ${arm(100_000)} ${read(TSC_DEADLINE, 0)}`);
    expect([m.word(DATA), m.word(FAULTS)]).toEqual([0, 0]);
  });

  it.each([1, 13, 100_000])('interrupts when the time-stamp counter reaches it, in pieces of %i', (piece) => {
    const m = machine(`${X2APIC} ${ENABLE} ${MODE} sti\n ${arm(20_000)} mov ebx, eax\n ${read(TSC_DEADLINE, 0)}
      sleep:\n hlt\n rdtsc\n sub eax, ebx\n mov [${DATA + 8}], eax\n ${read(TSC_DEADLINE, 16)}`);
    expect(m.runInPieces(piece)).toEqual({ reason: 'debug-exit', status: 1 });
    expect(m.word(DATA)).not.toBe(0);
    expect([m.word(TAKEN), m.word(DATA + 16)]).toEqual([1, 0]);
    // what the handler took
    expect(m.word(DATA + 8)).toBeLessThan(5000);
  });

  it('interrupts at once for a time that is past', () => {
    const m = ended(`${X2APIC} ${ENABLE} ${MODE} sti\n ${arm(0)} mov eax, [${TAKEN}]\n mov [${DATA}], eax
      ${read(TSC_DEADLINE, 8)}`);
    expect([m.word(DATA), m.word(DATA + 8)]).toEqual([1, 0]);
  });

  it('follows the counter when software moves it', () => {
    const m = ended(`${X2APIC} ${ENABLE} ${MODE} sti\n ${write(TSC, 0)} ${write(TSC_DEADLINE, 0, 1)} ${waits(3000)}
      mov eax, [${TAKEN}]\n mov [${DATA}], eax\n ${write(TSC, 0xfffff000)} ${waits(5000)}`);
    expect([m.word(DATA), m.word(TAKEN)]).toEqual([0, 1]);
  });

  it('is disarmed by 0', () => {
    const m = ended(`${X2APIC} ${ENABLE} ${MODE} sti\n ${arm(500)} ${write(TSC_DEADLINE, 0)} ${waits(2000)}`);
    expect(m.word(TAKEN)).toBe(0);
  });

  it('goes on in a saved machine', () => {
    const code = `${X2APIC} ${ENABLE} ${MODE} sti\n ${arm(20_000)}\nsleep:\n hlt\n ${read(TSC_DEADLINE, 16)}`;
    const first = machine(code);
    expect(first.run(30).reason).toBe('limit');
    const second = new SmpMachine(1);
    second.machine.load(first.machine.save());
    for (const m of [first, second]) expect(m.run()).toEqual({ reason: 'debug-exit', status: 1 });
    expect([second.word(TAKEN), second.counts()]).toEqual([1, first.counts()]);
  });
});
