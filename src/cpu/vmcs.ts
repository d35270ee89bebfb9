// The current VMCS as debuggers and error messages see it: read from its region in memory, uncharged and whatever the
// mode (asm/vmx/vmcs.ts lays the region out).
import { ACTIVITY, RAM, VMX_CURRENT, VMX_FAILED_CHECK, VMX_PRIVATE, VMX_ROOT } from '../../asm/layout.ts';

const NO_VMCS = 0xffff_ffff_ffff_ffffn;
const NEVER = 0xffff_ffff_ffff_ffffn;
const WAIT_FOR_SIPI = 3;

/** All of the core's memory, as `Cpu.view`. */
interface CoreMemory {
  readonly view: DataView;
}

/** Value of a field of the current VMCS; 0 if there is none. */
export function peekVmcs({ view }: CoreMemory, encoding: number): bigint {
  const pointer = view.getBigUint64(VMX_CURRENT, true);
  if (pointer === NO_VMCS) return 0n;
  const group = ((((encoding >> 13) & 3) << 2) | ((encoding >> 10) & 3)) ^ 1;
  return view.getBigUint64(RAM + Number(pointer) + group * 256 + ((encoding >> 1) & 31) * 8, true);
}

/** Number of the VM-entry check that failed last (entry-checks.ts), 0 for none. */
export function failedEntryCheck({ view }: CoreMemory): number {
  return view.getUint32(VMX_FAILED_CHECK, true);
}

/** Cycle count at which the VMX-preemption timer ends the HLT or shutdown of a guest; Infinity for never. */
export function preemptionTimerDue(memory: CoreMemory): number {
  const { view } = memory;
  if (vmxMode(memory) !== 2 || view.getUint32(ACTIVITY, true) === WAIT_FOR_SIPI) return Number.POSITIVE_INFINITY;
  const due = view.getBigUint64(VMX_PRIVATE, true);
  return due === NEVER ? Number.POSITIVE_INFINITY : Number(due);
}

/** 0 outside VMX operation, 1 in root, 2 in non-root operation. */
export function vmxMode({ view }: CoreMemory): 0 | 1 | 2 {
  return view.getUint32(VMX_ROOT, true) as 0 | 1 | 2;
}
