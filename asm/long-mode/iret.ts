// IRET in IA-32e mode (SDM Vol. 2 "IRET/IRETD/IRETQ"): 64-bit code always takes SS:RSP from the frame; no nested tasks, no
// virtual-8086 mode.
import { GP, raise } from '../fault';
import { getFlags, hasFlag, NT, setFlags } from '../flags';
import { code64, faulted } from '../globals';
import { frameItem, readStack, setStackPointer, stackFrame, stackMask } from '../memory';
import { cpl, operandSize, setRegister } from '../record';
import { finishAt } from '../system/finish';
import { changeableByIret } from '../system/iret';
import { descriptorAddress, descriptorHigh, descriptorLow, markAccessed, setCodeSegment } from '../system/segment';
import { checkLongReturnSegment, checkLongTarget, currentStackPointer, returnLong } from './far';

export function iretLong(r: usize): void {
  if (hasFlag(NT)) {
    raise(GP, 0);
    return;
  }
  const size = operandSize(r);
  const level = cpl();
  const mask = stackMask();
  const pointer = currentStackPointer();
  const frame = stackFrame(pointer, (code64 ? 5 : 3) * size);
  const ip = frameItem(frame, pointer, 0, size);
  if (faulted) return;
  const selector = u32(frameItem(frame, (pointer + size) & mask, size, size)) & 0xffff;
  if (faulted) return;
  const image = u32(frameItem(frame, (pointer + 2 * size) & mask, 2 * size, size));
  if (faulted) return;
  const flags = changeableByIret(level, size);
  if (code64) {
    const newPointer = frameItem(frame, (pointer + 3 * size) & mask, 3 * size, size);
    if (faulted) return;
    const stackSelector = u32(frameItem(frame, (pointer + 4 * size) & mask, 4 * size, size)) & 0xffff;
    if (faulted || !checkLongReturnSegment(selector) || !returnLong(selector, ip, stackSelector)) return;
    setRegister(4, newPointer);
  } else if (!checkLongReturnSegment(selector)) {
    return;
  } else if ((selector & 3) > level) {
    const newPointer = readStack((pointer + 3 * size) & mask, size);
    if (faulted) return;
    const stackSelector = u32(readStack((pointer + 4 * size) & mask, size)) & 0xffff;
    if (faulted || !returnLong(selector, ip, stackSelector)) return;
    setRegister(4, newPointer);
  } else {
    if (!checkLongTarget(descriptorLow, descriptorHigh, ip) || !markAccessed(descriptorAddress, descriptorHigh)) return;
    setStackPointer((pointer + 3 * size) & mask);
    setCodeSegment(selector, descriptorLow, descriptorHigh);
  }
  setFlags((getFlags() & ~u64(flags)) | (image & flags));
  finishAt(ip);
}
