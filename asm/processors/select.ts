// Several processors in one core: the state area holds one of them, the others wait in slots. Switching copies; what is
// derived from the state is derived again as after a snapshot.
import {
  A20_MASK,
  COSTS,
  CYCLE_DEADLINE,
  DOORWAY_PAGE,
  MODEL,
  MONITOR_ARMED,
  PROCESSOR_SLOTS,
  PROCESSOR_SLOT_SIZE,
  RFLAGS,
  STATE_BASE,
  STATE_END,
  STOP_REQUESTED,
  TLB_CURRENT_BANK,
  VMX_ROOT,
  WOKEN,
  X87,
} from '../layout';
import { getFlags, setFlags } from '../flags';
import { startTime } from '../run';
import { systemLoaded } from '../system/reset';
import { selectBank } from '../tlb-banks';

let selected: u32 = 0;

/** Where the state of processor `n` lies that has its place at `address` in the state area. */
export function processorPlace(n: u32, address: usize): usize {
  return n == selected ? address : PROCESSOR_SLOTS + n * PROCESSOR_SLOT_SIZE + (address - STATE_BASE);
}

function copy(slot: usize, isIn: bool, from: usize, to: usize): void {
  if (isIn) memory.copy(from, slot + from, to - from);
  else memory.copy(slot + from, from, to - from);
}

/**
 * Copies the parts of the state area that belong to one processor. Left out is what all share: doorway, A20 gate, the
 * conversation with the host, costs, model.
 */
function move(n: u32, isIn: bool): void {
  const slot: usize = PROCESSOR_SLOTS + n * PROCESSOR_SLOT_SIZE - STATE_BASE;
  copy(slot, isIn, STATE_BASE, DOORWAY_PAGE);
  copy(slot, isIn, MONITOR_ARMED, A20_MASK);
  copy(slot, isIn, A20_MASK + 8, CYCLE_DEADLINE);
  copy(slot, isIn, STOP_REQUESTED + 4, COSTS);
  copy(slot, isIn, VMX_ROOT, MODEL);
  copy(slot, isIn, X87, WOKEN);
  copy(slot, isIn, WOKEN + 4, STATE_END);
}

/** Puts processor `n` into the state area. Between instructions only. */
export function selectCpu(n: u32): void {
  if (n == selected) return;
  store<u64>(RFLAGS, getFlags());
  move(selected, false);
  selected = n;
  move(n, true);
  setFlags(load<u64>(RFLAGS));
  startTime(u64.MAX_VALUE, u64.MAX_VALUE);
  systemLoaded();
  selectBank(load<u32>(TLB_CURRENT_BANK));
}
