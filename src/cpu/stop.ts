// Why a run of the core has ended.
import {
  STOP_ARGUMENT,
  STOP_DEADLINE,
  STOP_DOORWAY,
  STOP_HALT,
  STOP_REASON,
  STOP_REQUEST,
  STOP_SHUTDOWN,
  STOP_VMX_ABORT,
  STOP_YIELD,
} from '../../asm/layout.ts';
import type { CpuStop } from './cpu-state.ts';

/** Why the core came back. */
export function readStop(view: DataView): CpuStop {
  const reason = view.getUint32(STOP_REASON, true);
  switch (reason) {
    case STOP_DEADLINE:
      return { reason: 'deadline' };
    case STOP_HALT:
      return { reason: 'halt' };
    case STOP_DOORWAY:
      return { reason: 'doorway', entry: view.getUint32(STOP_ARGUMENT, true) };
    case STOP_SHUTDOWN:
      return { reason: 'shutdown' };
    case STOP_VMX_ABORT:
      return { reason: 'vmx-abort' };
    case STOP_REQUEST:
      return { reason: 'request' };
    case STOP_YIELD:
      return { reason: 'yield' };
    default:
      throw new Error(`the core stopped for the unknown reason ${reason}`);
  }
}
