// The local APIC as MSRs show it: its mode, its registers in x2APIC mode, and the moment its timer waits for (SDM Vol. 3A
// "Extended XAPIC (x2APIC)", "TSC-Deadline Mode").
import { MSR_APIC_BASE, MSR_TSC_DEADLINE } from '../layout';
import { armBreak } from '../breaks';
import { exactCycles, publishTime } from '../charge';
import { GP, raise } from '../fault';
import { FEATURE_X2APIC } from '../gen/features';
import { localApicDeadline, localApicMode, localApicRead, localApicWrite } from '../host';
import { PHYSICAL_WIDTH } from '../vmx/capabilities';
import { hasFeature } from './model';

/** IA32_APIC_BASE: bootstrap processor, x2APIC mode, enabled. */
const BOOTSTRAP: u64 = 0x100;
const EXTENDED: u64 = 0x400;
const ENABLED: u64 = 0x800;
const MODE: u64 = ENABLED | EXTENDED;
const ADDRESS: u64 = ((<u64>1) << PHYSICAL_WIDTH) - 0x1000;

const FIRST_MSR: u32 = 0x800;
const END_OF_INTERRUPT: u32 = 0x80b;
const COMMAND: u32 = 0x830;
const SELF_INTERRUPT: u32 = 0x83f;
/** Offset of the upper half of the command register in xAPIC mode. */
const COMMAND_HIGH: u32 = 0x310;
const TASK_PRIORITY: u32 = 0x80;

/** Is this the number of a local APIC register? */
export function isLocalApicMsr(msr: u32): bool {
  return msr - FIRST_MSR < 0x100;
}

/** Writing it reaches other processors. */
export function isLocalApicCommand(msr: u32): bool {
  return msr == COMMAND;
}

export function inX2ApicMode(): bool {
  return (load<u64>(MSR_APIC_BASE) & MODE) == MODE;
}

/** "x2APIC State Transitions": x2APIC mode is entered from xAPIC mode and left by disabling. */
function isTransition(from: u64, to: u64): bool {
  if (from == to) return true;
  if (to == EXTENDED) return false;
  return to == MODE ? from == ENABLED : from != MODE || to == 0;
}

/** WRMSR to IA32_APIC_BASE. */
export function writeApicBase(value: u64): void {
  const from = load<u64>(MSR_APIC_BASE) & MODE;
  const to = value & MODE;
  const writable = ADDRESS | BOOTSTRAP | ENABLED | (hasFeature(FEATURE_X2APIC) ? EXTENDED : 0);
  if (value & ~writable || !isTransition(from, to)) {
    raise(GP, 0);
    return;
  }
  store<u64>(MSR_APIC_BASE, value);
  if (from == to) return;
  publishTime();
  localApicMode(to == MODE ? 2 : u32(to != 0));
}

/** RDMSR of a local APIC register that the processor has. */
export function readLocalApicMsr(msr: u32): u64 {
  if (!inX2ApicMode() || msr == END_OF_INTERRUPT || msr == SELF_INTERRUPT) {
    raise(GP, 0);
    return 0;
  }
  publishTime();
  const low = localApicRead((msr - FIRST_MSR) << 4);
  return msr == COMMAND ? u64(low) | (u64(localApicRead(COMMAND_HIGH)) << 32) : low;
}

/** WRMSR of a local APIC register. */
export function writeLocalApicMsr(msr: u32, value: u64): void {
  if (!inX2ApicMode() || !writeRegister((msr - FIRST_MSR) << 4, value)) raise(GP, 0);
}

function writeRegister(register: u32, value: u64): bool {
  publishTime();
  const isWritten = localApicWrite(register, u32(value), u32(value >> 32));
  armBreak();
  return isWritten != 0;
}

/** The task-priority register in x2APIC mode. */
export function readTaskPriority(): u64 {
  publishTime();
  return localApicRead(TASK_PRIORITY);
}

export function writeTaskPriority(value: u64): void {
  writeRegister(TASK_PRIORITY, value);
}

/** The timer is to fire when the time-stamp counter, which is `now`, reaches `deadline`; 0: not any more. */
export function setDeadline(deadline: u64, now: u64): void {
  const left: f64 = deadline > now ? f64(deadline - now) : 0;
  publishTime();
  store<u64>(MSR_TSC_DEADLINE, localApicDeadline(deadline ? f64(exactCycles()) + left : -1) ? deadline : 0);
  armBreak();
}
