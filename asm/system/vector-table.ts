// Interrupts through a table of far pointers, as on the 8086: every event of real-address mode, and INT n that the
// virtual-8086 mode extensions redirect (SDM Vol. 3B "Interrupt and Exception Handling" of "8086 Emulation", Vol. 2 "INT n").
import { CS, IDTR_BASE, IDTR_LIMIT } from '../layout';
import { GP, raise, SS as STACK_FAULT } from '../fault';
import { AC, changeFlags, getFlags, IF, RF, TF } from '../flags';
import { faulted } from '../globals';
import { readSystem } from '../memory';
import { setRegister } from '../record';
import { checkRealTarget, loadRealSegment } from './mode-8086';
import { deliveringLength, finishDelivery, returnRip } from './interrupt';
import { framePointer, framePush, hasFrameRoom, openCurrentFrame } from './stack-frame';
import { linear32, segmentSelector, setRip } from './state';

/** Pushes FLAGS, CS and IP and goes to a far pointer of the table. False after a fault: nothing has changed. */
export function enterVector(target: u32, flags: u64, ip: u64): bool {
  openCurrentFrame();
  if (!hasFrameRoom(3, 2)) {
    raise(STACK_FAULT, 0);
    return false;
  }
  if (!checkRealTarget(target & 0xffff)) return false;
  if (!framePush(flags, 2) || !framePush(segmentSelector(CS), 2) || !framePush(ip, 2)) return false;
  setRegister(4, framePointer);
  loadRealSegment(CS, target >> 16);
  setRip(target & 0xffff);
  return true;
}

/** Delivers an event in real-address mode. There are no error codes. */
export function throughVectorTable(vector: u32, type: u32): void {
  if ((vector << 2) + 3 > load<u32>(IDTR_LIMIT)) {
    raise(GP, 0);
    return;
  }
  const target = readSystem<u32>(linear32(load<u64>(IDTR_BASE) + (vector << 2)));
  if (faulted || !enterVector(target, getFlags(), returnRip(type, deliveringLength))) return;
  changeFlags(TF | IF | RF | AC, 0);
  finishDelivery(vector, type, false);
}
