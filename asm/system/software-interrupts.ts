// INT n, INT3, INTO, INT1 and BOUND (SDM Vol. 2 "INT n/INTO/INT3/INT1", "BOUND").
import { DR, PENDING_DEBUG } from '../layout';
import { charge } from '../charge';
import { BP, BR, DB, OF as OVERFLOW, raise } from '../fault';
import { overflow } from '../flags';
import { COST_INTERRUPT_GATE } from '../gen/costs';
import { faulted, leave } from '../globals';
import { readMemory, readReg } from '../operand';
import {
  effectiveAddress,
  immediate,
  instructionLength,
  operandSize,
  recordNextRip,
  recordRip,
  segmentNumber,
} from '../record';
import { interceptSoftwareException } from '../vmx/intercept-events';
import { deliverEvent, EVENT_PRIVILEGED_SOFTWARE, EVENT_SOFTWARE, EVENT_SOFTWARE_EXCEPTION } from './interrupt';
import { inVirtual8086 } from './mode-8086';
import { setRip } from './state';
import { interruptVirtual8086 } from './virtual-8086';

function deliver(r: usize, type: u32, vector: u32): void {
  setRip(recordRip(r));
  deliverEvent((type << 8) | vector, 0, instructionLength(r));
  leave = true;
}

export function intN(r: usize): void {
  const vector = u32(immediate(r)) & 0xff;
  if (!inVirtual8086() || !interruptVirtual8086(recordNextRip(r), vector)) deliver(r, EVENT_SOFTWARE, vector);
}

export function int3(r: usize): void {
  setRip(recordRip(r));
  if (interceptSoftwareException(BP, instructionLength(r))) return;
  deliver(r, EVENT_SOFTWARE_EXCEPTION, BP);
}

export function into(r: usize): void {
  if (!overflow()) return;
  setRip(recordRip(r));
  if (interceptSoftwareException(OVERFLOW, instructionLength(r))) return;
  deliver(r, EVENT_SOFTWARE_EXCEPTION, OVERFLOW);
  if (!faulted) charge(COST_INTERRUPT_GATE, 1);
}

export function int1(r: usize): void {
  setRip(recordRip(r));
  if (interceptSoftwareException(DB, instructionLength(r))) return;
  takeBreakpoints();
  deliver(r, EVENT_PRIVILEGED_SOFTWARE, DB);
}

/** Data breakpoints of a MOV SS in front of INT1 are reported by the one #DB. */
function takeBreakpoints(): void {
  const matched = load<u32>(PENDING_DEBUG) & 0xf;
  store<u32>(PENDING_DEBUG, 0);
  if (!matched) return;
  const dr6 = DR + 6 * 8;
  store<u64>(dr6, (load<u64>(dr6) & ~0xf) | matched);
}

/** Signed index in the register against the bounds in memory. */
export function bound(r: usize): void {
  const size = operandSize(r);
  const seg = segmentNumber(r);
  const ea = effectiveAddress(r);
  const low = readMemory(seg, ea, size);
  if (faulted) return;
  const high = readMemory(seg, ea + size, size);
  if (faulted) return;
  const shift = 64 - (size << 3);
  const index = i64(readReg(r, size) << shift);
  if (index < i64(low << shift) || index > i64(high << shift)) raise(BR, 0);
}
