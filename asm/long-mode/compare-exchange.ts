// CMPXCHG16B (SDM Vol. 2 "CMPXCHG8B/CMPXCHG16B").
import { CPL, GPR } from '../layout';
import { GP, raise } from '../fault';
import { setZero } from '../flags';
import { faulted } from '../globals';
import { linearForWrite, probeWrite, readLinear, writeLinear } from '../memory';
import { effectiveAddress, getRegister, segmentNumber } from '../record';

/** The operand is 16 bytes at a multiple of 16, so in one page; it is written in any case. */
export function cmpxchg16b(r: usize): void {
  const linear = linearForWrite(segmentNumber(r), effectiveAddress(r), 16);
  if (faulted) return;
  if (linear & 15) {
    raise(GP, 0);
    return;
  }
  probeWrite(linear, 8, load<u32>(CPL) == 3);
  if (faulted) return;
  const low = readLinear<u64>(linear);
  if (faulted) return;
  const high = readLinear<u64>(linear + 8);
  if (faulted) return;
  const equal = low == getRegister(0) && high == getRegister(2);
  writeLinear<u64>(linear, equal ? getRegister(3) : low);
  if (faulted) return;
  writeLinear<u64>(linear + 8, equal ? getRegister(1) : high);
  if (faulted) return;
  if (!equal) {
    store<u64>(GPR, low);
    store<u64>(GPR + 16, high);
  }
  setZero(equal);
}
