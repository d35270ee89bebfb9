// VMREAD and VMWRITE as calls of the host, for ring-0 software above the doorway: charged like the instructions.
import { CALL_FAULT, CALL_FAULT_ERROR, CALL_RESULT_HIGH, VMX_CURRENT, VMX_ROOT } from '../layout';
import { charge } from '../charge';
import { UD } from '../fault';
import { COST_VMREAD, COST_VMWRITE } from '../gen/costs';
import { endTime, startTime } from '../run';
import { fieldExists, fieldType, readField, TYPE_EXIT, writeField } from './vmcs';

/** In root operation with a current VMCS. CALL_FAULT: -1, #UD outside root operation, 256 for VMfail. */
const VMFAIL: i32 = 256;

function pay(costClass: u32, isField: bool): bool {
  startTime(u64.MAX_VALUE, u64.MAX_VALUE);
  charge(costClass, 1);
  endTime();
  const inRoot = load<u32>(VMX_ROOT) == 1;
  const ok = inRoot && isField && load<u64>(VMX_CURRENT) != u64.MAX_VALUE;
  store<i32>(CALL_FAULT, ok ? -1 : inRoot ? VMFAIL : <i32>UD);
  store<u32>(CALL_FAULT_ERROR, 0);
  return ok;
}

/** VMREAD: the low half is returned, the high half is in CALL_RESULT_HIGH. */
export function vmreadField(encoding: u32): u32 {
  if (!pay(COST_VMREAD, fieldExists(encoding))) return 0;
  const value = readField(encoding);
  store<u32>(CALL_RESULT_HIGH, <u32>(value >> 32));
  return <u32>value;
}

/** VMWRITE of a whole field. */
export function vmwriteField(encoding: u32, low: u32, high: u32): void {
  if (!pay(COST_VMWRITE, fieldExists(encoding) && fieldType(encoding) != TYPE_EXIT)) return;
  writeField(encoding, (<u64>high << 32) | low);
}
