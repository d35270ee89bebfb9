// IRETQ of 64-bit code as it usually goes (system/usual.ts): to 64-bit or compatibility code of the same or an outer privilege
// level (SDM Vol. 2 "IRET").
import { INTERRUPTIBILITY } from '../layout';
import { charge } from '../charge';
import { hasFlag, NT, setFlags } from '../flags';
import { COST_IRET_OUTER } from '../gen/costs';
import { code64, otherFlags } from '../globals';
import { RSP, stackFrame } from '../memory';
import { cpl, operandSize, setRegister } from '../record';
import { BLOCKED_BY_NMI } from '../system/events';
import { finishAt } from '../system/finish';
import { changeableByIret } from '../system/iret';
import { dropInnerSegments, nullStackSegment } from '../system/segment';
import {
  changeUsualLevel,
  descriptorAtHand,
  isUnwatched,
  isUsualCode,
  isUsualLongCode,
  isUsualStack,
  levelOf,
  limitOfBoth,
  loadUsualCode,
  loadUsualStack,
} from '../system/usual';
import { codeModeChanged, isCanonical } from './state';

/** L of a code descriptor's upper half. */
const LONG: u32 = 0x20_0000;

/** Is it code that may be returned to at `ip`? */
// @ts-ignore: decorator
@inline
function mayReturnTo(code: u64, ip: u64): bool {
  const high = u32(code >> 32);
  if (high & LONG) return isUsualLongCode(high) && isCanonical(ip);
  return isUsualCode(high) && ip <= u64(limitOfBoth(code));
}

/** Loads SS with what the frame says, a null selector too. False: nothing has changed. */
// @ts-ignore: decorator
@inline
function loadStack(selector: u32, target: u32, isLong: bool): bool {
  if ((selector & 3) != target) return false;
  if (!(selector & 0xfffc)) {
    if (!isLong || target == 3) return false;
    nullStackSegment(selector, target);
    return true;
  }
  const place = descriptorAtHand(selector);
  if (!place) return false;
  const stack = load<u64>(place);
  if (!isUsualStack(u32(stack >> 32), target)) return false;
  loadUsualStack(selector, stack);
  return true;
}

/** IRET in IA-32e mode. False: nothing has changed. */
export function returnAsUsualLong(r: usize): bool {
  if (!code64 || operandSize(r) != 8 || hasFlag(NT)) return false;
  if (load<u32>(INTERRUPTIBILITY) & BLOCKED_BY_NMI || !isUnwatched()) return false;
  const frame = stackFrame(load<u64>(RSP), 40);
  if (!frame) return false;
  const ip = load<u64>(frame);
  const selector: u32 = load<u16>(frame, 8);
  const image = load<u32>(frame, 16);
  const pointer = load<u64>(frame, 24);
  const level = cpl();
  const target = selector & 3;
  const place = target >= level ? descriptorAtHand(selector) : 0;
  if (!place) return false;
  const code = load<u64>(place);
  const high = u32(code >> 32);
  if (levelOf(high) != target || !mayReturnTo(code, ip)) return false;
  const flags = changeableByIret(level, 8);
  if (!loadStack(load<u16>(frame, 32), target, (high & LONG) != 0)) return false;
  loadUsualCode(selector, code);
  codeModeChanged();
  if (target > level) {
    changeUsualLevel(target);
    dropInnerSegments();
    charge(COST_IRET_OUTER, 1);
  }
  setRegister(4, pointer);
  setFlags((otherFlags & ~u64(flags)) | (image & flags));
  finishAt(ip);
  return true;
}
