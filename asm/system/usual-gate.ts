// An event through a 32-bit gate to 32-bit code or a stack of protected mode as it usually goes (usual.ts): to the same
// privilege level or to an inner one, whose stack the TSS gives (SDM Vol. 3A "Exception- or Interrupt-Handler Procedures").
import { CS, IDTR_BASE, IDTR_LIMIT, SS, TR } from '../layout';
import { DB } from '../fault';
import { changeFlags, IF, NT, RF, TF, VM } from '../flags';
import { supervisorPlace, systemPlace } from '../memory';
import { cpl, setRegister } from '../record';
import { endDelivery, EVENT_HAS_ERROR, eventType, finishDelivery, isSoftware, returnFlags, returnRip } from './interrupt';
import { stackPointer } from './stack-frame';
import {
  linear32,
  RIGHTS_BIG,
  RIGHTS_UNUSABLE,
  segmentBase,
  segmentLimit,
  segmentRights,
  segmentSelector,
  setRip,
  TYPE_CODE,
  TYPE_EXPAND_DOWN,
} from './state';
import {
  baseOfBoth,
  changeUsualLevel,
  descriptorAtHand,
  isUsualCode,
  isUsualStack32,
  levelOf,
  limitOfBoth,
  loadUsualCode,
  loadUsualStack,
} from './usual';

/** Upper half of a gate: present, 32-bit interrupt or trap gate. */
const GATE: u32 = 0x8e00;
const GATE_MASK: u32 = 0x9e00;
const TRAP_GATE: u32 = 0x100;
/** In the access rights of a TSS: one of 32 bits. */
const TSS_32: u32 = 8;

/** Host address of ESP and SS for `level` in a 32-bit TSS, or 0. */
// @ts-ignore: decorator
@inline
function innerStackAtHand(level: u32): usize {
  const rights = segmentRights(TR);
  const offset = (level << 3) + 4;
  if ((rights & (RIGHTS_UNUSABLE | TSS_32)) != TSS_32 || offset + 5 > segmentLimit(TR)) return 0;
  return systemPlace(segmentBase(TR) + offset, 6);
}

/** Delivers an event outside real-address, virtual-8086 and IA-32e mode. False: nothing has changed. */
export function throughUsualGate(info: u32, error: u32, length: u32): bool {
  const vector = info & 0xff;
  const type = eventType(info);
  if (vector == DB || (vector << 3) + 7 > load<u32>(IDTR_LIMIT)) return false;
  const gatePlace = systemPlace(load<u64>(IDTR_BASE) + (vector << 3), 8);
  if (!gatePlace) return false;
  const gate = load<u64>(gatePlace);
  const high = u32(gate >> 32);
  const level = cpl();
  if ((high & GATE_MASK) != GATE || (isSoftware(type) && levelOf(high) < level)) return false;
  const selector = u32(gate) >> 16;
  const codePlace = descriptorAtHand(selector);
  if (!codePlace) return false;
  const code = load<u64>(codePlace);
  const target = levelOf(u32(code >> 32));
  const offset = (high & 0xffff0000) | (u32(gate) & 0xffff);
  if (!isUsualCode(u32(code >> 32)) || target > level || offset > limitOfBoth(code)) return false;
  const hasError = (info & EVENT_HAS_ERROR) != 0;
  if (target < level) {
    if (!pushInner(target, vector, type, hasError, error, length)) return false;
  } else if (!pushSame(vector, type, hasError, error, length)) {
    return false;
  }
  loadUsualCode((selector & 0xfffc) | target, code);
  if (target < level) changeUsualLevel(target);
  setRip(offset);
  changeFlags(TF | NT | RF | VM | (high & TRAP_GATE ? 0 : IF), 0);
  finishDelivery(vector, type, target < level);
  endDelivery();
  return true;
}

/** The frame on the stack of an inner level, which becomes the current one. */
// @ts-ignore: decorator
@inline
function pushInner(target: u32, vector: u32, type: u32, hasError: bool, error: u32, length: u32): bool {
  const pointer = innerStackAtHand(target);
  if (!pointer) return false;
  const selector: u32 = load<u16>(pointer, 4);
  const place = descriptorAtHand(selector);
  if (!place) return false;
  const stack = load<u64>(place);
  if ((selector & 3) != target || !isUsualStack32(u32(stack >> 32), target)) return false;
  const frame = frameAtHand(baseOfBoth(stack), limitOfBoth(stack), load<u32>(pointer), hasError ? 24 : 20);
  if (!frame) return false;
  const bottom = load<u32>(pointer) - (hasError ? 24 : 20);
  const after = pushReturnAt(frame, vector, type, hasError, error, length);
  store<u32>(after, u32(stackPointer()));
  store<u32>(after, segmentSelector(SS), 4);
  setRegister(4, bottom);
  loadUsualStack(selector, stack);
  return true;
}

/** The frame on the current stack. */
// @ts-ignore: decorator
@inline
function pushSame(vector: u32, type: u32, hasError: bool, error: u32, length: u32): bool {
  const rights = segmentRights(SS);
  if (cpl() == 3 || (rights & (RIGHTS_BIG | TYPE_CODE | TYPE_EXPAND_DOWN)) != RIGHTS_BIG) return false;
  const top = u32(stackPointer());
  const frame = frameAtHand(segmentBase(SS), segmentLimit(SS), top, hasError ? 16 : 12);
  if (!frame) return false;
  pushReturnAt(frame, vector, type, hasError, error, length);
  setRegister(4, top - (hasError ? 16 : 12));
  return true;
}

/** Host address of the `bytes` bytes below `top` of a stack that ends in front of its limit and does not wrap, or 0. */
// @ts-ignore: decorator
@inline
function frameAtHand(base: u64, limit: u32, top: u32, bytes: u32): usize {
  if (top < bytes || top - 1 > limit) return 0;
  return supervisorPlace(linear32(base + (top - bytes)), bytes);
}

/** Stores the error code, EIP, CS and EFLAGS from `at` upwards; gives the place behind them. */
// @ts-ignore: decorator
@inline
function pushReturnAt(at: usize, vector: u32, type: u32, hasError: bool, error: u32, length: u32): usize {
  if (hasError) {
    store<u32>(at, error);
    at += 4;
  }
  store<u32>(at, u32(returnRip(type, length)));
  store<u32>(at, segmentSelector(CS), 4);
  store<u32>(at, u32(returnFlags(vector, type)), 8);
  return at + 12;
}
