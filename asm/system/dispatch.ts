// The system instructions by operation number (SDM Vol. 3A "System Architecture Overview").

/** Executes a system operation; false if `op` is not one. */
export function systemOp(op: u32, r: usize): bool {
  return false;
}
