// VMX non-root operation as the rest of the core asks for it: whether the processor is in it, and by which controls (SDM Vol. 3C
// "VMX Non-Root Operation").
import * as F from './vmcs-fields';
import { VMX_ROOT } from '../layout';
import { secondaryControls } from './check-controls';
import { exitForInstruction } from './exit';
import { get32 } from './vmcs';

/** True in VMX non-root operation. */
// @ts-ignore: decorator
@inline
export function inNonRoot(): bool {
  return load<u32>(VMX_ROOT) == 2;
}

/** Primary processor-based controls in non-root operation, 0 outside it. */
// @ts-ignore: decorator
@inline
export function primary(): u32 {
  return inNonRoot() ? get32(F.F_PRIMARY_CONTROLS) : 0;
}

/** Secondary processor-based controls in non-root operation, 0 outside it. */
export function secondary(): u32 {
  return inNonRoot() ? secondaryControls() : 0;
}

/** Exits if `condition`. */
export function exitIf(condition: bool, reason: u32, qualification: u64, r: usize): bool {
  if (condition) exitForInstruction(reason, qualification, r);
  return condition;
}
