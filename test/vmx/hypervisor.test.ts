// A hypervisor written in x86 code, without the doorway: it launches its guest, handles its exits and resumes it with the
// processor's own instructions (SDM Vol. 3C "Virtual-Machine Monitor Programming Considerations").
import { describe, expect, test } from 'vitest';
import * as F from '../../src/cpu/vmcs-fields.ts';
import { assembleProgram } from '../../src/isa/assemble.ts';
import { findProfile } from '../../src/vmm/cost/index.ts';
import { bare } from '../../src/vmm/techniques/bare.ts';
import { loadCore } from '../core.ts';
import { bundledGuest } from '../run-guest.ts';
import { VmxMachine } from './machine.ts';

const HANDLER = 0x15000;
const START = 0x14000;
const EXITS = 0x100100;

/** Into VMX operation with an empty VMCS, and a VM entry. */
const LAUNCH = `
  mov eax, 0x210000
  mov cr3, eax
  mov eax, 0x2010
  mov cr4, eax
  mov eax, 0x80000031
  mov cr0, eax
  mov dword [0x202000], 0x616e6901
  mov dword [0x203000], 0x616e6901
  mov dword [0x204000], 0x202000
  mov dword [0x204004], 0
  vmxon [0x204000]
  mov dword [0x204000], 0x203000
  vmclear [0x204000]
  vmptrld [0x204000]
  vmlaunch
  jmp $
`;

const handler = `
  pushad
  inc dword [${EXITS}]
  mov ecx, ${F.F_EXIT_REASON}
  vmread eax, ecx
  cmp eax, ${F.REASON_VMCALL}
  je done
  mov ecx, ${F.F_EXIT_LENGTH}
  vmread ebx, ecx
  mov ecx, ${F.F_GUEST_RIP}
  vmread eax, ecx
  add eax, ebx
  vmwrite ecx, eax
  popad
  vmresume
  int 0x31
done:
  popad
  int 0x30
`;

describe('a hypervisor in x86 code', () => {
  /** A machine about to launch `guest`. */
  const prepare = (guest: string): VmxMachine => {
    const m = VmxMachine.ready();
    m.set(F.F_HOST_RIP, HANDLER);
    m.set(F.F_GUEST_RSP, 0x31000);
    m.program(handler, HANDLER);
    m.program(guest);
    m.program('vmlaunch\nint 0x32', START);
    m.cpu.eip = START;
    return m;
  };
  const finish = (m: VmxMachine): number => m.delivered(m.run(100_000)).vector;

  test('counts the exits of its guest and resumes it behind each', () => {
    const m = prepare('mov edi, 100\nagain: cpuid\ndec edi\njnz again\nvmcall');
    expect(finish(m)).toBe(0x30);
    expect(m.memory.getUint32(EXITS, true)).toBe(101);
    expect(m.cpu.reg(7)).toBe(0);
    expect(m.cpu.counters().vmExits).toMatchObject({ [F.REASON_CPUID]: 100, [F.REASON_VMCALL]: 1 });
  });

  test('is saved and restored in the middle of its guest', () => {
    const guest = 'mov edi, 50\nagain: cpuid\ndec edi\njnz again\nvmcall';
    const whole = prepare(guest);
    finish(whole);
    const cut = prepare(guest);
    cut.run(333);
    const other = new VmxMachine();
    other.cpu.ram.set(cut.cpu.ram);
    other.cpu.load(cut.cpu.save());
    expect(finish(other)).toBe(0x30);
    expect(other.memory.getUint32(EXITS, true)).toBe(51);
    expect(other.cpu.cycles).toBe(whole.cpu.cycles);
    expect(other.cpu.instructions).toBe(whole.cpu.instructions);
  });

  test('a VM entry that fails comes back to the instruction behind it', () => {
    const m = VmxMachine.ready();
    m.set(F.F_PIN_CONTROLS, 0);
    m.program('vmlaunch\nint 0x32', START);
    m.cpu.eip = START;
    expect(m.delivered(m.run()).vector).toBe(0x32);
    expect(m.failed).toBe('pin-reserved');
  });
});

describe('a hypervisor as a guest of the bare machine', () => {
  test('is told which rule its VM entry broke', () => {
    const warnings: string[] = [];
    const vmm = bare.create({
      module: loadCore(),
      memory: 4 << 20,
      profile: findProfile('p4-672'),
      serialOut: () => {},
      warn: (message) => warnings.push(message),
    });
    vmm.start(bundledGuest('hello').file, {});
    const { cpu } = vmm.machine;
    for (let n = 0; n < 1024; n++)
      new DataView(cpu.ram.buffer, cpu.ram.byteOffset).setUint32(0x210000 + n * 4, n * 0x400000 + 0xe7, true);
    const { bytes } = assembleProgram(LAUNCH, { origin: 0x200000, mode: 32 });
    cpu.ram.set(bytes, 0x200000);
    cpu.notePhysicalWrite(0x200000, bytes.length);
    cpu.eip = 0x200000;
    vmm.run({ instructions: 1000 });
    expect(warnings).toEqual([expect.stringMatching(/^VM entry check pin-reserved failed: .*pin-controls = 0x0/)]);
  });
});
