// IRET of 32-bit protected mode as it usually goes (usual.ts): to the same or an outer privilege level (SDM Vol. 2 "IRET").
import { INTERRUPTIBILITY, SS } from '../layout';
import { charge } from '../charge';
import { hasFlag, NT, setFlags, VM } from '../flags';
import { COST_IRET_OUTER } from '../gen/costs';
import { otherFlags } from '../globals';
import { stackFrame } from '../memory';
import { cpl, operandSize, setRegister } from '../record';
import { BLOCKED_BY_NMI } from './events';
import { finishAt } from './finish';
import { changeableByIret } from './iret';
import { dropInnerSegments } from './segment';
import { stackPointer } from './stack-frame';
import { RIGHTS_BIG, segmentRights } from './state';
import {
  changeUsualLevel,
  descriptorAtHand,
  isUnwatched,
  isUsualCode,
  isUsualStack32,
  levelOf,
  limitOfBoth,
  loadUsualCode,
  loadUsualStack,
} from './usual';

/** IRET outside real-address, virtual-8086 and IA-32e mode. False: nothing has changed. */
export function returnAsUsual(r: usize): bool {
  if (operandSize(r) != 4 || hasFlag(NT) || load<u32>(INTERRUPTIBILITY) & BLOCKED_BY_NMI || !isUnwatched()) return false;
  const pointer = stackPointer();
  const frame = segmentRights(SS) & RIGHTS_BIG ? stackFrame(pointer, 12) : 0;
  if (!frame) return false;
  const ip = load<u32>(frame);
  const selector: u32 = load<u16>(frame, 4);
  const image = load<u32>(frame, 8);
  const level = cpl();
  const target = selector & 3;
  if (target < level || image & VM) return false;
  const place = descriptorAtHand(selector);
  if (!place) return false;
  const code = load<u64>(place);
  const high = u32(code >> 32);
  if (!isUsualCode(high) || levelOf(high) != target || ip > limitOfBoth(code)) return false;
  const flags = changeableByIret(level, 4);
  if (target == level) {
    loadUsualCode(selector, code);
    setRegister(4, u32(pointer) + 12);
  } else if (!toOuter(pointer, target, selector, code)) {
    return false;
  }
  setFlags((otherFlags & ~u64(flags)) | (image & flags));
  finishAt(ip);
  return true;
}

/** Takes the outer stack from the frame too. */
// @ts-ignore: decorator
@inline
function toOuter(pointer: u64, target: u32, selector: u32, code: u64): bool {
  const frame = stackFrame(pointer, 20);
  if (!frame) return false;
  const stackSelector: u32 = load<u16>(frame, 16);
  const place = descriptorAtHand(stackSelector);
  if (!place) return false;
  const stack = load<u64>(place);
  if ((stackSelector & 3) != target || !isUsualStack32(u32(stack >> 32), target)) return false;
  setRegister(4, load<u32>(frame, 12));
  loadUsualStack(stackSelector, stack);
  loadUsualCode(selector, code);
  changeUsualLevel(target);
  dropInnerSegments();
  charge(COST_IRET_OUTER, 1);
  return true;
}
