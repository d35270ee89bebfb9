// SYSENTER and SYSEXIT (SDM Vol. 3A "Performing Fast Calls to System Procedures with the SYSENTER and SYSEXIT Instructions").
import { MSR_SYSENTER_CS, MSR_SYSENTER_EIP, MSR_SYSENTER_ESP } from '../layout';
import { GP, raise } from '../fault';
import { changeFlags, IF, RF, VM } from '../flags';
import { cpl, getRegister32, setRegister } from '../record';
import { inLongMode } from '../long-mode/state';
import { sysenterLong, sysexitLong } from '../long-mode/system-call';
import { finishAt } from './finish';
import { inRealMode } from './mode-8086';
import { FLAT_CODE, setFlatSegments } from './segment';

export function sysenter(): void {
  if (inRealMode()) {
    raise(GP, 0);
    return;
  }
  if (inLongMode()) {
    sysenterLong();
    return;
  }
  const selector = load<u32>(MSR_SYSENTER_CS) & 0xffff;
  if (!(selector & 0xfffc)) {
    raise(GP, 0);
    return;
  }
  changeFlags(VM | IF | RF, 0);
  setFlatSegments(selector, selector + 8, 0, FLAT_CODE);
  setRegister(4, u64(load<u32>(MSR_SYSENTER_ESP)));
  finishAt(u64(load<u32>(MSR_SYSENTER_EIP)));
}

export function sysexit(r: usize): void {
  if (inRealMode()) {
    raise(GP, 0);
    return;
  }
  if (inLongMode()) {
    sysexitLong(r);
    return;
  }
  const selector = load<u32>(MSR_SYSENTER_CS) & 0xffff;
  if (!(selector & 0xfffc) || cpl()) {
    raise(GP, 0);
    return;
  }
  const pointer = getRegister32(1);
  const ip = getRegister32(2);
  setFlatSegments(selector + 16, selector + 24, 3, FLAT_CODE);
  setRegister(4, u64(pointer));
  finishAt(u64(ip));
}
