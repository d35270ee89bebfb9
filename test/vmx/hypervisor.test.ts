// A hypervisor written in x86 code, without the doorway: it launches its guest, handles its exits and resumes it with the
// processor's own instructions (SDM Vol. 3C "Virtual-Machine Monitor Programming Considerations").
import { describe, expect, test } from 'vitest';
import * as F from '../../src/cpu/vmcs-fields.ts';
import { VmxMachine } from './machine.ts';

const HANDLER = 0x15000;
const START = 0x14000;
const EXITS = 0x100100;

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
