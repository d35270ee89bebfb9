// IRET (SDM Vol. 2 "IRET/IRETD/IRETQ"): to the same or an outer privilege level, to virtual-8086 mode, from a nested task.
import { INTERRUPTIBILITY, MODEL_EFLAGS, SS } from '../layout';
import { AC, getFlags, hasFlag, ID, IF, iopl, NT, RF, setFlags, STATUS_FLAGS, TF, DF, VIF, VIP, VM } from '../flags';
import { faulted } from '../globals';
import { frameItem, stackFrame } from '../memory';
import { cpl, instructionLength, operandSize } from '../record';
import { inNonRoot } from '../vmx/non-root';
import { get32 } from '../vmx/vmcs';
import { F_PIN_CONTROLS, PIN_NMI, PIN_VIRTUAL_NMIS } from '../vmx/vmcs-fields';
import { iretLong } from '../long-mode/iret';
import { inLongMode } from '../long-mode/state';
import { returnAsUsualLong } from '../long-mode/usual-return';
import { BLOCKED_BY_NMI } from './events';
import { checkReturnSegment, releaseStack, returnOuter } from './far';
import { finishAt } from './finish';
import { in8086Mode, inRealMode, inVirtual8086, iretReal } from './mode-8086';
import {
  checkTarget,
  descriptorAddress,
  descriptorHigh,
  descriptorLow,
  markAccessed,
  setCodeSegment,
  stackMask,
} from './segment';
import { stackPointer } from './stack-frame';
import { IOPL_MASK, segmentRights } from './state';
import { returnFromTask } from './task';
import { returnAsUsual } from './usual-return';
import { iretVirtual8086, returnToVirtual8086 } from './virtual-8086';

/** True when the IRET in progress ended blocking by NMI (VMX reports it with faults and exits that IRET causes). */
export let nmiUnblockedByIret: bool = false;

/** Flags that IRET takes from the stack with `size` bytes at privilege `level` of protected mode. */
export function changeableByIret(level: u32, size: u32): u32 {
  let mask = STATUS_FLAGS | TF | DF | NT;
  if (level <= iopl()) mask |= IF;
  if (level == 0) mask |= IOPL_MASK;
  if (size != 2) {
    const existing = load<u32>(MODEL_EFLAGS);
    mask |= RF | AC | (existing & ID);
    if (level == 0) mask |= existing & (VIF | VIP);
  }
  return mask;
}

export function iret(r: usize): void {
  if (returnsAsUsual(r)) return;
  const blocked = load<u32>(INTERRUPTIBILITY);
  nmiUnblockedByIret = (blocked & BLOCKED_BY_NMI) != 0 && unblocksNmis();
  if (nmiUnblockedByIret) store<u32>(INTERRUPTIBILITY, blocked & ~BLOCKED_BY_NMI);
  if (inLongMode()) iretLong(r);
  else if (inVirtual8086()) iretVirtual8086(r);
  else if (inRealMode()) iretReal(r);
  else perform(r);
  if (!faulted) nmiUnblockedByIret = false;
}

/** The whole of it in one piece if nothing about it is unusual. False: nothing has changed. */
function returnsAsUsual(r: usize): bool {
  if (in8086Mode()) return false;
  return inLongMode() ? returnAsUsualLong(r) : returnAsUsual(r);
}

/** The IRET in progress has ended: whatever it raised has been dealt with. */
export function endIret(): void {
  nmiUnblockedByIret = false;
}

/** With "NMI exiting" but without virtual NMIs, IRET in a guest does not affect blocking by NMI. */
function unblocksNmis(): bool {
  return !inNonRoot() || (get32(F_PIN_CONTROLS) & (PIN_NMI | PIN_VIRTUAL_NMIS)) != PIN_NMI;
}

function perform(r: usize): void {
  const size = operandSize(r);
  const level = cpl();
  if (hasFlag(NT)) {
    returnFromTask(instructionLength(r));
    return;
  }
  const mask = stackMask(segmentRights(SS));
  const pointer = stackPointer();
  const frame = stackFrame(pointer & mask, 3 * size);
  const ip = frameItem(frame, pointer & mask, 0, size);
  if (faulted) return;
  const selector = u32(frameItem(frame, (pointer + size) & mask, size, size)) & 0xffff;
  if (faulted) return;
  const image = u32(frameItem(frame, (pointer + 2 * size) & mask, 2 * size, size));
  if (faulted) return;
  if (image & VM && size == 4 && level == 0) {
    returnToVirtual8086(ip, selector, image);
    return;
  }
  if (!checkReturnSegment(selector)) return;
  const flags = changeableByIret(level, size);
  if ((selector & 3) > level) {
    returnOuter(selector, ip, size, 3 * size, 0);
    if (faulted) return;
  } else {
    if (!checkTarget(descriptorLow, descriptorHigh, ip) || !markAccessed(descriptorAddress, descriptorHigh)) return;
    setCodeSegment(selector, descriptorLow, descriptorHigh);
    releaseStack(3 * size);
  }
  setFlags((getFlags() & ~u64(flags)) | (image & flags));
  finishAt(ip);
}
