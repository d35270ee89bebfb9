// The VM-entry checks by number: what a failed VM entry violated, in words and with the fields to look at
// (SDM Vol. 3C "VM Entries"). The numbers are shared with the core, which stores the failed one in VMX_FAILED_CHECK.
import * as F from '../../../asm/vmx/vmcs-fields.ts';
import { CONTROL_CHECKS } from './controls.ts';
import type { EntryCheck } from './entry-check.ts';
import { GUEST_REGISTER_CHECKS } from './guest-registers.ts';
import { GUEST_STATE_CHECKS } from './guest-state.ts';
import { HOST_CHECKS } from './host.ts';

/** All checks, in the order in which the processor makes them. */
export const ENTRY_CHECKS: readonly EntryCheck[] = [
  ...CONTROL_CHECKS,
  ...HOST_CHECKS,
  ...GUEST_REGISTER_CHECKS,
  ...GUEST_STATE_CHECKS,
];

const byNumber = new Map(ENTRY_CHECKS.map((check) => [check.number, check]));

/** The check with this number, if there is one (0: no check has failed). */
export function entryCheck(number: number): EntryCheck | undefined {
  return byNumber.get(number);
}

/** One sentence for a user: the rule, its section and the values of the fields, read by `field`. */
export function describeEntryCheck(number: number, field: (encoding: number) => bigint): string {
  const check = entryCheck(number);
  if (!check) return 'VM entry was not refused by a check.';
  const values = check.fields
    .map((encoding) => `${fieldName(encoding)} = 0x${field(encoding).toString(16)}`)
    .join(', ');
  return `VM entry check ${check.name} failed: ${check.rule} (SDM Vol. 3C "${check.section}"; ${values}).`;
}

const fieldNames = new Map<number, string>();
for (const [name, encoding] of Object.entries(F)) {
  if (name.startsWith('F_')) fieldNames.set(encoding, name.slice(2).toLowerCase().replaceAll('_', '-'));
}
const SEGMENT_NAMES = ['es', 'cs', 'ss', 'ds', 'fs', 'gs', 'ldtr', 'tr'];

/** Name of a VMCS field for messages, e.g. `guest-cr0`, `guest-rights.tr`. */
function fieldName(encoding: number): string {
  for (const base of [F.F_GUEST_SELECTOR, F.F_GUEST_LIMIT, F.F_GUEST_RIGHTS, F.F_GUEST_BASE, F.F_HOST_SELECTOR]) {
    const index = (encoding - base) / 2;
    if (index >= 0 && index < 8) {
      const segments = base === F.F_HOST_SELECTOR ? [...SEGMENT_NAMES.slice(0, 6), 'tr'] : SEGMENT_NAMES;
      if (segments[index]) return `${fieldNames.get(base)}.${segments[index]}`;
    }
  }
  return fieldNames.get(encoding) ?? `field 0x${encoding.toString(16)}`;
}
