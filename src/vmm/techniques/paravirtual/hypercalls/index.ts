// The handlers by hypercall number. A number without one gets ENOSYS and a named warning.

import { consoleIo } from './console.ts';
import { fpuTaskswitch, getDebugreg, setCallbacks, callbackOp, setDebugreg, setTrapTable, stackSwitch } from './cpu.ts';
import { setGdt, updateDescriptor } from './descriptor-tables.ts';
import { eventChannelOp, eventChannelOpCompat } from './events.ts';
import { memoryOp } from './memory.ts';
import { mmuextOp, mmuUpdate, updateVaMapping } from './mmu.ts';
import { grantTableOp, physdevOp, vmAssist, xenVersion } from './platform.ts';
import { schedOp, schedOpCompat, setTimerOp, vcpuOp } from './schedule.ts';
import type { Xen } from '../xen.ts';

/** A hypercall: arguments in register order, result as the guest's signed EAX. */
export type HypercallHandler = (xen: Xen, args: readonly number[]) => number;

/** The handlers. */
export const HANDLERS: Readonly<Record<number, HypercallHandler>> = {
  0: setTrapTable,
  1: mmuUpdate,
  2: setGdt,
  3: stackSwitch,
  4: setCallbacks,
  5: fpuTaskswitch,
  6: schedOpCompat,
  8: setDebugreg,
  9: getDebugreg,
  10: updateDescriptor,
  12: memoryOp,
  14: updateVaMapping,
  15: setTimerOp,
  16: eventChannelOpCompat,
  17: xenVersion,
  18: consoleIo,
  20: grantTableOp,
  21: vmAssist,
  24: vcpuOp,
  26: mmuextOp,
  29: schedOp,
  30: callbackOp,
  32: eventChannelOp,
  33: physdevOp,
};
