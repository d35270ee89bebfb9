// CR8: the upper four bits of the local APIC's task-priority register (SDM Vol. 3A "Interaction of Task Priorities between
// CR8 and APIC").
import { CR8, MSR_APIC_BASE } from '../layout';
import { GP, raise } from '../fault';
import { readPhysicalSized, writePhysicalSized } from '../physical';
import { inX2ApicMode, readTaskPriority, writeTaskPriority } from '../system/local-apic';

const APIC_ENABLED: u64 = 0x800;
const TPR: u64 = 0x80;

function priorityRegister(): u64 {
  const base = load<u64>(MSR_APIC_BASE);
  return base & APIC_ENABLED ? (base & ~0xfff) | TPR : 0;
}

export function readCr8(): u64 {
  if (inX2ApicMode()) return (readTaskPriority() >> 4) & 15;
  const at = priorityRegister();
  return at ? (readPhysicalSized(at, 4) >> 4) & 15 : load<u64>(CR8);
}

/** False: #GP(0), a reserved bit is set. */
export function writeCr8(value: u64): bool {
  if (value > 15) {
    raise(GP, 0);
    return false;
  }
  store<u64>(CR8, value);
  if (inX2ApicMode()) {
    writeTaskPriority(value << 4);
    return true;
  }
  const at = priorityRegister();
  if (at) writePhysicalSized(at, 4, value << 4);
  return true;
}
