// Virtualized APIC accesses (SDM Vol. 3C "Virtualizing Memory-Mapped APIC Accesses"): the TPR comes from the
// virtual-APIC page, everything else on the APIC-access page exits.
import { armBreak } from '../breaks';
import { charge } from '../charge';
import { COST_APIC_ACCESS } from '../gen/costs';
import { readPhysical, writePhysical } from '../physical';
import { deliveringInfo } from '../system/interrupt';
import { exitFromAccess } from './ept';
import { PENDING_THRESHOLD, VMX_PENDING } from './private';
import * as F from './vmcs-fields';
import { get, get32 } from './vmcs';

const TPR: u32 = 0x80;

/** An access of `size` bytes at `offset` touches the TPR alone and is virtualized. */
function isVirtualTpr(offset: u32, size: u32): bool {
  return (get32(F.F_PRIMARY_CONTROLS) & <u32>F.CPU_TPR_SHADOW) != 0 && offset == TPR && size <= 4;
}

function exit(vector: u32, kind: u32, linear: u64, physical: u64): void {
  const type: u32 = deliveringInfo ? 3 : kind;
  exitFromAccess(vector, F.REASON_APIC_ACCESS, (physical & 0xfff) | (type << 12), linear, physical);
}

/** Read of the APIC-access page. Then `if (faulted) return`. */
export function readApicPage(vector: u32, linear: u64, physical: u64, size: u32): u32 {
  const offset = <u32>physical & 0xfff;
  if (!isVirtualTpr(offset, size)) {
    exit(vector, 0, linear, physical);
    return 0;
  }
  charge(COST_APIC_ACCESS, 1);
  const page = get(F.F_VIRTUAL_APIC) + offset;
  return size == 4 ? readPhysical<u32>(page) : size == 2 ? readPhysical<u16>(page) : readPhysical<u8>(page);
}

/** Write to the APIC-access page. Then `if (faulted) return`. */
export function writeApicPage(vector: u32, linear: u64, physical: u64, size: u32, value: u32): void {
  const offset = <u32>physical & 0xfff;
  if (!isVirtualTpr(offset, size)) {
    exit(vector, 1, linear, physical);
    return;
  }
  charge(COST_APIC_ACCESS, 1);
  writePhysical<u32>(get(F.F_VIRTUAL_APIC) + TPR, value & 0xff);
  noteTpr(value);
}

/** TPR virtualization: a TPR below the threshold exits after the instruction. */
export function noteTpr(tpr: u32): void {
  if (((tpr >> 4) & 0xf) >= get32(F.F_TPR_THRESHOLD)) return;
  store<u32>(VMX_PENDING, load<u32>(VMX_PENDING) | PENDING_THRESHOLD);
  armBreak();
}
