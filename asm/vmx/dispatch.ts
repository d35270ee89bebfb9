// The VMX instructions by operation number (SDM Vol. 3C "VMX Instruction Reference").

/** Executes a VMX operation; false if `op` is not one. */
export function vmxOp(op: u32, r: usize): bool {
  return false;
}
