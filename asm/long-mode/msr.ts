// Model-specific registers of IA-32e mode (SDM Vol. 4 "Architectural MSRs", Vol. 3A "Fast System Calls in 64-Bit Mode").
import { FS, GS, MSR_CSTAR, MSR_FMASK, MSR_KERNEL_GS_BASE, MSR_LSTAR, MSR_STAR, SEGMENT_BASE } from '../layout';
import { GP, raise } from '../fault';
import { segmentCache } from '../system/state';
import { isCanonicalBase } from './state';

/** Where a long-mode MSR is kept, 0 if it is none. */
export function longMsrPlace(msr: u32): usize {
  switch (msr) {
    case 0xc0000081:
      return MSR_STAR;
    case 0xc0000082:
      return MSR_LSTAR;
    case 0xc0000083:
      return MSR_CSTAR;
    case 0xc0000084:
      return MSR_FMASK;
    case 0xc0000100:
      return segmentCache(FS) + SEGMENT_BASE;
    case 0xc0000101:
      return segmentCache(GS) + SEGMENT_BASE;
    case 0xc0000102:
      return MSR_KERNEL_GS_BASE;
  }
  return 0;
}

/** Writes one of them: addresses must be canonical, FMASK has 32 bits. */
export function writeLongMsr(msr: u32, place: usize, value: u64): void {
  const isLegal = msr == 0xc0000081 ? true : msr == 0xc0000084 ? value <= 0xffffffff : isCanonicalBase(value);
  if (isLegal) store<u64>(place, value);
  else raise(GP, 0);
}
