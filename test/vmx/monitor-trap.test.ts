// The monitor trap flag: the instruction boundary at which the exit takes place. Expected values: SDM Vol. 3C "Monitor Trap
// Flag".
import { describe, expect, test } from 'vitest';
import * as F from '../../src/cpu/vmcs-fields.ts';
import { CODE } from '../system/machine.ts';
import { VmxMachine } from './machine.ts';

const IF = 0x200;
const HANDLER = 0x14000;

describe('monitor trap flag', () => {
  const trapped = (vector: number): VmxMachine => {
    const m = VmxMachine.ready();
    m.gate(vector, { type: 14, selector: 8, offset: HANDLER });
    m.program('nop\nnop', HANDLER);
    m.enable(F.F_PRIMARY_CONTROLS, F.CPU_MONITOR_TRAP);
    return m;
  };
  const atHandler = { reason: F.REASON_MONITOR_TRAP, rip: HANDLER };

  test('after each instruction', () => {
    const m = VmxMachine.ready();
    m.enable(F.F_PRIMARY_CONTROLS, F.CPU_MONITOR_TRAP);
    m.program('nop\none: inc eax\ntwo: nop');
    expect(m.exitOf(m.go())).toMatchObject({ reason: F.REASON_MONITOR_TRAP, rip: m.label('one') });
    expect(m.exitOf(m.go())).toMatchObject({ reason: F.REASON_MONITOR_TRAP, rip: m.label('two') });
  });

  test('before the single-step trap of the same instruction, which stays pending', () => {
    const m = VmxMachine.ready();
    m.enable(F.F_PRIMARY_CONTROLS, F.CPU_MONITOR_TRAP);
    m.set(F.F_GUEST_RFLAGS, 0x102);
    m.program('nop\none: nop');
    expect(m.exitOf(m.go())).toMatchObject({ reason: F.REASON_MONITOR_TRAP, rip: m.label('one') });
    expect(m.field(F.F_GUEST_PENDING_DEBUG)).toBe(0x4000);
  });

  test('before the handler of a fault', () => {
    const m = trapped(6);
    m.program('ud2');
    expect(m.exitOf(m.go())).toMatchObject(atHandler);
  });

  test('before the handler of INT n', () => {
    const m = trapped(0x55);
    m.program('int 0x55');
    expect(m.exitOf(m.go())).toMatchObject(atHandler);
  });

  test('before the handler of an injected event', () => {
    const m = trapped(0x20);
    m.set(F.F_GUEST_RFLAGS, IF | 2);
    m.set(F.F_ENTRY_INTERRUPTION, 0x8000_0020);
    expect(m.exitOf(m.go())).toMatchObject(atHandler);
  });

  test('before the handler of a debug exception that was pending', () => {
    const m = trapped(1);
    m.set(F.F_GUEST_PENDING_DEBUG, 0x4000);
    expect(m.exitOf(m.go())).toMatchObject(atHandler);
  });

  test('before the handler of an interrupt that comes first', () => {
    const m = trapped(0x20);
    m.set(F.F_GUEST_RFLAGS, IF | 2);
    m.cpu.setIntr(true);
    expect(m.exitOf(m.go())).toMatchObject(atHandler);
  });

  test('behind the first iteration of a REP instruction', () => {
    const m = trapped(6);
    m.program('rep stosb');
    m.enter();
    m.cpu.setReg(1, 3);
    m.cpu.setReg(7, 0x20000);
    expect(m.exitOf(m.run())).toMatchObject({ reason: F.REASON_MONITOR_TRAP, rip: CODE });
    expect(m.cpu.reg(1)).toBe(2);
  });

  test('and an exit on the way to it is the only one', () => {
    const m = trapped(6);
    m.set(F.F_EXCEPTION_BITMAP, 1 << 6);
    m.program('ud2');
    expect(m.exitOf(m.go())).toMatchObject({ reason: F.REASON_EXCEPTION_NMI, rip: CODE });
  });
});
