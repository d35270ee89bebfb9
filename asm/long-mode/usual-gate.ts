// An event through a gate of IA-32e mode as it usually goes (system/usual.ts): to 64-bit code of the same or an inner privilege
// level (SDM Vol. 3A "Exception and Interrupt Handling in 64-bit Mode").
import { CS, GPR, IDTR_BASE, IDTR_LIMIT, SS, TR } from '../layout';
import { DB } from '../fault';
import { changeFlags, IF, NT, RF, TF, VM } from '../flags';
import { supervisorPlace, systemPlace } from '../memory';
import { cpl, setRegister } from '../record';
import {
  endDelivery,
  EVENT_HAS_ERROR,
  eventType,
  finishDelivery,
  isSoftware,
  returnFlags,
  returnRip,
} from '../system/interrupt';
import { nullStackSegment } from '../system/segment';
import { RIGHTS_UNUSABLE, segmentBase, segmentLimit, segmentRights, segmentSelector, setRip } from '../system/state';
import { changeUsualLevel, descriptorAtHand, isUsualLongCode, levelOf, loadUsualCode } from '../system/usual';
import { TSS_IST, TSS_RSP } from './interrupt';
import { codeModeChanged, isCanonical } from './state';

/** Upper half of a gate: present, 64-bit interrupt or trap gate. */
const GATE: u32 = 0x8e00;
const GATE_MASK: u32 = 0x9e00;
const TRAP_GATE: u32 = 0x100;
/** The stack pointer is not at hand. It is not canonical, so it is no stack pointer either. */
const NOT_AT_HAND: u64 = 1 << 62;

/** RSP as a gate with this interrupt-stack-table index gives it to a handler of privilege level `target`. */
// @ts-ignore: decorator
@inline
function stackPointerFor(table: u32, target: u32): u64 {
  if (!table && target == cpl()) return load<u64>(GPR + 32);
  const offset = table ? TSS_IST + ((table - 1) << 3) : TSS_RSP + (target << 3);
  if (segmentRights(TR) & RIGHTS_UNUSABLE || offset + 7 > segmentLimit(TR)) return NOT_AT_HAND;
  const place = systemPlace(segmentBase(TR) + offset, 8);
  return place ? load<u64>(place) : NOT_AT_HAND;
}

/** Delivers an event in IA-32e mode. False: nothing has changed. */
export function throughUsualLongGate(info: u32, error: u32, length: u32): bool {
  const vector = info & 0xff;
  const type = eventType(info);
  if (vector == DB || (vector << 4) + 15 > load<u32>(IDTR_LIMIT)) return false;
  const gatePlace = systemPlace(load<u64>(IDTR_BASE) + (vector << 4), 16);
  if (!gatePlace) return false;
  const gate = load<u64>(gatePlace);
  const high = u32(gate >> 32);
  const level = cpl();
  if ((high & GATE_MASK) != GATE || (isSoftware(type) && levelOf(high) < level)) return false;
  const selector = u32(gate >> 16) & 0xffff;
  const codePlace = descriptorAtHand(selector);
  if (!codePlace) return false;
  const code = load<u64>(codePlace);
  const target = levelOf(u32(code >> 32));
  const offset = (gate & 0xffff) | u64(high & 0xffff0000) | (load<u64>(gatePlace, 8) << 32);
  if (!isUsualLongCode(u32(code >> 32)) || target > level || target == 3 || !isCanonical(offset)) return false;
  const hasError = (info & EVENT_HAS_ERROR) != 0;
  const pointer = (stackPointerFor(high & 7, target) & ~15) - (hasError ? 48 : 40);
  if (!isCanonical(pointer) || !isCanonical(pointer + 48)) return false;
  const frame = supervisorPlace(pointer, hasError ? 48 : 40);
  if (!frame) return false;
  const after = hasError ? frame + 8 : frame;
  if (hasError) store<u64>(frame, error);
  store<u64>(after, returnRip(type, length));
  store<u64>(after, segmentSelector(CS), 8);
  store<u64>(after, returnFlags(vector, type), 16);
  store<u64>(after, load<u64>(GPR + 32), 24);
  store<u64>(after, segmentSelector(SS), 32);
  setRegister(4, pointer);
  loadUsualCode((selector & 0xfffc) | target, code);
  codeModeChanged();
  if (target < level) {
    changeUsualLevel(target);
    nullStackSegment(target, target);
  }
  setRip(offset);
  changeFlags(TF | NT | RF | VM | (high & TRAP_GATE ? 0 : IF), 0);
  finishDelivery(vector, type, target < level);
  endDelivery();
  return true;
}
