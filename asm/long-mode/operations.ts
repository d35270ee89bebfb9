// The instructions that only IA-32e mode has, by operation number.
import { FS, GS } from '../layout';
import { OP_RDFSBASE, OP_RDGSBASE, OP_SWAPGS, OP_SYSCALL, OP_SYSRET, OP_WRFSBASE, OP_WRGSBASE } from '../gen/ops';
import { segmentBaseOp, swapgs, syscall, sysret } from './system-call';

/** Executes a long-mode operation; false if `operation` is not one. */
export function longOp(operation: u32, r: usize): bool {
  switch (operation) {
    case OP_SYSCALL:
      syscall(r);
      return true;
    case OP_SYSRET:
      sysret(r);
      return true;
    case OP_SWAPGS:
      swapgs(r);
      return true;
    case OP_RDFSBASE:
      segmentBaseOp(r, FS, false);
      return true;
    case OP_RDGSBASE:
      segmentBaseOp(r, GS, false);
      return true;
    case OP_WRFSBASE:
      segmentBaseOp(r, FS, true);
      return true;
    case OP_WRGSBASE:
      segmentBaseOp(r, GS, true);
      return true;
  }
  return false;
}
