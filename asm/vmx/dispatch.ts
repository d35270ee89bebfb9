// The VMX instructions by operation number (SDM Vol. 3C "VMX Instruction Reference").
import {
  OP_INVEPT,
  OP_INVVPID,
  OP_VMCALL,
  OP_VMCLEAR,
  OP_VMFUNC,
  OP_VMLAUNCH,
  OP_VMPTRLD,
  OP_VMPTRST,
  OP_VMREAD,
  OP_VMRESUME,
  OP_VMWRITE,
  OP_VMXOFF,
  OP_VMXON,
} from '../gen/ops';
import { raise, UD } from '../fault';
import {
  invept,
  invvpid,
  vmcall,
  vmclear,
  vmlaunch,
  vmptrld,
  vmptrst,
  vmread,
  vmresume,
  vmwrite,
  vmxoff,
  vmxon,
} from './instructions';

/** Executes a VMX operation; false if `op` is not one. */
export function vmxOp(op: u32, r: usize): bool {
  switch (op) {
    case OP_VMCALL:
      vmcall(r);
      return true;
    case OP_VMLAUNCH:
      vmlaunch(r);
      return true;
    case OP_VMRESUME:
      vmresume(r);
      return true;
    case OP_VMXOFF:
      vmxoff(r);
      return true;
    case OP_VMXON:
      vmxon(r);
      return true;
    case OP_VMFUNC:
      // no VM functions: "enable VM functions" cannot be set
      raise(UD, 0);
      return true;
    case OP_VMPTRLD:
      vmptrld(r);
      return true;
    case OP_VMCLEAR:
      vmclear(r);
      return true;
    case OP_VMPTRST:
      vmptrst(r);
      return true;
    case OP_VMREAD:
      vmread(r);
      return true;
    case OP_VMWRITE:
      vmwrite(r);
      return true;
    case OP_INVEPT:
      invept(r);
      return true;
    case OP_INVVPID:
      invvpid(r);
      return true;
  }
  return false;
}
